"""Jobs in this very process, on timers: the queue of a hub without Redis."""

import asyncio
import contextlib
from collections.abc import Sequence

from services.queue.jobs import Job, by_name, perform


class Timers:
    """Runs periodic jobs on time and enqueued ones soon, at most `at_once` side by side.

    What was enqueued and not yet run is lost when the process ends.
    """

    def __init__(self, jobs: Sequence[Job], *, at_once: int = 4) -> None:
        self._jobs = by_name(jobs)
        self._slots = asyncio.Semaphore(at_once)
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def enqueue(self, name: str, *ids: str) -> None:
        """Runs the job as soon as there is a slot; nothing more is taken once stopped."""
        job = self._jobs[name]
        if self._stopping.is_set():
            return
        task = asyncio.create_task(self._perform(job, ids))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def run(self) -> None:
        """Works until stopped, then waits for what runs."""
        ticking = [
            asyncio.create_task(self._tick(job, job.every.total_seconds()))
            for job in self._jobs.values()
            if job.every is not None
        ]
        await self._stopping.wait()
        # A periodic run under way comes to its end; only the waiting for the next one is cut short.
        await asyncio.gather(*ticking, *self._running)

    def stop(self) -> None:
        """Lets `run` come to its end."""
        self._stopping.set()

    async def _tick(self, job: Job, seconds: float) -> None:
        while not self._stopping.is_set():
            await self._perform(job, ())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _perform(self, job: Job, ids: Sequence[str]) -> None:
        async with self._slots:
            await perform(job, self.enqueue, ids)
