"""Jobs through Redis, by arq: any number of workers share them, and each period runs once.

The only file that knows arq (R51). Measured habits of arq 0.28 that shape it: it exits when Redis
goes away, leaves keys stuck when closed while a job runs, and cancels jobs at a signal
(reliability-security.md 1.11; stack.md, "cluster work").
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, timedelta
from typing import Any, Final

import structlog
from arq import cron, func
from arq.connections import ArqRedis, RedisSettings
from arq.cron import CronJob
from arq.worker import Function, Worker
from redis.exceptions import RedisError

from services.queue.jobs import Job, by_name, perform

QUEUE: Final = "loa:jobs"
_POLL_SECONDS: Final = 0.2
_HEALTH_SECONDS: Final = 15
_LONGEST_WAIT_SECONDS: Final = 10.0
_GRACE: Final = timedelta(seconds=60)

_log = structlog.get_logger()


class ArqQueue:
    """Runs jobs that any process enqueued, and periodic ones once among all workers.

    Redis may go away, lose everything and come back: jobs that waited in it are lost, and this goes
    on by itself. Arguments are ids in JSON: whoever writes to Redis must not run code here (R49).
    """

    def __init__(
        self, jobs: Sequence[Job], url: str, *, at_once: int = 20, grace: timedelta = _GRACE
    ) -> None:
        self._jobs = by_name(jobs)
        self._settings = RedisSettings.from_dsn(url)
        self._settings.conn_retries = 0  # this file tries again itself
        self._at_once = at_once
        self._grace = grace
        self._stopping = asyncio.Event()
        self._worker: Worker | None = None

    async def enqueue(self, name: str, *ids: str) -> None:
        """Leaves the job in Redis. A Redis that is away loses it, which is logged and no more."""
        if name not in self._jobs:
            raise KeyError(name)
        pool = self._worker.pool if self._worker is not None else None
        try:
            if pool is not None:
                await pool.enqueue_job(name, *ids, _queue_name=QUEUE)
                return
        except (RedisError, OSError):
            pass
        _log.warning("queue.hint_lost", job=name)

    async def run(self) -> None:
        """Works until stopped, whatever Redis does meanwhile; then waits for what runs."""
        waited = 0.5
        while not self._stopping.is_set():
            worker = self._new_worker()
            main = asyncio.create_task(worker.main())
            stopping = asyncio.create_task(self._stopping.wait())
            self._worker = worker
            try:
                await asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
                away = main.done()
                if not away:
                    await self._drain(worker)
                elif (error := main.exception()) is not None:
                    _log.warning("queue.redis_away", reason=type(error).__name__)
            finally:
                self._worker = None
                await self._close(worker, main)
                stopping.cancel()
            if away:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), waited)
                waited = (
                    min(waited * 2, _LONGEST_WAIT_SECONDS) if worker.jobs_complete == 0 else 0.5
                )

    def stop(self) -> None:
        """Lets `run` come to its end."""
        self._stopping.set()

    def _new_worker(self) -> Worker:
        return Worker(
            functions=[self._function(job) for job in self._jobs.values()],
            cron_jobs=[
                self._cron(job, job.every) for job in self._jobs.values() if job.every is not None
            ],
            queue_name=QUEUE,
            redis_settings=self._settings,
            handle_signals=False,
            max_jobs=self._at_once,
            poll_delay=_POLL_SECONDS,
            keep_result=0,
            health_check_interval=_HEALTH_SECONDS,
            job_serializer=_to_json,
            job_deserializer=json.loads,
            timezone=UTC,
            log_results=False,
        )

    def _function(self, job: Job) -> Function:
        return func(
            self._coroutine(job),
            name=job.name,
            keep_result=0,
            # Ours ends the job first; arq's own end would only add a traceback.
            timeout=job.deadline.total_seconds() + 5,
        )

    def _cron(self, job: Job, every: timedelta) -> CronJob:
        hour, minute, second = _at(every)
        return cron(
            self._coroutine(job),
            name=f"cron:{job.name}",
            keep_result=0,
            timeout=job.deadline.total_seconds() + 5,
            run_at_startup=True,
            unique=True,
            hour=hour,
            minute=minute,
            second=second,
        )

    def _coroutine(self, job: Job) -> Callable[..., Coroutine[Any, Any, None]]:
        async def run(_: dict[str, object], *ids: str) -> None:
            await perform(job, self.enqueue, ids)

        return run

    async def _drain(self, worker: Worker) -> None:
        """Picks nothing more and waits; what was just being picked shows one poll later."""
        worker.allow_pick_jobs = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace.total_seconds()):
                quiet = 0
                while quiet < 2:
                    await asyncio.sleep(_POLL_SECONDS)
                    busy = any(not task.done() for task in worker.tasks.values())
                    quiet = 0 if busy else quiet + 1

    async def _close(self, worker: Worker, main: "asyncio.Task[None]") -> None:
        main.cancel()
        late = [task for task in worker.tasks.values() if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(main, *late, return_exceptions=True)
        pool: ArqRedis | None = worker.pool
        if pool is None:
            return
        # Without Redis neither a job's end nor ours can be told there; nothing else depends on it.
        # arq's own `close` does the same by a call that the client has deprecated.
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(5):
                await pool.delete(worker.health_check_key)
        with contextlib.suppress(RedisError, OSError):
            await pool.aclose(close_connection_pool=True)


def _to_json(job: dict[str, Any]) -> bytes:
    # arq hands over its own record of a job; what we put in are names and ids.
    return json.dumps(job, default=str).encode()


def _at(every: timedelta) -> tuple[set[int] | None, set[int] | None, set[int]]:
    """The hours, minutes and seconds of a period; it must divide a minute, an hour or a day."""
    seconds = int(every.total_seconds())
    if 0 < seconds < 60 and 60 % seconds == 0:
        return None, None, set(range(0, 60, seconds))
    minutes, odd = divmod(seconds, 60)
    if not odd and 0 < minutes < 60 and 60 % minutes == 0:
        return None, set(range(0, 60, minutes)), {0}
    hours, odd = divmod(seconds, 3600)
    if not odd and 0 < hours <= 24 and 24 % hours == 0:
        return set(range(0, 24, hours)), {0}, {0}
    raise ValueError(f"{every} divides no minute, hour or day")
