"""Bài viết over HTTP: views, filters, pages, the file, and several moved at once."""

import csv
import io
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from services.console import posts
from services.delivery import listing
from shared.clock import utc_now
from tests.services.delivery.desk import Desk, open_desk
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor


@pytest.fixture
async def desk(console: Console) -> Desk:
    return await open_desk(console.bench)


@pytest.fixture
async def reader(console: Console, desk: Desk) -> Visitor:
    return await console.visitor(desk.team.editor)


async def seen(visitor: Visitor, path: str) -> str:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200
    return answer.text


async def rows(visitor: Visitor, path: str) -> list[list[str]]:
    answer = await visitor.client.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith("\ufeff".encode())
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_an_editor_begins_with_their_own_and_an_approver_with_what_waits(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    await desk.draft("Nháp của tôi")
    await desk.review("Chờ người khác")
    assert "Nháp của tôi" in await seen(reader, "/posts")
    approver = await seen(await console.visitor(desk.team.approver), "/posts")
    assert "Chờ người khác" in approver
    assert "Nháp của tôi" not in approver
    assert "Dời giờ" not in approver


async def test_an_empty_view_offers_to_write_and_an_empty_search_to_clear(reader: Visitor) -> None:
    told = await seen(reader, "/posts?view=trouble")
    assert "Chưa có bài nào ở mục này." in told
    assert 'href="/posts/new"' in told
    told = await seen(reader, "/posts?view=all&q=khong+co")
    assert "Không có bài nào khớp với bộ lọc." in told
    assert "Bỏ lọc" in told


async def test_filters_stay_in_the_address_of_every_tab(desk: Desk, reader: Visitor) -> None:
    await desk.draft("Thông báo cắt điện", tags=["điện"], kind="document")
    told = await seen(reader, "/posts?view=all&q=thong+bao&kind=document&tag=%C4%91i%E1%BB%87n")
    assert "Thông báo cắt điện" in told
    assert "view=review&amp;q=thong+bao&amp;kind=document" in told


async def test_a_state_in_the_address_leads_to_its_view(desk: Desk, reader: Visitor) -> None:
    await desk.failed("Không đăng được")
    assert "Không đăng được" in await seen(reader, "/posts?state=failed")


async def test_fifty_stand_on_a_page_and_the_rest_on_the_next(desk: Desk, reader: Visitor) -> None:
    for number in range(51):
        await desk.draft(f"Bài số {number:02}")
    first = await seen(reader, "/posts?view=all")
    assert first.count("<tr data-row") == 50
    assert "Bài số 00" not in first
    link = first.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    second = await seen(reader, link)
    assert second.count("<tr data-row") == 1
    assert "Bài số 00" in second
    assert (await reader.client.get("/posts?cursor=x")).status_code == 422


async def test_only_the_list_is_sent_to_a_page_that_asks_for_it(reader: Visitor) -> None:
    answer = await reader.client.get(
        "/posts?view=all", headers={"hx-request": "true", "hx-request-type": "partial"}
    )
    assert answer.text.strip().startswith('<div id="posts"')


async def test_a_view_is_written_to_a_file_that_no_spreadsheet_runs(
    desk: Desk, reader: Visitor
) -> None:
    await desk.draft('=HYPERLINK("http://x","đây")')
    at = utc_now().replace(second=0, microsecond=0) + timedelta(days=1)
    item = await desk.scheduled("Có, dấu phẩy", at)
    head, *told = await rows(reader, "/posts.csv?view=all")
    assert head[:2] == ["Mã", "Tiêu đề"]
    assert [one[1] for one in told] == ["Có, dấu phẩy", '\'=HYPERLINK("http://x","đây")']
    assert told[0][4] == "Đã lên lịch"
    _, *chosen = await rows(reader, f"/posts.csv?item={item}")
    assert [one[1] for one in chosen] == ["Có, dấu phẩy"]
    assert (await reader.client.get("/posts.csv?item=x")).status_code == 404


async def test_a_file_that_holds_a_part_of_a_view_says_so(
    desk: Desk, reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "_EXPORTED", 1)
    await desk.draft("Một")
    assert len(await rows(reader, "/posts.csv?view=all")) == 2
    await desk.draft("Hai")
    _, first, last = await rows(reader, "/posts.csv?view=all")
    assert (first[1], last) == ("Hai", ["Còn nữa: bảng này chỉ chứa 1 dòng đầu."])


async def test_chosen_items_of_other_units_are_left_out_of_the_file(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    stranger = await open_desk(console.bench)
    item = await stranger.draft("Của đơn vị khác")
    assert len(await rows(reader, f"/posts.csv?item={item}")) == 1


# ── Several at once ──────────────────────────────────────────────────────────────────────────────


async def test_several_are_moved_and_moved_back(desk: Desk, reader: Visitor) -> None:
    at = utc_now().replace(second=0, microsecond=0) + timedelta(days=2)
    one, two = await desk.scheduled("Một", at), await desk.review("Hai", at)
    form = await seen(reader, f"/calendar/move?item={one}&item={two}")
    assert "1 bài đã được duyệt sẽ cần duyệt lại" in form
    answer = await reader.post(
        "/calendar/move", item=[str(one), str(two)], length="1", unit="day", way="later"
    )
    assert answer.status_code == 303
    page = await reader.client.get(answer.headers["location"])
    assert "Đã dời 2 bài. 1 bài cần được duyệt lại." in page.text
    undo = page.text.split('action="/calendar/move/undo')[1].split('"')[0].replace("&amp;", "&")
    assert await wishes(desk, one, two) == [at + timedelta(days=1)] * 2
    await reader.post(f"/calendar/move/undo{undo}")
    assert await wishes(desk, one, two) == [at] * 2


async def test_what_cannot_be_moved_is_told_and_the_others_are(desk: Desk, reader: Visitor) -> None:
    at = utc_now().replace(second=0, microsecond=0) + timedelta(hours=2)
    good, soon = (
        await desk.scheduled("Ngày mai", at + timedelta(days=1)),
        await desk.scheduled("Sắp rồi", at),
    )
    answer = await reader.post(
        "/calendar/move", item=[str(good), str(soon)], length="3", unit="hour", way="earlier"
    )
    assert answer.status_code == 200
    assert "Sắp rồi: Giờ đăng phải ở sau lúc này" in answer.text
    assert "1 bài không dời được" in answer.text
    assert await wishes(desk, good) == [at + timedelta(hours=21)]


@pytest.mark.parametrize("length", ["", "0", "-1", "abc", "9999999999"])
async def test_a_length_that_is_none_is_told_beside_its_field(
    desk: Desk, reader: Visitor, length: str
) -> None:
    item = await desk.scheduled("Bài", utc_now() + timedelta(days=1))
    answer = await reader.post("/calendar/move", item=str(item), length=length)
    assert answer.status_code == 422
    assert "Chọn một số từ 1 đến 1000." in answer.text


async def test_only_editors_move(console: Console, desk: Desk) -> None:
    approver = await console.visitor(desk.team.approver)
    item = await desk.scheduled("Bài", utc_now() + timedelta(days=1))
    for path in (f"/posts/{item}/time", "/calendar/move"):
        assert (await approver.client.get(path)).status_code == 403
        assert (await approver.post(path, publish_at="2030-01-01T08:00")).status_code == 403


# ── One at a time ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "typed", ["", "mai", "2020-01-01T08:00", "9999-99-99T00:00", "0001-01-01T00:00"]
)
async def test_a_time_that_cannot_be_is_told_and_nothing_moves(
    desk: Desk, reader: Visitor, typed: str
) -> None:
    at = utc_now().replace(second=0, microsecond=0) + timedelta(days=1)
    item = await desk.scheduled("Bài", at)
    answer = await reader.post(f"/posts/{item}/time", publish_at=typed)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert await wishes(desk, item) == [at]


async def test_somebody_elses_change_in_between_is_not_written_over(
    desk: Desk, reader: Visitor
) -> None:
    item = await desk.scheduled("Bài", utc_now() + timedelta(days=1))
    answer = await reader.post(f"/posts/{item}/time", publish_at="2090-01-01T08:00", version="1")
    assert answer.status_code == 409
    assert "Có người vừa sửa tin này" in answer.text


async def test_a_crafted_way_back_leads_nowhere_else(desk: Desk, reader: Visitor) -> None:
    item = await desk.scheduled("Bài", utc_now() + timedelta(days=1))
    for told in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        page = await seen(reader, f"/posts/{item}/time?next={told}")
        assert 'name="next" value="/"' in page
        assert 'href="/">Quay lại' in page
    for odd in ("to=x&version=1", "to=2030-01-01T00:00:00&version=1"):
        assert (await reader.post(f"/posts/{item}/time/undo?{odd}")).status_code == 404


async def wishes(desk: Desk, *items: object) -> list[object]:
    async with desk.bench.hub.open_work() as session:
        found = await listing.lines(
            session,
            list(items),  # type: ignore[arg-type]  # ids
            unit_ids=[desk.team.unit_id],
        )
    return [one.due_at or one.wish for one in found]


# ── In a browser ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_list_has_no_barrier_and_answers_while_one_types(
    console: Console, desk: Desk, reader: Visitor, browser: Browser, size: tuple[int, int]
) -> None:
    await desk.draft("Thông báo cắt điện", tags=["điện"])
    await desk.scheduled("Lịch tiếp dân", utc_now() + timedelta(days=1))
    async with window(browser, console, reader, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts?view=all")
        await expect(page.get_by_role("link", name="Lịch tiếp dân")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await opened.axe()
        await page.get_by_label("Tìm trong mục này").press_sequentially("cat dien")
        await expect(page.get_by_role("link", name="Lịch tiếp dân")).to_have_count(0)
        await expect(page.get_by_role("link", name="Thông báo cắt điện")).to_be_visible()
        opened.check()


async def test_keys_walk_choose_and_open(
    console: Console, desk: Desk, reader: Visitor, browser: Browser
) -> None:
    first = await desk.draft("Một")
    await desk.draft("Hai")
    async with window(browser, console, reader) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts?view=all")
        for key in ("j", "j", "x"):
            await page.keyboard.press(key)
        await expect(page.locator(f'input[value="{first}"]')).to_be_checked()
        await expect(page.get_by_role("link", name="Một")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/posts/{first}")
