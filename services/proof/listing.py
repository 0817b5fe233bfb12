"""The public lists: everything, one part of the menu, what a reader searches for, and the sitemap.

Pages follow each other by the place of their last line, so nothing is shown twice or skipped when
something new comes, and the thousandth page costs as much as the first.
"""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content import search
from services.content.tables import Media

# A sitemap holds 50,000 addresses at most (sitemaps.org, protocol 0.9, read 2026-11-20); a tenth of
# that is made in a twentieth of a second.
SITEMAP_MOST: Final = 5_000
_PLACES: Final = 1_000  # read at once
_CURSOR: Final = re.compile(r"(\d{1,17})-([0-9a-f]{32})")
_MONTH: Final = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_LINE: Final = """
    SELECT e.item_id, e.at, i.code, i.kind, r.title, r.summary, r.category, r.cover, r.ai_made,
           u.name AS unit
      FROM {entries} AS e
      JOIN item i ON i.id = e.item_id AND i.withdrawn_at IS NULL
      JOIN revision r ON r.item_id = e.item_id AND r.no = i.released_no
      JOIN unit u ON u.id = i.unit_id
     ORDER BY e.at DESC, e.item_id DESC
     LIMIT :most
"""
_BEFORE: Final = "(e.at, e.item_id) < (:at, CAST(:item AS uuid))"


def _lines_of(entries: str) -> TextClause:
    return text(_LINE.replace("{entries}", entries).replace("{before}", _BEFORE))


_ALL: Final = _lines_of("(SELECT * FROM public_entry e WHERE {before})")
# Each category by its own index, a page of each at most, however many lines each has.
_OF_CATEGORIES: Final = _lines_of(
    """(
      SELECT e.* FROM unnest(CAST(:categories AS text[])) AS wanted(category)
       CROSS JOIN LATERAL (
         SELECT * FROM public_entry e WHERE e.category = wanted.category AND {before}
          ORDER BY e.at DESC, e.item_id DESC LIMIT :most) AS e)"""
)
# All that the index finds, but only its place: a page of it is taken before anything else is read.
# More than a page, for what was withdrawn a moment ago may still stand here. `IS TRUE` keeps the
# planner from asking other indexes too, which costs it more than looking at what was found.
_HITS: Final = """
    WITH hit AS MATERIALIZED (
      SELECT e.item_id, e.at FROM public_entry e
       WHERE e.search @@ CAST(CAST(:index AS text) AS tsquery) AND ({before}) IS TRUE
         AND (CAST(:index AS text) = CAST(:words AS text)
              OR (e.search @@ (SELECT CAST(CAST(:words AS text) AS tsquery))) IS TRUE))
    SELECT * FROM hit ORDER BY at DESC, item_id DESC LIMIT :most + 50
"""
_FOUND: Final = _lines_of(f"({_HITS})")
_HOLDING: Final = text(_HITS.replace("{before}", "true"))
# Words that many items hold would make the index gather them all; a page of such is found among
# the newest.
_LATELY: Final = """
    SELECT * FROM (
      SELECT * FROM public_entry e WHERE {before} ORDER BY e.at DESC, e.item_id DESC LIMIT :near
    ) AS e WHERE e.search @@ (SELECT CAST(CAST(:words AS text) AS tsquery))
"""
_FOUND_LATELY: Final = _lines_of(f"({_LATELY})")
_HOLDING_LATELY: Final = text(
    f"SELECT item_id FROM ({_LATELY.replace('{before}', 'true')}) AS e LIMIT :most"  # noqa: S608
)
_ENDS: Final = text(
    "SELECT (SELECT at FROM public_entry ORDER BY at, item_id LIMIT 1) AS earliest,"
    " (SELECT at FROM public_entry ORDER BY at DESC, item_id DESC LIMIT 1) AS latest"
)
_MONTHS: Final = text(
    """
    SELECT m.name, held.count
      FROM unnest(CAST(:names AS text[]), CAST(:starts AS timestamptz[]),
                  CAST(:ends AS timestamptz[])) WITH ORDINALITY AS m(name, since, until, no)
     CROSS JOIN LATERAL (SELECT count(*) FROM public_entry e
                          WHERE e.at >= m.since AND e.at < m.until) AS held
     WHERE held.count > 0
     ORDER BY m.no
    """
)
# Oldest first: what is published later comes behind, so that a part keeps what it holds.
_BEFORE_PART: Final = text(
    """
    SELECT at, item_id FROM public_entry WHERE at >= :start AND at < :end
     ORDER BY at, item_id OFFSET :skipped LIMIT 1
    """
)
_PLACED: Final = text(
    """
    SELECT e.at, e.item_id, e.changed_at, i.code, i.withdrawn_at IS NOT NULL AS withdrawn
      FROM (SELECT at, item_id, changed_at FROM public_entry
             WHERE at < :end AND (at, item_id) > (:at, CAST(:item AS uuid))
             ORDER BY at, item_id LIMIT :most) AS e
      JOIN item i ON i.id = e.item_id
     ORDER BY e.at, e.item_id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item in a list. `cover` is its picture in the library, None without one."""

    code: str
    kind: str
    title: str
    summary: str
    category: str
    unit: str
    at: datetime
    cover: Media | None
    ai_made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lines, newest first, and where the next page begins; None on the last."""

    lines: tuple[Line, ...]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of the sitemap, as `2026-11`, and how many parts it is told in."""

    name: str
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An item's address in the sitemap, with when it last changed."""

    code: str
    changed_at: datetime


async def newest(
    session: AsyncSession,
    *,
    categories: Collection[str] | None = None,
    after: str | None = None,
    most: int = 20,
) -> Page:
    """What is public, newest first; of these categories only where some are named."""
    if categories is None:
        return await _page(session, _ALL, {}, after, most)
    given = {"categories": sorted(set(categories))}
    return await _page(session, _OF_CATEGORIES, given, after, most)


async def found(
    session: AsyncSession, asked: str, *, after: str | None = None, most: int = 20
) -> Page:
    """What holds every word asked for, with or without its marks; nothing for no word at all."""
    plan = await search.plan(session, "public_entry", asked)
    if plan is None:
        return Page(lines=(), after=None)
    if plan.near:
        near = {"words": plan.words, "near": plan.near}
        lately = await _page(session, _FOUND_LATELY, near, after, most)
        if lately.after is not None:
            return lately
    wanted = {"words": plan.words, "index": plan.index}
    return await _page(session, _FOUND, wanted, after, most)


async def holding(session: AsyncSession, asked: str, *, most: int) -> list[UUID]:
    """The newest items that hold every word asked for; none for no word at all."""
    plan = await search.plan(session, "public_entry", asked)
    if plan is None:
        return []
    wanted: dict[str, object] = {"words": plan.words, "most": most}
    if plan.near:
        lately = await session.scalars(_HOLDING_LATELY, wanted | {"near": plan.near})
        if len(found := list(lately)) == most:
            return found
    rows = await session.execute(_HOLDING, wanted | {"index": plan.index})
    return [row.item_id for row in rows][:most]


async def months(session: AsyncSession, zone: ZoneInfo) -> list[Month]:
    """The months in which something that is public now was published, newest first.

    Counted month by month in the index alone.
    """
    ends = (await session.execute(_ENDS)).one()
    if ends.earliest is None:
        return []
    first, month = ends.earliest.astimezone(zone), ends.latest.astimezone(zone)
    names = []
    while (month.year, month.month) >= (first.year, first.month):
        names.append(f"{month:%Y-%m}")
        month = month.replace(day=1) - timedelta(days=1)
    starts, finishes = zip(*(span(name, zone) for name in names), strict=True)
    wanted = {"names": names, "starts": list(starts), "ends": list(finishes)}
    rows = await session.execute(_MONTHS, wanted)
    return [Month(name=name, parts=-(-count // SITEMAP_MOST)) for name, count in rows]


async def places(
    session: AsyncSession, month: str, zone: ZoneInfo, *, part: int = 1
) -> AsyncIterator[Sequence[Place]]:
    """The public items of a month's part, oldest first, some at a time.

    Parts count from 1 and hold `SITEMAP_MOST` each; one that is not there yields nothing. Raises
    ValueError for what is no month.
    """
    start, end = span(month, zone)
    at, item = start, UUID(int=0)
    if part > 1:
        wanted = {"start": start, "end": end, "skipped": (part - 1) * SITEMAP_MOST - 1}
        before = (await session.execute(_BEFORE_PART, wanted)).one_or_none()
        at, item = (before.at, before.item_id) if before else (end, item)
    left = SITEMAP_MOST
    while left:
        wanted = {"end": end, "at": at, "item": str(item), "most": min(_PLACES, left)}
        rows = (await session.execute(_PLACED, wanted)).all()
        if not rows:
            return
        yield [Place(code=one.code, changed_at=one.changed_at) for one in rows if not one.withdrawn]
        at, item = rows[-1].at, rows[-1].item_id
        left -= len(rows)


def span(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when until when a month lasts in this zone. Raises ValueError for what is no month."""
    told = _MONTH.fullmatch(month)
    if told is None:
        raise ValueError("no month")
    start = datetime(int(told.group(1)), int(told.group(2)), 1, tzinfo=zone)
    return start, (start + timedelta(days=32)).replace(day=1)


async def _page(
    session: AsyncSession,
    query: TextClause,
    given: Mapping[str, object],
    after: str | None,
    most: int,
) -> Page:
    at, item = _place(after)
    rows: Sequence[Row[tuple[object, ...]]] = (
        await session.execute(query, {**given, "at": at, "item": str(item), "most": most + 1})
    ).all()
    shown = rows[:most]
    covers = await _covers(session, [row.cover for row in shown if row.cover])
    lines = tuple(
        Line(
            code=row.code,
            kind=row.kind,
            title=row.title,
            summary=row.summary,
            category=row.category,
            unit=row.unit,
            at=row.at,
            cover=covers.get(row.cover),
            ai_made=row.ai_made,
        )
        for row in shown
    )
    more = len(rows) > most
    return Page(lines=lines, after=_named(shown[-1].at, shown[-1].item_id) if more else None)


async def _covers(session: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID | None, Media]:
    if not ids:
        return {}
    rows = await session.scalars(select(Media).where(col(Media.id).in_(ids)))
    return {row.id: row for row in rows if row.kind == "image"}


def _named(at: datetime, item: UUID) -> str:
    return f"{(at - _EPOCH) // _MICROSECOND}-{item.hex}"


def _place(after: str | None) -> tuple[datetime, UUID]:
    """Where a page begins; what nobody can have been told is the beginning."""
    told = _CURSOR.fullmatch(after or "")
    if told is None:
        return datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1)
    return _EPOCH + timedelta(microseconds=int(told.group(1))), UUID(told.group(2))
