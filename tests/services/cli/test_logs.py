"""What a log line tells of an error: where it happened, never with what."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog

from services.cli import logs
from shared.errors import ConflictError

SECRET = "EAABq7Zt9xK2mVf4Lw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A process's standard error, and the form of the logs in it."""

    form: str
    stream: io.StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """Both forms; what the logs were before is put back."""
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(request.param, quiet=False)
    yield Written(form=request.param, stream=stream)
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**before)


def _break(token: str) -> None:
    headers = {"X-Wall": token}
    try:
        int(f"?access_token={token}")
    except ValueError as error:
        raise ExceptionGroup(token, [OSError(111, str(headers))]) from error


def test_an_error_is_told_by_its_places_without_messages_and_variables(
    written: Written,
) -> None:
    try:
        _break(SECRET)
    except ExceptionGroup:
        structlog.get_logger().exception("adapter.broke", attempt="7")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    said = written.text
    assert SECRET not in said
    assert said.count("builtins.ExceptionGroup") == said.count("builtins.ValueError") == 2
    assert said.count("builtins.ConnectionRefusedError [111]") == 2
    assert said.count("in _break") >= 2
    if written.form == "json":
        assert {json.loads(line)["level"] for line in said.splitlines()} == {"error"}


def test_our_own_errors_are_told_whole() -> None:
    told = logs.named(ConflictError("port_taken", port=8080))
    assert told == "shared.errors.ConflictError: port_taken (port=8080)"


def test_what_a_library_words_is_cut_to_a_line_and_masked(written: Written) -> None:
    log = logging.getLogger("asyncio")
    log.error("Task exception was never retrieved\nfuture: <Task exception=%r>", SECRET)
    log.error("GET /me?access_token=%s&fields=id failed", SECRET)
    log.error('{"app_secret": "%s", "id": 7}', SECRET)
    log.error("Authorization: Bearer %s", SECRET)
    said = written.text
    assert SECRET not in said
    assert "never retrieved" in said
    assert "fields=id failed" in said


def test_values_under_a_secret_name_are_hidden(written: Written) -> None:
    structlog.get_logger().info("x", access_token=SECRET, fetch_key=SECRET, cookie=SECRET)
    assert SECRET not in written.text


def test_what_nothing_catches_is_told_in_the_same_way() -> None:
    program = (
        "import threading\n"
        "from services.cli import logs\n"
        "logs.configure('text', quiet=True)\n"
        "logs.take_uncaught()\n"
        f"def work(): raise LookupError('{SECRET}'[::1])\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "work()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("builtins.LookupError") == 2
    assert SECRET not in done.stderr
