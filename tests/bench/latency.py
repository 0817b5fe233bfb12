"""One item on a quiet hub: from the commit of its approval to the first byte at the endpoint."""

import asyncio
import time

from tests.bench.ground import Fleet
from tests.bench.walls import Walls

ITEMS = 200


async def single_items(fleet: Fleet, walls: Walls, count: int = ITEMS) -> list[float]:
    """Seconds for each of so many items, one after another, each to another account."""
    items = [await fleet.prepared([account]) for account in fleet.accounts[:count]]
    await walls.forget()
    committed: list[float] = []
    for item, seen in items:
        await fleet.bench.approved(fleet.team, item, seen)
        committed.append(time.monotonic())
        await fleet.live(item)
        await asyncio.sleep(0.05)
    arrived = await walls.arrivals()
    return [arrived[f"wall-{no}"][0] - at for no, at in enumerate(committed)]
