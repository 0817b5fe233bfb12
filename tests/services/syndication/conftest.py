"""A hub with portals for the tests of this room."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.storage.session import make_engine, opener
from tests.services.syndication.house import House
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A hub over this module's database."""
    engine = make_engine(database_url, size=4)
    yield House(
        hub=Hub(
            open_work=opener(engine),
            registry=Registry.of(channel),
            sealer=Sealer(KEY),
            media=MediaStore(tmp_path),
            public_url=PUBLIC_URL,
            agency=AGENCY,
        )
    )
    await engine.dispose()
