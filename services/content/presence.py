"""Who has an item open for writing: a courtesy between colleagues, never a lock on the words.

Whoever is faster is settled by the item's version. A page tells every 20 seconds that it is open;
one that has been silent for a minute is gone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content import queries
from services.content.tables import Editing, Item, Revision
from services.staff.caller import Caller
from services.staff.tables import Staff

SILENCE: Final = timedelta(seconds=60)

# One statement, so that two pages that open at once cannot both have the item.
_BEAT = text(
    """
    INSERT INTO editing AS e (item_id, staff_id, since, seen_at)
    VALUES (:item, :staff, :now, :now)
    ON CONFLICT (item_id) DO UPDATE SET
      staff_id = excluded.staff_id,
      since = CASE WHEN e.staff_id = excluded.staff_id AND e.seen_at > :alive THEN e.since
                   ELSE excluded.since END,
      seen_at = excluded.seen_at
    WHERE e.staff_id = excluded.staff_id OR e.seen_at <= :alive OR :take
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Somebody else who has the item open, and since when."""

    staff_id: UUID
    name: str
    since: datetime


async def beat(
    session: AsyncSession, caller: Caller, item_id: UUID, *, now: datetime, take: bool = False
) -> Writer | None:
    """Tells that the caller's page is open; gives who else has the item, None when nobody has.

    With `take` it becomes the caller's whoever had it. Safe to repeat. Raises NotFoundError.
    """
    caller.need_role("editor")
    await queries.item(session, item_id, caller.unit_ids)
    await session.execute(
        _BEAT,
        {
            "item": item_id,
            "staff": caller.staff_id,
            "now": now,
            "alive": now - SILENCE,
            "take": take,
        },
    )
    found = (
        await session.execute(
            select(col(Editing.staff_id), col(Staff.name), col(Editing.since))
            .join(Staff, col(Staff.id) == col(Editing.staff_id))
            .where(col(Editing.item_id) == item_id, col(Editing.staff_id) != caller.staff_id)
        )
    ).one_or_none()
    if found is None:
        return None
    return Writer(staff_id=found.staff_id, name=found.name, since=found.since)


async def leave(session: AsyncSession, caller: Caller, item_id: UUID) -> None:
    """The caller's page has closed; nothing happens when they did not have the item."""
    await session.execute(
        delete(Editing).where(
            col(Editing.item_id) == item_id, col(Editing.staff_id) == caller.staff_id
        )
    )


async def last_writer(session: AsyncSession, item_id: UUID) -> Writer | None:
    """Who changed the newest revision last, and when; None where there is no such item."""
    found = (
        await session.execute(
            select(col(Revision.last_editor), col(Staff.name), col(Revision.updated_at))
            .join(Item, col(Item.id) == col(Revision.item_id))
            .join(Staff, col(Staff.id) == col(Revision.last_editor))
            .where(col(Item.id) == item_id, col(Revision.no) == col(Item.revision_no))
        )
    ).one_or_none()
    if found is None:
        return None
    return Writer(staff_id=found.last_editor, name=found.name, since=found.updated_at)
