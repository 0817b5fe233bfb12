"""One web process with the public door: `python -m tests.support.feed_process DATABASE MEDIA`.

It prints its address and serves until its standard input closes.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.feed_site import feed_site


@dataclass(frozen=True, slots=True)
class FeedProcess:
    """A process that serves, and where."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """Ends it at once, like a power cut."""
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def feed_process(database_url: str, media_root: Path) -> AsyncIterator[FeedProcess]:
    """Starts one and ends it with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.feed_process", database_url, str(media_root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = (await asyncio.to_thread(process.stdout.readline)).strip()
        yield FeedProcess(process, url)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            await asyncio.to_thread(process.wait, 30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _serve(database_url: str, media_root: Path) -> None:
    async with feed_site(database_url, media_root) as site:
        print(site.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
