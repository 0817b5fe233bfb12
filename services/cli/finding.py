"""Finds whom or what a command means when it is not said: the root unit, an editor."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.staff import people
from services.staff.caller import Caller, caller_of
from services.staff.tables import Staff, StaffRole, Unit
from shared.errors import InvalidError, NotFoundError

_EDITOR = "editor"


async def root_unit(session: AsyncSession) -> str:
    """The code of the unit above all others. Raises InvalidError `unit_unclear` unless just one."""
    roots = (
        await session.scalars(
            select(col(Unit.code)).where(col(Unit.parent_id).is_(None)).order_by(col(Unit.id))
        )
    ).all()
    if len(roots) != 1:
        raise InvalidError("unit_unclear", codes=", ".join(roots) or "–")
    return roots[0]


async def writer(session: AsyncSession, actor: Actor, email: str | None) -> Caller:
    """Who writes: the person named, else the editor who has been here longest, widest reach first.

    A draft is nobody's yes: whoever submits it puts their name to it. Raises NotFoundError for
    nobody of that address, InvalidError `no_editor`.
    """
    if email is not None:
        return await _active(session, actor, await people.by_email(session, email))
    editor = await session.scalar(
        select(Staff)
        .join(StaffRole, col(StaffRole.staff_id) == col(Staff.id))
        .join(Unit, col(Unit.id) == col(Staff.unit_id))
        .where(col(StaffRole.role) == _EDITOR, col(Staff.active))
        .order_by(col(Unit.parent_id).is_not(None), col(Staff.id))
        .limit(1)
    )
    if editor is None:
        raise InvalidError("no_editor")
    return await _active(session, actor, editor)


async def _active(session: AsyncSession, actor: Actor, staff: Staff) -> Caller:
    caller = await caller_of(session, staff.id, actor=actor)
    if caller is None:
        raise NotFoundError("staff_not_found", email=staff.email)
    return caller
