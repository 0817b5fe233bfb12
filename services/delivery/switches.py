"""The hub-wide switches: the freeze that people pull, and the fence of a restored hub.

A switch is a row. The statement that begins a call reads it (`services/delivery/intent.py`), so
nothing has to be told anybody: from the next call on it holds.
"""

from datetime import datetime
from typing import TypeAlias

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.delivery.tables import Switch
from services.delivery.wake import wake_all
from services.staff.caller import Caller
from shared.errors import FieldError, InvalidError
from shared.text import one_line

By: TypeAlias = "Caller | Actor"
"""A person whose role is checked, or an actor whose rights were checked before (a terminal)."""

FREEZE = "freeze"
FENCE = "fence"

_OBJECT = "hub:loa"

_ON = text(
    """
    INSERT INTO switch (name, reason, until, by, at) VALUES (:name, :reason, :until, :by, now())
    ON CONFLICT (name) DO UPDATE SET
      reason = excluded.reason, until = excluded.until, by = excluded.by, at = now()
    """
)
_PAST = text("SELECT CAST(:until AS timestamptz) <= now()")
_OFF = text("DELETE FROM switch WHERE name = :name RETURNING name")


async def freeze(
    session: AsyncSession, who: By, reason: str, until: datetime | None = None
) -> Switch:
    """Holds every publish and update from now on, till `until` or till somebody lifts it.

    Withdrawals and looks go on. A freeze that is on takes the new reason and end. Raises
    InvalidError `reason_missing` or `until_past`.
    """
    actor = _allowed(who, "approver", "admin")
    if until is not None and await session.scalar(_PAST, {"until": until}):
        detail = "Giờ kết thúc đã qua · That instant has passed"
        raise InvalidError(
            "until_past", fields=(FieldError(field="until", code="until_past", detail=detail),)
        )
    return await _on(session, actor, FREEZE, Act.FREEZE_ON, reason, until)


async def unfreeze(session: AsyncSession, who: By) -> None:
    """Lets publishing go on, at once; lifting what is not on changes nothing."""
    await _off(session, _allowed(who, "approver", "admin"), FREEZE, Act.FREEZE_OFF)


async def frozen(session: AsyncSession) -> Switch | None:
    """The freeze that holds now; None when there is none or its end has passed."""
    found = await session.scalars(
        select(Switch)
        .where(col(Switch.name) == FREEZE, text("(until IS NULL OR until > now())"))
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def fence_on(session: AsyncSession, who: By, reason: str) -> Switch:
    """Holds all sending, withdrawals too: what a restored hub starts with. Safe to repeat."""
    return await _on(session, _allowed(who, "admin"), FENCE, Act.FENCE_ON, reason, None)


async def fence_off(session: AsyncSession, who: By, reason: str) -> None:
    """Lets a restored hub send again; lifting what is not on changes nothing."""
    actor = _allowed(who, "admin")
    await _off(session, actor, FENCE, Act.FENCE_OFF, reason=_reason(reason))


async def fenced(session: AsyncSession) -> Switch | None:
    """The fence of a restored hub; None when it was lifted or never stood."""
    found = await session.scalars(
        select(Switch).where(col(Switch.name) == FENCE).execution_options(populate_existing=True)
    )
    return found.one_or_none()


def _allowed(who: By, *roles: str) -> Actor:
    if isinstance(who, Actor):
        return who
    who.need_role(*roles)
    return who.actor


def _reason(reason: str) -> str:
    told = one_line(reason)
    if not told:
        detail = "Cần nêu lý do · A reason is needed"
        raise InvalidError(
            "reason_missing", fields=(FieldError(field="reason", code="missing", detail=detail),)
        )
    return told


async def _on(
    session: AsyncSession, actor: Actor, name: str, act: Act, reason: str, until: datetime | None
) -> Switch:
    told = _reason(reason)
    await session.execute(_ON, {"name": name, "reason": told, "until": until, "by": actor.name})
    await record(
        session,
        actor,
        act,
        _OBJECT,
        reason=told,
        details={"until": until.isoformat() if until else None},
    )
    found = await session.scalars(
        select(Switch).where(col(Switch.name) == name).execution_options(populate_existing=True)
    )
    return found.one()


async def _off(
    session: AsyncSession, actor: Actor, name: str, act: Act, *, reason: str | None = None
) -> None:
    if await session.scalar(_OFF, {"name": name}) is None:
        return
    await record(session, actor, act, _OBJECT, reason=reason)
    # What waited is due again, and no wake was kept for it.
    await wake_all(session)
