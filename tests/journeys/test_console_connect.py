"""Scenario 10: an admin connects a Zalo OA with the guide, tests it, and sees it healthy.

Before the simulated Zalo, in a real browser, at both sizes; every press is counted.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Locator, expect

from services.channels import accounts, connecting
from services.channels.registry import Registry
from tests.support.browser import NARROW, WIDE, browser, window
from tests.support.console import Console, open_console
from tests.support.sandbox import Sandbox, running

MOST = 8


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as started:
        yield started


@pytest.fixture(scope="module")
async def console(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> AsyncIterator[Console]:
    registry = Registry.load(
        {
            "LOA_ZALO_API_URL": f"{sandbox.url}/zalo",
            "LOA_ZALO_OAUTH_URL": f"{sandbox.url}/zalo-oauth",
        }
    )
    media = Path(tmp_path_factory.mktemp("media"))
    async with open_console(database_url, media, registry=registry) as opened:
        yield opened


@pytest.fixture(scope="module")
async def opened() -> AsyncIterator[Browser]:
    async with browser() as found:
        yield found


class Presses:
    """Counts what a hand does; typing is not counted."""

    def __init__(self) -> None:
        self.count = 0

    async def on(self, where: Locator) -> None:
        self.count += 1
        await where.click()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["office", "phone"])
async def test_a_zalo_oa_is_connected_in_eight_steps(
    console: Console, sandbox: Sandbox, opened: Browser, size: tuple[int, int]
) -> None:
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    oa = await sandbox.account("zalo_oa")
    name = f"Zalo phường {oa['id']}"
    hand = Presses()
    async with window(opened, console, admin, size=size) as shown:
        page = shown.page
        await page.goto(f"{console.url}/channels")
        await hand.on(page.get_by_role("link", name="Zalo Official Account"))
        await page.get_by_label("Tên gọi trong Loa").fill(name)
        await shown.axe()
        await hand.on(page.get_by_role("button", name="Lưu và tiếp tục"))

        await page.get_by_label("Mã OA").fill(oa["id"])
        await page.get_by_label("Mã ứng dụng").fill(oa["settings"]["app_id"])
        callback = f"{console.url}/api/v1/connect/zalo_oa/callback"
        await expect(page.locator("code")).to_have_text(callback)
        await hand.on(page.get_by_role("button", name="Lưu và tiếp tục"))

        await page.get_by_label("Khoá bí mật").fill(oa["credentials"]["app_secret"])
        await hand.on(page.get_by_role("button", name="Lưu và tiếp tục"))

        await page.get_by_role("heading", name="Bước 4. Uỷ quyền").wait_for()
        await shown.axe()
        await hand.on(page.get_by_role("button", name="Uỷ quyền với Zalo"))
        await page.wait_for_url(f"{sandbox.url}/**")  # the channel's own page
        await page.locator(f'input[name="oa_id"][value="{oa["id"]}"]').set_checked(True)  # theirs
        await hand.on(page.locator('button[name="decision"]').first)

        await page.get_by_role("heading", name="Bước 5. Webhook").wait_for()
        await expect(page.locator("code")).to_contain_text("/hooks/zalo_oa/")
        await hand.on(page.get_by_role("button", name="Lưu và tiếp tục"))

        await page.get_by_role("heading", name="Bước 6. Thử").wait_for()
        await hand.on(page.get_by_role("button", name="Thử và đưa vào dùng"))
        await page.get_by_text(f"Đã nối {name}.").wait_for()
        await page.goto(f"{console.url}/channels")
        card = page.locator("article", has_text=name)
        await expect(card.locator(".chip")).to_have_text("Tốt")
        await shown.axe()
        shown.check()
    assert hand.count <= MOST
    async with console.hub.open_work() as session:
        (view,) = await accounts.views(session, unit_ids=[team.unit_id])
    assert (view.stage, view.remote_id, view.check_ok) == ("official", oa["id"], True)


async def test_who_says_no_on_the_channels_page_comes_back_and_is_told(
    console: Console, sandbox: Sandbox, opened: Browser
) -> None:
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    oa = await sandbox.account("zalo_oa")
    account = await _begun(console, team.admin, team.unit_code, oa)
    async with window(opened, console, admin) as shown:
        page = shown.page
        await page.goto(f"{console.url}/channels/connect/zalo_oa/{account}")
        await page.get_by_role("heading", name="Bước 4. Uỷ quyền").wait_for()
        await page.get_by_role("button", name="Uỷ quyền với Zalo").click()
        await page.wait_for_url(f"{sandbox.url}/**")
        await page.locator('button[name="decision"][value="deny"]').click()
        await page.wait_for_url(f"**/connect/zalo_oa/{account}?refused=consent_refused")
        await expect(page.get_by_role("alert")).to_have_count(1)
        await page.get_by_role("button", name="Uỷ quyền với Zalo").wait_for()
        shown.check()


async def test_without_script_the_consent_page_is_one_link_further(
    console: Console, sandbox: Sandbox, opened: Browser
) -> None:
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    oa = await sandbox.account("zalo_oa")
    account = await _begun(console, team.admin, team.unit_code, oa)
    async with window(opened, console, admin, script=False) as shown:
        page = shown.page
        await page.goto(f"{console.url}/channels/connect/zalo_oa/{account}")
        await page.get_by_role("button", name="Uỷ quyền với Zalo").click()
        await page.get_by_role("link", name="Mở trang uỷ quyền").click()
        await page.wait_for_url(f"{sandbox.url}/**")
        await page.locator(f'input[name="oa_id"][value="{oa["id"]}"]').check()
        await page.locator('button[name="decision"]').first.click()
        await page.get_by_role("heading", name="Bước 5. Webhook").wait_for()
        await page.goto(f"{console.url}/channels/connect/zalo_oa/{account}?step=thu")
        await page.get_by_role("button", name="Thử và đưa vào dùng").click()
        await page.get_by_text("Kênh đang tốt, có thể đăng bài ngay.").wait_for()


async def test_what_is_not_in_order_is_told_before_the_account_is_put_to_use(
    console: Console, sandbox: Sandbox, opened: Browser
) -> None:
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    oa = await sandbox.account("zalo_oa")
    account = await _begun(console, team.admin, team.unit_code, oa)
    caller = await console.bench.caller(team.admin)
    async with console.hub.open_work() as session:
        await connecting.fill(
            session,
            caller,
            console.hub.registry,
            console.hub.sealer,
            account,
            credentials={"access_token": "het-han-roi", "refresh_token": "cung-the"},
        )
    async with window(opened, console, admin) as shown:
        page = shown.page
        await page.goto(f"{console.url}/channels/connect/zalo_oa/{account}?step=thu")
        await page.get_by_role("button", name="Thử và đưa vào dùng").click()
        await page.get_by_text("Access token đã hết hạn").wait_for()
        assert await page.get_by_text("het-han-roi").count() == 0
        await shown.axe()
        await page.get_by_role("button", name="Vẫn đưa vào dùng").click()
        await page.get_by_text("vào dùng dù còn điều chưa đạt").wait_for()
        shown.check()


async def _begun(console: Console, admin_id: UUID, unit_code: str, oa: dict[str, object]) -> UUID:
    """An OA that has come as far as its key."""
    admin = await console.bench.caller(admin_id)
    hub = console.hub
    settings, credentials = oa["settings"], oa["credentials"]
    assert isinstance(settings, dict)
    assert isinstance(credentials, dict)
    async with hub.open_work() as session:
        account = await connecting.begin(
            session,
            admin,
            hub.registry,
            hub.sealer,
            channel="zalo_oa",
            unit_code=unit_code,
            name=f"OA {oa['id']}",
        )
        await connecting.fill(
            session,
            admin,
            hub.registry,
            hub.sealer,
            account.id,
            settings=settings,
            credentials={"app_secret": credentials["app_secret"]},
        )
    return account.id
