"""One-time links with which somebody sets a password: the first admin, and whom an admin invites.

Of a link only the hash of its secret is kept, and it goes to its person by whatever way the admin
has: Loa sends no mail.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import SYSTEM, Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff import passwords, people, units
from services.staff.caller import Caller, admin_of
from services.staff.passwords import FULL, Cost
from services.staff.tables import Invitation, Staff, Unit
from shared.errors import ConflictError, NotFoundError

LASTS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Whom a link is for. `pending` is who never had a password; the others forgot theirs."""

    staff_id: UUID
    name: str
    email: str
    locale: str
    pending: bool


async def create_first(session: AsyncSession, *, now: datetime, lasts: timedelta = LASTS) -> str:
    """The secret of a link for the first admin; it is kept nowhere, and ends the links before it.

    Raises ConflictError("staff_exists") once anybody is in the team.
    """
    await _need_nobody(session)
    await session.execute(text("DELETE FROM invitation WHERE used_at IS NULL"))
    secret = secrets.token_urlsafe(32)
    invitation = Invitation(token_hash=_kept_form(secret), expires_at=now + lasts)
    session.add(invitation)
    await session.flush()
    await record(session, SYSTEM, Act.INVITATION_CREATED, f"invitation:{invitation.id}")
    return secret


async def still_good(session: AsyncSession, secret: str, now: datetime) -> bool:
    """Whether the link of a first admin may still be used; for others `invited_by_link` tells."""
    return await _found(session, secret, now, first=True) is not None


async def accept(
    session: AsyncSession,
    secret: str,
    *,
    name: str,
    email: str,
    password: str,
    now: datetime,
    unit_code: str = "GOC",
    unit_name: str = "Đơn vị gốc",
    request: str | None = None,
    address: str | None = None,
    cost: Cost = FULL,
) -> Staff:
    """Makes the first admin, in the root unit, which is made too if there is none yet.

    Raises NotFoundError("invitation_over") for a link that is used, old or another's, InvalidError
    with the fields at fault (the link then stays good), ConflictError("staff_exists").
    """
    invitation = await _found(session, secret, now, first=True, lock=True)
    if invitation is None:
        raise NotFoundError("invitation_over")
    await _need_nobody(session)
    actor = Actor(kind="system", id="invitation", request=request, address=address)
    root = await session.scalar(
        select(Unit).where(col(Unit.parent_id).is_(None)).order_by(col(Unit.id)).limit(1)
    )
    if root is None:
        root = await units.add(session, actor, code=unit_code, name=unit_name)
    staff = await people.add(
        session,
        actor,
        email=email,
        name=name,
        roles=("admin",),
        unit_code=root.code,
        password=password,
        cost=cost,
    )
    invitation.used_at = now
    invitation.staff_id = staff.id
    await session.flush()
    await record(
        session,
        actor,
        Act.INVITATION_ACCEPTED,
        f"invitation:{invitation.id}",
        unit=root.id,
        details={"staff": staff.id},
    )
    return staff


async def invite(
    session: AsyncSession,
    caller: Caller,
    *,
    name: str,
    email: str,
    roles: Collection[str],
    unit_code: str,
    now: datetime,
    lasts: timedelta = LASTS,
) -> str:
    """Adds a person who cannot sign in yet, and gives the secret of their link; it is kept nowhere.

    Raises as `people.add` does, and ForbiddenError for who is no admin.
    """
    caller.need_role("admin")
    staff = await people.add(
        session, caller, email=email, name=name, roles=roles, unit_code=unit_code
    )
    return await _link(session, caller.actor, staff, now + lasts)


async def reinvite(
    session: AsyncSession,
    by: Actor | Caller,
    staff_id: UUID,
    *,
    now: datetime,
    lasts: timedelta = LASTS,
) -> str:
    """The secret of a new link, for who never came or forgot the password; earlier links end.

    A password that stands, stands until the link is used. Raises NotFoundError,
    ForbiddenError("own_account"), ConflictError("staff_inactive").
    """
    people.need_another(by, staff_id)
    staff = await people.locked(session, staff_id)
    actor = admin_of(by, staff.unit_id)
    if not staff.active:
        raise ConflictError("staff_inactive")
    await people.end_invitations(session, staff_id)
    return await _link(session, actor, staff, now + lasts)


async def invited_by_link(session: AsyncSession, secret: str, now: datetime) -> Invited | None:
    """Whom a link is for; None for one that is over, not ours, or the first admin's."""
    invitation = await _found(session, secret, now, first=False)
    staff = await session.get(Staff, invitation.staff_id) if invitation else None
    if staff is None or not staff.active:
        return None
    return Invited(
        staff_id=staff.id,
        name=staff.name,
        email=staff.email,
        locale=staff.locale,
        pending=staff.password_hash is None,
    )


async def accept_invitation(
    session: AsyncSession,
    secret: str,
    *,
    password: str,
    now: datetime,
    request: str | None = None,
    address: str | None = None,
    cost: Cost = FULL,
) -> Staff:
    """Sets the password of whom the link is for; their sessions end, a phone stays asked for.

    Raises NotFoundError("invitation_over") for a link that is used, old or not ours, InvalidError
    for the password's length (the link then stays good).
    """
    passwords.need_length(password)
    invited = await invited_by_link(session, secret, now)
    if invited is None:
        raise NotFoundError("invitation_over")
    fresh = await passwords.hashed(password, cost=cost)
    # The person before their link, as whoever makes a new one or lets them go does.
    staff = await people.locked(session, invited.staff_id)
    invitation = await _found(session, secret, now, first=False, lock=True)
    if invitation is None or not staff.active:
        raise NotFoundError("invitation_over")
    actor = Actor(kind="system", id="invitation", request=request, address=address)
    invitation.used_at = now
    await people.put_password(session, actor, staff, fresh)
    await record(
        session,
        actor,
        Act.INVITATION_ACCEPTED,
        f"invitation:{invitation.id}",
        unit=staff.unit_id,
        details={"staff": staff.id},
    )
    return staff


async def _link(session: AsyncSession, actor: Actor, staff: Staff, until: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    invitation = Invitation(token_hash=_kept_form(secret), staff_id=staff.id, expires_at=until)
    session.add(invitation)
    await session.flush()
    await record(
        session,
        actor,
        Act.INVITATION_CREATED,
        f"invitation:{invitation.id}",
        unit=staff.unit_id,
        details={"staff": staff.id, "expires_at": until},
    )
    return secret


async def _found(
    session: AsyncSession, secret: str, now: datetime, *, first: bool, lock: bool = False
) -> Invitation | None:
    """The open link of this secret: that of a first admin, or of somebody who is known."""
    theirs = col(Invitation.staff_id).is_(None) if first else col(Invitation.staff_id).is_not(None)
    wanted = select(Invitation).where(
        col(Invitation.token_hash) == _kept_form(secret),
        col(Invitation.used_at).is_(None),
        col(Invitation.expires_at) > now,
        theirs,
    )
    found: Invitation | None = await session.scalar(wanted.with_for_update() if lock else wanted)
    return found


async def _need_nobody(session: AsyncSession) -> None:
    if await session.scalar(select(col(Staff.id)).limit(1)) is not None:
        raise ConflictError("staff_exists")


def _kept_form(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
