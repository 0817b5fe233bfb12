from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.delivery.portal import Entry
from services.delivery.tables import PortalFetch, Publication
from services.storage.session import make_engine, opener
from services.syndication import reading
from services.syndication.reading import Part
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL, Newsroom

NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """A unit of work that is never committed."""
    engine = make_engine(database_url, size=2)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
        await session.rollback()
    await engine.dispose()


@pytest.fixture
async def newsroom(session: AsyncSession) -> Newsroom:
    return await Newsroom(session=session).open()


async def held(session: AsyncSession, account_id: UUID) -> tuple[Entry, ...]:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    return (await reading.window(session, Part(account_id=account_id), NOW, zone)).entries


async def seen_at(session: AsyncSession, publication: Publication) -> datetime | None:
    await session.refresh(publication)
    return publication.seen_at


async def test_a_feed_is_found_by_its_name(session: AsyncSession, newsroom: Newsroom) -> None:
    account = await newsroom.portal("cong", title="Tin từ Hoa Sen")

    found = await portals.find(session, "cong")

    assert found is not None
    assert (found.account.id, found.title, found.link) == (
        account.id,
        "Tin từ Hoa Sen",
        "https://cong.example/",
    )
    assert found.open
    assert await portals.find(session, "khac") is None


async def test_an_open_feed_comes_before_a_closed_one_of_the_same_name(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    await newsroom.portal("cong", stage="closed")
    closed = await portals.find(session, "cong")
    reopened = await newsroom.portal("cong")
    found = await portals.find(session, "cong")

    assert closed is not None
    assert not closed.open
    assert found is not None
    assert found.account.id == reopened.id
    assert [one.account.id for one in await portals.every(session)] == [reopened.id]


async def test_a_fetch_marks_each_entry_as_seen_the_first_time(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    _, publication = await newsroom.live(account, at=ago(hours=1))
    served = await held(session, account.id)

    await portals.record_fetch(session, account.id, "Portal/1", NOW, served)
    again = await held(session, account.id)
    await portals.record_fetch(session, account.id, "Portal/1", NOW + timedelta(minutes=5), again)

    assert await seen_at(session, publication) == NOW
    fetch = await session.get_one(PortalFetch, account.id, populate_existing=True)
    assert (fetch.fetched_at, fetch.user_agent) == (NOW + timedelta(minutes=5), "Portal/1")


async def test_an_entry_that_moved_on_while_it_was_served_stays_unseen(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=1))
    served = await held(session, account.id)
    await newsroom.correct(item, publication, account, at=NOW, note="x")

    await portals.record_fetch(session, account.id, "Portal/1", NOW, served)

    assert await seen_at(session, publication) is None


async def test_an_agreed_change_that_is_still_on_its_way_is_not_seen(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    _, publication = await newsroom.live(account, at=ago(hours=1))
    await newsroom.change(publication, generation=2, state="pending", seen_at=None)
    served = await held(session, account.id)

    await portals.record_fetch(session, account.id, "Portal/1", NOW, served)

    assert await seen_at(session, publication) is None


@pytest.mark.parametrize(
    ("held", "given", "counts"),
    [
        (None, None, True),
        (None, "anything", True),
        ("s" * 20, "s" * 20, True),
        ("s" * 20, "t" * 20, False),
        ("s" * 20, "", False),
        ("s" * 20, None, False),
        ("s" * 20, "\ud800", False),
    ],
)
async def test_with_a_key_only_keyed_fetches_are_the_portals_own(
    session: AsyncSession,
    newsroom: Newsroom,
    tmp_path: Path,
    held: str | None,
    given: str | None,
    counts: bool,
) -> None:
    await newsroom.portal("cong", key=held)
    found = await portals.find(session, "cong")

    assert found is not None
    assert portals.is_the_portal(hub(tmp_path, KEY), found, given) is counts


async def test_a_key_that_cannot_be_opened_counts_nothing(
    session: AsyncSession, newsroom: Newsroom, tmp_path: Path
) -> None:
    await newsroom.portal("cong", key="s" * 20)
    found = await portals.find(session, "cong")

    assert found is not None
    assert not portals.is_the_portal(hub(tmp_path, b"x" * 32), found, "s" * 20)


def hub(folder: Path, key: bytes) -> Hub:
    return Hub(
        open_work=opener(make_engine("postgresql://nobody@127.0.0.1:1/none")),
        registry=Registry.of(channel),
        sealer=Sealer(key),
        media=MediaStore(folder),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
