"""One worker process: turns the loop, pushes feeds, runs the jobs, until it is asked to stop."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from datetime import timedelta
from typing import Final

import structlog
import uvloop

from services.delivery.hub import Hub
from services.delivery.turn import Loop
from services.queue import bell
from services.queue.by_arq import ArqQueue
from services.queue.jobs import Queue
from services.queue.timers import Timers
from services.syndication.websub_push import Pusher
from services.worker.jobs import declared
from shared.collector import spare_collector

GRACE: Final = timedelta(seconds=60)
# More than there are jobs that may take long: those that renew tokens and tell people never wait.
AT_ONCE: Final = 8

_log = structlog.get_logger()


def in_new_loop(main: Coroutine[object, object, None]) -> None:
    """Runs a coroutine to its end on a fast event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def work(hub: Hub, url: str, redis_url: str | None, *, grace: timedelta = GRACE) -> None:
    """Works until SIGTERM or SIGINT, then lets running calls end: a send is never cancelled (R40).

    `url` is the database's address for the bell. A second signal ends the process at once: what was
    sending then is found and read back by whoever works the lane next. Raises whatever ended the
    loop or the jobs by themselves.
    """
    loop = Loop(hub)
    jobs = declared(hub)
    queue: Queue = (
        ArqQueue(jobs, redis_url, grace=grace) if redis_url else Timers(jobs, at_once=AT_ONCE)
    )
    pusher = Pusher(hub)
    asked = _Asked(loop, pusher, queue)

    def rung() -> None:
        loop.ring()
        pusher.ring()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.once)
    async with (
        bell.listening(url, rung),
        bell.listening(url, pusher.ring, channel=bell.FEEDS),
    ):
        _log.info("worker.started", concurrency=hub.rules.concurrency, redis=redis_url is not None)
        spare_collector()
        running = (loop.run(), pusher.run(), queue.run())
        parts = [asyncio.create_task(one) for one in running]
        # If one ends by itself, the other must not go on alone as if all were well.
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        asked.stop()
        _, late = await asyncio.wait(parts, timeout=grace.total_seconds() + 5)
        for part in late:
            _log.warning("worker.cut_off")
            part.cancel()
        ended = await asyncio.gather(*parts, return_exceptions=True)
    _log.info("worker.stopped")
    for error in ended:
        if isinstance(error, Exception):
            raise error


class _Asked:
    """What a signal does: the first one stops gently, the second at once."""

    def __init__(self, loop: Loop, pusher: Pusher, queue: Queue) -> None:
        self._loop = loop
        self._pusher = pusher
        self._queue = queue
        self._before = False

    def once(self) -> None:
        if self._before:
            os._exit(1)
        self._before = True
        _log.info("worker.stopping")
        self.stop()

    def stop(self) -> None:
        self._loop.stop()
        self._pusher.stop()
        self._queue.stop()
