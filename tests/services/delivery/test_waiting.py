"""What each person finds waiting: by role, by whose hands wrote it, longest waiting first."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from services.delivery import waiting
from services.delivery.waiting import Task
from services.staff.caller import Caller
from shared.clock import utc_now
from tests.services.delivery.desk import Desk, open_desk
from tests.support.hub import Bench
from tests.support.people import add_person


async def tasks(desk: Desk, staff: UUID) -> list[tuple[str, UUID | None]]:
    return [(one.sort, one.item_id) for one in await told(desk, await desk.bench.caller(staff))]


async def told(desk: Desk, caller: Caller) -> tuple[Task, ...]:
    async with desk.bench.hub.open_work() as session:
        return (await waiting.tasks(session, caller, most=50)).shown


async def test_an_approver_finds_what_others_wrote_and_what_went_wrong(desk: Desk) -> None:
    at = utc_now().replace(microsecond=0) + timedelta(hours=12)
    review = await desk.review("Chờ duyệt", at)
    failed = await desk.failed("Không đăng được", accounts=2)
    undecided = await desk.undecided("Chưa rõ")
    assert await tasks(desk, desk.team.approver) == [
        ("approve", review),
        ("failed", failed),
        ("undecided", undecided),
    ]
    first, second, third = await told(desk, await desk.bench.caller(desk.team.approver))
    assert (first.who, first.due_at) == ("editor", at)
    assert (second.outlets, second.publication_id) == (2, None)
    assert second.outlet.startswith("cong")
    assert third.publication_id is not None


async def test_what_is_asked_of_a_person_stands_before_what_went_wrong(desk: Desk) -> None:
    failed = await desk.failed("Không đăng được")
    review = await desk.review("Chờ duyệt")
    assert await tasks(desk, desk.team.approver) == [("approve", review), ("failed", failed)]


async def test_nobody_is_asked_to_agree_to_their_own_words(desk: Desk, bench: Bench) -> None:
    async with bench.hub.open_work() as session:
        both = await add_person(session, desk.team.unit_id, "editor", "approver")
        await session.execute(
            text("UPDATE staff SET name = 'Yến' WHERE id = :id"), {"id": both.staff_id}
        )
    item = await desk.review("Của chị Yến")
    await desk.run("UPDATE item SET created_by = :by WHERE id = :id", item, by=both.staff_id)
    assert await tasks(desk, both.staff_id) == []
    assert await tasks(desk, desk.team.approver) == [("approve", item)]


async def test_an_editor_finds_what_came_back_with_the_reason(desk: Desk) -> None:
    item = await desk.returned("Trả lại", "Sai số điện thoại")
    (one,) = await told(desk, await desk.bench.caller(desk.team.editor))
    assert (one.sort, one.item_id, one.reason) == ("fix", item, "Sai số điện thoại")
    async with desk.bench.hub.open_work() as session:
        other = await add_person(session, desk.team.unit_id, "editor")
    assert await told(desk, other) == ()


async def test_urgent_comes_first_and_is_pinned_for_everybody(desk: Desk) -> None:
    await desk.review("Thường")
    urgent = await desk.review("Khẩn", urgent=True)
    first, _ = await told(desk, await desk.bench.caller(desk.team.approver))
    assert (first.item_id, first.urgent) == (urgent, True)
    async with desk.bench.hub.open_work() as session:
        (pinned,) = await waiting.urgent(session, [desk.team.unit_id])
    assert (pinned.item_id, pinned.in_review) == (urgent, True)


async def test_an_urgent_item_is_unpinned_a_day_after_it_went_out(desk: Desk) -> None:
    item = await desk.review("Khẩn", urgent=True)
    await desk.run("UPDATE revision SET state = 'approved' WHERE item_id = :id", item)
    for hours, count in ((23, 1), (25, 0)):
        await desk.run(
            "UPDATE item SET published_at = now() - make_interval(hours => :hours) WHERE id = :id",
            item,
            hours=hours,
        )
        async with desk.bench.hub.open_work() as session:
            assert len(await waiting.urgent(session, [desk.team.unit_id])) == count


async def test_what_a_channel_shows_otherwise_is_a_task(desk: Desk) -> None:
    item = await desk.live("Bị sửa", utc_now())
    await desk.run(
        "UPDATE publication SET drift = 'text', drift_at = now() WHERE item_id = :id", item
    )
    assert await tasks(desk, desk.team.approver) == [("differs", item)]


async def test_an_admin_finds_channels_to_renew_and_leaders_only_failures(desk: Desk) -> None:
    first, second = desk.accounts
    async with desk.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE account SET state = 'paused', paused_at = now() WHERE id = :id"),
            {"id": first},
        )
        await session.execute(
            text("UPDATE account SET token_expires_at = now() + interval '3 days' WHERE id = :id"),
            {"id": second},
        )
        leader = await add_person(session, desk.team.unit_id, "leader")
    await desk.review("Chờ duyệt")
    failed = await desk.failed("Không đăng được")
    admin = await told(desk, await desk.bench.caller(desk.team.admin))
    assert [(one.sort, one.account_id) for one in admin] == [
        ("reconnect", first),
        ("reconnect", second),
    ]
    assert admin[0].due_at is None
    assert admin[1].due_at is not None
    assert [(one.sort, one.item_id) for one in await told(desk, leader)] == [("failed", failed)]
    async with desk.bench.hub.open_work() as session:
        outlets = await waiting.outlets(session, [desk.team.unit_id], most=50)
    assert [one.health for one in outlets.shown] == ["cut_off", "ending"]
    assert outlets.counts == {"cut_off": 1, "ending": 1, "slow": 0, "good": 0}


async def test_drafts_are_the_readers_own_newest_first(desk: Desk) -> None:
    first, second = await desk.draft("Một"), await desk.draft("Hai")
    await desk.review("Gửi rồi")
    editor = await desk.bench.caller(desk.team.editor)
    approver = await desk.bench.caller(desk.team.approver)
    async with desk.bench.hub.open_work() as session:
        assert [one.item_id for one in await waiting.drafts(session, editor, most=5)] == [
            second,
            first,
        ]
        assert await waiting.drafts(session, approver, most=5) == ()


async def test_other_units_have_tasks_of_their_own(desk: Desk, bench: Bench) -> None:
    await desk.review("Của đơn vị khác")
    await desk.failed("Cũng thế")
    stranger = await open_desk(bench)
    assert await tasks(stranger, stranger.team.approver) == []
