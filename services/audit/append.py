"""Writes the record: every act in the transaction that does it, at its very end.

All entries stand in one line, so whoever appends locks the head of the chain. That lock is taken
only when the transaction is about to commit: a long act holds up no other, and since nobody asks
for a further lock after it, it can be part of no deadlock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.chain import Entry, entry_hash, plain, sound, state_hash
from services.audit.tables import AuditEntry, AuditHead
from services.storage.session import Opener

_WAITING = "audit.waiting"  # key in Session.info


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    actor: Actor
    act: str
    object: str
    unit: str | None
    before_hash: str | None
    after_hash: str | None
    reason: str | None
    details: dict[str, JsonValue]


async def record(
    session: AsyncSession,
    actor: Actor,
    act: str,
    object: str,  # noqa: A002  # the word of the contract: GET /audit?object=
    *,
    unit: UUID | str | None = None,
    before: object = None,
    after: object = None,
    reason: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Notes an act; its entry is appended when the transaction commits, and never without it.

    `object` is `kind:id`. Of `before` and `after` (anything with a plain form) only hashes are
    kept. `details` must hold ids and facts, no secrets and no citizen's words. Raises ValueError
    for an act that the catalogue does not name. Not to be repeated: each call is one more entry.
    """
    note = _Note(
        actor=actor,
        act=Act(act).value,
        object=sound(object),
        unit=None if unit is None else str(unit),
        before_hash=state_hash(before),
        after_hash=state_hash(after),
        reason=None if reason is None else sound(reason),
        details={sound(name): plain(value) for name, value in (details or {}).items()},
    )
    if session.in_nested_transaction():
        # A savepoint may be rolled back alone: then its entries must go with it.
        await session.run_sync(lambda sync: _append(sync, [note]))
    else:
        session.info.setdefault(_WAITING, []).append(note)


async def record_refusal(
    open_work: Opener,
    actor: Actor,
    act: str,
    object: str,  # noqa: A002  # as in `record`
    *,
    code: str,
    unit: UUID | str | None = None,
    reason: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Records that an act was refused, in a transaction of its own.

    The transaction of the refused act is rolled back; call this after it, never inside it.
    """
    async with open_work() as session:
        await record(
            session,
            actor,
            act,
            object,
            unit=unit,
            reason=reason,
            details={**(details or {}), "code": code},
        )


@event.listens_for(Session, "before_commit")
def _append_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return
    notes: list[_Note] = session.info.pop(_WAITING, [])
    if notes:
        session.flush()
        _append(session, notes)


@event.listens_for(Session, "after_soft_rollback")
def _forget_waiting(session: Session, previous: SessionTransaction) -> None:
    if not previous.nested:
        session.info.pop(_WAITING, None)


def _append(session: Session, notes: list[_Note]) -> None:
    seq, prev_hash, at = session.execute(
        select(col(AuditHead.seq), col(AuditHead.hash), func.clock_timestamp())
        .where(col(AuditHead.id) == 1)
        .with_for_update()
    ).one()
    rows: list[dict[str, object]] = []
    for note in notes:
        seq += 1
        entry = Entry(
            seq=seq,
            at=at,
            actor=note.actor.name,
            act=note.act,
            object=note.object,
            unit=note.unit,
            before_hash=note.before_hash,
            after_hash=note.after_hash,
            reason=note.reason,
            details=note.details,
            session=note.actor.session,
            request=note.actor.request,
            address=note.actor.address,
        )
        own_hash = entry_hash(entry, prev_hash)
        rows.append(
            {
                **{name: getattr(entry, name) for name in Entry.__slots__},
                "prev_hash": prev_hash,
                "hash": own_hash,
            }
        )
        prev_hash = own_hash
    session.execute(insert(AuditEntry), rows)
    session.execute(update(AuditHead).values(seq=seq, hash=prev_hash))
