"""How people and units are called, for pages that name them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.staff.tables import Staff, StaffRole, Unit


async def names(session: AsyncSession, staff_ids: Collection[UUID | None]) -> Mapping[UUID, str]:
    """The names of these people, by id; None and unknown ids are left out."""
    wanted = {one for one in staff_ids if one is not None}
    if not wanted:
        return {}
    rows = await session.execute(
        select(col(Staff.id), col(Staff.name)).where(col(Staff.id).in_(wanted))
    )
    return {row.id: row.name for row in rows}


async def unit_name(session: AsyncSession, unit_id: UUID) -> str:
    """What the unit is called; its id where there is none."""
    return await session.scalar(select(col(Unit.name)).where(col(Unit.id) == unit_id)) or str(
        unit_id
    )


async def holders(
    session: AsyncSession, role: str, unit_ids: Collection[UUID], *, limit: int = 20
) -> tuple[str, ...]:
    """The names of active people of these units who hold the role, by name; at most `limit`."""
    rows = await session.scalars(
        select(col(Staff.name))
        .join(StaffRole, col(StaffRole.staff_id) == col(Staff.id))
        .where(col(StaffRole.role) == role, col(Staff.unit_id).in_(unit_ids), col(Staff.active))
        .order_by(col(Staff.name))
        .limit(limit)
    )
    return tuple(rows)
