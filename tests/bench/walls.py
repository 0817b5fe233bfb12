"""The parent's view of the endpoint: where it stands and what arrived there when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from pydantic import TypeAdapter

from tests.bench.ground import Ground
from tests.support.ports import free_port

_ARRIVALS: TypeAdapter[dict[str, list[float]]] = TypeAdapter(dict[str, list[float]])


@dataclass(frozen=True, slots=True)
class Walls:
    """The endpoint in its own process."""

    base: str

    async def arrivals(self) -> Mapping[str, Sequence[float]]:
        """When each post arrived, by wall."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.base}/arrivals")
        return _ARRIVALS.validate_json(answer.content)

    async def forget(self) -> None:
        """Empties all walls."""
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.delete(f"{self.base}/arrivals")

    async def once_each(self, count: int) -> None:
        """Raises AssertionError unless exactly so many walls were posted to, each exactly once."""
        found = await self.arrivals()
        twice = sum(len(times) > 1 for times in found.values())
        if twice or len(found) != count:
            raise AssertionError(f"{len(found)} walls of {count}, {twice} more than once")


async def build(ground: Ground) -> Walls:
    """Starts the endpoint."""
    port = free_port()
    await ground.child("tests.bench.wall", str(port))
    return Walls(base=f"http://127.0.0.1:{port}")
