"""Ten codes on paper that stand in for a lost phone, each once (R76).

A code is 16 letters and digits, 80 random bits in Crockford's base 32 (no i, l, o, u), so a plain
SHA-256 keeps it; it is bound to its person.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.staff.tables import RecoveryCode

COUNT: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARS: Final = 16
_GROUP: Final = 4
_READ_AS: Final = str.maketrans("ilo", "110", "-")  # how people misread paper


async def make(session: AsyncSession, staff_id: UUID, now: datetime) -> tuple[str, ...]:
    """Ten fresh codes, to be shown once; those before them end."""
    await forget(session, staff_id)
    codes = tuple("".join(secrets.choice(_ALPHABET) for _ in range(_CHARS)) for _ in range(COUNT))
    session.add_all(
        RecoveryCode(staff_id=staff_id, code_hash=_kept_form(staff_id, code), created_at=now)
        for code in codes
    )
    await session.flush()
    return tuple(
        "-".join(code[at : at + _GROUP] for at in range(0, _CHARS, _GROUP)) for code in codes
    )


async def spend(session: AsyncSession, staff_id: UUID, code: str, now: datetime) -> bool:
    """Whether this is a code of the person's that was never used; it is used up by asking."""
    typed = "".join(code.lower().split()).translate(_READ_AS)
    if len(typed) != _CHARS:
        return False
    spent = await session.scalar(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.staff_id) == staff_id,
            col(RecoveryCode.code_hash) == _kept_form(staff_id, typed),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=now)
        .returning(col(RecoveryCode.id))
        .execution_options(synchronize_session=False)
    )
    return spent is not None


async def forget(session: AsyncSession, staff_id: UUID) -> None:
    """Ends every code of a person."""
    await session.execute(delete(RecoveryCode).where(col(RecoveryCode.staff_id) == staff_id))


async def recovery_codes_left(session: AsyncSession, staff_id: UUID) -> int:
    """How many codes a person can still use."""
    left = await session.scalar(
        select(func.count()).where(
            col(RecoveryCode.staff_id) == staff_id, col(RecoveryCode.used_at).is_(None)
        )
    )
    return left or 0


def _kept_form(staff_id: UUID, code: str) -> bytes:
    return hashlib.sha256(staff_id.bytes + code.encode("utf-8", "replace")).digest()
