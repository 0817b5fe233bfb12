"""The loop against a real server over loopback: what it sends, and what it never sends."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from services.audit.actor import SYSTEM
from services.channels import accounts
from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import decisions, fan_out, switches
from shared.clock import utc_now
from shared.errors import ConflictError
from tests.services.delivery.walls import eventually, turning, until, wall
from tests.support.hub import Bench
from tests.support.one_call import Wall, WallServer


async def test_an_approved_item_appears_once_on_every_account(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    ids = [await wall(walled, team, walls, f"once-{no}") for no in range(5)]
    async with turning(walled):
        item = await walled.published(team, ids)
        await until(walled, item.id, "live")
    shown = [walls.wall(f"once-{no}").visible for no in range(5)]
    assert [len(one) for one in shown] == [1] * 5
    assert all(f"/tin/{item.code}" in one[0] for one in shown)


async def test_a_correction_keeps_the_id_and_a_withdrawal_leaves_nothing(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "life")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
        (before,) = walls.wall("life").posts
        await walled.corrected(team, item.id, [account], title="Thông báo đã sửa")
        await until(walled, item.id, "live")
        assert list(walls.wall("life").posts) == [before]
        assert "Thông báo đã sửa" in walls.wall("life").visible[0]
        await walled.withdrawn(team, item.id)
        await until(walled, item.id, "withdrawn")
    assert walls.wall("life").visible == []
    assert walls.wall("life").calls == ["POST", "PUT", "DELETE"]


async def test_a_post_under_the_id_of_another_is_left_to_a_person(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "twice")
    other = await wall(walled, team, walls, "beside")
    async with turning(walled):
        first = await walled.published(team, [account])
        await until(walled, first.id, "live")
        (walls.next_id,) = walls.wall("twice").posts
        second = await walled.published(team, [account])
        await until(walled, second.id, "undecided")
        beside = await walled.published(team, [other])
        await until(walled, beside.id, "live")
        publication, code = await _problem(walled, second.id)
        # Not what a lost worker leaves behind, which is read back and might be sent once more.
        assert code == "id_taken"
        assert walls.wall("twice").calls == ["POST", "POST"]
        assert set((await walled.states(first.id)).values()) == {"live"}
        approver = await walled.caller(team.approver)
        await decisions.decide(
            walled.hub.open_work, walled.hub, approver, publication, outcome="absent"
        )
        await until(walled, second.id, "live")
    assert walls.wall("twice").calls == ["POST", "POST", "POST"]


async def _problem(bench: Bench, item_id: UUID) -> tuple[UUID, str | None]:
    async with bench.hub.open_work() as session:
        row = (
            await session.execute(
                text("SELECT id, problem_code FROM publication WHERE item_id = :id"),
                {"id": item_id},
            )
        ).one()
    return row.id, row.problem_code


async def test_a_stopped_item_never_appears(walled: Bench, walls: WallServer) -> None:
    held = walled.ruled(hold=timedelta(minutes=10))
    team = await held.team()
    account = await wall(held, team, walls, "stopped")
    async with turning(held):
        item = await held.published(team, [account])
        author = await held.caller(team.editor)
        async with held.hub.open_work() as session:
            await fan_out.stop(session, author, item.id)
        # The hold passes at once; what comes later on the same account does go out.
        async with held.hub.open_work() as session:
            await session.execute(
                text(
                    "UPDATE publication SET not_before = now(),"
                    " next_at = CASE WHEN next_at IS NOT NULL THEN now() END WHERE item_id = :id"
                ),
                {"id": item.id},
            )
        later = await walled.published(team, [account])
        await until(walled, later.id, "live")
    assert [f"/tin/{later.code}" in one for one in walls.wall("stopped").visible] == [True]
    assert walls.wall("stopped").calls == ["POST"]
    assert set((await held.states(item.id)).values()) == {"withdrawn"}


async def test_stopping_after_the_call_is_refused(walled: Bench, walls: WallServer) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "too-late")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
    author = await walled.caller(team.editor)
    with pytest.raises(ConflictError, match="already_started"):
        async with walled.hub.open_work() as session:
            await fan_out.stop(session, author, item.id)


@pytest.mark.parametrize("act", ["stop", "edit"])
@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_stopped_correction_does_not_bring_back_what_was_being_withdrawn(
    walled: Bench, walls: WallServer, act: str, *, everywhere: bool
) -> None:
    """The withdrawal waited for its account; then came a correction, and was taken back."""
    name = f"leaving-{act}-{everywhere}"
    team = await walled.team()
    account = await wall(walled, team, walls, name)
    beside = await wall(walled, team, walls, f"{name}-beside")
    held = walled.ruled(hold=timedelta(hours=1))
    approver, author = await walled.caller(team.approver), await walled.caller(team.editor)
    async with turning(walled):
        item = await walled.published(team, [account, beside], title="Bản một")
        await until(walled, item.id, "live")
        async with walled.hub.open_work() as session:
            await accounts.pause(session, SYSTEM, account, "Chờ")
        async with walled.hub.open_work() as session:
            gone = None if everywhere else [account]
            await fan_out.withdraw(session, approver, item.id, reason="Gỡ", account_ids=gone)
        if everywhere:
            await eventually(partial(_none_visible, walls.wall(f"{name}-beside")))
        await held.corrected(team, item.id, [account, beside], title="Bản hai")
        async with walled.hub.open_work() as session:
            if act == "stop":
                await fan_out.stop(session, author, item.id)
            else:
                version = (await session.get_one(Item, item.id)).version
                changes = ItemChanges(title="Bản ba")
                await fan_out.edit(session, author, item.id, changes, version=version)
        async with walled.hub.open_work() as session:
            await accounts.resume(session, SYSTEM, account)
        await until(walled, item.id, "live", "withdrawn")
    assert walls.wall(name).visible == []
    assert walls.wall(name).calls == ["POST", "DELETE"]
    assert ["Bản một" in one for one in walls.wall(f"{name}-beside").visible] == (
        [] if everywhere else [True]
    )
    states = await walled.states(item.id)
    assert states == {account: "withdrawn", beside: "withdrawn" if everywhere else "live"}


async def _none_visible(shown: Wall) -> bool:
    return not shown.visible


async def test_a_withdrawal_before_the_first_call_means_nothing_is_ever_sent(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "never")
    item = await walled.published(team, [account])
    await walled.withdrawn(team, item.id)
    async with turning(walled):
        await asyncio.sleep(0.5)
    assert walls.wall("never").calls == []
    assert set((await walled.states(item.id)).values()) == {"withdrawn"}


async def test_a_lost_role_between_approval_and_call_stops_the_call(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "role-lost")
    item = await walled.published(team, [account])
    async with walled.hub.open_work() as session:
        await session.execute(
            text("DELETE FROM staff_role WHERE staff_id = :id"), {"id": team.approver}
        )
    async with turning(walled):
        await until(walled, item.id, "failed")
    assert walls.wall("role-lost").calls == []
    async with walled.hub.open_work() as session:
        voided = await session.scalar(
            text("SELECT count(*) FROM audit_entry WHERE act = 'approval.voided' AND object = :o"),
            {"o": f"item:{item.id}"},
        )
        state = await session.scalar(
            text("SELECT state FROM revision WHERE item_id = :id"), {"id": item.id}
        )
    assert (voided, state) == (1, "review")


async def test_what_is_too_late_expires_without_a_call(walled: Bench, walls: WallServer) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "expired")
    item = await walled.draft(team)
    end = utc_now() + timedelta(hours=1)
    seen = await walled.submitted(team, item.id, [account], expires_at=end)
    await walled.approved(team, item.id, seen)
    async with walled.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE publication SET expires_at = expires_at - interval '1 hour'"
                " WHERE item_id = :id"
            ),
            {"id": item.id},
        )
    async with turning(walled):
        await until(walled, item.id, "expired")
    assert walls.wall("expired").calls == []


async def test_what_a_freeze_holds_until_it_is_too_late_is_told_so_while_it_holds(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "frozen-late")
    late, other = [await walled.draft(team) for _ in range(2)]
    end = utc_now() + timedelta(hours=1)
    for item, until_then in ((late, end), (other, None)):
        seen = await walled.submitted(team, item.id, [account], expires_at=until_then)
        await walled.approved(team, item.id, seen)
    async with walled.hub.open_work() as session:
        await switches.freeze(session, SYSTEM, "Nghi bị chiếm quyền")
        await session.execute(
            text(
                "UPDATE publication SET expires_at = now() + interval '1 second'"
                " WHERE item_id = :id"
            ),
            {"id": late.id},
        )
    try:
        async with turning(walled):
            await until(walled, late.id, "expired")
        async with walled.hub.open_work() as session:
            held = await session.scalar(
                text("SELECT state FROM publication WHERE item_id = :id"), {"id": other.id}
            )
    finally:
        async with walled.hub.open_work() as session:
            await switches.unfreeze(session, SYSTEM)
    assert held in ("scheduled", "pending")
    assert walls.wall("frozen-late").calls == []


async def test_an_unclear_outcome_without_a_way_to_look_asks_a_person(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "unclear")

    async def odd(method: str, name: str) -> int | None:
        return 502 if name == "unclear" else None

    walls.before = odd
    try:
        async with turning(walled):
            item = await walled.published(team, [account])
            await until(walled, item.id, "undecided")
            await asyncio.sleep(0.3)
    finally:
        walls.before = None
    assert set((await walled.states(item.id)).values()) == {"undecided"}


async def test_a_paused_account_gets_no_call_and_goes_on_when_resumed(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "paused")
    async with walled.hub.open_work() as session:
        await accounts.pause(session, SYSTEM, account, "Thử tạm dừng")
    async with turning(walled) as loop:
        item = await walled.published(team, [account])
        await asyncio.sleep(0.4)
        assert walls.wall("paused").calls == []
        async with walled.hub.open_work() as session:
            await accounts.resume(session, SYSTEM, account)
        loop.ring()
        await until(walled, item.id, "live")
    assert walls.wall("paused").calls == ["POST"]
