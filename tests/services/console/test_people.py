"""People by their pages: invited, let in, let go; one's own account; the record in words."""

import re

import pytest
from sqlalchemy import text

from services.audit.acts import Act
from services.console.act_words import GROUPS, WORDS
from services.staff.otp import code_at, step_at
from services.staff.passwords import CHEAP, hashed
from shared.clock import utc_now
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_PASSWORD = "mot cau rat de nho"


async def _give_password(console: Console, visitor: Visitor) -> None:
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET password_hash = :hash WHERE id = :id"),
            {"hash": await hashed(_PASSWORD, cost=CHEAP), "id": visitor.caller.staff_id},
        )


async def test_an_invited_person_sets_a_password_and_comes_in(
    console: Console, team: Team, admin: Visitor
) -> None:
    made = await admin.post(
        "/admin/users",
        name="Ngô Thị Sáu",
        email="sau@hoasen.example",
        role="editor",
        unit=team.unit_code,
    )
    assert made.status_code == 200
    link = re.search(r"http://[^<\"]+(/start/[\w-]+)", made.text)
    assert link is not None
    async with console.client() as client:
        form = await client.get(link[1])
        assert "Ngô Thị Sáu" in form.text
        short = await client.post(link[1], data={"password": "ngan"})
        assert short.status_code == 422
        done = await client.post(link[1], data={"password": _PASSWORD})
        assert done.status_code == 303
        entered = await client.post(
            "/sign-in", data={"email": "sau@hoasen.example", "password": _PASSWORD}
        )
        assert entered.status_code == 303
        assert (await client.get(link[1])).status_code == 404


async def test_an_invitation_that_cannot_be_keeps_what_was_typed(
    team: Team, admin: Visitor
) -> None:
    refused = await admin.post(
        "/admin/users", name="Lý <b>Bảy</b>", email="không phải thư", unit=team.unit_code
    )
    assert refused.status_code == 422
    assert "Lý &lt;b&gt;Bảy" in refused.text
    assert "Chưa nhận được" in refused.text


async def test_the_last_admin_cannot_be_let_go(admin: Visitor) -> None:
    answer = await admin.post(f"/admin/users/{admin.caller.staff_id}/roles", role="editor")
    assert answer.status_code == 409
    assert "quản trị" in answer.text


async def test_a_suspended_person_is_out_at_once_and_may_come_back(
    console: Console, team: Team, admin: Visitor
) -> None:
    person = await console.with_role(team, "editor")
    path = f"/admin/users/{person.caller.staff_id}"
    assert (await person.client.get("/account")).status_code == 200
    assert (await admin.post(f"{path}/suspend", reason="Chuyển công tác")).status_code == 303
    assert (await person.client.get("/account")).status_code == 303
    assert "Đã khoá" in (await admin.client.get(path)).text
    assert (await admin.post(f"{path}/reactivate")).status_code == 303
    assert "Khoá tài khoản" in (await admin.client.get(path)).text


async def test_only_admins_see_the_people(editor: Visitor, approver: Visitor) -> None:
    for visitor in (editor, approver):
        assert (await visitor.client.get("/admin/users")).status_code == 403


async def test_people_of_another_unit_are_not_found(console: Console, editor: Visitor) -> None:
    elsewhere = await console.bench.team()
    stranger = await console.visitor(elsewhere.admin)
    answer = await stranger.client.get(f"/admin/users/{editor.caller.staff_id}")
    assert answer.status_code == 404


async def test_people_are_found_without_diacritics(team: Team, admin: Visitor) -> None:
    given = {"name": "Ngô Thị Bảy", "email": "bay@hoasen.example", "role": "editor"}
    assert (await admin.post("/admin/users", unit=team.unit_code, **given)).status_code == 200
    found = await admin.client.get("/admin/users?q=ngo+thi+bay")
    assert "Ngô Thị Bảy" in found.text
    none = await admin.client.get("/admin/users?q=khong+co+ai")
    assert "Không tìm thấy ai như vậy" in none.text


async def test_the_own_password_is_changed_against_the_present_one(
    console: Console, team: Team
) -> None:
    person = await console.with_role(team, "editor")
    await _give_password(console, person)
    new = "mot cau khac de nho"
    wrong = await person.post("/account/password", old="sai", new=new, again=new)
    assert wrong.status_code == 422
    assert "Mật khẩu hiện tại chưa đúng" in wrong.text
    twice = await person.post("/account/password", old=_PASSWORD, new=new, again="khac")
    assert "không giống nhau" in twice.text
    done = await person.post("/account/password", old=_PASSWORD, new=new, again=new)
    assert done.status_code == 303


async def test_a_phone_is_enrolled_once_it_has_shown_a_code(console: Console, team: Team) -> None:
    import base64

    person = await console.with_role(team, "approver")
    begun = await person.post("/account/otp/begin")
    assert "<svg" in begun.text
    letters = re.search(r"<code>([A-Z2-7]+)</code>", begun.text)
    assert letters is not None
    secret = base64.b32decode(letters[1] + "=" * (-len(letters[1]) % 8))
    wrong = await person.post("/account/otp/finish", code="000000")
    assert wrong.status_code == 422
    assert letters[1] in wrong.text
    done = await person.post("/account/otp/finish", code=code_at(secret, step_at(utc_now())))
    assert done.status_code == 200
    codes = re.findall(r"<li><code>([^<]+)</code></li>", done.text)
    assert len(codes) == 10
    again = await person.client.get("/account")
    assert codes[0] not in again.text
    assert "Còn 10 mã dự phòng" in again.text


async def test_a_display_is_kept_and_shown(console: Console, team: Team) -> None:
    person = await console.with_role(team, "editor")
    kept = await person.post(
        "/account/display", text_size="130", contrast="high", motion="off", shortcuts="off"
    )
    assert kept.status_code == 303
    page = (await person.client.get("/help")).text
    assert 'data-size="130" data-contrast="high" data-motion="off"' in page
    assert 'data-shortcuts="off"' in page


async def test_an_odd_display_is_refused(editor: Visitor) -> None:
    answer = await editor.post("/account/display", text_size="999", contrast="x")
    assert answer.status_code == 422


@pytest.mark.parametrize("size", ["²", "9" * 5_000], ids=["raised", "endless"])
async def test_what_only_looks_like_a_number_is_the_usual_size(editor: Visitor, size: str) -> None:
    assert (await editor.post("/account/display", text_size=size)).status_code == 303


def test_every_act_has_its_words() -> None:
    assert set(WORDS) == set(Act)
    assert {act.partition(".")[0] for act in Act} >= set(GROUPS)


async def test_the_record_tells_who_approved_what_and_proves_itself(
    console: Console, team: Team
) -> None:
    auditor = await console.with_role(team, "auditor")
    item = await console.bench.draft(team, title="Thông báo lịch tiếp công dân")
    page = await auditor.client.get(f"/audit?object=item:{item.id}")
    assert "Thông báo lịch tiếp công dân" in page.text
    assert "Tạo bài" in page.text
    assert "đã kiểm tra, không bị sửa" in page.text
    proven = await auditor.post("/audit/prove")
    assert proven.status_code == 303
    said = await auditor.client.get("/audit")
    assert "không dòng nào bị sửa" in said.text


@pytest.mark.parametrize("group", GROUPS)
async def test_the_record_is_filtered_by_kind_of_act(
    console: Console, team: Team, group: str
) -> None:
    auditor = await console.with_role(team, "auditor")
    assert (await auditor.client.get(f"/audit?group={group}")).status_code == 200


async def test_the_record_leaves_as_a_table_without_formulas(console: Console, team: Team) -> None:
    auditor = await console.with_role(team, "auditor")
    await console.bench.draft(team, title="=HYPERLINK(1)")
    told = await auditor.client.get("/audit/export.csv?group=item")
    assert told.headers["content-type"].startswith("text/csv")
    assert told.text.startswith("\ufeff")
    assert ",=HYPERLINK" not in told.text


async def test_a_refusal_stands_in_the_record_without_gaps(console: Console, team: Team) -> None:
    writer, auditor = [await console.with_role(team, role) for role in ("editor", "auditor")]
    assert (await writer.client.get("/admin/users")).status_code == 403
    page = (await auditor.client.get("/audit?group=act")).text
    assert "Không có vai trò hoặc quyền cho việc này." in page
    assert "cần vai trò" not in page


async def test_the_record_is_for_auditors_and_admins(editor: Visitor) -> None:
    assert (await editor.client.get("/audit")).status_code == 403
