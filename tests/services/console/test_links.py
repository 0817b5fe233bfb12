"""Previews for people outside: made, read without signing in, answered, and ended."""

import re
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from services.content.tables import Item
from services.storage.columns import new_id
from shared.clock import utc_now
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


async def _link(visitor: Visitor, item: Item, **fields: object) -> str:
    """A new link of the item, as its page shows it: the path below the hub."""
    answer = await visitor.post(f"/posts/{item.id}/links", **{"days": "7", **fields})
    assert answer.status_code == 200, answer.text
    found = re.search(r"http://[^<\"]+(/p/[\w-]{43})", answer.text)
    assert found is not None
    return found[1]


async def _read(console: Console, path: str) -> httpx.Response:
    async with console.client() as outside:
        return await outside.get(path)


async def _answer(console: Console, path: str, **fields: str) -> httpx.Response:
    async with console.client() as outside:
        return await outside.post(path, data=fields)


async def _submitted(console: Console, team: Team, **fields: object) -> Item:
    slug = f"cong-{new_id().hex[-8:]}"
    settings = {"slug": slug, "title": "Tin", "link": "http://127.0.0.1/"}
    account = await console.bench.account(team, "portal_rss", settings, {})
    item = await console.bench.draft(team, **fields)
    await console.bench.submitted(team, item.id, [account])
    return item


async def test_somebody_outside_reads_a_draft_without_signing_in(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team, title="Bài cần <b>xem</b> thử", body="Đoạn **đậm**.")
    page = await _read(console, await _link(editor, item))
    assert page.status_code == 200
    assert "Bài cần &lt;b&gt;xem&lt;/b&gt; thử" in page.text
    assert "<strong>đậm</strong>" in page.text
    assert "chưa phải tin chính thức" in page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


async def test_a_submitted_revision_is_shown_as_its_channels_will_show_it(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    item = await _submitted(console, team, title="Bài đã gửi duyệt", body="Nội dung cho cổng.")
    page = await _read(console, await _link(approver, item))
    assert "Trên từng kênh sẽ như thế này" in page.text
    assert "Nội dung cho cổng." in page.text
    assert "Mục trong nguồn tin RSS" in page.text


async def test_a_draft_is_shown_as_it_stands_now_on_its_channels(
    console: Console, team: Team, editor: Visitor
) -> None:
    slug = f"cong-{new_id().hex[-8:]}"
    settings = {"slug": slug, "title": "Tin", "link": "http://127.0.0.1/"}
    account = await console.bench.account(team, "portal_rss", settings, {})
    item = await console.bench.draft(team, body="Chữ lúc đầu.")
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE revision SET accounts = :some WHERE item_id = :id"),
            {"some": [account], "id": item.id},
        )
    path = await _link(editor, item)
    assert "Chữ lúc đầu." in (await _read(console, path)).text
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE revision SET body = 'Chữ về sau.' WHERE item_id = :id"), {"id": item.id}
        )
    later = (await _read(console, path)).text
    assert "Trên từng kênh" in later
    assert "Chữ về sau." in later
    assert "Chữ lúc đầu." not in later


async def test_an_old_link_tells_that_there_is_a_newer_revision(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await _submitted(console, team)
    path = await _link(editor, item)
    assert "Đã có bản mới hơn" not in (await _read(console, path)).text
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET revision_no = revision_no + 1 WHERE id = :id"), {"id": item.id}
        )
    assert "Đã có bản mới hơn" in (await _read(console, path)).text


async def test_to_have_seen_it_is_told_to_the_team_and_is_no_approval(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await _submitted(console, team)
    path = await _link(editor, item)
    done = await _answer(console, path, name=" Ông  Bảy ", comment="Sai ngày <b>rồi</b>.")
    assert done.status_code == 303
    thanks = await _read(console, done.headers["location"])
    assert "Cảm ơn." in thanks.text
    page = (await editor.client.get(f"/posts/{item.id}/links")).text
    assert "Ông Bảy" in page
    assert "Sai ngày &lt;b&gt;rồi&lt;/b&gt;." in page
    async with console.hub.open_work() as session:
        told = {"id": item.id}
        state = await session.scalar(text("SELECT state FROM revision WHERE item_id = :id"), told)
    assert state == "review"


async def test_an_answer_without_a_name_is_not_taken_and_nothing_typed_is_lost(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    path = await _link(editor, item)
    refused = await _answer(console, path, name="", comment="Ý kiến dài dòng")
    assert refused.status_code == 422
    assert 'id="name-error"' in refused.text
    assert "Ý kiến dài dòng" in refused.text
    long = await _answer(console, path, name="An", comment="x" * 2001)
    assert long.status_code == 422
    assert 'id="comment-error"' in long.text
    huge = await _answer(console, path, name="An", comment="x" * 40_000)
    assert huge.status_code == 413


async def test_an_answer_from_another_site_is_refused(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    path = await _link(editor, item)
    async with console.client() as outside:
        answer = await outside.post(
            path, data={"name": "An"}, headers={"Origin": "https://elsewhere.example"}
        )
    assert answer.status_code == 403
    assert "Chưa ai bấm" in (await editor.client.get(f"/posts/{item.id}/links")).text


async def test_one_link_takes_ten_answers_an_hour(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    path = await _link(editor, item)
    told = [(await _answer(console, path, name=f"Người {no}")).status_code for no in range(11)]
    assert told == [303] * 10 + [429]
    assert (await _read(console, path)).status_code == 200


async def test_a_revoked_link_opens_no_more(console: Console, team: Team, editor: Visitor) -> None:
    item = await console.bench.draft(team)
    path = await _link(editor, item)
    page = (await editor.client.get(f"/posts/{item.id}/links")).text
    assert path not in page
    act = re.search(rf"/posts/{item.id}/links/[0-9a-f-]+/revoke", page)
    assert act is not None
    assert (await editor.post(act[0])).status_code == 303
    assert (await editor.post(act[0])).status_code == 303
    closed = await _read(console, path)
    assert closed.status_code == 404
    assert "không còn mở được" in closed.text
    assert item.code not in closed.text
    assert (await _answer(console, path, name="An")).status_code == 404
    assert "Đã thu lại" in (await editor.client.get(f"/posts/{item.id}/links")).text
    record = (await editor.client.get(f"/posts/{item.id}?tab=log")).text
    assert record.count("Tạo liên kết xem thử bản 1") == 1
    assert record.count("Thu lại liên kết xem thử bản 1") == 1


async def test_a_link_ends_when_its_days_are_over(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    path = await _link(editor, item, days="1")
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE preview_link SET expires_at = :past WHERE revision_id IN"
                " (SELECT id FROM revision WHERE item_id = :id)"
            ),
            {"past": utc_now() - timedelta(seconds=1), "id": item.id},
        )
    assert (await _read(console, path)).status_code == 404
    assert "Đã hết hạn" in (await editor.client.get(f"/posts/{item.id}/links")).text


@pytest.mark.parametrize("days", ["0", "8", "365", "-1", "x", ""])
async def test_a_link_lasts_only_as_long_as_is_offered(
    console: Console, team: Team, editor: Visitor, days: str
) -> None:
    item = await console.bench.draft(team)
    assert (await editor.post(f"/posts/{item.id}/links", days=days)).status_code == 422


async def test_links_of_an_item_are_of_its_unit_and_of_those_who_work_on_it(
    console: Console, team: Team, editor: Visitor
) -> None:
    item, other = await console.bench.draft(team), await console.bench.draft(team)
    await _link(editor, item)
    page = (await editor.client.get(f"/posts/{item.id}/links")).text
    act = re.search(r"/links/([0-9a-f-]+)/revoke", page)
    assert act is not None
    astray = await editor.post(f"/posts/{other.id}/links/{act[1]}/revoke")
    assert astray.status_code == 404
    stranger = await console.visitor((await console.bench.team()).editor)
    assert (await stranger.client.get(f"/posts/{item.id}/links")).status_code == 404
    assert (await stranger.post(f"/posts/{item.id}/links", days="7")).status_code == 404
    auditor = await console.with_role(team, "auditor")
    assert (await auditor.client.get(f"/posts/{item.id}/links")).status_code == 403
    assert "Gửi xem thử" not in (await auditor.client.get(f"/posts/{item.id}")).text


async def test_the_secret_is_kept_nowhere(console: Console, team: Team, editor: Visitor) -> None:
    item = await console.bench.draft(team)
    secret = (await _link(editor, item)).removeprefix("/p/")
    async with console.hub.open_work() as session:
        kept = await session.scalars(
            text("SELECT l::text FROM preview_link l UNION ALL SELECT a::text FROM audit_entry a")
        )
        assert [one for one in kept if secret in one] == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_preview_goes_out_and_comes_back_seen(
    browser: Browser, console: Console, team: Team, editor: Visitor, size: tuple[int, int]
) -> None:
    item = await _submitted(console, team, title="Lịch tiếp công dân tháng 12")
    async with window(browser, console, editor, size=size) as opened:
        await opened.page.goto(f"{console.url}/posts/{item.id}")
        await opened.page.get_by_role("link", name="Gửi xem thử").click()
        await opened.page.get_by_role("button", name="Tạo liên kết").click()
        address = await opened.page.locator("code").inner_text()
        await opened.axe()
        opened.check()
    async with window(browser, console, None, size=size) as outside:
        await outside.page.goto(address)
        await outside.axe()
        await outside.page.get_by_label("Tên của bạn").fill("Bà Tám")
        await outside.page.get_by_label("Ý kiến, nếu có").fill("Nên thêm số điện thoại.")
        await outside.page.get_by_role("button", name="Tôi đã xem").click()
        await outside.page.get_by_text("Cảm ơn.").wait_for()
        await outside.page.get_by_role("link", name="English").click()
        await outside.page.get_by_role("button", name="I have seen it").wait_for()
        outside.check()
    async with window(browser, console, editor, size=size) as opened:
        await opened.page.goto(f"{console.url}/posts/{item.id}/links")
        await opened.page.get_by_text("Nên thêm số điện thoại.").wait_for()
        await opened.axe()
        opened.check()
