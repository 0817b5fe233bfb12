"""A source is asked politely over real HTTP, and what it says is kept in words a person gets."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.delivery import notices
from services.sources import managing, polling, words
from services.worker import sourcing
from shared.clock import utc_now
from shared.errors import ConflictError
from tests.services.sources.conftest import Desk, hours_ago
from tests.support.sister_site import Answer, Asked, item, rss

DAY = timedelta(days=1)


async def test_validators_go_back_byte_for_byte(desk: Desk) -> None:
    tag, modified = 'W/"a,b -x"', "Sun, 22 Nov 2026 01:02:03 +0000"
    body = rss([item("1")], link=desk.site.url)

    def says(asked: Asked) -> Answer:
        same = asked.headers.get("if-none-match") == tag
        return Answer(
            status=304 if same else 200,
            body=body,
            headers={"ETag": tag, "Last-Modified": modified, "Content-Type": "text/xml"},
        )

    desk.site.pages["/rss.xml"] = says
    source_id = await desk.source()
    assert (await desk.read(source_id)).code == "first"
    assert (await desk.read(source_id)).code == "same"
    first, second = desk.site.asked
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"] == tag
    assert second.headers["if-modified-since"] == modified
    assert "rss+xml" in second.headers["accept"]
    assert second.headers["user-agent"].startswith("Loa")


async def test_a_site_that_ignores_validators_is_asked_less_and_parsed_once(desk: Desk) -> None:
    body = rss([item("1")], link=desk.site.url)
    desk.site.pages["/rss.xml"] = Answer(body=body, headers={"ETag": '"x"'})
    source_id = await desk.source()
    await desk.read(source_id)
    assert (await desk.read(source_id)).code == "same"
    row = await desk.row(source_id)
    assert row.next_at - utc_now() > timedelta(minutes=55)


async def test_a_304_keeps_the_pace_that_the_feed_asked_for(desk: Desk) -> None:
    body = rss([item("1")], link=desk.site.url, channel="<ttl>240</ttl>")

    def says(asked: Asked) -> Answer:
        same = "if-none-match" in asked.headers
        return Answer(status=304 if same else 200, body=body, headers={"ETag": '"x"'})

    desk.site.pages["/rss.xml"] = says
    source_id = await desk.source()
    for code in ("first", "same"):
        assert (await desk.read(source_id)).code == code
        wait = (await desk.row(source_id)).next_at - utc_now()
        assert timedelta(hours=3, minutes=59) < wait < timedelta(hours=4, minutes=30)


@pytest.mark.parametrize(
    ("answer", "code", "least", "most"),
    [
        (Answer(status=404), "missing", 24, 27),
        (Answer(status=401), "blocked", 24, 27),
        (Answer(status=403, body=b"<html>Cloudflare</html>"), "blocked", 24, 27),
        (Answer(status=429, headers={"Retry-After": "7200"}), "busy", 2, 2.3),
        (Answer(status=503, headers={"Retry-After": "7200"}), "busy", 2, 2.3),
        (Answer(status=500), "server_error", 0.4, 0.6),
        (Answer(body=b"<!DOCTYPE html><html><title>x</title><p>captcha</html>"), "page", 24, 27),
        (Answer(body=b"", headers={"Content-Type": "text/xml"}), None, 0.4, 0.6),
        (Answer(body=b"\x00\x01khong phai feed"), None, 0.4, 0.6),
    ],
)
async def test_what_goes_wrong_is_told_and_not_hammered(
    desk: Desk, answer: Answer, code: str | None, least: float, most: float
) -> None:
    desk.site.pages["/rss.xml"] = answer
    source_id = await desk.source()
    went = await desk.read(source_id)
    row = await desk.row(source_id)
    wait = (row.next_at - utc_now()) / timedelta(hours=1)
    assert code in (None, went.code)
    assert least - 0.05 < wait < most
    assert (row.state, row.fail_count) == ("active", 1)
    for language in ("vi", "en"):
        assert words.result(went.code, language, went.details).tone == "amber"


async def test_a_site_that_cannot_be_reached_is_tried_ever_more_rarely(desk: Desk) -> None:
    desk.site.feed(item("1"))
    source_id = await desk.source()
    nowhere = replace(desk.site.guard, inside=frozenset({"127.0.0.1:9"}))
    async with desk.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE source SET url = 'http://127.0.0.1:9/x' WHERE id = :id"),
            {"id": source_id},
        )
    waits = []
    for _ in range(3):
        went = await polling.read_source(
            desk.bench.hub.open_work, nowhere, source_id, public_url="http://loa.test"
        )
        assert went is not None
        assert went.code == "fetch_unreachable"
        row = await desk.row(source_id)
        waits.append(round((row.next_at - utc_now()) / timedelta(minutes=30)))
    assert waits == [1, 2, 4]


async def test_a_feed_that_is_gone_is_stopped_and_people_are_told(desk: Desk) -> None:
    desk.site.pages["/rss.xml"] = Answer(status=410)
    source_id = await desk.source()
    assert (await desk.read(source_id)).code == "gone"
    assert (await desk.row(source_id)).state == "stopped"
    async with desk.bench.hub.open_work() as session:
        await notices.collect(session)
    async with desk.bench.hub.open_work() as session:
        await notices.collect(session)
        for staff in (desk.team.editor, desk.team.admin):
            told = await notices.notices(session, staff, limit=10)
            assert [(one.cause, one.origins, one.state) for one in told] == [
                ("source", (source_id,), "gone")
            ]
    asked = len(desk.site.asked)
    await sourcing.read_sources(desk.bench.hub)
    assert len(desk.site.asked) == asked, "a stopped source is left alone"


async def test_a_missing_feed_is_tried_daily_and_stopped_after_a_week(desk: Desk) -> None:
    source_id = await desk.source("/khong-co.xml")
    codes = []
    for _ in range(8):
        codes.append((await desk.read(source_id)).code)
        await desk.earlier(source_id, DAY)
    assert codes == ["missing"] * 7 + ["lost"]
    assert (await desk.row(source_id)).state == "stopped"


async def test_a_move_is_offered_after_a_day_and_followed_by_a_person(desk: Desk) -> None:
    desk.site.feed(item("1"), path="/moi.xml")
    desk.site.pages["/rss.xml"] = Answer(
        status=301, headers={"Location": f"{desk.site.url}/moi.xml"}
    )
    source_id = await desk.source()
    editor = await desk.bench.caller(desk.team.editor)
    await desk.read(source_id)
    row = await desk.row(source_id)
    assert row.moved_to == f"{desk.site.url}/moi.xml"
    async with desk.bench.hub.open_work() as session:
        with pytest.raises(ConflictError, match="source_not_moved"):
            await managing.follow_move(
                session, editor, source_id, guard=desk.site.guard, now=utc_now()
            )
    await desk.earlier(source_id, DAY)
    await desk.read(source_id)
    async with desk.bench.hub.open_work() as session:
        await managing.follow_move(session, editor, source_id, guard=desk.site.guard, now=utc_now())
    row = await desk.row(source_id)
    assert (row.url, row.moved_to, row.etag) == (f"{desk.site.url}/moi.xml", "", "")


async def test_a_move_that_is_taken_back_is_no_move(desk: Desk) -> None:
    desk.site.feed(item("1"), path="/moi.xml")
    desk.site.pages["/rss.xml"] = Answer(status=301, headers={"Location": "/moi.xml"})
    source_id = await desk.source()
    await desk.read(source_id)
    desk.site.feed(item("1"))
    await desk.read(source_id)
    assert (await desk.row(source_id)).moved_since is None


async def test_passing_redirects_are_no_move(desk: Desk) -> None:
    desk.site.feed(item("1"), path="/moi.xml")
    desk.site.pages["/rss.xml"] = Answer(status=302, headers={"Location": "/moi.xml"})
    source_id = await desk.source()
    assert (await desk.read(source_id)).code == "first"
    assert (await desk.row(source_id)).moved_to == ""


async def test_a_worker_reads_what_is_due_once(desk: Desk) -> None:
    desk.site.feed(item("1", at=hours_ago(3)))
    source_id = await desk.source()
    await sourcing.read_sources(desk.bench.hub)
    await sourcing.read_sources(desk.bench.hub)
    assert len(desk.site.asked_for("/rss.xml")) == 1
    assert len(await desk.entries(source_id)) == 1


async def test_a_paused_or_removed_source_is_not_asked(desk: Desk) -> None:
    desk.site.feed(item("1"))
    paused, removed = await desk.source(), await desk.source("/khac.xml")
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        await managing.pause(session, editor, paused)
        await managing.remove(session, editor, removed, now=utc_now())
    await sourcing.read_sources(desk.bench.hub)
    assert desk.site.asked == []
    async with desk.bench.hub.open_work() as session:
        await managing.resume(session, editor, paused, now=utc_now())
    await sourcing.read_sources(desk.bench.hub)
    assert [one.path for one in desk.site.asked] == ["/rss.xml"]


async def test_a_page_tells_which_feeds_it_has(desk: Desk) -> None:
    desk.site.feed(item("1"), item("2"))
    desk.site.pages["/"] = Answer(
        body=b"<!DOCTYPE html><html><head><title>So Y te</title>"
        b'<link rel="alternate" type="application/rss+xml" title="Tin" href="/rss.xml">'
        b"</head></html>",
        headers={"Content-Type": "text/html; charset=utf-8"},
    )
    page = await polling.look_at(f"{desk.site.url}/", desk.site.guard)
    assert [one.url for one in page.feeds] == [f"{desk.site.url}/rss.xml"]
    assert not page.is_feed
    feed = await polling.look_at(page.feeds[0].url, desk.site.guard)
    assert (feed.is_feed, feed.entries, feed.title) == (True, 2, "Sở Y tế tỉnh bạn")


def test_every_code_of_ours_has_its_words() -> None:
    own = {"waiting", "first", "read", "same", "gone", "missing", "lost", "blocked", "page", "busy"}
    assert own | {"server_error", "churn"} <= words.known_results()
