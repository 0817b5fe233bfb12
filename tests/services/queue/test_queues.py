"""The same facts over both bodies of the queue: timers in a process, arq over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

import pytest
from redis.asyncio import Redis

from services.queue.by_arq import QUEUE, ArqQueue, _at
from services.queue.jobs import Enqueue, Job, Queue, by_name
from services.queue.timers import Timers
from shared.clock import steady_seconds
from tests.services.queue.redis_program import RedisProgram
from tests.support import redis
from tests.support.missing import missing

Make: TypeAlias = Callable[[Sequence[Job]], Queue]


_PATIENCE_SECONDS = 60.0  # far above what it takes, so that a slow machine is no finding


class Seen:
    """What jobs of a test did."""

    def __init__(self) -> None:
        self.ids: list[tuple[str, ...]] = []
        self.more = asyncio.Event()

    async def note(self, _: Enqueue, ids: Sequence[str]) -> None:
        self.ids.append(tuple(ids))
        self.more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.ids) < count:
                self.more.clear()
                await self.more.wait()


@pytest.fixture
def redis_program() -> Iterator[RedisProgram]:
    program = redis.program()
    if program is None:
        missing("không có redis-server · no redis-server here")
    own = RedisProgram(program)
    own.start()
    yield own
    own.close()


@pytest.fixture(params=["timers", "arq"])
async def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "timers":
        return Timers
    url: str = request.getfixturevalue("redis_url")
    async with Redis.from_url(url) as client:
        await client.flushall()
    return lambda jobs: ArqQueue(jobs, url)


@asynccontextmanager
async def running(queue: Queue) -> AsyncIterator[Queue]:
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0.3)
    try:
        yield queue
    finally:
        queue.stop()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await task


async def test_an_enqueued_job_runs_soon_with_its_ids(make: Make) -> None:
    seen = Seen()
    async with running(make([Job(name="look", run=seen.note)])) as queue:
        await queue.enqueue("look", "a", "b")
        await seen.until(1)
    assert seen.ids == [("a", "b")]


async def test_a_periodic_job_runs_at_start_and_again(make: Make) -> None:
    seen = Seen()
    async with running(make([Job(name="tick", run=seen.note, every=timedelta(seconds=1))])):
        await seen.until(3)
    assert set(seen.ids) == {()}


async def test_a_job_may_ask_for_others(make: Make) -> None:
    seen = Seen()

    async def spread(enqueue: Enqueue, ids: Sequence[str]) -> None:
        for one in ids:
            await enqueue("look", one)

    async with running(
        make([Job(name="spread", run=spread), Job(name="look", run=seen.note)])
    ) as queue:
        await queue.enqueue("spread", "1", "2", "3")
        await seen.until(3)
    assert sorted(seen.ids) == [("1",), ("2",), ("3",)]


async def test_a_job_that_breaks_leaves_the_others_alone(make: Make) -> None:
    seen = Seen()

    async def broken(_: Enqueue, __: Sequence[str]) -> None:
        raise RuntimeError("on purpose")

    async with running(
        make([Job(name="broken", run=broken), Job(name="look", run=seen.note)])
    ) as queue:
        await queue.enqueue("broken")
        await queue.enqueue("look", "after")
        await seen.until(1)
    assert seen.ids == [("after",)]


async def test_a_job_past_its_deadline_is_ended(make: Make) -> None:
    ended = Seen()

    async def endless(enqueue: Enqueue, ids: Sequence[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ended.note(enqueue, ids)

    async with running(
        make([Job(name="endless", run=endless, deadline=timedelta(milliseconds=200))])
    ) as queue:
        await queue.enqueue("endless", "x")
        await ended.until(1)


async def test_a_job_that_runs_comes_to_its_end_before_the_queue_stops(make: Make) -> None:
    begun, seen = asyncio.Event(), Seen()

    async def slow(enqueue: Enqueue, ids: Sequence[str]) -> None:
        begun.set()
        await asyncio.sleep(1)
        await seen.note(enqueue, ids)

    async with running(make([Job(name="slow", run=slow)])) as queue:
        await queue.enqueue("slow", "x")
        await begun.wait()
    assert seen.ids == [("x",)]


async def test_an_undeclared_job_is_refused(make: Make) -> None:
    async with running(make([Job(name="look", run=Seen().note)])) as queue:
        with pytest.raises(KeyError):
            await queue.enqueue("nobody declared this")


def test_two_jobs_may_not_share_a_name() -> None:
    job = Job(name="look", run=Seen().note)
    with pytest.raises(ValueError, match="share"):
        by_name([job, job])


async def test_nothing_is_left_in_redis_after_a_stop(redis_program: RedisProgram) -> None:
    seen = Seen()
    async with running(ArqQueue([Job(name="look", run=seen.note)], redis_program.url)) as queue:
        await queue.enqueue("look", "a")
        await seen.until(1)
    async with Redis.from_url(redis_program.url) as client:
        assert await client.keys("*") == []


async def test_flushing_redis_loses_hints_and_nothing_else(redis_program: RedisProgram) -> None:
    seen, ticks = Seen(), Seen()
    jobs = [
        Job(name="look", run=seen.note),
        Job(name="tick", run=ticks.note, every=timedelta(seconds=1)),
    ]
    async with running(ArqQueue(jobs, redis_program.url)) as queue:
        await ticks.until(1)
        async with Redis.from_url(redis_program.url) as client:
            await client.flushall()
        await ticks.until(len(ticks.ids) + 2)
        await queue.enqueue("look", "after the flush")
        await seen.until(1)


async def test_the_queue_outlives_a_redis_that_stops_and_starts(
    redis_program: RedisProgram,
) -> None:
    seen, ticks = Seen(), Seen()
    jobs = [
        Job(name="look", run=seen.note),
        Job(name="tick", run=ticks.note, every=timedelta(seconds=1)),
    ]
    async with running(ArqQueue(jobs, redis_program.url)) as queue:
        await ticks.until(1)
        redis_program.stop()
        await asyncio.sleep(1.5)
        await queue.enqueue("look", "lost, and nobody minds")
        redis_program.start()
        await ticks.until(len(ticks.ids) + 1)
        await queue.enqueue("look", "after")
        await seen.until(1)
    assert ("after",) in seen.ids


async def test_a_redis_that_is_away_does_not_hold_up_a_stop(redis_program: RedisProgram) -> None:
    redis_program.stop()
    async with running(ArqQueue([Job(name="look", run=Seen().note)], redis_program.url)):
        await asyncio.sleep(0.2)


async def test_two_workers_share_a_periodic_job(redis_program: RedisProgram) -> None:
    seen = Seen()
    jobs = [Job(name="tick", run=seen.note, every=timedelta(seconds=1))]
    async with (
        running(ArqQueue(jobs, redis_program.url)),
        running(ArqQueue(jobs, redis_program.url)),
    ):
        await seen.until(2)  # each ran it once at its start
        seen.ids.clear()
        began = steady_seconds()
        await asyncio.sleep(6)
        runs, elapsed = len(seen.ids), steady_seconds() - began
    # Each for itself they would make two runs a second. One may have waited since before, one may
    # fall on either end.
    assert 1 <= runs <= elapsed + 3


async def test_what_waits_in_redis_is_json_and_runs_no_code(redis_program: RedisProgram) -> None:
    seen = Seen()
    async with Redis.from_url(redis_program.url) as client:
        await client.psetex("arq:job:forged", 60_000, b"cos\nsystem\n(S'exit 1'\ntR.")
        await client.zadd(QUEUE, {"forged": 1})
    async with running(ArqQueue([Job(name="look", run=seen.note)], redis_program.url)) as queue:
        await queue.enqueue("look", "still here")
        await seen.until(1)


def test_a_period_that_divides_nothing_is_refused() -> None:
    assert _at(timedelta(minutes=5)) == (None, set(range(0, 60, 5)), {0})
    assert _at(timedelta(hours=6)) == ({0, 6, 12, 18}, {0}, {0})
    with pytest.raises(ValueError, match="divides"):
        _at(timedelta(minutes=7))
