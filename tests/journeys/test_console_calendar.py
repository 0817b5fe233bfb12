"""Scenario 5: a scheduled item is moved to Friday 08:00, by mouse, by keys, by touch, and back."""

from datetime import datetime, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from services.delivery import listing
from services.delivery.listing import Line
from shared.clock import utc_now
from tests.services.delivery.desk import Desk, open_desk
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor

HERE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
async def desk(console: Console) -> Desk:
    return await open_desk(console.bench)


@pytest.fixture
async def editor(console: Console, desk: Desk) -> Visitor:
    return await console.visitor(desk.team.editor)


@cache  # of one run, which may begin on a Sunday and end on a Monday
def friday() -> datetime:
    """Friday 08:00 of a week that lies wholly ahead, in the month that the calendar shows then."""
    day = utc_now().astimezone(HERE) + timedelta(days=14)
    day += timedelta(days=4 - day.weekday())
    # Wednesday and Friday must stand in one month's view: any week does, since weeks are whole.
    return day.replace(hour=8, minute=0, second=0, microsecond=0)


async def line(desk: Desk, item: UUID) -> Line:
    async with desk.bench.hub.open_work() as session:
        (found,) = await listing.lines(session, [item], unit_ids=[desk.team.unit_id])
    return found


async def open_month(page: Page, console: Console, at: datetime) -> None:
    await page.goto(f"{console.url}/calendar?view=month&month={at:%Y-%m}")
    await expect(page.locator("#calendar")).to_be_visible()


async def test_one_drag_moves_it_and_one_press_moves_it_back(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    wednesday = friday() - timedelta(days=2)
    item = await desk.scheduled("Lịch tiếp dân tuần này", wednesday)
    async with window(browser, console, editor) as opened:
        page = opened.page
        await open_month(page, console, friday())
        entry = page.locator("[data-move]", has_text="Lịch tiếp dân")
        await entry.drag_to(page.locator(f'td[data-day="{friday():%Y-%m-%d}"]'))
        toast = page.get_by_role("status").filter(has_text="Đã dời sang Thứ Sáu")
        await toast.hover()  # it stays while one is in it
        await expect(toast).to_contain_text("Bài cần được duyệt lại")
        cell = page.locator(f'td[data-day="{friday():%Y-%m-%d}"]')
        await expect(cell).to_contain_text("08:00")
        await expect(cell.get_by_role("link", name="Lịch tiếp dân tuần này")).to_be_focused()
        moved = await line(desk, item)
        assert (moved.wish, moved.standing.state) == (friday(), "review")

        await page.get_by_role("button", name="Hoàn tác").click()
        back = page.get_by_role("status").filter(has_text="Đã trả về giờ cũ")
        await expect(back).to_be_visible()
        assert (await line(desk, item)).wish == wednesday
        opened.check()


async def test_four_keys_move_it(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    item = await desk.scheduled("Lịch tiếp dân tuần này", friday() - timedelta(days=2))
    async with window(browser, console, editor) as opened:
        page = opened.page
        await open_month(page, console, friday())
        await page.get_by_role("link", name="Lịch tiếp dân tuần này").focus()
        for key in ("m", "ArrowRight", "ArrowRight"):
            await page.keyboard.press(key)
        await expect(page.locator("#calendar-said")).to_contain_text("Thứ Sáu")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="Đã dời sang")).to_be_visible()
        assert (await line(desk, item)).wish == friday()
        opened.check()


async def test_escape_leaves_everything_as_it_was(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    at = friday() - timedelta(days=2)
    item = await desk.scheduled("Lịch tiếp dân tuần này", at)
    async with window(browser, console, editor) as opened:
        page = opened.page
        await open_month(page, console, friday())
        await page.get_by_role("link", name="Lịch tiếp dân tuần này").focus()
        for key in ("m", "ArrowRight", "Escape"):
            await page.keyboard.press(key)
        await expect(page.locator("#calendar-said")).to_contain_text("giữ nguyên")
        assert (await line(desk, item)).due_at == at


async def test_a_week_takes_the_hour_too(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    item = await desk.scheduled("Lịch tiếp dân", friday() + timedelta(hours=2, minutes=30))
    async with window(browser, console, editor) as opened:
        page = opened.page
        await page.goto(f"{console.url}/calendar?view=week&day={friday():%Y-%m-%d}")
        entry = page.locator(".week-table [data-move]", has_text="Lịch tiếp dân")
        cell = page.locator(f'td[data-day="{friday():%Y-%m-%d}"][data-hour="08"]')
        await entry.drag_to(cell)
        await expect(page.get_by_role("status").filter(has_text="Đã dời sang")).to_be_visible()
        assert (await line(desk, item)).wish == friday() + timedelta(minutes=30)
        opened.check()


@pytest.mark.parametrize("script", [True, False])
async def test_on_a_phone_three_taps_move_it(
    console: Console, desk: Desk, editor: Visitor, browser: Browser, script: bool
) -> None:
    item = await desk.scheduled("Lịch tiếp dân tuần này", friday() - timedelta(days=2))
    async with window(browser, console, editor, size=NARROW, script=script) as opened:
        page = opened.page
        await open_month(page, console, friday())
        await page.locator(".entry-menu summary").click()
        await page.get_by_role("link", name="Đổi giờ").click()
        await expect(page.get_by_text("lấy lại việc duyệt")).to_be_visible()
        await page.get_by_label("Giờ đăng mới").fill(f"{friday():%Y-%m-%dT%H:%M}")
        await page.get_by_role("button", name="Đổi giờ và gửi duyệt lại").click()
        await expect(page.get_by_role("status").filter(has_text="Đã dời sang")).to_be_visible()
        assert (await line(desk, item)).wish == friday()
        opened.check()


async def test_arrows_and_page_keys_walk_through_days_and_months(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    year = friday().year + 1
    async with window(browser, console, editor) as opened:
        page = opened.page
        await open_month(page, console, datetime(year, 6, 1, tzinfo=HERE))
        await page.locator(f'td[data-day="{year}-06-09"] a.day-no').focus()
        for key in ("ArrowRight", "ArrowDown"):
            await page.keyboard.press(key)
        await expect(page.locator(f'td[data-day="{year}-06-17"] a.day-no')).to_be_focused()
        await page.keyboard.press("PageDown")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(f"Tháng 07 năm {year}")
        await page.wait_for_load_state()
        await page.locator(f'td[data-day="{year}-07-15"] a.day-no').focus()
        await page.keyboard.press("n")
        await page.wait_for_url(f"**/posts/new?at={year}-07-15T08:00")


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("view", ["month", "week", "list"])
async def test_the_calendar_has_no_barrier(
    console: Console,
    desk: Desk,
    editor: Visitor,
    browser: Browser,
    size: tuple[int, int],
    view: str,
) -> None:
    for minutes in (0, 10, 20):
        await desk.scheduled(f"Bài {minutes}", friday() + timedelta(minutes=minutes))
    async with window(browser, console, editor, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/calendar?view={view}&month={friday():%Y-%m}")
        if view == "week":
            await page.goto(f"{console.url}/calendar?view=week&day={friday():%Y-%m-%d}")
        await expect(page.get_by_text("3 bài trong 30 phút").locator("visible=true")).to_have_count(
            1
        )
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0
        await opened.axe()
        opened.check()


async def test_quiet_hours_are_hatched_in_a_week(
    console: Console, desk: Desk, editor: Visitor, browser: Browser
) -> None:
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO agency_setting (name, value, by, at) VALUES ('quiet_hours',"
                """ '{"start": "21:00:00", "end": "07:00:00"}', :by, now())"""
            ),
            {"by": desk.team.admin},
        )
    async with window(browser, console, editor) as opened:
        await opened.page.goto(f"{console.url}/calendar?view=week")
        hours = opened.page.locator("td.quiet").evaluate_all(
            "cells => [...new Set(cells.map(cell => cell.dataset.hour))]"
        )
        assert await hours == ["06", "21", "22"]
    async with console.hub.open_work() as session:
        await session.execute(text("DELETE FROM agency_setting WHERE name = 'quiet_hours'"))
