"""Follows one operation of a channel to its end, as the delivery loop does but without a database.

For conformance checks, for rehearsals, and for whoever writes an adapter and wants to see it work.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from shared.contract.channel import Channel, Publisher, Updater, Withdrawer
from shared.contract.messages import (
    Call,
    Continue,
    Done,
    Operation,
    Outcome,
    Payload,
    Receipt,
    Step,
)


class NoEndError(Exception):
    """An operation asked to go on more often than an honest channel needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """How an operation came to its end: its receipt, and the steps made on the way."""

    receipt: Receipt
    steps: tuple[Step, ...]


async def run_to_end(
    channel: Channel,
    call: Call,
    *,
    most: int = 100,
    longest_wait: timedelta = timedelta(seconds=0.2),
    repeat: bool = False,
) -> Trip:
    """Makes step after step until `Done`, handing each `Continue` back as the loop would.

    A handle passes through JSON between two steps, as it does when it is committed. Waits what the
    channel asks for, but never longer than `longest_wait`. With `repeat` every step that calls
    itself repeatable is made twice, the first answer thrown away as if it had been lost. Raises
    what the channel raises, and NoEndError after `most` steps.
    """
    steps: list[Step] = []
    for _ in range(most):
        step = plan(channel, call)
        if repeat and step.repeatable:
            await make(channel, call)
        outcome = await make(channel, call)
        steps.append(step)
        if isinstance(outcome, Done):
            return Trip(receipt=outcome.receipt, steps=tuple(steps))
        call = following(call, outcome)
        await asyncio.sleep(min(outcome.after, longest_wait).total_seconds())
    raise NoEndError(f"{call.operation} is still at {steps[-1].name!r} after {most} steps")


def following(call: Call, outcome: Continue) -> Call:
    """The call after a step that worked; its handle has passed through JSON."""
    return replace(
        call,
        phase=outcome.phase,
        handle=stored(outcome.handle),
        remote_id=outcome.remote_id or call.remote_id,
    )


async def make(channel: Channel, call: Call) -> Outcome:
    """Makes the one next step. Raises TypeError for a channel that lacks the ability."""
    match call.operation:
        case Operation.PUBLISH if isinstance(channel, Publisher):
            return await channel.publish(call)
        case Operation.UPDATE if isinstance(channel, Updater):
            return await channel.update(call)
        case Operation.WITHDRAW if isinstance(channel, Withdrawer):
            return await channel.withdraw(call)
    raise TypeError(f"{channel.name} cannot {call.operation}")


def plan(channel: Channel, call: Call) -> Step:
    """The step that comes next. Raises TypeError for a channel that publishes nothing."""
    if not isinstance(channel, Publisher):
        raise TypeError(f"{channel.name} plans no steps")
    return channel.step(call)


def stored(payload: Payload) -> Payload:
    """A payload or handle as it comes back from the database. Raises ValueError or TypeError."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    text.encode()
    return cast(Payload, json.loads(text))
