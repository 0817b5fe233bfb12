"""A process that pushes to WebSub subscribers until somebody kills it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.storage.session import make_engine, opener
from services.syndication.websub_push import Pace, Pusher
from shared.fetch import Guard
from tests.support.newsroom import KEY, PUBLIC_URL


def push(url: str, media: str, inside: str, lease_seconds: float) -> None:
    """Pushes what is owed, with calls held for so long, and never ends by itself."""
    asyncio.run(_push(url, media, inside, lease_seconds))


async def _push(url: str, media: str, inside: str, lease_seconds: float) -> None:
    hub = Hub(
        open_work=opener(make_engine(url, size=6, by_key=True)),
        registry=Registry.of(channel),
        sealer=Sealer(KEY),
        media=MediaStore(Path(media)),
        public_url=PUBLIC_URL,
        guard=Guard(inside=frozenset({inside})),
    )
    await Pusher(hub, pace=replace(Pace(), lease=timedelta(seconds=lease_seconds))).run()
