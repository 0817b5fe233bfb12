"""The web process as `loa web` runs it: `python -m tests.bench.web DATABASE MEDIA PORT`."""

import asyncio
import sys
from pathlib import Path

import uvicorn

from services.channels.registry import Registry
from services.cli.web import Site
from services.worker.process import in_new_loop
from shared.collector import spare_collector
from tests.bench.children import incoming, say_ready
from tests.bench.rules import RULES
from tests.support.hub import Bench, make_bench
from tests.support.one_call import OneCall


async def serve(bench: Bench, port: int) -> None:
    """Serves until the parent has gone."""
    site = Site(bench.hub, redis=None, demo=None)
    server = uvicorn.Server(
        uvicorn.Config(
            site,
            host="127.0.0.1",
            port=port,
            loop="none",
            http=site.protocol,
            lifespan="off",
            access_log=False,
            log_level="error",
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    spare_collector()
    lines = await incoming()
    say_ready()
    await lines.read()
    server.should_exit = True
    await task
    await bench.engine.dispose()


if __name__ == "__main__":
    channels = Registry.of(OneCall())
    hub = make_bench(sys.argv[1], Path(sys.argv[2]), channels, rules=RULES)
    in_new_loop(serve(hub, int(sys.argv[3])))
