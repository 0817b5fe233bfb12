"""The public door over a real database, and a visitor before it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.feeds.router import create_router
from services.storage.session import make_engine, opener
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL

# An address of the Internet: those of a local network are not counted.
SOMEBODY = "8.8.4.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """A hub whose public pages somebody visits."""

    hub: Hub
    visitor: httpx.AsyncClient


@asynccontextmanager
async def open_public(
    database_url: str, media_root: Path, *, address: str = "127.0.0.1"
) -> AsyncIterator[Public]:
    """The door without a socket; `address` is where the visitor comes from."""
    engine = make_engine(database_url, size=6)
    hub = Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(KEY),
        media=MediaStore(media_root),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
    app = FastAPI()
    app.include_router(create_router(hub))
    transport = httpx.ASGITransport(app=app, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as visitor:
        yield Public(hub=hub, visitor=visitor)
    await engine.dispose()
