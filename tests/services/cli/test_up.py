"""`loa up` as people run it: a real process, real parts, real signals."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from services.sandbox.demo.people import PEOPLE
from tests.support.ports import free_port

# Far above what it takes, so that a slow machine is no finding.
_READY_SECONDS = 180.0
_PATIENCE_SECONDS = 90.0
_MODULE = (sys.executable, "-m", "services.cli.main")


@dataclass(slots=True, kw_only=True)
class Up:
    """One `loa up` and what it prints."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def until_ready(self) -> None:
        _wait(
            lambda: "Loa is ready" in self.said or self.process.poll() is not None, _READY_SECONDS
        )
        assert self.process.poll() is None, self.said

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=_PATIENCE_SECONDS)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOA_")}
    return kept | {"PYTHONIOENCODING": "utf-8"}


def _two_ports() -> int:
    """A free port whose neighbour is free too: the sandbox lives there."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError):
            import socket

            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + 1))
                return port


def _start(data: Path, log: Path, *words: str, port: int | None = None) -> Up:
    port = port or _two_ports()
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*_MODULE, "up", "--data", data, "--port", str(port), *words],
            stdout=written,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    return Up(process=process, port=port, log=log, data=data)


def _loa(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_MODULE, *words, "--data", data],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
        timeout=_READY_SECONDS,
    )


def _wait(done: object, seconds: float) -> None:
    assert callable(done)
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s")
        time.sleep(0.1)


_get = partial(httpx.get, timeout=_PATIENCE_SECONDS)
_post = partial(httpx.post, timeout=_PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A rehearsal that many facts are looked up in."""
    folder = tmp_path_factory.mktemp("demo")
    up = _start(folder / "data", folder / "said", "--demo")
    try:
        up.until_ready()
        yield up
    finally:
        up.stop()


def test_a_rehearsal_tells_what_to_open_and_who_can_sign_in(demo: Up) -> None:
    assert demo.url in demo.said
    assert f"http://127.0.0.1:{demo.port + 1}/ledger" in demo.said
    for person in PEOPLE:
        assert f"{person.email} / {person.password}" in demo.said


def test_the_first_page_shows_people_passwords_and_the_ledger(demo: Up) -> None:
    page = _get(f"{demo.url}/", follow_redirects=True)
    assert page.status_code == 200
    assert PEOPLE[0].password in page.text
    assert f"http://127.0.0.1:{demo.port + 1}/ledger" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "server" not in page.headers


def test_every_door_answers(demo: Up) -> None:
    with httpx.Client(base_url=demo.url, timeout=_PATIENCE_SECONDS) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").json()["status"] == "ready"
        assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.")
        assert client.get("/api/v1/me").status_code == 401
        assert client.get("/feeds").status_code == 200
        assert client.get("/nothing/here").status_code == 404
        hook = "/hooks/zalo_oa/00000000-0000-7000-8000-000000000000"
        assert client.post(hook, content=b"{}").status_code in (404, 503)


def test_a_person_of_the_rehearsal_can_sign_in(demo: Up) -> None:
    person = PEOPLE[0]
    answer = _post(
        f"{demo.url}/api/v1/session",
        json={"email": person.email, "password": person.password},
    )
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["staff"]["email"] == person.email


def test_the_sample_items_come_to_stand_as_planned(demo: Up) -> None:
    _wait((demo.data / "sample-data-complete").exists, 2 * _READY_SECONDS)
    status = _loa(demo.data, "status", "--json")
    assert status.returncode == 0, status.stderr
    states = sorted(item["state"] for item in json.loads(status.stdout)["items"])
    assert states == sorted(
        ["published"] * 5
        + ["draft", "review", "returned", "scheduled", "withdrawn", "partial", "failed"]
    )
    ledger = _get(f"http://127.0.0.1:{demo.port + 1}/ledger.json").json()["accounts"]
    seen = {account["channel"]: len(account["visible"]) for account in ledger}
    # Five are up everywhere, and the partly published one on all channels but Facebook.
    assert seen["facebook_page"] == 5
    assert seen["zalo_oa"] == 6


def test_a_second_start_of_the_same_folder_is_refused_clearly(demo: Up) -> None:
    said = _loa(demo.data, "up", "--demo", "--port", str(_two_ports()))
    assert said.returncode == 1
    assert "already running" in said.stderr
    assert demo.url in said.stderr
    assert said.stderr.count("\n") == 1


def test_sample_data_is_not_opened_as_real_data(demo: Up, tmp_path: Path) -> None:
    marked = tmp_path / "data"
    marked.mkdir()
    (marked / "sample-data").touch()
    said = _loa(marked, "up", "--port", str(_two_ports()))
    assert said.returncode == 1
    assert "--demo" in said.stderr


def test_a_taken_port_is_refused_with_another_to_try(demo: Up, tmp_path: Path) -> None:
    said = _loa(tmp_path / "data", "up", "--port", str(demo.port))
    assert said.returncode == 1
    assert f"--port {demo.port + 10}" in said.stderr


def test_a_part_that_dies_is_started_again(demo: Up) -> None:
    before = {child.pid for child in demo.family()}
    listening = next(
        child
        for child in demo.family()
        if any(one.laddr.port == demo.port for one in child.net_connections())
    )
    listening.kill()
    _wait(lambda: {child.pid for child in demo.family()} - before, _PATIENCE_SECONDS)

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return _get(f"{demo.url}/health/ready").status_code == 200
        return False

    _wait(answers, _PATIENCE_SECONDS)


def _until_kept(demo: Up) -> None:
    """The simulated channels write their world down once a second, when something has happened."""
    kept, now = demo.data / "sandbox", time.time()
    assert _get(f"http://127.0.0.1:{demo.port + 1}/graph/v25.0/me").status_code == 400
    _wait(lambda: kept.stat().st_mtime > now, _PATIENCE_SECONDS)


def test_a_killed_rehearsal_leaves_nothing_and_the_next_start_adds_nothing(demo: Up) -> None:
    _wait((demo.data / "sample-data-complete").exists, 2 * _READY_SECONDS)
    before = json.loads(_loa(demo.data, "status", "--json").stdout)["items"]
    _until_kept(demo)
    family = demo.family()
    assert len(family) >= 4
    demo.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=_PATIENCE_SECONDS)
    assert alive == []
    again = _start(demo.data, demo.log.with_name("again"), "--demo", port=demo.port)
    try:
        again.until_ready()
        time.sleep(2)
        after = json.loads(_loa(demo.data, "status", "--json").stdout)["items"]
        assert [item["code"] for item in after] == [item["code"] for item in before]
        assert [item["state"] for item in after] == [item["state"] for item in before]
        ledger = _get(f"http://127.0.0.1:{demo.port + 1}/ledger.json").json()["accounts"]
        seen = {account["channel"]: len(account["visible"]) for account in ledger}
        assert seen["facebook_page"] == 5
    finally:
        assert again.stop() == 0
    assert "Đã dừng · Stopped" in again.said


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A hub for real use, started for the first time."""
    folder = tmp_path_factory.mktemp("real")
    up = _start(folder / "data", folder / "said")
    try:
        up.until_ready()
        yield up
    finally:
        up.stop()


def test_the_first_admin_comes_in_by_a_link_that_works_once(real: Up) -> None:
    link = re.search(rf"{real.url}/start/[\w-]{{43}}", real.said)
    assert link is not None
    assert _get(link[0]).status_code == 200
    form = {
        "unit_name": "Sở Nội vụ tỉnh Hoa Sen",
        "unit_code": "SNV",
        "name": "Vũ Đình Sơn",
        "email": "son@hoasen.example",
        "password": "mot cau rat de nho",
    }
    short = _post(link[0], data=form | {"password": "ngắn"})
    assert short.status_code == 422
    assert "Vũ Đình Sơn" in short.text
    foreign = _post(link[0], data=form, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    assert _post(link[0], data=form).status_code == 303
    assert _get(link[0]).status_code == 404
    assert "Sở Nội vụ tỉnh Hoa Sen" in _get(f"{real.url}/sign-in").text
    told = {"email": form["email"], "password": form["password"]}
    assert _post(f"{real.url}/api/v1/session", json=told).status_code in (200, 201)


def test_commands_find_the_database_of_a_running_hub_and_of_a_stopped_one(real: Up) -> None:
    assert json.loads(_loa(real.data, "status", "--json").stdout)["items"] == []
    assert (real.data / "secret-key").stat().st_mode & 0o777 == 0o600
    assert real.stop() == 0
    assert json.loads(_loa(real.data, "status", "--json").stdout)["items"] == []
    said = _loa(real.data, "up", "--demo", "--port", str(_two_ports()))
    assert said.returncode == 1
    assert "real data" in said.stderr
