"""Reading what waits for agreement, and agreeing to exactly that: the facts over HTTP."""

import re
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import fan_out
from shared.clock import utc_now
from tests.services.console.outlets import portal, three
from tests.support.console import Console, Visitor
from tests.support.hub import Team


async def submitted(console: Console, team: Team, **fields: object) -> tuple[Item, dict[UUID, str]]:
    """An item in review on one portal, and what its page must show as seen."""
    times = {name: fields.pop(name, None) for name in ("publish_at", "expires_at")}
    urgent = bool(fields.pop("urgent", False))
    item = await console.bench.draft(team, **fields)
    account = await portal(console.bench, team)
    seen = await console.bench.submitted(
        team,
        item.id,
        [account],
        urgent=urgent,
        **times,  # type: ignore[arg-type]  # two instants or None
    )
    return item, seen


async def edited(console: Console, team: Team, item_id: UUID, **changes: object) -> None:
    """The editor changes the text; what waited for approval is superseded."""
    editor = await console.bench.caller(team.editor)
    async with console.hub.open_work() as session:
        version = (await session.get_one(Item, item_id)).version
    async with console.hub.open_work() as session:
        form = ItemChanges.model_validate(changes)
        await fan_out.edit(session, editor, item_id, form, version=version)


def form_of(page: httpx.Response) -> dict[str, object]:
    """What the page's approval form would send, bar its code."""
    revision = re.search(r'name="revision" value="(\d+)"', page.text)
    assert revision is not None, "no form to approve with"
    return {
        "revision": revision[1],
        "seen": ",".join(re.findall(r'name="seen" value="([^"]+)"', page.text)).split(","),
    }


async def state_of(console: Console, item_id: UUID) -> str:
    async with console.hub.open_work() as session:
        told = await session.scalar(
            text("SELECT state FROM revision WHERE item_id = :id ORDER BY no DESC LIMIT 1"),
            {"id": item_id},
        )
    return str(told)


async def refusals(console: Console, item_id: UUID) -> Mapping[str, str]:
    async with console.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT act, details->>'code' AS code FROM audit_entry"
                " WHERE object = :about AND act LIKE '%refused'"
            ),
            {"about": f"item:{item_id}"},
        )
    return {row.act: row.code for row in rows}


async def test_the_page_shows_every_channel_and_the_name_of_the_exact_content(
    console: Console, team: Team, approver: Visitor
) -> None:
    accounts = await three(console.bench, team)
    cover = await console.bench.picture(team)
    item = await console.bench.draft(
        team, title="Lịch tiếp dân", summary="Vào thứ Hai", body="Gọi **028 0000**", cover=cover
    )
    seen = await console.bench.submitted(team, item.id, accounts)
    page = await approver.client.get(f"/posts/{item.id}/review")
    assert page.status_code == 200
    async with console.hub.open_work() as session:
        hashed = await session.scalar(
            text("SELECT content_hash FROM revision WHERE item_id = :id"), {"id": item.id}
        )
    assert f"Bản {str(hashed)[:4].upper()}" in page.text
    assert "Sẽ hiện trên 3 kênh" in page.text
    assert "Đây là bản đầu tiên" in page.text
    assert set(form_of(page)["seen"]) == {  # type: ignore[call-overload]  # a list of texts
        f"{account}:{hashed}" for account, hashed in seen.items()
    }
    for look in ('class="phone"', 'class="fb"', 'class="portal"'):
        assert look in page.text


async def test_approving_what_was_seen_goes_on_to_the_next_that_waits(
    console: Console, approver: Visitor
) -> None:
    team = await console.bench.team()
    approver = await console.visitor(team.approver)
    first, _ = await submitted(console, team, title="Bài thứ nhất")
    second, _ = await submitted(console, team, title="Bài thứ hai")
    page = await approver.client.get(f"/posts/{first.id}/review")
    answer = await approver.post(f"/posts/{first.id}/approve", **form_of(page))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/posts/{second.id}/review?after={first.id}"
    assert await state_of(console, first.id) == "approved"
    following = await approver.client.get(answer.headers["location"])
    assert "Bài thứ nhất" in following.text
    assert f'href="/posts/{first.id}/delivery"' in following.text
    assert "Đã duyệt." in following.text
    assert f'action="/posts/{first.id}/stop"' in following.text
    last = await approver.post(f"/posts/{second.id}/approve", **form_of(following))
    assert last.headers["location"] == "/"


async def test_approving_a_text_that_was_edited_meanwhile_shows_it_anew_with_what_changed(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, _ = await submitted(console, team, body="Gọi số 028 0000 1022.")
    page = await approver.client.get(f"/posts/{item.id}/review")
    await edited(console, team, item.id, body="Gọi số 028 0000 1023.")
    await console.bench.submitted(team, item.id, [await portal(console.bench, team)])
    answer = await approver.post(f"/posts/{item.id}/approve", **form_of(page))
    assert answer.status_code == 409
    assert await state_of(console, item.id) == "review"
    assert "Nội dung đã khác" in answer.text
    assert "Bạn vừa xem bản 1; bây giờ là bản 2." in answer.text
    assert re.search(r"<del>.*1022</del><ins>.*1023</ins>", answer.text)
    assert form_of(answer)["revision"] == "2"
    assert await refusals(console, item.id) == {"approval.refused": "content_changed"}


async def test_a_forged_or_missing_hash_never_approves(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, seen = await submitted(console, team)
    (account,) = seen
    for told in ([], [f"{account}:{'0' * 64}"], [f"{item.id}:{seen[account]}"]):
        answer = await approver.post(f"/posts/{item.id}/approve", revision="1", seen=told)
        assert answer.status_code == 409
    for told in (["nonsense"], [f"{account}"]):
        answer = await approver.post(f"/posts/{item.id}/approve", revision="1", seen=told)
        assert answer.status_code in (409, 422)
    assert (await approver.post(f"/posts/{item.id}/approve", seen=[])).status_code == 422
    assert await state_of(console, item.id) == "review"


async def test_the_author_reads_a_sentence_instead_of_buttons_and_is_refused_anyway(
    console: Console, team: Team, editor: Visitor
) -> None:
    item, seen = await submitted(console, team)
    page = await editor.client.get(f"/posts/{item.id}/review")
    assert "Bạn là người soạn bản này nên cần người khác duyệt." in page.text
    assert "/approve" not in page.text
    assert "/return" not in page.text
    told = [f"{account}:{hashed}" for account, hashed in seen.items()]
    answer = await editor.post(f"/posts/{item.id}/approve", revision="1", seen=told)
    assert answer.status_code == 403
    assert await refusals(console, item.id) == {"approval.refused": "role_needed"}


async def test_an_author_who_may_approve_others_cannot_approve_the_own_text(
    console: Console, team: Team
) -> None:
    both = await console.with_role(team, "editor", "approver")
    own = Team(
        unit_id=team.unit_id,
        unit_code=team.unit_code,
        editor=both.caller.staff_id,
        approver=team.approver,
        second_approver=team.second_approver,
        admin=team.admin,
    )
    item, seen = await submitted(console, own)
    page = await both.client.get(f"/posts/{item.id}/review")
    assert "Bạn là người soạn bản này" in page.text
    assert "/approve" not in page.text
    told = [f"{account}:{hashed}" for account, hashed in seen.items()]
    answer = await both.post(f"/posts/{item.id}/approve", revision="1", seen=told)
    assert answer.status_code == 403
    assert "không thể tự duyệt" in answer.text
    assert await refusals(console, item.id) == {"approval.refused": "four_eyes"}


async def test_a_late_an_expired_and_an_urgent_item_say_what_approving_does(
    console: Console, team: Team, approver: Visitor
) -> None:
    late, _ = await submitted(console, team, publish_at=utc_now() + timedelta(hours=1))
    expired, _ = await submitted(console, team, expires_at=utc_now() + timedelta(hours=1))
    urgent, _ = await submitted(console, team, urgent=True)
    ahead, _ = await submitted(console, team, publish_at=utc_now() + timedelta(days=3))
    async with console.hub.open_work() as session:
        # As a replica, the guard that keeps a submitted revision does not ask.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for column, item in (("publish_at", late), ("expires_at", expired)):
            await session.execute(
                text(
                    f"UPDATE revision SET {column} = now() - interval '1 minute'"
                    " WHERE item_id = :id"
                ),
                {"id": item.id},
            )
    told = {
        name: (await approver.client.get(f"/posts/{item.id}/review")).text
        for name, item in (("late", late), ("expired", expired), ("urgent", urgent))
    }
    assert re.search(r"Đã quá giờ hẹn \d\d:\d\d.*Duyệt sẽ đăng ngay\.", told["late"])
    assert "/approve" in told["late"]
    assert "đã qua nên không duyệt được nữa" in told["expired"]
    assert "/approve" not in told["expired"]
    assert "/return" in told["expired"]
    assert 'class="review urgent"' in told["urgent"]
    assert "không chờ, kể cả giờ yên tĩnh" in told["urgent"]
    page = await approver.client.get(f"/posts/{ahead.id}/review")
    assert re.search(r"Đăng lúc .+, còn 2 ngày 23 giờ", page.text)


@pytest.mark.parametrize(
    ("quick", "written", "kept"),
    [
        ("Câu chữ chưa rõ.", "", "Câu chữ chưa rõ."),
        ("", "Thiếu số điện thoại", "Thiếu số điện thoại"),
        ("Ảnh chưa phù hợp.", "Dùng ảnh trụ sở", "Ảnh chưa phù hợp. Dùng ảnh trụ sở"),
    ],
)
async def test_it_goes_back_with_the_reason_chosen_written_or_both(
    console: Console, team: Team, approver: Visitor, quick: str, written: str, kept: str
) -> None:
    item, _ = await submitted(console, team)
    answer = await approver.post(f"/posts/{item.id}/return", quick=quick, reason=written)
    assert answer.status_code == 303
    assert await state_of(console, item.id) == "returned"
    editor = await console.visitor(team.editor)
    page = await editor.client.get(f"/posts/{item.id}")
    assert f"Bản 1 bị trả lại: {kept}" in page.text


async def test_without_a_reason_it_stays_and_the_field_says_so(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, _ = await submitted(console, team)
    for reason in ("", "   "):
        answer = await approver.post(f"/posts/{item.id}/return", reason=reason)
        assert answer.status_code == 422
        assert "Hãy chọn hoặc viết lý do" in answer.text
    answer = await approver.post(f"/posts/{item.id}/return", reason="x" * 1_001)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'id="reason-error"' in answer.text
    assert "Lý do dài quá 1000 ký tự" in answer.text
    assert "x" * 1_001 in answer.text, "what was typed is kept"
    assert await state_of(console, item.id) == "review"


async def test_what_was_sent_back_is_compared_with_when_it_comes_again(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, _ = await submitted(console, team, body="Hạn nộp ngày 05/12/2026.")
    await approver.post(f"/posts/{item.id}/return", reason="Sai ngày")
    await edited(console, team, item.id, body="Hạn nộp ngày 06/12/2026.")
    await console.bench.submitted(team, item.id, [await portal(console.bench, team)])
    page = await approver.client.get(f"/posts/{item.id}/review")
    assert "So với bản 1 đã bị trả lại: Sai ngày" in page.text
    assert re.search(r"<del>.*05/12/2026</del><ins>.*06/12/2026</ins>", page.text)


async def test_a_page_that_is_no_longer_waiting_says_so_without_buttons(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, seen = await submitted(console, team)
    page = await approver.client.get(f"/posts/{item.id}/review")
    await console.bench.approved(team, item.id, seen, by=team.second_approver)
    again = await approver.post(f"/posts/{item.id}/approve", **form_of(page))
    assert again.status_code == 409
    assert "đã được duyệt rồi" in again.text
    back = await approver.post(f"/posts/{item.id}/return", reason="Muộn rồi")
    assert back.status_code == 409
    over = await approver.client.get(f"/posts/{item.id}/review")
    assert over.status_code == 200
    assert "Bản này đã được duyệt" in over.text
    assert "/approve" not in over.text
    draft = await console.bench.draft(team)
    assert "chưa chọn kênh" in (await approver.client.get(f"/posts/{draft.id}/review")).text


async def test_another_unit_and_an_odd_address_find_nothing(console: Console, team: Team) -> None:
    item, seen = await submitted(console, team)
    stranger = await console.visitor((await console.bench.team()).approver)
    told = [f"{account}:{hashed}" for account, hashed in seen.items()]
    for path in (f"/posts/{item.id}/review", "/posts/x/review", f"/posts/{team.unit_id}/review"):
        assert (await stranger.client.get(path)).status_code == 404
    answer = await stranger.post(f"/posts/{item.id}/approve", revision="1", seen=told)
    assert answer.status_code == 404
    assert (await stranger.post(f"/posts/{item.id}/return", reason="x")).status_code == 404
    assert await state_of(console, item.id) == "review"


async def test_the_page_is_english_for_who_reads_english(console: Console, team: Team) -> None:
    visitor = await console.with_role(team, "approver")
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET locale = 'en' WHERE id = :id"), {"id": visitor.caller.staff_id}
        )
    item, _ = await submitted(console, team)
    page = await visitor.client.get(f"/posts/{item.id}/review")
    assert "What has changed" in page.text
    assert re.search(r"Approve</button>", page.text)
