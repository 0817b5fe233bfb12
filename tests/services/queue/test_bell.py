"""The bell over a real PostgreSQL: it goes on ringing, whatever happened to its connection."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from services.queue import bell
from services.queue.bell import listening, ring
from services.storage.session import make_engine, opener

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "_AGAIN", 0.02)


async def heard_again(url: str, heard: asyncio.Event) -> None:
    """Rings, and waits until it was heard."""
    engine = make_engine(url, size=2)
    async with opener(engine)() as session:
        await ring(session)
    await engine.dispose()
    async with asyncio.timeout(PATIENCE):
        await heard.wait()


async def test_an_error_while_it_begins_to_listen_does_not_silence_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()
    errors: list[Exception] = [
        RuntimeError("nobody foresaw this"),
        asyncpg.InterfaceError("cut off"),
    ]
    usual = asyncpg.Connection.add_listener

    async def failing(self: asyncpg.Connection, channel: str, callback: Any) -> None:
        if errors:
            raise errors.pop()
        await usual(self, channel, callback)

    monkeypatch.setattr(asyncpg.Connection, "add_listener", failing)
    async with listening(database_url, heard.set), asyncio.timeout(PATIENCE):
        await heard.wait()
        heard.clear()
        await heard_again(database_url, heard)
    assert errors == []


async def test_a_listener_that_raises_does_not_silence_it(database_url: str) -> None:
    heard, first = asyncio.Event(), True

    def broken_once() -> None:
        nonlocal first
        if first:
            first = False
            raise RuntimeError("nobody foresaw this")
        heard.set()

    async with listening(database_url, broken_once):
        await heard_again(database_url, heard)


async def test_it_rings_again_after_its_connection_was_cut(database_url: str) -> None:
    heard = asyncio.Event()
    async with listening(database_url, heard.set), asyncio.timeout(PATIENCE):
        await heard.wait()
        engine = make_engine(database_url, size=2)
        async with opener(engine)() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'loa-bell' AND datname = current_database()"
                )
            )
        await engine.dispose()
        heard.clear()
        await heard.wait()
        heard.clear()
        await heard_again(database_url, heard)
