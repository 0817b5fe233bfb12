"""Withdrawals that nothing may hold or nobody can make; lanes given back; answers that stay."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import SYSTEM
from services.channels import accounts
from services.delivery import board, lanes, turn
from services.delivery.attempt import Desk, work_lane
from services.delivery.hub import Hub
from services.delivery.intent import Answer, Ask, Bound, Kept, Next, begin
from services.delivery.outcome import keep
from services.delivery.words import problem
from tests.services.delivery.walls import turning, until, wall
from tests.support.hub import Bench
from tests.support.one_call import WallServer


async def test_a_withdrawal_that_is_half_done_goes_on_under_a_freeze(
    walled: Bench, walls: WallServer
) -> None:
    """The item is wanted again already: that waits for the freeze, what was begun is ended."""
    team = await walled.team()
    account = await wall(walled, team, walls, "half-gone")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
    async with walled.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO attempt (id, publication_id, account_id, generation, no, operation,"
                " phase, repeatable, handle, urgent, fence, waits, started_at)"
                " SELECT gen_random_uuid(), id, account_id, 2, 1, 'withdraw', 'id', true, '{}',"
                " false, 0, 0, now() FROM publication WHERE item_id = :item"
            ),
            {"item": item.id},
        )
        for state in ("pending", "sending"):
            await session.execute(
                text(
                    "UPDATE publication SET state = :state, generation = 3, next_at = now()"
                    " WHERE item_id = :item"
                ),
                {"item": item.id, "state": state},
            )
        await session.execute(
            text("INSERT INTO switch (name, reason, by, at) VALUES ('freeze', 'x', 'x', now())")
        )
    try:
        async with turning(walled):
            await until(walled, item.id, "pending")
            await asyncio.sleep(0.5)
    finally:
        async with walled.hub.open_work() as session:
            await session.execute(text("DELETE FROM switch"))
    assert walls.wall("half-gone").calls == ["POST", "DELETE"]
    assert walls.wall("half-gone").visible == []


async def test_a_withdrawal_from_a_closed_account_ends_and_says_what_to_do(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "closed")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
    async with walled.hub.open_work() as session:
        await accounts.close(session, SYSTEM, account, reason="Ngừng dùng")
    await walled.withdrawn(team, item.id)
    async with turning(walled):
        await until(walled, item.id, "failed")
    async with walled.hub.open_work() as session:
        (shown,) = await board.publications(
            session, item_id=item.id, unit_ids=[team.unit_id], limit=5
        )
        codes = await session.scalar(
            text("SELECT problem_code FROM publication WHERE item_id = :item"), {"item": item.id}
        )
    assert codes == "account_left"
    assert shown.problem is not None
    assert problem(str(shown.problem.code), "vi").next
    assert walls.wall("closed").calls == ["POST"]


async def test_a_lane_that_was_just_given_back_is_not_held_on_to(
    walled: Bench, walls: WallServer
) -> None:
    """The renewal of leases may come just after a release: the lane must stay free."""
    team = await walled.team()
    account = await wall(walled, team, walls, "given-back")
    item = await walled.published(team, [account])
    lease = timedelta(seconds=30)
    async with walled.hub.open_work() as session:
        held = await lanes.claim(session, owner="t", most=50, lease=lease, urgent_only=False)
    async with walled.hub.open_work() as session:
        assert await lanes.release(session, held) == set(held)
    async with walled.hub.open_work() as session:
        assert await lanes.hold_on(session, held, lease=lease) == set()
    async with turning(walled):
        await until(walled, item.id, "live")


async def test_what_the_world_answered_is_kept_though_no_next_intent_can_be_written(
    walled: Bench, walls: WallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answer and next intent are one transaction; when that breaks, the answer goes by itself."""
    team = await walled.team()
    ids = [await wall(walled, team, walls, f"kept-{no}") for no in range(3)]
    broken: list[int] = []

    async def breaking(
        session: AsyncSession, hub: Hub, asks: Sequence[Ask], kept: Kept | None = None
    ) -> list[Next]:
        if sum(len(walls.wall(f"kept-{no}").calls) for no in range(3)) == 3:
            broken.append(len(asks))
            raise RuntimeError("the next intent cannot be written")
        return await begin(session, hub, asks, kept)

    monkeypatch.setattr(turn, "begin", breaking)
    async with turning(walled):
        item = await walled.published(team, ids)
        await until(walled, item.id, "live")
    assert broken
    assert [walls.wall(f"kept-{no}").calls for no in range(3)] == [["POST"]] * 3


async def test_what_the_world_answered_outlives_a_database_that_is_away_for_a_moment(
    walled: Bench, walls: WallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This channel cannot be read back: an answer that is lost would be a person's to find out."""
    team = await walled.team()
    account = await wall(walled, team, walls, "away")
    away: list[int] = []

    async def no_database(session: AsyncSession, hub: Hub, answers: Sequence[Answer]) -> Kept:
        if answers and len(away) < 3:  # the batch, the answer by itself, and once more
            away.append(len(answers))
            raise ConnectionRefusedError("the database is starting up")
        return await keep(session, hub, answers)

    monkeypatch.setattr(turn, "keep", no_database)
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
    assert len(away) == 3
    assert walls.wall("away").calls == ["POST"]


async def test_a_call_does_not_leave_when_its_lane_has_lapsed_meanwhile(
    walled: Bench, walls: WallServer
) -> None:
    """Who hears of his own intent too late may be overtaken: another holder has gone on by then."""
    team = await walled.team()
    account = await wall(walled, team, walls, "overtaken")
    async with turning(walled):
        item = await walled.published(team, [account], title="Bản một")
        await until(walled, item.id, "live")
    await walled.corrected(team, item.id, [account], title="Bản hai")
    slow = walled.ruled(lane=timedelta(seconds=1)).hub
    answers: list[Answer] = []

    async def ask(one: Ask) -> Next:
        if one.answer is not None:
            answers.append(one.answer)
        async with slow.open_work() as session:
            kept = await keep(session, slow, answers[-1:])
            (step,) = await begin(session, slow, [one], kept)
        if isinstance(step, Bound):
            async with turning(walled):
                await until(walled, item.id, "live")
                await walled.corrected(team, item.id, [account], title="Bản ba")
                await until(walled, item.id, "live")
        return step

    async with walled.hub.open_work() as session:
        held = await lanes.claim(
            session, owner="slow", most=50, lease=slow.rules.lane, urgent_only=False
        )
    (lane,) = [one for one in held if one.account_id == account]
    desk = Desk(hub=slow, ask=ask, keep=answers.append)  # type: ignore[arg-type]  # never called
    await work_lane(desk, lane)
    (shown,) = walls.wall("overtaken").visible
    assert shown.startswith("Bản ba")
    assert [type(one.outcome).__name__ for one in answers] == ["LeaseShortError"]
    assert await walled.states(item.id) == {account: "live"}
