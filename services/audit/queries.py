"""Reads the record, newest first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.tables import AuditEntry
from shared.errors import FieldError, InvalidError

# Who asks by an id alone means whichever of these it is; ids are unique over all of them.
_KINDS: Final = (
    "item", "publication", "account", "media", "staff", "unit", "token", "session", "invitation",
    "source", "template",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """One page of the record, newest first; `next` is the cursor of the following page."""

    entries: tuple[AuditEntry, ...]
    next: str | None


async def entries(
    session: AsyncSession,
    *,
    object: str | None = None,  # noqa: A002  # the word of the contract: GET /audit?object=
    units: Collection[UUID] | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Entries:
    """A page of entries, of one object (`item:<id>`, or its id alone) or of all.

    `units` keeps to acts in these units and acts that belong to no unit (switches, sign-ins);
    None gives everything. Raises InvalidError for a cursor that is not ours.
    """
    wanted = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(limit + 1)
    if object is not None:
        named = (object,) if ":" in object else tuple(f"{kind}:{object}" for kind in _KINDS)
        wanted = wanted.where(col(AuditEntry.object).in_(named))
    if units is not None:
        wanted = wanted.where(
            or_(col(AuditEntry.unit).is_(None), col(AuditEntry.unit).in_([str(u) for u in units]))
        )
    if cursor is not None:
        wanted = wanted.where(col(AuditEntry.seq) < _before(cursor))
    found = (await session.scalars(wanted)).all()
    page = tuple(found[:limit])
    return Entries(entries=page, next=str(page[-1].seq) if len(found) > limit else None)


def _before(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidError(
            "cursor_unknown",
            fields=(
                FieldError(
                    field="cursor",
                    code="cursor_unknown",
                    detail="Con trỏ không hợp lệ · Not one of our cursors",
                ),
            ),
        )
    return int(cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a reader looks for in the record; what is None does not narrow it.

    `about` and `actor` are names as the record has them (`item:<id>`, `staff:<id>`); `group` is the
    first word of acts; `since` and `until` bound the instant, the second exclusive.
    """

    about: str | None = None
    actor: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def found(
    session: AsyncSession,
    search: Search,
    *,
    units: Collection[UUID],
    limit: int = 50,
    cursor: str | None = None,
) -> Entries:
    """A page of what a reader looks for, within these units and what belongs to none."""
    wanted = (
        select(AuditEntry)
        .where(
            or_(col(AuditEntry.unit).is_(None), col(AuditEntry.unit).in_([str(u) for u in units]))
        )
        .order_by(col(AuditEntry.seq).desc())
        .limit(limit + 1)
    )
    if search.about is not None:
        wanted = wanted.where(col(AuditEntry.object) == search.about)
    if search.actor is not None:
        wanted = wanted.where(col(AuditEntry.actor) == search.actor)
    if search.group is not None:
        wanted = wanted.where(col(AuditEntry.act).startswith(f"{search.group}.", autoescape=True))
    if search.since is not None:
        wanted = wanted.where(col(AuditEntry.at) >= search.since)
    if search.until is not None:
        wanted = wanted.where(col(AuditEntry.at) < search.until)
    if cursor is not None:
        wanted = wanted.where(col(AuditEntry.seq) < _before(cursor))
    rows = (await session.scalars(wanted)).all()
    page = tuple(rows[:limit])
    return Entries(entries=page, next=str(page[-1].seq) if len(rows) > limit else None)
