"""A hub, and a console with its turning loop, whose channels are the sandbox's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.channels.registry import Registry
from services.delivery.turn import Loop
from services.queue.bell import listening
from tests.support import sandbox as sandboxes
from tests.support.console import Console, open_console
from tests.support.hub import Bench, make_bench
from tests.support.sandbox import Sandbox, hosts_of


@asynccontextmanager
async def simulated_hub(
    sandbox: Sandbox, url: str, media: Path, *, size: int = 20
) -> AsyncIterator[Bench]:
    """A hub over a migrated database; nobody turns its loop."""
    made = make_bench(url, media, Registry.load(hosts_of(sandbox)), size=size)
    yield made
    await made.close()


@asynccontextmanager
async def simulated_console(url: str, media: Path) -> AsyncIterator[tuple[Console, Sandbox]]:
    """A console before a sandbox of its own; what is approved there is sent."""
    async with sandboxes.running() as sandbox:
        registry = Registry.load(hosts_of(sandbox))
        async with open_console(url, media, registry=registry) as console:
            loop = Loop(console.hub)
            async with listening(url, loop.ring):
                turning = asyncio.create_task(loop.run())
                yield console, sandbox
                loop.stop()
                await turning
