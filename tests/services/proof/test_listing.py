from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.proof import ledger, listing
from services.storage.session import make_engine, opener
from tests.support.newsroom import KEY, PUBLIC_URL, Newsroom

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)  # in Ha Noi it is November already


@pytest.fixture(scope="module")
async def filled(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub with seven items in two categories, one of them withdrawn; the tests only read."""
    engine = make_engine(database_url, size=6)
    theirs = Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(KEY),
        media=MediaStore(tmp_path_factory.mktemp("media")),
        public_url=PUBLIC_URL,
    )
    async with theirs.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal("cong")
        for no in range(6):
            await newsroom.live(
                portal,
                at=DAY - timedelta(days=no // 2),  # two at the same instant
                title=f"Lịch tiếp dân {no}",
                category="tin-tuc" if no % 2 else "van-ban-chinh-sach",
            )
        gone, publication = await newsroom.live(portal, at=DAY, title="Đã gỡ", category="tin-tuc")
        await newsroom.withdraw(gone, publication, at=DAY, reason="x")
    while await ledger.catch_up(theirs):
        pass
    yield theirs
    await engine.dispose()


async def walk(hub: Hub, **wanted: list[str]) -> list[list[str]]:
    pages, after = [], None
    while True:
        async with hub.open_work() as session:
            page = await listing.newest(session, after=after, most=2, **wanted)
        pages.append([one.title for one in page.lines])
        after = page.after
        if after is None:
            return pages


async def test_pages_follow_each_other_without_a_gap_or_a_double(filled: Hub) -> None:
    pages = await walk(filled)

    titles = [title for page in pages for title in page]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert sorted(titles) == [f"Lịch tiếp dân {no}" for no in range(6)]
    assert {titles[0], titles[1]} == {"Lịch tiếp dân 0", "Lịch tiếp dân 1"}


async def test_a_category_holds_its_own(filled: Hub) -> None:
    assert await walk(filled, categories=["tin-tuc"]) == [
        ["Lịch tiếp dân 1", "Lịch tiếp dân 3"],
        ["Lịch tiếp dân 5"],
    ]
    assert await walk(filled, categories=["khac"]) == [[]]


async def test_search_folds_marks_and_never_finds_what_was_withdrawn(filled: Hub) -> None:
    async with filled.open_work() as session:
        told = await listing.found(session, "LICH tiếp dan")
        gone = await listing.found(session, "đã gỡ")
        odd = [await listing.found(session, one) for one in ("", "'; --", "nghingo & | !")]

    assert len(told.lines) == 6
    assert [page.lines for page in (gone, *odd)] == [()] * 4


async def test_a_place_that_nobody_was_told_is_the_beginning(filled: Hub) -> None:
    async with filled.open_work() as session:
        for after in ("x", "1-", f"{'9' * 17}-{'f' * 32}", "0-" + "g" * 32):
            assert len((await listing.newest(session, after=after)).lines) == 6


async def listed(hub: Hub, month: str, part: int = 1) -> list[listing.Place]:
    async with hub.open_work() as session:
        told = listing.places(session, month, HANOI, part=part)
        return [place async for some in told for place in some]


async def test_the_sitemap_goes_by_months_of_the_readers(filled: Hub) -> None:
    async with filled.open_work() as session:
        months = await listing.months(session, HANOI)
    with pytest.raises(ValueError, match="no month"):
        await listed(filled, "2026-13")

    assert [(one.name, one.parts) for one in months] == [("2026-11", 1), ("2026-10", 1)]
    assert len(await listed(filled, "2026-11")) == 2
    assert await listed(filled, "2026-11", part=2) == []


async def test_a_long_month_is_told_in_parts_without_a_gap_or_a_double(
    filled: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SITEMAP_MOST", 3)
    monkeypatch.setattr(listing, "_PLACES", 2)

    async with filled.open_work() as session:
        months = await listing.months(session, HANOI)
    parts = [await listed(filled, "2026-10", part=part) for part in (1, 2, 3)]

    assert [(one.name, one.parts) for one in months] == [("2026-11", 1), ("2026-10", 2)]
    assert [len(part) for part in parts] == [3, 1, 0]
    assert len({one.code for part in parts for one in part}) == 4
