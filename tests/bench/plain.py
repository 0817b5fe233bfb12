"""The same posts by job queues: a job that loads a row, posts and stores, and nothing more."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
from arq import create_pool
from arq.connections import RedisSettings

from tests.bench import plain_arq, plain_celery
from tests.bench.children import Child
from tests.bench.ground import ACCOUNTS, WORKERS, Ground
from tests.bench.plain_rows import make_table, new_posts, pending
from tests.bench.walls import Walls
from tests.support import redis as redis_support

Enqueue = Callable[[Sequence[int]], Awaitable[None]]


class Plain:
    """A database for the plain designs, and the Redis of their queues."""

    def __init__(self, ground: Ground, walls: Walls, redis_url: str, url: str) -> None:
        self._ground, self._walls = ground, walls
        self._redis_url, self._url = redis_url, url

    async def by_arq(self, mode: str) -> float:
        """Posts per second of two arq workers."""
        words = ("tests.bench.plain_arq", self._redis_url, self._url, self._walls.base, mode)
        workers = [await self._ground.child(*words) for _ in range(WORKERS)]
        pool = await create_pool(RedisSettings.from_dsn(self._redis_url))

        async def enqueue(ids: Sequence[int]) -> None:
            async with pool.pipeline(transaction=False):
                await asyncio.gather(*(pool.enqueue_job(plain_arq.JOB, one) for one in ids))

        rate = await self._measured(enqueue, workers)
        await pool.aclose()
        return rate

    async def by_celery(self) -> float:
        """Posts per second of two Celery processes."""
        words = ("tests.bench.plain_celery", self._redis_url, self._url, self._walls.base)
        workers = [await self._ground.child(*words)]
        app = plain_celery.broker(self._redis_url)

        async def enqueue(ids: Sequence[int]) -> None:
            def send() -> None:
                with app.connection_for_write() as connection:
                    producer = app.amqp.Producer(connection)
                    for one in ids:
                        app.send_task(plain_celery.TASK, (one,), producer=producer)

            await asyncio.to_thread(send)

        return await self._measured(enqueue, workers)

    async def _measured(self, enqueue: Enqueue, workers: Sequence[Child]) -> float:
        await self._run(enqueue, 100)
        await self._walls.forget()
        took = await self._run(enqueue, ACCOUNTS)
        await self._walls.once_each(ACCOUNTS)
        for worker in workers:
            await worker.end()
        return ACCOUNTS / took

    async def _run(self, enqueue: Enqueue, count: int) -> float:
        ids = await new_posts(self._url, count)
        connection = await asyncpg.connect(self._url)
        began = time.monotonic()
        await enqueue(ids)
        async with asyncio.timeout(240):
            while await pending(connection):
                await asyncio.sleep(0.05)
        took = time.monotonic() - began
        await connection.close()
        return took


@asynccontextmanager
async def plain(ground: Ground, walls: Walls) -> AsyncIterator[Plain | None]:
    """The plain designs; None where no Redis program is to be had."""
    program = redis_support.program()
    if program is None:
        yield None
        return
    with redis_support.server(program) as redis_url:
        url = await ground.database("plain")
        await make_table(url)
        yield Plain(ground, walls, redis_url, url)
