"""The loop against a real server over loopback: what it sends, and what it never sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from services.channels.registry import Registry
from services.delivery import fan_out
from services.delivery.turn import Loop
from services.queue.bell import listening
from shared.clock import utc_now
from shared.errors import ConflictError
from tests.support.hub import Bench, Team, make_bench
from tests.support.one_call import OneCall, WallServer, serving


@pytest.fixture(scope="module")
async def walls() -> AsyncIterator[WallServer]:
    async with serving(WallServer()) as server:
        yield server


@pytest.fixture(scope="module")
async def bench(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    channel = OneCall()
    made = make_bench(database_url, Path(tmp_path_factory.mktemp("media")), Registry.of(channel))
    yield made
    await channel.clients.aclose()
    await made.engine.dispose()


@asynccontextmanager
async def turning(bench: Bench) -> AsyncIterator[Loop]:
    loop = Loop(bench.hub)
    async with listening(bench.url, loop.ring):
        task = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await task


async def wall(bench: Bench, team: Team, walls: WallServer, name: str) -> UUID:
    return await bench.account(team, "one_call", {"wall": name, "base": walls.base}, {})


async def until(bench: Bench, item_id: UUID, *states: str, seconds: float = 8.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if set((await bench.states(item_id)).values()) <= set(states):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {await bench.states(item_id)}, not {states}")


async def test_an_approved_item_appears_once_on_every_account(
    bench: Bench, walls: WallServer
) -> None:
    team = await bench.team()
    ids = [await wall(bench, team, walls, f"once-{no}") for no in range(5)]
    async with turning(bench):
        item = await bench.published(team, ids)
        await until(bench, item.id, "live")
    shown = [walls.wall(f"once-{no}").visible for no in range(5)]
    assert [len(one) for one in shown] == [1] * 5
    assert all(f"/tin/{item.code}" in one[0] for one in shown)


async def test_a_correction_keeps_the_id_and_a_withdrawal_leaves_nothing(
    bench: Bench, walls: WallServer
) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "life")
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
        (before,) = walls.wall("life").posts
        await bench.corrected(team, item.id, [account], title="Thông báo đã sửa")
        await until(bench, item.id, "live")
        assert list(walls.wall("life").posts) == [before]
        assert "Thông báo đã sửa" in walls.wall("life").visible[0]
        await bench.withdrawn(team, item.id)
        await until(bench, item.id, "withdrawn")
    assert walls.wall("life").visible == []
    assert walls.wall("life").calls == ["POST", "PUT", "DELETE"]


async def test_a_stopped_item_never_appears(bench: Bench, walls: WallServer) -> None:
    held = bench.ruled(hold=timedelta(seconds=1))
    team = await held.team()
    account = await wall(held, team, walls, "stopped")
    async with turning(held):
        item = await held.published(team, [account])
        author = await held.caller(team.editor)
        async with held.hub.open_work() as session:
            await fan_out.stop(session, author, item.id)
        await asyncio.sleep(1.6)
    assert walls.wall("stopped").calls == []
    assert set((await held.states(item.id)).values()) == {"withdrawn"}


async def test_stopping_after_the_call_is_refused(bench: Bench, walls: WallServer) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "too-late")
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
    author = await bench.caller(team.editor)
    with pytest.raises(ConflictError, match="already_started"):
        async with bench.hub.open_work() as session:
            await fan_out.stop(session, author, item.id)


async def test_a_withdrawal_before_the_first_call_means_nothing_is_ever_sent(
    bench: Bench, walls: WallServer
) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "never")
    item = await bench.published(team, [account])
    await bench.withdrawn(team, item.id)
    async with turning(bench):
        await asyncio.sleep(0.5)
    assert walls.wall("never").calls == []
    assert set((await bench.states(item.id)).values()) == {"withdrawn"}


async def test_a_lost_role_between_approval_and_call_stops_the_call(
    bench: Bench, walls: WallServer
) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "role-lost")
    item = await bench.published(team, [account])
    async with bench.hub.open_work() as session:
        await session.execute(
            text("DELETE FROM staff_role WHERE staff_id = :id"), {"id": team.approver}
        )
    async with turning(bench):
        await until(bench, item.id, "failed")
    assert walls.wall("role-lost").calls == []
    async with bench.hub.open_work() as session:
        voided = await session.scalar(
            text("SELECT count(*) FROM audit_entry WHERE act = 'approval.voided' AND object = :o"),
            {"o": f"item:{item.id}"},
        )
        state = await session.scalar(
            text("SELECT state FROM revision WHERE item_id = :id"), {"id": item.id}
        )
    assert (voided, state) == (1, "review")


async def test_what_is_too_late_expires_without_a_call(bench: Bench, walls: WallServer) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "expired")
    item = await bench.draft(team)
    seen = await bench.submitted(
        team, item.id, [account], expires_at=utc_now() + timedelta(seconds=0.3)
    )
    await bench.approved(team, item.id, seen)
    await asyncio.sleep(0.4)
    async with turning(bench):
        await until(bench, item.id, "expired")
    assert walls.wall("expired").calls == []


async def test_an_unclear_outcome_without_a_way_to_look_asks_a_person(
    bench: Bench, walls: WallServer
) -> None:
    team = await bench.team()
    account = await wall(bench, team, walls, "unclear")

    async def odd(method: str, name: str) -> int | None:
        return 502 if name == "unclear" else None

    walls.before = odd
    try:
        async with turning(bench):
            item = await bench.published(team, [account])
            await until(bench, item.id, "undecided")
            await asyncio.sleep(0.3)
    finally:
        walls.before = None
    assert set((await bench.states(item.id)).values()) == {"undecided"}


async def test_a_paused_account_gets_no_call_and_goes_on_when_resumed(
    bench: Bench, walls: WallServer
) -> None:
    from services.audit.actor import SYSTEM
    from services.channels import accounts

    team = await bench.team()
    account = await wall(bench, team, walls, "paused")
    async with bench.hub.open_work() as session:
        await accounts.pause(session, SYSTEM, account, "Thử tạm dừng")
    async with turning(bench) as loop:
        item = await bench.published(team, [account])
        await asyncio.sleep(0.4)
        assert walls.wall("paused").calls == []
        async with bench.hub.open_work() as session:
            await accounts.resume(session, SYSTEM, account)
        loop.ring()
        await until(bench, item.id, "live")
    assert walls.wall("paused").calls == ["POST"]
