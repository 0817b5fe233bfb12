"""Faults at a fifth of all calls, of every kind that the sandbox knows, drawn from one seed."""

import random

from tests.support.sandbox import Sandbox

SHARE = 0.2
# What a fault may meet. Renewing tokens is left out: a lost answer there needs a person's consent,
# by nature, and would only end the run of that account.
_CALLS = ("write", "verify", "list", "read")
# Shorter than a call's deadline where the answer is late, longer where it never comes; lists are
# never later than absence takes to be proven, which is what that time is for.
_SECONDS = {"slow": 1.0, "late_in_lists": 1.0, "commit_then_hang": 8.0, "hang_without_commit": 8.0}


async def script(sandbox: Sandbox, seed: int) -> int:
    """Scripts them all; gives how many kinds there are."""
    dice = random.Random(seed)
    kinds = await sandbox.kinds()
    for call in _CALLS:
        told: list[dict[str, object]] = []
        for kind in kinds:
            if kind["writes_only"] and call != "write":
                continue
            one: dict[str, object] = {"operation": call, "kind": kind["kind"]}
            if kind["kind"] in _SECONDS:
                one["seconds"] = _SECONDS[kind["kind"]]
            if kind["kind"] == "throttle":
                one["retry_after"] = 1
            told.append(one)
            if kind["commits"] == "if asked" and call == "write":
                told.append({**one, "commit": True})
        # The first fault that draws a call takes it, so that the shares must be a little smaller.
        rate = 1 - (1 - SHARE) ** (1 / len(told))
        dice.shuffle(told)
        for one in told:
            await sandbox.post("/faults", {**one, "rate": rate, "seed": dice.randrange(2**31)})
    return len(kinds)
