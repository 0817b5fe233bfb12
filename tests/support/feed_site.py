"""The public door over real HTTP on loopback, as a web process serves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.feeds.fast_door import FastDoor
from services.feeds.router import create_router
from services.feeds.serving import RECHECK, Feeds
from services.queue import bell
from services.storage.session import Opener, make_engine, opener
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL

PORTAL_AGENT = {"User-Agent": "SamplePortal/1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSite:
    """A public door and a client that stands outside; `url` is where it listens."""

    hub: Hub
    feeds: Feeds
    url: str
    outside: httpx.AsyncClient

    @property
    def open_work(self) -> Opener:
        """Opens a unit of work on the same database."""
        return self.hub.open_work


def public_hub(open_work: Opener, media_root: Path, *, feed_deltas: bool = True) -> Hub:
    """A hub with a portal's channel only."""
    return Hub(
        open_work=open_work,
        registry=Registry.of(channel),
        sealer=Sealer(KEY),
        media=MediaStore(media_root),
        public_url=PUBLIC_URL,
        agency=AGENCY,
        feed_deltas=feed_deltas,
    )


@asynccontextmanager
async def feed_site(
    database_url: str,
    media_root: Path,
    *,
    listens: bool = True,
    recheck: timedelta = RECHECK,
    feed_deltas: bool = True,
) -> AsyncIterator[FeedSite]:
    """Serves until the block ends. Without `listens` no notification is ever heard."""
    async with AsyncExitStack() as stack:
        engine = make_engine(database_url, size=8)
        stack.push_async_callback(engine.dispose)
        hub = public_hub(opener(engine), media_root, feed_deltas=feed_deltas)
        app = FastAPI()
        app.include_router(create_router(hub))
        feeds = Feeds(hub, app, recheck=recheck)
        if listens:
            heard = asyncio.Event()

            def hear() -> None:
                heard.set()
                feeds.heard()

            await stack.enter_async_context(bell.listening(database_url, hear, channel=bell.FEEDS))
            await asyncio.wait_for(heard.wait(), 30)  # it rings once when it begins to listen
        server = uvicorn.Server(
            uvicorn.Config(
                feeds,
                host="127.0.0.1",
                port=0,
                http=FastDoor(feeds).protocol,
                log_config=None,
                log_level="error",
                lifespan="off",
            )
        )
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(
                base_url=url, headers=PORTAL_AGENT, timeout=60, trust_env=False
            ) as outside:
                yield FeedSite(hub=hub, feeds=feeds, url=url, outside=outside)
        finally:
            server.should_exit = True
            await running
