"""Answers kept so that a repeated request gets the same one again."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from services.storage.columns import Row, instant, jsonb, optional_instant
from shared.clock import utc_now


class IdempotentAnswer(Row, table=True):
    """The answer to one `Idempotency-Key` of one caller on one route; kept seven days."""

    caller: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int | None = None
    headers: dict[str, str] = jsonb()
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    started_at: datetime = instant(default_factory=utc_now)
    ended_at: datetime | None = optional_instant()
