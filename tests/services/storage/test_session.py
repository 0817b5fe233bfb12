"""The engine: what it opens once, it keeps."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.storage.session import make_engine, opener

_SIZE = 6


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url, size=_SIZE)
    yield engine
    await engine.dispose()


async def _rush(engine: AsyncEngine, units: int) -> set[int]:
    """The server's processes that so many units of work, as many as can be at once, ran in."""
    open_work = opener(engine)
    inside = asyncio.Barrier(min(units, _SIZE))

    async def unit() -> int:
        async with open_work() as session:
            found = await session.scalar(text("SELECT pg_backend_pid()"))
            await inside.wait()
            assert isinstance(found, int)
            return found

    return set(await asyncio.gather(*(unit() for _ in range(units))))


async def test_connections_opened_in_a_rush_serve_the_next_one(engine: AsyncEngine) -> None:
    first = await _rush(engine, _SIZE)
    assert len(first) == _SIZE
    assert await _rush(engine, _SIZE) == first


async def test_who_comes_when_all_connections_are_in_use_waits_for_one(engine: AsyncEngine) -> None:
    assert len(await _rush(engine, 3 * _SIZE)) == _SIZE
