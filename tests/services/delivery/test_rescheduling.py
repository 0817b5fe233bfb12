"""Another time for an item: what becomes of a wish, of a text in review, of an agreement."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.content import drafting
from services.content.forms import ItemChanges
from services.delivery import fan_out, preview, rescheduling
from services.delivery.rescheduling import Moved
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.services.delivery.walls import turning, until, wall
from tests.support.hub import Bench, Team
from tests.support.one_call import WallServer

FRIDAY = utc_now().replace(microsecond=0) + timedelta(days=3)
MONDAY = FRIDAY + timedelta(days=3)


@pytest.fixture(scope="module")
def bench(walled: Bench) -> Bench:
    return walled


@pytest.fixture(scope="module")
async def team(bench: Bench) -> Team:
    return await bench.team()


@pytest.fixture(scope="module")
async def account(bench: Bench, team: Team, walls: WallServer) -> UUID:
    return await wall(bench, team, walls, "rescheduling")


async def moved(
    bench: Bench, staff: UUID, item: UUID, at: datetime | None, **more: object
) -> Moved:
    caller = await bench.caller(staff)
    async with bench.hub.open_work() as session:
        return await rescheduling.move(
            session,
            bench.hub,
            caller,
            item,
            at,
            **more,  # type: ignore[arg-type]  # by name
        )


async def newest(bench: Bench, item: UUID) -> Mapping[str, object]:
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text("SELECT * FROM revision WHERE item_id = :id ORDER BY no DESC LIMIT 1"),
            {"id": item},
        )
        return dict(rows.mappings().one())


async def on_screen(bench: Bench, item: UUID) -> dict[UUID, str]:
    """What an approver sees of the item now."""
    async with bench.hub.open_work() as session:
        shown = await preview.render(session, bench.hub, item, None)
    return {one.account_id: one.hash for one in shown.renditions}


async def test_of_a_draft_only_the_wish_changes(bench: Bench, team: Team) -> None:
    item = await bench.draft(team)
    told = await moved(bench, team.editor, item.id, FRIDAY)
    assert (told.before, told.after, told.asked) == (None, FRIDAY, False)
    row = await newest(bench, item.id)
    assert (row["no"], row["state"], row["publish_at"]) == (1, "draft", FRIDAY)


async def test_a_text_in_review_is_asked_for_anew_with_both_notes(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        form = fan_out.SubmitForm(accounts=(account,), publish_at=FRIDAY, note="Xin duyệt sớm.")
        await fan_out.submit(session, bench.hub, editor, item.id, form)
    told = await moved(bench, team.editor, item.id, MONDAY, note="Dời giờ.")
    assert (told.agreed, told.asked) == (False, True)
    row = await newest(bench, item.id)
    assert (row["no"], row["state"], row["publish_at"]) == (2, "review", MONDAY)
    assert row["accounts"] == [account]
    assert row["note"] == "Dời giờ.\nXin duyệt sớm."


async def test_an_agreement_is_taken_back_and_nothing_goes_out_until_the_next(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    seen = await bench.submitted(team, item.id, [account], publish_at=FRIDAY)
    await bench.approved(team, item.id, seen)
    told = await moved(bench, team.editor, item.id, MONDAY)
    assert (told.before, told.agreed, told.asked) == (FRIDAY, True, True)
    assert await bench.states(item.id) == {account: "withdrawn"}
    assert (await newest(bench, item.id))["state"] == "review"
    seen = await on_screen(bench, item.id)
    await bench.approved(team, item.id, seen)
    async with bench.hub.open_work() as session:
        due = await session.scalar(
            text("SELECT not_before FROM publication WHERE item_id = :id"), {"id": item.id}
        )
    assert due == MONDAY


async def test_a_time_told_in_the_zone_of_the_reader_can_be_agreed_to(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    await bench.submitted(team, item.id, [account], publish_at=FRIDAY)
    await moved(bench, team.editor, item.id, MONDAY.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")))
    await bench.approved(team, item.id, await on_screen(bench, item.id))
    assert await bench.states(item.id) == {account: "scheduled"}


async def test_who_moves_an_item_cannot_agree_to_it(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    seen = await bench.submitted(team, item.id, [account], publish_at=FRIDAY)
    await bench.approved(team, item.id, seen)
    async with bench.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO staff_role (staff_id, role, granted_at)"
                " VALUES (:id, 'editor', now()) ON CONFLICT DO NOTHING"
            ),
            {"id": team.second_approver},
        )
    await moved(bench, team.second_approver, item.id, MONDAY)
    seen = await on_screen(bench, item.id)
    with pytest.raises(ForbiddenError, match="four_eyes"):
        await bench.approved(team, item.id, seen, by=team.second_approver)
    await bench.approved(team, item.id, seen)


async def test_the_move_back_asks_for_the_same_time_as_before(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    seen = await bench.submitted(team, item.id, [account], publish_at=FRIDAY)
    await bench.approved(team, item.id, seen)
    told = await moved(bench, team.editor, item.id, MONDAY)
    back = await moved(bench, team.editor, item.id, told.before, version=told.version)
    assert (back.before, back.after) == (MONDAY, FRIDAY)
    assert (await newest(bench, item.id))["publish_at"] == FRIDAY


async def test_the_same_time_again_leaves_no_trace(bench: Bench, team: Team) -> None:
    item = await bench.draft(team)
    first = await moved(bench, team.editor, item.id, FRIDAY)
    again = await moved(bench, team.editor, item.id, FRIDAY)
    assert again.version == first.version
    async with bench.hub.open_work() as session:
        count = await session.scalar(
            text(
                "SELECT count(*) FROM audit_entry"
                " WHERE object = :about AND act = 'item.rescheduled'"
            ),
            {"about": f"item:{item.id}"},
        )
    assert count == 1


async def test_a_text_that_came_back_is_opened_again_for_its_new_time(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    await bench.submitted(team, item.id, [account], publish_at=FRIDAY)
    approver = await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        await fan_out.send_back(session, approver, item.id, reason="Sai giờ")
    await moved(bench, team.editor, item.id, MONDAY)
    row = await newest(bench, item.id)
    assert (row["no"], row["state"], row["publish_at"]) == (2, "draft", MONDAY)


async def test_an_earlier_reading_is_refused(bench: Bench, team: Team) -> None:
    item = await bench.draft(team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        await drafting.edit(
            session, editor, item.id, ItemChanges(title="Tên khác"), version=item.version
        )
    with pytest.raises(ConflictError, match="stale_version"):
        await moved(bench, team.editor, item.id, FRIDAY, version=item.version)


async def test_what_has_gone_out_keeps_its_time(bench: Bench, team: Team, account: UUID) -> None:
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
    with pytest.raises(ConflictError, match="already_started"):
        await moved(bench, team.editor, item.id, FRIDAY)
    assert await bench.states(item.id) == {account: "live"}


async def test_a_time_that_has_passed_or_comes_after_the_end_is_refused(
    bench: Bench, team: Team, account: UUID
) -> None:
    item = await bench.draft(team)
    await bench.submitted(
        team, item.id, [account], publish_at=FRIDAY, expires_at=FRIDAY + timedelta(hours=1)
    )
    for at, code in (
        (utc_now() - timedelta(minutes=1), "publish_at_past"),
        (FRIDAY + timedelta(hours=1), "expires_before_publish"),
    ):
        with pytest.raises(InvalidError) as refused:
            await moved(bench, team.editor, item.id, at)
        assert [one.code for one in refused.value.fields] == [code]
    assert (await newest(bench, item.id))["no"] == 1


async def test_only_editors_of_the_unit_move(bench: Bench, team: Team) -> None:
    item = await bench.draft(team)
    with pytest.raises(ForbiddenError, match="role_needed"):
        await moved(bench, team.approver, item.id, FRIDAY)
    stranger = await bench.team()
    with pytest.raises(NotFoundError):
        await moved(bench, stranger.editor, item.id, FRIDAY)
