"""Nguồn tin by its pages: added, read, put aside, turned into drafts; and links that broke."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from services.worker import sourcing
from shared.fetch import Guard
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.sister_site import Answer, SisterSite, item

_LEGACY = "Th«ng b¸o lÞch phun thuèc phßng dÞch sèt xuÊt huyÕt"


@pytest.fixture(scope="module")
def guard(sister: SisterSite) -> Guard:
    return sister.guard


async def added(visitor: Visitor, sister: SisterSite, path: str, *items: str) -> str:
    """A source made by its form; gives its page."""
    sister.feed(*items, path=path)
    answer = await visitor.post("/sources/add", url=f"{sister.url}{path}", title=f"Nguồn {path}")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def entry(visitor: Visitor, source: str, title: str) -> str:
    """The page of one entry, as the list links to it."""
    page = (await visitor.client.get(f"{source}?view=all")).text
    found = re.search(rf'href="(/sources/entries/[0-9a-f-]{{36}})[^"]*">{re.escape(title)}<', page)
    assert found is not None, page
    return found[1]


async def again(console: Console, source: str) -> None:
    """Lets enough time pass for another reading, and reads."""
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE source SET next_at = now(), asked_at = NULL WHERE id = :id"),
            {"id": UUID(source.rpartition("/")[2])},
        )
    await sourcing.read_sources(console.hub)


async def test_an_empty_list_says_what_to_do(console: Console) -> None:
    team = await console.bench.team()
    for staff in (team.editor, team.admin):
        page = await (await console.visitor(staff)).client.get("/sources")
        assert "Chưa có nguồn nào." in page.text
    outsider = await (await console.visitor(team.approver)).client.get("/sources")
    assert outsider.status_code == 403


async def test_an_address_of_a_page_finds_its_feed(editor: Visitor, sister: SisterSite) -> None:
    sister.feed(item("1"), path="/tin.xml")
    sister.pages["/trang"] = Answer(
        body=b"<!DOCTYPE html><html><head><title>So Y te</title><link rel=alternate"
        b' type="application/rss+xml" title="Tin moi" href="/tin.xml"></head></html>',
        headers={"Content-Type": "text/html"},
    )
    page = await editor.post("/sources/new", url=f"{sister.url}/trang")
    assert "Tin moi" in page.text
    assert f'value="{sister.url}/tin.xml" checked' in page.text
    feed = await editor.post("/sources/new", url=f"{sister.url}/tin.xml")
    assert "Đọc được: 1 tin." in feed.text
    assert 'value="Sở Y tế tỉnh bạn"' in feed.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/rss", "địa chỉ"),
        ("khong-phai", "địa chỉ"),
        ("javascript://a.vn/%0aalert(1)", "địa chỉ"),
        ("{sister}/mat", "Trang trả lời mã 404"),
    ],
)
async def test_an_address_that_cannot_be_is_told_at_its_field(
    editor: Visitor, sister: SisterSite, url: str, told: str
) -> None:
    typed = url.format(sister=sister.url)
    page = await editor.post("/sources/new", url=typed)
    assert page.status_code == 422
    assert 'id="url-error"' in page.text
    assert told in page.text
    assert typed.removeprefix("javascript:") in page.text, "what was typed stays"


async def test_an_entry_becomes_a_draft_with_its_source(
    console: Console, editor: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/a.xml", item("1"), item("2", title="Lịch tiêm mới"))
    page = (await editor.client.get(source)).text
    assert "Đã đọc lần đầu: 2 tin có từ trước." in page
    one = await entry(editor, source, "Lịch tiêm mới")
    made = await editor.post(f"{one}/draft", makes="draft")
    assert made.status_code == 303
    composer = (await editor.client.get(made.headers["location"])).text
    assert "Lịch tiêm mới" in composer
    assert 'value="Nguồn /a.xml"' in composer
    assert 'value="https://soyte.example.vn/tin/2.html"' in composer
    assert "Đã tạo bản nháp, có ghi nguồn." in composer
    assert "Đã tạo bản nháp" in (await editor.client.get(f"{source}?view=drafted")).text
    item_id = made.headers["location"].split("/")[2]
    facts = (await editor.client.get(f"/posts/{item_id}")).text
    assert "Đường dẫn gốc" in facts


async def test_what_is_put_aside_can_be_taken_back(editor: Visitor, sister: SisterSite) -> None:
    source = await added(editor, sister, "/b.xml", item("1", title="Không cần"))
    one = await entry(editor, source, "Không cần")
    gone = await editor.post(f"{one}/dismiss", back=f"{source}?view=all")
    assert gone.headers["location"] == f"{source}?view=all"
    after = await editor.client.get(source)
    assert f'action="{one}/back"' in after.text, "the toast offers to undo it"
    assert "Đã bỏ qua" in after.text
    assert (await editor.post(f"{one}/back")).status_code == 303
    assert "Không cần" in (await editor.client.get(f"{source}?view=new")).text


async def test_an_old_encoding_is_converted_at_one_press(
    editor: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/c.xml", item("1", title=_LEGACY, text=_LEGACY))
    one = await entry(editor, source, _LEGACY)
    assert "TCVN3" in (await editor.client.get(one)).text
    assert (await editor.post(f"{one}/convert")).status_code == 303
    page = (await editor.client.get(one)).text
    assert "Thông báo lịch phun thuốc phòng dịch sốt xuất huyết" in page
    assert "TCVN3" not in page
    assert (await editor.post(f"{one}/convert")).status_code == 409


async def test_an_edit_at_the_source_is_shown_against_ones_own(
    console: Console, editor: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/d.xml", item("1", title="Giờ mở cửa", text="Từ 7 giờ."))
    one = await entry(editor, source, "Giờ mở cửa")
    made = await editor.post(f"{one}/draft", makes="draft")
    item_id = UUID(made.headers["location"].split("/")[2])
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE revision SET body = 'Từ 7 giờ sáng.' WHERE item_id = :id"), {"id": item_id}
        )
        await session.execute(
            text("UPDATE item SET version = version + 1 WHERE id = :id"), {"id": item_id}
        )
    sister.feed(item("1", title="Giờ mở cửa", text="Từ 8 giờ."), path="/d.xml")
    await again(console, source)
    page = (await editor.client.get(one)).text
    assert "Nguồn đã sửa sau khi bạn lấy tin" in page
    assert re.search(r"<ins>.*8", page) is not None
    kept = await editor.post(f"{one}/keep")
    assert kept.status_code == 303
    assert "Nguồn đã sửa sau" not in (await editor.client.get(one)).text
    assert (await editor.post(f"{one}/take")).status_code == 409
    sister.feed(item("1", title="Giờ mở cửa", text="Từ 9 giờ."), path="/d.xml")
    await again(console, source)
    taken = await editor.post(f"{one}/take")
    composer = (await editor.client.get(taken.headers["location"])).text
    assert "Từ 9 giờ." in composer


async def test_settings_are_kept_and_told(
    console: Console, team: Team, editor: Visitor, admin: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/e.xml", item("1"))
    form = {"whose": "own", "makes": "draft", "kind": "news", "category": "", "licence": "CV 12"}
    nameless = await editor.post(f"{source}/edit", title=" ", rule="ask", **form)
    assert (nameless.status_code, 'id="title-error"' in nameless.text) == (422, True)
    refused = await admin.post(f"{source}/edit", title="Cổng", rule="draft", **form)
    assert refused.status_code == 422
    assert "cần vai trò Biên tập" in refused.text
    saved = await editor.post(f"{source}/edit", title="Cổng", rule="draft", **form)
    assert saved.status_code == 303
    page = (await editor.client.get(source)).text
    assert "Loa tự tạo bản nháp, người soạn là editor." in page


async def test_a_source_is_paused_removed_and_brought_back(
    editor: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/f.xml", item("1"))
    again_too_soon = await editor.post(f"{source}/fetch")
    assert again_too_soon.status_code == 409
    assert (await editor.post(f"{source}/pause")).status_code == 303
    assert "Tạm dừng" in (await editor.client.get(source)).text
    assert (await editor.post(f"{source}/resume")).status_code == 303
    gone = await editor.post(f"{source}/remove")
    assert gone.headers["location"] == "/sources"
    assert f"{source}/restore" in (await editor.client.get("/sources")).text
    assert (await editor.client.get(source)).status_code == 404
    assert (await editor.post(f"{source}/restore")).status_code == 303
    assert (await editor.client.get(source)).status_code == 200


async def test_other_units_sources_do_not_exist(
    console: Console, editor: Visitor, sister: SisterSite
) -> None:
    source = await added(editor, sister, "/g.xml", item("1"))
    one = await entry(editor, source, "Tin 1")
    stranger = await console.visitor((await console.bench.team()).editor)
    for path in (source, f"{source}/edit", one):
        assert (await stranger.client.get(path)).status_code == 404
    for path in (f"{source}/fetch", f"{source}/remove", f"{one}/draft", f"{one}/dismiss"):
        assert (await stranger.post(path)).status_code == 404


async def test_what_a_feed_says_never_runs_and_never_leads_inside(
    editor: Visitor, sister: SisterSite
) -> None:
    nasty = (
        '<p onclick="x()">Chữ<script>alert(1)</script></p><img src=x onerror=alert(1)>'
        '<a href="javascript:alert(1)">bấm</a><svg onload=alert(1)><iframe src="//x"></iframe>'
    )
    title = '"><script>alert(1)</script>'
    source = await added(editor, sister, "/h.xml", item("1", title=title, text=nasty))
    listed = (await editor.client.get(f"{source}?view=all")).text
    assert "<script>alert" not in listed
    found = re.search(r'href="(/sources/entries/[0-9a-f-]{36})', listed)
    assert found is not None
    page = (await editor.client.get(found[1])).text
    main = page[page.index("<main") :]
    for bad in ("<script>alert", "onclick=", "onerror=", "javascript:", "<iframe", "onload="):
        assert bad not in main


async def test_broken_links_are_listed_with_their_items(
    console: Console, team: Team, editor: Visitor, sister: SisterSite
) -> None:
    item_ = await console.bench.draft(team, title="Bài có liên kết", body=f"[x]({sister.url}/chet)")
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET released_no = 1, published_at = now() WHERE id = :id"),
            {"id": item_.id},
        )
    await sourcing.check_links(console.hub)
    page = (await editor.client.get("/sources/links")).text
    assert "Chưa thấy liên kết nào hỏng" in page
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE link_check SET next_at = now() - interval '1 hour',"
                " failing_since = failing_since - CAST(:by AS interval)"
            ),
            {"by": timedelta(days=1, minutes=5)},
        )
    await sourcing.check_links(console.hub)
    page = (await editor.client.get("/sources/links")).text
    assert f"{sister.url}/chet" in page
    assert "Bài có liên kết" in page
    assert "404" in page
    told = (await editor.client.get("/notifications")).text
    assert "Bài đã đăng có liên kết không còn mở được." in told
    link = re.search(r'href="(/notifications/[0-9a-f-]{36})"[^>]*>\s*Xem liên kết', told)
    assert link is not None
    assert (await editor.client.get(link[1])).headers["location"] == "/sources/links"


async def test_a_stopped_source_is_told_and_leads_to_itself(
    console: Console, sister: SisterSite
) -> None:
    team = await console.bench.team()
    editor = await console.visitor(team.editor)
    source = await added(editor, sister, "/dong.xml", item("1"))
    sister.pages["/dong.xml"] = Answer(status=410)
    await again(console, source)
    assert "Nguồn đã đóng" in (await editor.client.get("/sources")).text
    for staff in (team.editor, team.admin):
        visitor = await console.visitor(staff)
        told = (await visitor.client.get("/notifications")).text
        assert "Loa ngừng đọc nguồn Nguồn /dong.xml." in told
        link = re.search(r'href="(/notifications/[0-9a-f-]{36})"[^>]*>\s*Xem nguồn', told)
        assert link is not None
        assert (await visitor.client.get(link[1])).headers["location"] == source


@pytest.mark.browser
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_person_brings_an_entry_in_without_a_mouse(
    console: Console, editor: Visitor, sister: SisterSite, browser: Browser, size: tuple[int, int]
) -> None:
    path = f"/k{size[0]}.xml"
    sister.feed(item("1", title="Mở thêm điểm tiêm", text="<p>Từ thứ Hai.</p>"), path=path)
    async with window(browser, console, editor, size=size) as opened:
        page = opened.page
        await page.goto("/sources/new")
        await page.get_by_label("Địa chỉ trang hoặc RSS").fill(f"{sister.url}{path}")
        await page.keyboard.press("Enter")
        await page.get_by_text("Đọc được: 1 tin.").wait_for()
        await opened.axe()
        await page.get_by_role("button", name="Thêm nguồn").press("Enter")
        await page.get_by_text("Đã đọc lần đầu").first.wait_for()
        await opened.axe()
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        await page.get_by_role("link", name="Mở thêm điểm tiêm").press("Enter")
        await page.get_by_role("heading", name="Nội dung ở nguồn").wait_for()
        await opened.axe()
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        await page.get_by_role("button", name="Tạo bản nháp từ tin này").press("Enter")
        await page.wait_for_url("**/posts/*/edit")
        title = page.get_by_label("Tiêu đề", exact=True).first
        await expect(title).to_have_value("Mở thêm điểm tiêm")
        await page.goto("/sources")
        await opened.axe()
        await page.goto("/sources/links")
        await opened.axe()
        opened.check()
