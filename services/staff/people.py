"""The people of the team: adds them, gives and takes roles, lets them go and back in.

`by` is a caller who must be an admin of the person's unit, or the machine's own terminal.
"""

import re
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff import passwords, units
from services.staff.caller import Caller, admin_of
from services.staff.passwords import FULL, Cost
from services.staff.tables import (
    ROLES,
    ApiToken,
    Invitation,
    Session,
    Staff,
    StaffRole,
)
from shared.clock import utc_now
from shared.errors import ConflictError, FieldError, ForbiddenError, InvalidError, NotFoundError
from shared.text import one_line

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)*")
_EMAIL_CHARS = 254
_LOCALES = ("vi", "en")


async def add(
    session: AsyncSession,
    by: Actor | Caller,
    *,
    email: str,
    name: str,
    roles: Collection[str],
    unit_code: str,
    password: str | None = None,
    locale: str = "vi",
    cost: Cost = FULL,
) -> Staff:
    """A new person with these roles; without a password they cannot sign in yet.

    Raises InvalidError with the fields at fault, NotFoundError for an unknown unit,
    ConflictError("staff_exists") for an address that somebody has already, also one who has left.
    """
    address, person = tidy_email(email), one_line(name)
    faults = [*_email_faults(address), *_role_faults(roles)]
    if not person:
        detail = "Cần có họ tên · A name is needed"
        faults.append(FieldError(field="name", code="missing", detail=detail))
    faults += _locale_faults(locale)
    if faults:
        raise InvalidError("staff_invalid", fields=tuple(faults))
    unit = await units.by_code(session, unit_code)
    actor = admin_of(by, unit.id, missing="unit_not_found", unit=unit_code)
    if await session.scalar(select(col(Staff.id)).where(col(Staff.email) == address)) is not None:
        raise ConflictError("staff_exists", email=address)
    staff = Staff(
        email=address,
        name=person,
        unit_id=unit.id,
        password_hash=None if password is None else await passwords.hashed(password, cost=cost),
        locale=locale,
    )
    session.add(staff)
    await session.flush()
    await _grant(session, actor, staff.id, roles)
    await record(
        session,
        actor,
        Act.STAFF_ADDED,
        f"staff:{staff.id}",
        unit=unit.id,
        after={"unit": unit.code, "email": address, "name": person, "roles": set(roles)},
        details={"roles": sorted(set(roles))},
    )
    return staff


async def set_roles(
    session: AsyncSession, by: Actor | Caller, staff_id: UUID, roles: Collection[str]
) -> None:
    """Replaces a person's roles and ends their sessions, so that they sign in anew (R78).

    Raises InvalidError for an unknown role, NotFoundError, ConflictError("last_admin").
    """
    faults = _role_faults(roles)
    if faults:
        raise InvalidError("staff_invalid", fields=tuple(faults))
    staff = await locked(session, staff_id)
    actor = admin_of(by, staff.unit_id)
    before = set(await roles_of(session, staff_id))
    if before == set(roles):
        return
    if "admin" in before - set(roles):
        await _need_another_admin(session, staff_id)
    # Roles that stay keep the day they were given on.
    await session.execute(
        delete(StaffRole).where(
            col(StaffRole.staff_id) == staff_id, col(StaffRole.role).in_(before - set(roles))
        )
    )
    await _grant(session, actor, staff_id, set(roles) - before)
    await end_sessions(session, staff_id)
    await record(
        session,
        actor,
        Act.STAFF_ROLES_CHANGED,
        f"staff:{staff_id}",
        unit=staff.unit_id,
        before=before,
        after=set(roles),
        details={"before": sorted(before), "after": sorted(set(roles))},
    )


async def set_password(
    session: AsyncSession,
    by: Actor | Caller,
    staff_id: UUID,
    password: str,
    *,
    cost: Cost = FULL,
) -> None:
    """Gives another person a new password and ends their sessions.

    Raises InvalidError for its length, NotFoundError, ForbiddenError("own_account") for oneself,
    who must tell the old one (`own_account.py`).
    """
    need_another(by, staff_id)
    fresh = await passwords.hashed(password, cost=cost)
    staff = await locked(session, staff_id)
    await put_password(session, admin_of(by, staff.unit_id), staff, fresh)


async def put_password(
    session: AsyncSession,
    actor: Actor,
    staff: Staff,
    fresh: str,
    *,
    keep_session: UUID | None = None,
) -> None:
    """Keeps the hash of a locked person's new password, and ends their other sessions.

    Asks for no right: whoever calls it has made sure of the link, the old password or the role.
    """
    staff.password_hash = fresh
    await session.flush()
    await end_sessions(session, staff.id, but=keep_session)
    await record(
        session, actor, Act.STAFF_PASSWORD_CHANGED, f"staff:{staff.id}", unit=staff.unit_id
    )


async def set_locale(session: AsyncSession, caller: Caller, locale: str) -> None:
    """Keeps in which language Loa speaks to the caller: `vi` or `en`, InvalidError for another."""
    caller.need_person()
    faults = _locale_faults(locale)
    if faults:
        raise InvalidError("staff_invalid", fields=faults)
    staff = await locked(session, caller.staff_id)
    if staff.locale == locale:
        return
    staff.locale = locale
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.STAFF_LOCALE_CHANGED,
        f"staff:{staff.id}",
        unit=staff.unit_id,
        details={"locale": locale},
    )


async def deactivate(
    session: AsyncSession, by: Actor | Caller, staff_id: UUID, *, reason: str | None = None
) -> None:
    """Lets a person go: sessions, tokens and an open invitation end, at once and everywhere.

    Raises NotFoundError, ConflictError("last_admin"). Doing it twice changes nothing.
    """
    staff = await locked(session, staff_id)
    actor = admin_of(by, staff.unit_id)
    if not staff.active:
        return
    if "admin" in await roles_of(session, staff_id):
        await _need_another_admin(session, staff_id)
    staff.active = False
    await session.flush()
    now = utc_now()
    ended = await end_sessions(session, staff_id)
    revoked = await session.scalars(
        update(ApiToken)
        .where(col(ApiToken.staff_id) == staff_id, col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=now)
        .returning(col(ApiToken.id))
    )
    await end_invitations(session, staff_id)
    await record(
        session,
        actor,
        Act.STAFF_DEACTIVATED,
        f"staff:{staff_id}",
        unit=staff.unit_id,
        reason=reason,
        details={"sessions_ended": ended, "tokens_revoked": [str(id_) for id_ in revoked]},
    )


async def reactivate(session: AsyncSession, by: Actor | Caller, staff_id: UUID) -> None:
    """Lets a person in again, with the roles, password and phone they had; tokens stay revoked.

    Raises NotFoundError. Doing it twice changes nothing.
    """
    staff = await locked(session, staff_id)
    actor = admin_of(by, staff.unit_id)
    if staff.active:
        return
    staff.active = True
    await session.flush()
    await record(
        session,
        actor,
        Act.STAFF_REACTIVATED,
        f"staff:{staff_id}",
        unit=staff.unit_id,
        details={"roles": await roles_of(session, staff_id)},
    )


async def end_invitations(session: AsyncSession, staff_id: UUID) -> None:
    """Ends the links with which this person could still set a password."""
    await session.execute(
        delete(Invitation).where(
            col(Invitation.staff_id) == staff_id, col(Invitation.used_at).is_(None)
        )
    )


async def end_sessions(
    session: AsyncSession, staff_id: UUID, *, but: UUID | None = None, now: datetime | None = None
) -> int:
    """Ends every open session of a person, but for one; gives how many."""
    wanted = update(Session).where(
        col(Session.staff_id) == staff_id, col(Session.ended_at).is_(None)
    )
    if but is not None:
        wanted = wanted.where(col(Session.id) != but)
    ended = await session.scalars(
        wanted.values(ended_at=now or utc_now()).returning(col(Session.id))
    )
    return len(ended.all())


async def by_email(session: AsyncSession, email: str) -> Staff:
    """The person with this address; raises NotFoundError."""
    staff = await session.scalar(select(Staff).where(col(Staff.email) == tidy_email(email)))
    if staff is None:
        raise NotFoundError("staff_not_found", email=email)
    return staff


async def roles_of(session: AsyncSession, staff_id: UUID) -> tuple[str, ...]:
    """The roles a person has now, sorted."""
    found = await session.scalars(
        select(col(StaffRole.role)).where(col(StaffRole.staff_id) == staff_id)
    )
    return tuple(sorted(found))


def tidy_email(email: str) -> str:
    """An address as it is kept and looked up: trimmed, lower case."""
    return one_line(email).lower()


def need_another(by: Actor | Caller, staff_id: UUID) -> None:
    """Raises ForbiddenError for an act that nobody may do to themselves as an admin."""
    if isinstance(by, Caller) and by.staff_id == staff_id:
        raise ForbiddenError("own_account")


async def locked(session: AsyncSession, staff_id: UUID) -> Staff:
    """The person, as they are now and locked; raises NotFoundError."""
    staff = await session.scalar(
        select(Staff)
        .where(col(Staff.id) == staff_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if staff is None:
        raise NotFoundError("staff_not_found")
    return staff


async def _grant(
    session: AsyncSession, actor: Actor, staff_id: UUID, roles: Collection[str]
) -> None:
    granted_by = UUID(actor.id) if actor.kind == "staff" else None
    session.add_all(
        StaffRole(staff_id=staff_id, role=role, granted_by=granted_by)
        for role in sorted(set(roles))
    )
    await session.flush()


async def _need_another_admin(session: AsyncSession, staff_id: UUID) -> None:
    """Raises ConflictError if nobody else could let people in again.

    Who was invited and has not come yet may never come, so they do not count.
    """
    # One such question at a time, so that two admins cannot let each other go at once. The lock
    # comes before the look: a statement sees what was committed before it began.
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('last admin', 79))"))
    others = await session.scalars(
        select(col(StaffRole.staff_id))
        .join(Staff, col(Staff.id) == col(StaffRole.staff_id))
        .where(
            col(StaffRole.role) == "admin",
            col(Staff.active),
            col(Staff.password_hash).is_not(None),
        )
    )
    if set(others) <= {staff_id}:
        raise ConflictError("last_admin")


def _email_faults(address: str) -> tuple[FieldError, ...]:
    if _EMAIL.fullmatch(address) and len(address) <= _EMAIL_CHARS:
        return ()
    detail = "Không phải địa chỉ thư · Not an e-mail address"
    return (FieldError(field="email", code="email_invalid", detail=detail),)


def _locale_faults(locale: str) -> tuple[FieldError, ...]:
    if locale in _LOCALES:
        return ()
    detail = "Chỉ có vi và en · Only vi and en"
    return (FieldError(field="locale", code="locale_unknown", detail=detail),)


def _role_faults(roles: Collection[str]) -> tuple[FieldError, ...]:
    unknown = sorted(set(roles) - set(ROLES))
    if not unknown:
        return ()
    detail = f"Vai trò hợp lệ: {', '.join(ROLES)} · One of these roles is expected"
    return (FieldError(field="roles", code="role_unknown", detail=detail),)
