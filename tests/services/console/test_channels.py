"""Kênh, the check of a channel, holding and closing it: over HTTP, and by browser for barriers."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from services.channels import accounts
from services.storage.columns import new_id
from shared.clock import utc_now
from tests.services.console.outlets import portal, three
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


@pytest.fixture(scope="module")
async def outlets(console: Console, team: Team) -> tuple[UUID, UUID, UUID]:
    return await three(console.bench, team)


async def _set(console: Console, account_id: UUID, **values: object) -> None:
    told = ", ".join(f"{name} = :{name}" for name in values)
    async with console.hub.open_work() as session:
        await session.execute(
            text(f"UPDATE account SET {told} WHERE id = :id"),  # names of this test
            {"id": account_id, **values},
        )


async def test_without_a_channel_an_admin_is_led_to_connect_one(console: Console) -> None:
    other = await console.bench.team()
    admin = await console.visitor(other.admin)
    page = await admin.client.get("/channels")
    assert "Chưa có kênh nào. Nối kênh đầu tiên" in page.text
    for kind in ("zalo_oa", "facebook_page", "portal_rss"):
        assert f'href="/channels/connect/{kind}"' in page.text
    editor = await console.visitor(other.editor)
    page = await editor.client.get("/channels")
    assert "Quản trị viên sẽ nối kênh" in page.text
    assert "/channels/connect/" not in page.text


async def test_each_account_says_how_it_is(console: Console) -> None:
    team = await console.bench.team()
    admin = await console.visitor(team.admin)
    zalo, facebook, _ = await three(console.bench, team)
    view = await admin.client.get("/channels")
    assert view.status_code == 200
    assert view.text.count("</svg> Tốt") == 3
    await _set(console, zalo, rate_until=utc_now() + timedelta(minutes=5))
    await _set(console, facebook, token_expires_at=utc_now() + timedelta(days=3))
    page = (await admin.client.get("/channels")).text
    assert "</svg> Chậm" in page
    assert "</svg> Sắp hết hạn" in page
    async with console.hub.open_work() as session:
        await accounts.pause(session, admin.caller.actor, zalo, "Mất quyền", code="needs_consent")
    page = (await admin.client.get("/channels")).text
    assert "</svg> Mất kết nối" in page
    assert f"/channels/{zalo}/consent" in page  # reconnect
    assert "Chi tiết kỹ thuật" not in page


async def test_only_what_needs_a_look_can_be_shown(
    console: Console, admin: Visitor, outlets: tuple[UUID, UUID, UUID]
) -> None:
    zalo, facebook, _ = outlets
    await admin.post(f"/channels/{zalo}/pause", reason="Bảo trì")
    page = (await admin.client.get("/channels?show=trouble")).text
    assert str(zalo) in page
    assert str(facebook) not in page
    assert 'class="health paused"' in page
    await admin.post(f"/channels/{zalo}/resume")
    assert 'class="health good"' in (await admin.client.get("/channels")).text


async def test_a_pause_needs_a_reason_and_says_it(
    console: Console,
    admin: Visitor,
    approver: Visitor,
    editor: Visitor,
    outlets: tuple[UUID, UUID, UUID],
) -> None:
    zalo, *_ = outlets
    assert (await editor.post(f"/channels/{zalo}/pause", reason="x")).status_code == 403
    refused = await admin.post(f"/channels/{zalo}/pause", reason="  ")
    assert refused.status_code == 422
    assert 'href="#reason"' in refused.text
    done = await approver.post(f"/channels/{zalo}/pause", reason="Đối soát nội dung")
    assert done.status_code == 303
    page = (await approver.client.get("/channels")).text
    assert "Tạm dừng" in page
    assert "Lý do: Đối soát nội dung" in page
    assert (await approver.post(f"/channels/{zalo}/resume")).status_code == 303
    async with console.hub.open_work() as session:
        assert (await accounts.view(session, zalo)).state == "active"


async def test_an_account_of_another_unit_does_not_exist(
    console: Console, outlets: tuple[UUID, UUID, UUID]
) -> None:
    other = await console.bench.team()
    admin = await console.visitor(other.admin)
    zalo, *_ = outlets
    assert str(zalo) not in (await admin.client.get("/channels")).text
    for path in ("", "/check"):
        assert (await admin.client.get(f"/channels/{zalo}{path}")).status_code == 404
    for act in ("", "/pause", "/resume", "/consent", "/close", "/check"):
        answer = await admin.post(f"/channels/{zalo}{act}", reason="x", part="settings")
        assert answer.status_code == 404, act


async def test_settings_are_changed_and_faults_stand_beside_their_fields(
    console: Console, admin: Visitor, outlets: tuple[UUID, UUID, UUID]
) -> None:
    zalo, *_ = outlets
    async with console.hub.open_work() as session:
        view = await accounts.view(session, zalo)
    fields = {f"settings.{name}": value for name, value in view.settings.items()}
    fields |= {"settings.pkce": "none", "settings.appsecret_proof": ""}
    wrong = await admin.post(
        f"/channels/{zalo}",
        part="settings",
        name=view.name,
        **(fields | {"settings.poll_seconds": "999", "settings.author": "Văn phòng"}),
    )
    assert wrong.status_code == 422
    assert 'id="settings.poll_seconds-error"' in wrong.text
    assert 'value="Văn phòng"' in wrong.text  # what was typed stays
    other = await admin.post(
        f"/channels/{zalo}", part="settings", name=view.name, **(fields | {"settings.oa_id": "42"})
    )
    assert other.status_code == 422
    assert "hãy kết nối kênh mới" in other.text
    done = await admin.post(
        f"/channels/{zalo}",
        part="settings",
        name="Zalo phường Hoa Sen",
        **(fields | {"settings.author": "Văn phòng"}),
    )
    assert done.status_code == 303
    async with console.hub.open_work() as session:
        view = await accounts.view(session, zalo)
    assert view.name == "Zalo phường Hoa Sen"
    assert view.settings["author"] == "Văn phòng"
    assert view.settings["pkce"] == "none"
    assert view.settings["appsecret_proof"] is False


async def test_a_secret_goes_in_and_never_comes_back(
    console: Console, admin: Visitor, outlets: tuple[UUID, UUID, UUID]
) -> None:
    zalo, *_ = outlets
    done = await admin.post(
        f"/channels/{zalo}", part="credentials", **{"credentials.oa_secret_key": "khoa-rat-bi-mat"}
    )
    assert done.status_code == 303
    page = (await admin.client.get(f"/channels/{zalo}")).text
    assert "khoa-rat-bi-mat" not in page
    assert "app-secret" not in page
    assert f"bởi {admin.caller.name}" in page  # who gave it
    async with console.hub.open_work() as session:
        row = await accounts.row(session, zalo)
        held = accounts.opened(console.hub.registry, console.hub.sealer, row).credentials
    assert held.model_dump()["oa_secret_key"].get_secret_value() == "khoa-rat-bi-mat"
    assert held.model_dump()["app_secret"].get_secret_value() == "app-secret"
    nothing = await admin.post(f"/channels/{zalo}", part="credentials")
    assert nothing.status_code == 303


async def test_a_reader_sees_the_account_but_no_form(
    console: Console, team: Team, outlets: tuple[UUID, UUID, UUID]
) -> None:
    leader = await console.with_role(team, "leader")
    zalo, *_ = outlets
    page = await leader.client.get(f"/channels/{zalo}")
    assert page.status_code == 200
    assert "Tình trạng" in page.text
    for hidden in ("credentials.", "settings.", "/pause", "/close", "/hooks/"):
        assert hidden not in page.text, hidden


async def test_a_check_tells_each_thing_and_gives_a_report_without_secrets(
    console: Console, team: Team, admin: Visitor
) -> None:
    account = await portal(console.bench, team)
    before = await admin.client.get(f"/channels/{account}/check")
    assert "Kiểm tra ngay" in before.text
    after = await admin.post(f"/channels/{account}/check")
    assert after.status_code == 200
    assert "Kênh đang tốt" in after.text
    assert "Thiết lập hợp lệ" in after.text
    assert "fetch-secret" not in after.text
    assert "[OK] settings: Thiết lập hợp lệ" in after.text
    part = await admin.client.post(
        f"/channels/{account}/check",
        data={"csrf": admin.csrf},
        headers={"HX-Request": "true", "HX-Request-Type": "partial"},
    )
    assert part.text.lstrip().startswith("<section")


async def test_a_channel_that_cannot_be_reached_says_so(
    console: Console, admin: Visitor, outlets: tuple[UUID, UUID, UUID]
) -> None:
    """The register of these tests leads to nobody: no test calls the world."""
    _, _, feed = outlets
    await _set(console, feed, check_ok=False, checked_at=utc_now())
    page = (await admin.client.get("/channels")).text
    assert "Lần kiểm tra gần nhất chưa đạt." in page
    assert 'class="health cut_off"' in page
    await _set(console, feed, check_ok=None, checked_at=None)


async def test_closing_destroys_the_secrets_and_frees_the_outlet(
    console: Console, team: Team, admin: Visitor
) -> None:
    account = await portal(console.bench, team)
    assert (await admin.post(f"/channels/{account}/close", reason="")).status_code == 422
    assert (await admin.post(f"/channels/{account}/close", reason="Đổi cổng")).status_code == 303
    async with console.hub.open_work() as session:
        row = await accounts.row(session, account)
    assert (row.stage, row.sealed_credentials) == ("closed", b"")
    page = await admin.client.get(f"/channels/{account}")
    assert "Kênh này đã đóng" in page.text
    assert (await admin.client.get(f"/channels/{account}/check")).status_code == 404


async def test_everything_can_be_held_with_a_reason_and_let_go_again(
    console: Console, admin: Visitor, approver: Visitor, editor: Visitor
) -> None:
    assert (await editor.post("/admin/freeze", reason="x")).status_code == 403
    assert (await approver.post("/admin/freeze", reason=" ")).status_code == 422
    assert (await approver.post("/admin/freeze", reason="Nghi lộ tài khoản")).status_code == 303
    page = (await editor.client.get("/channels")).text
    assert "Mọi việc đăng đang tạm dừng." in page
    assert "Nghi lộ tài khoản" in page
    assert (await admin.post("/admin/unfreeze")).status_code == 303
    assert "đang tạm dừng." not in (await editor.client.get("/channels")).text


async def test_the_pages_speak_english_to_who_wants_it(
    console: Console, team: Team, outlets: tuple[UUID, UUID, UUID]
) -> None:
    admin = await console.with_role(team, "admin")
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET locale = 'en' WHERE id = :id"), {"id": admin.caller.staff_id}
        )
    page = (await admin.client.get("/channels")).text
    assert "Connect a channel" in page
    assert "Last published" in page
    page = (await admin.client.get(f"/channels/{outlets[0]}")).text
    assert "Secret key of the application" in page


async def test_two_hundred_accounts_are_all_shown_page_by_page(console: Console) -> None:
    other = await console.bench.team()
    admin = await console.visitor(other.admin)
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO account (id, unit_id, channel, name, remote_id, settings,"
                " sealed_credentials, stage, state, credentials_version, token_state,"
                " breaker_failures, created_at)"
                " SELECT gen_random_uuid(), :unit, 'portal_rss', CAST(:name AS text) || n,"
                " CAST(:name AS text) || n, '{}', '', 'official', 'active', 1, 'ok', 0, now()"
                "   FROM generate_series(1, 200) AS n"
            ),
            {"unit": other.unit_id, "name": f"{new_id().hex}-"},
        )
    seen: set[str] = set()
    for page, count in ((1, 48), (2, 48), (3, 48), (4, 48), (5, 8)):
        told = (await admin.client.get(f"/channels?page={page}")).text
        names = set(re.findall(r'<article[^>]* id="channel-([0-9a-f-]{36})"', told))
        assert (len(names), len(seen & names)) == (count, 0)
        assert ('rel="next"' in told) == (page < 5)
        seen |= names
    last = (await admin.client.get("/channels?page=5")).text
    assert "Đang hiện 193–200 trong 200 kênh." in last
    assert "Không có kênh nào như vậy." in (await admin.client.get("/channels?q=khong+co")).text


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_pages_have_no_barrier(
    console: Console,
    browser: Browser,
    admin: Visitor,
    outlets: tuple[UUID, UUID, UUID],
    size: tuple[int, int],
) -> None:
    zalo, facebook, feed = outlets
    await admin.post(f"/channels/{facebook}/pause", reason="Bảo trì")
    async with window(browser, console, admin, size=size) as shown:
        for path in (
            "/channels",
            f"/channels/{zalo}",
            f"/channels/{feed}/check",
            "/channels/connect/zalo_oa",
            "/channels/connect/facebook_page",
            "/admin",
            "/admin/workflow",
        ):
            await shown.page.goto(console.url + path)
            await shown.axe()
            width = await shown.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size[0], path
        await shown.page.goto(f"{console.url}/channels/{feed}/check")
        await shown.page.get_by_role("button", name="Kiểm tra ngay").click()
        await shown.page.get_by_text("Kênh đang tốt").wait_for()
        await shown.axe()
        shown.check()
    await admin.post(f"/channels/{facebook}/resume")
