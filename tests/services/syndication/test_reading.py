"""Which entries a feed holds, straight from the rows that delivery leaves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.tables import Account
from services.delivery.portal import Entry
from services.delivery.tables import Publication
from services.storage.session import make_engine
from services.syndication import reading
from services.syndication.address import Archive, By
from services.syndication.reading import Held, Part
from tests.support.newsroom import Newsroom

NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


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


async def held(session: AsyncSession, account_id: UUID, now: datetime = NOW) -> Held:
    return await reading.window(session, Part(account_id=account_id), now, ZONE)


async def entries(session: AsyncSession, account_id: UUID) -> tuple[Entry, ...]:
    return (await held(session, account_id)).entries


async def titles(session: AsyncSession, found: tuple[Entry, ...]) -> list[str]:
    words = await reading.words_of(session, {one.rendition_id for one in found})
    return [words[one.rendition_id].title for one in found]


async def shown(session: AsyncSession, account_id: UUID) -> list[str]:
    return await titles(session, await entries(session, account_id))


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
    [entry] = await entries(session, account.id)

    assert before == ["Tin"]
    assert await titles(session, (entry,)) == ["[Đính chính] Tin đã sửa"]
    assert (entry.published_at, entry.changed_at) == (ago(hours=3), ago(hours=1))


async def test_a_withdrawn_entry_stays_as_a_stub_with_its_reason(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3), title="Tin")
    await newsroom.withdraw(item, publication, at=ago(hours=1), reason="Số liệu sai.")

    [entry] = await entries(session, account.id)

    assert entry.withdrawn
    assert (await titles(session, (entry,)), entry.reason) == (["Tin"], "Số liệu sai.")
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


async def test_new_items_wait_for_a_portal_that_was_away(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    for no in range(52):
        _, publication = await newsroom.live(account, at=ago(days=20 + no), title=f"cũ {no}")
        await newsroom.change(publication, seen_at=None if no > 50 else NOW)

    assert (await shown(session, account.id))[-1] == "cũ 51"


async def test_a_change_that_nobody_should_notice_moves_no_time(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3), title="Tin", tags=["sia"])
    revision = await newsroom.revise(
        item,
        no=2,
        title="Tin",
        summary="Hệ thống được nâng cấp trong đêm.",
        body="Kính gửi **bà con**.",
        tags=["sửa"],
    )
    rendition = await newsroom.rendition(item, revision, account)
    await newsroom.change(publication, observed_rendition_id=rendition.id, observed_at=ago(hours=1))

    [entry] = await entries(session, account.id)

    assert entry.rendition_id == rendition.id
    assert entry.changed_at == ago(hours=3)


async def test_an_item_that_comes_back_is_the_same_entry(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(hours=3))
    rendition = publication.observed_rendition_id
    before = await entries(session, account.id)
    await newsroom.withdraw(item, publication, at=ago(hours=2), reason="nhầm")
    for state in ("pending", "live"):
        await newsroom.change(publication, state=state)
    await newsroom.change(publication, observed_rendition_id=rendition, observed_at=ago(hours=1))

    [entry] = await entries(session, account.id)

    assert not entry.withdrawn
    assert (entry.guid, entry.published_at) == (before[0].guid, before[0].published_at)
    assert entry.changed_at == ago(hours=1)
    assert (await held(session, account.id)).tombstones == ()


@pytest.mark.parametrize(("days", "buried"), [(1, 1), (89, 1), (91, 0)])
async def test_a_tombstone_outlives_the_stub(
    session: AsyncSession, newsroom: Newsroom, days: int, buried: int
) -> None:
    account = await newsroom.portal("cong")
    item, publication = await newsroom.live(account, at=ago(days=200))
    await newsroom.withdraw(item, publication, at=ago(days=days), reason="")
    await newsroom.change(publication, seen_at=NOW)

    found = await held(session, account.id)

    assert len(found.tombstones) == buried
    assert len(found.entries) == (days <= 30)


# ── Archives, with ten entries to a part and five in a feed at least ─────────────────────────────


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART", 10)
    monkeypatch.setattr(reading, "NEWEST", 5)


async def months(newsroom: Newsroom, *counts: tuple[int, int, int]) -> Account:
    """A portal with so many entries in each (year, month), a minute apart, all fetched."""
    account = await newsroom.portal("cong")
    for year, month, count in counts:
        for no in range(count):
            at = datetime(year, month, 2, tzinfo=UTC) + timedelta(minutes=no)
            _, publication = await newsroom.live(account, at=at, title=f"{month}/{no}")
            await newsroom.change(publication, seen_at=NOW)
    return account


async def archive(session: AsyncSession, account: Account, name: Archive) -> Held | None:
    return await reading.archived(session, Part(account_id=account.id), name, NOW, ZONE)


@pytest.mark.usefixtures("_small")
async def test_the_chain_of_archives_holds_every_entry_once(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await months(newsroom, (2025, 12, 2), (2026, 8, 23), (2026, 12, 21))
    current = await held(session, account.id)
    chain: list[Archive] = []
    seen: list[str] = [one.guid for one in current.entries]
    previous = current.previous
    while previous is not None:
        found = await archive(session, account, previous)
        assert found is not None
        chain.append(previous)
        seen += [one.guid for one in found.entries]
        previous = found.previous

    assert [one.name for one in chain] == [
        "2026-12-2",
        "2026-12",
        "2026-08-3",
        "2026-08-2",
        "2026-08",
        "2025-12",
    ]
    assert len(set(seen)) == 46
    assert len(current.entries) == 21


@pytest.mark.usefixtures("_small")
async def test_what_is_in_no_archive_yet_is_still_in_the_feed(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    """At the end of a month its first days are older than the fortnight."""
    account = await months(newsroom, (2026, 11, 17))
    end = datetime(2026, 11, 30, 10, tzinfo=UTC)

    found = await held(session, account.id, end)

    assert found.previous == Archive(year=2026, month=11)
    assert len(found.entries) == 7


@pytest.mark.usefixtures("_small")
async def test_archives_know_their_neighbours(session: AsyncSession, newsroom: Newsroom) -> None:
    account = await months(newsroom, (2026, 8, 12), (2026, 10, 1), (2026, 12, 1))

    first = await archive(session, account, Archive(year=2026, month=8))
    second = await archive(session, account, Archive(year=2026, month=8, part=2))
    last = await archive(session, account, Archive(year=2026, month=10))

    assert first is not None
    assert second is not None
    assert last is not None
    assert (first.previous, first.following) == (None, Archive(year=2026, month=8, part=2))
    assert (second.previous, second.following) == (
        Archive(year=2026, month=8),
        Archive(year=2026, month=10),
    )
    assert (last.previous, last.following) == (Archive(year=2026, month=8, part=2), None)
    assert (len(first.entries), len(second.entries)) == (10, 2)


@pytest.mark.parametrize(
    "name",
    [
        Archive(year=2026, month=12),
        Archive(year=2026, month=9),
        Archive(year=2026, month=8, part=2),
        Archive(year=2030, month=1),
    ],
)
async def test_an_archive_that_is_not_complete_is_none(
    session: AsyncSession, newsroom: Newsroom, name: Archive
) -> None:
    account = await months(newsroom, (2026, 8, 2), (2026, 12, 3))

    assert await archive(session, account, name) is None


async def test_a_withdrawal_rewrites_the_archive(session: AsyncSession, newsroom: Newsroom) -> None:
    account = await newsroom.portal("cong")
    await newsroom.live(account, at=ago(days=100))
    item, publication = await newsroom.live(account, at=ago(days=100, minutes=5))
    await newsroom.withdraw(item, publication, at=ago(days=1), reason="x")
    await newsroom.change(publication, seen_at=NOW)
    part = Part(account_id=account.id)
    name = Archive(year=2026, month=8)

    stub = await reading.archived(session, part, name, NOW, ZONE)
    gone = await reading.archived(session, part, name, NOW + timedelta(days=40), ZONE)

    assert stub is not None
    assert gone is not None
    assert [one.withdrawn for one in stub.entries] == [False, True]
    assert [one.withdrawn for one in gone.entries] == [False]
    assert len(stub.tombstones) == len(gone.tombstones) == 1


async def test_a_part_with_two_names_is_merged_in_order(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    for no, category in enumerate(("cu", "moi", "cu", "khac", "moi")):
        await newsroom.live(account, at=ago(hours=10 - no), title=str(no), category=category)
    part = Part(account_id=account.id, by=By.CATEGORY, names=("moi", "cu"))

    found = await reading.window(session, part, NOW, ZONE)
    newest = await reading.newest(session, part, 2)

    assert await titles(session, found.entries) == ["4", "2", "1", "0"]
    assert await titles(session, newest) == ["4", "2"]


async def test_rows_seeded_without_triggers_are_filled_in(
    session: AsyncSession, newsroom: Newsroom
) -> None:
    account = await newsroom.portal("cong")
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    item, publication = await newsroom.live(account, at=ago(hours=3))
    await newsroom.change(publication, observed_rendition_id=None, observed_at=ago(hours=1))
    item.withdrawn_reason = "Sai."
    await newsroom.live(account, at=ago(hours=2))
    await session.execute(text("SET LOCAL session_replication_role = origin"))
    empty = await entries(session, account.id)

    added = await session.scalar(text("SELECT fill_feed_entries()"))
    again = await session.scalar(text("SELECT fill_feed_entries()"))

    assert (empty, added, again) == ((), 2, 0)
    assert [(one.withdrawn, one.reason) for one in await entries(session, account.id)] == [
        (False, ""),
        (True, "Sai."),
    ]
