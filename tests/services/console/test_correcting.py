"""Correcting what is published and taking it down: the facts over HTTP."""

import re
from uuid import UUID

import pytest
from sqlalchemy import text

from services.staff import agency
from services.storage.columns import new_id
from tests.services.console.outlets import portal, three
from tests.services.console.test_item import live
from tests.services.console.test_review import state_of, submitted
from tests.services.delivery.walls import turning, until
from tests.support.console import Console, Visitor
from tests.support.hub import Team


async def newest_note(console: Console, item_id: UUID) -> tuple[int, str]:
    async with console.hub.open_work() as session:
        row = (
            await session.execute(
                text(
                    "SELECT no, correction_note FROM revision WHERE item_id = :id"
                    " ORDER BY no DESC LIMIT 1"
                ),
                {"id": item_id},
            )
        ).one()
    return row.no, row.correction_note


async def test_a_correction_opens_the_next_revision_with_its_note(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await live(console, team)
    page = await editor.client.get(f"/posts/{item.id}/correct")
    assert "Sửa tại chỗ và ghi rõ là bài đã đính chính" in page.text
    answer = await editor.post(f"/posts/{item.id}/correct", correction_note="Số đúng là 1023.")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/posts/{item.id}/edit")
    assert await newest_note(console, item.id) == (2, "Số đúng là 1023.")
    again = await editor.client.get(f"/posts/{item.id}/correct")
    assert "Đã có bản 2 đang được soạn" in again.text
    assert "Số đúng là 1023." in again.text
    page = await editor.client.get(f"/posts/{item.id}")
    assert "Đây là bản 2, chưa đăng. Người đọc đang thấy bản 1." in page.text


@pytest.mark.parametrize("note", ["", "  \n ", "z" * 2_001])
async def test_a_correction_without_a_good_note_says_so_beside_the_field(
    console: Console, team: Team, editor: Visitor, note: str
) -> None:
    item = await live(console, team)
    answer = await editor.post(f"/posts/{item.id}/correct", correction_note=note)
    assert answer.status_code == 422
    assert 'id="correction_note-error"' in answer.text
    assert note.strip() in answer.text
    assert (await newest_note(console, item.id))[0] == 1


async def test_what_shows_nowhere_is_edited_not_corrected(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    draft = await console.bench.draft(team)
    for answer in (
        await editor.client.get(f"/posts/{draft.id}/correct"),
        await editor.post(f"/posts/{draft.id}/correct", correction_note="x"),
    ):
        assert answer.headers["location"] == f"/posts/{draft.id}"
    assert (await approver.client.get(f"/posts/{draft.id}/correct")).status_code == 403


async def test_withdrawing_tells_each_channel_and_keeps_the_reason(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await live(console, team)
    page = await approver.client.get(f"/posts/{item.id}/withdraw")
    assert "Rút khỏi cổng và nguồn tin; địa chỉ cũ báo bài đã gỡ." in page.text
    assert "Gỡ khỏi 1 kênh" in page.text
    answer = await approver.post(
        f"/posts/{item.id}/withdraw", quick="Nội dung sai.", reason="Sai số trực ban."
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/posts/{item.id}/delivery")
    async with turning(console.bench):
        await until(console.bench, item.id, "withdrawn")
    page = await approver.client.get(f"/posts/{item.id}")
    assert "Lý do: Nội dung sai. Sai số trực ban." in page.text
    again = await approver.client.get(f"/posts/{item.id}/withdraw")
    assert "không có gì để gỡ" in again.text


async def test_before_the_first_call_withdrawing_only_calls_publishing_off(
    console: Console, team: Team, approver: Visitor
) -> None:
    accounts = await three(console.bench, team)
    cover = await console.bench.picture(team)
    item = await console.bench.draft(team, cover=str(cover))
    seen = await console.bench.submitted(team, item.id, accounts)
    await console.bench.approved(team, item.id, seen)
    page = await approver.client.get(f"/posts/{item.id}/withdraw")
    assert page.text.count("Bài chưa hiện ở đây: chỉ huỷ việc đăng.") == 3
    assert "Gỡ khỏi 3 kênh" in page.text
    answer = await approver.post(f"/posts/{item.id}/withdraw", quick="Đăng nhầm.")
    page = await approver.client.get(f"/posts/{item.id}")
    assert answer.status_code == 303
    assert "Đã huỷ việc đăng. Bài chưa hiện ở đâu." in page.text


async def test_without_a_reason_nothing_is_taken_down(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await live(console, team)
    for reason in ("", " ", "q" * 1_001):
        answer = await approver.post(f"/posts/{item.id}/withdraw", reason=reason)
        assert answer.status_code == 422
        assert 'id="reason-error"' in answer.text
        assert reason.strip() in answer.text
    assert set((await console.bench.states(item.id)).values()) == {"live"}


async def test_an_editor_is_told_whom_to_ask_and_is_refused_anyway(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await live(console, team)
    page = await editor.client.get(f"/posts/{item.id}/withdraw")
    assert "Bạn không gỡ được bài này một mình" in page.text
    assert re.search(r"Hãy nhờ: .*approver", page.text)
    answer = await editor.post(f"/posts/{item.id}/withdraw", reason="Tôi muốn gỡ")
    assert answer.status_code == 403
    assert set((await console.bench.states(item.id)).values()) == {"live"}


async def test_where_the_agency_lets_editors_withdraw_the_button_is_theirs_too(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await live(console, team)
    admin = await console.visitor(team.admin)
    async with console.hub.open_work() as session:
        await agency.change(session, admin.caller, "withdraw_by_editor", True)
    try:
        page = await editor.client.get(f"/posts/{item.id}/withdraw")
        assert "Gỡ khỏi 1 kênh" in page.text
        answer = await editor.post(f"/posts/{item.id}/withdraw", reason="Sai ngày")
        assert answer.status_code == 303
    finally:
        async with console.hub.open_work() as session:
            await agency.change(session, admin.caller, "withdraw_by_editor", False)


async def test_a_correction_in_review_is_compared_with_what_readers_see(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    account = await portal(console.bench, team)
    item = await console.bench.published(team, [account], body="Gọi 028 0000 1022.")
    async with turning(console.bench):
        await until(console.bench, item.id, "live")
    await editor.post(f"/posts/{item.id}/correct", correction_note="Số đúng là 028 0000 1023.")
    await console.bench.submitted(team, item.id, [account])
    page = await approver.client.get(f"/posts/{item.id}/review")
    assert "So với bản 1, bản được duyệt gần nhất." in page.text
    assert "Người đọc thấy dòng này trên mọi kênh." in page.text
    assert re.search(r"<ins>.*Số đúng là 028 0000 1023\.</ins>", page.text)
    assert await state_of(console, item.id) == "review"


async def test_another_unit_finds_nothing(console: Console, team: Team) -> None:
    item, _ = await submitted(console, team)
    stranger = await console.with_role(await console.bench.team(), "editor", "approver")
    for one in (item.id, new_id()):
        for act in ("correct", "withdraw"):
            assert (await stranger.client.get(f"/posts/{one}/{act}")).status_code == 404
            answer = await stranger.post(f"/posts/{one}/{act}", reason="x", correction_note="x")
            assert answer.status_code == 404
        for act in ("stop", "duplicate", "comments"):
            assert (await stranger.post(f"/posts/{one}/{act}", text="x")).status_code == 404
