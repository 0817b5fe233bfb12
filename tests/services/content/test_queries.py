from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from services.channels.registry import Registry
from services.content import queries
from services.content.tables import Item
from services.delivery import preview
from tests.services.console.outlets import portal
from tests.support.hub import Bench, Team, make_bench


@pytest.fixture
async def bench(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    made = make_bench(fresh_database_url, tmp_path, Registry.load({}))
    yield made
    await made.engine.dispose()


@pytest.fixture
async def team(bench: Bench) -> Team:
    return await bench.team()


async def submitted(bench: Bench, team: Team, *, urgent: bool = False) -> Item:
    item = await bench.draft(team)
    await bench.submitted(team, item.id, [await portal(bench, team)], urgent=urgent)
    return item


async def test_the_next_to_approve_is_urgent_before_old_and_never_ones_own(
    bench: Bench, team: Team
) -> None:
    editor, approver = await bench.caller(team.editor), await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        assert await queries.next_to_approve(session, approver) is None
    first, second = await submitted(bench, team), await submitted(bench, team)
    urgent = await submitted(bench, team, urgent=True)
    await bench.draft(team)
    async with bench.hub.open_work() as session:
        assert await queries.next_to_approve(session, approver) == urgent.id
        assert await queries.next_to_approve(session, approver, other_than=urgent.id) == first.id
        assert await queries.next_to_approve(session, editor) is None
    await bench.approved(team, urgent.id, await _seen(bench, urgent))
    await bench.approved(team, first.id, await _seen(bench, first))
    async with bench.hub.open_work() as session:
        assert await queries.next_to_approve(session, approver) == second.id
    stranger = await bench.caller((await bench.team()).approver)
    async with bench.hub.open_work() as session:
        assert await queries.next_to_approve(session, stranger) is None


async def test_the_last_agreed_revision_is_the_newest_approved_one_below(
    bench: Bench, team: Team
) -> None:
    account = await portal(bench, team)
    item = await bench.published(team, [account])
    # The first has not begun yet, so editing it stops it.
    await bench.corrected(team, item.id, [account], title="Hai", correction_note="Sửa tên")
    async with bench.hub.open_work() as session:
        assert await queries.last_agreed(session, item.id, 1) is None
        first = await queries.last_agreed(session, item.id, 2)
        second = await queries.last_agreed(session, item.id, 3)
        assert (first and first.no, second and second.no) == (1, 2)
        assert first is not None
        approvals = await queries.approvals(session, [first.id])
        assert approvals[first.id].by == team.approver
        assert await queries.approvals(session, []) == {}


async def _seen(bench: Bench, item: Item) -> dict[UUID, str]:
    async with bench.hub.open_work() as session:
        shown = await preview.render(session, bench.hub, item.id, None)
    return {one.account_id: one.hash for one in shown.renditions}
