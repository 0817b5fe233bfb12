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


async def test_0017_can_be_taken_back_and_made_again(empty_database_url: str) -> None:
    def columns(connection: Connection) -> tuple[bool, bool]:
        found = inspect(connection)
        told = [one["name"] for one in found.get_columns("portal_fetch")]
        noted = [one["name"] for one in found.get_columns("public_event")]
        return "etag" in told, "try_at" in noted

    await migrate.upgrade(empty_database_url, to="0017")
    assert await _look(empty_database_url, columns) == (False, True)
    await migrate.downgrade(empty_database_url, to="0017-1")
    assert await _look(empty_database_url, columns) == (True, False)
    await migrate.upgrade(empty_database_url, to="0017")
    assert await _look(empty_database_url, columns) == (False, True)


async def test_0015_can_be_taken_back_and_made_again(empty_database_url: str) -> None:
    def indexes(connection: Connection) -> int:
        names = {str(one["name"]) for one in inspect(connection).get_indexes("publication")}
        return sum(name.startswith("ix_publication_item_") for name in names)

    await migrate.upgrade(empty_database_url, to="0015")
    assert await _look(empty_database_url, indexes) == 3
    await migrate.downgrade(empty_database_url, to="0015-1")
    assert await _look(empty_database_url, indexes) == 0
    await migrate.upgrade(empty_database_url, to="0015")
    assert await _look(empty_database_url, indexes) == 3


async def test_0016_leaves_to_be_searched_what_was_not(empty_database_url: str) -> None:
    def due(connection: Connection) -> list[int]:
        found = connection.execute(text("SELECT id FROM public_event WHERE links_due ORDER BY id"))
        return [row.id for row in found]

    await migrate.upgrade(empty_database_url, to="0015")
    await _look(empty_database_url, _publish_three)
    await migrate.upgrade(empty_database_url, to="0016")
    assert await _look(empty_database_url, due) == [2, 4]
    await migrate.downgrade(empty_database_url, to="0016-1")
    await migrate.upgrade(empty_database_url, to="0016")
    assert await _look(empty_database_url, due) == [2, 4]


def _publish_three(connection: Connection) -> None:
    """One item whose links are noted, one never searched, one searched in its first wording."""
    one = "018f0000-0000-7000-8000-000000000001"
    connection.execute(text("SET session_replication_role = replica"))
    for no, released, searched in ((1, 1, 1), (2, 1, None), (3, 2, 1)):
        item = f"018f0000-0000-7000-8000-00000000001{no}"
        values = {"item": item, "one": one, "code": f"A-{no}", "released": released}
        connection.execute(
            text(
                "INSERT INTO item (id, code, unit_id, kind, revision_no, released_no, version,"
                " created_by, created_at, updated_at) VALUES (:item, :code, :one, 'news',"
                " :released, :released, 1, :one, now(), now())"
            ),
            values,
        )
        for number in range(1, released + 1):
            connection.execute(
                text(
                    "INSERT INTO public_event (item_id, revision_no, what, at)"
                    " VALUES (:item, :number, 'published', now())"
                ),
                {"item": item, "number": number},
            )
        if searched:
            connection.execute(
                text("INSERT INTO link_scan (item_id, revision_no) VALUES (:item, :searched)"),
                {"item": item, "searched": searched},
            )
    connection.execute(text("SET session_replication_role = origin"))
