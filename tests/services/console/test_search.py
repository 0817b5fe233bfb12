"""Tìm & lệnh: what is found with and without diacritics, by whom, while typing and as a page."""

import pytest
from playwright.async_api import Browser, expect

from services.content.tables import Item
from tests.services.delivery.desk import Desk, open_desk
from tests.support.browser import NARROW, WIDE, answered, window
from tests.support.console import Console, Visitor

PARTIAL = {"hx-request": "true", "hx-request-type": "partial"}


@pytest.fixture
async def desk(console: Console) -> Desk:
    return await open_desk(console.bench)


@pytest.fixture
async def reader(console: Console, desk: Desk) -> Visitor:
    return await console.visitor(desk.team.editor)


async def seen(visitor: Visitor, asked: str) -> str:
    answer = await visitor.client.get("/search", params={"q": asked})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("asked", ["thông báo điện", "thong bao dien", "THONG bao", "đien"])
async def test_items_are_found_with_and_without_diacritics(
    desk: Desk, reader: Visitor, asked: str
) -> None:
    item = await desk.draft("Thông báo cắt điện")
    assert f'href="/posts/{item}"' in await seen(reader, asked)


async def test_an_item_is_found_by_its_code(desk: Desk, reader: Visitor) -> None:
    item = await desk.draft("Lịch tiếp dân")
    async with desk.bench.hub.open_work() as session:
        code = (await session.get_one(Item, item)).code
    assert code.startswith(f"{desk.team.unit_code}-")
    assert f'href="/posts/{item}"' in await seen(reader, code)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("duyệt", "/posts?view=review"),
        ("duyet", "/posts?view=review"),
        ("tin khẩn", "/urgent"),
        ("khan cap", None),
        ("lịch", "/calendar"),
        ("lich tuan", "/calendar?view=week"),
        ("approve", "/posts?view=review"),
        ("phím tắt", "/help"),
    ],
)
async def test_commands_are_found_by_how_people_call_them(
    reader: Visitor, asked: str, path: str | None
) -> None:
    told = await seen(reader, asked)
    assert (f'data-row href="{path}"' in told) is (path is not None)


async def test_commands_are_offered_to_whom_they_belong(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    admin = await console.visitor(desk.team.admin)
    assert 'data-row href="/admin/workflow"' in await seen(admin, "cài đặt")
    assert "/admin/workflow" not in await seen(reader, "cài đặt")
    assert 'data-row href="/posts/new"' not in await seen(admin, "soạn tin")


async def test_an_admin_signs_a_cut_off_channel_in_again_from_here(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    account = desk.accounts[0]
    await desk.run("UPDATE account SET state = 'paused', paused_at = now() WHERE id = :id", account)
    admin = await console.visitor(desk.team.admin)
    told = await seen(admin, "noi lai cong")
    assert f'href="/channels/{account}"' in told
    assert "Nối lại cong" in told
    assert "Nối lại" not in (await seen(reader, "noi lai cong")).split("<main")[1]


async def test_people_are_found_by_admins_alone(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    admin = await console.visitor(desk.team.admin)
    assert f'href="/admin/users/{desk.team.approver}"' in await seen(admin, "approver")
    assert f"{desk.team.approver}" not in await seen(reader, "approver")


async def test_pictures_are_found_by_their_description(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    picture = await console.bench.picture(desk.team)
    assert f'href="/media/{picture}"' in await seen(reader, "tru so tiep cong dan")


async def test_other_units_keep_what_is_theirs(
    console: Console, desk: Desk, reader: Visitor
) -> None:
    stranger = await open_desk(console.bench)
    item = await stranger.draft("Bí mật của đơn vị khác")
    assert str(item) not in await seen(reader, "bi mat")


async def test_nothing_found_says_what_to_try_and_nothing_asked_gives_examples(
    reader: Visitor,
) -> None:
    assert "Thử ít chữ hơn" in await seen(reader, "zzzzqqq")
    assert "nối lại Zalo" in await seen(reader, "")


@pytest.mark.parametrize(
    "asked", ["<script>alert(1)</script>", "' OR 1=1 --", "\u202eabc", "a" * 5000]
)
async def test_odd_words_are_only_words(reader: Visitor, asked: str) -> None:
    told = await seen(reader, asked)
    assert "<script>alert" not in told
    assert "\u202e" not in told


async def test_while_typing_only_the_list_is_sent(desk: Desk, reader: Visitor) -> None:
    await desk.draft("Thông báo cắt điện")
    answer = await reader.client.get("/search", params={"q": "cat"}, headers=PARTIAL)
    assert answer.text.strip().startswith('<div class="found" id="found">')
    assert "Thông báo cắt điện" in answer.text
    answer = await reader.client.get("/search", params={"q": ""}, headers=PARTIAL)
    assert answer.text.strip() == '<div class="found" id="found"></div>'


async def test_keys_lead_from_the_field_to_what_is_found(
    console: Console, desk: Desk, reader: Visitor, browser: Browser
) -> None:
    item = await desk.draft("Thông báo cắt điện")
    async with window(browser, console, reader) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts")
        await page.keyboard.press("/")
        await page.keyboard.type("thong bao cat", delay=20)
        await answered(page, "thong bao cat")
        hit = page.locator("#found a", has_text="Thông báo cắt điện")
        await expect(hit).to_be_visible()
        await opened.axe()
        await page.keyboard.press("ArrowDown")
        await expect(hit).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/posts/{item}")
        await page.keyboard.press("Control+k")
        await expect(page.locator("#q")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("#q")).not_to_be_focused()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_page_has_no_barrier(
    console: Console, desk: Desk, reader: Visitor, browser: Browser, size: tuple[int, int]
) -> None:
    await desk.draft("Lịch tiếp dân")
    await console.bench.picture(desk.team)
    async with window(browser, console, reader, size=size) as opened:
        await opened.page.goto(f"{console.url}/search?q=ti%E1%BA%BFp")
        await expect(opened.page.get_by_role("link", name="Lịch tiếp dân")).to_be_visible()
        assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await opened.axe()
        opened.check()
