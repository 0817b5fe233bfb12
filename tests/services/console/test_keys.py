"""What no scenario walks, by keyboard alone: each act is reached, and the focus is never lost.

Source: console-ux.md sections 6 and 10.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from shared.clock import utc_now
from shared.fetch import Guard
from tests.services.console.outlets import portal, three
from tests.services.console.test_sources import added
from tests.support.browser import WIDE, answered, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.keys import Keys
from tests.support.pictures import jpeg
from tests.support.sister_site import SisterSite, item

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guard(sister: SisterSite) -> Guard:
    return sister.guard


@asynccontextmanager
async def _hands(console: Console, visitor: Visitor, browser: Browser) -> AsyncIterator[Keys]:
    async with window(browser, console, visitor, size=WIDE) as opened:
        yield Keys(page=opened.page)
        # A form that comes back with its faults is told by the browser as a failed request.
        assert [one for one in opened.taken() if "status of 422" not in one] == []


async def test_the_library_takes_finds_and_describes(
    console: Console, team: Team, editor: Visitor, browser: Browser, tmp_path: Path
) -> None:
    photo = tmp_path / "san.jpg"
    photo.write_bytes(jpeg(321, 181))
    await console.bench.picture(team)  # another, which the search leaves out
    async with _hands(console, editor, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}/media")
        await keys.skip()
        await keys.reach(page.locator('form[data-uploads] [type="file"]'))
        await keys.choose(photo)
        await keys.stands(page.get_by_label("Mô tả ảnh", exact=True).first)
        await keys.type("Sân ủy ban sau cơn mưa")
        await keys.press()
        await keys.stands(page.get_by_role("link", name="Mở", exact=True))
        # The grid below was drawn anew meanwhile, and is searched without losing the field.
        await expect(page.locator("#shelf")).to_contain_text("Sân ủy ban")
        search = page.get_by_label("Tìm theo mô tả")
        await keys.reach(search)
        await keys.type("san uy ban")
        await answered(page, "san uy ban")
        await expect(page.locator("#shelf .media-look")).to_have_count(1)
        await keys.stands(search)
        await keys.reach(page.locator("#shelf .media-look"))
        await keys.press()
        await page.wait_for_url("**/media/*-*")
        await keys.skip()
        await keys.reach(page.locator("#credit"))
        await keys.type("Ảnh: Nguyễn Lan")
        await keys.press("Control+Enter")
        await expect(page.get_by_text("Đã lưu thông tin tệp")).to_be_visible()
        await keys.stands(page.locator("#credit"))


async def test_the_calendar_is_walked_and_its_menus_are_left(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    outlet = await portal(console.bench, team)
    entry = await console.bench.draft(team, title="Họp tổ dân phố")
    soon = utc_now() + timedelta(hours=30)
    seen = await console.bench.submitted(team, entry.id, [outlet], publish_at=soon)
    await console.bench.approved(team, entry.id, seen)
    async with _hands(console, editor, browser) as keys:
        page = keys.page
        month = soon.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).strftime("%Y-%m")
        await page.goto(f"{console.url}/calendar?view=list&month={month}")
        await keys.skip()
        menu = page.locator("main .menu summary")
        await keys.reach(menu)
        await keys.press()
        await keys.reach(page.get_by_role("link", name="Đổi giờ"))
        await keys.move("Escape")
        await keys.stands(menu)
        await keys.press()
        await keys.reach(page.get_by_role("link", name="Đổi giờ"))
        await keys.press()
        await page.wait_for_url("**/time?**")
        await keys.skip()
        await keys.reach(page.locator("#publish_at"))
        for _ in range(3):  # to the hour of the field
            await keys.move()
        await keys.move("ArrowUp")
        await keys.press("Control+Enter")
        await page.wait_for_url("**/calendar?**")
        await keys.stands(page.locator("main a", has_text="Họp tổ dân phố").first)


async def test_settings_are_saved_and_faults_are_stood_on(
    console: Console, team: Team, admin: Visitor, browser: Browser
) -> None:
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE unit SET parent_id = NULL WHERE id = :id"), {"id": team.unit_id}
        )
    async with _hands(console, admin, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}/admin/workflow")
        await keys.skip()
        name = page.get_by_label("Tên cơ quan")
        await keys.reach(name)
        await page.keyboard.press("Control+a")
        await keys.type("Ủy ban nhân dân phường Hoa Sen")
        await keys.reach(page.get_by_role("button", name="Lưu tên"))
        await keys.press()
        await expect(page.locator("[data-toast]")).to_be_visible()
        await keys.stands(page.get_by_role("button", name="Lưu tên"))
        await page.goto(f"{console.url}/admin/users")
        await keys.skip()
        await keys.reach(page.get_by_role("link", name="Mời người"))
        await keys.press()
        await keys.reach(page.locator("#name"))
        await keys.type("Ngô Bảo")
        await keys.reach(page.locator("#email"))
        await keys.type("khong-phai-thu@")
        await page.locator("#invite form").evaluate("form => { form.noValidate = true }")
        await keys.press()
        await keys.stands_on(page.locator("#faults"))
        await keys.reach(page.locator('#faults a[href="#email"]'))
        await keys.press()
        await keys.stands(page.locator("#email"))


async def test_a_person_is_found_and_given_a_role(
    console: Console, team: Team, admin: Visitor, browser: Browser
) -> None:
    async with _hands(console, admin, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}/admin/users")
        await keys.skip()
        find = page.locator("#find")
        await keys.reach(find)
        await keys.type("second_approver")
        await answered(page, "second_approver")
        await expect(page.locator("#people tbody tr")).to_have_count(1)
        await keys.stands(find)
        await keys.reach(page.locator("#people a.title"))
        await keys.press()
        await page.wait_for_url("**/admin/users/*-*")
        await keys.skip()
        role = page.locator('input[name="role"][value="leader"]')
        await keys.reach(role)
        await keys.press("Space")
        save = page.locator("form:has([name=role]) button[type=submit]")
        await keys.reach(save)
        await keys.press()
        await expect(page.locator("[data-toast]")).to_be_visible()
        await expect(role).to_be_checked()
        await keys.stands(save)


async def test_entries_of_a_source_are_put_aside_one_after_the_other(
    console: Console, editor: Visitor, browser: Browser, sister: SisterSite
) -> None:
    source = await added(
        editor, sister, "/phim.xml", item("1", title="Tin một"), item("2", title="Tin hai")
    )
    async with _hands(console, editor, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}{source}?view=all")
        await keys.skip()
        aside = page.get_by_role("button", name="Bỏ qua: Tin hai")
        await keys.reach(aside)
        await keys.press()
        await expect(aside).to_have_count(0)
        # What was pressed is gone: one stands in the same row, not at the head of the page.
        await expect(page.locator("[data-row] a:focus")).to_have_count(1)
        assert await keys.unseen() == ""
        await keys.press("Control+z")
        await expect(page.get_by_role("button", name="Bỏ qua: Tin hai")).to_be_visible()
        await keys.kept()
        more = page.get_by_title("Việc khác với nguồn này")
        await keys.reach(more, "Shift+Tab")
        await keys.press()
        await keys.reach(page.get_by_role("button", name="Tạm dừng"))
        await keys.press()
        await expect(page.locator("main .chip", has_text="dừng").first).to_be_visible()
        await keys.kept()


async def test_a_live_part_that_goes_away_leaves_its_place(
    console: Console, team: Team, admin: Visitor, browser: Browser
) -> None:
    page_account: UUID = (await three(console.bench, team))[1]
    async with _hands(console, admin, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}/channels/{page_account}/posts")
        await keys.skip()
        await keys.reach(page.get_by_role("button", name="Đọc các bài đã có"))
        await keys.press()
        newest = page.get_by_role("link", name="Xem mới nhất")
        await keys.reach(newest)
        async with console.hub.open_work() as session:
            await session.execute(
                text("UPDATE adoption SET state = 'done', ended_at = now() WHERE account_id = :id"),
                {"id": page_account},
            )
        await expect(newest).to_have_count(0)
        await keys.stands_on(page.locator("#adopted"))
        await keys.reach(page.get_by_role("button", name="Đọc lại"))


async def test_the_search_is_left_where_one_came_from(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    async with _hands(console, editor, browser) as keys:
        page = keys.page
        await page.goto(f"{console.url}/posts")
        await keys.skip()
        await keys.move()
        before = await page.evaluate("document.activeElement.outerHTML")
        await keys.move("/")
        await keys.stands(page.locator("#q"))
        await keys.type("tin")
        await answered(page, "tin")
        await page.locator(".found a").first.wait_for()
        await keys.move("ArrowDown")
        await keys.move("Escape")
        assert await page.evaluate("document.activeElement.outerHTML") == before
