"""`loa sandbox` as people run it: a real process that says how to connect what it simulates."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from services.cli.parts import check_port
from shared.errors import ConflictError
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


def test_an_address_of_another_machine_is_not_called_a_taken_port(loa: Loa) -> None:
    said = loa("sandbox", "--host", "203.0.113.1", "--port", str(free_port()))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "Không nghe được ở 203.0.113.1" in said.err


def test_the_highest_port_leaves_none_for_the_sandbox() -> None:
    with pytest.raises(ConflictError) as refused:
        check_port("127.0.0.1", 65536)
    assert refused.value.code == "address_unusable"


@pytest.mark.parametrize(
    ("before", "arguments", "code", "told"),
    [
        ("def no(_): raise KeyboardInterrupt\nmain.import_module = no", ["up"], 130, ""),
        ("sys.stdout = sys.stdin = None", ["unit", "--help"], 0, ""),
        ("sys.stderr.reconfigure(encoding='ascii')", ["nope"], 2, "Không có lệnh"),
    ],
    ids=["interrupted while it is loaded", "closed", "in a language without Vietnamese"],
)
def test_whatever_it_is_started_with_it_ends_without_a_traceback(
    before: str, arguments: list[str], code: int, told: str
) -> None:
    script = f"import sys\nfrom services.cli import main\n{before}\nmain.run()"
    said = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    assert (said.returncode, "Traceback" in said.stderr) == (code, False)
    assert told in said.stderr


def test_a_command_line_without_a_command_shows_the_help_alone(loa: Loa) -> None:
    said = loa()
    assert (said.code, said.err) == (2, "")
