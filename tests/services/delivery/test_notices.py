"""Who is told what, once, and what they chose not to be told."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from services.channels.tables import Account
from services.delivery import fan_out, notices
from services.delivery.notices import Notice
from services.delivery.tables import Publication
from services.staff.preferences import prefer
from services.staff.tables import Unit
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.errors import ConflictError, NotFoundError
from tests.support.hub import Bench, Team
from tests.support.people import add_person, add_unit


async def _account(bench: Bench, team: Team) -> UUID:
    slug = f"cong-{new_id().hex[-10:]}"
    settings = {"slug": slug, "title": "Tin", "link": "https://cong.example/"}
    return await bench.account(team, "portal_rss", settings, {}, name=f"Cổng {slug}")


async def _told(bench: Bench, staff_id: UUID) -> list[Notice]:
    async with bench.hub.open_work() as session:
        return await notices.notices(session, staff_id, limit=50)


async def _collect(bench: Bench) -> None:
    async with bench.hub.open_work() as session:
        await notices.collect(session)


async def _move(bench: Bench, item_id: UUID, *states: str, **values: object) -> UUID:
    async with bench.hub.open_work() as session:
        for state in states:
            await session.execute(
                update(Publication).where(col(Publication.item_id) == item_id).values(state=state)
            )
        if values:
            await session.execute(
                update(Publication).where(col(Publication.item_id) == item_id).values(**values)
            )
        found = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id LIMIT 1"), {"id": item_id}
        )
    assert isinstance(found, UUID)
    return found


async def test_a_submission_is_told_to_who_may_approve_it(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.draft(team)
    seen = await bench.submitted(team, item.id, [await _account(bench, team)])
    (one,) = await _told(bench, team.approver)
    assert (one.cause, one.item_id, one.by, one.open) == ("submitted", item.id, "editor", True)
    assert len(await _told(bench, team.second_approver)) == 1
    assert await _told(bench, team.editor) == []
    assert await _told(bench, team.admin) == []

    await bench.approved(team, item.id, seen)
    (other,) = await _told(bench, team.second_approver)
    assert (other.read, other.open) == (True, False)


async def test_whoever_wrote_it_is_not_asked_to_approve_it(bench: Bench) -> None:
    team = await bench.team()
    async with bench.hub.open_work() as session:
        both = await add_person(session, team.unit_id, "editor", "approver")
    item = await bench.draft(team)
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE revision SET last_editor = :id WHERE item_id = :item"),
            {"id": both.staff_id, "item": item.id},
        )
    await bench.submitted(team, item.id, [await _account(bench, team)])
    assert await _told(bench, both.staff_id) == []


async def test_only_the_nearest_are_asked_but_all_of_them_for_an_alert(bench: Bench) -> None:
    above, below = await bench.team(), await bench.team()
    async with bench.hub.open_work() as session:
        unit = await session.get_one(Unit, below.unit_id)
        unit.parent_id = above.unit_id
    account = await _account(bench, below)
    await bench.submitted(below, (await bench.draft(below)).id, [account])
    assert len(await _told(bench, below.approver)) == 1
    assert await _told(bench, above.approver) == []

    await bench.submitted(below, (await bench.draft(below)).id, [account], urgent=True)
    assert [one.cause for one in await _told(bench, above.approver)] == ["urgent"]
    assert [one.cause for one in await _told(bench, below.approver)] == ["urgent", "submitted"]


async def test_a_unit_without_approvers_asks_those_above(bench: Bench) -> None:
    above = await bench.team()
    async with bench.hub.open_work() as session:
        unit = await add_unit(session, f"X{new_id().hex[-8:].upper()}", above.unit_id)
        writer = await add_person(session, unit, "editor")
    alone = Team(
        unit_id=unit,
        unit_code=writer.unit_code,
        editor=writer.staff_id,
        approver=above.approver,
        second_approver=above.second_approver,
        admin=above.admin,
    )
    item = await bench.draft(alone)
    account = await _account(bench, alone)
    await bench.submitted(alone, item.id, [account])
    assert [one.item_id for one in await _told(bench, above.approver)] == [item.id]


async def test_a_return_is_told_to_the_author_with_its_reason(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.draft(team)
    await bench.submitted(team, item.id, [await _account(bench, team)])
    approver = await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        await fan_out.send_back(session, approver, item.id, reason="Thiếu số điện thoại")
    (one,) = await _told(bench, team.editor)
    assert (one.cause, one.reason, one.open) == ("returned", "Thiếu số điện thoại", True)
    (asked,) = await _told(bench, team.approver)
    assert asked.read

    await bench.submitted(team, item.id, [await _account(bench, team)])
    (done,) = await _told(bench, team.editor)
    assert (done.read, done.open) == (True, False)


async def test_a_failure_is_told_once_and_names_every_channel(bench: Bench) -> None:
    team = await bench.team()
    accounts = [await _account(bench, team), await _account(bench, team)]
    item = await bench.published(team, accounts)
    await _move(
        bench, item.id, "failed", problem_code="above_limit", problem_at=utc_now(), next_at=None
    )
    await _collect(bench)
    await _collect(bench)
    told = {one.cause: one for one in await _told(bench, team.editor)}
    assert set(told) == {"failed"}
    assert len(told["failed"].accounts) == 2
    assert (told["failed"].code, told["failed"].open) == ("above_limit", True)
    assert (await _told(bench, team.approver))[0].cause == "failed"

    async with bench.hub.open_work() as session:
        await notices.seen_board(session, team.editor, item.id)
    await _collect(bench)
    assert [one.read for one in await _told(bench, team.editor)] == [True]


async def test_the_same_failing_again_is_told_again(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    facts = {"problem_code": "above_limit", "problem_at": utc_now(), "next_at": None}
    await _move(bench, item.id, "failed", **facts)
    await _collect(bench)
    async with bench.hub.open_work() as session:
        await notices.read(session, team.editor)
    await _move(bench, item.id, "pending", "sending", "failed", **facts)
    await _collect(bench)
    assert [one.read for one in await _told(bench, team.editor)] == [False, True]


async def test_what_was_solved_counts_as_read(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    await _move(bench, item.id, "failed", problem_code="above_limit", problem_at=utc_now())
    await _collect(bench)
    async with bench.hub.open_work() as session:
        assert await notices.unread(session, team.editor) == 1
    await _move(bench, item.id, "pending", "sending", "live", problem_code=None, problem_at=None)
    await _collect(bench)
    async with bench.hub.open_work() as session:
        assert await notices.unread(session, team.editor) == 0


async def test_an_open_question_asks_approvers_and_not_the_author(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    await _move(
        bench, item.id, "sending", "undecided", problem_code="undecided", problem_at=utc_now()
    )
    await _collect(bench)
    assert await _told(bench, team.editor) == []
    assert (await _told(bench, team.approver))[0].cause == "undecided"


async def test_a_withdrawal_that_does_not_get_through_is_told(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    await _move(bench, item.id, "sending", "live", remote_id=new_id().hex, next_at=None)
    await bench.withdrawn(team, item.id)
    await _collect(bench)
    assert "withdrawal" not in {one.cause for one in await _told(bench, team.approver)}
    await _move(bench, item.id, not_before=utc_now() - timedelta(minutes=3))
    await _collect(bench)
    assert "withdrawal" in {one.cause for one in await _told(bench, team.approver)}


async def test_what_was_watched_is_told_at_its_end_and_once(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    publication = await _move(bench, item.id, "sending")
    admin = await bench.caller(team.admin)
    async with bench.hub.open_work() as session:
        await notices.watch(session, admin, publication)
        await notices.watch(session, admin, publication)
    await _collect(bench)
    assert await _told(bench, team.admin) == []
    await _move(bench, item.id, "live", next_at=None)
    await _collect(bench)
    await _collect(bench)
    (one,) = await _told(bench, team.admin)
    assert (one.cause, one.state) == ("settled", "live")
    async with bench.hub.open_work() as session:
        with pytest.raises(ConflictError, match="already_settled"):
            await notices.watch(session, admin, publication)
    stranger = await bench.caller((await bench.team()).admin)
    async with bench.hub.open_work() as session:
        with pytest.raises(NotFoundError):
            await notices.watch(session, stranger, publication)


async def test_a_watch_can_be_taken_back(bench: Bench) -> None:
    team = await bench.team()
    item = await bench.published(team, [await _account(bench, team)])
    publication = await _move(bench, item.id, "sending")
    admin = await bench.caller(team.admin)
    async with bench.hub.open_work() as session:
        await notices.watch(session, admin, publication)
        await notices.unwatch(session, admin, publication)
    await _move(bench, item.id, "live", next_at=None)
    await _collect(bench)
    assert await _told(bench, team.admin) == []


async def test_an_account_that_loa_paused_is_told_to_admins(bench: Bench) -> None:
    team = await bench.team()
    account = await _account(bench, team)

    async def pause(code: str | None) -> None:
        async with bench.hub.open_work() as session:
            await session.execute(
                update(Account)
                .where(col(Account.id) == account)
                .values(state="paused", pause_code=code, paused_at=utc_now())
            )

    await pause(None)  # a person did it, and knows
    await _collect(bench)
    assert await _told(bench, team.admin) == []
    await pause("runaway")
    await _collect(bench)
    await _collect(bench)
    (one,) = await _told(bench, team.admin)
    assert (one.cause, one.account_id, one.code, one.open) == ("paused", account, "runaway", True)
    await pause("needs_consent")
    await _collect(bench)
    assert [one.cause for one in await _told(bench, team.admin)] == ["consent", "paused"]
    assert await _told(bench, team.editor) == []


async def test_who_chose_not_to_be_told_is_not_except_of_alerts(bench: Bench) -> None:
    team = await bench.team()
    async with bench.hub.open_work() as session:
        await prefer(
            session, team.approver, "notify", {"submitted": False, "failed": True, "urgent": False}
        )
    account = await _account(bench, team)
    await bench.submitted(team, (await bench.draft(team)).id, [account])
    assert await _told(bench, team.approver) == []
    assert len(await _told(bench, team.second_approver)) == 1
    await bench.submitted(team, (await bench.draft(team)).id, [account], urgent=True)
    assert [one.cause for one in await _told(bench, team.approver)] == ["urgent"]


async def test_nobody_marks_or_reads_what_is_anothers(bench: Bench) -> None:
    team = await bench.team()
    await bench.submitted(team, (await bench.draft(team)).id, [await _account(bench, team)])
    (mine,) = await _told(bench, team.approver)
    async with bench.hub.open_work() as session:
        await notices.read(session, team.second_approver, [mine.id])
        assert await notices.one(session, team.second_approver, mine.id) is None
        assert await notices.unread(session, team.approver) == 1
        await notices.read(session, team.approver, [mine.id])
        assert await notices.unread(session, team.approver) == 0


async def test_pages_follow_each_other(bench: Bench) -> None:
    team = await bench.team()
    account = await _account(bench, team)
    for _ in range(3):
        await bench.submitted(team, (await bench.draft(team)).id, [account])
    async with bench.hub.open_work() as session:
        first = await notices.notices(session, team.approver, limit=2)
        rest = await notices.notices(session, team.approver, limit=2, before=first[-1].at)
    assert len({one.item_id for one in (*first, *rest)}) == 3
