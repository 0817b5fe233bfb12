"""Bài đã có trên kênh: asked for by an admin, told as it goes on, and led to the items."""

from uuid import UUID

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from services.content import drafting
from services.delivery.tables import AdoptedPost
from services.storage.columns import new_id
from shared.clock import utc_now
from tests.services.console.outlets import three
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


@pytest.fixture(scope="module")
async def outlets(console: Console, team: Team) -> tuple[UUID, UUID, UUID]:
    return await three(console.bench, team)


async def test_an_admin_asks_and_the_page_tells_how_far_it_is(
    console: Console, admin: Visitor, team: Team, outlets: tuple[UUID, UUID, UUID]
) -> None:
    zalo = outlets[0]
    here = f"/channels/{zalo}/posts"
    assert here in (await admin.client.get(f"/channels/{zalo}")).text
    assert "Đọc các bài đã có" in (await admin.client.get(here)).text

    asked = await admin.post(here)
    assert asked.status_code == 303
    page = (await admin.client.get(here)).text
    assert "Đang đọc các bài trên kênh" in page
    assert 'hx-trigger="every 3s"' in page

    code = await _read(console, team, zalo)
    page = (await admin.client.get(here)).text
    assert "Đã đọc hết" in page
    assert 'hx-trigger="every 3s"' not in page
    assert "1.043" in page
    assert code in page
    assert "Đang ẩn trên kênh" in page
    part = await admin.client.get(
        here, headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    )
    assert part.text.lstrip().startswith('<section class="card stack" id="adopted"')


async def test_only_admins_may_ask_and_a_portal_has_nothing_to_read(
    console: Console, editor: Visitor, admin: Visitor, outlets: tuple[UUID, UUID, UUID]
) -> None:
    zalo, _, portal = outlets
    here = f"/channels/{zalo}/posts"
    assert "Đọc các bài đã có</button>" not in (await editor.client.get(here)).text
    assert (await editor.post(here)).status_code == 403
    assert (await admin.client.get(f"/channels/{portal}/posts")).status_code == 404
    assert f"/channels/{portal}/posts" not in (await admin.client.get(f"/channels/{portal}")).text


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_page_holds_at_both_widths(
    console: Console,
    browser: Browser,
    team: Team,
    admin: Visitor,
    outlets: tuple[UUID, UUID, UUID],
    size: tuple[int, int],
) -> None:
    await admin.post(f"/channels/{outlets[1]}/posts")
    await _read(console, team, outlets[1])
    async with window(browser, console, admin, size=size) as shown:
        await shown.page.goto(f"/channels/{outlets[1]}/posts")
        await shown.axe()
        assert await shown.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        shown.check()


async def _read(console: Console, team: Team, account_id: UUID) -> str:
    """As if the worker had read two posts to the end."""
    async with console.hub.open_work() as session:
        item, _ = await drafting.take_over(
            session,
            (await console.bench.caller(team.admin)).actor,
            team.unit_id,
            title="Thông báo cũ",
            body="Nội dung cũ.",
            shown_at=utc_now(),
            by=team.admin,
        )
        for skipped, item_id in ((None, item.id), ("hidden", None)):
            session.add(
                AdoptedPost(
                    account_id=account_id,
                    remote_id=str(new_id()),
                    title="Thông báo cũ",
                    at=utc_now(),
                    views=1043 if item_id else None,
                    item_id=item_id,
                    matched_by="new" if item_id else None,
                    skipped=skipped,
                )
            )
        await session.execute(
            text("UPDATE adoption SET state = 'done', ended_at = now() WHERE account_id = :id"),
            {"id": account_id},
        )
        return item.code
