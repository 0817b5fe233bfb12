"""`loa sandbox` as people run it: a real process that says how to connect what it simulates."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from tests.services.cli.conftest import Loa
from tests.support.ports import free_port

_CHANNELS = ("zalo_oa", "facebook_page")


def test_a_sandbox_tells_how_its_accounts_are_connected() -> None:
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOA_")}
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "sandbox", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=kept | {"PYTHONIOENCODING": "utf-8"},
    ) as process:
        assert process.stdout is not None
        try:
            ledger, *lines = (process.stdout.readline() for _ in range(3))
        finally:
            process.kill()
    assert f"http://127.0.0.1:{port}/ledger" in ledger
    told = [shlex.split(line) for line in lines]
    assert [words[3] for words in told] == list(_CHANNELS)
    assert all({"settings", "credentials"} == json.loads(words[-1]).keys() for words in told)


def test_a_sandbox_refuses_a_name_that_nobody_knows(
    loa: Loa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOA_SANDBOX_PORT", "8081")
    said = loa("sandbox", "--port", str(free_port()))
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "LOA_SANDBOX_PORT" in said.err


def test_a_command_line_without_a_command_shows_the_help_alone(loa: Loa) -> None:
    said = loa()
    assert (said.code, said.err) == (2, "")
