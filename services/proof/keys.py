"""The keys that sign what is public: made at first use, sealed, replaced, never forgotten."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.channels.sealing import Sealer
from services.proof.tables import SigningKey
from shared.clock import utc_now

_ID_CHARS: Final = 16
_OBJECT: Final = "hub:loa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The present key, opened."""

    id: str
    private: Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of a key, and when it signed: `until` None while it still does."""

    id: str
    raw: bytes
    since: datetime
    until: datetime | None


def key_id(raw: bytes) -> str:
    """What a key is called: the beginning of the SHA-256 of its 32 public bytes, in hex."""
    return sha256(raw).hexdigest()[:_ID_CHARS]


async def signer(session: AsyncSession, sealer: Sealer) -> Signer:
    """The present key; the first call ever makes one.

    Raises SealError when the key that sealed it is gone: `loa record rotate` then makes another.
    """
    row = await _present(session)
    if row is None:
        await _make(session, sealer)
        row = await _present(session)
    if row is None:
        raise RuntimeError("a signing key was made and is not there")
    private = Ed25519PrivateKey.from_private_bytes(sealer.open(row.sealed, _context(row.id)))
    return Signer(id=row.id, private=private)


async def rotate(session: AsyncSession, actor: Actor, sealer: Sealer) -> str:
    """Retires the present key and gives the id of a new one; what was signed stays provable."""
    old = await _present(session, lock=True)
    now = utc_now()
    if old is not None:
        await session.execute(
            update(SigningKey).where(col(SigningKey.id) == old.id).values(retired_at=now)
        )
    made = await _make(session, sealer)
    await record(
        session,
        actor,
        Act.SIGNING_KEY_ROTATED,
        _OBJECT,
        before={"key": old.id if old else None},
        after={"key": made},
        details={"key": made},
    )
    return made


async def published(session: AsyncSession) -> list[PublicKey]:
    """The public half of every key there ever was, the present one first."""
    rows = await session.scalars(select(SigningKey).order_by(col(SigningKey.made_at).desc()))
    return [
        PublicKey(id=row.id, raw=row.public, since=row.made_at, until=row.retired_at)
        for row in rows
    ]


async def reseal(session: AsyncSession, sealer: Sealer) -> int:
    """Seals anew what an older LOA_SECRET_KEY has sealed; gives how many. Safe to repeat."""
    rows = list(await session.scalars(select(SigningKey).with_for_update()))
    count = 0
    for row in rows:
        stale = sealer.needs_reseal(row.sealed)
        fresh = sealer.resealed(row.sealed, _context(row.id)) if stale else None
        if fresh is not None:
            row.sealed = fresh
            count += 1
    await session.flush()
    return count


async def _present(session: AsyncSession, *, lock: bool = False) -> SigningKey | None:
    query = select(SigningKey).where(col(SigningKey.retired_at).is_(None))
    if lock:
        query = query.with_for_update()
    return (
        await session.scalars(query, execution_options={"populate_existing": True})
    ).one_or_none()


async def _make(session: AsyncSession, sealer: Sealer) -> str:
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name = key_id(raw)
    # Two processes may both find none: the index lets one through, the other reads it.
    await session.execute(
        insert(SigningKey)
        .values(
            id=name,
            public=raw,
            sealed=sealer.seal(private.private_bytes_raw(), _context(name)),
            made_at=utc_now(),
        )
        .on_conflict_do_nothing()
    )
    return name


def _context(name: str) -> str:
    return f"signing_key|{name}"
