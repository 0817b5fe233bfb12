from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.content.tables import Item, Media
from services.content.withdrawn_media import withdrawn
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from tests.support.newsroom import Newsroom

DAY = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    engine = make_engine(database_url, size=2)
    async with opener(engine)() as opened:
        yield opened
        await opened.rollback()
    await engine.dispose()


async def picture(newsroom: Newsroom, **more: UUID | str) -> Media:
    facts: Mapping[str, Any] = {"sha256": new_id().hex * 2, "alt": "Ao sen", **more}
    return await newsroom.picture(**facts)


async def use(newsroom: Newsroom, media: Media, *, gone: bool, in_body: bool = False) -> Item:
    """An item that shows a picture; withdrawn or not."""
    shown = {"media": [media.id]} if in_body else {"cover": media.id}
    item, _ = await newsroom.item(**shown)
    if gone:
        item.withdrawn_at, item.withdrawn_reason = DAY, "Sai."
        await newsroom.session.flush()
    return item


@pytest.mark.parametrize("in_body", [False, True])
async def test_what_only_a_withdrawn_item_shows_is_withdrawn(
    session: AsyncSession, in_body: bool
) -> None:
    newsroom = await Newsroom(session=session).open()
    media = await picture(newsroom)
    await use(newsroom, media, gone=True, in_body=in_body)

    assert await withdrawn(session, media.sha256)


async def test_what_another_item_shows_too_stays(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    media = await picture(newsroom)
    await use(newsroom, media, gone=True)
    await use(newsroom, media, gone=False)

    assert not await withdrawn(session, media.sha256)


async def test_an_earlier_revision_of_another_item_does_not_keep_it(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    media = await picture(newsroom)
    await use(newsroom, media, gone=True)
    other = await use(newsroom, media, gone=False)
    other.revision_no = other.released_no = 2
    await newsroom.revise(other, no=2, title="Không còn ảnh")

    assert await withdrawn(session, media.sha256)


async def test_what_was_made_smaller_for_a_channel_goes_with_its_picture(
    session: AsyncSession,
) -> None:
    newsroom = await Newsroom(session=session).open()
    media = await picture(newsroom)
    small = await picture(newsroom, made_from=media.id, made_for="zalo_oa")
    await use(newsroom, media, gone=True)

    assert await withdrawn(session, small.sha256)


async def test_what_no_item_uses_is_not_withdrawn(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    unused = await picture(newsroom)
    drafted = await picture(newsroom)
    await use(newsroom, drafted, gone=False)

    assert not await withdrawn(session, unused.sha256)
    assert not await withdrawn(session, drafted.sha256)
    assert not await withdrawn(session, "f" * 64)
