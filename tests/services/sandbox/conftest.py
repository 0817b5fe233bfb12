"""One sandbox on loopback for all tests of this folder, empty at the start of each."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from services.sandbox.app import create_app
from services.sandbox.world import World
from tests.support.ports import free_port


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that serves, and its inside for what no call can tell."""

    url: str
    world: World


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Running]:
    """The server itself."""
    app = create_app(seed=7, public_media_fetch=False)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=free_port(),
        log_config=None,
        log_level="error",
        access_log=False,
        ws="none",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield Running(f"http://127.0.0.1:{config.port}", app.state.world)
    server.should_exit = True
    await task


@pytest.fixture
async def sandbox(served: Running) -> AsyncIterator[Running]:
    """The server with an empty world."""
    served.world.clear()
    yield served
    served.world.clear()


@pytest.fixture(scope="session")
async def connected(served: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The one client of all tests: making one costs more than most tests do."""
    async with httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as made:
        yield made


@pytest.fixture
async def client(connected: httpx.AsyncClient, sandbox: Running) -> httpx.AsyncClient:
    """A plain client of an empty sandbox: no redirects."""
    return connected
