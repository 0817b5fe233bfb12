"""The people of some units, as their admins see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.staff.tables import Invitation, Session, Staff, StaffRole, Unit
from shared.text import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person of the team.

    `pending` people were invited and have not set a password yet; `invited_until` is when an open
    link of theirs ends (also one that somebody who forgot the password was given). `last_seen_at`
    is the last sign of them in a session, None for who never came.
    """

    id: UUID
    name: str
    email: str
    roles: tuple[str, ...]
    unit_id: UUID
    unit_code: str
    unit_name: str
    locale: str
    active: bool
    pending: bool
    invited_until: datetime | None
    has_otp: bool
    last_seen_at: datetime | None


async def list_people(session: AsyncSession, unit_ids: Collection[UUID]) -> list[Person]:
    """The people of these units, those who have left too and at the end; by unit, then by name."""
    roles = (
        select(func.array_agg(col(StaffRole.role)))
        .where(col(StaffRole.staff_id) == col(Staff.id))
        .scalar_subquery()
    )
    invited_until = (
        select(func.max(col(Invitation.expires_at)))
        .where(col(Invitation.staff_id) == col(Staff.id), col(Invitation.used_at).is_(None))
        .scalar_subquery()
    )
    # Sessions are forgotten after a month, the day of the last sign-in is not.
    seen = select(func.max(col(Session.last_seen_at))).where(col(Session.staff_id) == col(Staff.id))
    last_seen = func.greatest(seen.scalar_subquery(), col(Staff.signed_in_at))
    found = await session.execute(
        select(Staff, col(Unit.code), col(Unit.name), roles, invited_until, last_seen)
        .join(Unit, col(Unit.id) == col(Staff.unit_id))
        .where(col(Staff.unit_id).in_(unit_ids))
    )
    people = [
        Person(
            id=staff.id,
            name=staff.name,
            email=staff.email,
            roles=tuple(sorted(held or ())),
            unit_id=staff.unit_id,
            unit_code=unit_code,
            unit_name=unit_name,
            locale=staff.locale,
            active=staff.active,
            pending=staff.password_hash is None,
            invited_until=until,
            has_otp=staff.otp_secret is not None,
            last_seen_at=seen_at,
        )
        for staff, unit_code, unit_name, held, until, seen_at in found
    ]
    return sorted(
        people, key=lambda one: (not one.active, one.unit_code, fold(one.name), one.email)
    )
