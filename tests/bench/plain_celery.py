"""The plain design by Celery, one task per post.

`python -m tests.bench.plain_celery REDIS DATABASE WALLS`: two prefork processes, else Celery's
defaults. There is no blocking PostgreSQL driver in this project, so that a task's ORM runs on an
event loop of its process; the post itself is blocking.
"""

import asyncio
import os
import signal
import sys
import threading
import warnings
from functools import cache

import httpx
from celery import Celery
from celery.platforms import SecurityWarning
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tests.bench.children import say_ready
from tests.bench.plain_rows import load, make_plain_engine

TASK = "post"
_PROCESSES = 2


def broker(redis_url: str) -> Celery:
    """Celery over this Redis; results are kept nowhere."""
    app = Celery("plain", broker=redis_url)
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=False)
    return app


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _engine(url: str) -> AsyncEngine:
    return make_plain_engine(url, size=1)


@cache
def _client() -> httpx.Client:
    return httpx.Client(trust_env=False)


def post(url: str, base: str, post_id: int) -> None:
    """Loads the row, posts, stores what came of it."""
    _loop().run_until_complete(_post(url, base, post_id))


async def _post(url: str, base: str, post_id: int) -> None:
    async with AsyncSession(_engine(url)) as session:
        row = await load(session, post_id)
        answer = _client().post(f"{base}/walls/{row.wall}/posts", json={"text": row.text})
        answer.raise_for_status()
        row.remote_id = answer.json()["id"]
        row.state = "live"
        await session.commit()


def main(redis_url: str, url: str, base: str) -> None:
    """Works until the parent has gone."""
    # It runs no foreign task here, as whoever measures.
    warnings.simplefilter("ignore", SecurityWarning)
    app = broker(redis_url)

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # celery carries no types
    def task(post_id: int) -> None:
        post(url, base, post_id)

    worker = app.Worker(pool="prefork", concurrency=_PROCESSES, loglevel="ERROR", quiet=True)

    def watch() -> None:
        say_ready()
        os.read(0, 1)  # not by sys.stdin: its lock would be held in every forked process
        os.killpg(os.getpgrp(), signal.SIGKILL)  # a group of our own: see children.py

    threading.Thread(target=watch, daemon=True).start()
    worker.start()


if __name__ == "__main__":
    main(*sys.argv[1:4])
