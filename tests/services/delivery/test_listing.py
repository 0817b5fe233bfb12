"""What each saved view holds, in which order, and how its pages follow one another."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.delivery import fan_out, listing
from services.delivery.listing import Filters, View
from shared.clock import utc_now
from shared.errors import InvalidError
from tests.services.delivery.desk import Desk, open_desk
from tests.support.hub import Bench


async def ids(
    desk: Desk,
    view: View,
    *,
    staff: UUID | None = None,
    filters: Filters | None = None,
    limit: int = 50,
) -> list[UUID]:
    """All pages of a view, one after the other."""
    found: list[UUID] = []
    cursor: str | None = None
    while True:
        async with desk.bench.hub.open_work() as session:
            page = await listing.listed(
                session,
                view,
                staff_id=staff or desk.team.editor,
                unit_ids=[desk.team.unit_id],
                filters=filters,
                limit=limit,
                cursor=cursor,
            )
        found += [one.id for one in page.lines]
        cursor = page.next
        if cursor is None:
            return found


async def test_each_view_holds_what_its_name_says(desk: Desk) -> None:
    now = utc_now()
    draft = await desk.draft("Bản nháp")
    review = await desk.review("Chờ duyệt")
    soon = await desk.scheduled("Sắp đăng", now + timedelta(days=1))
    live = await desk.live("Đã đăng", now)
    failed = await desk.failed("Không đăng được")
    undecided = await desk.undecided("Chưa rõ")
    assert set(await ids(desk, View.MINE)) == {draft, review, soon, live, failed, undecided}
    assert await ids(desk, View.MINE, staff=desk.team.approver) == []
    assert await ids(desk, View.REVIEW) == [review]
    assert await ids(desk, View.UPCOMING) == [soon]
    assert await ids(desk, View.PUBLISHED) == [live]
    assert set(await ids(desk, View.TROUBLE)) == {failed, undecided}
    assert await ids(desk, View.ALL) == [undecided, failed, live, soon, review, draft]
    async with desk.bench.hub.open_work() as session:
        counts = await listing.counts(session, [desk.team.unit_id])
    assert counts == {View.REVIEW: 1, View.UPCOMING: 1, View.TROUBLE: 2}


async def test_a_channel_that_shows_something_else_is_trouble(desk: Desk) -> None:
    live = await desk.live("Bị sửa trên kênh", utc_now())
    await desk.run(
        "UPDATE publication SET drift = 'differs', drift_at = now() WHERE item_id = :id", live
    )
    assert await ids(desk, View.TROUBLE) == [live]


async def test_what_was_withdrawn_is_not_published(desk: Desk) -> None:
    live = await desk.live("Gỡ rồi", utc_now())
    await desk.bench.withdrawn(desk.team, live)
    assert await ids(desk, View.PUBLISHED) == []


async def test_the_longest_waiting_comes_first_where_somebody_must_act(desk: Desk) -> None:
    first, second = await desk.review("Một"), await desk.review("Hai")
    assert await ids(desk, View.REVIEW) == [first, second]
    later = await desk.scheduled("Sau", utc_now() + timedelta(days=2))
    sooner = await desk.scheduled("Trước", utc_now() + timedelta(days=1))
    assert await ids(desk, View.UPCOMING) == [sooner, later]


@pytest.mark.parametrize("view", [View.ALL, View.MINE, View.REVIEW, View.UPCOMING, View.TROUBLE])
async def test_pages_follow_without_a_gap_or_a_double(desk: Desk, view: View) -> None:
    at = utc_now().replace(microsecond=0) + timedelta(days=1)
    for number in range(5):
        # The same instant for all: only the id then tells them apart.
        if view is View.UPCOMING:
            await desk.scheduled(f"Bài {number}", at)
        elif view is View.TROUBLE:
            await desk.failed(f"Bài {number}")
        else:
            await desk.review(f"Bài {number}")
    whole = await ids(desk, view)
    assert len(set(whole)) == 5
    assert await ids(desk, view, limit=2) == whole


async def test_filters_narrow_a_view(desk: Desk) -> None:
    notice = await desk.draft("Thông báo cắt điện", kind="document", tags=["điện"])
    other = await desk.draft("Lịch tiếp dân", tags=["tiếp dân"])
    assert await ids(desk, View.ALL, filters=Filters(q="thong bao dien")) == [notice]
    assert await ids(desk, View.ALL, filters=Filters(kind="document")) == [notice]
    assert await ids(desk, View.ALL, filters=Filters(tag="tiếp dân")) == [other]
    assert await ids(desk, View.ALL, filters=Filters(tag="khác")) == []
    assert await ids(desk, View.ALL, filters=Filters(q="!!!")) == []


async def test_a_line_tells_where_an_item_goes_and_when(desk: Desk) -> None:
    at = utc_now().replace(microsecond=0) + timedelta(days=1)
    item = await desk.scheduled("Hai kênh", at, accounts=2)
    async with desk.bench.hub.open_work() as session:
        (line,) = await listing.lines(session, [item], unit_ids=[desk.team.unit_id])
    assert (line.due_at, line.wish, line.standing.state) == (at, None, "scheduled")
    assert [(one.channel, one.count) for one in line.outlets] == [("portal_rss", 2)]
    assert line.author == "editor"


async def test_a_wish_is_told_while_nobody_has_agreed(desk: Desk) -> None:
    at = utc_now().replace(microsecond=0) + timedelta(days=1)
    item = await desk.review("Ước", at)
    async with desk.bench.hub.open_work() as session:
        (line,) = await listing.lines(session, [item], unit_ids=[desk.team.unit_id])
    assert (line.due_at, line.wish) == (None, at)


async def test_items_of_other_units_are_not_there(desk: Desk, bench: Bench) -> None:
    item = await desk.draft("Của đơn vị khác")
    stranger = await open_desk(bench)
    assert await ids(stranger, View.ALL) == []
    async with bench.hub.open_work() as session:
        assert await listing.lines(session, [item], unit_ids=[stranger.team.unit_id]) == ()


async def test_all_of_a_view_can_be_read_in_batches(desk: Desk) -> None:
    wanted = [await desk.draft(f"Bài {number}") for number in range(3)]
    async with desk.bench.hub.open_work() as session:
        found = [
            line.id
            async for line in listing.whole(
                session,
                View.ALL,
                staff_id=desk.team.editor,
                unit_ids=[desk.team.unit_id],
                most=2,
            )
        ]
    assert found == wanted[:0:-1]


@pytest.mark.parametrize(
    "cursor", ["", "x", "1.2", "-" + "9" * 17 + "." + "0" * 32, "١.0", "-1.zz"]
)
async def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, cursor: str) -> None:
    async with desk.bench.hub.open_work() as session:
        with pytest.raises(InvalidError, match="cursor_unknown"):
            await listing.listed(
                session,
                View.ALL,
                staff_id=desk.team.editor,
                unit_ids=[desk.team.unit_id],
                limit=5,
                cursor=cursor,
            )


async def test_a_stopped_item_is_no_longer_upcoming(desk: Desk) -> None:
    item = await desk.scheduled("Dừng", utc_now() + timedelta(days=1))
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        await fan_out.stop(session, editor, item)
    assert await ids(desk, View.UPCOMING) == []
