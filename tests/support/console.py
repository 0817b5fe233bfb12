"""The console on a real port over a real database, and people before it: by HTTP and by browser."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from services.api.app import PREFIX, create_app
from services.channels.registry import Registry
from services.console.app import create_door
from services.console.drawing import Demo
from services.delivery.hub import Hub
from services.feeds.router import create_router
from services.staff.caller import Caller
from services.staff.cookies import csrf_of
from services.staff.tables import Session
from shared.clock import utc_now
from shared.fetch import Guard
from tests.support.hub import Bench, Team, make_bench
from tests.support.people import add_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is signed in: their cookie, and a client that repeats the session's code."""

    caller: Caller
    cookie: str
    client: httpx.AsyncClient

    @property
    def csrf(self) -> str:
        """What every form of theirs carries."""
        return csrf_of(self.cookie)

    async def post(self, path: str, **fields: object) -> httpx.Response:
        """Sends a form of the console, as its page would; does not follow where it leads."""
        data: dict[str, Any] = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A hub with its console on a port of this machine."""

    bench: Bench
    url: str
    closing: AsyncExitStack

    @property
    def hub(self) -> Hub:
        """The hub behind the pages."""
        return self.bench.hub

    def client(self) -> httpx.AsyncClient:
        """A visitor whom nobody knows."""
        return httpx.AsyncClient(base_url=self.url, timeout=60)

    async def visitor(self, staff_id: UUID) -> Visitor:
        """Signs a person in; the row is what a sign-in leaves."""
        cookie = secrets.token_urlsafe(32)
        async with self.hub.open_work() as session:
            session.add(
                Session(
                    staff_id=staff_id,
                    token_hash=hashlib.sha256(cookie.encode()).digest(),
                    expires_at=utc_now() + timedelta(hours=8),
                )
            )
        client = await self.closing.enter_async_context(self.client())
        client.cookies.set("loa", cookie)
        return Visitor(caller=await self.bench.caller(staff_id), cookie=cookie, client=client)

    async def with_role(self, team: Team, *roles: str) -> Visitor:
        """A new person of the team with these roles, signed in."""
        async with self.hub.open_work() as session:
            person = await add_person(session, team.unit_id, *roles)
        return await self.visitor(person.staff_id)


@asynccontextmanager
async def open_console(
    database_url: str,
    media_root: Path,
    *,
    registry: Registry | None = None,
    demo: Demo | None = None,
    guard: Guard | None = None,
) -> AsyncIterator[Console]:
    """A console on a free port, with the public pages beside it; ends with the block."""
    bench = make_bench(database_url, media_root, registry or Registry.load({}))
    app = Starlette()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    hub = replace(bench.hub, public_url=url, guard=guard or bench.hub.guard)
    bench = replace(bench, hub=hub)
    door = create_door(bench.hub, demo=demo)
    app.add_exception_handler(404, door.lost)
    app.router.routes += [
        *door.routes,
        Mount(PREFIX, create_app(bench.hub)),
        Mount("/", create_router(bench.hub)),
    ]
    try:
        async with AsyncExitStack() as closing:
            yield Console(bench=bench, url=url, closing=closing)
    finally:
        server.should_exit = True
        server.force_exit = True
        await running
        # Streams never end by themselves, and hold connections that the engine cannot take back.
        streams = list(server.server_state.tasks)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        await bench.close()
