"""The plain design by arq, one job per post.

`python -m tests.bench.plain_arq REDIS DATABASE WALLS MODE`: the mode `defaults` leaves
arq as it comes, `tuned` sets `max_jobs` 50 and a poll every 50 ms.
"""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from typing import cast

import httpx
from arq.connections import RedisSettings
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tests.bench.children import incoming, say_ready
from tests.bench.plain_rows import load, make_plain_engine

JOB = "post"
_TUNED_JOBS = 50
_TUNED_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Poster:
    """What a job needs: the table, and the one client that all jobs share."""

    engine: AsyncEngine
    client: httpx.AsyncClient
    base: str

    async def post(self, post_id: int) -> None:
        """Loads the row, posts, stores what came of it."""
        async with AsyncSession(self.engine) as session:
            row = await load(session, post_id)
            answer = await self.client.post(
                f"{self.base}/walls/{row.wall}/posts", json={"text": row.text}
            )
            answer.raise_for_status()
            row.remote_id = answer.json()["id"]
            row.state = "live"
            await session.commit()


async def work(redis_url: str, url: str, base: str, mode: str) -> None:
    """Works until the parent has gone."""
    tuned = mode == "tuned"
    engine = make_plain_engine(url, size=_TUNED_JOBS if tuned else 10)
    async with httpx.AsyncClient(trust_env=False) as client:
        poster = Poster(engine, client, base)

        async def job(_: object, *ids: int) -> None:
            await poster.post(*ids)

        start = partial(
            Worker,
            functions=[func(cast(WorkerCoroutine, job), name=JOB)],
            redis_settings=RedisSettings.from_dsn(redis_url),
            handle_signals=False,
        )
        worker = start(max_jobs=_TUNED_JOBS, poll_delay=_TUNED_POLL) if tuned else start()
        lines = await incoming()
        say_ready()
        working = asyncio.create_task(worker.async_run())
        await lines.read()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await worker.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:5]))
