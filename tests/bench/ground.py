"""What every part stands on: a durable database, child processes, a hub with its accounts."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from uuid import UUID

import asyncpg
import psutil
from pydantic import JsonValue
from typing_extensions import TypedDict

from services.audit.actor import SYSTEM
from services.channels import accounts
from services.channels.registry import Registry
from services.storage import migrate
from services.storage.embedded import EmbeddedPostgres
from tests.bench.children import Child
from tests.bench.raw import BODY
from tests.bench.rules import RULES
from tests.support.hub import Bench, Team, make_bench

ACCOUNTS = 2000
WORKERS = 2
_IDLE_SECONDS = 0.1  # of CPU in a second of the clock, all workers together


class Given(TypedDict):
    """What an account is connected with."""

    settings: dict[str, JsonValue]
    credentials: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """One item on its way to many accounts. Seconds; `rate` counts from the call of approve."""

    took: float
    approve: float
    rate: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A hub with its accounts and its workers, which idle between measurements."""

    bench: Bench
    team: Team
    accounts: tuple[UUID, ...]
    workers: tuple[Child, ...]
    watch: asyncpg.Connection
    cover: UUID | None

    async def prepared(
        self, accounts: Sequence[UUID] | None = None
    ) -> tuple[UUID, Mapping[UUID, str]]:
        """An item in review, and what its approver sees."""
        item = await self.bench.draft(self.team, body=BODY, cover=self.cover)
        return item.id, await self.bench.submitted(self.team, item.id, accounts or self.accounts)

    async def fan_out(self, accounts: Sequence[UUID] | None = None) -> FanOut:
        """Approves one item and waits until it is live everywhere."""
        item, seen = await self.prepared(accounts)
        began = time.monotonic()
        await self.bench.approved(self.team, item, seen)
        approved = time.monotonic()
        await self.live(item)
        return await self.told(item, began, approved)

    async def told(self, item: UUID, began: float, approved: float) -> FanOut:
        """How a fan-out went that is live now."""
        took = time.monotonic() - began
        row = await self.watch.fetchrow(
            """
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY p.observed_at - a.at),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY p.observed_at - a.at), count(*)
              FROM publication p JOIN approval a ON a.id = p.approval_id WHERE p.item_id = $1
            """,
            item,
        )
        assert row is not None
        p50, p99, count = row
        return FanOut(
            took=took,
            approve=approved - began,
            rate=count / took,
            p50=p50.total_seconds(),
            p99=p99.total_seconds(),
        )

    async def live(self, item: UUID, *, tick: float = 0.02) -> None:
        """Waits until the item is live on all its accounts. Raises TimeoutError after minutes."""
        async with asyncio.timeout(240):
            while await self.watch.fetchval(
                "SELECT EXISTS (SELECT 1 FROM publication WHERE item_id = $1"
                " AND state NOT IN ('live', 'withdrawn'))",
                item,
            ):
                await asyncio.sleep(tick)

    async def end(self) -> float:
        """Ends the workers; the largest memory of one of them in MiB."""
        told = [await worker.end() for worker in self.workers]
        return max(kib for kib in told if isinstance(kib, int)) / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The database server and the folder of this run; children started here end with it."""

    server: str
    folder: Path
    stack: AsyncExitStack

    async def child(self, module: str, *words: str) -> Child:
        """A process of ours, ready."""
        child = Child(module, *words)
        self.stack.callback(child.kill)
        await child.ready()
        return child

    async def database(self, name: str) -> str:
        """A new database with all tables."""
        connection = await asyncpg.connect(self.server)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        url = f"{self.server.rsplit('/', 1)[0]}/{name}"
        await migrate.upgrade(url)
        return url

    async def fleet(
        self,
        name: str,
        registry: Registry,
        channel: str,
        given: Sequence[Given],
        *,
        sandbox: str | None = None,
        cover: bool = False,
    ) -> Fleet:
        """A hub with a database of its own, these accounts, and workers that have warmed up."""
        url = await self.database(name)
        media = str(self.folder / "media")
        bench = make_bench(url, Path(media), registry, rules=RULES)
        self.stack.push_async_callback(bench.engine.dispose)
        team = await bench.team()
        ids = await _connected(bench, team, channel, given)
        more = (sandbox,) if sandbox else ()
        workers = [
            await self.child("tests.bench.worker", url, media, *more) for _ in range(WORKERS)
        ]
        watch = await asyncpg.connect(url)
        self.stack.push_async_callback(watch.close)
        fleet = Fleet(
            bench=bench,
            team=team,
            accounts=tuple(ids),
            workers=tuple(workers),
            watch=watch,
            cover=await bench.picture(team) if cover else None,
        )
        await fleet.fan_out(fleet.accounts[:200])
        await _quiet(workers)
        return fleet


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """A place to measure on: a durable PostgreSQL, as in service, in a folder that goes away."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="loa-bench-")))
        server = stack.enter_context(EmbeddedPostgres(folder))
        yield Ground(server=server, folder=folder, stack=stack)


async def _connected(
    bench: Bench,
    team: Team,
    channel: str,
    given: Sequence[Given],
) -> list[UUID]:
    """Connects accounts, many in one transaction: setting up is not what is measured."""
    ids: list[UUID] = []
    for first in range(0, len(given), 200):
        async with bench.hub.open_work() as session:
            for no, one in enumerate(given[first : first + 200], first):
                account = await accounts.add(
                    session,
                    SYSTEM,
                    bench.hub.registry,
                    bench.hub.sealer,
                    unit_code=team.unit_code,
                    channel=channel,
                    name=f"Kênh {no}",
                    settings=one["settings"],
                    credentials=one["credentials"],
                )
                ids.append(account.id)
    return ids


async def _quiet(workers: Sequence[Child]) -> None:
    """Waits until the workers idle: a fresh one checks every account once, as its jobs say."""
    running = [psutil.Process(worker.process.pid) for worker in workers]
    for _ in range(180):
        before = sum(sum(one.cpu_times()[:2]) for one in running)
        await asyncio.sleep(1)
        if sum(sum(one.cpu_times()[:2]) for one in running) - before < _IDLE_SECONDS:
            return


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent of the others are."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
