"""What whole paths are walked on: a console and a browser, or a hub as `make run` starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.browser import browser as open_browser
from tests.support.console import Console, open_console
from tests.support.ports import free_port

_READY_SECONDS = 600.0
_END_SECONDS = 120.0


@pytest.fixture(scope="module")
async def console(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Console]:
    """A console of the module's own, with nobody in it yet."""
    async with open_console(database_url, Path(tmp_path_factory.mktemp("media"))) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the tests of a module."""
    async with open_browser() as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The addresses of a running `loa up --demo` whose sample items are all in place."""

    site: str
    sandbox: str


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """`loa up --demo` on free ports, in a folder of its own: one for the tests of a module."""
    folder: Path = tmp_path_factory.mktemp("rehearsal")
    port = _two_free_ports()
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "services.cli.main", "up", "--demo"),
                *("--port", str(port), "--data", folder / "data"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env={
                **{name: told for name, told in os.environ.items() if not name.startswith("LOA_")},
                # The ten seconds to think better of it, for whoever only waits for them to pass.
                "LOA_PUBLISH_HOLD_SECONDS": "3",
            },
        )
    try:
        _wait_for(folder / "data" / "sample-data-complete", process, log)
        yield Rehearsal(site=f"http://127.0.0.1:{port}", sandbox=f"http://127.0.0.1:{port + 1}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_END_SECONDS)


def _two_free_ports() -> int:
    """A free port whose neighbour is free too: the simulated channels live there."""
    while True:
        port = free_port()
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + 1))
        except OSError:
            continue
        return port


def _wait_for(sign: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not sign.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"no rehearsal: {log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)
