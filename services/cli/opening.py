"""Opens a hub for a command or a process: its database, its adapters, its keys."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from services.audit.actor import Actor
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.cli import place, settings
from services.cli.settings import Settings, SettingsError, hosts
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.staff.tables import Unit
from services.storage import embedded, migrate
from services.storage.session import make_engine, opener
from shared.errors import LoaError
from shared.fetch import Guard
from shared.http import USER_AGENT

T = TypeVar("T")

AGENCY: Final = "Loa"
_MEDIA: Final = "media"
_DEFAULT_URL: Final = "http://127.0.0.1:8080"


class DatabaseError(LoaError):
    """The database cannot be used.

    `database_unreachable`, `database_missing`, `schema_old`, `schema_newer`.
    """

    default_code = "database_unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a hub is opened with: settings, the data folder, what `loa up` told there, the address.

    `public_url` is what the operator set, else what the folder's `loa up` told, else the default.
    """

    settings: Settings
    folder: Path
    public_url: str
    registry: Registry
    demo: bool
    ledger_url: str | None = None


def prepared(
    data: Path | None = None, *, told: place.Note | None = None, reached: str = _DEFAULT_URL
) -> Opening:
    """Reads the settings and loads the adapters; refuses what cannot be.

    `data` is the command line's `--data`. `told` is what a `loa up` that is just starting will tell
    the folder; other commands find it there. `reached` is the public address where neither the
    operator nor a `loa up` has named one. Raises SettingsError and PlaceError.
    """
    found = settings.read()
    if data is not None:
        found = found.model_copy(update={"data_dir": data})
    folder = place.prepare(found.data_dir)
    told = told or (place.note(folder) if found.embedded else None)
    registry = Registry.load({**(told.adapters if told else {}), **settings.environment()})
    _check_names(registry)
    if not found.embedded and found.secret_key is None:
        raise SettingsError(
            "LOA_SECRET_KEY",
            "bắt buộc khi dùng LOA_DATABASE_URL · required together with LOA_DATABASE_URL",
        )
    return Opening(
        settings=found,
        folder=folder,
        public_url=found.public_url or (told.public_url if told else reached),
        registry=registry,
        demo=bool(told and told.demo),
        ledger_url=told.ledger_url if told else None,
    )


def checked() -> Settings:
    """The settings of a part that opens no hub. Raises SettingsError, for unknown names too."""
    _check_names(Registry.load(settings.environment()))
    return settings.read()


def _check_names(registry: Registry) -> None:
    if not registry.broken:  # whose variables nobody can tell
        settings.check_names(registry.variables)


@contextmanager
def database(opening: Opening, *, make: bool = True) -> Iterator[str]:
    """The address of the database while the block lasts.

    The embedded one is joined if it runs, else run just as long. With `make=False` it must be there
    already: who mistypes a folder shall not be answered from a new, empty one.
    """
    given = opening.settings.database_url
    if given is not None:
        yield given.get_secret_value()
        return
    if not make and not embedded.exists(opening.folder):
        raise DatabaseError("database_missing", folder=opening.folder)
    with embedded.running(opening.folder) as address:
        yield address


async def check_schema(url: str) -> None:
    """Raises DatabaseError unless the database answers and stands at the newest schema."""
    found, needed = await readable_schema(url), migrate.newest()
    if found != needed:
        raise DatabaseError("schema_old", found=found or "0000", needed=needed)


async def readable_schema(url: str) -> str | None:
    """The schema of the database, None for an empty one.

    Raises DatabaseError if the database does not answer, or was left by a newer Loa.
    """
    try:
        async with asyncio.timeout(10):
            found = await migrate.current(url)
    except (OSError, DBAPIError, TimeoutError) as error:
        # SQLAlchemy wraps twice what asyncpg raised, and only that tells the password is wrong.
        cause = getattr(error, "orig", None) or error
        named = type(cause.__cause__ or cause).__name__
        raise DatabaseError("database_unreachable", reason=named) from error
    if found is not None and found not in migrate.known():
        raise DatabaseError("schema_newer", found=found, needed=migrate.newest())
    return found


async def upgrade(url: str) -> None:
    """Brings the database to the newest schema; safe to repeat. Raises DatabaseError."""
    await readable_schema(url)
    await migrate.upgrade(url)


@asynccontextmanager
async def opened(
    opening: Opening,
    url: str,
    *,
    application: str = "loa",
    connections: int = 10,
    by_key: bool = False,
) -> AsyncIterator[Hub]:
    """The hub over this database, while the block lasts. Raises DatabaseError."""
    await check_schema(url)
    engine = make_engine(url, size=connections, application=application, by_key=by_key)
    try:
        open_work = opener(engine)
        async with open_work() as session:
            agency = await session.scalar(
                select(col(Unit.name))
                .where(col(Unit.parent_id).is_(None))
                .order_by(col(Unit.id))
                .limit(1)
            )
        yield Hub(
            open_work=open_work,
            registry=opening.registry,
            sealer=sealer(opening),
            media=MediaStore(opening.folder / _MEDIA),
            public_url=opening.public_url,
            agency=agency or AGENCY,
            timezone=opening.settings.timezone,
            rules=opening.settings.rules(),
            guard=guard(opening),
            websub_hubs=opening.settings.websub_hubs,
            feed_deltas=opening.settings.feed_deltas,
        )
    finally:
        await opening.registry.aclose()
        await engine.dispose()


def guard(opening: Opening) -> Guard:
    """What may be fetched for somebody outside: the rehearsal's own sandbox, even so near, too.

    Whoever is asked learns from the user agent whom to write to.
    """
    inside = opening.settings.fetch_inside
    if opening.demo and opening.ledger_url:
        inside |= hosts(urlsplit(opening.ledger_url).netloc)
    return Guard(inside=inside, user_agent=f"{USER_AGENT} +{opening.public_url}")


def sealer(opening: Opening) -> Sealer:
    """What credentials are sealed with: the operator's key, else the folder's own."""
    given, previous = opening.settings.secret_key, opening.settings.secret_key_previous
    return Sealer(
        given.get_secret_value().encode() if given else place.key(opening.folder),
        previous.get_secret_value().encode() if previous else None,
    )


def at_hub(data: Path | None, work: Callable[[Hub], Awaitable[T]]) -> T:
    """Runs one command's work on the hub of this folder, and gives what it gives."""
    opening = prepared(data)

    async def run(url: str) -> T:
        async with opened(opening, url) as hub:
            return await work(hub)

    with database(opening, make=False) as url:
        return asyncio.run(run(url))


def at_terminal() -> Actor:
    """Whoever sits at the terminal, as the record names them: their account on this machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        name = "unknown"
    return Actor(kind="cli", id=name)
