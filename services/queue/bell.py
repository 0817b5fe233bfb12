"""Bells over PostgreSQL: each rings when a unit of work commits; workers and the feeds listen.

Rows are the truth. A bell that nobody hears costs a second of waiting, nothing else.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_CHANNEL = "loa_bell"
# Rung by triggers (migration 0008) whenever something that a feed shows has changed.
FEEDS = "loa_feeds"
_AGAIN = 1.0  # seconds, so that a database that is away is not stormed
_RING = text("SELECT pg_notify(:channel, '')")

log = structlog.get_logger(__name__)


async def ring(session: AsyncSession | AsyncConnection) -> None:
    """Rings at commit, not before; a rollback keeps silent."""
    await session.execute(_RING, {"channel": _CHANNEL})


@asynccontextmanager
async def listening(
    url: str, heard: Callable[[], None], *, channel: str = _CHANNEL
) -> AsyncIterator[None]:
    """Calls `heard` at every ring while the block runs. Connects again by itself when cut off."""
    task = asyncio.create_task(_listen(url, heard, channel))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _listen(url: str, heard: Callable[[], None], channel: str) -> None:
    """Listens for ever: whatever cuts it off, it connects anew a second later."""
    while True:
        try:
            await _until_cut(url, heard, channel)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("bell.unreachable", reason=type(error).__name__)
        except Exception:  # a bell that fell silent would slow everything down
            log.exception("bell.broke")
        await asyncio.sleep(_AGAIN)


async def _until_cut(url: str, heard: Callable[[], None], channel: str) -> None:
    """Listens on one connection until it is cut off."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "loa-bell"})
    try:
        cut = asyncio.Event()
        connection.add_termination_listener(_setting(cut))
        await connection.add_listener(channel, lambda *_: heard())
        heard()  # whatever rang while nobody listened
        await cut.wait()
    finally:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=1)


def _setting(event: asyncio.Event) -> Callable[[object], None]:
    return lambda _: event.set()
