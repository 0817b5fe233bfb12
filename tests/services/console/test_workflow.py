"""Quy trình và cài đặt: what each form keeps, who may, and that what is kept takes effect."""

import io
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlalchemy import text

from services.content import drafting
from services.content.forms import ItemChanges
from services.content.media import variant
from services.content.tables import Media
from services.delivery import composing, fan_out, preview
from services.feeds import words
from services.staff import agency
from services.worker import retention
from shared.clock import utc_now
from shared.contract.messages import PictureLimit
from shared.errors import ForbiddenError, InvalidError
from tests.services.console.outlets import portal
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.people import add_person, add_unit


def _png(colour: str, size: tuple[int, int]) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGBA", size, colour).save(drawn, "PNG")
    return drawn.getvalue()


@pytest.fixture(autouse=True)
async def as_never_chosen(console: Console) -> None:
    """Each test begins with a house that has chosen nothing."""
    async with console.hub.open_work() as session:
        await session.execute(text("DELETE FROM agency_setting"))


async def _house(console: Console) -> agency.Agency:
    async with console.hub.open_work() as session:
        return await agency.settings(session)


async def test_only_an_admin_sees_the_settings(
    console: Console, admin: Visitor, approver: Visitor
) -> None:
    assert (await approver.client.get("/admin/workflow")).status_code == 403
    assert (await approver.client.get("/admin")).status_code == 403
    page = await admin.client.get("/admin/workflow")
    assert page.status_code == 200
    assert page.text.count("Chưa ai đổi") == 7
    assert 'href="/admin/workflow"' in (await admin.client.get("/admin")).text


async def test_an_admin_below_looks_but_does_not_change(console: Console, team: Team) -> None:
    async with console.hub.open_work() as session:
        below = await add_unit(session, f"B{team.unit_code}", team.unit_id)
        person = await add_person(session, below, "admin")
    admin = await console.visitor(person.staff_id)
    page = await admin.client.get("/admin/workflow")
    assert "đơn vị cấp trên cùng" in page.text
    assert "Lưu tên" not in page.text
    answer = await admin.post("/admin/workflow/agency", name="Phường")
    assert answer.status_code == 403
    assert "cấp trên cùng" in answer.text


async def test_the_foot_of_public_pages_says_who_answers_for_them(
    console: Console, admin: Visitor
) -> None:
    before = (await admin.client.get("/kenh-chinh-thuc")).text
    assert "Chịu trách nhiệm nội dung" not in before
    told = {
        "superior": "UBND tỉnh Hoa Sen",
        "address": "12 đường Sen, phường Hoa Sen",
        "phone": "028 0000 1022",
        "email": "hoasen@hoasen.gov.vn",
        "responsible": "Bà Lê Thị Hà, Chánh Văn phòng <b>",
    }
    assert (await admin.post("/admin/workflow/imprint", **told)).status_code == 303

    for path in ("/tin", "/kenh-chinh-thuc", "/kiem-tra", "/feeds"):
        foot = (await admin.client.get(path)).text.partition("<footer")[2]
        assert "Chịu trách nhiệm nội dung: Bà Lê Thị Hà, Chánh Văn phòng &lt;b&gt;" in foot, path
        assert 'href="mailto:hoasen@hoasen.gov.vn"' in foot
        assert "12 đường Sen" in foot
    register = (await admin.client.get("/kenh-chinh-thuc.json")).json()
    assert {name: register[name] for name in told} == told

    wrong = await admin.post("/admin/workflow/imprint", **(told | {"email": "không phải thư"}))
    assert wrong.status_code == 422
    assert 'href="#imprint"' in wrong.text
    assert 'value="không phải thư"' in wrong.text
    assert 'value="12 đường Sen, phường Hoa Sen"' in wrong.text


async def test_the_name_stands_everywhere_and_says_who_changed_it(
    console: Console, team: Team, admin: Visitor, editor: Visitor
) -> None:
    done = await admin.post("/admin/workflow/agency", name="  UBND phường   Hoa Sen ")
    assert done.status_code == 303
    assert "<strong>UBND phường Hoa Sen</strong>" in (await editor.client.get("/channels")).text
    assert f"{admin.caller.name} đổi gần nhất" in (await admin.client.get("/admin/workflow")).text
    assert "UBND phường Hoa Sen" in (await editor.client.get("/feeds")).text
    account = await portal(console.bench, team)
    item = await console.bench.draft(team)
    async with console.hub.open_work() as session:
        (shown,) = (await preview.render(session, console.hub, item.id, [account])).renditions
    assert shown.payload["author"] == "UBND phường Hoa Sen"
    too_long = await admin.post("/admin/workflow/agency", name="x" * 121)
    assert too_long.status_code == 422
    assert 'href="#name"' in too_long.text
    async with console.hub.open_work() as session:
        acts = await session.execute(
            text("SELECT actor, details FROM audit_entry WHERE act = 'agency.changed'")
        )
        rows = acts.all()
    assert (f"staff:{admin.caller.staff_id}", {"setting": "name"}) in [tuple(row) for row in rows]


async def test_saving_what_stands_changes_and_records_nothing(
    console: Console, admin: Visitor
) -> None:
    async with console.hub.open_work() as session:
        caller = await console.bench.caller(admin.caller.staff_id)
        assert await agency.change(session, caller, "urgent_waits", True)
        assert not await agency.change(session, caller, "urgent_waits", True)
        with pytest.raises(InvalidError):
            await agency.change(session, caller, "no_such_setting", 1)
        with pytest.raises(InvalidError):
            await agency.change(session, caller, "hold_seconds", 601)


async def test_the_hold_that_was_chosen_wins_over_the_servers(
    console: Console, team: Team, admin: Visitor
) -> None:
    await admin.post("/admin/workflow/publishing", hold="120")
    account = await portal(console.bench, team)
    item = await console.bench.published(team, [account])
    async with console.hub.open_work() as session:
        wait = await session.scalar(
            text("SELECT not_before - now() FROM publication WHERE item_id = :id"), {"id": item.id}
        )
    assert timedelta(seconds=100) < wait <= timedelta(seconds=120)
    await admin.post("/admin/workflow/publishing", hold="")
    assert (await _house(console)).hold is None
    odd = await admin.post("/admin/workflow/publishing", hold="²")
    assert odd.status_code == 303


async def test_an_urgent_item_waits_only_where_the_house_says_so() -> None:
    usual = timedelta(seconds=10)
    assert agency.Agency().holds(usual, urgent=True) == timedelta(0)
    assert agency.Agency().holds(usual, urgent=False) == usual
    assert agency.Agency(urgent_waits=True).holds(usual, urgent=True) == usual
    assert agency.Agency(hold=timedelta(0)).holds(usual, urgent=False) == timedelta(0)


async def test_an_editor_withdraws_alone_only_where_the_house_allows_it(
    console: Console, team: Team, admin: Visitor, editor: Visitor
) -> None:
    account = await portal(console.bench, team)
    item = await console.bench.published(team, [account])
    caller = await console.bench.caller(team.editor)
    with pytest.raises(ForbiddenError):
        async with console.hub.open_work() as session:
            await fan_out.withdraw(session, caller, item.id, reason="Sai số điện thoại")
    await admin.post("/admin/workflow/publishing", hold="", withdraw_by_editor="1")
    async with console.hub.open_work() as session:
        await fan_out.withdraw(session, caller, item.id, reason="Sai số điện thoại")


async def test_quiet_hours_are_never_offered_and_carry_a_note(
    console: Console, team: Team, admin: Visitor
) -> None:
    wrong = await admin.post("/admin/workflow/quiet_hours", start="21:00", end="")
    assert wrong.status_code == 422
    assert 'value="21:00"' in wrong.text
    same = await admin.post("/admin/workflow/quiet_hours", start="21:00", end="21:00")
    assert same.status_code == 422
    await admin.post("/admin/workflow/quiet_hours", start="19:00", end="06:30")
    house = await _house(console)
    assert house.quiet_hours is not None
    assert (house.quiet_hours.start, house.quiet_hours.end) == (time(19), time(6, 30))
    zone = console.hub.timezone
    async with console.hub.open_work() as session:
        offered = await composing.free_moments(
            session, [team.unit_id], now=utc_now(), zone=ZoneInfo(zone), most=8
        )
    assert len(offered) == 8
    assert all(6 < at.astimezone(ZoneInfo(zone)).hour < 19 for at in offered)
    account = await portal(console.bench, team)
    night = (utc_now() + timedelta(days=2)).replace(hour=15, minute=0)  # 22:00 in Viet Nam
    for urgent, codes in ((False, {"quiet_hours"}), (True, set())):
        item = await console.bench.draft(team)
        await console.bench.submitted(team, item.id, [account], publish_at=night, urgent=urgent)
        async with console.hub.open_work() as session:
            (shown,) = (await preview.render(session, console.hub, item.id, None)).renditions
        assert {one.code for one in shown.problems} & {"quiet_hours"} == codes
        assert not shown.blocked
    await admin.post("/admin/workflow/quiet_hours", start="", end="")
    assert (await _house(console)).quiet_hours is None


async def test_quiet_hours_may_span_midnight() -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    night = agency.QuietHours(start=time(21), end=time(6))
    noon = agency.QuietHours(start=time(12), end=time(13))
    at = {hour: datetime(2026, 11, 22, hour, tzinfo=zone).astimezone(UTC) for hour in range(24)}
    assert [hour for hour in at if night.covers(at[hour], zone)] == [*range(6), 21, 22, 23]
    assert [hour for hour in at if noon.covers(at[hour], zone)] == [12]


async def test_new_items_begin_with_the_channels_the_house_has_chosen(
    console: Console, team: Team, admin: Visitor
) -> None:
    one, other = [await portal(console.bench, team) for _ in range(2)]
    await admin.post("/admin/workflow/accounts", choice="some", account=[str(one)])
    item = await console.bench.draft(team)
    async with console.hub.open_work() as session:
        shown = await preview.render(session, console.hub, item.id, None)
    assert [row.account_id for row in shown.renditions] == [one]
    await admin.post("/admin/workflow/accounts", choice="all", account=[str(one)])
    async with console.hub.open_work() as session:
        shown = await preview.render(session, console.hub, item.id, None)
    assert {one, other} <= {row.account_id for row in shown.renditions}


async def test_a_category_must_be_in_the_list_once_there_is_one(
    console: Console, team: Team, admin: Visitor
) -> None:
    item = await console.bench.draft(team, category="tu-do")  # nobody has made a list yet
    done = await admin.post(
        "/admin/workflow/categories",
        category=["Tin tức", "Lịch tiếp dân", ""],
        slug=["tin-tuc", "", ""],
        part=["tin-tuc", "van-ban-chinh-sach", "tin-tuc"],
    )
    assert done.status_code == 303
    house = await _house(console)
    assert [(one.slug, one.part) for one in house.categories] == [
        ("tin-tuc", "tin-tuc"),
        ("lich-tiep-dan", "van-ban-chinh-sach"),
    ]
    with pytest.raises(InvalidError) as refused:
        await console.bench.draft(team, category="la-lam")
    assert [one.code for one in refused.value.fields] == ["category_unknown"]
    await console.bench.draft(team, category="lich-tiep-dan")
    editor = await console.bench.caller(team.editor)
    async with console.hub.open_work() as session:
        changes = ItemChanges.model_validate({"category": "tu-do", "title": "Tiêu đề mới"})
        await drafting.edit(session, editor, item.id, changes, version=item.version)
    twice = await admin.post(
        "/admin/workflow/categories",
        category=["Tin", "Tin khác"],
        slug=["tin", "tin"],
        part=["tin-tuc", "tin-tuc"],
    )
    assert twice.status_code == 422
    assert 'value="Tin khác"' in twice.text
    names = {one.slug: one.name for one in house.categories}
    assert words.section("news", "lich-tiep-dan", names) == ("Tin tức", "Lịch tiếp dân")


async def test_the_logo_is_kept_anew_and_drawn_at_the_lower_right(
    console: Console, team: Team, admin: Visitor
) -> None:
    sent = await admin.client.post(
        "/admin/workflow/logo",
        data={"csrf": admin.csrf, "mark_pictures": "1"},
        files={"logo": ("dau.png", _png("#b3131b", (400, 400)), "image/png")},
    )
    assert sent.status_code == 303
    house = await _house(console)
    assert house.logo is not None
    assert house.picture_mark == house.logo
    page = (await admin.client.get("/channels")).text
    assert f'src="/media/{house.logo.sha256}-mark.png"' in page
    picture_id = await console.bench.picture(team)
    async with console.hub.open_work() as session:
        media = await session.get(Media, picture_id)
        assert media is not None
        made = await variant(
            session,
            console.hub.media,
            media,
            PictureLimit(max_bytes=1_000_000, max_side=1920),
            made_for="thu",
            by=team.editor,
            mark=house.logo,
        )
    drawn = Image.open(io.BytesIO(console.hub.media.read(made.sha256, made.ext)))
    assert drawn.size == (640, 360)
    corner, middle = drawn.getpixel((600, 320)), drawn.getpixel((320, 180))
    assert isinstance(corner, tuple)
    assert isinstance(middle, tuple)
    assert corner[0] > 150 > corner[1]  # the mark's red
    assert middle[1] > middle[0]  # the picture's green
    zalo = {"oa_id": str(int(media.id) % 10**12), "app_id": "9001"}
    account = await console.bench.account(team, "zalo_oa", zalo, {"app_secret": "x"})
    item = await console.bench.draft(team, cover=str(picture_id))
    async with console.hub.open_work() as session:
        (shown,) = (await preview.render(session, console.hub, item.id, [account])).renditions
    cover = str(shown.payload)
    assert media.sha256 not in cover
    await admin.post("/admin/workflow/logo", remove="1")
    assert (await _house(console)).logo is None
    async with console.hub.open_work() as session:
        (shown,) = (await preview.render(session, console.hub, item.id, [account])).renditions
    assert media.sha256 in str(shown.payload)


async def test_what_is_no_logo_is_refused_in_words(console: Console, admin: Visitor) -> None:
    for data, told in (
        (b"khong phai anh", "Không đọc được ảnh"),
        (_png("red", (20, 20)), "ít nhất 64 điểm"),
        (_png("red", (2400, 100)), "mỗi cạnh tối đa 2.000"),
    ):
        answer = await admin.client.post(
            "/admin/workflow/logo",
            data={"csrf": admin.csrf},
            files={"logo": ("dau.png", data, "image/png")},
        )
        assert answer.status_code == 422
        assert told in answer.text
    assert (await _house(console)).logo is None


def test_the_page_tells_how_long_things_are_really_kept() -> None:
    """What stands on the page in words stands in the worker in SQL."""
    for table, days in (("inbound_event", 90), ("session", 30), ("old_credentials", 7)):
        assert f"interval '{days} days'" in retention._OVER[table]
