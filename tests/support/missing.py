"""What a test needs and a machine may lack: one clear line, and in CI a failure."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skips the test with this line; where CI=true, it fails: there everything must be present."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
