"""Items on thousands of accounts, and what is asked of the database to show them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession

MANY = 2_000

# A feed of its own for each, as a copy of one that was connected by the room.
_COPIES = text(
    """
    INSERT INTO account (id, unit_id, channel, name, remote_id, settings, sealed_credentials, stage,
                         state, credentials_version, token_state, breaker_failures, created_at)
    SELECT gen_random_uuid(), a.unit_id, a.channel, a.name || ' số ' || n, a.remote_id || '-' || n,
           a.settings || jsonb_build_object('slug', (a.settings ->> 'slug') || '-' || n),
           a.sealed_credentials, a.stage, a.state, 1, 'ok', 0, now()
      FROM account a, generate_series(1, :count) AS n WHERE a.id = :like
    RETURNING id
    """
)
# As a loop leaves them that has been everywhere; the feeds of the copies are not what is looked at.
_LIVE = text(
    """
    UPDATE publication SET state = 'live', observed_generation = generation, next_at = NULL,
           observed_rendition_id = desired_rendition_id, observed_revision_no = 1,
           observed_at = now(), first_observed_at = now(), remote_id = CAST(id AS text)
     WHERE item_id = :item AND state <> 'failed'
    """
)


# So many of them failed; the channel refused the text.
_LOST = text(
    """
    UPDATE publication SET state = 'failed', next_at = NULL, problem_code = 'above_limit',
           problem_at = now()
     WHERE id IN (SELECT id FROM publication WHERE item_id = :item ORDER BY id LIMIT :count)
    """
)


@dataclass(slots=True)
class Asked:
    """The statements that went to the database meanwhile, and how many rows came back."""

    statements: list[str] = field(default_factory=list)
    rows: int = 0


@contextmanager
def asked() -> Iterator[Asked]:
    """Counts what this process asks any database, without what begins and ends transactions."""
    told = Asked()

    def note(_connection: object, cursor: object, statement: str, *_: object) -> None:
        told.statements.append(re.sub(r"\s+", " ", statement).strip())
        told.rows += max(0, getattr(cursor, "rowcount", 0))

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(Engine, "after_cursor_execute", note)


async def copies(session: AsyncSession, like: UUID, count: int = MANY) -> list[UUID]:
    """So many accounts like this one, a portal's feed."""
    return list(await session.scalars(_COPIES, {"like": like, "count": count}))


async def all_live(session: AsyncSession, item_id: UUID) -> None:
    """The item stands on all its accounts."""
    await session.execute(_LIVE, {"item": item_id})


async def some_lost(session: AsyncSession, item_id: UUID, count: int) -> None:
    """The item failed on so many of its accounts, the first ones."""
    await session.execute(_LOST, {"item": item_id, "count": count})
