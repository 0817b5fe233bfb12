"""What became public and when, the words of it for finding copies, and the signed records."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlmodel import Field

from services.storage.columns import Row, instant, optional_instant
from shared.clock import utc_now


class PublicEvent(Row, table=True):
    """A revision became public, or an item was withdrawn: written by a trigger on `item`.

    `done_at` is when its record was signed and its words were taken up; None: still to do. After
    `tries` in vain it is not tried again before `try_at`. `links_due` until the links of what is
    public now were noted.
    """

    __table_args__ = (
        CheckConstraint("what IN ('published','withdrawn')", "what"),
        Index(None, "item_id"),
        Index("ix_public_event_due", "id", postgresql_where=text("done_at IS NULL")),
        Index("ix_public_event_links_due", "id", postgresql_where=text("links_due")),
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    item_id: UUID = Field(foreign_key="item.id")
    revision_no: int
    what: str
    at: datetime = instant()
    done_at: datetime | None = optional_instant()
    tries: int = 0
    try_at: datetime | None = optional_instant()
    links_due: bool = Field(
        default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true"))
    )


class PublicEntry(Row, table=True):
    """An item as the public lists show it; gone once it is withdrawn."""

    __table_args__ = (
        Index("ix_public_entry_at", text("at DESC"), text("item_id DESC")),
        Index("ix_public_entry_category_at", "category", text("at DESC"), text("item_id DESC")),
        Index("ix_public_entry_search", "search", postgresql_using="gin"),
    )
    item_id: UUID = Field(foreign_key="item.id", primary_key=True)
    revision_no: int
    category: str
    at: datetime = instant()
    changed_at: datetime = instant()
    search: str = Field(sa_column=Column(TSVECTOR, nullable=False))


class PublicText(Row, table=True):
    """The words of one revision as one place showed them: an account, or the item's page (None).

    `asides` are what stands beside them on the page (dates, labels, captions) and may be copied
    along. `shingles` are numbers of word groups by which a copy is found.
    """

    __table_args__ = (
        UniqueConstraint(
            "item_id", "revision_no", "account_id", postgresql_nulls_not_distinct=True
        ),
        Index("ix_public_text_shingles", "shingles", postgresql_using="gin"),
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    item_id: UUID = Field(foreign_key="item.id")
    revision_no: int
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    words: str = Field(sa_column=Column(Text, nullable=False))
    asides: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    shingles: list[int] = Field(
        default_factory=list, sa_column=Column(ARRAY(Integer), nullable=False)
    )


class SigningKey(Row, table=True):
    """A key that signs records. Its public half stays published once another took its place."""

    __table_args__ = (
        Index(
            "uq_signing_key_current",
            text("(retired_at IS NULL)"),
            unique=True,
            postgresql_where=text("retired_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    public: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime = instant(default_factory=utc_now)
    retired_at: datetime | None = optional_instant()


class SignedRecord(Row, table=True):
    """One signed statement about an item, `no` counting from 1; nobody ever changes it.

    `body` is canonical JSON, the very bytes that were signed.
    """

    item_id: UUID = Field(foreign_key="item.id", primary_key=True)
    no: int = Field(primary_key=True)
    event_id: int = Field(
        sa_column=Column(BigInteger, nullable=False, unique=True),
    )
    key_id: str = Field(foreign_key="signing_key.id")
    body: str = Field(sa_column=Column(Text, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime = instant(default_factory=utc_now)
