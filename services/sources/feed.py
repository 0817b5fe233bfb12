"""What was read from a feed, a page or one entry: plain data, cleaned, with every address absolute.

Made in the process that may break (`parse_worker`), used by everybody else.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from shared.errors import InvalidError

# How sure we may be that an entry seen again is the same one (feeds.md section 12.5).
KeyKind: TypeAlias = Literal["guid", "link", "hash"]
Legacy: TypeAlias = Literal["tcvn3", "vni"]


class FeedUnreadableError(InvalidError):
    """Nothing in these bytes can be used; the code says why.

    `feed_unreadable`, `feed_empty`, `feed_dangerous` (it declares document types or entities),
    `feed_too_heavy` (it would not end within our limits).
    """

    default_code = "feed_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture or a file that an entry points at. `mime` and sizes are what the feed claims."""

    url: str
    mime: str | None = None
    alt: str = ""
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    """One entry. Texts are NFC; `title` and `author` are plain, one line each.

    `summary_html` and `content_html` hold only what the allow-list of `cleaning` lets through, and
    no pictures: those stand in `pictures`, as addresses. `published_text` is the date as written;
    `published_at` is None where it cannot be told, and never a guess that may be hours off.
    `legacy` names an old font encoding the text seems to be in: offer `legacy_text.convert`, never
    do it silently. `warnings` are codes: `no_title` (the title is the first words of the text),
    `no_link`, `date_missing`, `date_unreadable`, `date_no_zone` (taken for Vietnam's),
    `date_no_time`, `date_too_early`, `date_too_late`, `minutes_unknown` (the feed writes months in
    their place), `too_long` (the text was left out), `shared_guid` (several entries carry it).
    """

    key: str
    key_kind: KeyKind
    guid: str | None
    link: str | None
    canonical_link: str | None
    title: str
    summary_html: str
    content_html: str
    published_at: datetime | None
    published_text: str
    updated_at: datetime | None
    updated_text: str
    author: str
    categories: tuple[str, ...]
    pictures: tuple[Attachment, ...]
    enclosures: tuple[Attachment, ...]
    legacy: Legacy | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """An entry its publisher took back (RFC 6721): `ref` is its guid."""

    ref: str
    at: datetime | None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFeed:
    """A feed and its entries in feed order, at most 2,000.

    `ttl_minutes`, `skip_hours` (of GMT) and `skip_days` (English names) are the publisher's wishes.
    `bozo`: something was wrong with the document; `trouble` says what: `encoding`,
    `control_characters`, `ampersands`, `text_before`, `not_well_formed` or `cut_off`.
    `truncated`: its end, or entries behind the limit, are missing, so nothing may be concluded from
    what is not there; an entry that was cut in two is left out.
    """

    format: str
    title: str
    link: str | None
    self_url: str | None
    hub: str | None
    language: str
    generator: str
    ttl_minutes: int | None
    skip_hours: tuple[int, ...]
    skip_days: tuple[str, ...]
    updated_at: datetime | None
    entries: tuple[ReadEntry, ...]
    tombstones: tuple[Tombstone, ...]
    bozo: bool
    trouble: str | None
    truncated: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFeed:
    """A feed that a page names."""

    url: str
    title: str
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """A page for people where a feed was expected, and the feeds it names, if any."""

    title: str
    feeds: tuple[FoundFeed, ...] = field(default=())
