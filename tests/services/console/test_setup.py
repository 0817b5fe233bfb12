"""The first steps of a new hub: from the first admin's form to the first item."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from services.staff import invitations
from shared.clock import utc_now
from tests.services.console import outlets
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team

_ADMIN = {
    "unit_name": "Ủy ban nhân dân phường Hoa Sen",
    "unit_code": "HOASEN",
    "name": "Trần Minh Quân",
    "email": "quan@hoasen.example",
    "password": "mot cau rat de nho",
}


@pytest.fixture
async def new_hub(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Console]:
    """A hub in which nobody is yet."""
    async with open_console(fresh_database_url, tmp_path) as opened:
        yield opened


async def test_the_first_admin_is_led_to_the_first_steps_and_may_pass_them_over(
    new_hub: Console, browser: Browser
) -> None:
    async with new_hub.hub.open_work() as session:
        secret = await invitations.create_first(session, now=utc_now())
    async with window(browser, new_hub) as opened:
        page = opened.page
        await page.goto(f"{new_hub.url}/start/{secret}")
        for name, value in _ADMIN.items():
            await page.locator(f"[name={name}]").fill(value)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in?next=%2Fsetup")
        await page.get_by_label("Thư điện tử").fill(_ADMIN["email"])
        await page.get_by_label("Mật khẩu").fill(_ADMIN["password"])
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/setup")
        await expect(page.get_by_text("0/5 bước đã xong")).to_be_visible()
        await opened.axe()
        now = page.locator(".setup-steps .now")
        await expect(now).to_contain_text("Tên và logo của cơ quan")
        await now.get_by_role("button", name="Để sau").click()
        await expect(now).to_contain_text("Mời người viết và người duyệt")
        await page.get_by_role("button", name="Làm bước này").click()
        await expect(now).to_contain_text("Tên và logo của cơ quan")
        # The step is done where it is done; coming back finds it ticked.
        await now.get_by_role("link", name="Đặt tên và logo").click()
        await page.locator("#name").fill("Phường Hoa Sen")
        await page.get_by_role("button", name="Lưu tên").click()
        await expect(page.locator("[data-toast]")).to_be_visible()
        await page.goto(new_hub.url + "/")
        card = page.locator("section", has_text="Thiết lập Loa: bước tiếp theo")
        await expect(card).to_contain_text("1/5 bước đã xong")
        await expect(card).to_contain_text("Mời người viết và người duyệt")
        await opened.axe()
        await page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        for path in ("/", "/setup"):
            await page.goto(new_hub.url + path)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= NARROW[0]
            await opened.axe()
        await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        await page.get_by_role("button", name="Không hiện trên Hôm nay nữa").click()
        await expect(page.get_by_text("Đã cất danh sách")).to_be_visible()
        await expect(card).to_have_count(0)
        await page.goto(new_hub.url + "/setup")
        again = page.get_by_role("button", name="Hiện lại trên Hôm nay")
        await again.click()
        await expect(again).to_have_count(0)
        await page.goto(new_hub.url + "/")
        await expect(card).to_be_visible()
        opened.check()


async def test_steps_are_ticked_by_what_is_there(new_hub: Console) -> None:
    console = new_hub
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    zalo = await outlets.portal(console.bench, team)
    page = (await admin.client.get("/setup")).text
    # A team of two who write and agree, and an account: nobody ticked anything.
    assert page.count('<li class="done"') == 2
    item = await console.bench.draft(team)
    await console.bench.submitted(team, item.id, [zalo])
    await admin.post("/admin/workflow/quiet_hours", start="21:00", end="06:00")
    await admin.post("/admin/workflow/agency", name="Phường Hoa Sen")
    page = (await admin.client.get("/setup")).text
    assert "Loa đã sẵn sàng" in page
    assert "5/5 bước đã xong" in page
    assert "Thiết lập Loa: bước tiếp theo" not in (await admin.client.get("/")).text


async def test_only_who_may_change_the_house_goes_its_first_steps(
    console: Console, team: Team, editor: Visitor
) -> None:
    assert (await editor.client.get("/setup")).status_code == 403
    assert (await editor.post("/setup", step="agency")).status_code == 403
    both = await console.with_role(team, "admin", "editor")
    assert "/posts/new" in (await both.client.get("/setup")).text
    assert (await both.post("/setup", step="không có")).status_code == 403


async def test_the_agency_s_mark_stands_where_people_sign_in(
    console: Console, admin: Visitor
) -> None:
    drawn = io.BytesIO()
    Image.new("RGBA", (200, 200), (200, 30, 60, 255)).save(drawn, "PNG")
    kept = await admin.client.post(
        "/admin/workflow/logo",
        data={"csrf": admin.csrf},
        files={"logo": ("logo.png", drawn.getvalue(), "image/png")},
    )
    assert kept.status_code == 303, kept.text
    await admin.post("/admin/workflow/agency", name="UBND phường Hoa Sen")
    async with console.client() as nobody:
        page = (await nobody.get("/sign-in")).text
        assert "UBND phường Hoa Sen" in page
        address = page.split('class="brand"')[1].split('src="')[1].split('"')[0]
        assert address.startswith("/media/")
        assert (await nobody.get(address)).headers["content-type"] == "image/png"
