"""Connected accounts, with what the channel lets us do right now."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from services.storage.columns import Row, instant, jsonb, key, optional_instant
from shared.clock import utc_now


class Account(Row, table=True):
    """One OA, Page or portal feed.

    Paused is a fact about the account, never a state of its publications. `rate_until` holds all
    but withdrawals, `quota_until` new posts only, `breaker_until` sends but not looks. The token
    columns are a lease: whoever moved `token_state` to `renewing` may spend the refresh token,
    until `token_until`; nobody else may.
    """

    __table_args__ = (
        Index(
            "uq_account_channel_remote_id_open",
            "channel",
            "remote_id",
            unique=True,
            postgresql_where=text("stage <> 'closed'"),
        ),
        Index(
            "uq_account_name_open", "name", unique=True, postgresql_where=text("stage <> 'closed'")
        ),
        CheckConstraint("stage IN ('trial','official','closed')", "stage"),
        CheckConstraint("state IN ('active','paused')", "state"),
        CheckConstraint("token_state IN ('ok','renewing','uncertain','consent')", "token_state"),
    )
    id: UUID = key()
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    channel: str
    name: str
    remote_id: str
    settings: dict[str, object] = jsonb()
    sealed_credentials: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stage: str = "official"
    state: str = "active"
    pause_code: str | None = None
    pause_reason: str | None = None
    paused_at: datetime | None = optional_instant()
    credentials_version: int = 1
    token_state: str = "ok"  # noqa: S105  # the name of a state
    token_until: datetime | None = optional_instant()
    token_expires_at: datetime | None = optional_instant()
    token_renewed_at: datetime | None = optional_instant()
    rate_until: datetime | None = optional_instant()
    quota_until: datetime | None = optional_instant()
    breaker_until: datetime | None = optional_instant()
    breaker_failures: int = 0
    usage: float | None = None
    usage_at: datetime | None = optional_instant()
    checked_at: datetime | None = optional_instant()
    check_ok: bool | None = None
    created_at: datetime = instant(default_factory=utc_now)


class OldCredentials(Row, table=True):
    """A credential pair that was replaced, sealed, for seven days (R54): a refresh can go wrong."""

    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    version: int = Field(primary_key=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    replaced_at: datetime = instant(default_factory=utc_now)


class Consent(Row, table=True):
    """An OAuth consent under way; its random state is spent once."""

    state_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    account_id: UUID = Field(foreign_key="account.id", index=True)
    sealed_verifier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    redirect_uri: str
    by: UUID = Field(foreign_key="staff.id")
    expires_at: datetime = instant()
    used_at: datetime | None = optional_instant()
