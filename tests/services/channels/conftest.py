from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.storage.session import Opener, opener
from tests.support.rooms import clean_engine


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    async with clean_engine(database_url) as engine:
        yield engine


@pytest.fixture
def open_work(engine: AsyncEngine) -> Opener:
    return opener(engine)
