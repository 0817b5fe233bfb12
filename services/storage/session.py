"""The engine, and the one place that commits: `unit_of_work`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeAlias

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

DRIVER: Final = "postgresql+asyncpg://"  # asyncpg, with an address of its own

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncSession]]

# What is raised when the database is away, or when all connections of this process are in use.
AWAY: Final = (DBAPIError, NoConnectionError, OSError)

_ALONE: Final = "storage.alone"  # key in Session.info


# Every statement of the delivery loop finds its rows by key. The planner's guesses about tables
# that were empty a second ago would cost more than they could ever win there.
_BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}


# How a worker's connections call themselves to PostgreSQL, so that others see whether one works.
WORKER: Final = "loa-worker"


def make_engine(
    url: str, *, size: int = 20, application: str = "loa", by_key: bool = False
) -> AsyncEngine:
    """An engine for a `postgresql://` address (asyncpg underneath); connects on first use.

    asyncpg reads the address itself, as libpq would: SQLAlchemy passes on what stands in its query
    (`?sslmode=require`) under names that asyncpg does not know.

    `by_key` is for the delivery loop, whose statements all look rows up by key.

    `size` is how many connections this process may hold at once; what was opened stays open. Every
    connection works in UTC and commits durably: publications, tokens and audit rows must survive a
    power cut.
    """
    return create_async_engine(
        DRIVER,
        pool_size=size,
        # A connection that is closed after the rush has to be made anew in the next one, with all
        # its statements, when there is least time for it: who waits for the head of the record then
        # makes more wait, and more connections.
        max_overflow=0,
        # The newest first: its statements are prepared and planned, and what is idle stays so.
        pool_use_lifo=True,
        pool_pre_ping=False,
        pool_recycle=1800,
        # An error must not quote the values of its statement: sealed pairs, citizens' words (R93).
        hide_parameters=True,
        connect_args={
            "dsn": url,
            "server_settings": {
                "application_name": application,
                "timezone": "UTC",
                "statement_timeout": "60000",
                "idle_in_transaction_session_timeout": "60000",
                **(_BY_KEY if by_key else {}),
            },
        },
    )


def opener(engine: AsyncEngine) -> Opener:
    """What a unit of work is opened with: `async with open_work() as session`."""
    alone = engine.sync_engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def unit_of_work() -> AsyncIterator[AsyncSession]:
        async with (
            AsyncSession(engine, expire_on_commit=False, info={_ALONE: alone}) as session,
            session.begin(),
        ):
            yield session

    return unit_of_work


def each_alone(session: AsyncSession) -> None:
    """Lets each statement of a unit of work stand for itself: for one that only reads.

    In a transaction each statement would see an instant of its own too, as PostgreSQL does unless
    told otherwise; beginning and ending one would only be two more ways to the database and back.
    Call it first of all: what has a connection already keeps it.
    """
    session.sync_session.bind = session.info[_ALONE]
