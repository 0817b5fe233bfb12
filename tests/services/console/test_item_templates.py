"""Templates by their pages: made, found, filled, put away; and the drafts begun with them."""

import re
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from services.content.item_templates import filled, gaps
from services.content.ready_templates import READY
from services.storage.columns import new_id
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_FIELDS = {
    "kind": "news",
    "title": "Lịch tiếp công dân tháng {{tháng}}",
    "summary": "Lãnh đạo tiếp dân tháng {{ tháng }}.",
    "body": "Nơi tiếp: {{địa điểm}}.",
    "tags": "tiếp dân, lịch",
}


async def _made(visitor: Visitor, name: str, **fields: str) -> UUID:
    """A template made by its form; its id as the list links to it."""
    answer = await visitor.post("/templates/new", name=name, **{**_FIELDS, **fields})
    assert answer.status_code == 303, answer.text
    page = (await visitor.client.get("/templates")).text
    found = re.search(rf'href="/templates/([0-9a-f-]{{36}})"[^>]*>{re.escape(name)}<', page)
    assert found is not None
    return UUID(found[1])


def test_gaps_are_named_once_and_only_the_given_ones_are_filled() -> None:
    told = "Ngày {{ngày}}, lại {{ ngày }}; ở {{nơi}}; không phải { ngày } hay {{}}"
    assert gaps(told) == ("ngày", "nơi")
    assert filled(told, {"ngày": "3/12", "nơi": " "}) == (
        "Ngày 3/12, lại 3/12; ở {{nơi}}; không phải { ngày } hay {{}}"
    )


def test_what_fills_a_gap_opens_no_other() -> None:
    assert filled("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}) == "{{b}} x"


async def test_an_empty_list_offers_the_ready_set_once(console: Console) -> None:
    team = await console.bench.team()
    visitor = await console.visitor(team.editor)
    page = await visitor.client.get("/templates")
    assert "Chưa có mẫu nào." in page.text
    assert (await visitor.post("/templates/ready")).status_code == 303
    assert (await visitor.post("/templates/ready")).status_code == 303
    listed = (await visitor.client.get("/templates")).text
    assert [listed.count(f">{one.name}<") for one in READY] == [1] * 6
    assert "Thêm 6 mẫu dựng sẵn" not in listed


async def test_every_ready_template_becomes_a_draft(console: Console) -> None:
    team = await console.bench.team()
    visitor = await console.visitor(team.editor)
    await visitor.post("/templates/ready")
    page = (await visitor.client.get("/templates")).text
    for address in re.findall(r'href="(/templates/[0-9a-f-]{36}/use)"', page):
        begun = await visitor.post(address)
        assert begun.status_code == 303
        assert (await visitor.client.get(begun.headers["location"])).status_code == 200


async def test_a_draft_is_begun_with_its_gaps_filled(console: Console, editor: Visitor) -> None:
    template_id = await _made(editor, "Lịch tiếp dân của phường")
    form = await editor.client.get(f"/templates/{template_id}/use")
    assert 'name="gap.0"' in form.text
    assert 'name="gap.1"' in form.text
    begun = await editor.post(f"/templates/{template_id}/use", **{"gap.0": "12"})
    assert begun.status_code == 303
    composer = await editor.client.get(begun.headers["location"])
    assert "Lịch tiếp công dân tháng 12" in composer.text
    assert "Lãnh đạo tiếp dân tháng 12." in composer.text
    assert "tiếp dân, lịch" in composer.text
    assert "Còn chỗ trống cần điền: {{địa điểm}}." in composer.text
    assert "vừa xong" in (await editor.client.get("/templates?q=cua+phuong")).text
    async with console.hub.open_work() as session:
        acts = await session.scalars(
            text("SELECT act FROM audit_entry WHERE object = :it"),
            {"it": f"template:{template_id}"},
        )
        assert list(acts) == ["template.added"]


async def test_the_chosen_accounts_go_along(console: Console, team: Team, editor: Visitor) -> None:
    code = f"cong-{new_id().hex[-8:]}"
    settings = {"slug": code, "title": "Tin", "link": "http://127.0.0.1/"}
    account = await console.bench.account(team, "portal_rss", settings, {}, name=f"Cổng {code}")
    other = {**settings, "slug": f"{code}-2"}
    await console.bench.account(team, "portal_rss", other, {}, name=f"Cổng {code} 2")
    template_id = await _made(editor, f"Mẫu có kênh {code}", accounts=str(account), body="Chữ.")
    begun = await editor.post(f"/templates/{template_id}/use")
    item_id = begun.headers["location"].split("/")[2]
    async with console.hub.open_work() as session:
        chosen = await session.scalar(
            text("SELECT accounts FROM revision WHERE item_id = :id"), {"id": UUID(item_id)}
        )
    assert list(chosen) == [account]


async def test_a_filled_text_that_is_too_long_is_told_and_kept(editor: Visitor) -> None:
    template_id = await _made(editor, "Tiêu đề dài")
    refused = await editor.post(f"/templates/{template_id}/use", **{"gap.0": "x" * 600})
    assert refused.status_code == 422
    assert "Quá dài" in refused.text
    assert "x" * 600 in refused.text


async def test_a_template_that_cannot_be_keeps_what_was_typed(editor: Visitor) -> None:
    refused = await editor.post("/templates/new", name=" ", title="<b>Đậm</b>", kind="news")
    assert refused.status_code == 422
    assert 'id="name-error"' in refused.text
    assert "&lt;b&gt;Đậm&lt;/b&gt;" in refused.text


async def test_a_template_is_changed_put_away_and_brought_back(editor: Visitor) -> None:
    template_id = await _made(editor, "Mẫu sẽ đổi")
    path = f"/templates/{template_id}"
    changed = await editor.post(path, name="Mẫu đã đổi", **_FIELDS)
    assert changed.status_code == 303
    assert "Mẫu đã đổi" in (await editor.client.get(path)).text
    gone = await editor.post(f"{path}/remove")
    assert gone.status_code == 303
    after = await editor.client.get("/templates")
    assert f"{path}/restore" in after.text
    assert (await editor.client.get(path)).status_code == 404
    assert (await editor.post(f"{path}/use")).status_code == 404
    assert (await editor.post(f"{path}/restore")).status_code == 303
    assert (await editor.client.get(path)).status_code == 200


async def test_templates_are_found_without_diacritics(editor: Visitor) -> None:
    await _made(editor, "Phòng chống dịch bệnh")
    found = await editor.client.get("/templates?q=phong+chong+dich")
    assert "Phòng chống dịch bệnh" in found.text
    none = await editor.client.get("/templates?q=khong+co+dau&kind=warning")
    assert "Không có mẫu nào như vậy." in none.text


async def test_a_unit_uses_the_templates_above_it_and_changes_only_its_own(
    console: Console, team: Team, editor: Visitor
) -> None:
    template_id = await _made(editor, "Mẫu của cấp trên")
    below = await console.bench.team()
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE unit SET parent_id = :above WHERE id = :id"),
            {"above": team.unit_id, "id": below.unit_id},
        )
    lower = await console.visitor(below.editor)
    assert "Mẫu của cấp trên" in (await lower.client.get("/templates")).text
    path = f"/templates/{template_id}"
    assert (await lower.client.get(path)).headers["location"] == f"{path}/use"
    assert (await lower.post(path, name="Của tôi", **_FIELDS)).status_code == 404
    assert (await lower.post(f"{path}/remove")).status_code == 404
    assert (await lower.post(f"{path}/use")).status_code == 303


async def test_templates_of_a_stranger_do_not_exist(console: Console, editor: Visitor) -> None:
    template_id = await _made(editor, "Mẫu riêng của đơn vị này")
    stranger = await console.visitor((await console.bench.team()).editor)
    assert "Mẫu riêng của đơn vị này" not in (await stranger.client.get("/templates")).text
    assert (await stranger.client.get(f"/templates/{template_id}/use")).status_code == 404


async def test_templates_are_for_writers_and_admins(
    approver: Visitor, admin: Visitor, editor: Visitor
) -> None:
    assert (await approver.client.get("/templates")).status_code == 403
    assert (await admin.client.get("/templates")).status_code == 200
    template_id = await _made(editor, "Mẫu cho quản trị xem")
    assert (await admin.post(f"/templates/{template_id}/use")).status_code == 403


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_writer_gets_from_the_composer_to_a_filled_draft(
    browser: Browser, console: Console, size: tuple[int, int]
) -> None:
    team = await console.bench.team()
    visitor = await console.visitor(team.editor)
    await visitor.post("/templates/ready")
    async with window(browser, console, visitor, size=size) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/new")
        await page.get_by_role("link", name="Tất cả mẫu").click()
        await page.get_by_role("heading", name="Mẫu", exact=True).wait_for()
        await opened.axe()
        await page.get_by_role("link", name="Dùng mẫu Lịch tiếp công dân").click()
        await page.get_by_label("Tháng", exact=True).fill("12/2026")
        await opened.axe()
        await page.get_by_role("button", name="Tạo bản nháp").click()
        await page.wait_for_url("**/edit")
        title = page.locator("#title")
        await expect(title).to_have_value("Lịch tiếp công dân tháng 12/2026")
        await page.goto(f"{console.url}/templates/new")
        await opened.axe()
        opened.check()
