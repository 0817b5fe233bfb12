"""The command line in this process: a real database, a data folder, nothing from outside."""

import io
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from services.cli import settings
from services.cli.main import execute

KEY = "k3yThatNobodyElseHas-q8Zr2Lm0Vt5Xw1Bn7Hs4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


Loa: TypeAlias = Callable[..., Said]


def run(*words: str, stdin: str = "") -> Said:
    """Runs one command in a thread of its own, as its event loop must not meet the tests' loop."""
    out, err = io.StringIO(), io.StringIO()
    codes: list[int] = []
    before = sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            thread = threading.Thread(target=lambda: codes.append(execute(list(words))))
            thread.start()
            thread.join()
    finally:
        sys.stdin = before
    return Said(code=codes[0] if codes else -1, out=out.getvalue(), err=err.getvalue())


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """No LOA_ variable of whoever runs the tests."""
    for name in settings.environment():
        monkeypatch.delenv(name)


@pytest.fixture
def loa(
    monkeypatch: pytest.MonkeyPatch, no_variables: None, tmp_path: Path, fresh_database_url: str
) -> Loa:
    """The command line over an empty, migrated database of the test's own."""
    monkeypatch.setenv("LOA_DATABASE_URL", fresh_database_url)
    monkeypatch.setenv("LOA_SECRET_KEY", KEY)
    monkeypatch.setenv("LOA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOA_PUBLIC_URL", "https://loa.example.gov.vn")
    return run
