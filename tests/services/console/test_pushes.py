"""Who is pushed to, on the page of a portal's account: over HTTP, and by browser for barriers."""

from datetime import timedelta
from uuid import UUID

from playwright.async_api import Browser
from sqlalchemy import text

from services.channels.tables import Account
from services.syndication.tables import WebSubSubscription
from services.syndication.websub import pair_of
from shared.clock import utc_now
from tests.services.console.outlets import portal, three
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


async def _subscribed(console: Console, account_id: UUID, host: str, **facts: object) -> UUID:
    async with console.hub.open_work() as session:
        account = await session.get_one(Account, account_id)
        topic = f"{console.hub.public_url}/feeds/{account.remote_id}/rss.xml"
        callback = f"https://{host}/nhan"
        row = WebSubSubscription(
            pair=pair_of(topic, callback),
            topic=topic,
            callback=callback,
            host=host,
            account_id=account_id,
            lease_until=utc_now() + timedelta(days=9),
            **facts,  # type: ignore[arg-type]  # columns
        )
        session.add(row)
        return row.id


async def test_the_page_of_a_portal_tells_who_is_pushed_to(
    console: Console, team: Team, admin: Visitor, editor: Visitor, browser: Browser
) -> None:
    account_id = await portal(console.bench, team)
    page = (await admin.client.get(f"/channels/{account_id}")).text
    assert "Chưa nơi nào đăng ký." in page
    now = utc_now()
    kept = await _subscribed(console, account_id, "cong-tinh.vn", pushed_at=now)
    await _subscribed(console, account_id, "bao.vn", failing_since=now, tries=2)
    await _subscribed(console, account_id, "cu.vn", ended_at=now, ended_why="gone")
    page = (await admin.client.get(f"/channels/{account_id}")).text
    assert "2 nơi được gửi nguồn tin ngay" in page
    assert "Lần gửi gần nhất" in page
    assert "Loa đang thử lại" in page
    assert "nơi nhận báo không dùng nữa" in page
    seen = (await editor.client.get(f"/channels/{account_id}")).text
    assert "cong-tinh.vn" in seen
    assert "/pushes/" not in seen
    for size in (WIDE, NARROW):
        async with window(browser, console, admin, size=size) as shown:
            await shown.page.goto(f"{console.url}/channels/{account_id}")
            await shown.axe()
            assert await shown.page.evaluate("document.documentElement.scrollWidth") <= size[0]
            shown.check()

    path = f"/channels/{account_id}/pushes/{kept}/remove"
    assert (await editor.post(path)).status_code == 403
    answer = await admin.post(path)
    assert answer.status_code == 303
    page = (await admin.client.get(answer.headers["location"])).text
    assert "Đã thôi gửi ngay tới nơi này." in page
    assert "cong-tinh.vn" not in page
    assert (await admin.post(path)).status_code == 404
    async with console.hub.open_work() as session:
        told = await session.scalar(text("SELECT mode FROM web_sub_request"))
    assert told == "denied"


async def test_the_other_channels_have_no_such_part(
    console: Console, team: Team, admin: Visitor
) -> None:
    zalo, _, _ = await three(console.bench, team)
    page = (await admin.client.get(f"/channels/{zalo}")).text
    assert "nhận ngay" not in page
