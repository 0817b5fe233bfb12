"""Keeps the parts of `loa up` alive, and ends them with it, however it ends.

The parts are forked from one process that has loaded all code once: a start then costs one load,
not four. That process therefore starts no thread and no event loop of its own. Linux only: each
part asks the kernel to end it when its parent is gone (`PR_SET_PDEATHSIG`).
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from services.cli.telling import complain
from services.storage.embedded import EmbeddedPostgres
from shared.clock import steady_seconds
from shared.errors import LoaError

_PR_SET_PDEATHSIG: Final = 1
_TICK_SECONDS: Final = 0.05
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 30.0
# A part that lived this long was well: its next end is a new trouble, not the old one.
_WELL_SECONDS: Final = 60.0
# More than a worker's own grace (R40), so that a running send is never cut by us.
_GRACE_SECONDS: Final = 75.0
_QUICK_DEATHS: Final = 4

_libc = ctypes.CDLL(None, use_errno=True)
_log = structlog.get_logger()


class PartFailedError(LoaError):
    """A part ends again and again right after its start."""

    default_code = "part_failed"


@dataclass(slots=True, kw_only=True)
class Part:
    """One process of a hub. `run` is called with the database's address, in a process of its own.

    `rank` orders the end: parts of the highest rank end first, together. `once` is for work that
    has an end: done when it returns, tried again when it fails.
    """

    name: str
    run: Callable[[str], None]
    rank: int = 1
    once: bool = False
    pid: int | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    due: float = field(default=0.0, init=False)
    deaths: int = field(default=0, init=False)
    done: bool = field(default=False, init=False)


class Supervisor:
    """Starts parts, watches them and the database below them, and ends them in order.

    Use it from the main thread only, and call `listen` before anything is started.
    """

    def __init__(self, postgres: EmbeddedPostgres, *, log: Path | None) -> None:
        self._postgres = postgres
        self._log_file = log
        self._url = ""
        self._parts: list[Part] = []
        self._asked = 0

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked > 0

    def listen(self) -> None:
        """Takes SIGTERM, SIGINT and SIGHUP as the wish to end."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def start_database(self) -> str:
        """Starts the database and gives its address."""
        self._url = self._postgres.start()
        return self._url

    def first(self, name: str, run: Callable[[str], None]) -> bool:
        """Runs something to its end before the rest, in a process of its own; whether it worked."""
        part = Part(name=name, run=run, once=True)
        part.pid = self._fork(part, quiet=False)
        while (status := _ended(part)) is None:
            if self._asked:
                os.kill(part.pid, signal.SIGKILL)
            time.sleep(_TICK_SECONDS)
        return status == 0

    def start(self, parts: Sequence[Part]) -> None:
        """Starts these parts, and keeps them running from now on."""
        for part in parts:
            self._parts.append(part)
            self._begin(part)

    def turn(self) -> None:
        """Looks after everything once; call it again and again, with a little rest between."""
        if not self._postgres.alive:
            self._database_again()
        now = steady_seconds()
        for part in self._parts:
            if part.pid is None:
                if not part.done and part.due <= now:
                    self._begin(part)
                continue
            status = _ended(part)
            if status is None:
                continue
            part.pid = None
            if part.once and status == 0:
                part.done = True
                continue
            self._again(part, status, now)
        time.sleep(_TICK_SECONDS)

    def watch(self) -> None:
        """Looks after everything until somebody asks for the end."""
        while not self._asked:
            self.turn()

    def check_started(self) -> None:
        """Raises PartFailedError for a part that does not come to life."""
        for part in self._parts:
            if part.deaths >= _QUICK_DEATHS and not part.once:
                raise PartFailedError(part=part.name, log=self._log_file or "stderr")

    def stop(self) -> None:
        """Ends the parts by rank, then the database. Asked for once more, it no longer waits."""
        before = self._asked
        for rank in sorted({part.rank for part in self._parts}, reverse=True):
            going = [part for part in self._parts if part.rank == rank and part.pid is not None]
            for part in going:
                _send(part, signal.SIGTERM)
            deadline = steady_seconds() + _GRACE_SECONDS
            while any(_ended(part) is None for part in going):
                if self._asked > max(before, 1) or steady_seconds() > deadline:
                    for part in going:
                        _send(part, signal.SIGKILL)
                time.sleep(_TICK_SECONDS)
        self._postgres.stop()

    def _ask(self, _: int, __: FrameType | None) -> None:
        self._asked += 1

    def _begin(self, part: Part) -> None:
        part.started = steady_seconds()
        part.pid = self._fork(part, quiet=True)

    def _again(self, part: Part, status: int, now: float) -> None:
        lived = now - part.started
        part.deaths = 1 if lived > _WELL_SECONDS else part.deaths + 1
        wait = min(_FIRST_WAIT_SECONDS * 2 ** (part.deaths - 1), _LONGEST_WAIT_SECONDS)
        part.due = now + wait
        _log.warning("part.ended", part=part.name, status=status, again_in_seconds=wait)

    def _database_again(self) -> None:
        """A database that died is started again; at another address all parts must follow it."""
        _log.error("database.ended")
        try:
            url = self._postgres.start()
        except LoaError as error:
            complain(error)
            time.sleep(1)
            return
        if url != self._url:
            self._url = url
            for part in self._parts:
                if part.pid is not None:
                    _send(part, signal.SIGKILL)

    def _fork(self, part: Part, *, quiet: bool) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _live(part, self._url, parent, self._log_file if quiet else None)
        return pid


def _live(part: Part, url: str, parent: int, log: Path | None) -> None:
    """The whole life of a forked part; never returns."""
    status = 1
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # gone before we could ask
            os._exit(1)
        # Ctrl-C in the terminal is for the supervisor, who then ends the parts in order.
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _redirect(log)
        part.run(url)
        status = 0
    except LoaError as error:
        complain(error)
    except BaseException:  # noqa: BLE001  # the outermost turn of a process
        _log.exception("part.broke", part=part.name)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: what the supervisor holds, its locks above all, is not ours to tidy up.
        os._exit(status)


def _redirect(log: Path | None) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if log is not None:
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(written, 1)
        os.dup2(written, 2)


def _ended(part: Part) -> int | None:
    """The exit code of a part, negative for a signal; None while it lives."""
    if part.pid is None:
        return 0
    try:
        pid, status = os.waitpid(part.pid, os.WNOHANG)
    except ChildProcessError:
        return 1
    if pid == 0:
        return None
    part.pid = None
    return os.waitstatus_to_exitcode(status)


def _send(part: Part, number: signal.Signals) -> None:
    if part.pid is not None:
        try:
            os.kill(part.pid, number)
        except ProcessLookupError:
            part.pid = None
