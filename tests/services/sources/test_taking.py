"""What a feed brings is taken in once, never fanned out, and never taken away by itself."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from services.delivery import notices
from services.sources import managing
from shared.clock import utc_now
from tests.services.sources.conftest import Desk, hours_ago
from tests.support.sister_site import Answer, item, rss

_TWICE = timedelta(hours=2)


async def states(desk: Desk, source_id: object) -> dict[str, str]:
    return {one.title: one.state for one in await desk.entries(source_id)}  # type: ignore[arg-type]


async def test_the_first_reading_is_history_and_what_follows_is_new(desk: Desk) -> None:
    old = [item(str(number), at=hours_ago(number)) for number in range(1, 4)]
    desk.site.feed(*old)
    source_id = await desk.source()
    went = await desk.read(source_id)
    assert (went.code, went.details["entries"]) == ("first", 3)
    desk.site.feed(item("9"), *old)
    assert (await desk.read(source_id)).details["new"] == 1
    assert await states(desk, source_id) == {
        "Tin 1": "history", "Tin 2": "history", "Tin 3": "history", "Tin 9": "new"
    }  # fmt: skip


async def test_reading_again_takes_nothing_twice(desk: Desk) -> None:
    items = [item(str(number)) for number in range(5)]
    desk.site.feed(*items)
    source_id = await desk.source()
    await desk.read(source_id)
    for order in (items[::-1], items + items, items[:2]):
        desk.site.feed(*order)
        went = await desk.read(source_id)
        assert (went.details["new"], went.details["edited"]) == (0, 0)
    assert len(await desk.entries(source_id)) == 5


async def test_what_vanished_from_a_feed_means_nothing(desk: Desk) -> None:
    desk.site.feed(item("1"), item("2"))
    source_id = await desk.source()
    await desk.read(source_id)
    for _ in range(2):
        await desk.earlier(source_id, _TWICE)
        desk.site.feed(item("2"), item("3"))
        await desk.read(source_id)
    assert (await desk.named(source_id, "Tin 1")).gone_seen_at is None


async def test_a_new_guid_with_the_same_link_is_the_same_entry(desk: Desk) -> None:
    desk.site.feed(item("1"), item("2"), item("3"))
    source_id = await desk.source()
    await desk.read(source_id)
    desk.site.feed(item("1", guid="khac-1"), item("2"), item("3"))
    await desk.read(source_id)
    assert len(await desk.entries(source_id)) == 3


async def test_an_edit_at_the_source_is_noticed(desk: Desk) -> None:
    desk.site.feed(item("1", text="<p>Giờ làm: 7 giờ.</p>"))
    source_id = await desk.source()
    await desk.read(source_id)
    desk.site.feed(item("1", text="<p>Giờ làm: 8 giờ.</p>"))
    assert (await desk.read(source_id)).details["edited"] == 1
    (entry,) = await desk.entries(source_id)
    assert "8 giờ" in entry.html
    assert entry.edited_at is not None


async def test_new_names_for_the_whole_feed_stop_it_until_a_person_says_so(desk: Desk) -> None:
    desk.site.feed(*(item(str(number)) for number in range(6)))
    source_id = await desk.source()
    await desk.read(source_id)
    moved = [
        item(str(number), guid=f"v2/{number}", link=f"{desk.site.url}/moi/{number}")
        for number in range(6)
    ]
    desk.site.feed(*moved, item("7", guid="v2/7"))
    went = await desk.read(source_id)
    assert (went.code, went.details) == ("churn", {"count": 6})
    assert (await desk.row(source_id)).state == "stopped"
    assert len(await desk.entries(source_id)) == 6, "nothing was taken"
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        await managing.resume(session, editor, source_id, now=utc_now())
    assert (await desk.read(source_id)).code == "read"
    found = await desk.entries(source_id)
    assert len(found) == 7
    assert "new" not in {one.state for one in found}, "a change of names is no news"
    desk.site.feed(*moved, item("8", guid="v2/8"))
    assert (await desk.read(source_id)).details["new"] == 1


async def test_our_own_items_that_come_back_are_known(desk: Desk) -> None:
    ours = await desk.bench.draft(desk.team, title="Tin của chúng tôi")
    public = desk.bench.hub.public_url
    desk.site.feed(
        item("1", link=f"{public}/tin/{ours.code}/tin-cua-chung-toi"),
        item("2", guid=f"tag:loa,2026:{ours.code}"),
        item("3"),
        item("4", text=f'<p>Xem <a href="{public}/tin/{ours.code}">bài của bạn</a>.</p>'),
    )
    source_id = await desk.source()
    await desk.read(source_id)
    found = {one.title: (one.state, one.item_id) for one in await desk.entries(source_id)}
    assert found == {
        "Tin 1": ("ours", ours.id),
        "Tin 2": ("ours", ours.id),
        "Tin 3": ("history", None),
        "Tin 4": ("history", None),
    }


async def test_the_own_portal_gives_nothing_of_ours_back(desk: Desk) -> None:
    ours = await desk.bench.draft(desk.team, title="Lịch tiếp công dân tháng 12")
    async with desk.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET released_no = 1, published_at = now() WHERE id = :id"),
            {"id": ours.id},
        )
    public = desk.bench.hub.public_url
    desk.site.feed(
        item("1", title="Lịch tiếp công dân tháng 12"),
        item("2", text=f'<p>Nguồn: <a href="{public}/tin/{ours.code}">Loa</a></p>'),
        item("3", title="Bài riêng của cổng"),
    )
    source_id = await desk.source(whose="own")
    await desk.read(source_id)
    assert await states(desk, source_id) == {
        "Lịch tiếp công dân tháng 12": "ours", "Tin 2": "ours", "Bài riêng của cổng": "history"
    }  # fmt: skip


@pytest.mark.parametrize("how", ["tombstone", "stub"])
async def test_taken_back_counts_when_it_was_said_twice_and_changes_nothing(
    desk: Desk, how: str
) -> None:
    desk.site.feed(item("1"), item("2"))
    source_id = await desk.source()
    await desk.read(source_id)
    entry = await desk.named(source_id, "Tin 1")
    editor = await desk.bench.caller(desk.team.editor)
    from zoneinfo import ZoneInfo

    from services.sources import making

    async with desk.bench.hub.open_work() as session:
        made = await making.draft(session, editor, entry.id, zone=ZoneInfo("UTC"))
    stone = '<at:deleted-entry ref="tin-1" when="2026-11-20T10:00:00Z"/>'
    stub = item("1", title="[Thu hồi] Tin 1", text="<p>Đã thu hồi vì sai ngày.</p>")
    desk.site.pages["/rss.xml"] = Answer(
        body=rss(
            [item("2")] if how == "tombstone" else [stub, item("2")],
            link=desk.site.url,
            channel=stone if how == "tombstone" else "",
        )
    )
    await desk.read(source_id)
    once = await desk.named(source_id, "Tin 1")
    assert (once.gone_seen_at is not None, once.gone_at) == (True, None)
    await desk.earlier(source_id, _TWICE)
    assert (await desk.read(source_id)).code == "same"
    twice = await desk.named(source_id, "Tin 1")
    assert twice.gone_at is not None
    assert twice.content_hash == entry.content_hash, "what was read before stays to compare with"
    async with desk.bench.hub.open_work() as session:
        await notices.collect(session)
    async with desk.bench.hub.open_work() as session:
        told = await notices.notices(session, desk.team.editor, limit=10)
    assert [(one.cause, one.item_id, one.state) for one in told] == [("upstream", made.id, "gone")]


async def test_a_retraction_that_is_retracted_is_none(desk: Desk) -> None:
    desk.site.feed(item("1"))
    source_id = await desk.source()
    await desk.read(source_id)
    stone = '<at:deleted-entry ref="tin-1" when="2026-11-20T10:00:00Z"/>'
    desk.site.pages["/rss.xml"] = Answer(body=rss([], link=desk.site.url, channel=stone))
    await desk.read(source_id)
    await desk.earlier(source_id, _TWICE)
    desk.site.feed(item("1"))
    await desk.read(source_id)
    assert (await desk.named(source_id, "Tin 1")).gone_seen_at is None


async def test_an_entry_without_guid_link_or_date_is_kept(desk: Desk) -> None:
    body = rss(["<item><title>Chỉ có tiêu đề</title></item>"], link=desk.site.url)
    desk.site.pages["/rss.xml"] = Answer(body=body)
    source_id = await desk.source()
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    assert (entry.title, entry.published_at, entry.link) == ("Chỉ có tiêu đề", None, "")


async def test_very_long_names_fit(desk: Desk) -> None:
    long = "x" * 9_000
    desk.site.feed(item("1", guid=long, link=f"https://a.vn/{long}", title="Dài " * 2_000))
    source_id = await desk.source()
    await desk.read(source_id)
    desk.site.feed(
        item("1", guid=long, link=f"https://a.vn/{long}", title="Dài " * 2_000), item("2")
    )
    await desk.read(source_id)
    assert len(await desk.entries(source_id)) == 2
