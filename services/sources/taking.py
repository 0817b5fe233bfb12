"""Takes what a feed holds into the store: what is new, what was edited, what was taken back.

Never publishes anything and never takes anything away. What vanished from a feed means nothing: the
window has rolled on. Source: feeds.md section 12.5.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from re import compile as pattern
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.sources import legacy_text, making, same_item
from services.sources.feed import Legacy, ReadEntry, ReadFeed
from services.sources.markdown import plain
from services.sources.same_item import Known, Names
from services.sources.tables import Source, SourceEntry
from shared.text import fold, one_line, shorten

# A source says twice, this far apart, that it took something back before people are told.
TWICE_AFTER: Final = timedelta(hours=1)
_KEY_CHARS: Final = 500
_LINK_CHARS: Final = 2_000
_TITLE_CHARS: Final = 1_000
_SUMMARY_CHARS: Final = 2_000
_DATE_CHARS: Final = 100
_CATEGORIES: Final = 30
_PICTURES: Final = 20
_STUB: Final = "[thu hoi]"
_MEMORY: Final = timedelta(days=60)
_CODE: Final = pattern(r"/tin/([A-Za-z0-9-]+)")
_GUID: Final = pattern(r"^tag:loa,2026:([A-Za-z0-9-]+)$")

_OURS: Final = text("SELECT id, code FROM item WHERE code = ANY(:codes)")
_OUR_TITLES: Final = text(
    """
    SELECT i.id, r.title FROM item i JOIN revision r ON r.item_id = i.id AND r.no = i.released_no
     WHERE i.unit_id = :unit AND i.published_at > :since
     ORDER BY i.published_at DESC LIMIT 2000
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a reading brought. `churned` counts known entries under new names: nothing was taken."""

    new: int = 0
    edited: int = 0
    churned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The words of an entry as they are kept; converted where a person has said so."""

    title: str
    summary: str
    html: str
    author: str
    legacy: str
    hash: str


async def take_in(
    session: AsyncSession, source: Source, feed: ReadFeed, *, public_url: str, now: datetime
) -> Taken:
    """Keeps the entries of a reading of a locked source; safe to repeat.

    The first reading is history. Where most names are new but links or titles are known, nothing is
    taken and `churned` says how many, unless a person has accepted the new names.
    """
    known = await _known(session, source, feed.entries)
    matched = same_item.match(known, [_names(one) for one in feed.entries])
    if matched.churned and not source.accept_churn:
        return Taken(churned=matched.churned)
    # Also after a change of names: what could not be joined then is most likely not news.
    fresh = "history" if source.read_at is None or source.accept_churn else "new"
    ours = await _Ours.among(session, source, feed.entries, public_url=public_url, now=now)
    rows = {row.id: row for row in await _rows(session, matched.known.values())}
    taken_back = {key_of(one.ref) for one in feed.tombstones}
    new, edited = 0, list[SourceEntry]()
    for position, entry in enumerate(feed.entries):
        stub = fold(entry.title).startswith(_STUB)
        if stub:
            taken_back.add(key_of(entry.key))
        row = rows.get(matched.known[position]) if position in matched.known else None
        if row is not None:
            if _seen_again(row, entry, position, now, stub=stub):
                edited.append(row)
        elif position not in matched.doubled and not stub:
            made = _made(source, entry, position, now)
            made.state, made.item_id = ours.state_of(entry, fresh)
            session.add(made)
            new += made.state == "new"
    source.accept_churn = False
    await session.flush()
    await _note_taken_back(session, source, taken_back, now)
    for row in edited:
        if row.item_id is not None and row.state == "drafted":
            await making.follow(session, row.id)
    return Taken(new=new, edited=len(edited))


async def confirm(session: AsyncSession, source: Source, now: datetime) -> None:
    """The source says the same as last time: also what it took back, so that is now said twice."""
    await session.execute(
        update(SourceEntry)
        .where(
            col(SourceEntry.source_id) == source.id,
            col(SourceEntry.gone_at).is_(None),
            col(SourceEntry.gone_seen_at) <= now - TWICE_AFTER,
        )
        .values(gone_at=now)
        .execution_options(synchronize_session=False)
    )


def line(told: str, most: int = 200) -> str:
    """A name from outside as one line that fits a list."""
    return shorten(one_line(told), most)


def convert(entry: SourceEntry) -> None:
    """Reads the words of an entry from the old font encoding that they seem to be in."""
    if entry.legacy not in ("tcvn3", "vni"):
        return
    kind: Legacy = "tcvn3" if entry.legacy == "tcvn3" else "vni"
    for name in ("title", "summary", "html", "author"):
        setattr(entry, name, legacy_text.convert(getattr(entry, name), kind))
    entry.converted, entry.legacy = kind, ""


async def _note_taken_back(
    session: AsyncSession, source: Source, keys: Collection[str], now: datetime
) -> None:
    """Notes what the source says it took back; once is not enough, twice an hour apart is."""
    rows = await session.scalars(
        select(SourceEntry).where(
            col(SourceEntry.source_id) == source.id,
            or_(
                col(SourceEntry.key).in_(keys),
                col(SourceEntry.guid).in_(keys),
                col(SourceEntry.gone_seen_at).is_not(None),
            ),
        )
    )
    for row in rows:
        if row.key not in keys and row.guid not in keys:
            # Said once and no more, or it stands there again: nothing was taken back.
            if row.gone_at is None or row.last_seen_at == now:
                row.gone_seen_at = row.gone_at = None
        elif row.gone_seen_at is None:
            row.gone_seen_at = now
        elif row.gone_at is None and now - row.gone_seen_at >= TWICE_AFTER:
            row.gone_at = now
    await session.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    """What tells our own items when they come back to us: code and title → the item.

    A portal that shows our feed has our items in its own: they must never go round (feeds.md 12.5).
    """

    host: str
    by_code: Mapping[str, UUID]
    by_title: Mapping[str, UUID]
    own: bool

    @classmethod
    async def among(
        cls,
        session: AsyncSession,
        source: Source,
        entries: Sequence[ReadEntry],
        *,
        public_url: str,
        now: datetime,
    ) -> "_Ours":
        """What these entries may be of ours. Titles tell it of the own portal alone."""
        host, own = urlsplit(public_url).netloc.lower(), source.whose == "own"
        codes = {code for entry in entries for code in _codes(entry, host, words_too=own)}
        by_code: dict[str, UUID] = {}
        if codes:
            rows = await session.execute(_OURS, {"codes": list(codes)})
            by_code = {row.code: row.id for row in rows}
        by_title: dict[str, UUID] = {}
        if own:
            since = now - _MEMORY
            titles = await session.execute(_OUR_TITLES, {"unit": source.unit_id, "since": since})
            by_title = {fold(row.title): row.id for row in titles}
        return cls(host=host, by_code=by_code, by_title=by_title, own=own)

    def state_of(self, entry: ReadEntry, otherwise: str) -> tuple[str, UUID | None]:
        """`ours` with the item that came back, or the state of an entry that is another's."""
        codes = _codes(entry, self.host, words_too=self.own)
        found = next((self.by_code[code] for code in codes if code in self.by_code), None)
        found = found or self.by_title.get(fold(entry.title))
        link_here = urlsplit(entry.link or "").netloc.lower() == self.host
        return ("ours", found) if found is not None or link_here else (otherwise, None)


def _codes(entry: ReadEntry, host: str, *, words_too: bool) -> list[str]:
    """The codes of ours that an entry carries: in guid and link; in the words of the own portal."""
    found = _GUID.findall(entry.guid or "")
    places = [entry.guid or "", entry.link or ""]
    if words_too:
        places += [entry.summary_html, entry.content_html]
    for place in places:
        if host and host in place.lower():
            found += _CODE.findall(place)
    return [str(one).upper() for one in dict.fromkeys(found)]


async def _known(
    session: AsyncSession, source: Source, entries: Sequence[ReadEntry]
) -> tuple[Known, ...]:
    """What may be one of these entries: by name, by link, by title; the newest first."""
    wanted = [_names(one) for one in entries]
    rows = await session.execute(
        select(
            col(SourceEntry.id),
            col(SourceEntry.key),
            col(SourceEntry.canonical_link),
            col(SourceEntry.title),
        )
        .where(
            col(SourceEntry.source_id) == source.id,
            or_(
                col(SourceEntry.key).in_({one.key for one in wanted}),
                col(SourceEntry.canonical_link).in_(
                    {one.canonical_link for one in wanted if one.canonical_link}
                ),
                col(SourceEntry.title).in_({one.title for one in wanted if one.title}),
            ),
        )
        .order_by(col(SourceEntry.first_seen_at).desc(), col(SourceEntry.position))
    )
    return tuple(
        Known(id=id_, names=Names(key=key, canonical_link=link, title=title))
        for id_, key, link, title in rows
    )


def _names(entry: ReadEntry) -> Names:
    """The names of an entry in the form in which they are kept."""
    return Names(
        key=key_of(entry.key),
        canonical_link=key_of(entry.canonical_link or ""),
        title=line(entry.title, _TITLE_CHARS),
    )


async def _rows(session: AsyncSession, ids: Collection[UUID]) -> Sequence[SourceEntry]:
    found = await session.scalars(
        select(SourceEntry).where(col(SourceEntry.id).in_(set(ids))).with_for_update()
    )
    return found.all()


# ── Single entries ───────────────────────────────────────────────────────────────────────────────


def _made(source: Source, entry: ReadEntry, position: int, now: datetime) -> SourceEntry:
    words = _words(entry, "")
    return SourceEntry(
        source_id=source.id,
        key=key_of(entry.key),
        guid=(entry.guid or "")[:_LINK_CHARS],
        link=_address(entry.link),
        canonical_link=key_of(entry.canonical_link or ""),
        title=words.title,
        summary=words.summary,
        html=words.html,
        author=words.author,
        categories=[line(one) for one in entry.categories[:_CATEGORIES]],
        pictures=_pictures(entry),
        warnings=list(entry.warnings),
        content_hash=words.hash,
        legacy=words.legacy,
        date_text=entry.published_text[:_DATE_CHARS],
        published_at=entry.published_at,
        position=position,
        first_seen_at=now,
        last_seen_at=now,
    )


def _seen_again(
    row: SourceEntry, entry: ReadEntry, position: int, now: datetime, *, stub: bool
) -> bool:
    """Notes that an entry still stands there; True when its words have changed.

    A stub tells that the words were taken back: what was read before stays for people to compare.
    """
    row.last_seen_at = now
    # A feed that gave it another name keeps its history under the new one.
    row.key, row.guid = key_of(entry.key), (entry.guid or "")[:_LINK_CHARS]
    row.canonical_link = key_of(entry.canonical_link or "")
    row.link = _address(entry.link)
    if stub:
        return False
    words = _words(entry, row.converted)
    if words.hash == row.content_hash:
        return False
    row.title, row.summary, row.html = words.title, words.summary, words.html
    row.author, row.legacy, row.content_hash = words.author, words.legacy, words.hash
    row.pictures, row.warnings = _pictures(entry), list(entry.warnings)
    row.edited_at = now
    return True


def key_of(told: str) -> str:
    """A name as it is kept; one that is longer than an index holds stands as its hash."""
    if len(told) <= _KEY_CHARS:
        return told
    return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def _words(entry: ReadEntry, converted: str) -> _Words:
    title, author = entry.title, line(entry.author)
    html = entry.content_html or entry.summary_html
    summary = plain(entry.summary_html or entry.content_html)
    # Over what the source wrote, so that a conversion here never looks like an edit there.
    told = "\n".join((title, html, summary))
    kind: Legacy | None = "tcvn3" if converted == "tcvn3" else "vni" if converted == "vni" else None
    if kind is not None and entry.legacy == kind:
        title, summary = legacy_text.convert(title, kind), legacy_text.convert(summary, kind)
        html, author = legacy_text.convert(html, kind), legacy_text.convert(author, kind)
    return _Words(
        title=line(title, _TITLE_CHARS),
        summary=shorten(summary, _SUMMARY_CHARS),
        html=html,
        author=author,
        legacy=(entry.legacy or "") if entry.legacy != kind else "",
        hash=hashlib.sha256(told.encode()).hexdigest(),
    )


def _pictures(entry: ReadEntry) -> list[dict[str, str]]:
    return [
        {"url": one.url, "alt": line(one.alt, 500)}
        for one in entry.pictures[:_PICTURES]
        if len(one.url) <= _LINK_CHARS
    ]


def _address(link: str | None) -> str:
    return link if link and len(link) <= _LINK_CHARS else ""
