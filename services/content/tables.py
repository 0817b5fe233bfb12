"""The content store: items, their revisions, approvals of exact bytes, and media."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlmodel import Field

from services.storage.columns import Row, ids, instant, jsonb, key, optional_instant
from shared.clock import utc_now

KINDS = ("news", "document", "bulletin", "multimedia", "warning", "rebuttal")
REVISION_STATES = ("draft", "review", "returned", "approved", "stopped", "superseded")


class Item(Row, table=True):
    """One piece of communication with a permanent code and URL.

    `revision_no` is the newest revision, open or live. `released_no` is the newest revision whose
    first call was begun: what the public page shows. `version` grows with every change a writer
    could collide with, and is the ETag.
    """

    __table_args__ = (
        CheckConstraint(
            "kind IN ('news','document','bulletin','multimedia','warning','rebuttal')", "kind"
        ),
        Index("ix_item_created_at_id", text("created_at DESC"), text("id DESC")),
        Index("ix_item_search", "search", postgresql_using="gin"),
        Index(
            "ix_item_published_at",
            text("published_at DESC"),
            text("id DESC"),
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        Index(
            "ix_item_created_by_updated_at",
            "created_by",
            text("updated_at DESC"),
            text("id DESC"),
        ),
    )
    id: UUID = key()
    code: str = Field(unique=True)
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    kind: str
    revision_no: int = 1
    released_no: int | None = None
    version: int = 1
    created_by: UUID = Field(foreign_key="staff.id")
    created_at: datetime = instant(default_factory=utc_now)
    updated_at: datetime = instant(default_factory=utc_now)
    published_at: datetime | None = optional_instant()
    withdrawn_at: datetime | None = optional_instant()
    withdrawn_reason: str | None = None
    search: str | None = Field(default=None, sa_column=Column(TSVECTOR))


class ItemCode(Row, table=True):
    """The last number given to an item of a unit in a year; numbers are never given twice."""

    unit_id: UUID = Field(foreign_key="unit.id", primary_key=True)
    year: int = Field(primary_key=True)
    last: int = 0


class Revision(Row, table=True):
    """One numbered state of an item. A draft may change; once submitted only `state` moves.

    `content_hash` covers everything an approver agrees to: the words, media by sha256, accounts,
    times and urgency. `overrides` is account id → fields; `media` lists the media ids in use.
    `source_name` and `source_url` credit the page that the item was taken from, where there is one.
    `ai_made` says that artificial intelligence made or altered what is shown: every channel tells.
    """

    __table_args__ = (
        UniqueConstraint("item_id", "no"),
        Index(
            "uq_revision_item_id_open",
            "item_id",
            unique=True,
            postgresql_where=text("state IN ('draft','review')"),
        ),
        Index(
            "ix_revision_publish_at",
            "publish_at",
            postgresql_where=text(
                "publish_at IS NOT NULL AND state IN ('draft','review','returned')"
            ),
        ),
        Index("ix_revision_returned", "item_id", postgresql_where=text("state = 'returned'")),
        Index("ix_revision_media", "media", postgresql_using="gin"),
        Index("ix_revision_cover", "cover", postgresql_where=text("cover IS NOT NULL")),
        CheckConstraint(
            "state IN ('draft','review','returned','approved','stopped','superseded')", "state"
        ),
    )
    id: UUID = key()
    item_id: UUID = Field(foreign_key="item.id")
    no: int
    state: str = "draft"
    title: str
    summary: str = ""
    body: str = Field(default="", sa_column=Column(Text, nullable=False))
    author: str = ""
    category: str = ""
    tags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    cover: UUID | None = Field(default=None, foreign_key="media.id")
    media: list[UUID] = ids()
    document: dict[str, str] | None = jsonb(nullable=True)
    overrides: dict[str, dict[str, str]] = jsonb()
    correction_note: str = ""
    source_name: str = ""
    source_url: str = ""
    ai_made: bool = False
    note: str = ""
    accounts: list[UUID] = ids()
    publish_at: datetime | None = optional_instant()
    expires_at: datetime | None = optional_instant()
    urgent: bool = False
    content_hash: str | None = None
    return_reason: str | None = None
    created_by: UUID = Field(foreign_key="staff.id")
    last_editor: UUID = Field(foreign_key="staff.id")
    submitted_by: UUID | None = Field(default=None, foreign_key="staff.id")
    created_at: datetime = instant(default_factory=utc_now)
    updated_at: datetime = instant(default_factory=utc_now)
    submitted_at: datetime | None = optional_instant()


class Approval(Row, table=True):
    """A second person's yes to exact bytes: a revision and what each account will show.

    `seen` is account id → rendition hash. Only `voided_at` may ever change, once.
    """

    __table_args__ = (
        Index(
            "uq_approval_revision_id_standing",
            "revision_id",
            unique=True,
            postgresql_where=text("voided_at IS NULL"),
        ),
    )
    id: UUID = key()
    revision_id: UUID = Field(foreign_key="revision.id")
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)
    seen: dict[str, str] = jsonb()
    not_before: datetime | None = optional_instant()
    urgent: bool = False
    voided_at: datetime | None = optional_instant()


class Media(Row, table=True):
    """A picture, video or document of ours, checked and re-encoded; the bytes stand in the store.

    `sha256` names what is stored, `original_sha256` what was uploaded. `made_from` and `made_for`
    are set on a smaller form of a picture made for a channel's limits. The focal point, in per cent
    of width and height, is what every crop of a picture keeps; `number` and `issued_on` are a
    document's own. A `decorative` picture tells nothing, so whoever listens to a page is told
    nothing of it: somebody has said so, and it is never a cover.
    """

    __table_args__ = (
        CheckConstraint("kind IN ('image','video','document')", "kind"),
        Index(
            "uq_media_made_from_made_for",
            "made_from",
            "made_for",
            unique=True,
            postgresql_where=text("made_from IS NOT NULL"),
        ),
        Index(None, "sha256"),
        Index("ix_media_search", "search", postgresql_using="gin"),
    )
    id: UUID = key()
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    kind: str
    mime: str
    ext: str
    sha256: str
    original_sha256: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    alt: str = ""
    caption: str = ""
    credit: str = ""
    decorative: bool = False
    focal_x: int = 50
    focal_y: int = 50
    licence: str = ""
    number: str = ""
    issued_on: str = ""
    made_from: UUID | None = Field(default=None, foreign_key="media.id")
    made_for: str | None = None
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)
    search: str | None = Field(default=None, sa_column=Column(TSVECTOR))


class ItemTemplate(Row, table=True):
    """A form to begin an item with: kind, words with gaps, accounts."""

    __table_args__ = (
        CheckConstraint(
            "kind IN ('news','document','bulletin','multimedia','warning','rebuttal')", "kind"
        ),
    )
    id: UUID = key()
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    name: str
    kind: str
    title: str = ""
    summary: str = ""
    body: str = Field(default="", sa_column=Column(Text, nullable=False))
    category: str = ""
    tags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    accounts: list[UUID] = ids()
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)
    used_at: datetime | None = optional_instant()
    removed_at: datetime | None = optional_instant()


class Comment(Row, table=True):
    """A remark of the team on one revision; never shown outside."""

    __table_args__ = (Index(None, "item_id", "at"),)
    id: UUID = key()
    item_id: UUID = Field(foreign_key="item.id")
    revision_no: int
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)
    text: str


class PreviewLink(Row, table=True):
    """A secret link with which somebody outside may read one revision; not an approval."""

    id: UUID = key()
    revision_id: UUID = Field(foreign_key="revision.id", index=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    by: UUID = Field(foreign_key="staff.id")
    at: datetime = instant(default_factory=utc_now)
    expires_at: datetime = instant()
    revoked_at: datetime | None = optional_instant()


class PreviewView(Row, table=True):
    """Somebody outside has read a revision: who they said they are, and what they remarked."""

    id: UUID = key()
    link_id: UUID = Field(foreign_key="preview_link.id", index=True)
    name: str
    comment: str = ""
    at: datetime = instant(default_factory=utc_now)


class Editing(Row, table=True):
    """Who has an item open for writing, as their page last told."""

    item_id: UUID = Field(foreign_key="item.id", primary_key=True)
    staff_id: UUID = Field(foreign_key="staff.id")
    since: datetime = instant(default_factory=utc_now)
    seen_at: datetime = instant(default_factory=utc_now)
