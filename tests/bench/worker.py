"""One worker of the benchmark: only the loop, until its standard input closes."""

import asyncio
import resource
import sys
from pathlib import Path

import uvloop

from services.channels.registry import Registry
from services.delivery.hub import Rules
from services.delivery.turn import Loop
from services.queue.bell import listening
from tests.support.hub import make_bench
from tests.support.one_call import OneCall


async def work(url: str, media: str) -> None:
    """Turns the loop with the rules of service, but no hold and no runaway guard to wait for."""
    registry = Registry.load({}) if len(sys.argv) > 3 else Registry.of(OneCall())  # noqa: PLR2004
    bench = make_bench(url, Path(media), registry, rules=Rules(runaway_per_hour=60), by_key=True)
    loop = Loop(bench.hub)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async with listening(url, loop.ring):
        task = asyncio.create_task(loop.run())
        print("ready", flush=True)  # noqa: T201
        await reader.read()
        loop.stop()
        await task
    await bench.engine.dispose()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)  # noqa: T201


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1], sys.argv[2]))
