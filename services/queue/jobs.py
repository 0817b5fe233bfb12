"""Work that is not a channel call of the core: named jobs, and when they run by themselves.

Rows are the truth, a queue is a bell: a job takes only ids, may run twice or late and must not mind
it, and whatever a lost one would have done is found by the next periodic run (R4, R45, R51).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

import structlog

_log = structlog.get_logger()


class Enqueue(Protocol):
    """Asks for a job soon. Never raises for a queue that is away: a hint may be lost."""

    async def __call__(self, name: str, *ids: str) -> None: ...


Run: TypeAlias = Callable[[Enqueue, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One kind of work: what it runs, how long at most, and how often by itself (None: on demand).

    A periodic job also runs when a worker starts, and takes no ids then.
    """

    name: str
    run: Run
    deadline: timedelta = timedelta(minutes=5)
    every: timedelta | None = None


class Queue(Protocol):
    """Where jobs run: on timers in this process, or through Redis in any of many."""

    async def enqueue(self, name: str, *ids: str) -> None:
        """Asks for a job soon; KeyError for one that nobody declared."""
        ...

    async def run(self) -> None:
        """Works until stopped; then takes nothing new and waits for what runs."""
        ...

    def stop(self) -> None:
        """Lets `run` come to its end."""
        ...


async def perform(job: Job, enqueue: Enqueue, ids: Sequence[str]) -> None:
    """Runs a job within its deadline; whatever it raises is logged, and ends nothing else."""
    try:
        async with asyncio.timeout(job.deadline.total_seconds()):
            await job.run(enqueue, ids)
    except Exception:  # noqa: BLE001  # the outermost turn of a job
        _log.exception("job.failed", job=job.name, ids=list(ids))


def by_name(jobs: Sequence[Job]) -> dict[str, Job]:
    """The jobs by name. Raises ValueError when two share one."""
    named = {job.name: job for job in jobs}
    if len(named) != len(jobs):
        raise ValueError("two jobs share a name")
    return named
