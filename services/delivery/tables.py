"""What each account should show and does show, and every try to close the gap."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from services.storage.columns import Row, instant, jsonb, key, optional_instant
from shared.clock import utc_now


class State(StrEnum):
    """Where a publication stands. `paused` is none of them: it is read from the account."""

    SCHEDULED = "scheduled"  # agreed; its time or the hold has not come
    PENDING = "pending"  # due at next_at; certainly no call is open
    SENDING = "sending"  # intent committed; the call may have happened, or a next step is due
    UNCERTAIN = "uncertain"  # outcome unknown; the channel is being read
    UNDECIDED = "undecided"  # reading could not decide; a named person must
    LIVE = "live"  # observed = desired, the id is known
    WITHDRAWN = "withdrawn"  # observed absent = desired absent
    FAILED = "failed"  # this generation certainly did not happen, and will not by itself
    EXPIRED = "expired"  # too late to be of use


class Rendition(Row, table=True):
    """What one account will show for one revision: pure data, stored and hashed, never changed."""

    __table_args__ = (UniqueConstraint("revision_id", "account_id"),)
    id: UUID = key()
    revision_id: UUID = Field(foreign_key="revision.id")
    account_id: UUID = Field(foreign_key="account.id", index=True)
    payload: dict[str, object] = jsonb()
    hash: str
    problems: list[dict[str, object]] = jsonb(default_factory=list)
    made_at: datetime = instant(default_factory=utc_now)


class Publication(Row, table=True):
    """An item's standing on one account.

    `generation` counts the agreed changes of what should be shown, `observed_generation` the newest
    one that is known to have been reached. `next_at` is when the loop should act (None: nothing to
    do), `not_before` when this generation may go out, `look_at` when a settled publication is next
    compared with the channel. `left_at` is the last instant at which an unclear call could have
    left this house: proof of absence counts from it, and `final` says that proven absence means
    failed, not another try. `compared_at` is when this generation was last held against the
    channel; `drift_text` what stood there instead of what was agreed.
    """

    __table_args__ = (
        Index(
            "ix_publication_drift",
            "item_id",
            postgresql_where=text("drift IS NOT NULL AND state = 'live'"),
        ),
        Index("ix_publication_drift_at", "drift_at", postgresql_where=text("drift IS NOT NULL")),
        UniqueConstraint("item_id", "account_id"),
        Index("ix_publication_remote_url", "remote_url", postgresql_using="hash"),
        Index(
            "uq_publication_account_id_remote_id",
            "account_id",
            "remote_id",
            unique=True,
            postgresql_where=text("remote_id IS NOT NULL"),
        ),
        Index(
            "ix_publication_due",
            "account_id",
            "in_urgent_lane",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index(
            "ix_publication_look_at",
            "account_id",
            "look_at",
            postgresql_where=text("look_at IS NOT NULL"),
        ),
        Index(
            "ix_publication_shown",
            "account_id",
            text("first_observed_at DESC"),
            postgresql_where=text("first_observed_at IS NOT NULL"),
        ),
        Index(
            "ix_publication_unsettled",
            "state",
            postgresql_where=text("state NOT IN ('live','withdrawn')"),
        ),
        Index(
            "ix_publication_item_on_its_way",
            "item_id",
            postgresql_where=text("state NOT IN ('live','withdrawn')"),
        ),
        Index(
            "ix_publication_item_live",
            "item_id",
            text("observed_revision_no DESC NULLS LAST"),
            postgresql_where=text("state = 'live'"),
        ),
        Index(
            "ix_publication_item_first_shown",
            "item_id",
            "first_observed_at",
            postgresql_where=text("first_observed_at IS NOT NULL"),
        ),
        CheckConstraint(
            "state IN ('scheduled','pending','sending','uncertain','undecided','live','withdrawn',"
            "'failed','expired')",
            "state",
        ),
        CheckConstraint("observed_generation <= generation", "observed_not_ahead"),
    )
    id: UUID = key()
    item_id: UUID = Field(foreign_key="item.id")
    account_id: UUID = Field(foreign_key="account.id")
    generation: int = 1
    desired_rendition_id: UUID | None = Field(default=None, foreign_key="rendition.id")
    approval_id: UUID | None = Field(default=None, foreign_key="approval.id")
    observed_generation: int = 0
    observed_rendition_id: UUID | None = Field(default=None, foreign_key="rendition.id")
    observed_revision_no: int | None = None
    state: str = State.SCHEDULED
    remote_id: str | None = None
    remote_url: str | None = None
    not_before: datetime = instant(default_factory=utc_now)
    next_at: datetime | None = optional_instant()
    expires_at: datetime | None = optional_instant()
    urgent: bool = False
    in_urgent_lane: bool = False
    tries: int = 0
    resends: int = 0
    problem_code: str | None = None
    problem_remote_code: str | None = None
    problem_words: str | None = None
    problem_at: datetime | None = optional_instant()
    final: bool = False
    looks: int = 0
    absences: int = 0
    left_at: datetime | None = optional_instant()
    candidates: list[dict[str, object]] = jsonb(default_factory=list)
    may_be_visible: bool = False
    watch_until: datetime | None = optional_instant()
    look_at: datetime | None = optional_instant()
    drift: str | None = None
    drift_at: datetime | None = optional_instant()
    drift_text: str | None = None
    compared_at: datetime | None = optional_instant()
    observed_at: datetime | None = optional_instant()
    first_observed_at: datetime | None = optional_instant()
    seen_at: datetime | None = optional_instant()
    created_at: datetime = instant(default_factory=utc_now)


class PublicationEvent(Row, table=True):
    """One change of a publication's state, written by a trigger so that none can be forgotten."""

    __table_args__ = (Index(None, "publication_id"),)
    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    publication_id: UUID
    at: datetime = instant()
    generation: int
    from_state: str | None = None
    to_state: str
    code: str | None = None


class Attempt(Row, table=True):
    """One try of one operation for one generation. Open until its outcome is known; then frozen.

    `phase` names what the last step gave us (None before the first). `calling` names the step whose
    intent was committed and whose answer is not: set while the call is out, and left standing when
    its outcome is unknown. `repeatable` tells of that step. `called_at` is its intent's time.
    `steps` keeps when each phase was reached: `{"phase": …, "at": …}`, in order.
    """

    __table_args__ = (
        UniqueConstraint("publication_id", "generation", "no"),
        Index(
            "uq_attempt_publication_id_open",
            "publication_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "account_id", "started_at"),
    )
    id: UUID = key()
    publication_id: UUID = Field(foreign_key="publication.id")
    account_id: UUID
    generation: int
    no: int
    operation: str
    phase: str | None = None
    calling: str | None = None
    repeatable: bool = False
    handle: dict[str, object] = jsonb()
    steps: list[dict[str, str]] = jsonb(default_factory=list)
    rendition_id: UUID | None = Field(default=None, foreign_key="rendition.id")
    rendition_hash: str | None = None
    fingerprint: dict[str, object] | None = jsonb(nullable=True)
    baseline: dict[str, str | None] | None = jsonb(nullable=True)
    urgent: bool = False
    fence: int = Field(sa_column=Column(BigInteger, nullable=False))
    waits: int = 0
    started_at: datetime = instant()
    called_at: datetime | None = optional_instant()
    ended_at: datetime | None = optional_instant()
    outcome: str | None = None
    code: str | None = None
    words: str | None = None


class Evidence(Row, table=True):
    """An answer that came when its attempt was no longer the worker's to close; appended, kept."""

    id: UUID = key()
    attempt_id: UUID = Field(foreign_key="attempt.id", index=True)
    at: datetime = instant(default_factory=utc_now)
    told: dict[str, object] = jsonb()


class Lane(Row, table=True):
    """The right to call out for one account: at most one call at a time, under a growing fence.

    `next_due_at` is a hint: wakes only lower it, release locks the row and recomputes, and a sweep
    derives it anew.
    """

    __table_args__ = (
        Index(
            "ix_lane_due",
            text("urgent DESC"),
            "next_due_at",
            postgresql_where=text("next_due_at IS NOT NULL"),
        ),
    )
    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    urgent: bool = Field(primary_key=True)
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    owner: str | None = None
    until: datetime = instant()
    next_due_at: datetime | None = optional_instant()
    baseline: dict[str, str | None] | None = jsonb(nullable=True)
    baseline_at: datetime | None = optional_instant()


class CallBudget(Row, table=True):
    """An account's token bucket of one minute's calls (R29): it is full again at `full_at`.

    Every call moves `full_at` on by its own time, in one statement under the row's lock, so that no
    worker's call is forgotten; two lanes that meet the last token borrow one call from the future.
    """

    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    full_at: datetime = instant()


class Switch(Row, table=True):
    """A hub-wide switch that is on: `freeze` holds publish and update, `fence` all sending."""

    name: str = Field(primary_key=True)
    reason: str
    until: datetime | None = optional_instant()
    by: str
    at: datetime = instant(default_factory=utc_now)


class PortalFetch(Row, table=True):
    """When a portal was last given its feed, and as whom it asked."""

    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    fetched_at: datetime | None = optional_instant()
    user_agent: str | None = None


class Arrival(Row, table=True):
    """How far a publication has come at its portal, beyond standing in the feed.

    `fetched_revision_no` is the newest one that the portal has fetched; unlike the publication's
    `seen_at` it outlives a correction. `looks` counts those at the portal's own page for
    `generation`, `look_at` is the next one (None: no more), `found` what the last one saw, and
    `shown_at` when the page was first seen to be right.
    """

    __table_args__ = (
        CheckConstraint("found IN ('shown','gone','old','absent','unreadable')", "found"),
    )
    publication_id: UUID = Field(foreign_key="publication.id", primary_key=True)
    fetched_revision_no: int | None = None
    fetched_at: datetime | None = optional_instant()
    generation: int = 0
    looks: int = 0
    look_at: datetime | None = optional_instant()
    looked_at: datetime | None = optional_instant()
    found: str | None = None
    shown_at: datetime | None = optional_instant()


class Adoption(Row, table=True):
    """How far the posts are read that an account showed before it was connected.

    `cursor` is where the channel's list goes on. A worker that reads holds it under `fence` until
    `until`; `failures` in a row make it wait longer, and give up.
    """

    __table_args__ = (CheckConstraint("state IN ('reading','done','failed')", "state"),)
    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    asked_by: UUID = Field(foreign_key="staff.id")
    asked_at: datetime = instant(default_factory=utc_now)
    state: str = "reading"
    cursor: str | None = None
    fence: int = 0
    until: datetime = instant(default_factory=utc_now)
    failures: int = 0
    problem_code: str | None = None
    ended_at: datetime | None = optional_instant()


class AdoptedPost(Row, table=True):
    """A post that an account showed before it was connected, as its channel told of it.

    `matched_by` tells how `item_id` was found: the post's id or its link to our page, the words of
    an item we had, or `new` where an item was made for it. None: it is only known, with `skipped`
    saying why (`hidden`, `unreadable`, `undated`).
    """

    __table_args__ = (
        UniqueConstraint("account_id", "remote_id"),
        Index(None, "account_id", "at", "id"),
        CheckConstraint("matched_by IN ('id','link','text','new')", "matched_by"),
        CheckConstraint("skipped IN ('hidden','unreadable','undated')", "skipped"),
    )
    id: UUID = key()
    account_id: UUID = Field(foreign_key="account.id")
    remote_id: str
    remote_url: str | None = None
    title: str
    at: datetime | None = optional_instant()
    views: int | None = None
    shares: int | None = None
    item_id: UUID | None = Field(default=None, foreign_key="item.id", index=True)
    matched_by: str | None = None
    skipped: str | None = None
    read_at: datetime = instant(default_factory=utc_now)


class Notification(Row, table=True):
    """Something that one person should know or do: one row for each item (or account) and cause."""

    __table_args__ = (
        Index(
            "uq_notification_unread",
            "staff_id",
            "cause",
            "about",
            unique=True,
            postgresql_where=text("read_at IS NULL"),
        ),
        Index(None, "staff_id", "at"),
        Index("ix_notification_drift", "at", postgresql_where=text("cause = 'drift'")),
        Index("ix_notification_open", "item_id", postgresql_where=text("read_at IS NULL")),
    )
    id: UUID = key()
    staff_id: UUID = Field(foreign_key="staff.id")
    cause: str
    about: UUID  # of the item, or of the account where there is none
    item_id: UUID | None = Field(default=None, foreign_key="item.id", index=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    details: dict[str, object] = jsonb()
    at: datetime = instant(default_factory=utc_now)
    read_at: datetime | None = optional_instant()


class Watch(Row, table=True):
    """Somebody wants to be told when a publication has settled."""

    publication_id: UUID = Field(foreign_key="publication.id", primary_key=True)
    staff_id: UUID = Field(foreign_key="staff.id", primary_key=True)
    at: datetime = instant(default_factory=utc_now)
