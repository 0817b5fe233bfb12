"""What passes between the hub and an adapter: plain, frozen data with no table behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, NewType, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from shared.contract.blocks import Block

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Payload: TypeAlias = Mapping[str, Json]

RemoteId = NewType("RemoteId", str)

# What every channel prints with content that artificial intelligence made or altered, word for word
# (government-rules.md section 9: Decree 142/2026, articles 17 and 18).
AI_LABEL: Final = "Có nội dung do trí tuệ nhân tạo (AI) tạo ra hoặc chỉnh sửa."


class Operation(StrEnum):
    """What one attempt does to a channel."""

    PUBLISH = "publish"
    UPDATE = "update"
    WITHDRAW = "withdraw"


# ── What an adapter renders ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture in the form made for this channel: already within its limits, at a public URL.

    A `decorative` one tells nothing: where a figure has no words of its own, nothing is said of it.
    """

    media_id: UUID
    sha256: str
    url: str
    mime: str
    width: int
    height: int
    size_bytes: int
    alt: str
    caption: str = ""
    credit: str = ""
    decorative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video file of ours at a public URL, or one that stands elsewhere (`size_bytes` is 0)."""

    media_id: UUID | None
    sha256: str | None
    url: str
    mime: str
    size_bytes: int
    alt: str
    caption: str = ""
    credit: str = ""
    thumb: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A document of ours (a PDF) at a public URL, which readers open or save."""

    media_id: UUID
    url: str
    mime: str
    size_bytes: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The legal facts of a `document` item, as printed on it."""

    number: str = ""
    issued_on: str = ""
    issuer: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One frozen revision as one account is to show it: overrides of that account are applied.

    `text` is the account's own plain text where an editor wrote one, else None: then the channel
    shapes `blocks`. `url` is the item's public page, the marker that every rendition carries.
    Instants are aware UTC; `corrected_at` is set on corrections, with `correction_note` for
    readers. `source_name` and `source_url` credit whose text it is, where it was taken from another
    site: a channel shows them as `Nguồn: …`. Of an `ai_made` one every channel shows `AI_LABEL`,
    also beside an own `text`.
    """

    code: str
    no: int
    kind: str
    title: str
    summary: str
    blocks: tuple[Block, ...]
    url: str
    agency: str
    text: str | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    cover: Picture | None = None
    pictures: Mapping[UUID, Picture] = field(default_factory=dict)
    videos: Mapping[UUID, Video] = field(default_factory=dict)
    files: Mapping[UUID, File] = field(default_factory=dict)
    document: Document | None = None
    correction_note: str = ""
    source_name: str = ""
    source_url: str = ""
    ai_made: bool = False
    corrected_at: datetime | None = None
    published_at: datetime | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A reason why a rendition cannot go out (`blocking`), or should be looked at.

    `code` is stable; `detail` is Vietnamese for the editor, with the next step.
    """

    field: str
    code: str
    blocking: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What one account will show: pure data. The hub stores and hashes `payload` as it is."""

    payload: Payload
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """How a post of ours is recognised when the channel is read: drawn from a stored payload.

    `link` is the item's page, the strongest marker; `text` the words as the channel should give
    them back (title, text and addresses joined by newlines); `picture_count` None where the channel
    does not tell.
    """

    link: str
    text: str
    picture_count: int | None = None


# ── What an adapter is called with ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One connected OA, Page or portal, with its secrets opened for the length of one call."""

    id: UUID
    name: str
    remote_id: str
    settings: BaseModel
    credentials: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next step of an operation, told before it is made.

    `repeatable`: running it twice shows nothing twice (upload, verify, update or delete by id), so
    an unknown outcome is answered by running it again. Any other step is made at most once, and an
    unknown outcome is read back.
    """

    name: str
    repeatable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One step of one operation, to be made now and only once.

    `payload` is the stored rendition (None for a withdrawal). `remote_id` is set once an id of ours
    is known. `phase` and `handle` are what the last `Continue` answered, committed since; they may
    come from an operation that this one has overtaken.
    """

    operation: Operation
    account: Account
    payload: Payload | None
    remote_id: RemoteId | None = None
    phase: str | None = None
    handle: Payload = field(default_factory=dict)
    deadline: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The channel's proof. For a withdrawal `remote_id` is the id that is gone."""

    remote_id: RemoteId
    remote_url: str | None = None
    usage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The operation reached its end; nothing is left to do on the channel."""

    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """The step worked and another one follows.

    `handle` replaces the old one and is committed before the next step; `phase` names what we have
    now (`token`, `photos`, `id`); `after` is how long to leave the channel alone first. `remote_id`
    is given as soon as the channel has told it, also while the post is still hidden. `waiting`
    means that the channel was asked and is not ready: the same step again, no progress.
    """

    handle: Payload
    phase: str
    after: timedelta = timedelta(0)
    remote_id: RemoteId | None = None
    waiting: bool = False
    usage: float | None = None


Outcome: TypeAlias = Done | Continue


# ── What reading gives ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One post as the channel gives it back.

    `text` is title, text and addresses joined by newlines, shaped as in `Fingerprint.text`. `ours`
    tells whether our application made it (None: the channel does not say). `visible` is False for
    hidden and draft posts. `readable` is False when the post is there but its text could not be
    read: it then blocks a proof of absence. `complete` is False when a listing gave only a part of
    the text: `read` gives the whole. `title` is told apart only where the channel has titles;
    `views` and `shares` are the channel's own counts so far (None: not told).
    """

    remote_id: RemoteId
    text: str
    at: datetime | None
    remote_url: str | None = None
    links: tuple[str, ...] = ()
    picture_count: int | None = None
    ours: bool | None = None
    visible: bool = True
    readable: bool = True
    complete: bool = True
    title: str = ""
    views: int | None = None
    shares: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of posts; `cursor` None: the list has been read to the asked instant."""

    seen: tuple[Seen, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One check of a connection: what was asked, whether it holds, words for the admin, and ms.

    The words are of both languages (`shared.text.two_languages`); with one alone, all read that.
    """

    name: str
    ok: bool
    detail: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewedCredentials:
    """A new credential set that replaces the old one whole, and when its access token ends."""

    credentials: BaseModel
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """One event of a webhook delivery: a stable key to store it once, and its kind."""

    key: str
    kind: str
    sent_at: datetime | None


SignatureVerdict: TypeAlias = Literal["ok", "bad", "unconfigured"]


# ── What a channel can hold ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimit:
    """The form in which pictures are made for this channel, before anyone approves.

    `ratio`: width to height, for a place of one shape; the picture is cut to it around its focal
    point, so that what a reader sees was seen by whoever approved. None leaves it whole.
    """

    max_bytes: int
    max_side: int
    mimes: tuple[str, ...] = ("image/jpeg",)
    ratio: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a channel holds; lengths in code points, None where it has no such thing or no limit.

    `cover` is the form of the cover where it is not that of other pictures.
    """

    title_chars: int | None = None
    summary_chars: int | None = None
    text_chars: int | None = None
    picture_count: int | None = None
    picture: PictureLimit | None = None
    cover: PictureLimit | None = None
    video_bytes: int | None = None
