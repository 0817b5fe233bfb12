"""The tree of units: ministry → province → commune."""

import re
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff.tables import Unit
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError
from shared.text import one_line

# A unit's code is the front part of its items' codes, and so stands in public addresses.
_CODE = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_CODE_CHARS = 40


async def add(
    session: AsyncSession, actor: Actor, *, code: str, name: str, parent_code: str | None = None
) -> Unit:
    """A new unit, below `parent_code` or as a root.

    Raises InvalidError for a code that cannot stand in an address (letters, digits, hyphens, at
    most 40), NotFoundError for an unknown parent, ConflictError("unit_exists").
    """
    code, name = code.strip(), one_line(name)
    problems = []
    if not _CODE.fullmatch(code) or len(code) > _CODE_CHARS:
        detail = "Mã chỉ gồm chữ không dấu, số và gạch nối · Letters, digits and hyphens only"
        problems.append(FieldError(field="code", code="code_invalid", detail=detail))
    if not name:
        detail = "Cần có tên đơn vị · The unit needs a name"
        problems.append(FieldError(field="name", code="missing", detail=detail))
    if problems:
        raise InvalidError("unit_invalid", fields=tuple(problems))
    parent = None if parent_code is None else await by_code(session, parent_code)
    # Codes of items are written in capitals: `bnv` beside `BNV` could never have one of its own.
    same = select(col(Unit.id)).where(func.upper(col(Unit.code)) == code.upper()).limit(1)
    if await session.scalar(same) is not None:
        raise ConflictError("unit_exists", unit=code)
    unit = Unit(code=code, name=name, parent_id=parent.id if parent else None)
    session.add(unit)
    await session.flush()
    await record(
        session,
        actor,
        Act.UNIT_ADDED,
        f"unit:{unit.id}",
        unit=unit.id,
        after=unit,
        details={"code": code, "parent": parent_code},
    )
    return unit


async def by_code(session: AsyncSession, code: str) -> Unit:
    """The unit of this code; raises NotFoundError."""
    unit = await session.scalar(select(Unit).where(col(Unit.code) == code.strip()))
    if unit is None:
        raise NotFoundError("unit_not_found", unit=code)
    return unit


async def of(session: AsyncSession, unit_ids: Collection[UUID]) -> tuple[Unit, ...]:
    """These units, by name."""
    rows = await session.scalars(
        select(Unit).where(col(Unit.id).in_(unit_ids)).order_by(col(Unit.name), col(Unit.code))
    )
    return tuple(rows)


async def subtree_ids(session: AsyncSession, unit_id: UUID) -> frozenset[UUID]:
    """The ids of a unit and of everything below it; empty for a unit that does not exist."""
    start = select(col(Unit.id)).where(col(Unit.id) == unit_id).scalar_subquery()
    return frozenset(await session.scalars(select(subtree(start).c.id)))


def subtree(start: ScalarSelect[UUID] | ColumnElement[UUID]) -> CTE:
    """The ids of a unit and of everything below it, as a part of a statement (column `id`)."""
    below = select(col(Unit.id)).where(col(Unit.id) == start).cte("below", recursive=True)
    # UNION, not UNION ALL: a circle of units, which nobody should make, then still comes to an end.
    return below.union(select(col(Unit.id)).where(col(Unit.parent_id) == below.c.id))
