"""The record of who did what to what: only ever appended, each entry chained to the one before."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field

from services.storage.columns import Row, instant, jsonb


class AuditEntry(Row, table=True):
    """One act. `actor` and `object` are `kind:id`; hashes are SHA-256 over a canonical encoding."""

    __table_args__ = (Index(None, "object"), Index(None, "at"))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = instant()
    actor: str
    act: str
    object: str
    unit: str | None = None
    before_hash: str | None = None
    after_hash: str | None = None
    reason: str | None = None
    details: dict[str, JsonValue] = jsonb()
    session: str | None = None
    request: str | None = None
    address: str | None = None
    prev_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditHead(Row, table=True):
    """The end of the chain: one row, locked by whoever appends."""

    id: int = Field(default=1, primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
