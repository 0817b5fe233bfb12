"""One-time links with which the first admin, before whom there is nobody, sets a password."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import SYSTEM, Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff import people, units
from services.staff.passwords import FULL, Cost
from services.staff.tables import Invitation, Staff, Unit
from shared.errors import ConflictError, NotFoundError

LASTS: Final = timedelta(days=7)


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
    """Whether the link may still be used: what decides which page a visitor is shown."""
    return await _found(session, secret, now) is not None


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

    Raises NotFoundError("invitation_over") for a link that is used, old or not ours, InvalidError
    with the fields at fault (the link then stays good), ConflictError("staff_exists").
    """
    invitation = await _found(session, secret, now)
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


async def _found(session: AsyncSession, secret: str, now: datetime) -> Invitation | None:
    found: Invitation | None = await session.scalar(
        select(Invitation)
        .where(
            col(Invitation.token_hash) == _kept_form(secret),
            col(Invitation.used_at).is_(None),
            col(Invitation.expires_at) > now,
        )
        .with_for_update()
    )
    return found


async def _need_nobody(session: AsyncSession) -> None:
    if await session.scalar(select(col(Staff.id)).limit(1)) is not None:
        raise ConflictError("staff_exists")


def _kept_form(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
