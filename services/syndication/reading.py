"""Which entries a feed document holds: the window of a feed, and its archives, found by index.

The window (feeds.md sections 1 and 5): the newest entries and those of the last fortnight in any
case; what was changed or withdrawn, 30 days and until the portal has fetched it. What has left the
window stands in an archive: a month's entries, a hundred to a part (feeds.md section 6; RFC 5005).
"""

# ruff: noqa: S608  # every statement is put together of constants of this file

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.delivery.portal import Entry, Shown
from services.delivery.tables import Rendition
from services.syndication.address import Archive, By

NEWEST: Final = 50
PART: Final = 100
FORTNIGHT: Final = timedelta(days=14)
STUB: Final = timedelta(days=30)
TOMBSTONE: Final = timedelta(days=90)
# A portal that never comes must not make its feed grow for ever.
_MOST: Final = 1000
_UNSEEN: Final = 200
_LONGEST: Final = timedelta(days=1)

_ORDER: Final = "published_at DESC, publication_id DESC"
_ROW: Final = "publication_id, published_at, changed_at, guid, rendition_id, live"
_COLUMNS: Final[Mapping[By, tuple[str, str]]] = {
    By.CATEGORY: ("category", "text"),
    By.KIND: ("kind", "text"),
    By.UNIT: ("unit_id", "uuid"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The entries of one account that a feed may hold: all, or those of these names.

    `names` are categories (with former names of the same), kinds or ids of units.
    """

    account_id: UUID
    by: By = By.ALL
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """An entry that was withdrawn, and when."""

    guid: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one document holds: entries newest first, and where its neighbours are.

    `good_until`: then it changes by itself, if not before.
    """

    entries: tuple[Entry, ...]
    tombstones: tuple[Tombstone, ...]
    previous: Archive | None
    following: Archive | None = None
    good_until: datetime


# ── Statements: one of each kind for every way to narrow a feed ──────────────────────────────────


def _among(by: By, where: str, *, row: str = _ROW, order: str = _ORDER, most: str) -> str:
    """The first entries of a part in an order; the parts of several names are merged."""
    if by is By.ALL:
        return (
            f"SELECT {row} FROM feed_entry WHERE account_id = :account AND {where}"
            f" ORDER BY {order} LIMIT {most}"
        )
    column, kind = _COLUMNS[by]
    return (
        f"SELECT x.* FROM unnest(CAST(:names AS {kind}[])) AS n(name) CROSS JOIN LATERAL ("
        f"SELECT {row} FROM feed_entry WHERE account_id = :account AND {column} = n.name"
        f" AND {where} ORDER BY {order} LIMIT {most}) x ORDER BY {order} LIMIT {most}"
    )


def _of(by: By, alias: str = "") -> str:
    """Whether an entry belongs to the part, for the few that another index has found."""
    if by is By.ALL:
        return "true"
    column, kind = _COLUMNS[by]
    return f"{alias}{column} = ANY(CAST(:names AS {kind}[]))"


_FACTS: Final = """
    SELECT f.*, p.observed_generation, p.seen_at,
           CASE WHEN NOT f.live THEN (SELECT withdrawn_reason FROM item WHERE id = p.item_id) END
             AS withdrawn_reason
      FROM wanted f
      JOIN publication p ON p.id = f.publication_id
     ORDER BY f.published_at DESC, f.publication_id DESC LIMIT :most
"""


def _window(by: By) -> TextClause:
    def few(where: str, most: str) -> str:
        return (
            f"(SELECT {_ROW} FROM feed_entry WHERE account_id = :account AND {where}"
            f" AND {_of(by)} ORDER BY published_at DESC LIMIT {most})"
        )

    picks = (
        f"({_among(by, 'live', most=':newest')})",
        f"({_among(by, 'live AND published_at >= :fortnight', most=':most')})",
        few("changed_at > published_at AND changed_at >= :stub", ":most"),
        few("changed_at > published_at AND NOT seen", ":most"),
        # An outage of the portal is bridged, within bounds: its newest unseen entries stay.
        f"(SELECT {_ROW} FROM (SELECT * FROM feed_entry WHERE account_id = :account"
        f" AND NOT seen ORDER BY published_at DESC LIMIT :unseen) e WHERE {_of(by)})",
    )
    return text(f"WITH wanted AS ({' UNION '.join(picks)}) {_FACTS}")


def _archive(by: By) -> TextClause:
    oldest = "published_at, publication_id"
    inside = "published_at >= :start AND published_at < :end"
    # What is skipped is read from the index alone.
    found = _among(by, inside, row=oldest, order=oldest, most=":upto")
    return text(
        f"WITH wanted AS (SELECT {_ROW} FROM feed_entry WHERE publication_id IN"
        f" (SELECT publication_id FROM ({found}) a ORDER BY {oldest} OFFSET :skip)) {_FACTS}"
    )


def _count(by: By) -> TextClause:
    return text(
        f"SELECT count(*) FROM feed_entry WHERE account_id = :account AND {_of(by)}"
        " AND published_at >= :start AND published_at < :end"
    )


def _before(by: By) -> TextClause:
    found = _among(by, "published_at < :at", most="1")
    return text(f"SELECT max(published_at) FROM ({found}) a")


def _after(by: By) -> TextClause:
    found = _among(by, "published_at >= :at", order="published_at, publication_id", most="1")
    return text(f"SELECT min(published_at) FROM ({found}) a")


def _newest(by: By) -> TextClause:
    found = _among(by, "live", most=":most")
    return text(f"WITH wanted AS ({found}) {_FACTS}")


def _tombstones(by: By) -> TextClause:
    return text(
        "SELECT guid, changed_at FROM feed_entry WHERE account_id = :account AND NOT live"
        f" AND changed_at > published_at AND changed_at >= :since AND {_of(by)}"
        " ORDER BY changed_at DESC, guid LIMIT :most"
    )


_WINDOW: Final = {by: _window(by) for by in By}
_ARCHIVE: Final = {by: _archive(by) for by in By}
_NEWEST: Final = {by: _newest(by) for by in By}
_COUNT: Final = {by: _count(by) for by in By}
_BEFORE: Final = {by: _before(by) for by in By}
_AFTER: Final = {by: _after(by) for by in By}
_TOMBSTONES: Final = {by: _tombstones(by) for by in By}


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


async def window(session: AsyncSession, part: Part, now: datetime, zone: ZoneInfo) -> Held:
    """What a feed holds at `now`."""
    start, end = _month(now, zone)
    count = await _counted(session, part, start, end)
    rows = await session.execute(
        _WINDOW[part.by],
        _values(part)
        | {
            # What is in no archive yet must be here.
            "newest": max(NEWEST, count % PART),
            "fortnight": now - FORTNIGHT,
            "stub": now - STUB,
            "unseen": _UNSEEN,
            "most": _MOST,
        },
    )
    entries = tuple(_entry(row) for row in rows)
    buried = await session.execute(
        _TOMBSTONES[part.by], _values(part) | {"since": now - TOMBSTONE, "most": _MOST}
    )
    tombstones = {row.guid: Tombstone(guid=row.guid, at=row.changed_at) for row in buried}
    for one in entries:
        if one.withdrawn:
            tombstones.setdefault(one.guid, Tombstone(guid=one.guid, at=one.changed_at))
    return Held(
        entries=entries,
        tombstones=tuple(tombstones.values()),
        previous=await _newest_archive(session, part, start, count, zone),
        good_until=_good_until(entries, now, end),
    )


async def newest_archive(
    session: AsyncSession, part: Part, now: datetime, zone: ZoneInfo
) -> Archive | None:
    """The archive that goes before what a feed holds; None while there is none."""
    start, end = _month(now, zone)
    return await _newest_archive(
        session, part, start, await _counted(session, part, start, end), zone
    )


async def archived(
    session: AsyncSession, part: Part, archive: Archive, now: datetime, zone: ZoneInfo
) -> Held | None:
    """What an archive holds; None for one that is not complete, or never had an entry."""
    start, end = _bounds(archive.year, archive.month, zone)
    skip = (archive.part - 1) * PART
    rows = await session.execute(
        _ARCHIVE[part.by],
        _values(part)
        | {"start": start, "end": end, "skip": skip, "upto": skip + PART, "most": PART},
    )
    every = tuple(_entry(row) for row in rows)
    if not every or (now < end and len(every) < PART):
        return None
    stays = tuple(
        one
        for one in every
        # The law beats the rule that an archive never changes: withdrawn words leave it as well.
        if not one.withdrawn or one.changed_at >= now - STUB or one.seen_at is None
    )
    return Held(
        entries=stays,
        tombstones=tuple(
            Tombstone(guid=one.guid, at=one.changed_at) for one in every if one.withdrawn
        ),
        previous=await _previous(session, part, archive, zone),
        following=await _following(session, part, archive, now, zone),
        good_until=_good_until([one for one in stays if one.withdrawn], now, now + _LONGEST),
    )


async def newest(session: AsyncSession, part: Part, count: int) -> tuple[Entry, ...]:
    """The live entries that came last."""
    rows = await session.execute(_NEWEST[part.by], _values(part) | {"most": count})
    return tuple(_entry(row) for row in rows)


async def words_of(session: AsyncSession, rendition_ids: Collection[UUID]) -> dict[UUID, Shown]:
    """The words of entries, by rendition."""
    if not rendition_ids:
        return {}
    rows = await session.execute(
        select(col(Rendition.id), col(Rendition.payload)).where(
            col(Rendition.id).in_(rendition_ids)
        )
    )
    return {rendition_id: Shown.model_validate(payload) for rendition_id, payload in rows}


def _entry(row: "Row[tuple[object, ...]]") -> Entry:
    return Entry(
        publication_id=row.publication_id,
        generation=row.observed_generation,
        seen_at=row.seen_at,
        published_at=row.published_at,
        changed_at=row.changed_at,
        guid=row.guid,
        rendition_id=row.rendition_id,
        withdrawn=not row.live,
        reason=row.withdrawn_reason or "",
    )


def _values(part: Part) -> dict[str, object]:
    names: dict[str, object] = {} if part.by is By.ALL else {"names": list(part.names)}
    return {"account": part.account_id} | names


def _good_until(entries: Sequence[Entry], now: datetime, latest: datetime) -> datetime:
    """The first instant at which an entry may leave; too early costs a look, too late a truth."""
    ends = [one.published_at + FORTNIGHT for one in entries]
    ends += [one.changed_at + STUB for one in entries if one.changed_at > one.published_at]
    return min([at for at in ends if at > now] + [latest, now + _LONGEST])


# ── Months and their parts ───────────────────────────────────────────────────────────────────────


def _bounds(year: int, month: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)


def _month(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    local = at.astimezone(zone)
    return _bounds(local.year, local.month, zone)


async def _counted(session: AsyncSession, part: Part, start: datetime, end: datetime) -> int:
    values = _values(part) | {"start": start, "end": end}
    found: int = (await session.execute(_COUNT[part.by], values)).scalar_one()
    return found


async def _newest_archive(
    session: AsyncSession, part: Part, start: datetime, count: int, zone: ZoneInfo
) -> Archive | None:
    """Given how many entries the month that began at `start` has so far."""
    if count >= PART:
        return Archive(year=start.year, month=start.month, part=count // PART)
    return await _last_before(session, part, start, zone)


async def _last_before(
    session: AsyncSession, part: Part, at: datetime, zone: ZoneInfo
) -> Archive | None:
    """The last archive before the beginning of a month."""
    found = await session.scalar(_BEFORE[part.by], _values(part) | {"at": at})
    if found is None:
        return None
    start, end = _month(found, zone)
    count = await _counted(session, part, start, end)
    return Archive(year=start.year, month=start.month, part=-(-count // PART))


async def _previous(
    session: AsyncSession, part: Part, archive: Archive, zone: ZoneInfo
) -> Archive | None:
    if archive.part > 1:
        return Archive(year=archive.year, month=archive.month, part=archive.part - 1)
    start, _ = _bounds(archive.year, archive.month, zone)
    return await _last_before(session, part, start, zone)


async def _following(
    session: AsyncSession, part: Part, archive: Archive, now: datetime, zone: ZoneInfo
) -> Archive | None:
    start, end = _bounds(archive.year, archive.month, zone)
    if archive.part < _parts(await _counted(session, part, start, end), over=end <= now):
        return Archive(year=archive.year, month=archive.month, part=archive.part + 1)
    found = await session.scalar(_AFTER[part.by], _values(part) | {"at": end})
    if found is None:
        return None
    start, end = _month(found, zone)
    if not _parts(await _counted(session, part, start, end), over=end <= now):
        return None
    return Archive(year=start.year, month=start.month)


def _parts(count: int, *, over: bool) -> int:
    """How many parts of a month are complete."""
    return -(-count // PART) if over else count // PART
