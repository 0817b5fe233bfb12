"""A worker process that can be told to die: forked from one that has imported everything."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from services.channels.registry import Registry
from services.delivery import crash
from services.delivery.turn import Loop
from services.queue.bell import listening
from tests.support.hub import make_bench

RULES_LANE = timedelta(seconds=3)


def work(
    url: str,
    media: str,
    hosts: Mapping[str, str],
    die_at: str | None,
    seconds: float,
    lane_seconds: float = RULES_LANE.total_seconds(),
) -> None:
    """Turns the loop for some seconds; kills itself, as kill -9 does, when it reaches `die_at`."""
    asyncio.run(_work(url, media, hosts, die_at, seconds, timedelta(seconds=lane_seconds)))


async def _work(
    url: str,
    media: str,
    hosts: Mapping[str, str],
    die_at: str | None,
    seconds: float,
    lane: timedelta,
) -> None:
    bench = make_bench(url, Path(media), Registry.load(hosts), size=6).ruled(lane=lane)
    loop = Loop(bench.hub)

    def die(point: str) -> None:
        if point == die_at:
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    crash.at_each_point(die)
    async with listening(url, loop.ring):
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(seconds)
        loop.stop()
        await task
    await bench.engine.dispose()
