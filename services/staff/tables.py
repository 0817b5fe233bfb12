"""Units, the people in them, and what they sign in with."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.storage.columns import Row, instant, key, optional_instant
from shared.clock import utc_now

ROLES = ("editor", "approver", "responder", "admin", "leader", "auditor")
SCOPES = ("draft:write", "media:write", "status:read", "metrics:read", "inbox:read")


class Unit(Row, table=True):
    """An agency or a part of it; units form a tree."""

    id: UUID = key()
    code: str = Field(unique=True)
    name: str
    parent_id: UUID | None = Field(default=None, foreign_key="unit.id", index=True)
    created_at: datetime = instant(default_factory=utc_now)


class Staff(Row, table=True):
    """A person of the team. `email` is stored lower case.

    Without `password_hash` they were invited and have not come yet. `otp_pending` is the sealed
    secret of a phone that has not shown a code so far: it is asked for by nobody.
    """

    id: UUID = key()
    email: str = Field(unique=True)
    name: str
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    password_hash: str | None = None
    otp_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    otp_last_step: int | None = None
    otp_pending: bytes | None = Field(default=None, sa_type=LargeBinary)
    otp_pending_at: datetime | None = optional_instant()
    locale: str = "vi"
    active: bool = True
    created_at: datetime = instant(default_factory=utc_now)
    signed_in_at: datetime | None = optional_instant()


class StaffRole(Row, table=True):
    """One role of one person, from when and by whom."""

    __table_args__ = (
        CheckConstraint(
            "role IN ('editor','approver','responder','admin','leader','auditor')", "role"
        ),
    )
    staff_id: UUID = Field(foreign_key="staff.id", primary_key=True)
    role: str = Field(primary_key=True)
    granted_at: datetime = instant(default_factory=utc_now)
    granted_by: UUID | None = Field(default=None, foreign_key="staff.id")


class Session(Row, table=True):
    """A sign-in. Only the hash of the cookie's value is kept."""

    id: UUID = key()
    staff_id: UUID = Field(foreign_key="staff.id", index=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    created_at: datetime = instant(default_factory=utc_now)
    last_seen_at: datetime = instant(default_factory=utc_now)
    expires_at: datetime = instant()
    ended_at: datetime | None = optional_instant()


class SignInFailure(Row, table=True):
    """One try that was refused, for the limits of R79; kept for a day.

    `email` is what it counts against: an e-mail address, or a key of `tries.py`.
    """

    __table_args__ = (Index(None, "email", "at"),)
    id: UUID = key()
    email: str
    at: datetime = instant(default_factory=utc_now)


class ApiToken(Row, table=True):
    """A program's key: it drafts and reads, it never approves. Only its hash is kept."""

    id: UUID = key()
    staff_id: UUID = Field(foreign_key="staff.id", index=True)
    name: str
    prefix: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = instant(default_factory=utc_now)
    expires_at: datetime = instant()
    last_used_at: datetime | None = optional_instant()
    revoked_at: datetime | None = optional_instant()


class Invitation(Row, table=True):
    """A one-time link with which a person sets a password: `staff_id`, or the first admin."""

    id: UUID = key()
    token_hash: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    staff_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("staff.id"), nullable=True)
    )
    expires_at: datetime = instant()
    used_at: datetime | None = optional_instant()


class RecoveryCode(Row, table=True):
    """One code on paper that stands in for the phone, once. Only its hash is kept."""

    id: UUID = key()
    staff_id: UUID = Field(foreign_key="staff.id", index=True)
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = instant(default_factory=utc_now)
    used_at: datetime | None = optional_instant()


class StaffPreference(Row, table=True):
    """How one person wants the console to be; `preferences.py` has the names."""

    staff_id: UUID = Field(foreign_key="staff.id", primary_key=True)
    name: str = Field(primary_key=True)
    value: JsonValue = Field(sa_column=Column(JSONB, nullable=False))


class AgencySetting(Row, table=True):
    """How this house works; `agency.py` has the names and what each holds."""

    name: str = Field(primary_key=True)
    value: JsonValue = Field(sa_column=Column(JSONB, nullable=False))
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)


class OldCategory(Row, table=True):
    """A category's former name in addresses, for ever; `now` is what it became (None: gone)."""

    slug: str = Field(primary_key=True)
    now: str | None = None
    at: datetime = instant(default_factory=utc_now)
