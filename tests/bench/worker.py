"""One worker process as `loa worker` runs it, but over the bench's channels.

`python -m tests.bench.worker DATABASE MEDIA [SANDBOX]` works until its input closes; its last word
is its largest memory in KiB.
"""

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

from services.channels.registry import Registry
from services.worker import process
from tests.bench.children import incoming, say_ready, tell
from tests.bench.rules import RULES, sandbox_hosts
from tests.support.hub import Bench, make_bench
from tests.support.one_call import OneCall


async def work(bench: Bench) -> None:
    """Loop and jobs, until the parent has gone."""
    lines = await incoming()
    say_ready()
    working = asyncio.create_task(process.work(bench.hub, bench.url, None))
    await lines.read()
    os.kill(os.getpid(), signal.SIGTERM)
    await working
    await bench.engine.dispose()
    tell(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    hosts = sandbox_hosts(sys.argv[3]) if sys.argv[3:] else None
    channels = Registry.load(hosts) if hosts else Registry.of(OneCall())
    place = Path(sys.argv[2])
    process.in_new_loop(work(make_bench(sys.argv[1], place, channels, rules=RULES, by_key=True)))
