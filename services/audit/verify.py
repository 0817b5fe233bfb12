"""Walks the chain and says where it was broken, if it was."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, Table, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.chain import START, Entry, entry_hash
from services.audit.tables import AuditEntry, AuditHead
from services.storage.columns import Row

_BATCH = 2_000
_ENTRY: Table = Row.metadata.tables[AuditEntry.__tablename__]


class Break(StrEnum):
    """In what way the record no longer is what was written."""

    GAP = "gap"  # an entry is missing before this one
    CHANGED = "changed"  # what stands in this entry is not what was written
    LINK = "link"  # this entry does not point back to the one before
    TAIL_CUT = "tail_cut"  # the head knows of later entries, which are gone
    HEAD = "head"  # the head does not belong to the last entry, or is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many entries were walked, whether all hold, and else the first bad one and why."""

    count: int
    ok: bool
    first_bad_seq: int | None = None
    why: Break | None = None


async def verify(session: AsyncSession) -> Verdict:
    """Whether every entry up to the head stands as it was written. Reads only; safe to repeat.

    Entries appended while it runs are left to the next walk.
    """
    last = select(func.max(_ENTRY.c.seq))
    standing = (
        await session.execute(
            # One statement, so that the head and the last entry are seen at one instant.
            select(col(AuditHead.seq), col(AuditHead.hash), last.scalar_subquery())
        )
    ).one_or_none()
    if standing is None:
        return Verdict(count=0, ok=False, why=Break.HEAD)
    head_seq, head_hash, last_seq = standing
    walked, prev_hash = 0, START
    while walked < head_seq:
        rows = (
            await session.execute(
                select(_ENTRY)
                .where(_ENTRY.c.seq > walked, _ENTRY.c.seq <= head_seq)
                .order_by(_ENTRY.c.seq)
                .limit(_BATCH)
            )
        ).mappings()
        before = walked
        for row in rows:
            why = None
            if row["seq"] != walked + 1:
                why = Break.GAP
            elif row["prev_hash"] != prev_hash:
                why = Break.LINK
            elif row["hash"] != _hash_of(row):
                why = Break.CHANGED
            if why is not None:
                return Verdict(count=walked, ok=False, first_bad_seq=row["seq"], why=why)
            walked, prev_hash = row["seq"], row["hash"]
        if walked == before:
            return Verdict(count=walked, ok=False, first_bad_seq=walked + 1, why=Break.TAIL_CUT)
    if (last_seq or 0) != head_seq or prev_hash != head_hash:
        return Verdict(count=walked, ok=False, first_bad_seq=head_seq, why=Break.HEAD)
    return Verdict(count=walked, ok=True)


def _hash_of(row: RowMapping) -> bytes:
    fields = {name: row[name] for name in Entry.__slots__}
    return entry_hash(Entry(**fields), row["prev_hash"])


def sound(entry: AuditEntry) -> bool:
    """Whether one entry stands as it was written, by its own hash and that of the one before it."""
    fields = {name: getattr(entry, name) for name in Entry.__slots__}
    return entry_hash(Entry(**fields), entry.prev_hash) == entry.hash
