"""A hub over a real database with something to publish."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.storage.session import make_engine, opener
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    engine = make_engine(database_url, size=8)
    yield Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(KEY),
        media=MediaStore(tmp_path),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
    await engine.dispose()
