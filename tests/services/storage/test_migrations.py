"""What migrations build is what the models say, and a step back can be taken."""

from collections.abc import Callable

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ARRAY, Connection, String, TypeDecorator, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.storage import migrate
from services.storage.tables import metadata


async def _look(url: str, look: Callable[[Connection], object]) -> object:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


def _difference(connection: Connection) -> object:
    context = MigrationContext.configure(connection, opts={"compare_type": _is_another_type})
    return compare_metadata(context, metadata())


def _is_another_type(*compared: object) -> bool | None:
    """For PostgreSQL every text without a length is the same, whatever a model calls it."""
    *_, built, meant = compared
    if isinstance(built, ARRAY) and isinstance(meant, ARRAY):
        built, meant = built.item_type, meant.item_type
    if isinstance(meant, TypeDecorator):
        meant = meant.impl_instance
    if isinstance(built, String) and isinstance(meant, String):
        return (built.length, meant.length) != (None, None)
    return None


async def test_models_and_migrations_agree(fresh_database_url: str) -> None:
    assert await _look(fresh_database_url, _difference) == []


async def test_the_staff_room_can_be_taken_back_and_built_again(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url, to="0002")
    await _look(empty_database_url, _sign_somebody_in)
    await migrate.upgrade(empty_database_url, to="0003")

    def columns(connection: Connection) -> set[str]:
        return {column["name"] for column in inspect(connection).get_columns("session")}

    assert "csrf" not in await _look(empty_database_url, columns)  # type: ignore[operator]  # a set
    await migrate.downgrade(empty_database_url, to="0002")
    assert "csrf" in await _look(empty_database_url, columns)  # type: ignore[operator]  # a set
    await migrate.upgrade(empty_database_url, to="0003")
    assert await migrate.current(empty_database_url) == "0003"


def _sign_somebody_in(connection: Connection) -> None:
    one = "00000000-0000-0000-0000-000000000001"
    for statement in (
        "INSERT INTO unit (id, code, name, created_at) VALUES (:one, 'BO', 'Bộ', now())",
        "INSERT INTO staff (id, email, name, unit_id, locale, active, created_at)"
        " VALUES (:one, 'a@b.vn', 'A', :one, 'vi', true, now())",
        "INSERT INTO session (id, staff_id, token_hash, csrf, created_at, last_seen_at, expires_at)"
        " VALUES (:one, :one, '', 'c', now(), now(), now())",
    ):
        connection.execute(text(statement), {"one": one})
