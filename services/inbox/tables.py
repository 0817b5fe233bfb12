"""What channels tell us, stored raw and once before anything is done with it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from services.storage.columns import Row, instant, jsonb, key, optional_instant
from shared.clock import utc_now


class InboundEvent(Row, table=True):
    """One webhook delivery. `quarantined` when its signature did not hold: never acted on.

    Kept at least seven days: the unique key is the protection against replays (R69).
    """

    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        Index("ix_inbound_event_account_id_received_at", "account_id", text("received_at DESC")),
        CheckConstraint("verdict IN ('ok','quarantined')", "verdict"),
    )
    id: UUID = key()
    account_id: UUID = Field(foreign_key="account.id", index=True)
    key: str
    kind: str
    verdict: str = "ok"
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    headers: dict[str, str] = jsonb()
    sent_at: datetime | None = optional_instant()
    received_at: datetime = instant(default_factory=utc_now)
    handled_at: datetime | None = optional_instant()
