"""Child processes of the bench: they say `ready`, then answer each line with one line of JSON."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence

import structlog
from pydantic import JsonValue


class Child:
    """A process of this bench; it ends when its standard input closes, so none outlives us."""

    def __init__(self, module: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # children of its own end with it, see `kill`
        )

    async def ready(self) -> None:
        """Waits for its first word."""
        word = (await asyncio.to_thread(self._line)).strip()
        if word != "ready":
            raise RuntimeError(f"a process of the bench did not start: {self.process.args!r}")

    async def ask(self, *words: str) -> JsonValue:
        """Says one line and waits for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer: JsonValue = json.loads(await asyncio.to_thread(self._line))
        return answer

    async def end(self) -> JsonValue:
        """Closes its input and gives its last word, None if it has none."""
        out, _ = await asyncio.to_thread(self.process.communicate, timeout=60)
        answer: JsonValue = json.loads(out) if out.strip() else None
        return answer

    def kill(self) -> None:
        """Ends it and its own children at once, if they have not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


async def listen(answer: Callable[[Sequence[str]], Awaitable[JsonValue]]) -> None:
    """The child's side: says `ready` and answers lines until its input closes."""
    lines = await incoming()
    say_ready()
    while line := await lines.readline():
        tell(await answer(line.decode().split()))


async def incoming() -> asyncio.StreamReader:
    """What the parent says, as it comes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


def quieten() -> None:
    """Logs go to standard error from now on, warnings only."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def say_ready() -> None:
    """The child's first word; what it prints from now on are answers."""
    quieten()
    print("ready", flush=True)


def tell(answer: JsonValue) -> None:
    """One line of JSON to the parent."""
    print(json.dumps(answer), flush=True)
