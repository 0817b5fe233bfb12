"""What the database refuses, and the rules that hold whatever the world does."""

import asyncio
from importlib import import_module
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.audit.actor import SYSTEM
from services.delivery import lanes, switches
from services.delivery.attempt import call
from services.delivery.intent import Answer, Ask, Bound, begin
from services.delivery.lanes import Held
from services.delivery.outcome import keep
from services.delivery.tables import State
from shared.contract.messages import Done
from tests.services.delivery.walls import eventually, turning, until, wall
from tests.support.hub import Bench, Team
from tests.support.one_call import WallServer

GUARDS = import_module("services.storage.migrations.versions.0002_guards")


async def refused(bench: Bench, statement: str, **values: object) -> None:
    """Asserts that the database refuses a statement, whoever sends it."""
    with pytest.raises(DBAPIError, match=r"refused|only|may not|keeps|closed|stands"):
        async with bench.hub.open_work() as session:
            await session.execute(text(statement), values)


async def publication(bench: Bench, item_id: UUID) -> UUID:
    async with bench.hub.open_work() as session:
        found = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id"), {"id": item_id}
        )
    assert isinstance(found, UUID)
    return found


# ── Kept rows ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
async def settled(walled: Bench, walls: WallServer) -> UUID:
    """An item that went out once: every kind of kept row exists."""
    team = await walled.team()
    account = await wall(walled, team, walls, "settled")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
    return item.id


@pytest.mark.parametrize(
    "table",
    [
        "audit_entry",
        "attempt",
        "approval",
        "publication_event",
        "publication",
        "revision",
        "item",
    ],
)
async def test_kept_rows_cannot_be_deleted_or_emptied(
    walled: Bench, settled: UUID, table: str
) -> None:
    await refused(walled, f"DELETE FROM {table}")
    await refused(walled, f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'staff:x'",
        "UPDATE publication_event SET to_state = 'live'",
        "UPDATE attempt SET outcome = 'rejected'",
        "UPDATE revision SET title = 'Khác'",
        "UPDATE revision SET accounts = '{}'",
        "UPDATE approval SET seen = '{}'",
        "UPDATE rendition SET payload = '{}'",
        "UPDATE item SET code = 'X'",
        "UPDATE publication SET generation = generation - 1",
        "UPDATE publication SET observed_generation = observed_generation - 1",
        "UPDATE publication SET observed_generation = generation + 1",
        "UPDATE lane SET fence = fence - 1",
    ],
)
async def test_what_is_settled_cannot_be_rewritten(
    walled: Bench, settled: UUID, statement: str
) -> None:
    with pytest.raises(DBAPIError):
        async with walled.hub.open_work() as session:
            await session.execute(text(statement))


async def test_an_approval_may_be_voided_once(walled: Bench, settled: UUID) -> None:
    async with walled.engine.connect() as connection:
        whole = await connection.begin()
        await connection.execute(text("UPDATE approval SET voided_at = now()"))
        with pytest.raises(DBAPIError, match="voided"):
            await connection.execute(
                text("UPDATE approval SET voided_at = now() + interval '1 day'")
            )
        await whole.rollback()


# ── Transitions ──────────────────────────────────────────────────────────────────────────────────


def pairs() -> list[tuple[str, str]]:
    """Every two states that are not the same."""
    return [(a, b) for a, b in product([s.value for s in State], repeat=2) if a != b]


@pytest.fixture(scope="module")
async def guinea_pig(walled: Bench, walls: WallServer) -> UUID:
    """A publication that is moved through every pair of states, each time rolled back."""
    team = await walled.team()
    account = await wall(walled, team, walls, "guinea-pig")
    item = await walled.published(team, [account])
    return await publication(walled, item.id)


@pytest.mark.parametrize(("old", "new"), pairs())
async def test_only_the_transitions_of_the_table_are_possible(
    walled: Bench, guinea_pig: UUID, old: str, new: str
) -> None:
    legal = new in GUARDS.TRANSITIONS[old]
    async with walled.engine.connect() as connection:
        whole = await connection.begin()
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(
            text("UPDATE publication SET state = :old WHERE id = :id"),
            {"old": old, "id": guinea_pig},
        )
        await connection.execute(text("SET LOCAL session_replication_role = origin"))
        change = text("UPDATE publication SET state = :new WHERE id = :id")
        if legal:
            await connection.execute(change, {"new": new, "id": guinea_pig})
        else:
            with pytest.raises(DBAPIError, match="may not go"):
                await connection.execute(change, {"new": new, "id": guinea_pig})
        await whole.rollback()


# ── Fences ───────────────────────────────────────────────────────────────────────────────────────


async def claimed(bench: Bench, account: UUID) -> Held:
    async with bench.hub.open_work() as session:
        held = await lanes.claim(
            session, owner="test", most=50, lease=bench.hub.rules.lane, urgent_only=False
        )
        mine = [lane for lane in held if lane.account_id == account]
        await lanes.release(session, [lane for lane in held if lane.account_id != account])
    (one,) = mine
    return one


async def lapsed(bench: Bench, account: UUID) -> None:
    """Ends the leases of an account's lanes, as time would."""
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE lane SET until = now() WHERE account_id = :id"), {"id": account}
        )


async def bound(bench: Bench, lane: Held) -> Bound:
    async with bench.hub.open_work() as session:
        (step,) = await begin(session, bench.hub, [Ask(lane=lane)])
    assert isinstance(step, Bound)
    return step


async def test_a_worker_that_lost_its_lane_changes_nothing_and_its_answer_is_evidence(
    walled: Bench, walls: WallServer
) -> None:
    bench = walled
    team = await bench.team()
    account = await wall(bench, team, walls, "fence")
    item = await bench.published(team, [account])
    stale = await bound(bench, await claimed(bench, account))
    outcome = await call(bench.hub, stale)
    await lapsed(bench, account)
    newer = await claimed(bench, account)
    async with bench.hub.open_work() as session:
        await begin(session, bench.hub, [Ask(lane=newer)])
    assert set((await bench.states(item.id)).values()) == {"uncertain"}
    async with bench.hub.open_work() as session:
        # The attempt is now under the newer fence, so the late answer finds nothing of its own.
        await session.execute(
            text("UPDATE attempt SET fence = :f WHERE id = :id"),
            {"f": newer.fence, "id": stale.attempt_id},
        )
        await keep(session, bench.hub, [Answer(bound=stale, outcome=outcome)])
        told = await session.scalar(
            text("SELECT told ->> 'answer' FROM evidence WHERE attempt_id = :id"),
            {"id": stale.attempt_id},
        )
    assert isinstance(outcome, Done)
    assert told == "done"
    assert set((await bench.states(item.id)).values()) == {"uncertain"}
    assert len(walls.wall("fence").calls) == 1


async def test_a_lapsed_lane_makes_its_open_call_uncertain_never_pending(
    walled: Bench, walls: WallServer
) -> None:
    bench = walled
    team = await bench.team()
    account = await wall(bench, team, walls, "lapsed")
    item = await bench.published(team, [account])
    await bound(bench, await claimed(bench, account))
    await lapsed(bench, account)
    async with bench.hub.open_work() as session:
        await begin(session, bench.hub, [Ask(lane=await claimed(bench, account))])
    assert set((await bench.states(item.id)).values()) == {"uncertain"}
    assert walls.wall("lapsed").calls == []


# ── Holds ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_freeze_holds_publish_and_update_while_withdrawals_go_on(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    held = await wall(walled, team, walls, "frozen")
    taken = await wall(walled, team, walls, "frozen-taken")
    async with turning(walled):
        earlier = await walled.published(team, [taken])
        await until(walled, earlier.id, "live")
        async with walled.hub.open_work() as session:
            await switches.freeze(session, SYSTEM, reason="Diễn tập")
        try:
            item = await walled.published(team, [held])
            await walled.withdrawn(team, earlier.id)
            await until(walled, earlier.id, "withdrawn")
            await asyncio.sleep(0.3)
            assert walls.wall("frozen").calls == []
        finally:
            async with walled.hub.open_work() as session:
                await switches.unfreeze(session, SYSTEM)
        await until(walled, item.id, "live")
    assert walls.wall("frozen-taken").visible == []


async def test_more_posts_in_an_hour_than_allowed_pause_the_account(
    walled: Bench, walls: WallServer
) -> None:
    bench = walled.ruled(runaway_per_hour=3)
    team = await bench.team()
    account = await wall(bench, team, walls, "runaway")

    async def paused() -> object:
        async with bench.hub.open_work() as session:
            return await session.scalar(
                text("SELECT pause_code FROM account WHERE id = :id"), {"id": account}
            )

    async with turning(bench):
        for _ in range(5):
            await bench.published(team, [account])
        await eventually(paused)
        # Another account goes on meanwhile: the loop has turned, and left this one alone.
        beside = await wall(bench, team, walls, "runaway-beside")
        other = await bench.published(team, [beside])
        await until(bench, other.id, "live")
    assert await paused() == "runaway"
    assert len(walls.wall("runaway").calls) == 3


async def test_three_unclear_outcomes_open_the_breaker_and_a_success_closes_it(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "breaker")

    async def broken(method: str, name: str) -> int | None:
        return 502 if name == "breaker" else None

    walls.before = broken
    try:
        async with turning(walled):
            for _ in range(3):
                item = await walled.published(team, [account])
                await until(walled, item.id, "undecided")
            held = await walled.published(team, [account])
            await asyncio.sleep(0.4)
            assert set((await walled.states(held.id)).values()) <= {"pending", "scheduled"}
            walls.before = None
            async with walled.hub.open_work() as session:
                await session.execute(
                    text("UPDATE account SET breaker_until = now() WHERE id = :id"),
                    {"id": account},
                )
                await session.execute(
                    text("UPDATE publication SET next_at = now() WHERE item_id = :id"),
                    {"id": held.id},
                )
                await session.execute(text("UPDATE lane SET next_due_at = now()"))
            await until(walled, held.id, "live")
    finally:
        walls.before = None
    async with walled.hub.open_work() as session:
        failures = await session.scalar(
            text("SELECT breaker_failures FROM account WHERE id = :id"), {"id": account}
        )
    assert failures == 0


# ── Order ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_urgent_item_passes_everything_that_waits_on_its_account(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "urgent")
    for no in range(40):
        await walled.published(team, [account], title=f"Tin thường {no}")
    urgent = await walled.draft(team, title="CẢNH BÁO KHẨN", kind="warning")
    seen = await walled.submitted(team, urgent.id, [account], urgent=True)
    await walled.approved(team, urgent.id, seen)
    async with turning(walled):
        await until(walled, urgent.id, "live")
    shown = ["CẢNH BÁO KHẨN" in told for told in walls.wall("urgent").visible]
    assert shown.index(True) <= 3


async def test_corrections_that_were_never_sent_collapse_into_the_newest(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "collapse")
    item = await walled.published(team, [account], title="Bản một")
    await walled.corrected(team, item.id, [account], title="Bản hai")
    await walled.corrected(team, item.id, [account], title="Bản ba")
    async with turning(walled):
        await until(walled, item.id, "live")
    assert walls.wall("collapse").calls == ["POST"]
    assert "Bản ba" in walls.wall("collapse").visible[0]


async def test_a_withdrawal_during_the_call_waits_for_it_and_takes_down_what_it_made(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "during")
    met, go = asyncio.Event(), asyncio.Event()

    async def slow(method: str, name: str) -> int | None:
        if name == "during" and method == "POST":
            met.set()
            await go.wait()
        return None

    walls.before = slow
    try:
        async with turning(walled):
            item = await walled.published(team, [account])
            await asyncio.wait_for(met.wait(), 60)
            await walled.withdrawn(team, item.id)
            go.set()
            await until(walled, item.id, "withdrawn")
    finally:
        walls.before = None
    assert walls.wall("during").visible == []
    assert walls.wall("during").calls == ["POST", "DELETE"]


async def test_a_correction_during_the_call_follows_it(walled: Bench, walls: WallServer) -> None:
    team: Team = await walled.team()
    account = await wall(walled, team, walls, "follows")
    met, go = asyncio.Event(), asyncio.Event()

    async def slow(method: str, name: str) -> int | None:
        if name == "follows" and method == "POST":
            met.set()
            await go.wait()
        return None

    walls.before = slow
    try:
        async with turning(walled):
            item = await walled.published(team, [account], title="Bản đầu")
            await asyncio.wait_for(met.wait(), 60)
            await walled.corrected(team, item.id, [account], title="Bản sửa")
            go.set()
            await until(walled, item.id, "live")
    finally:
        walls.before = None
    assert walls.wall("follows").calls == ["POST", "PUT"]
    assert "Bản sửa" in walls.wall("follows").visible[0]
