from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

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
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL, Newsroom

NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """A unit of work that is never committed."""
    engine = make_engine(database_url, size=1)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
        await session.rollback()
    await engine.dispose()


@pytest.fixture
async def newsroom(session: AsyncSession) -> Newsroom:
    return await Newsroom(session=session).open()


def titles(entries: list[Entry]) -> list[str]:
    return [entry.shown.title for entry in entries]


async def shown(session: AsyncSession, account_id: UUID) -> list[str]:
    return titles(await portals.entries(session, account_id, NOW))


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


async def test_a_feed_shows_what_is_live_newest_first(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    await newsroom.live(account, at=ago(hours=2), title="cũ")
    await newsroom.live(account, at=ago(hours=1), title="mới")
    other = await newsroom.portal("khac")
    await newsroom.live(other, at=ago(hours=1), title="của cổng khác")

    assert await shown(session, account.id) == ["mới", "cũ"]


async def test_what_is_only_desired_is_not_shown(session: AsyncSession, newsroom: Newsroom) -> None:
    account = await newsroom.portal("cong")
    item, revision = await newsroom.item()
    rendition = await newsroom.rendition(item, revision, account)
    session.add(
        Publication(item_id=item.id, account_id=account.id, desired_rendition_id=rendition.id)
    )
    await session.flush()

    assert await shown(session, account.id) == []


async def test_a_correction_shows_only_once_it_is_observed(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3), title="Tin")
    await newsroom.change(publication, generation=2, state="pending")
    before = await shown(session, account.id)
    await newsroom.correct(item, publication, account, at=ago(hours=1), note="Số đúng là 5.")
    [entry] = await portals.entries(session, account.id, NOW)

    assert before == ["Tin"]
    assert entry.shown.title == "[Đính chính] Tin đã sửa"
    assert (entry.published_at, entry.changed_at) == (ago(hours=3), ago(hours=1))


async def test_a_withdrawn_entry_stays_as_a_stub_with_its_reason(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3), title="Tin")
    await newsroom.withdraw(item, publication, at=ago(hours=1), reason="Số liệu sai.")

    [entry] = await portals.entries(session, account.id, NOW)

    assert entry.withdrawn
    assert (entry.shown.title, entry.reason) == ("Tin", "Số liệu sai.")
    assert entry.changed_at == ago(hours=1)


async def test_a_stub_never_carries_words_that_nobody_agreed_to(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3), title="Đã duyệt")
    draft = await newsroom.revise(item, no=2, title="Chưa duyệt", state="draft")
    await newsroom.rendition(item, draft, account)
    await newsroom.withdraw(item, publication, at=ago(hours=1), reason="")

    assert await shown(session, account.id) == ["Đã duyệt"]


async def test_what_was_withdrawn_before_it_appeared_leaves_no_trace(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, revision = await newsroom.item()
    await newsroom.rendition(item, revision, account)
    session.add(Publication(item_id=item.id, account_id=account.id, state="withdrawn"))
    await session.flush()

    assert await shown(session, account.id) == []


@pytest.mark.parametrize(
    ("withdrawn_days", "seen", "stays"),
    [(1, True, True), (29, True, True), (31, True, False), (31, False, True), (400, False, True)],
)
async def test_a_stub_stays_thirty_days_and_until_the_portal_has_fetched_it(
    session: AsyncSession, newsroom: Newsroom, withdrawn_days: int, seen: bool, stays: bool
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(days=500))
    await newsroom.withdraw(item, publication, at=ago(days=withdrawn_days), reason="")
    await newsroom.change(publication, seen_at=ago(hours=1) if seen else None)

    assert len(await shown(session, account.id)) == stays


async def test_the_window_holds_fifty_items_and_a_fortnight_whichever_is_larger(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    for no in range(52):
        _, publication = await newsroom.live(account, at=ago(days=20 + no), title=f"cũ {no}")
        await newsroom.change(publication, seen_at=NOW)
    old = await shown(session, account.id)
    for no in range(55):
        _, publication = await newsroom.live(account, at=ago(days=1, minutes=no), title=f"mới {no}")
        await newsroom.change(publication, seen_at=NOW)
    busy = await shown(session, account.id)

    assert old == [f"cũ {no}" for no in range(50)]
    assert busy == [f"mới {no}" for no in range(55)]


async def test_the_change_time_of_a_document_only_grows(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")

    async def changed(digest: bytes, now: datetime) -> datetime:
        return await portals.document_changed(session, account.id, digest, now)

    first = await changed(b"a", NOW + timedelta(milliseconds=700))
    same = await changed(b"a", NOW + timedelta(hours=1))
    quick = await changed(b"b", NOW + timedelta(milliseconds=900))
    later = await changed(b"a", NOW + timedelta(hours=2))

    assert (first, same) == (NOW, NOW)
    assert quick == NOW + timedelta(seconds=1)
    assert later == NOW + timedelta(hours=2)


async def test_a_fetch_marks_each_entry_as_seen_the_first_time(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    _, publication = await newsroom.live(account, at=ago(hours=1))
    served = await portals.entries(session, account.id, NOW)

    await portals.record_fetch(session, account.id, "Portal/1", NOW, served)
    again = await portals.entries(session, account.id, NOW)
    await portals.record_fetch(session, account.id, "Portal/1", NOW + timedelta(minutes=5), again)

    assert await seen_at(session, publication) == NOW
    fetch = await session.get_one(PortalFetch, account.id, populate_existing=True)
    assert (fetch.fetched_at, fetch.user_agent) == (NOW + timedelta(minutes=5), "Portal/1")


async def test_an_entry_that_moved_on_while_it_was_served_stays_unseen(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=1))
    served = await portals.entries(session, account.id, NOW)
    await newsroom.correct(item, publication, account, at=NOW, note="x")

    await portals.record_fetch(session, account.id, "Portal/1", NOW, served)

    assert await seen_at(session, publication) is None


async def test_an_agreed_change_that_is_still_on_its_way_is_not_seen(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    _, publication = await newsroom.live(account, at=ago(hours=1))
    await newsroom.change(publication, generation=2, state="pending", seen_at=None)
    served = await portals.entries(session, account.id, NOW)

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
