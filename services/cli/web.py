"""Joins the doors into one site, and serves it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

import structlog
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import select
from sqlmodel import col
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from services.api import app as api
from services.api import health
from services.cli import serving
from services.cli.opening import Opening, opened
from services.console import app as console
from services.console.drawing import Demo
from services.delivery.hub import Hub
from services.feeds import websub
from services.feeds.fast_door import FastDoor
from services.feeds.router import create_router
from services.feeds.serving import Feeds
from services.queue import bell
from services.staff.tables import Unit
from services.webhooks import door as webhooks

_CONNECTIONS: Final = 20
# An event stream never ends by itself: at a stop it is cut, and the browser connects again.
_GRACE_SECONDS: Final = 5

_log = structlog.get_logger()


class Site:
    """All doors of one hub as one application.

    The name of the agency stands on many pages and is known once the first admin has given it: then
    the doors are made anew, and the next request meets them.
    """

    def __init__(self, hub: Hub, *, redis: health.Ping | None, demo: Demo | None) -> None:
        self._hub = hub
        self._redis = redis
        self._demo = demo
        self._doors = self._join(hub)
        self._feeds = Feeds(hub, self._doors)
        self._door = FastDoor(self._feeds)

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What each connection to this site begins with."""
        return self._door.protocol

    def heard(self) -> None:
        """Something that a feed may show has changed."""
        self._feeds.heard()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request to the doors as they are now."""
        await self._feeds(scope, receive, send)

    def _join(self, hub: Hub) -> FastAPI:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        app.include_router(create_router(hub))
        door = console.create_door(hub, demo=self._demo, first_admin=self._renamed)
        app.add_exception_handler(404, door.lost)
        app.router.routes += [
            *webhooks.routes(hub),
            *websub.routes(hub),
            *health.routes(hub, redis=self._redis),
            *door.routes,
        ]
        # Looked at first: routes are tried one by one, and programs ask often.
        app.router.routes.insert(0, Mount(api.PREFIX, app=api.create_app(hub)))
        return app

    async def _renamed(self) -> None:
        async with self._hub.open_work() as session:
            agency = await session.scalar(
                select(col(Unit.name))
                .where(col(Unit.parent_id).is_(None))
                .order_by(col(Unit.id))
                .limit(1)
            )
        self._hub = replace(self._hub, agency=agency or self._hub.agency)
        self._doors = self._join(self._hub)
        self._feeds.reopen(self._hub, self._doors)


def serve(opening: Opening, url: str, *, host: str, port: int, demo: Demo | None = None) -> None:
    """Serves the site until SIGTERM or SIGINT. Raises DatabaseError, and OSError for the port."""
    serving.in_new_loop(lambda: _serve(opening, url, host, port, demo))


async def _serve(opening: Opening, url: str, host: str, port: int, demo: Demo | None) -> None:
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            opened(opening, url, application="loa-web", connections=_CONNECTIONS)
        )
        redis = _ping(stack, opening)
        site = Site(hub, redis=redis, demo=demo)
        await stack.enter_async_context(bell.listening(url, site.heard, channel=bell.FEEDS))
        _log.info("web.started", address=f"http://{host}:{port}", public_url=hub.public_url)
        await serving.serve(
            site,
            host=host,
            port=port,
            grace_seconds=_GRACE_SECONDS,
            lifespan=False,
            protocol=site.protocol,
        )
        _log.info("web.stopped")


def _ping(stack: AsyncExitStack, opening: Opening) -> Callable[[], Awaitable[object]] | None:
    url = opening.settings.redis_url
    if url is None:
        return None
    client: Redis = Redis.from_url(
        url.get_secret_value(), socket_connect_timeout=3, socket_timeout=3
    )
    stack.push_async_callback(client.aclose)
    return client.ping
