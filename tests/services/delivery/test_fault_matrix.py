"""Every fault kind × publish, update, withdraw × Zalo, Facebook; the ledger gives the verdict.

The kinds are asked from the sandbox, so a new one is in the matrix at once. All cells run side by
side, each on an account of its own. Visible copies must be what was approved, never two, never
after a withdrawal; whatever is left to a person must say what to do.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.delivery import board
from services.delivery.turn import Loop
from services.delivery.words import problem
from services.queue.bell import listening
from shared.clock import steady_seconds
from tests.support.hub import Bench, Team
from tests.support.sandbox import Sandbox
from tests.support.simulated import simulated_hub

# Which calls of the channel each operation makes; a fault is tried on every one of them.
_CALLS: dict[tuple[str, str], tuple[str, ...]] = {
    ("zalo_oa", "publish"): ("create", "verify", "update", "list"),
    ("zalo_oa", "update"): ("update", "verify"),
    ("zalo_oa", "withdraw"): ("remove",),
    ("facebook_page", "publish"): ("feed", "list"),
    ("facebook_page", "update"): ("edit",),
    ("facebook_page", "withdraw"): ("delete",),
}
_SETTLED = {"live", "withdrawn", "failed", "undecided"}
_LIFT_SECONDS = 8.0
_PATIENCE_SECONDS = 240.0  # far above what it takes, so that a slow machine is no finding


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault on one call of one operation."""

    channel: str
    operation: str
    call: str
    kind: str


@dataclass(slots=True)
class Case:
    """A cell with its account and item."""

    cell: Cell
    account: UUID
    remote: str
    team: Team
    item: UUID
    title: str


@pytest.fixture(scope="module")
async def bench(
    sandbox: Sandbox, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    media = Path(tmp_path_factory.mktemp("media"))
    async with simulated_hub(sandbox, database_url, media) as made:
        yield made.ruled(lane=timedelta(seconds=3), concurrency=80)


async def test_no_fault_shows_anything_twice_or_after_its_withdrawal(
    bench: Bench, sandbox: Sandbox, record_property: Callable[[str, object], None]
) -> None:
    """Runs the matrix and prints it."""
    kinds = variants(await sandbox.kinds())
    cells = [
        Cell(channel, operation, call, kind)
        for (channel, operation), calls in _CALLS.items()
        for call in calls
        for kind, row in kinds.items()
        if channel in row["channels"] and not (call == "list" and row["writes_only"])
    ]
    gate = asyncio.Semaphore(8)
    team = await bench.team()
    cover = await bench.picture(team)
    cases = await asyncio.gather(
        *(_case(bench, sandbox, cell, team, cover, gate) for cell in cells)
    )
    loop = Loop(bench.hub)
    async with listening(bench.url, loop.ring):
        turning = asyncio.create_task(loop.run())
        try:
            before = [case for case in cases if case.cell.operation != "publish"]
            await _until_settled(bench, before, wanted={"live"})
            await asyncio.gather(*(_provoke(bench, sandbox, case, gate) for case in cases))
            await _until_settled(bench, cases, wanted=_SETTLED)
        finally:
            loop.stop()
            await turning
    verdicts = [(case, await _verdict(bench, sandbox, case)) for case in cases]
    _print(verdicts, kinds)
    record_property("cells", len(verdicts))
    wrong = [f"{case.cell}: {verdict}" for case, verdict in verdicts if verdict.startswith("!")]
    assert wrong == []


def variants(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every kind by name; one that takes effect only if asked to stands there twice."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found[row["kind"]] = row
        if row["commits"] == "if asked":
            found[f"{row['kind']}, committed"] = {**row, "writes_only": True}
    return found


async def _case(
    bench: Bench, sandbox: Sandbox, cell: Cell, team: Team, cover: UUID, gate: asyncio.Semaphore
) -> Case:
    async with gate:
        return await _make(bench, sandbox, cell, team, cover)


async def _make(bench: Bench, sandbox: Sandbox, cell: Cell, team: Team, cover: UUID) -> Case:
    made = await sandbox.account(cell.channel)
    account = await bench.account(team, cell.channel, made["settings"], made["credentials"])
    title = f"Thông báo số {made['id'][-8:]}"
    fields: dict[str, Any] = {"title": title, "body": "Nội dung của thông báo.", "summary": "Tóm."}
    if cell.channel == "zalo_oa":
        fields["cover"] = str(cover)
    item = await bench.draft(team, **fields)
    seen = await bench.submitted(team, item.id, [account])
    case = Case(
        cell=cell,
        account=account,
        remote=made["id"],
        team=team,
        item=item.id,
        title=title,
    )
    if cell.operation == "publish":
        await _script(sandbox, case)
    await bench.approved(team, item.id, seen)
    return case


async def _script(sandbox: Sandbox, case: Case) -> None:
    kind, _, committed = case.cell.kind.partition(", ")
    told: dict[str, Any] = {"operation": case.cell.call, "kind": kind, "count": 1}
    if committed:
        told["commit"] = True
    if "hang" in case.cell.kind:
        told["seconds"] = 4
    elif case.cell.kind in ("slow", "late_in_lists"):
        told["seconds"] = 1
    elif case.cell.kind == "throttle":
        told["retry_after"] = 1
    await sandbox.fault(case.remote, **told)


async def _provoke(bench: Bench, sandbox: Sandbox, case: Case, gate: asyncio.Semaphore) -> None:
    """The operation of a cell, with its fault waiting for it."""
    if case.cell.operation == "publish":
        return
    async with gate:
        await _script(sandbox, case)
        team = case.team
        if case.cell.operation == "update":
            await bench.corrected(team, case.item, [case.account], title=f"{case.title} đã sửa")
        else:
            await bench.withdrawn(team, case.item)


async def _until_settled(bench: Bench, cases: list[Case], *, wanted: set[str]) -> None:
    """Waits for every case; what a person must lift, a pause or a long penalty, is lifted."""
    states, lifted_at = await _states(bench, cases), steady_seconds()
    until = lifted_at + _PATIENCE_SECONDS
    while steady_seconds() < until:
        states = await _states(bench, cases)
        if all(states[case.item] in wanted for case in cases):
            return
        if steady_seconds() - lifted_at > _LIFT_SECONDS:
            lifted_at = steady_seconds()
            await _lift(bench)
        await asyncio.sleep(0.05)
    left = [f"{case.cell} {states[case.item]}" for case in cases if states[case.item] not in wanted]
    raise AssertionError(f"{len(left)} never settled: {left[:12]}")


async def _lift(bench: Bench) -> None:
    """Each row kind in a transaction of its own and in order, as the house locks them."""
    ordered = "(SELECT id FROM {} ORDER BY id FOR UPDATE)"
    for statement in (
        "UPDATE account SET state = 'active', pause_code = NULL, rate_until = NULL,"
        f" breaker_until = NULL, quota_until = NULL WHERE id IN {ordered.format('account')}",
        "UPDATE publication SET next_at = now() WHERE next_at IS NOT NULL"
        " AND state IN ('scheduled','pending','sending')"
        f" AND id IN {ordered.format('publication')}",
        "UPDATE lane SET next_due_at = now() WHERE (account_id, urgent) IN"
        " (SELECT account_id, urgent FROM lane ORDER BY account_id, urgent FOR UPDATE)",
    ):
        async with bench.hub.open_work() as session:
            await session.execute(text(statement))


async def _states(bench: Bench, cases: list[Case]) -> dict[UUID, str]:
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT item_id, CASE WHEN observed_generation < generation AND state IN"
                " ('live','withdrawn') THEN 'behind' ELSE state END AS state FROM publication"
                " WHERE item_id = ANY(:ids)"
            ),
            {"ids": [case.item for case in cases]},
        )
        return {row.item_id: row.state for row in rows}


async def _verdict(bench: Bench, sandbox: Sandbox, case: Case) -> str:
    """`ok`, `person` (asked, and told what to do), or `!` and what is wrong."""
    state = (await _states(bench, [case]))[case.item]
    ledger = await sandbox.ledger(case.remote)
    visible = ledger["visible"]
    if len(visible) > 1 or len({post["remote_id"] for post in ledger["ever"]}) > 1:
        return f"!{len(visible)} copies now, {len(ledger['ever'])} ever"
    if state in ("undecided", "failed"):
        async with bench.hub.open_work() as session:
            (shown,) = await board.publications(
                session, item_id=case.item, unit_ids=[case.team.unit_id], limit=5
            )
        words = problem(str(shown.problem.code), "vi") if shown.problem else None
        return "person" if words and words.next else f"!{state} without a word to anyone"
    if case.cell.operation == "withdraw":
        return "ok" if not visible else "!visible after its withdrawal"
    if not visible:
        return "!lost"
    wanted = f"{case.title} đã sửa" if case.cell.operation == "update" else case.title
    told = f"{visible[0].get('title')}\n{visible[0].get('text')}"
    return "ok" if wanted in told else "!shows another text"


def _print(verdicts: list[tuple[Case, str]], kinds: Iterable[str]) -> None:
    rows = sorted({(c.cell.channel, c.cell.operation, c.cell.call) for c, _ in verdicts})
    by = {(c.cell.channel, c.cell.operation, c.cell.call, c.cell.kind): v for c, v in verdicts}
    print(f"\nfault matrix, {len(verdicts)} cells:")
    for kind in kinds:
        line = " ".join(f"{by.get((*row, kind), '-')[:6]:6}" for row in rows)
        print(f"  {kind:22}{line}")
    for row in rows:
        print("   column:", " ".join(row))
