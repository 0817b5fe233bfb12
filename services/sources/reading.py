"""Has strangers' documents read by a process that may break (`parse_worker`), and nowhere else."""

import asyncio
import atexit
import json
import os
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from services.sources.feed import FeedUnreadableError, ReadFeed, ReadPage
from services.sources.parse_task import SECONDS, Answer, Task

_log = structlog.get_logger()

# Beyond its work: a busy machine, and the start of the process.
_WALL_SECONDS: Final = SECONDS * 1.5
_PIECE_BYTES: Final = 64 * 1024
_ANSWER_BYTES: Final = 64 * 1024 * 1024
_Answer: TypeAdapter[Answer] = TypeAdapter(Answer)


async def read(body: bytes, *, url: str, content_type: str, now: datetime) -> ReadFeed | ReadPage:
    """What the bytes hold that were fetched from `url`: a feed, or a page that names feeds.

    One document at a time, each within `parse_worker`'s limits of work and memory. Safe to repeat.
    Raises FeedUnreadableError: `feed_unreadable`, `feed_empty`, `feed_dangerous`, `feed_too_heavy`.
    """
    task = Task(url=url, content_type=content_type, now=now.isoformat(), size_bytes=len(body))
    answer = await asyncio.get_running_loop().run_in_executor(_thread, _process.ask, task, body)
    if answer.stumbled is not None:
        _log.warning("feed.stumbled", where=answer.stumbled)
    if answer.feed is not None:
        return answer.feed
    if answer.page is not None:
        return answer.page
    raise FeedUnreadableError(answer.refused or "feed_unreadable")


class _GoneError(Exception):
    """The process ended before it answered."""


class _Process:
    """The one process that reads, started when it is needed. Used from one thread only."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None

    def ask(self, task: Task, body: bytes) -> Answer:
        """Never raises: a process that breaks, or does not end, is an answer too."""
        if self._running is not None and self._running.poll() is not None:
            self.stop()
        fresh = self._running is None
        try:
            return self._ask_once(task, body)
        except _GoneError:
            # One that waited may have gone home just now; any other has met its limits.
            if not fresh and self.stop() == 0:
                return self._ask_again(task, body)
            self.stop()
            return Answer(refused="feed_too_heavy")

    def stop(self) -> int | None:
        """Ends the process, if there is one, and tells how it ended."""
        process, self._running = self._running, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.kill()
        return process.wait()

    def _ask_again(self, task: Task, body: bytes) -> Answer:
        try:
            return self._ask_once(task, body)
        except _GoneError:
            self.stop()
            return Answer(refused="feed_too_heavy")

    def _ask_once(self, task: Task, body: bytes) -> Answer:
        if self._running is None:
            self._running = _started()
        process = self._running
        question = json.dumps(asdict(task)).encode() + b"\n" + body
        line = _exchanged(process, question, time.monotonic() + _WALL_SECONDS)
        try:
            return _Answer.validate_json(line)
        except ValidationError as error:
            raise _GoneError from error


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.sources.parse_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        # Nothing of ours in its environment, above all no keys; only where our code stands.
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _exchanged(process: subprocess.Popen[bytes], question: bytes, until: float) -> bytes:
    """Writes the question and reads one line, both within the time. Raises _GoneError."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # both are pipes
    into, out = process.stdin.fileno(), process.stdout.fileno()
    os.set_blocking(into, False)
    rest, told = memoryview(question), bytearray()
    while not told.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0 or len(told) > _ANSWER_BYTES:
            raise _GoneError
        readable, writable, _ = select.select([out], [into] if rest else [], [], left)
        if writable:
            try:
                rest = rest[os.write(into, rest[:_PIECE_BYTES]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise _GoneError from error
        if readable:
            piece = os.read(out, _PIECE_BYTES)
            if not piece:
                raise _GoneError
            told += piece
    return bytes(told)


_process = _Process()
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feeds")
atexit.register(_process.stop)
