"""Scenarios 3, 4, 7 and 8: read and approve, send back, correct, withdraw.

Against the real sandbox, with the real loop and a real browser (console-ux.md section 14).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import text

from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import fan_out
from shared.clock import steady_seconds
from tests.services.console.outlets import portal
from tests.support.browser import LOADED, NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.sandbox import Sandbox
from tests.support.simulated import simulated_console

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
_WRONG, _RIGHT = "028 0000 1022", "028 0000 1023"
_PATIENCE_SECONDS = 180


@dataclass(slots=True)
class Hand:
    """Clicks or taps, and counts them."""

    page: Page
    count: int = 0

    async def press(self, locator: Locator) -> None:
        """One click or tap."""
        self.count += 1
        await locator.click()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An agency on three simulated channels: its people, and the numbers of its outlets."""

    console: Console
    sandbox: Sandbox
    team: Team
    outlets: tuple[UUID, ...]
    numbers: tuple[str, ...]
    editor: Visitor
    approver: Visitor

    async def draft(self, title: str) -> Item:
        """A draft with a picture and a telephone number."""
        cover = await self.console.bench.picture(self.team)
        return await self.console.bench.draft(
            self.team, title=title, body=f"Việc gấp, xin gọi {_WRONG}.", cover=str(cover)
        )

    async def submitted(self, title: str) -> Item:
        """An item that waits for approval on all three."""
        item = await self.draft(title)
        await self.console.bench.submitted(self.team, item.id, self.outlets)
        return item

    async def live(self, title: str) -> Item:
        """An item that all three show."""
        item = await self.draft(title)
        seen = await self.console.bench.submitted(self.team, item.id, self.outlets)
        await self.console.bench.approved(self.team, item.id, seen)
        await self.until(item, "live")
        return item

    async def until(self, item: Item, state: str, *, generation: int = 1) -> None:
        """Waits until every channel stands so."""
        deadline = steady_seconds() + _PATIENCE_SECONDS
        rows: list[tuple[str, int]] = []
        while steady_seconds() < deadline:
            async with self.console.hub.open_work() as session:
                found = await session.execute(
                    text("SELECT state, observed_generation FROM publication WHERE item_id = :id"),
                    {"id": item.id},
                )
                rows = [(row.state, row.observed_generation) for row in found]
            if rows and all(told == state and no >= generation for told, no in rows):
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{rows}, not {state}")

    async def state(self, item: Item) -> tuple[str, str | None]:
        """State of the newest revision, and why it was sent back."""
        async with self.console.hub.open_work() as session:
            row = (
                await session.execute(
                    text(
                        "SELECT state, return_reason FROM revision WHERE item_id = :id"
                        " ORDER BY no DESC LIMIT 1"
                    ),
                    {"id": item.id},
                )
            ).one()
        return row.state, row.return_reason

    async def change(self, item: Item) -> None:
        """The editor corrects the number meanwhile, and submits it again."""
        async with self.console.hub.open_work() as session:
            version = (await session.get_one(Item, item.id)).version
        async with self.console.hub.open_work() as session:
            form = ItemChanges(body=f"Việc gấp, xin gọi {_RIGHT}.")
            await fan_out.edit(session, self.editor.caller, item.id, form, version=version)
        await self.console.bench.submitted(self.team, item.id, self.outlets)

    async def shown(self, item: Item) -> list[str]:
        """What citizens see of it on the two channels that keep posts of their own."""
        told = []
        for number in self.numbers:
            ledger = await self.sandbox.ledger(number)
            told += [str(post) for post in ledger["visible"] if item.code in str(post)]
        return told


@pytest.fixture(scope="module")
async def newsroom(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Console, Sandbox]]:
    folder = Path(tmp_path_factory.mktemp("media"))
    async with simulated_console(database_url, folder) as opened:
        yield opened


@pytest.fixture
async def house(newsroom: tuple[Console, Sandbox]) -> House:
    console, sandbox = newsroom
    team = await console.bench.team()
    outlets, numbers = [], []
    for channel in ("zalo_oa", "facebook_page"):
        made = await sandbox.account(channel)
        numbers.append(made["id"])
        outlets.append(
            await console.bench.account(
                team,
                channel,
                made["settings"],
                made["credentials"],
                name=f"{channel} {team.unit_code}",
            )
        )
    outlets.append(await portal(console.bench, team))
    return House(
        console=console,
        sandbox=sandbox,
        team=team,
        outlets=tuple(outlets),
        numbers=tuple(numbers),
        editor=await console.visitor(team.editor),
        approver=await console.visitor(team.approver),
    )


async def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until an element has the focus, as somebody without a mouse does."""
    for _ in range(80):
        if await page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


# ── 3: read three previews and the change, approve ───────────────────────────────────────────────


@SIZES
@SCRIPT
async def test_an_approver_reads_and_approves_in_two_clicks(
    house: House, browser: Browser, size: Sequence[int], script: bool
) -> None:
    item = await house.submitted("Lịch tiếp dân tháng 12")
    console = house.console
    async with window(browser, console, house.approver, size=size, script=script) as opened:
        page, hand = opened.page, Hand(opened.page)
        await page.goto(console.url + "/notifications")
        notice = page.locator("article", has_text="Lịch tiếp dân tháng 12")
        await hand.press(notice.locator("a[data-row]"))  # 1
        await expect(page.get_by_role("heading", level=1)).to_have_text("Lịch tiếp dân tháng 12")
        for look in (".phone", ".fb", ".portal"):
            await expect(page.locator(look)).to_be_visible()
            await expect(page.locator(look)).to_contain_text(_WRONG)
        await expect(page.get_by_text("Có gì thay đổi")).to_be_visible()
        if script:
            await opened.axe()
        await hand.press(page.get_by_role("button", name="Duyệt", exact=True))  # 2
        await page.wait_for_url(re.compile(r"/$"))
        await expect(page.get_by_text("Đã duyệt.")).to_be_visible()
        assert hand.count <= 2
        assert (await house.state(item))[0] == "approved"
        opened.check()


@SIZES
async def test_an_approver_needs_no_mouse(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.submitted("Duyệt bằng bàn phím")
    console = house.console
    async with window(browser, console, house.approver, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/review")
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Duyệt", exact=True)).to_be_focused()
        assert (await house.state(item))[0] == "review", "a key never approves"
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"/$"))
        assert (await house.state(item))[0] == "approved"
        opened.check()


async def test_an_edit_in_between_is_shown_before_anything_is_approved(
    house: House, browser: Browser
) -> None:
    item = await house.submitted("Bản sẽ đổi")
    console = house.console
    async with window(browser, console, house.approver) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/review")
        await house.change(item)
        await page.get_by_role("button", name="Duyệt", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("Nội dung đã khác")
        await expect(page.locator(".change ins")).to_contain_text("1023")
        assert (await house.state(item))[0] == "review"
        await opened.axe()
        await page.get_by_role("button", name="Duyệt", exact=True).click()
        await page.wait_for_url(re.compile(r"/$"))
        assert (await house.state(item))[0] == "approved"


# ── 4: send back with a reason; the author sees it ───────────────────────────────────────────────


@SIZES
async def test_an_approver_sends_back_in_three_taps_and_the_author_sees_why(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.submitted("Bài có số sai")
    console = house.console
    async with window(browser, console, house.approver, size=size) as opened:
        page, hand = opened.page, Hand(opened.page)
        await page.goto(f"{console.url}/posts/{item.id}/review")
        await hand.press(page.get_by_role("link", name="Trả lại"))  # 1
        dialog = page.get_by_role("dialog")
        await hand.press(dialog.get_by_text("Sai số liệu, cần kiểm tra lại."))  # 2
        await opened.axe()
        await hand.press(dialog.get_by_role("button", name="Trả lại"))  # 3
        await page.wait_for_url(re.compile(r"/$"))
        assert hand.count <= 3
        assert await house.state(item) == ("returned", "Sai số liệu, cần kiểm tra lại.")
        opened.check()
    async with window(browser, console, house.editor, size=size) as opened:
        await opened.page.goto(console.url + "/")
        task = opened.page.locator("li", has_text="Bài có số sai").first
        await expect(task).to_contain_text("Sai số liệu, cần kiểm tra lại.")


@SIZES
async def test_sending_back_needs_no_mouse(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.submitted("Trả lại bằng bàn phím")
    console = house.console
    async with window(browser, console, house.approver, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/review")
        await page.keyboard.press("r")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await page.keyboard.press("r")
        await tab_to(page, "#reason")
        await page.keyboard.type("Thiếu ngày áp dụng")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url(re.compile(r"/$"))
        assert await house.state(item) == ("returned", "Thiếu ngày áp dụng")
        opened.check()


async def test_without_script_the_reason_is_asked_on_the_page(
    house: House, browser: Browser
) -> None:
    item = await house.submitted("Trả lại không cần script")
    console = house.console
    async with window(browser, console, house.approver, script=False) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/review")
        await page.get_by_role("link", name="Trả lại").click()
        await page.get_by_role("button", name="Trả lại").click()
        await expect(page.locator("#reason-error")).to_be_visible()
        await page.get_by_label("Câu chữ chưa rõ.").check()
        await page.get_by_role("button", name="Trả lại").click()
        await page.wait_for_url(re.compile(r"/$"))
        assert await house.state(item) == ("returned", "Câu chữ chưa rõ.")


# ── 7: correct a wrong number on all channels ────────────────────────────────────────────────────


@SIZES
async def test_a_wrong_number_is_corrected_everywhere_in_four_and_two_clicks(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.live("Số trực ban của phường")
    assert len([one for one in await house.shown(item) if _WRONG in one]) == 2
    console, began = house.console, steady_seconds()
    async with window(browser, console, house.editor, size=size) as opened:
        page, hand = opened.page, Hand(opened.page)
        await page.goto(f"{console.url}/posts/{item.id}")
        await hand.press(page.get_by_role("link", name="Đính chính"))  # 1
        await opened.axe()
        await page.get_by_label("Nội dung đính chính").fill(f"Số trực ban đúng là {_RIGHT}.")
        await hand.press(page.get_by_role("button", name="Tiếp: sửa nội dung"))  # 2
        await page.wait_for_url("**/edit")
        await page.locator(".editor-text").wait_for()
        await page.locator(".editor-text").focus()
        await page.keyboard.press("Control+a")
        await page.keyboard.type(f"Việc gấp, xin gọi {_RIGHT}.")
        await hand.press(page.get_by_role("button", name="Gửi duyệt"))  # 3
        await page.wait_for_url(f"**/posts/{item.id}")
        assert hand.count <= 4
        opened.check()
    async with window(browser, console, house.approver, size=size) as opened:
        page, hand = opened.page, Hand(opened.page)
        await page.goto(console.url + "/notifications")
        notice = page.locator("article", has_text="Số trực ban của phường")
        await hand.press(notice.locator("a[data-row]").first)  # 1
        await expect(page.locator(".change", has_text="Nội dung").first).to_be_visible()
        await expect(page.locator(".changes")).to_contain_text("1023")
        await hand.press(page.get_by_role("button", name="Duyệt", exact=True))  # 2
        await page.wait_for_url(re.compile(r"/$"))
        assert hand.count <= 2
    await house.until(item, "live", generation=2)
    shown = await house.shown(item)
    assert len(shown) == 2
    assert all(_RIGHT in one and f"gọi {_WRONG}" not in one for one in shown)
    assert steady_seconds() - began <= 120 * LOADED


@SIZES
async def test_correcting_needs_no_mouse(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.live(f"Số trực ban, bàn phím {size[0]}")
    console = house.console
    async with window(browser, console, house.editor, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}")
        await tab_to(page, f'main a[href$="/posts/{item.id}/correct"]')
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/correct")
        await tab_to(page, "#correction_note")
        await page.keyboard.type(f"Số trực ban đúng là {_RIGHT}.")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url("**/edit")
        await page.locator(".editor-text").wait_for()
        await tab_to(page, ".editor-text")
        await page.keyboard.press("Control+a")
        await page.keyboard.type(f"Việc gấp, xin gọi {_RIGHT}.")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url(f"**/posts/{item.id}")
        opened.check()
    async with window(browser, console, house.approver, size=size) as opened:
        page = opened.page
        await page.goto(console.url + "/notifications")
        notice = page.locator("article", has_text=f"bàn phím {size[0]}")
        path = await notice.locator("a[data-row]").first.get_attribute("href")
        await tab_to(page, f'a[href="{path}"]')
        await page.keyboard.press("Enter")
        await expect(page.locator(".changes")).to_contain_text("1023")
        await page.wait_for_load_state()  # with what listens to the key
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Duyệt", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"/$"))
        opened.check()
    await house.until(item, "live", generation=2)
    shown = await house.shown(item)
    assert len(shown) == 2
    assert all(_RIGHT in one and f"gọi {_WRONG}" not in one for one in shown)


# ── 8: withdraw everywhere with a reason ─────────────────────────────────────────────────────────


@SIZES
@SCRIPT
async def test_an_item_is_withdrawn_everywhere_in_three_clicks(
    house: House, browser: Browser, size: Sequence[int], script: bool
) -> None:
    item = await house.live("Bài phải gỡ")
    console = house.console
    async with window(browser, console, house.approver, size=size, script=script) as opened:
        page, hand = opened.page, Hand(opened.page)
        await page.goto(f"{console.url}/posts/{item.id}")
        await hand.press(page.get_by_role("link", name="Gỡ", exact=True))  # 1
        if script:
            await opened.axe()
        await page.get_by_label("Viết thêm, hoặc lý do khác").fill("Sai ngày tiếp dân")
        await hand.press(page.get_by_role("button", name="Gỡ khỏi 3 kênh"))  # 2
        await page.wait_for_url(f"**/posts/{item.id}/delivery")
        assert hand.count <= 3
        await house.until(item, "withdrawn", generation=2)
        if not script:
            await page.reload()
        await expect(page.locator(".lane .chip", has_text="Đã gỡ")).to_have_count(3)
        assert await house.shown(item) == []
        opened.check()


@SIZES
async def test_withdrawing_needs_no_mouse(
    house: House, browser: Browser, size: Sequence[int]
) -> None:
    item = await house.live("Gỡ bằng bàn phím")
    console = house.console
    async with window(browser, console, house.approver, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}")
        await tab_to(page, f'main a[href$="/posts/{item.id}/withdraw"]')
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/withdraw")
        await tab_to(page, '[name="quick"]')
        await page.keyboard.press("Space")
        await tab_to(page, "main button.danger")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/delivery")
        await house.until(item, "withdrawn", generation=2)
        opened.check()


# ── The item's page ──────────────────────────────────────────────────────────────────────────────


@SIZES
@pytest.mark.parametrize("contrast", ["normal", "high"])
async def test_every_tab_is_free_of_barriers_and_sideways_scrolling(
    house: House, browser: Browser, size: Sequence[int], contrast: str
) -> None:
    item = await house.live("Bài dùng để xem các phần của trang")
    await house.approver.post("/account/display", contrast=contrast)
    await house.approver.post(f"/posts/{item.id}/comments", text="Nhờ xem lại số điện thoại")
    async with window(browser, house.console, house.approver, size=size) as opened:
        page = opened.page
        for tab in ("content", "revisions", "revisions&no=1", "channels", "comments", "log"):
            await page.goto(f"{house.console.url}/posts/{item.id}?tab={tab}")
            await opened.axe()
            assert await page.evaluate("document.documentElement.scrollWidth") <= size[0], tab
        opened.check()


async def test_the_page_follows_what_happens_elsewhere(house: House, browser: Browser) -> None:
    item = await house.submitted("Trang tự đổi")
    console = house.console
    async with window(browser, console, house.editor) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}")
        await expect(page.locator(".item-head .chip")).to_have_text("Chờ duyệt")
        await opened.listens()
        await house.approver.post(f"/posts/{item.id}/return", reason="Thiếu ngày")
        await expect(page.locator(".item-head .chip")).to_have_text("Cần sửa")
        await expect(page.locator(".item-head")).to_contain_text("Bản 1 bị trả lại: Thiếu ngày")
        opened.check()
