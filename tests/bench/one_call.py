"""Fan-out over a channel of one call: the client alone, and Loa."""

import asyncio
from collections.abc import Sequence

from pydantic import JsonValue, TypeAdapter

from services.channels.registry import Registry
from tests.bench.children import Child
from tests.bench.ground import ACCOUNTS, WORKERS, FanOut, Fleet, Given, Ground
from tests.bench.walls import Walls
from tests.support.one_call import OneCall

_SPANS: TypeAdapter[list[tuple[float, float]]] = TypeAdapter(list[tuple[float, float]])


async def one_call_fleet(ground: Ground, walls: Walls) -> Fleet:
    """A hub with as many walls as accounts."""
    accounts = [
        Given(settings={"wall": f"wall-{no}", "base": walls.base}, credentials={})
        for no in range(ACCOUNTS)
    ]
    return await ground.fleet("one_call", Registry.of(OneCall()), "one_call", accounts)


async def clients(ground: Ground, walls: Walls) -> list[Child]:
    """As many posting processes as there are workers, warmed up."""
    made = [await ground.child("tests.bench.raw", walls.base) for _ in range(WORKERS)]
    for one in made:
        await one.ask("0", "100")
    return made


async def alone(posting: list[Child], walls: Walls) -> float:
    """Posts per second of the client alone: one post to each wall."""
    await walls.forget()
    share = ACCOUNTS // len(posting)
    told = await asyncio.gather(
        *(one.ask(str(no * share), str((no + 1) * share)) for no, one in enumerate(posting))
    )
    await walls.once_each(ACCOUNTS)
    return ACCOUNTS / span(told)


def span(told: Sequence[JsonValue]) -> float:
    """From the first begin to the last end, of what posting processes told."""
    spans = _SPANS.validate_python(told)
    return max(end for _, end in spans) - min(begin for begin, _ in spans)


async def by_loa(fleet: Fleet, walls: Walls) -> FanOut:
    """One item to all walls; each has it exactly once."""
    await walls.forget()
    found = await fleet.fan_out()
    await walls.once_each(ACCOUNTS)
    return found
