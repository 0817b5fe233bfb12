"""Runs in a process of its own, in which the stranger's package is installed: tells what it saw.

    PYTHONPATH=<where it was installed> python -m tests.thirdparty.journey DATABASE_URL MEDIA

Prints one JSON object; the test beside this file reads it.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from loa_board.bench import bench_on
from loa_board.channel import Board
from loa_board.server import BoardServer, serving

from services.channels.registry import Registry
from services.delivery.turn import Loop
from services.queue.bell import listening
from shared.contract.channel import abilities
from shared.contract.conformance import pure_checks
from shared.contract.conformance_live import Fault, live_checks
from tests.support.hub import Bench, make_bench

KEY = "chia-khoa-bang-tin"


@asynccontextmanager
async def turning(bench: Bench) -> AsyncIterator[None]:
    """The real loop."""
    loop = Loop(bench.hub)
    async with listening(bench.url, loop.ring):
        task = asyncio.create_task(loop.run())
        try:
            yield
        finally:
            loop.stop()
            await task


async def until(bench: Bench, item_id: UUID, state: str) -> None:
    """Waits until every publication of the item is in this state."""
    async with asyncio.timeout(8):
        while set((await bench.states(item_id)).values()) != {state}:
            await asyncio.sleep(0.02)


async def publish_correct_withdraw(bench: Bench, server: BoardServer) -> dict[str, object]:
    """One item's whole life on the board, and one whose first answer is lost."""
    team = await bench.team()
    account = await bench.account(team, "board", {"board": "thon-dong"}, {"key": KEY})
    seen: dict[str, object] = {}
    async with turning(bench):
        item = await bench.published(team, [account], title="Lịch tiếp dân")
        await until(bench, item.id, "live")
        seen["published"] = server.visible("thon-dong")
        await bench.corrected(team, item.id, [account], title="Lịch tiếp dân đã đổi")
        await until(bench, item.id, "live")
        seen["corrected"] = server.visible("thon-dong")
        await bench.withdrawn(team, item.id)
        await until(bench, item.id, "withdrawn")
        seen["withdrawn"] = server.visible("thon-dong")
        server.fault = Fault.RESET
        lost = await bench.published(team, [account], title="Bài có biên nhận bị mất")
        await until(bench, lost.id, "live")
        seen["after a lost answer"] = server.visible("thon-dong")
    return seen


async def main(database_url: str, media: Path) -> dict[str, object]:
    """What the register, the conformance checks and the loop make of the package."""
    async with serving(KEY) as server:
        registry = Registry.load({"LOA_BOARD_URL": server.url})
        channel = registry.get("board")
        assert isinstance(channel, Board)
        told: dict[str, object] = {
            "names": registry.names(),
            "broken": dict(registry.broken),
            "variables": sorted(registry.variables),
            "file": sys.modules[Board.__module__].__file__,
            "abilities": abilities(channel),
            "pure": pure_checks(channel, settings={"board": "thon-tay"}, credentials={"key": KEY}),
            "live": await live_checks(channel, bench_on(channel, server, "thon-tay")),
        }
        bench = make_bench(database_url, media, registry)
        try:
            told["seen"] = await publish_correct_withdraw(bench, server)
        finally:
            await bench.engine.dispose()
            await channel.aclose()
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2])))))
