"""Takes what a channel calls us with: verified, stored raw and once, and nothing else inline.

Order and numbers: reliability-security.md R68 to R72. What is stored here is a hint that makes the
hub look; it never publishes, withdraws or proves anything by itself.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels import accounts
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.inbox.tables import InboundEvent
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.channel import Receiver
from shared.errors import NotFoundError

# What a stranger can make us keep: 1,000 bodies of 64 KiB for each account, no more.
QUARANTINE_COUNT: Final = 1_000
QUARANTINE_BYTES: Final = 64 * 1024
_HEADER_COUNT: Final = 60
_HEADER_CHARS: Final = 1_000
_NOT_KEPT: Final = frozenset({"authorization", "cookie", "proxy-authorization"})

_ROOM_LEFT = text(
    "SELECT count(*) < :most FROM (SELECT 1 FROM inbound_event"
    " WHERE account_id = :account AND verdict = 'quarantined' LIMIT :most) AS held"
)


class Received(StrEnum):
    """What became of a delivery; the door turns it into a status."""

    STORED = "stored"
    SEEN_BEFORE = "seen_before"
    QUARANTINED = "quarantined"  # bad signature, kept aside: a wrong secret can be mended
    DROPPED = "dropped"  # bad signature, and no more room or too large to keep
    REFUSED = "refused"  # bad signature, and this channel wants to be told
    UNCONFIGURED = "unconfigured"  # no secret to check with: never accept


async def receive(
    session: AsyncSession,
    registry: Registry,
    sealer: Sealer,
    *,
    channel: str,
    account_id: UUID,
    headers: Mapping[str, str],
    body: bytes,
) -> Received:
    """Checks one delivery and stores its events. Safe to repeat: an event is stored once.

    `headers` have lower-case names. NotFoundError when no such account takes calls.
    """
    account, receiver = await _receiver(session, registry, sealer, channel, account_id)
    verdict = receiver.verify(account, headers=headers, body=body)
    if verdict == "unconfigured":
        return Received.UNCONFIGURED
    if verdict == "bad":
        # Some channels end the subscription of whoever refuses too often; the adapter knows.
        if receiver.refuses_bad_signature:
            return Received.REFUSED
        return await _quarantine(session, account_id, headers, body)
    events = receiver.events(body) or (_unknown(body),)
    return await _store(session, account_id, headers, body, events)


async def handshake(
    session: AsyncSession,
    registry: Registry,
    sealer: Sealer,
    *,
    channel: str,
    account_id: UUID,
    query: Mapping[str, str],
) -> str | None:
    """The body that answers a channel's set-up call, or None to refuse it."""
    account, receiver = await _receiver(session, registry, sealer, channel, account_id)
    return receiver.handshake(account, query)


async def _receiver(
    session: AsyncSession, registry: Registry, sealer: Sealer, channel: str, account_id: UUID
) -> tuple[messages.Account, Receiver]:
    row = await session.scalar(
        select(Account).where(
            col(Account.id) == account_id,
            col(Account.channel) == channel,
            col(Account.stage) != "closed",
        )
    )
    if row is None:
        raise NotFoundError("account_not_found")
    adapter: object = registry.get(channel)
    if not isinstance(adapter, Receiver):
        raise NotFoundError("account_not_found")
    return accounts.opened(registry, sealer, row), adapter


async def _store(
    session: AsyncSession,
    account_id: UUID,
    headers: Mapping[str, str],
    body: bytes,
    events: Sequence[messages.InboundEvent],
) -> Received:
    now = utc_now()
    kept = _kept(headers)
    rows: dict[str, dict[str, object]] = {
        event.key: {
            "id": new_id(),
            "account_id": account_id,
            "key": event.key,
            "kind": event.kind,
            "verdict": "ok",
            "body": b"",
            "headers": {},
            "sent_at": event.sent_at,
            "received_at": now,
        }
        for event in events
    }
    statement = insert(InboundEvent).values(list(rows.values()))
    fresh = (
        await session.scalars(
            statement.on_conflict_do_nothing(index_elements=["account_id", "key"]).returning(
                col(InboundEvent.id)
            )
        )
    ).all()
    if not fresh:
        return Received.SEEN_BEFORE
    # One delivery may hold a thousand events in 4 MiB: the first new one keeps the body, the others
    # name it.
    first = min(fresh)
    await session.execute(
        update(InboundEvent)
        .where(col(InboundEvent.id) == first)
        .values(body=body, headers=kept)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(InboundEvent)
        .where(col(InboundEvent.id).in_([one for one in fresh if one != first]))
        .values(headers={"body-of": str(first)})
        .execution_options(synchronize_session=False)
    )
    return Received.STORED


async def _quarantine(
    session: AsyncSession, account_id: UUID, headers: Mapping[str, str], body: bytes
) -> Received:
    """Keeps an unproven delivery aside under a key that no genuine event can ever have."""
    if len(body) > QUARANTINE_BYTES:
        return Received.DROPPED
    room = await session.scalar(_ROOM_LEFT, {"account": account_id, "most": QUARANTINE_COUNT})
    if not room:
        return Received.DROPPED
    statement = insert(InboundEvent).values(
        id=new_id(),
        account_id=account_id,
        key=f"quarantine:{hashlib.sha256(body).hexdigest()}",
        kind="unknown",
        verdict="quarantined",
        body=body,
        headers=_kept(headers),
        received_at=utc_now(),
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=["account_id", "key"]))
    return Received.QUARANTINED


def _unknown(body: bytes) -> messages.InboundEvent:
    """A verified delivery in which the adapter saw no event: kept all the same."""
    return messages.InboundEvent(
        key=f"sha256:{hashlib.sha256(body).hexdigest()}", kind="unknown", sent_at=None
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers worth keeping to check the signature again, within bounds."""
    wanted = [(name, value) for name, value in headers.items() if name not in _NOT_KEPT]
    return {
        name[:100]: value[:_HEADER_CHARS].replace("\x00", "")
        for name, value in wanted[:_HEADER_COUNT]
    }
