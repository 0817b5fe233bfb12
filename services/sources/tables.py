"""Sources: sites whose feeds are read, what stood in them, and the links that our items carry."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.storage.columns import Row, ids, instant, jsonb, key, optional_instant
from shared.clock import utc_now


class Source(Row, table=True):
    """One feed of another site, or of the agency's own portal, and how it is read.

    `makes` tells what its entries become, `rule` what Loa does by itself with those that came after
    `rule_at`: nothing (`ask`), a draft, or a draft that is submitted for `accounts`. `rule_by` is
    the author of what it does so. A person pauses a source; Loa stops it, and `result` says why.
    The validators stand byte for byte as the site gave them; `pace` is what the feed last told of
    how often it wants to be read (`pacing.Pace`). `moved_to` is where the site says that it now is,
    since `moved_since`.
    """

    __table_args__ = (
        CheckConstraint("whose IN ('sister','own')", "whose"),
        CheckConstraint("makes IN ('draft','bulletin')", "makes"),
        CheckConstraint("rule IN ('ask','draft','submit')", "rule"),
        CheckConstraint("state IN ('active','paused','stopped')", "state"),
        CheckConstraint(
            "kind IN ('news','document','bulletin','multimedia','warning','rebuttal')", "kind"
        ),
        Index(
            "uq_source_unit_id_url",
            "unit_id",
            "url",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "ix_source_next_at",
            "next_at",
            postgresql_where=text("state = 'active' AND removed_at IS NULL"),
        ),
    )
    id: UUID = key()
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    url: str
    title: str
    site: str = ""
    whose: str = "sister"
    makes: str = "draft"
    kind: str = "news"
    category: str = ""
    rule: str = "ask"
    rule_by: UUID | None = Field(default=None, foreign_key="staff.id")
    rule_at: datetime | None = optional_instant()
    accounts: list[UUID] = ids()
    licence: str = ""
    state: str = "active"
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    pace: dict[str, object] = jsonb()
    next_at: datetime = instant(default_factory=utc_now)
    asked_at: datetime | None = optional_instant()
    read_at: datetime | None = optional_instant()
    changed_at: datetime | None = optional_instant()
    result: str = "waiting"
    result_details: dict[str, object] = jsonb()
    result_at: datetime | None = optional_instant()
    fail_count: int = 0
    missing_since: datetime | None = optional_instant()
    gone_at: datetime | None = optional_instant()
    moved_to: str = ""
    moved_since: datetime | None = optional_instant()
    accept_churn: bool = False
    added_by: UUID = Field(foreign_key="staff.id")
    added_at: datetime = instant(default_factory=utc_now)
    removed_at: datetime | None = optional_instant()


class SourceEntry(Row, table=True):
    """One entry of a source as it was last read, and what became of it here.

    `key` tells it from the source's other entries. What stood there at the first reading is
    `history`; `ours` is an item of our own that came back. `item_version` is the item's version
    when Loa last wrote it: a person has written on it since when it differs. `edited_at` is when
    the words last changed at the source, `taken_hash` the words that were last taken into the item.
    `legacy` names an old font encoding that the words seem to be in, `converted` the one that a
    person had them read from. `gone_seen_at` is when the source first said that it took the entry
    back, `gone_at` when it had said so twice.
    """

    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        CheckConstraint("state IN ('history','new','drafted','dismissed','ours')", "state"),
        Index(None, "source_id", "first_seen_at", "position"),
        Index(None, "source_id", "canonical_link"),
        Index("ix_source_entry_new", "source_id", postgresql_where=text("state = 'new'")),
        Index("ix_source_entry_item_id", "item_id", postgresql_where=text("item_id IS NOT NULL")),
    )
    id: UUID = key()
    source_id: UUID = Field(foreign_key="source.id")
    key: str
    guid: str = ""
    link: str = ""
    canonical_link: str = ""
    title: str
    summary: str = ""
    html: str = Field(default="", sa_column=Column(Text, nullable=False))
    author: str = ""
    categories: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False)
    )
    pictures: list[dict[str, str]] = jsonb(default_factory=list)
    warnings: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False)
    )
    content_hash: str
    legacy: str = ""
    converted: str = ""
    date_text: str = ""
    published_at: datetime | None = optional_instant()
    position: int = 0
    first_seen_at: datetime = instant(default_factory=utc_now)
    last_seen_at: datetime = instant(default_factory=utc_now)
    edited_at: datetime | None = optional_instant()
    state: str = "new"
    item_id: UUID | None = Field(default=None, foreign_key="item.id")
    item_version: int = 0
    taken_hash: str = ""
    problem: str = ""
    gone_seen_at: datetime | None = optional_instant()
    gone_at: datetime | None = optional_instant()


class LinkCheck(Row, table=True):
    """One address that published items link to, and how it answered when it was last asked.

    `suspect` has failed once; only a failure that stands for a day makes it `broken`. `unknown` is
    what may not be asked, or refuses programs. `problem` is a code.
    """

    __table_args__ = (
        CheckConstraint("state IN ('waiting','good','suspect','broken','unknown')", "state"),
        Index(None, "next_at"),
        Index("ix_link_check_broken", "broken_at", postgresql_where=text("state = 'broken'")),
    )
    id: UUID = key()
    url: str = Field(unique=True)
    host: str = ""
    state: str = "waiting"
    status: int | None = None
    problem: str = ""
    asked_at: datetime | None = optional_instant()
    next_at: datetime = instant(default_factory=utc_now)
    failing_since: datetime | None = optional_instant()
    broken_at: datetime | None = optional_instant()


class LinkUse(Row, table=True):
    """An item whose published revision carries a link."""

    item_id: UUID = Field(foreign_key="item.id", primary_key=True)
    link_id: UUID = Field(foreign_key="link_check.id", primary_key=True, index=True)


class LinkScan(Row, table=True):
    """Which revision of an item was last searched for links."""

    item_id: UUID = Field(foreign_key="item.id", primary_key=True)
    revision_no: int
