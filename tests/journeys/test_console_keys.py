"""Scenarios 2, 10, 11 and 12 by keyboard alone, at both widths (console-ux.md section 14).

Counted as acts are Enter, Space and shortcuts that do something; what only moves the focus (Tab,
arrows, the skip link, `A`, `Ctrl+K`) is bounded between any two acts instead, and wherever it stops
the focus can be seen. Words that are typed, and the Enter that ends them, are typing.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from services.channels import accounts
from services.channels.registry import Registry
from services.delivery.turn import Loop
from services.queue.bell import listening
from shared.clock import steady_seconds
from tests.journeys.test_console_editor import CLEAN, WORD
from tests.services.console.outlets import portal
from tests.support import sandbox as sandboxes
from tests.support.browser import LOADED, NARROW, WIDE, answered, window
from tests.support.console import Console, open_console
from tests.support.keys import Keys
from tests.support.pictures import jpeg, png
from tests.support.sandbox import Sandbox, hosts_of

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """A console before simulated channels, whose loop is turning."""

    console: Console
    sandbox: Sandbox


@pytest.fixture(scope="module")
async def newsroom(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Newsroom]:
    folder = Path(tmp_path_factory.mktemp("media"))
    async with sandboxes.running() as sandbox:
        hosts = {**hosts_of(sandbox), "LOA_ZALO_OAUTH_URL": f"{sandbox.url}/zalo-oauth"}
        async with open_console(database_url, folder, registry=Registry.load(hosts)) as console:
            loop = Loop(console.hub)
            async with listening(database_url, loop.ring):
                turning = asyncio.create_task(loop.run())
                yield Newsroom(console=console, sandbox=sandbox)
                loop.stop()
                await turning


# ── 2: a Word notice, then a photo and its description ───────────────────────────────────────────

_TAKE: Final = """async ([html, png]) => {
  if (png) {
    const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
    const picture = new Blob([bytes], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    return;
  }
  document.addEventListener("copy", (event) => {
    event.clipboardData.setData("text/html", html);
    event.clipboardData.setData("text/plain", "Lịch tiếp công dân");
    event.preventDefault();
  }, { once: true });
}"""


async def _copy(page: Page, *, html: str = "", picture: bytes = b"") -> None:
    """Puts it onto the system's clipboard, as Word or a picture viewer does."""
    await page.evaluate(_TAKE, [html, base64.b64encode(picture).decode()])
    if html:
        await page.keyboard.press("Control+c")


@SIZES
async def test_a_word_notice_and_a_photo_are_pasted(
    newsroom: Newsroom, browser: Browser, size: Sequence[int]
) -> None:
    console = newsroom.console
    team = await console.bench.team()
    async with window(browser, console, await console.visitor(team.editor), size=size) as opened:
        page, keys = opened.page, Keys(page=opened.page)
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto(f"{console.url}/posts/new")
        await page.locator(".editor-text").wait_for()
        body = page.locator("textarea#body")
        await _copy(page, html=WORD)
        began = steady_seconds()
        await keys.skip()
        await keys.reach(page.locator("#title"))
        await keys.type("Lịch tiếp công dân")
        await keys.reach(page.locator(".editor-text"))
        await keys.press("Control+v")  # 1
        await expect(body).to_have_value(CLEAN)
        await _copy(page, picture=png(320, 180))
        await keys.press("Control+v")  # 2
        await keys.stands(page.get_by_role("textbox", name="Mô tả ảnh"))
        await keys.type("Bà con chờ ở bộ phận một cửa")
        await page.keyboard.press("Enter")  # ends the description
        await page.locator(".figure img").wait_for()
        await expect(body).to_have_value(re.compile(r"!\[Bà con chờ ở bộ phận một cửa\]\(media:"))
        await keys.stands(page.locator(".editor-text"))
        assert steady_seconds() - began < 20 * LOADED
        assert keys.acts <= 2
        opened.check()


async def test_a_photo_of_the_disk_comes_in_through_the_toolbar(
    newsroom: Newsroom, browser: Browser, tmp_path: Path
) -> None:
    console = newsroom.console
    team = await console.bench.team()
    photo = tmp_path / "ngap.jpg"
    photo.write_bytes(jpeg(320, 180))
    async with window(browser, console, await console.visitor(team.editor)) as opened:
        page, keys = opened.page, Keys(page=opened.page)
        await page.goto(f"{console.url}/posts/new")
        await page.locator(".editor-text").wait_for()
        await keys.skip()
        await keys.reach(page.locator("#title"))
        await keys.type("Đường ngập")  # without one, saving by itself would be refused
        await keys.reach(page.locator(".editor-text"))
        await keys.move("Escape")
        await keys.reach(page.get_by_role("button", name="Ảnh", exact=True), "ArrowRight")
        await keys.press()
        dialog = page.locator("#media-dialog")
        await dialog.get_by_label("Tìm trong kho").wait_for()
        await keys.reach(dialog.locator('[type="file"]'))
        await keys.choose(photo)
        await keys.reach(dialog.get_by_label("Mô tả"))
        await keys.type("Đường Nguyễn Huệ ngập")
        await page.keyboard.press("Enter")
        await page.locator(".figure img").wait_for()
        await keys.stands(page.locator(".editor-text"))
        # What was chosen wrongly is left by Escape, and the text is where one was.
        await keys.move("Escape")
        await keys.press()
        await dialog.get_by_label("Tìm trong kho").wait_for()
        await page.keyboard.press("Escape")
        await keys.stands(page.locator(".editor-text"))
        opened.check()


# ── 10: an admin connects a Zalo OA with the guide, tests it, sees it healthy ────────────────────


@SIZES
async def test_a_zalo_oa_is_connected(
    newsroom: Newsroom, browser: Browser, size: Sequence[int]
) -> None:
    console, sandbox = newsroom.console, newsroom.sandbox
    team = await console.bench.team()
    oa = await sandbox.account("zalo_oa")
    name = f"Zalo phường {oa['id']}"
    admin = await console.visitor(team.admin)
    async with asyncio.timeout(180 * LOADED), window(browser, console, admin, size=size) as opened:
        page, keys = opened.page, Keys(page=opened.page)
        await page.goto(f"{console.url}/channels")
        await keys.skip()
        await keys.reach(page.get_by_role("link", name="Zalo Official Account"))
        await keys.press()  # 1

        await keys.reach(page.get_by_label("Tên gọi trong Loa"))
        await keys.type(name)
        await keys.press("Control+Enter")  # 2

        await keys.reach(page.get_by_label("Mã OA"))
        await keys.type(oa["id"])
        await keys.reach(page.get_by_label("Mã ứng dụng"))
        await keys.type(oa["settings"]["app_id"])
        await keys.press("Control+Enter")  # 3

        await keys.reach(page.get_by_label("Khoá bí mật"))
        await keys.type(oa["credentials"]["app_secret"])
        await keys.press("Control+Enter")  # 4

        await keys.reach(page.get_by_role("button", name="Uỷ quyền với Zalo"))
        await keys.press()  # 5
        await page.wait_for_url(f"{sandbox.url}/**")
        # The channel's own page, with rings of its own: to the accounts, then through them.
        while await page.locator('[name="oa_id"]:focus').count() == 0:
            await page.keyboard.press("Tab")
        while await page.locator(f'[name="oa_id"][value="{oa["id"]}"]:checked').count() == 0:
            await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")  # 6
        keys.acts += 1

        await page.get_by_role("heading", name="Bước 5. Webhook").wait_for()
        await keys.reach(page.get_by_role("button", name="Lưu và tiếp tục"))
        await keys.press()  # 7

        await page.get_by_role("heading", name="Bước 6. Thử").wait_for()
        await keys.reach(page.get_by_role("button", name="Thử và đưa vào dùng"))
        await keys.press()  # 8
        await page.get_by_text(f"Đã nối {name}.").wait_for()
        card = page.locator("article", has_text=name)
        if not await card.count():
            await page.goto(f"{console.url}/channels")
        await expect(card.locator(".chip")).to_have_text("Tốt")
        assert keys.acts <= 8
        opened.check()
    async with console.hub.open_work() as session:
        (view,) = await accounts.views(session, unit_ids=[team.unit_id])
    assert (view.stage, view.remote_id, view.check_ok) == ("official", oa["id"], True)


# ── 11: a storm warning on all channels, by an editor and an approver ────────────────────────────


@SIZES
async def test_a_storm_warning_is_out(
    newsroom: Newsroom, browser: Browser, size: Sequence[int], tmp_path: Path
) -> None:
    console, sandbox = newsroom.console, newsroom.sandbox
    team = await console.bench.team()
    numbers = []
    for channel in ("zalo_oa", "facebook_page"):
        made = await sandbox.account(channel)
        numbers.append(made["id"])
        words = made["settings"], made["credentials"]
        await console.bench.account(team, channel, *words, name=f"{channel} {made['id']}")
    await portal(console.bench, team)
    photo = tmp_path / "bao.jpg"
    photo.write_bytes(jpeg(1280, 720))
    storm = f"Bão số {size[0]}"
    async with window(browser, console, await console.visitor(team.editor), size=size) as hers:
        page, keys = hers.page, Keys(page=hers.page)
        await page.goto(console.url)
        await keys.skip()
        await keys.reach(page.get_by_role("link", name="Tin khẩn"))
        await keys.press()  # 1
        await keys.stands(page.get_by_label("Tiêu đề"))
        await keys.type(f"{storm} vào bờ đêm nay, bà con không ra khỏi nhà")
        await keys.reach(page.get_by_label("Nội dung"))
        await keys.type("Gọi 114 khi cần cứu hộ.")
        await keys.reach(page.get_by_label("Tệp ảnh"))
        await keys.choose(photo)  # 2
        await keys.reach(page.get_by_label("Mô tả ảnh"))
        await keys.type("Bản đồ đường đi của bão")
        await keys.press("Control+Enter")  # 3
        await expect(page.get_by_role("heading", level=1)).to_contain_text(storm)
        assert keys.acts <= 4
        hers.check()
    async with window(browser, console, await console.visitor(team.approver), size=size) as his:
        page, keys = his.page, Keys(page=his.page)
        await page.goto(f"{console.url}/notifications")
        await keys.skip()
        await keys.reach(page.locator(".notice.urgent", has_text=storm).locator("a[data-row]"))
        await keys.press()  # 1
        await expect(page.get_by_role("heading", level=1)).to_contain_text(storm)
        await keys.move("a")
        await keys.stands(page.get_by_role("button", name="Duyệt", exact=True))
        await keys.press()  # 2
        await expect(page.get_by_text("Đã duyệt.")).to_be_visible()
        assert keys.acts <= 2
        his.check()
    until = steady_seconds() + 120 * LOADED
    for number in numbers:
        while storm not in str((await sandbox.ledger(number))["visible"]):
            assert steady_seconds() < until, await _standing(console, storm)
            await asyncio.sleep(0.1)


async def _standing(console: Console, title: str) -> list[str]:
    """How the item of this title and each of its publications stands."""
    async with console.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT r.state, p.state, p.next_at, p.problem_code, account.channel, account.state"
                "  FROM revision r LEFT JOIN publication p ON p.item_id = r.item_id"
                "  LEFT JOIN account ON account.id = p.account_id"
                " WHERE r.title LIKE :title || '%'"
            ),
            {"title": title},
        )
        return [str(tuple(row)) for row in rows]


# ── 12: who approved a given item, and exactly what text ─────────────────────────────────────────


@SIZES
async def test_who_approved_what_is_found(
    newsroom: Newsroom, browser: Browser, size: Sequence[int]
) -> None:
    console = newsroom.console
    team = await console.bench.team()
    outlet = await portal(console.bench, team)
    title = f"Ngừng cấp nước đường số {team.unit_code}"
    await console.bench.published(team, [outlet], title=title, body="Từ 08:00 đến 17:00.")
    auditor = await console.with_role(team, "auditor")
    async with window(browser, console, auditor, size=size) as opened:
        page, keys = opened.page, Keys(page=opened.page)
        await page.goto(console.url)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Nhật ký")
        began = steady_seconds()
        await page.keyboard.press("Control+k")  # only leads to the field
        field = page.locator("#q" if size == WIDE else "#search-q")
        await keys.stands(field)
        await keys.type(title)
        if size == NARROW:
            await page.keyboard.press("Enter")  # ends the words
            await page.wait_for_url("**/search?q=*")
            await keys.stands(field)  # one goes on from where one was
        else:
            await answered(page, title)
        await page.locator("a.hit", has_text=title).wait_for()
        key = "ArrowDown" if size == WIDE else "Tab"
        await keys.reach(page.locator("a.hit", has_text=title), key)
        await keys.press()  # 1
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await keys.skip()
        await keys.reach(page.get_by_role("link", name="Phiên bản"))
        await keys.press()  # 2
        await expect(page.locator("main table")).to_contain_text("approver")
        await keys.skip()
        await keys.reach(page.get_by_role("link", name="Bản 1", exact=True))
        await keys.press()  # 3
        exact = page.locator("#ban")
        await expect(exact).to_contain_text("approver duyệt")
        await expect(exact).to_contain_text("Từ 08:00 đến 17:00.")
        assert steady_seconds() - began < 20 * LOADED
        assert keys.acts <= 3
        opened.check()
