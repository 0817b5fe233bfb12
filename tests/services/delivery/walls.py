"""What the tests of the loop share: walls over HTTP, a turning loop, and waiting for a state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from services.delivery.turn import Loop
from services.queue.bell import listening
from tests.support.hub import Bench, Team
from tests.support.one_call import WallServer


@asynccontextmanager
async def turning(bench: Bench) -> AsyncIterator[Loop]:
    """The delivery loop, as a worker process turns it, until the block ends."""
    loop = Loop(bench.hub)
    async with listening(bench.url, loop.ring):
        task = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await task


async def wall(bench: Bench, team: Team, walls: WallServer, name: str) -> UUID:
    """A connected account that posts to the wall of this name."""
    return await bench.account(team, "one_call", {"wall": name, "base": walls.base}, {})


async def until(bench: Bench, item_id: UUID, *states: str, seconds: float = 60.0) -> None:
    """Waits until every publication of the item is in one of these states."""
    for _ in range(int(seconds / 0.02)):
        if set((await bench.states(item_id)).values()) <= set(states):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {await bench.states(item_id)}, not {states}")


async def eventually(holds: Callable[[], Awaitable[object]], *, seconds: float = 60.0) -> None:
    """Waits until this gives something true."""
    for _ in range(int(seconds / 0.02)):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never true: {holds}")
