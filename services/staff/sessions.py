"""The open sessions of a person: listed for them and for their admins, and ended one by one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.audit.tables import AuditEntry
from services.staff.caller import Caller, admin_of
from services.staff.people import roles_of
from services.staff.sign_in import Ages
from services.staff.tables import Session, Staff
from shared.clock import utc_now
from shared.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One sign-in that still holds; `address` is the IP address it was opened from, if known."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None


async def sessions_of(
    session: AsyncSession,
    staff_id: UUID,
    *,
    now: datetime | None = None,
    ages: Ages | None = None,
) -> list[OpenSession]:
    """The sessions with which this person could go on working now, the latest used first."""
    at, limits = now or utc_now(), ages or Ages()
    idle = limits.idle_of(await roles_of(session, staff_id))
    address = (
        select(func.min(col(AuditEntry.address)))
        .where(
            col(AuditEntry.object) == literal("session:") + cast(col(Session.id), Text),
            col(AuditEntry.act) == Act.SESSION_STARTED.value,
        )
        .correlate(Session)
        .scalar_subquery()
    )
    found = await session.execute(
        select(Session, address)
        .where(
            col(Session.staff_id) == staff_id,
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > at,
            col(Session.last_seen_at) >= at - idle,
        )
        .order_by(col(Session.last_seen_at).desc(), col(Session.id).desc())
    )
    return [
        OpenSession(
            id=row.id,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            address=told,
        )
        for row, told in found
    ]


async def end_session(session: AsyncSession, caller: Caller, session_id: UUID) -> None:
    """Ends one session: one of the caller's own, or as an admin that of a person of their units.

    Raises NotFoundError("session_not_found") for any other. Doing it twice changes nothing.
    """
    caller.need_person()
    row = await session.get(Session, session_id, with_for_update=True)
    if row is None:
        raise NotFoundError("session_not_found")
    unit_id = await session.scalar(select(col(Staff.unit_id)).where(col(Staff.id) == row.staff_id))
    if row.staff_id != caller.staff_id:
        if unit_id is None or "admin" not in caller.roles:
            raise NotFoundError("session_not_found")
        admin_of(caller, unit_id, missing="session_not_found")
    if row.ended_at is not None:
        return
    row.ended_at = utc_now()
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.SESSION_ENDED,
        f"session:{session_id}",
        unit=unit_id,
        details={"owner": row.staff_id},
    )
