"""One-time codes from a phone, as a second factor: TOTP.

RFC 6238 over RFC 4226: HMAC-SHA-1, steps of 30 seconds, six digits, as every authenticator app
expects. The present step and the one before are accepted, each only once (R76).
"""

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff.tables import Staff
from shared.errors import FieldError, InvalidError, NotFoundError

_STEP_SECONDS: Final = 30
_DIGITS: Final = 6
_SECRET_BYTES: Final = 20  # RFC 4226 section 4, R6: 160 bits


class Seals(Protocol):
    """What seals a secret at rest; `services.channels.sealing.Sealer` is one."""

    def seal(self, plain: bytes, context: str, /) -> bytes: ...
    def open(self, sealed: bytes, context: str, /) -> bytes: ...
    def needs_reseal(self, sealed: bytes, /) -> bool: ...


def new_secret() -> bytes:
    """A fresh secret to share with one person's phone."""
    return secrets.token_bytes(_SECRET_BYTES)


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


async def enrol(
    session: AsyncSession,
    actor: Actor,
    seals: Seals,
    staff_id: UUID,
    *,
    secret: bytes,
    code: str,
    now: datetime,
) -> None:
    """Switches the second factor on, once the phone has shown that it has the secret.

    Raises InvalidError("otp_wrong") for a code that does not belong to it, NotFoundError.
    """
    step = matching_step(secret, code, now)
    if step is None:
        detail = "Mã không đúng hoặc đã hết hạn · Wrong or expired code"
        fault = FieldError(field="otp", code="otp_wrong", detail=detail)
        raise InvalidError("otp_wrong", fields=(fault,))
    await _set(session, actor, staff_id, seals.seal(secret, context(staff_id)), step)


async def remove(session: AsyncSession, actor: Actor, staff_id: UUID) -> None:
    """Switches the second factor off, for a lost phone. Raises NotFoundError."""
    await _set(session, actor, staff_id, None, None)


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
    stale = [(id_, sealed) for id_, sealed in rows if sealed and seals.needs_reseal(sealed)]
    for staff_id, sealed in stale:
        fresh = seals.seal(seals.open(sealed, context(staff_id)), context(staff_id))
        await session.execute(
            update(Staff)
            .where(col(Staff.id) == staff_id, col(Staff.otp_secret) == sealed)
            .values(otp_secret=fresh)
        )
    return len(stale)


def context(staff_id: UUID) -> str:
    """What a person's sealed secret is bound to."""
    return f"staff|{staff_id}|otp_secret"


async def _set(
    session: AsyncSession, actor: Actor, staff_id: UUID, sealed: bytes | None, step: int | None
) -> None:
    unit_id = await session.scalar(
        update(Staff)
        .where(col(Staff.id) == staff_id)
        .values(otp_secret=sealed, otp_last_step=step)
        .returning(col(Staff.unit_id))
    )
    if unit_id is None:
        raise NotFoundError("staff_not_found")
    await record(
        session,
        actor,
        Act.STAFF_OTP_CHANGED,
        f"staff:{staff_id}",
        unit=unit_id,
        details={"on": sealed is not None},
    )
