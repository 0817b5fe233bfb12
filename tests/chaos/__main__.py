"""`make chaos`: minutes of work under random faults and kill -9; exit 1 if the ledger objects."""

import argparse
import asyncio
import random
import secrets
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from services.storage import migrate
from services.storage.embedded import EmbeddedPostgres
from tests.bench.children import Child, quieten
from tests.chaos import faults
from tests.chaos.rules import rough_hub
from tests.chaos.stage import Stage, set_up
from tests.chaos.verdict import Verdict, judge
from tests.support import postgres
from tests.support import sandbox as sandboxes
from tests.support.ports import free_port

_THREES = 8
_ACT_EVERY = 0.5
_LIFT_EVERY = 5.0
_KILL_AFTER = (3.0, 9.0)
_SETTLE_SECONDS = 150


class Workers:
    """Two workers; one after the other is killed at a random instant and started again."""

    def __init__(self, stack: AsyncExitStack, words: tuple[str, ...], dice: random.Random) -> None:
        self._stack, self._words, self._dice = stack, words, dice
        self._running: list[Child] = []
        self.kills = 0

    async def start(self) -> None:
        """Starts both."""
        self._running = [await self._one(), await self._one()]

    async def kill_now_and_then(self) -> None:
        """Kills and starts again until cancelled."""
        while True:
            await asyncio.sleep(self._dice.uniform(*_KILL_AFTER))
            no = self._dice.randrange(2)
            self._running[no].kill()
            self.kills += 1
            self._running[no] = await self._one()

    async def _one(self) -> Child:
        child = Child("tests.chaos.worker", *self._words)
        self._stack.callback(child.kill)
        await child.ready()
        return child


async def run(minutes: float, seed: int) -> Verdict:
    """The whole run; prints what happened."""
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="loa-chaos-")))
        server = stack.enter_context(EmbeddedPostgres(folder, durable=False))
        url = await postgres.create_database(server)
        await migrate.upgrade(url)
        sandbox = await stack.enter_async_context(sandboxes.running())
        words = (url, str(folder / "media"), sandbox.url, f"http://127.0.0.1:{free_port()}")
        bench = rough_hub(*words)
        stack.push_async_callback(bench.engine.dispose)
        web = Child("tests.chaos.web", *words)
        stack.callback(web.kill)
        await web.ready()
        stage = await set_up(bench, sandbox, dice, threes=_THREES)
        workers = Workers(stack, words, random.Random(seed + 1))
        await workers.start()
        kinds = await faults.script(sandbox, seed)
        print(f"… {kinds} loại sự cố · kinds of fault, {faults.SHARE:.0%} lời gọi · of calls")
        pauses = await _rough_time(stage, workers, minutes)
        await _calm(stage, sandbox.http)
        verdict = await judge(stage)
        applied, calls = await _applied(sandbox.http)
        acts = ", ".join(f"{name} {count}" for name, count in sorted(stage.acts.items()))
        print(f"Việc đã làm · done: {acts}")
        print(
            f"Sự cố đã gây · faults met: {applied}/{calls} lời gọi · calls;"
            f" kill -9: {workers.kills}; tạm dừng được gỡ · pauses lifted: {pauses}"
        )
    return verdict


async def _rough_time(stage: Stage, workers: Workers, minutes: float) -> int:
    killing = asyncio.create_task(workers.kill_now_and_then())
    until = time.monotonic() + minutes * 60
    lift_at, pauses = time.monotonic() + _LIFT_EVERY, 0
    while time.monotonic() < until:
        await asyncio.gather(stage.act(), asyncio.sleep(_ACT_EVERY))
        if time.monotonic() > lift_at:
            pauses += await stage.lift()
            lift_at = time.monotonic() + _LIFT_EVERY
        if killing.done():
            break
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    if not killing.cancelled():
        killing.result()
    return pauses


async def _calm(stage: Stage, http: httpx.AsyncClient) -> None:
    """No more faults, no more kills: everything comes to its end, people decide what is theirs."""
    await http.delete("/faults")
    print(f"… hết sự cố, chờ ổn định · no more faults: {await stage.unsettled()} còn dở · open")
    until = time.monotonic() + _SETTLE_SECONDS
    decided = 0
    while time.monotonic() < until:
        await stage.lift()
        await asyncio.sleep(3)
        asked = await stage.decide()
        decided += asked
        if not asked and not await stage.unsettled():
            break
    await asyncio.sleep(3)  # the portals' next reading
    print(f"… người quyết định · decided by a person: {decided}")


async def _applied(http: httpx.AsyncClient) -> tuple[int, int]:
    """How many calls met a fault, of how many; the calm at the end counts too."""
    log = (await http.get("/events.json")).json()
    calls = [event for event in log["events"] if event["channel"] in ("zalo_oa", "facebook_page")]
    return sum(1 for event in calls if event["fault"]), len(calls)


def main() -> None:
    """Runs, tells, and exits with 1 if anything was shown twice, lost or left standing."""
    arguments = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=3.0)
    arguments.add_argument("--seed", type=int, default=None)
    given = arguments.parse_args()
    quieten()
    seed = given.seed if given.seed is not None else secrets.randbelow(10**6)
    print(f'… seed {seed} (ARGS="--seed {seed}": cùng các con xúc xắc · the same dice)')
    verdict = asyncio.run(run(given.minutes, seed))
    states = ", ".join(f"{state} {count}" for state, count in sorted(verdict.states.items()))
    print(f"Lượt đăng · publications: {states}")
    for name, found in (
        ("đăng trùng · duplicates", verdict.duplicates),
        ("thất lạc · lost", verdict.lost),
        ("còn hiện sau khi gỡ · visible after withdrawal", verdict.outlived),
        ("sai nội dung · another text", verdict.other),
    ):
        print(f"{'✓' if not found else '✗'} {name}: {len(found)}")
        for line in found[:20]:
            print(f"    {line}")
    sys.exit(0 if verdict.clean else 1)


if __name__ == "__main__":
    main()
