"""The board of an item in every state it can be in, and what each reader may do there."""

import re
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from playwright.async_api import Browser
from sqlalchemy import text, update
from sqlmodel import col

from services.content.tables import Item
from services.delivery.tables import Attempt, Publication, Rendition
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract.messages import Payload
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


async def _accounts(console: Console, team: Team, count: int = 1) -> list[UUID]:
    made = []
    for _ in range(count):
        slug = f"cong-{new_id().hex[-10:]}"
        settings = {"slug": slug, "title": "Tin", "link": "https://cong.example/"}
        name = f"Cổng {slug}"
        made.append(await console.bench.account(team, "portal_rss", settings, {}, name=name))
    return made


async def _item(console: Console, team: Team, *, count: int = 1, **fields: object) -> Item:
    return await console.bench.published(team, await _accounts(console, team, count), **fields)


async def _move(console: Console, item: Item, *states: str, **values: object) -> UUID:
    """Moves the item's publications along these states; the values come with the last."""
    async with console.hub.open_work() as session:
        for change in ({"state": state} for state in states):
            await session.execute(
                update(Publication).where(col(Publication.item_id) == item.id).values(**change)
            )
        if values:
            await session.execute(
                update(Publication).where(col(Publication.item_id) == item.id).values(**values)
            )
        found = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id ORDER BY id LIMIT 1"),
            {"id": item.id},
        )
    assert isinstance(found, UUID)
    return found


async def _attempt(console: Console, id_: UUID, **facts: object) -> None:
    async with console.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        session.add(
            Attempt(
                **{  # type: ignore[arg-type]  # the columns of a table
                    "publication_id": id_,
                    "account_id": row.account_id,
                    "generation": row.generation,
                    "no": 1,
                    "operation": "publish",
                    "fence": 0,
                    "started_at": utc_now() - timedelta(seconds=4),
                    **facts,
                }
            )
        )


async def _page(visitor: Visitor, item: Item) -> str:
    answer = await visitor.client.get(f"/posts/{item.id}/delivery")
    assert answer.status_code == 200
    return answer.text


def _summary(page: str) -> str:
    found = re.search(r'<p role="status">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


async def test_a_draft_has_no_channels_yet_and_says_so(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    page = await _page(editor, item)
    assert "Bài chưa được duyệt nên chưa có kênh nào đăng." in page
    assert "Thử ngay" not in page


async def test_another_units_item_looks_as_if_it_did_not_exist(
    console: Console, team: Team
) -> None:
    item = await _item(console, team)
    stranger = await console.visitor((await console.bench.team()).approver)
    id_ = await _move(console, item, "failed", problem_code="above_limit")
    assert (await stranger.client.get(f"/posts/{item.id}/delivery")).status_code == 404
    for act in ("retry", "repair", "skip", "watch", "unwatch"):
        answer = await stranger.post(f"/publications/{id_}/{act}", reason="x")
        assert answer.status_code == 404
    assert (await stranger.client.get(f"/publications/{id_}/decide")).status_code == 404
    assert (await stranger.post(f"/posts/{item.id}/delivery/stop")).status_code == 404


async def test_during_the_hold_the_author_can_stop_it(
    console: Console, team: Team, editor: Visitor, admin: Visitor
) -> None:
    item = await _item(console, team)
    soon = utc_now() + timedelta(seconds=59)
    await _move(console, item, "scheduled", next_at=soon, not_before=soon)
    page = await _page(editor, item)
    assert "Bắt đầu sau" in page
    assert re.search(r'data-clock="down"[^>]*>0:[0-5]\d<', page)
    assert "Dừng lại" in page
    assert "Dừng lại" not in await _page(admin, item)

    sent = await editor.post(f"/posts/{item.id}/delivery/stop")
    assert (sent.status_code, sent.headers["location"]) == (303, f"/posts/{item.id}/delivery")
    after = await _page(editor, item)
    assert "Đã dừng lại" in after
    assert "Dừng lại trước khi đăng." in after
    again = await editor.post(f"/posts/{item.id}/delivery/stop")
    assert again.status_code == 409


async def test_a_later_hour_is_told_in_words(console: Console, team: Team, editor: Visitor) -> None:
    item = await _item(console, team)
    later = utc_now() + timedelta(days=3)
    await _move(console, item, "scheduled", next_at=later, not_before=later)
    page = await _page(editor, item)
    assert "còn 2 ngày 23 giờ" in page
    assert "every 2s" not in page


async def test_what_is_live_links_to_the_post(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await _item(console, team)
    now = utc_now()
    id_ = await _move(
        console, item, "sending", "live", observed_at=now, first_observed_at=now, next_at=None,
        observed_revision_no=1, remote_url="https://cong.example/tin/1",
    )  # fmt: skip
    begun = now - timedelta(seconds=4)
    await _attempt(
        console, id_, phase="in the feed", started_at=begun, ended_at=now, outcome="done"
    )
    page = await _page(editor, item)
    assert _summary(page) == "1/1 kênh đã đăng."
    assert "Xem bài đã đăng" in page
    assert 'data-copy="https://cong.example/tin/1"' in page
    assert "xong trong 4 giây" in page
    assert "every 2s" not in page  # nothing moves: the page asks for nothing by itself


async def test_a_wait_for_the_next_try_ticks_and_a_writer_may_end_it(
    console: Console, team: Team, editor: Visitor, admin: Visitor
) -> None:
    item = await _item(console, team)
    id_ = await _move(
        console,
        item,
        "pending",
        problem_code="unreachable",
        problem_at=utc_now(),
        problem_words="connection refused",
        tries=1,
        next_at=utc_now() + timedelta(minutes=42),
    )
    await _attempt(console, id_, ended_at=utc_now(), outcome="not_sent")
    page = await _page(editor, item)
    assert "sẽ tự thử lại" in _summary(page)
    assert re.search(r'data-clock="down"[^>]*>(42:00|41:\d\d)<', page)
    assert "nữa tới lần thử 2" in page
    assert "Không kết nối được tới kênh" in page
    assert "connection refused" in page
    assert "Thử ngay" in page
    assert "Bỏ kênh này" not in page
    assert "Thử ngay" not in await _page(admin, item)
    assert (await admin.post(f"/publications/{id_}/retry")).status_code == 403

    sent = await editor.post(f"/publications/{id_}/retry")
    assert sent.status_code == 303
    async with console.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
    assert row.next_at is not None
    assert row.next_at <= utc_now()


async def test_a_failure_says_what_why_and_next_and_only_an_approver_retries(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    item = await _item(console, team)
    id_ = await _move(
        console, item, "failed", problem_code="above_limit", problem_remote_code="-201",
        problem_at=utc_now(), next_at=None,
    )  # fmt: skip
    await _attempt(console, id_, ended_at=utc_now(), outcome="rejected")
    page = await _page(editor, item)
    for part in (
        "Bài vượt giới hạn của kênh.",
        "Thay đổi này chưa hiện trên kênh.",
        "Hãy rút gọn nội dung",
        "Chi tiết kỹ thuật",
        "above_limit · -201",
        "Người duyệt đã được báo",
    ):
        assert part in page
    assert "Thử ngay" not in page
    assert (await editor.post(f"/publications/{id_}/retry")).status_code == 403

    assert "Thử ngay" in await _page(approver, item)
    sent = await approver.post(f"/publications/{id_}/retry")
    assert sent.status_code == 303
    after = await _page(approver, item)
    assert "Đang thử lại trên" in after
    assert "Cho thử lại trên" in after
    assert (await approver.post(f"/publications/{id_}/retry")).status_code == 409


async def test_an_unclear_outcome_offers_no_retry(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await _item(console, team)
    id_ = await _move(
        console, item, "sending", "uncertain", problem_code="no_answer", problem_at=utc_now(),
        next_at=utc_now() + timedelta(seconds=20), left_at=utc_now(), may_be_visible=True,
    )  # fmt: skip
    await _attempt(console, id_, calling="post", called_at=utc_now())
    page = await _page(approver, item)
    assert "Đang kiểm tra để không đăng trùng." in page
    assert "Thử ngay" not in page
    assert (await approver.post(f"/publications/{id_}/retry")).status_code == 409


async def test_leaving_a_channel_out_needs_a_reason(
    console: Console, team: Team, approver: Visitor, editor: Visitor
) -> None:
    item = await _item(console, team, count=2)
    id_ = await _move(console, item, "failed", problem_code="above_limit", problem_at=utc_now())
    assert (await editor.post(f"/publications/{id_}/skip", reason="x")).status_code == 403
    refused = await approver.post(f"/publications/{id_}/skip", reason="  ")
    assert refused.status_code == 422
    assert "Cần nêu lý do" in refused.text
    assert (await approver.post(f"/publications/{id_}/skip", reason="Kênh hỏng")).status_code == 303
    page = await _page(approver, item)
    assert "Bỏ qua" in page
    assert "Yêu cầu gỡ: Kênh hỏng" in page
    assert _summary(page).startswith("0/1 kênh đã đăng.")


async def test_a_changed_post_can_be_put_right_by_an_approver(
    console: Console, team: Team, approver: Visitor, editor: Visitor
) -> None:
    item = await _item(console, team)
    now = utc_now()
    id_ = await _move(
        console, item, "sending", "live", observed_at=now, first_observed_at=now, next_at=None,
        remote_id=new_id().hex, drift="altered", drift_at=now, observed_revision_no=1,
    )  # fmt: skip
    page = await _page(editor, item)
    assert "Nội dung trên kênh đã bị thay đổi so với bản đã duyệt." in page
    assert "Sửa lại cho khớp" not in page
    assert "Sửa lại cho khớp" in await _page(approver, item)
    assert (await approver.post(f"/publications/{id_}/repair")).status_code == 303
    assert "Yêu cầu sửa lại" in await _page(approver, item)
    assert (await approver.post(f"/publications/{id_}/repair")).status_code == 409


async def test_what_the_channel_shows_instead_is_told_word_by_word(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await _item(console, team, title="Gọi số 113")
    now = utc_now()
    id_ = await _move(
        console, item, "sending", "live", observed_at=now, first_observed_at=now, next_at=None,
        remote_id=new_id().hex, drift="altered", drift_at=now, compared_at=now,
        observed_revision_no=1,
    )  # fmt: skip
    async with console.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        row.observed_rendition_id = row.desired_rendition_id
        rendition = await session.get_one(Rendition, row.desired_rendition_id)
        channel = console.hub.registry.get("portal_rss")
        agreed = channel.fingerprint(cast(Payload, rendition.payload)).text
        row.drift_text = agreed.replace("113", "0909 <b>")
    for page in (
        await _page(approver, item),
        (await approver.client.get(f"/posts/{item.id}?tab=channels")).text,
    ):
        assert re.search(r"<del>.*113</del>", page)
        assert re.search(r"<ins>.*0909 &lt;b&gt;</ins>", page)
        assert "Sửa lại cho khớp" in page


async def test_a_channel_can_be_watched_and_not(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await _item(console, team)
    id_ = await _move(console, item, "sending")
    assert "Báo khi xong" in await _page(editor, item)
    assert (await editor.post(f"/publications/{id_}/watch")).status_code == 303
    assert "Đang chờ báo" in await _page(editor, item)
    assert (await editor.post(f"/publications/{id_}/unwatch")).status_code == 303
    assert "Báo khi xong" in await _page(editor, item)


async def test_a_withdrawal_is_told_as_one(console: Console, team: Team, approver: Visitor) -> None:
    item = await _item(console, team)
    now = utc_now()
    await _move(
        console, item, "sending", "live", observed_at=now, first_observed_at=now,
        remote_id=new_id().hex, next_at=None,
    )  # fmt: skip
    await console.bench.withdrawn(team, item.id)
    page = await _page(approver, item)
    assert _summary(page).startswith("0/1 kênh đã gỡ.")
    assert "Đang gỡ" in page
    assert "Nhận lệnh gỡ" in page
    await _move(console, item, "withdrawn", observed_at=utc_now(), next_at=None)
    assert _summary(await _page(approver, item)) == "1/1 kênh đã gỡ."


async def test_a_paused_account_tells_who_holds_it_and_why(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await _item(console, team)
    await _move(console, item, "pending", next_at=utc_now())
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE account SET state = 'paused', pause_reason = 'Đang bảo trì <b>',"
                " paused_at = now() WHERE id IN"
                " (SELECT account_id FROM publication WHERE item_id = :id)"
            ),
            {"id": item.id},
        )
    page = await _page(editor, item)
    assert "Đang được giữ" in page
    assert "Lý do: Đang bảo trì &lt;b&gt;" in page
    assert "Thử ngay" not in page


async def test_many_channels_are_led_by_those_that_need_somebody(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await _item(console, team, count=30)
    id_ = await _move(console, item, "sending", "live", observed_at=utc_now(), next_at=None)
    async with console.hub.open_work() as session:
        for state in ("pending", "failed"):
            await session.execute(
                text("UPDATE publication SET state = :state WHERE id = :id"),
                {"id": id_, "state": state},
            )
    page = await _page(approver, item)
    assert page.count('class="card lane') == 24
    assert page.index(f'id="lane-{id_}"') < page.index('id="lane-', page.index(f"lane-{id_}") + 50)
    assert "6 kênh khác" in page
    assert _summary(page).startswith("29/30 kênh đã đăng.")


async def test_what_people_wrote_is_only_ever_shown(
    console: Console, team: Team, approver: Visitor
) -> None:
    wicked = "<script>alert(1)</script>\u202e“ {{7*7}}"
    item = await _item(console, team, title=wicked)
    await _move(
        console, item, "failed", problem_code="rejected", problem_words="<img onerror=x>",
        problem_at=utc_now(),
    )  # fmt: skip
    page = await _page(approver, item)
    assert "<script>alert" not in page
    assert "<img onerror" not in page
    assert "{{7*7}}" in page


async def test_the_page_speaks_english_to_who_chose_it(console: Console, team: Team) -> None:
    visitor = await console.with_role(team, "approver")
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET locale = 'en' WHERE id = :id"),
            {"id": visitor.caller.staff_id},
        )
    item = await _item(console, team)
    await _move(console, item, "failed", problem_code="above_limit", problem_at=utc_now())
    page = await _page(visitor, item)
    assert "0 of 1 channels published." in page
    assert "The post is above a limit of the channel." in page
    assert "Try now" in page


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_board_has_no_barriers(
    console: Console, team: Team, approver: Visitor, browser: Browser, size: tuple[int, int]
) -> None:
    item = await _item(console, team, count=3)
    now = utc_now()
    await _move(
        console, item, "pending", problem_code="unreachable", problem_at=now, tries=1,
        next_at=now + timedelta(seconds=90),
    )  # fmt: skip
    await _one(console, item, 0, "sending", "live", now)
    await _one(console, item, 1, "failed", "failed", now)
    async with window(browser, console, approver, size=size) as opened:
        await opened.page.goto(f"{console.url}/posts/{item.id}/delivery")
        await opened.axe()
        wide = await opened.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        assert not wide
        opened.check()


async def _one(
    console: Console, item: Item, place: int, through: str, state: str, at: datetime
) -> None:
    async with console.hub.open_work() as session:
        ids = (
            await session.scalars(
                text("SELECT id FROM publication WHERE item_id = :id ORDER BY id"),
                {"id": item.id},
            )
        ).all()
        for one in (through, state):
            await session.execute(
                update(Publication)
                .where(col(Publication.id) == ids[place])
                .values(state=one, observed_at=at, next_at=None, problem_code=None)
            )
