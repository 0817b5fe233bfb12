"""A hub whose accounts are walls, for the tests of the loop; simulated channels; and a desk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.channels.registry import Registry
from tests.services.delivery.desk import Desk, open_desk
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


@pytest.fixture(scope="module")
async def bench(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """A hub that knows every channel, and calls none."""
    made = make_bench(database_url, Path(tmp_path_factory.mktemp("media")), Registry.load({}))
    yield made
    await made.engine.dispose()


@pytest.fixture
async def desk(bench: Bench) -> Desk:
    """People and accounts of a test's own in that hub."""
    return await open_desk(bench)
