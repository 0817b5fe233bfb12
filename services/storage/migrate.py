"""Brings a database to the newest schema, and tells whether it stands there.

Migrations run under an advisory lock, so any number of processes may call `upgrade` at once.
"""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.storage.session import DRIVER
from services.storage.tables import metadata

_LOCK = 0x10A  # any constant; "LOA"


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def newest() -> str:
    """The revision id that this code needs."""
    head = _scripts().get_current_head()
    if head is None:
        raise RuntimeError("no migrations are packaged")
    return head


def known() -> frozenset[str]:
    """The revision ids that this code can read; a newer Loa has more."""
    return frozenset(script.revision for script in _scripts().walk_revisions())


async def current(url: str) -> str | None:
    """The revision id of a database, or None for an empty one."""
    engine = create_async_engine(DRIVER, connect_args={"dsn": url}, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: MigrationContext.configure(sync).get_current_revision()
            )
    finally:
        await engine.dispose()


async def upgrade(url: str, *, to: str = "head") -> None:
    """Runs every missing migration in one transaction. Safe to repeat."""
    await _run(url, lambda rev, _: _scripts()._upgrade_revs(to, rev))  # noqa: SLF001


async def downgrade(url: str, *, to: str = "-1") -> None:
    """Takes migrations back; for tests and for an operator's emergency."""
    await _run(url, lambda rev, _: _scripts()._downgrade_revs(to, rev))  # noqa: SLF001


async def _run(url: str, plan: object) -> None:
    engine = create_async_engine(DRIVER, connect_args={"dsn": url}, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            await connection.run_sync(_migrate, plan)
    finally:
        await engine.dispose()


def _migrate(connection: Connection, plan: object) -> None:
    scripts = _scripts()
    config = Config()
    with EnvironmentContext(config, scripts, fn=plan) as environment:
        environment.configure(
            connection=connection, target_metadata=metadata(), transactional_ddl=False
        )
        environment.run_migrations()
