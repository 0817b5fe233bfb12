"""Keys for programs (R94): they draft and read, and no scope of theirs approves or publishes.

A token is `loa_`, 43 characters for 256 random bits, and six for a checksum, by which a scanner of
leaked secrets knows it for certain. Only its SHA-256 is kept.
"""

import hashlib
import secrets
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.staff.caller import Caller, caller_of
from services.staff.tables import SCOPES, ApiToken, Staff
from shared.errors import FieldError, InvalidError, NotFoundError
from shared.text import one_line

PREFIX: Final = "loa_"
LONGEST_DAYS: Final = 90
_RANDOM_CHARS: Final = 43  # 32 bytes in base64url
_CHECKSUM_CHARS: Final = 6  # CRC-32 in base 62
_TOUCH_EVERY: Final = timedelta(minutes=1)
# Asked by every request of a program; plain text, as it is cheapest to ask.
_GOOD: Final = text(
    "SELECT id, staff_id, scopes, last_used_at FROM api_token"
    " WHERE token_hash = :hash AND revoked_at IS NULL AND expires_at > :now"
)
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token just made; `secret` is shown once and kept nowhere."""

    id: UUID
    secret: str = field(repr=False)
    expires_at: datetime


async def add(
    session: AsyncSession,
    actor: Actor,
    staff_id: UUID,
    *,
    name: str,
    scopes: Collection[str],
    now: datetime,
    days: int = LONGEST_DAYS,
) -> NewToken:
    """A new token that belongs to this person and ends with them.

    Raises InvalidError with the fields at fault, NotFoundError for nobody active.
    """
    title = one_line(name)
    _need_sound(title, scopes, days)
    staff = await session.get(Staff, staff_id)
    if staff is None or not staff.active:
        raise NotFoundError("staff_not_found")
    body = PREFIX + secrets.token_urlsafe(32)
    secret = body + _checksum(body)
    row = ApiToken(
        staff_id=staff_id,
        name=title,
        prefix=secret[: len(PREFIX) + 6],
        token_hash=_kept_form(secret),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        actor,
        Act.TOKEN_ADDED,
        f"token:{row.id}",
        unit=staff.unit_id,
        details={"owner": staff_id, "scopes": row.scopes, "expires_at": row.expires_at},
    )
    return NewToken(id=row.id, secret=secret, expires_at=row.expires_at)


async def revoke(session: AsyncSession, actor: Actor, token_id: UUID, *, now: datetime) -> None:
    """Ends a token at once; doing it twice changes nothing. Raises NotFoundError."""
    row = await session.get(ApiToken, token_id, with_for_update=True)
    if row is None:
        raise NotFoundError("token_not_found")
    if row.revoked_at is not None:
        return
    row.revoked_at = now
    await session.flush()
    unit_id = await session.scalar(select(col(Staff.unit_id)).where(col(Staff.id) == row.staff_id))
    await record(
        session,
        actor,
        Act.TOKEN_REVOKED,
        f"token:{token_id}",
        unit=unit_id,
        details={"owner": row.staff_id},
    )


async def tokens_of(session: AsyncSession, staff_id: UUID) -> list[ApiToken]:
    """A person's tokens, newest first, ended ones too."""
    found = await session.scalars(
        select(ApiToken).where(col(ApiToken.staff_id) == staff_id).order_by(col(ApiToken.id).desc())
    )
    return list(found)


async def caller_of_token(
    session: AsyncSession,
    secret: str,
    now: datetime,
    *,
    request: str | None = None,
    address: str | None = None,
) -> Caller | None:
    """The program behind a bearer token; None for one that is wrong, over, or whose owner has left.

    Notes the use, at most once a minute and never waiting for another request.
    """
    if not well_formed(secret):
        return None
    await session.flush()
    row = (await session.execute(_GOOD, {"hash": _kept_form(secret), "now": now})).one_or_none()
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at > _TOUCH_EVERY:
        free = (
            select(col(ApiToken.id))
            .where(col(ApiToken.id) == row.id)
            .with_for_update(skip_locked=True)
        )
        await session.execute(
            update(ApiToken)
            .where(col(ApiToken.id).in_(free))
            .values(last_used_at=now)
            .execution_options(synchronize_session=False)
        )
    return await caller_of(
        session,
        row.staff_id,
        actor=Actor(kind="token", id=str(row.id), request=request, address=address),
        scopes=frozenset(row.scopes),
    )


def well_formed(secret: str) -> bool:
    """Whether this has the shape and the checksum of a token of ours; asks no database."""
    if len(secret) != len(PREFIX) + _RANDOM_CHARS + _CHECKSUM_CHARS or not secret.isascii():
        return False
    body, told = secret[:-_CHECKSUM_CHARS], secret[-_CHECKSUM_CHARS:]
    return body.startswith(PREFIX) and _checksum(body) == told


def _need_sound(title: str, scopes: Collection[str], days: int) -> None:
    faults = []
    if not title:
        detail = "Cần đặt tên cho khoá · The token needs a name"
        faults.append(FieldError(field="name", code="missing", detail=detail))
    if not scopes or set(scopes) - set(SCOPES):
        detail = f"Chọn trong: {', '.join(SCOPES)} · One or more of these scopes"
        faults.append(FieldError(field="scopes", code="scope_unknown", detail=detail))
    if not 1 <= days <= LONGEST_DAYS:
        detail = f"Từ 1 đến {LONGEST_DAYS} ngày · Between 1 and {LONGEST_DAYS} days"
        faults.append(FieldError(field="days", code="days_out_of_range", detail=detail))
    if faults:
        raise InvalidError("token_invalid", fields=tuple(faults))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARS):
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits


def _kept_form(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
