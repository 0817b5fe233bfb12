"""The one reader behind all open pages: it goes on, whatever it meets with."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.ext.asyncio import AsyncSession

from services.console.live import Newsroom
from services.delivery import news
from tests.support.console import Console
from tests.support.hub import Team


async def test_an_error_while_the_news_are_read_does_not_silence_every_page(
    console: Console, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [RuntimeError("nobody foresaw this"), NoConnectionError("all in use")]
    begun = asyncio.Event()
    newest = news.newest

    async def failing(session: AsyncSession) -> news.Tail:
        if errors:
            raise errors.pop()
        found = await newest(session)
        begun.set()
        return found

    monkeypatch.setattr(news, "newest", failing)
    newsroom = Newsroom(console.hub)
    queue: asyncio.Queue[Sequence[news.News]] = asyncio.Queue()
    await newsroom.listen(queue)
    async with asyncio.timeout(60):
        await begun.wait()
        item = await console.bench.draft(team)
        found: set[object] = set()
        while item.id not in found:
            found |= {one.item_id for one in await queue.get()}
    newsroom.leave(queue)
