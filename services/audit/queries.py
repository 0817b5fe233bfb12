"""Reads the record, newest first."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.tables import AuditEntry
from shared.errors import FieldError, InvalidError


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
    """A page of entries, of one object or of all.

    `units` keeps to acts in these units and acts that belong to no unit (switches, sign-ins);
    None gives everything. Raises InvalidError for a cursor that is not ours.
    """
    wanted = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(limit + 1)
    if object is not None:
        wanted = wanted.where(col(AuditEntry.object) == object)
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
