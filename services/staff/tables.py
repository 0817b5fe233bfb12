"""Units, the people in them, and what they sign in with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
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
    """A person of the team. `email` is stored lower case."""

    id: UUID = key()
    email: str = Field(unique=True)
    name: str
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    password_hash: str | None = None
    otp_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    otp_last_step: int | None = None
    locale: str = "vi"
    active: bool = True
    created_at: datetime = instant(default_factory=utc_now)


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
    csrf: str
    created_at: datetime = instant(default_factory=utc_now)
    last_seen_at: datetime = instant(default_factory=utc_now)
    expires_at: datetime = instant()
    ended_at: datetime | None = optional_instant()


class SignInFailure(Row, table=True):
    """One refused sign-in, for the limits of R79; kept for a day."""

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
    """A one-time link with which the first admin (or an invited person) sets a password."""

    id: UUID = key()
    token_hash: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    staff_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("staff.id"), nullable=True)
    )
    expires_at: datetime = instant()
    used_at: datetime | None = optional_instant()
