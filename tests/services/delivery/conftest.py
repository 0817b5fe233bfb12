"""A hub whose accounts are walls, for the tests of the loop; and simulated channels."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.channels.registry import Registry
from tests.support import sandbox as sandboxes
from tests.support.hub import Bench, make_bench
from tests.support.one_call import OneCall, WallServer, serving
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """Simulated channels of a module's own."""
    async with sandboxes.running() as one:
        yield one


@pytest.fixture(scope="module")
async def walls() -> AsyncIterator[WallServer]:
    """The server that all walls stand on."""
    async with serving(WallServer()) as server:
        yield server


@pytest.fixture(scope="module")
async def walled(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """A hub that knows the one-call channel only."""
    channel = OneCall()
    made = make_bench(database_url, Path(tmp_path_factory.mktemp("media")), Registry.of(channel))
    yield made
    await channel.clients.aclose()
    await made.engine.dispose()
