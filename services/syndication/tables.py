"""What is pushed to whom: WebSub subscriptions, the requests for them, and other hubs we ping."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from services.storage.columns import Row, instant, key, optional_instant
from shared.clock import utc_now


class WebSubSubscription(Row, table=True):
    """Somebody who gets a topic's document whenever it changes, until the lease ends.

    `wanted_at` and `sent_at` are no times of calls but versions: the `changed_at` of the newest
    document, and of the one that the subscriber has. A push is owed while the first is greater, so
    unsent changes collapse by themselves. `next_at` is when a call is due (None: nothing owed),
    `held_until` and `fence` are the lease of whoever makes it. `pair` is the hash of topic and
    callback.
    """

    __table_args__ = (
        Index("uq_web_sub_subscription_pair", "pair", unique=True),
        Index(
            "ix_web_sub_subscription_next_at",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        CheckConstraint("ended_why IN ('gone','failed')", "ended_why"),
    )
    id: UUID = key()
    pair: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    topic: str
    callback: str
    host: str = Field(index=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime = instant(default_factory=utc_now)
    verified_at: datetime = instant(default_factory=utc_now)
    lease_until: datetime = instant()
    wanted_at: datetime | None = optional_instant()
    sent_at: datetime | None = optional_instant()
    pushed_at: datetime | None = optional_instant()
    last_status: int | None = None
    tries: int = 0
    failing_since: datetime | None = optional_instant()
    next_at: datetime | None = optional_instant()
    held_until: datetime = instant(default_factory=utc_now)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    ended_at: datetime | None = optional_instant()
    ended_why: str | None = None


class WebSubRequest(Row, table=True):
    """A callback that is to be asked whether it means it, or told that there is no feed any more.

    Of one topic and callback only the newest is open. Those that ended are kept for a while: they
    count towards what one host may be asked for in an hour.
    """

    __table_args__ = (
        Index(
            "uq_web_sub_request_pair_open",
            "pair",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_web_sub_request_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")
        ),
        Index(None, "host", "created_at"),
        CheckConstraint("mode IN ('subscribe','unsubscribe','denied')", "mode"),
    )
    id: UUID = key()
    pair: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    mode: str
    topic: str
    callback: str
    host: str
    account_id: UUID = Field(foreign_key="account.id", index=True)
    lease_seconds: int = 0
    sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    reason: str | None = None
    created_at: datetime = instant(default_factory=utc_now)
    tries: int = 0
    next_at: datetime | None = optional_instant()
    held_until: datetime = instant(default_factory=utc_now)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    ended_at: datetime | None = optional_instant()
    outcome: str | None = None


class WebSubPing(Row, table=True):
    """Another hub, named by the operator, that is told when a topic changes; as a subscription."""

    __table_args__ = (
        Index("uq_web_sub_ping_pair", "pair", unique=True),
        Index("ix_web_sub_ping_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )
    id: UUID = key()
    pair: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hub: str
    topic: str
    host: str
    account_id: UUID = Field(foreign_key="account.id", index=True)
    wanted_at: datetime | None = optional_instant()
    sent_at: datetime | None = optional_instant()
    pinged_at: datetime | None = optional_instant()
    last_status: int | None = None
    tries: int = 0
    next_at: datetime | None = optional_instant()
    held_until: datetime = instant(default_factory=utc_now)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class FeedEntry(Row, table=True):
    """One row for each item that a portal's feed ever showed, written by a trigger (0007).

    Narrow, so that any part of a feed is found by index among a million: `category` and `kind` are
    those of the rendition shown last, `changed_at` moves only when a reader should notice, `live`
    ends with a withdrawal, and `seen` tells whether the portal has fetched what is observed now.
    Seeding with triggers off? `SELECT fill_feed_entries()` adds what is missing.
    """

    __table_args__ = (
        Index(
            "ix_feed_entry_all",
            "account_id",
            text("published_at DESC"),
            text("publication_id DESC"),
        ),
        Index(
            "ix_feed_entry_category",
            "account_id",
            "category",
            text("published_at DESC"),
            text("publication_id DESC"),
        ),
        Index(
            "ix_feed_entry_kind",
            "account_id",
            "kind",
            text("published_at DESC"),
            text("publication_id DESC"),
        ),
        Index(
            "ix_feed_entry_unit",
            "account_id",
            "unit_id",
            text("published_at DESC"),
            text("publication_id DESC"),
        ),
        Index(
            "ix_feed_entry_changed",
            "account_id",
            text("changed_at DESC"),
            postgresql_where=text("changed_at > published_at"),
        ),
        Index(
            "ix_feed_entry_changed_unseen",
            "account_id",
            text("published_at DESC"),
            postgresql_where=text("changed_at > published_at AND NOT seen"),
        ),
        Index(
            "ix_feed_entry_unseen",
            "account_id",
            text("published_at DESC"),
            postgresql_where=text("NOT seen"),
        ),
    )
    publication_id: UUID = Field(foreign_key="publication.id", primary_key=True)
    account_id: UUID
    rendition_id: UUID
    unit_id: UUID
    guid: str
    kind: str
    category: str
    published_at: datetime = instant()
    changed_at: datetime = instant()
    live: bool
    seen: bool


class FeedDocument(Row, table=True):
    """When the document at one place last changed; `place` is its address without the format."""

    place: str = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    changed_at: datetime = instant()
