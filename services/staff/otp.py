"""One-time codes from a phone, as a second factor, and the paper for the day it is lost.

RFC 6238 over RFC 4226: HMAC-SHA-1, steps of 30 seconds, six digits, as every authenticator app
expects. The present step and the one before are accepted, each only once (R76).
"""

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import quote, urlencode
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record, record_refusal
from services.staff import recovery, tries
from services.staff.caller import Caller, admin_of, session_of
from services.staff.people import end_sessions, locked, need_another
from services.staff.tables import Staff
from services.storage.session import Opener
from shared.errors import ConflictError, FieldError, ForbiddenError, InvalidError

_STEP_SECONDS: Final = 30
_DIGITS: Final = 6
_SECRET_BYTES: Final = 20  # RFC 4226 section 4, R6: 160 bits
_PENDING: Final = timedelta(hours=1)

Factor: TypeAlias = Literal["otp", "recovery"]


class Seals(Protocol):
    """What seals a secret at rest; `services.channels.sealing.Sealer` is one."""

    def seal(self, plain: bytes, context: str, /) -> bytes: ...
    def open(self, sealed: bytes, context: str, /) -> bytes: ...
    def needs_reseal(self, sealed: bytes, /) -> bool: ...
    def resealed(self, sealed: bytes, context: str, /) -> bytes | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A secret for a phone that still has to show a code: as letters to type, and as `otpauth:`.

    Both are shown on one page and go nowhere else.
    """

    secret: str = field(repr=False)
    address: str = field(repr=False)


def setup_address(secret: bytes, *, email: str, issuer: str = "Loa") -> str:
    """The `otpauth:` address that an authenticator app reads from a QR code; it is a secret."""
    label = quote(f"{issuer}:{email}", safe=":@")
    told = {"secret": base64.b32encode(secret).decode().rstrip("="), "issuer": issuer}
    return f"otpauth://totp/{label}?{urlencode(told)}"


def code_at(secret: bytes, step: int) -> str:
    """The six digits of one step (RFC 4226 section 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**_DIGITS:0{_DIGITS}d}"


def step_at(now: datetime) -> int:
    """The number of the 30-second step that holds this instant."""
    return int(now.timestamp()) // _STEP_SECONDS


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The step whose code was given, of the present one and the one before; None if neither's."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == _DIGITS):
        return None
    present = step_at(now)
    return next(
        (
            step
            for step in (present, present - 1)
            if hmac.compare_digest(code_at(secret, step), typed)
        ),
        None,
    )


async def begin_enrolment(
    session: AsyncSession, seals: Seals, caller: Caller, *, now: datetime
) -> Enrolment:
    """A secret for the caller's phone. No code is asked for before one was shown to be right.

    Safe to repeat: within the hour the same secret comes back. Raises ConflictError("otp_on")
    while another phone is enrolled: `remove_own_otp` first, which asks for a code.
    """
    caller.need_person()
    staff = await locked(session, caller.staff_id)
    if staff.otp_secret is not None:
        raise ConflictError("otp_on")
    secret = _pending(seals, staff, now)
    if secret is None:
        secret = secrets.token_bytes(_SECRET_BYTES)
        staff.otp_pending = seals.seal(secret, context(staff.id))
        staff.otp_pending_at = now
        await session.flush()
    return Enrolment(
        secret=base64.b32encode(secret).decode().rstrip("="),
        address=setup_address(secret, email=staff.email),
    )


async def finish_enrolment(
    session: AsyncSession, seals: Seals, caller: Caller, *, code: str, now: datetime
) -> tuple[str, ...]:
    """Asks for the phone from now on, as it has shown that it has the secret.

    Gives ten recovery codes, to be shown once, and ends the caller's other sessions. Raises
    InvalidError("otp_wrong"), ConflictError("otp_on"), ConflictError("otp_not_begun") when nothing
    was begun within the hour.
    """
    caller.need_person()
    staff = await locked(session, caller.staff_id)
    if staff.otp_secret is not None:
        raise ConflictError("otp_on")
    secret = _pending(seals, staff, now)
    if secret is None:
        raise ConflictError("otp_not_begun")
    step = matching_step(secret, code, now)
    if step is None:
        raise _wrong()
    staff.otp_secret = staff.otp_pending
    staff.otp_last_step = step
    staff.otp_pending = staff.otp_pending_at = None
    await session.flush()
    codes = await recovery.make(session, staff.id, now)
    await end_sessions(session, staff.id, but=session_of(caller), now=now)
    await _record(session, caller.actor, staff, on=True)
    return codes


async def remove_own_otp(
    open_work: Opener, seals: Seals, caller: Caller, *, code: str, now: datetime
) -> None:
    """Switches the caller's second factor off, against a code of the phone or of the paper.

    Works in transactions of its own, so that a wrong code stays counted. Raises
    InvalidError("otp_wrong"), ForbiddenError("tries_limited"), ConflictError("otp_off").
    """
    async with _shown(open_work, seals, caller, code, now) as (session, staff):
        await _switch_off(session, staff)
        await _record(session, caller.actor, staff, on=False)


async def renew_recovery_codes(
    open_work: Opener, seals: Seals, caller: Caller, *, code: str, now: datetime
) -> tuple[str, ...]:
    """Ten fresh recovery codes, to be shown once; the old ones end. Raises as `remove_own_otp`."""
    async with _shown(open_work, seals, caller, code, now) as (session, staff):
        codes = await recovery.make(session, staff.id, now)
        await record(
            session,
            caller.actor,
            Act.STAFF_RECOVERY_CODES_MADE,
            f"staff:{staff.id}",
            unit=staff.unit_id,
            details={"count": len(codes)},
        )
        return codes


async def reset_otp(session: AsyncSession, by: Actor | Caller, staff_id: UUID) -> None:
    """Switches another person's second factor off, for a lost phone, and ends their sessions.

    For an admin, and never for oneself: ForbiddenError("own_account"). Raises NotFoundError.
    Doing it twice changes nothing.
    """
    need_another(by, staff_id)
    staff = await locked(session, staff_id)
    actor = admin_of(by, staff.unit_id)
    if staff.otp_secret is None:
        return
    await _switch_off(session, staff)
    await end_sessions(session, staff_id)
    await _record(session, actor, staff, on=False)


async def second_factor(
    session: AsyncSession, seals: Seals, staff: Staff, code: str, now: datetime, *, actor: Actor
) -> Factor | None:
    """With what this code lets its person in, None for a wrong or used one; asking uses it up.

    A recovery code leaves a row in the record.
    """
    if await spend(session, seals, staff, code, now):
        return "otp"
    if staff.otp_secret is None or not await recovery.spend(session, staff.id, code, now):
        return None
    await record(
        session,
        actor,
        Act.STAFF_RECOVERY_CODE_USED,
        f"staff:{staff.id}",
        unit=staff.unit_id,
        details={"left": await recovery.recovery_codes_left(session, staff.id)},
    )
    return "recovery"


async def spend(
    session: AsyncSession, seals: Seals, staff: Staff, code: str, now: datetime
) -> bool:
    """Whether the code is right, and used for the first time; it is used up by asking."""
    if staff.otp_secret is None:
        return False
    step = matching_step(seals.open(staff.otp_secret, context(staff.id)), code, now)
    if step is None:
        return False
    spent = await session.scalar(
        update(Staff)
        .where(
            col(Staff.id) == staff.id,
            or_(col(Staff.otp_last_step).is_(None), col(Staff.otp_last_step) < step),
        )
        .values(otp_last_step=step)
        .returning(col(Staff.id))
        .execution_options(synchronize_session=False)
    )
    return spent is not None


async def reseal(session: AsyncSession, seals: Seals) -> int:
    """Seals anew what an older key has sealed; gives how many. For a key rotation."""
    rows = await session.execute(
        select(col(Staff.id), col(Staff.otp_secret)).where(col(Staff.otp_secret).is_not(None))
    )
    count = 0
    for staff_id, sealed in rows.all():
        stale = sealed is not None and seals.needs_reseal(sealed)
        fresh = seals.resealed(sealed, context(staff_id)) if sealed and stale else None
        if fresh is None:
            continue
        await session.execute(
            update(Staff)
            .where(col(Staff.id) == staff_id, col(Staff.otp_secret) == sealed)
            .values(otp_secret=fresh)
        )
        count += 1
    return count


def context(staff_id: UUID) -> str:
    """What a person's sealed secret is bound to."""
    return f"staff|{staff_id}|otp_secret"


def _pending(seals: Seals, staff: Staff, now: datetime) -> bytes | None:
    if staff.otp_pending is None or staff.otp_pending_at is None:
        return None
    if now - staff.otp_pending_at > _PENDING:
        return None
    return seals.open(staff.otp_pending, context(staff.id))


@asynccontextmanager
async def _shown(
    open_work: Opener, seals: Seals, caller: Caller, code: str, now: datetime
) -> AsyncIterator[tuple[AsyncSession, Staff]]:
    """A unit of work, with the caller's row locked, for whoever has shown a code of theirs."""
    caller.need_person()
    key = tries.key_of_code(caller.email)
    async with open_work() as session:
        counted = await tries.count(session, now, (key, tries.OF_CODES))
    try:
        if counted.over is not None:
            raise tries.limited(counted)
        async with open_work() as session:
            staff = await locked(session, caller.staff_id)
            if staff.otp_secret is None:
                raise ConflictError("otp_off")
            if not await second_factor(session, seals, staff, code, now, actor=caller.actor):
                raise _wrong()
            await tries.forget(session, [key])
            yield session, staff
    except (ForbiddenError, InvalidError) as refused:
        await record_refusal(
            open_work,
            caller.actor,
            Act.ACT_REFUSED,
            f"staff:{caller.staff_id}",
            code=refused.code,
            unit=caller.unit_id,
        )
        raise


async def _switch_off(session: AsyncSession, staff: Staff) -> None:
    await session.execute(
        update(Staff)
        .where(col(Staff.id) == staff.id)
        .values(otp_secret=None, otp_last_step=None, otp_pending=None, otp_pending_at=None)
    )
    await recovery.forget(session, staff.id)


async def _record(session: AsyncSession, actor: Actor, staff: Staff, *, on: bool) -> None:
    await record(
        session,
        actor,
        Act.STAFF_OTP_CHANGED,
        f"staff:{staff.id}",
        unit=staff.unit_id,
        details={"on": on},
    )


def _wrong() -> InvalidError:
    detail = "Mã không đúng hoặc đã hết hạn · Wrong or expired code"
    fault = FieldError(field="otp", code="otp_wrong", detail=detail)
    return InvalidError("otp_wrong", fields=(fault,))
