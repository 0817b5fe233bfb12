"""The cluster form while Redis is emptied, stopped and started: publishing does not even notice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.channels.registry import Registry
from services.content.tables import Item
from tests.services.delivery.walls import until
from tests.services.queue.redis_program import RedisProgram
from tests.support import redis
from tests.support.hub import Bench, Team, make_bench
from tests.support.missing import missing
from tests.support.sandbox import Sandbox, running

ACCOUNTS = 200
WORKERS = 2
_PATIENCE_SECONDS = 120.0
# What make_bench seals with; the workers must open it.
KEY = "test key of thirty-two characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Two worker processes over one database and one Redis, and what they publish to."""

    bench: Bench
    team: Team
    accounts: tuple[UUID, ...]
    sandbox: Sandbox
    redis: RedisProgram
    logs: tuple[Path, ...]

    async def publish(self, title: str) -> Item:
        """An item for every account, agreed to."""
        return await self.bench.published(self.team, self.accounts, title=title)

    async def live(self, item_id: UUID) -> int:
        """On how many accounts the item is by now."""
        async with self.bench.hub.open_work() as session:
            count = await session.scalar(
                text("SELECT count(*) FROM publication WHERE item_id = :id AND state = 'live'"),
                {"id": item_id},
            )
        return int(count or 0)

    async def until_live(self, item_id: UUID, least: int) -> None:
        """Waits until the item is on so many accounts."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await self.live(item_id) < least:
                await asyncio.sleep(0.02)

    async def shown(self, code: str) -> list[int]:
        """How many posts of the item each account shows now."""
        told = (await self.sandbox.http.get("/ledger.json")).json()
        return [
            sum(f"/tin/{code}" in f"{post['text']} {post['link']}" for post in one["visible"])
            for one in told["accounts"]
        ]

    async def posts_ever(self) -> list[int]:
        """How many posts each account ever showed, gone ones too."""
        told = (await self.sandbox.http.get("/ledger.json")).json()
        return [len(one["ever"]) for one in told["accounts"]]

    async def checks(self) -> int:
        """How many account checks the channels have seen: only that job inspects a token."""
        told = (await self.sandbox.http.get("/events.json")).json()
        return sum(event["operation"] == "inspect" for event in told["events"])

    def said(self, words: str) -> int:
        """How many workers have said this in their logs."""
        return sum(words in log.read_text(errors="replace") for log in self.logs)


@pytest.fixture
def own_redis() -> Iterator[RedisProgram]:
    program = redis.program()
    if program is None:
        missing("không có redis-server · no redis-server here")
    own = RedisProgram(program)
    own.start()
    yield own
    own.close()


@pytest.fixture
async def cluster(
    fresh_database_url: str, own_redis: RedisProgram, tmp_path: Path
) -> AsyncIterator[Cluster]:
    async with running() as sandbox:
        hosts = {"LOA_FACEBOOK_GRAPH_URL": f"{sandbox.url}/graph"}
        bench = make_bench(fresh_database_url, tmp_path / "media", Registry.load(hosts))
        team = await bench.team()
        accounts = await connected(bench, team, sandbox)
        variables = {
            **hosts,
            "LOA_DATABASE_URL": fresh_database_url,
            "LOA_REDIS_URL": own_redis.url,
            "LOA_SECRET_KEY": KEY,
            "LOA_DATA_DIR": str(tmp_path),
            "LOA_PUBLIC_URL": bench.hub.public_url,
            "LOA_RUNAWAY_PER_HOUR": "0",
            "LOA_LOG_FORMAT": "json",
        }
        logs = tuple(tmp_path / f"worker-{no}.log" for no in range(WORKERS))
        with workers(variables, logs):
            made = Cluster(
                bench=bench,
                team=team,
                accounts=accounts,
                sandbox=sandbox,
                redis=own_redis,
                logs=logs,
            )
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while made.said("worker.started") < WORKERS:
                    await asyncio.sleep(0.05)
            yield made
        await bench.close()


async def connected(bench: Bench, team: Team, sandbox: Sandbox) -> tuple[UUID, ...]:
    """Pages of the sandbox as accounts of the team."""
    made = await sandbox.post(
        "/admin/accounts",
        {"channel": "facebook_page", "id": "77000000", "name": "Trang", "count": ACCOUNTS},
    )
    return tuple(
        [
            await bench.account(team, "facebook_page", one["settings"], one["credentials"])
            for one in made["accounts"]
        ]
    )


@contextmanager
def workers(variables: Mapping[str, str], logs: tuple[Path, ...]) -> Iterator[None]:
    """`loa worker`, as often as there are logs, until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOA_")}
    children = []
    for log in logs:
        with log.open("wb") as written:
            children.append(
                subprocess.Popen(
                    [sys.executable, "-m", "services.cli.main", "worker"],
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                    env={**kept, **variables},
                )
            )
    try:
        yield
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


async def test_losing_redis_loses_nothing_and_sends_nothing_twice(cluster: Cluster) -> None:
    # The first item takes long: seconds after the first posts are up, the last are on their way.
    slow = {"channel": "facebook_page", "operation": "feed", "kind": "slow"}
    await cluster.sandbox.post("/faults", {**slow, "seconds": 4, "count": ACCOUNTS})
    await cluster.sandbox.post("/faults", {**slow, "seconds": 0.5, "count": 2 * ACCOUNTS})
    first = await cluster.publish("Thông báo khi Redis bị xoá sạch")
    await cluster.until_live(first.id, 10)
    async with Redis.from_url(cluster.redis.url) as client:
        await client.flushall()
    await cluster.until_live(first.id, 60)
    cluster.redis.stop()
    assert await cluster.live(first.id) < ACCOUNTS
    second = await cluster.publish("Thông báo khi không có Redis")
    await until(cluster.bench, first.id, "live", seconds=_PATIENCE_SECONDS)
    await until(cluster.bench, second.id, "live", seconds=_PATIENCE_SECONDS)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while cluster.said("queue.redis_away") < WORKERS:
            await asyncio.sleep(0.05)

    checks = await cluster.checks()
    cluster.redis.start()
    third = await cluster.publish("Thông báo khi Redis trở lại")
    await until(cluster.bench, third.id, "live", seconds=_PATIENCE_SECONDS)
    await cluster.bench.withdrawn(cluster.team, second.id)
    await until(cluster.bench, second.id, "withdrawn", seconds=_PATIENCE_SECONDS)

    assert await cluster.shown(first.code) == [1] * ACCOUNTS
    assert await cluster.shown(second.code) == [0] * ACCOUNTS
    assert await cluster.shown(third.code) == [1] * ACCOUNTS
    assert await cluster.posts_ever() == [3] * ACCOUNTS

    # A worker asks for a check of every account whenever its queue begins anew.
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await cluster.checks() < checks + ACCOUNTS:
            await asyncio.sleep(0.1)
