"""What a calendar tells: what went out, what will, what is wished for, where it gets crowded."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import agenda, fan_out, rescheduling
from services.delivery.agenda import Entry
from shared.clock import utc_now
from tests.services.delivery.desk import Desk, open_desk
from tests.support.hub import Bench

ZONE = "Asia/Ho_Chi_Minh"
# Ten in the morning here, a month from now: nothing of the tests comes due meanwhile.
NOON = (utc_now() + timedelta(days=30)).replace(hour=3, minute=0, second=0, microsecond=0)


async def found(
    desk: Desk, start: datetime, end: datetime, *, most: int = 50, skipped: int = 0
) -> tuple[Entry, ...]:
    async with desk.bench.hub.open_work() as session:
        return await agenda.entries(
            session,
            start,
            end,
            unit_ids=[desk.team.unit_id],
            zone=ZONE,
            most_per_day=most,
            skipped=skipped,
        )


async def test_past_agreed_and_wished_for_stand_in_one_line(desk: Desk) -> None:
    live = await desk.live("Đã đăng", NOON - timedelta(hours=2))
    due = await desk.scheduled("Đã duyệt", NOON)
    wish = await desk.review("Chờ duyệt", NOON + timedelta(hours=1))
    await desk.draft("Không hẹn giờ")
    told = await found(desk, NOON - timedelta(days=1), NOON + timedelta(days=1))
    assert [(one.item_id, one.what, one.movable, one.state) for one in told] == [
        (live, "shown", False, "published"),
        (due, "due", True, "scheduled"),
        (wish, "wish", True, "review"),
    ]
    assert [one.at for one in told] == [
        NOON - timedelta(hours=2),
        NOON,
        NOON + timedelta(hours=1),
    ]


async def test_the_end_of_the_span_is_not_part_of_it(desk: Desk) -> None:
    await desk.scheduled("Đúng lúc hết", NOON)
    assert await found(desk, NOON - timedelta(days=1), NOON) == ()
    assert len(await found(desk, NOON, NOON + timedelta(seconds=1))) == 1


async def test_a_failure_stands_once_where_it_should_have_gone_out(desk: Desk) -> None:
    failed = await desk.failed("Không đăng được", accounts=2)
    now = utc_now()
    told = await found(desk, now - timedelta(days=1), now + timedelta(days=1))
    assert [(one.item_id, one.what, one.movable) for one in told] == [(failed, "due", False)]


async def test_a_day_is_cut_where_it_gets_too_long_and_says_so(desk: Desk) -> None:
    for minutes in (40, 0, 20):
        await desk.scheduled(f"Phút {minutes}", NOON + timedelta(minutes=minutes))
    # 17:30 UTC is half past midnight here: the next day.
    night = NOON.replace(hour=17, minute=30)
    await desk.scheduled("Ngày sau", night)
    told = await found(desk, NOON - timedelta(days=1), NOON + timedelta(days=1), most=2)
    assert [(one.title, one.in_day) for one in told] == [
        ("Phút 0", 3),
        ("Phút 20", 3),
        ("Ngày sau", 1),
    ]


async def test_the_rest_of_a_long_day_follows_on_further_pages(desk: Desk) -> None:
    for minutes in (30, 0, 20, 10):
        await desk.scheduled(f"Phút {minutes}", NOON + timedelta(minutes=minutes))
    pages = [
        await found(desk, NOON, NOON + timedelta(hours=1), most=2, skipped=n) for n in (0, 2, 4)
    ]
    assert [[(one.title, one.in_day) for one in page] for page in pages] == [
        [("Phút 0", 4), ("Phút 10", 4)],
        [("Phút 20", 4), ("Phút 30", 4)],
        [],
    ]


async def test_whoever_sees_every_unit_is_told_the_same_of_each(desk: Desk) -> None:
    day = NOON + timedelta(days=40)  # no other test's
    await desk.live("Đã đăng", day)
    await desk.scheduled("Đã duyệt", day + timedelta(hours=1), accounts=2)
    await desk.review("Chờ duyệt", day + timedelta(hours=2))
    span = (day, day + timedelta(hours=3))
    async with desk.bench.hub.open_work() as session:
        everybody = list(await session.scalars(text("SELECT id FROM unit")))
        told = await agenda.entries(session, *span, unit_ids=everybody, zone=ZONE, most_per_day=50)
    assert [one.title for one in told] == ["Đã đăng", "Đã duyệt", "Chờ duyệt"]
    assert told == await found(desk, *span)


async def test_other_units_have_calendars_of_their_own(desk: Desk, bench: Bench) -> None:
    await desk.scheduled("Của đơn vị khác", NOON)
    stranger = await open_desk(bench)
    assert await found(stranger, NOON - timedelta(days=1), NOON + timedelta(days=1)) == ()


async def test_three_within_half_an_hour_on_one_account_are_told(desk: Desk) -> None:
    for minutes in (0, 10):
        await desk.scheduled(f"Phút {minutes}", NOON + timedelta(minutes=minutes))
    span = (NOON - timedelta(hours=1), NOON + timedelta(hours=2))
    async with desk.bench.hub.open_work() as session:
        assert await agenda.crowds(session, *span, unit_ids=[desk.team.unit_id], zone=ZONE) == ()
    await desk.review("Phút 29", NOON + timedelta(minutes=29))
    await desk.review("Phút 30", NOON + timedelta(minutes=30))
    async with desk.bench.hub.open_work() as session:
        (crowd,) = await agenda.crowds(session, *span, unit_ids=[desk.team.unit_id], zone=ZONE)
    assert (crowd.at, crowd.count, crowd.in_day) == (NOON, 3, 1)
    assert crowd.account.startswith("cong")


async def test_of_a_day_the_most_crowded_accounts_are_told_and_how_many_there_are(
    desk: Desk,
) -> None:
    accounts = [*desk.accounts, await desk.another("huyen")]
    for minutes in (0, 5, 10, 15):
        item = await desk.draft(f"Phút {minutes}")
        chosen = accounts if minutes else accounts[:1]
        at = NOON + timedelta(minutes=minutes)
        await desk.bench.submitted(desk.team, item, chosen, publish_at=at)
    span = (NOON - timedelta(hours=1), NOON + timedelta(hours=2))
    async with desk.bench.hub.open_work() as session:
        told = await agenda.crowds(session, *span, unit_ids=[desk.team.unit_id], zone=ZONE)
    assert [(one.count, one.in_day) for one in told] == [(4, 3), (3, 3)]


async def test_an_open_wish_beside_a_live_text_is_told_as_its_own(desk: Desk) -> None:
    live = await desk.live("Đang hiện", datetime(2026, 1, 5, 3, tzinfo=UTC))
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        item = await fan_out.edit(
            session,
            editor,
            live,
            ItemChanges(body="Sửa lại."),
            version=(await session.get_one(Item, live)).version,
        )
        await rescheduling.move(session, desk.bench.hub, editor, item.id, NOON)
    told = await found(desk, NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    assert [(one.item_id, one.what, one.state) for one in told] == [(live, "wish", "draft")]
