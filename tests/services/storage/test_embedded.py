import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog

from services.storage import embedded
from services.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.missing import missing

_REPOSITORY = Path(__file__).parents[3]
_LIBRARIES = Path(structlog.__file__).parents[1]
_STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from services.storage.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
print(postgres.start(), flush=True)
if sys.argv[2] == "wait":
    time.sleep(600)
postgres.stop()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Made by mkdtemp, hence closed to all others: below it, root's server has to find its way in.
    place = Path(tempfile.mkdtemp(prefix="loa-embedded-"))
    yield place
    shutil.rmtree(place)


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/cluster/postmaster.pid").read_text().splitlines()[0])


def _works(pid: int) -> bool:
    """Whether it still runs; one that has ended, but that nobody asked about yet, does not."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def _until_gone(data_dir: Path, *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with (data_dir / "postgres/lock").open() as lock:
            held = subprocess.run(["flock", "--nonblock", "0"], stdin=lock, check=False).returncode
        if not held:
            return True
        time.sleep(0.02)
    return False


async def _write(address: str) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('Đặng')")
    await connection.close()


async def _read(address: str) -> str:
    connection = await asyncpg.connect(address)
    word = await connection.fetchval("SELECT lower(word) FROM kept")
    await connection.close()
    return str(word)


async def test_a_first_start_serves_and_every_later_one_finds_the_data(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    first = postgres.start()
    assert postgres.start() == first
    assert embedded.url(data_dir) == first
    await _write(first)
    postgres.stop()
    postgres.stop()
    assert embedded.url(data_dir) is None

    with EmbeddedPostgres(data_dir) as again:
        assert again == first
        assert await _read(again) == "đặng"


async def test_the_password_is_asked_for_and_kept_from_others(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as address:
        secret = data_dir / "postgres/secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
        wrong = address.replace(secret.read_text(), "guessed")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)


async def test_a_durable_server_keeps_its_promises_to_the_disk(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as address:
        connection = await asyncpg.connect(address)
        names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        told = [await connection.fetchval(f"SHOW {name}") for name in names]
        encoding = await connection.fetchval("SHOW server_encoding")
        await connection.close()
    assert told == ["on"] * 4
    assert encoding == "UTF8"


async def test_a_killed_program_leaves_no_server_behind_and_the_next_start_is_clean(
    data_dir: Path,
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _STARTS_AND_WAITS, data_dir, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_REPOSITORY,
        text=True,
    )
    with program:
        assert program.stdout is not None
        address = next(line for line in program.stdout if "postgresql://" in line).strip()
        await _write(address)
        server = _postmaster(data_dir)
        program.kill()
    assert _until_gone(data_dir)
    assert not _works(server)

    with EmbeddedPostgres(data_dir, durable=False) as again:
        assert again == address
        assert await _read(again) == "đặng"
    log = (data_dir / "postgres/log").read_text()
    assert "was not properly shut down" not in log


async def test_a_killed_server_is_no_obstacle_to_the_next_start(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    await _write(postgres.start())
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    while postgres.alive:
        time.sleep(0.01)

    assert await _read(postgres.start()) == "đặng"
    postgres.stop()


async def test_a_number_that_now_belongs_to_another_process_does_not_stop_the_start(
    data_dir: Path,
) -> None:
    former = EmbeddedPostgres(data_dir, durable=False)
    former.start()
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    assert _until_gone(data_dir)
    former.stop()
    note = data_dir / "postgres/cluster/postmaster.pid"
    _, *rest = note.read_text().splitlines(keepends=True)
    note.write_text("".join([f"{os.getpid()}\n", *rest]))

    with EmbeddedPostgres(data_dir, durable=False) as address:
        assert embedded.url(data_dir) == address


async def test_a_taken_port_is_left_to_its_holder(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir, durable=False)
    await _write(first.start())
    first.stop()
    other = data_dir / "other"
    (other / "postgres").mkdir(parents=True, mode=0o700)
    shutil.copy(data_dir / "postgres/port", other / "postgres/port")
    holder = EmbeddedPostgres(other, durable=False)
    holder.start()

    with EmbeddedPostgres(data_dir, durable=False) as moved:
        assert await _read(moved) == "đặng"
        assert moved != embedded.url(other)
    holder.stop()


async def test_a_command_joins_the_running_server_or_runs_it_for_its_own_time(
    data_dir: Path,
) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as address:
        with embedded.running(data_dir) as joined:
            assert joined == address
        assert embedded.url(data_dir) == address

    with embedded.running(data_dir) as own:
        connection = await asyncpg.connect(own)
        await connection.close()
    assert embedded.url(data_dir) is None


def test_a_folder_is_served_only_once(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False):
        with pytest.raises(EmbeddedPostgresError) as caught:
            EmbeddedPostgres(data_dir).start(patience_seconds=0.05)
        assert caught.value.code == "embedded_postgres_busy"


def test_a_cluster_of_another_version_or_without_its_password_is_named_as_such(
    data_dir: Path,
) -> None:
    with EmbeddedPostgres(data_dir, durable=False):
        pass
    cluster = data_dir / "postgres/cluster"

    (data_dir / "postgres/secret").unlink()
    with pytest.raises(EmbeddedPostgresError) as lost:
        EmbeddedPostgres(data_dir).start()
    (cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError) as old:
        EmbeddedPostgres(data_dir).start()

    assert lost.value.code == "embedded_postgres_secret_lost"
    assert old.value.code == "embedded_postgres_version"


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False):
        pass
    (data_dir / "postgres/cluster/global/pg_control").unlink()

    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(data_dir).start()
    assert caught.value.code == "embedded_postgres_failed"
    assert "pg_control" in str(caught.value.values["reason"])  # and not that it shut down


def test_an_emptied_note_of_the_port_does_not_stop_the_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False):
        pass
    (data_dir / "postgres/port").write_text("")

    with EmbeddedPostgres(data_dir, durable=False) as address:
        assert embedded.url(data_dir) == address


def test_of_what_a_program_says_the_fault_is_told() -> None:
    said = 'FATAL:  could not write "x": No space left\ninitdb: removing contents of "y"\n'
    assert embedded._reason(said) == 'FATAL:  could not write "x": No space left'
    assert embedded._reason("one\ntwo\n") == "two"
    assert embedded._reason("") == ""


def test_a_cut_off_first_start_is_begun_anew(data_dir: Path) -> None:
    half = data_dir / "postgres/cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(data_dir, durable=False) as address:
        assert embedded.url(data_dir) == address


# Whoever is not root runs everything as an ordinary user anyway: nothing is missing in CI.
_AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0,
    reason="chỉ root đổi được sang người dùng khác · only root can become another user",
)


@_AS_ROOT
def test_an_ordinary_user_needs_no_rights(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    said = subprocess.run(
        [_python_for_everyone(), "-c", _STARTS_AND_WAITS, data_dir, "end"],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": f"{_REPOSITORY}:{_LIBRARIES}", "HOME": str(data_dir)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "postgresql://loa:" in said.stdout, said.stderr

    # Root afterwards works on the same folder as the user whose it is.
    with EmbeddedPostgres(data_dir, durable=False) as address:
        assert address in said.stdout
    assert (data_dir / "postgres/cluster/PG_VERSION").stat().st_uid == nobody.pw_uid


@_AS_ROOT
def test_programs_below_a_closed_folder_are_copied_once_to_where_they_can_run(
    data_dir: Path,
) -> None:
    original = embedded.packaged_programs()
    package = original.parents[1]
    closed = data_dir / package.name / original.parent.name
    shutil.copytree(original.parent, closed, symlinks=True)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, data_dir / libraries)
    refuge = Path(tempfile.mkdtemp(prefix="loa-refuge-"))
    refuge.chmod(0o755)

    copied = embedded.reachable_programs(closed / "bin", refuge=refuge)
    again = embedded.reachable_programs(closed / "bin", refuge=refuge)

    nobody = pwd.getpwnam("nobody").pw_uid
    for program in ("postgres", "initdb", "pg_dump"):
        subprocess.run([copied / program, "--version"], user=nobody, check=True, cwd="/")
    assert again == copied
    assert len(list(refuge.iterdir())) == 1
    shutil.rmtree(refuge)


def _python_for_everyone() -> str:
    """An interpreter that other users may run too; a private one (below a home) may be closed."""
    nobody = pwd.getpwnam("nobody").pw_uid
    check = "import sys, services.storage.embedded; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            tried = subprocess.run(
                [python, "-c", check],
                user=nobody,
                env={"PYTHONPATH": f"{_REPOSITORY}:{_LIBRARIES}"},
                cwd="/",
                capture_output=True,
                check=False,
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    what = "người dùng thường không chạy được Python nào ở đây · no Python an ordinary user can run"
    return missing(what)
