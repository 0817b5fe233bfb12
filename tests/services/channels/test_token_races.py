"""Expired tokens under many workers, faults and kill -9; the sandbox's ledger gives the verdict.

Sources: reliability-security.md 1.13 (R54 to R58). A refresh token works once, and whoever presents
one again whose answer had arrived is counted by the sandbox as `refresh_spent_twice`; one whose
answer was lost on the way as `refresh_lost_answer`.
"""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.channels import tokens
from services.channels.registry import Registry
from services.channels.tables import Account
from services.channels.tokens import Renewal
from tests.services.delivery.test_crash_points import hosts_of
from tests.support import sandbox as sandboxes
from tests.support import token_workers
from tests.support.hub import Bench, make_bench
from tests.support.sandbox import Sandbox
from tests.support.token_workers import CALLERS, ROUND_AGE, Told

ROUNDS = 200
WORKERS = 50
PROCESSES = 2
_PUBLISHING_SECONDS = 30.0


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    # Each test has a world of its own, since some move its clock.
    async with sandboxes.running() as one:
        yield one


@pytest.fixture
async def bench(sandbox: Sandbox, fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    made = make_bench(fresh_database_url, tmp_path, Registry.load(hosts_of(sandbox)), size=20)
    yield made
    await made.engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Oa:
    """One connected OA, here and in the sandbox."""

    bench: Bench
    sandbox: Sandbox
    account_id: UUID
    remote: str

    async def row(self) -> Account:
        async with self.bench.hub.open_work() as session:
            return await session.get_one(Account, self.account_id)

    async def counters(self) -> Mapping[str, int]:
        """What the OAuth host counted."""
        told: Mapping[str, int] = (await self.sandbox.ledger(self.remote))["counters"]
        return told

    async def renew(self, seen_version: int = 1, **times: Any) -> Renewal:
        hub = self.bench.hub
        return await tokens.renew(
            hub.open_work,
            hub.registry,
            hub.sealer,
            self.account_id,
            seen_version=seen_version,
            **times,
        )

    async def change(self, assignment: str) -> None:
        """Moves this account's own times, as waiting would."""
        async with self.bench.hub.open_work() as session:
            await session.execute(
                text(f"UPDATE account SET {assignment} WHERE id = :id"), {"id": self.account_id}
            )

    async def wait_over(self) -> None:
        """Every lease and every back-off is over."""
        await self.change("token_until = now() - interval '1 s'")


async def connected(bench: Bench, sandbox: Sandbox) -> Oa:
    team = await bench.team()
    made = await sandbox.account("zalo_oa")
    account_id = await bench.account(team, "zalo_oa", made["settings"], made["credentials"])
    return Oa(bench=bench, sandbox=sandbox, account_id=account_id, remote=made["id"])


def context() -> multiprocessing.context.ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.support.crash_worker", "tests.support.token_workers"])
    return made


# ── Fifty workers, two hundred rounds ────────────────────────────────────────────────────────────


async def test_fifty_workers_in_two_processes_renew_an_expired_token_once_in_each_of_200_rounds(
    bench: Bench,
    sandbox: Sandbox,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    oa = await connected(bench, sandbox)
    started = time.monotonic()
    lines, children = zip(*(_start(oa, tmp_path) for _ in range(PROCESSES)), strict=True)
    try:
        assert [await asyncio.to_thread(line.recv) for line in lines] == ["ready"] * PROCESSES
        for number in range(ROUNDS):
            await sandbox.post(
                "/admin/clock", {"offset_seconds": (number + 1) * ROUND_AGE.total_seconds()}
            )
            await oa.change("token_renewed_at = token_renewed_at - interval '1 h'")
            told = await _round(lines)
            _check_round(told, number)
    finally:
        for line in lines:
            line.send(None)
        for child in children:
            await asyncio.to_thread(child.join, 5)
            child.kill()
    seconds = time.monotonic() - started
    print(f"\n{ROUNDS} rounds × {WORKERS} workers in {PROCESSES} processes: {seconds:.1f} s")
    record_property("seconds", round(seconds, 1))
    counters = await oa.counters()
    assert counters["refreshes"] == ROUNDS
    assert counters["refresh_spent_twice"] == counters["refresh_lost_answer"] == 0
    assert counters["consents_needed"] == 0
    row = await oa.row()
    assert (row.credentials_version, row.token_state, row.state) == (ROUNDS + 1, "ok", "active")


def _start(oa: Oa, media: Path) -> tuple[Connection, ForkServerProcess]:
    ours, theirs = multiprocessing.Pipe()
    hosts = hosts_of(oa.sandbox)
    child = context().Process(
        target=token_workers.meet,
        args=(
            oa.bench.url, str(media), hosts, str(oa.account_id), WORKERS // PROCESSES, theirs
        ),
        daemon=True,
    )  # fmt: skip
    child.start()
    theirs.close()
    return ours, child


async def _round(lines: tuple[Connection, ...]) -> list[Told]:
    for line in lines:
        line.send("go")
    return [await asyncio.to_thread(line.recv) for line in lines]


def _check_round(told: list[Told], number: int) -> None:
    outcomes = [outcome for one in told for outcome in one.outcomes]
    assert len(outcomes) == WORKERS
    assert set(outcomes) <= {Renewal.FRESH, Renewal.RENEWED, Renewal.BUSY}, number
    assert outcomes.count(Renewal.RENEWED) == 1, number
    assert all(one.reads_again for one in told), number
    # Whoever calls after the renewal with the old token is refused as well: nobody got through.
    assert sum(one.refused for one in told) == PROCESSES * CALLERS, number
