"""Lists of items as people look for them: saved views, narrowed by filters, page by page."""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import search
from services.delivery import board
from services.delivery.board import Standing
from shared.errors import FieldError, InvalidError

_Row: TypeAlias = "Row[tuple[object, ...]]"


class View(StrEnum):
    """The saved views, each with an order of its own."""

    MINE = "mine"  # begun by the reader, last changed first
    REVIEW = "review"  # somebody must agree, longest waiting first
    UPCOMING = "upcoming"  # goes out by itself, soonest first
    PUBLISHED = "published"  # something of it can be seen, newest first
    TROUBLE = "trouble"  # somebody must look after it, newest first
    ALL = "all"  # newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What narrows a view. `q` finds folded words and beginnings of words; `tag` is exact."""

    kind: str | None = None
    tag: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """The accounts of one channel that an item is meant for; `name` is that of the first."""

    channel: str
    count: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item as a list shows it.

    `due_at` is when the next agreed publication goes out, `wish` the time that its newest revision
    asks for while nobody has agreed to it.
    """

    id: UUID
    code: str
    kind: str
    title: str
    unit_code: str
    author: str
    urgent: bool
    version: int
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    due_at: datetime | None
    wish: datetime | None
    tags: tuple[str, ...]
    outlets: tuple[Outlets, ...]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """One page of a list, and the cursor of the next page if there is one."""

    lines: tuple[Line, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """How a view is found: what it selects from, its condition, its sort key, its direction.

    Where `source` is None, condition and key speak of the item alone.
    """

    source: str | None
    where: str
    key: str
    down: bool


_NEWEST: Final = "JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no"

# A failure whose approval turned out void is none: see `board.standing`.
BROKEN: Final = (
    "p.state IN ('failed','expired','undecided') AND p.desired_rendition_id IS NOT NULL"
    " AND NOT (p.state = 'failed' AND coalesce(p.problem_code = 'approval_void', false))"
)

# Two selects, since no index answers both halves of an OR.
TROUBLED: Final = f"""
    SELECT p.id, p.item_id, p.account_id, p.state, coalesce(p.problem_at, p.left_at, p.created_at)
           AS at FROM publication p WHERE {BROKEN}
    UNION ALL
    SELECT p.id, p.item_id, p.account_id, p.state, coalesce(p.drift_at, p.created_at)
      FROM publication p WHERE p.drift IS NOT NULL AND p.state = 'live'
"""  # noqa: S608  # constants of this file

_DUE: Final = """
    SELECT item_id, min(not_before) AS at FROM publication
     WHERE state IN ('scheduled','pending') AND desired_rendition_id IS NOT NULL GROUP BY item_id
"""
_BAD: Final = f"SELECT x.item_id, max(x.at) AS at FROM ({TROUBLED}) AS x GROUP BY x.item_id"  # noqa: S608

_ORDERS: Final[Mapping[View, _Order]] = MappingProxyType(
    {
        View.MINE: _Order(
            source=None,
            where="i.created_by = :staff",
            key="i.updated_at",
            down=True,
        ),
        View.REVIEW: _Order(
            source=f"item i {_NEWEST}", where="r.state = 'review'", key="r.submitted_at", down=False
        ),
        View.UPCOMING: _Order(
            source=f"({_DUE}) AS due JOIN item i ON i.id = due.item_id {_NEWEST}",
            where="true",
            key="due.at",
            down=False,
        ),
        View.PUBLISHED: _Order(
            source=None,
            where="i.published_at IS NOT NULL AND i.withdrawn_at IS NULL"
            " AND EXISTS (SELECT 1 FROM publication p WHERE p.item_id = i.id"
            " AND (p.state = 'live' OR p.observed_rendition_id IS NOT NULL))",
            key="i.published_at",
            down=True,
        ),
        View.TROUBLE: _Order(
            source=f"({_BAD}) AS bad JOIN item i ON i.id = bad.item_id {_NEWEST}",
            where="true",
            key="bad.at",
            down=True,
        ),
        View.ALL: _Order(source=None, where="true", key="i.created_at", down=True),
    }
)

_LINES = text(
    """
    SELECT i.id, i.code, i.kind, i.version, i.created_at, i.updated_at, unit.code AS unit_code,
           author.name AS author, r.title, r.urgent, r.tags, r.submitted_at, r.publish_at,
           r.state AS revision_state, due.at AS due_at
      FROM item i
      JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
      JOIN unit ON unit.id = i.unit_id
      JOIN staff author ON author.id = i.created_by
      LEFT JOIN LATERAL (
        SELECT min(p.not_before) AS at FROM publication p
         WHERE p.item_id = i.id AND p.state IN ('scheduled','pending')
           AND p.desired_rendition_id IS NOT NULL) AS due ON true
     WHERE i.id = ANY(:ids) AND i.unit_id = ANY(:units)
    """
)

# All accounts of all items at once: one by one would cost a page more than all the rest. Whoever
# agreed made a publication on every account, so what a revision chose tells more only until then.
# Names are compared once for all, as places in their order: a page of items on thousands of
# accounts each would compare them a hundred thousand times.
_OUTLETS = text(
    """
    WITH named AS MATERIALIZED (
      SELECT id, channel, name, row_number() OVER (ORDER BY name, id) AS place FROM account),
    aimed AS (
      SELECT p.item_id, p.account_id FROM publication p WHERE p.item_id = ANY(:ids)
      UNION ALL
      SELECT i.id, chosen.id FROM item i
        JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no AND r.state <> 'approved'
        CROSS JOIN LATERAL unnest(r.accounts) AS chosen(id)
       WHERE i.id = ANY(:ids)
         AND NOT EXISTS (SELECT 1 FROM publication p
                          WHERE p.item_id = i.id AND p.account_id = chosen.id)),
    counted AS (
      SELECT aimed.item_id, named.channel, count(*) AS many, min(named.place) AS place
        FROM aimed JOIN named ON named.id = aimed.account_id GROUP BY 1, 2)
    SELECT counted.item_id, counted.channel, counted.many, named.name
      FROM counted JOIN named ON named.place = counted.place
     ORDER BY counted.item_id, counted.channel
    """
)

_COUNTS = text(
    f"""
    SELECT (SELECT count(*) FROM revision r
              JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
             WHERE r.state = 'review' AND i.unit_id = ANY(:units)) AS review,
           (SELECT count(DISTINCT p.item_id) FROM publication p JOIN item i ON i.id = p.item_id
             WHERE p.state IN ('scheduled','pending') AND p.desired_rendition_id IS NOT NULL
               AND i.unit_id = ANY(:units)) AS upcoming,
           (SELECT count(*) FROM (
              SELECT p.item_id FROM publication p JOIN item i ON i.id = p.item_id
               WHERE {BROKEN} AND i.unit_id = ANY(:units)
              UNION
              SELECT p.item_id FROM publication p JOIN item i ON i.id = p.item_id
               WHERE p.drift IS NOT NULL AND p.state = 'live' AND i.unit_id = ANY(:units)) AS x)
             AS trouble
    """  # noqa: S608  # constants of this file
)

# Asked once, and of rows that are at hand: no index is to be asked for all of it.
_HOLDING: Final = "(i.search @@ (SELECT CAST(CAST(:q AS text) AS tsquery))) IS TRUE"
# What the index of words finds is gathered first; in the order of a view the planner would look
# through every item there is.
_HITS: Final = f"""
    WITH hit AS MATERIALIZED (
      SELECT i.id, i.unit_id, i.kind, i.revision_no, i.created_by, i.created_at, i.updated_at,
             i.published_at, i.withdrawn_at
        FROM item i WHERE i.search @@ CAST(CAST(:index AS text) AS tsquery) AND {_HOLDING})
"""  # noqa: S608  # constants of this file

_OPEN = ("draft", "review", "returned", "stopped")
_CURSOR = re.compile(r"(-?\d{1,17})\.([0-9a-f]{32})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BATCH = 500
_NEAR = 2_000


async def listed(
    session: AsyncSession,
    view: View,
    *,
    staff_id: UUID,
    unit_ids: Collection[UUID],
    filters: Filters | None = None,
    limit: int,
    cursor: str | None = None,
) -> Lines:
    """A page of a view over the items of these units; `staff_id` is the reader's.

    Raises InvalidError `cursor_unknown`.
    """
    order = _ORDERS[view]
    wanted: dict[str, object] = {"units": list(unit_ids), "limit": limit + 1}
    where = ["i.unit_id = ANY(:units)", order.where]
    if ":staff" in order.where:
        wanted["staff"] = staff_id
    if cursor is not None:
        where.append(f"({order.key}, i.id) {'<' if order.down else '>'} (:at, :last)")
        wanted["at"], wanted["last"] = _opened(cursor)
    filters = filters or Filters()
    narrow = _narrowing(filters, wanted)
    asked = " ".join(one for one in (filters.tag, filters.q) if one)
    if filters.q and filters.q.strip() and search.query(filters.q) is None:
        return Lines(lines=(), next=None)
    plan = await search.plan(session, "item", asked)
    if plan is not None:
        wanted |= {"q": plan.words, "index": plan.index}
    found: Sequence[_Row] = ()
    near = plan.near if plan is not None else _NEAR if narrow else 0
    if near and order.source is None:
        holding = [*narrow, _HOLDING] if plan is not None else narrow
        rows = await session.execute(_near(order, where, holding), wanted | {"near": near})
        found = rows.all()
    if len(found) <= limit:
        every = _whole(order, where, narrow, by_words=plan is not None)
        found = (await session.execute(every, wanted)).all()
    page = found[:limit]
    return Lines(
        lines=await lines(session, [row.id for row in page], unit_ids=unit_ids),
        next=_closed(page[-1].at, page[-1].id) if len(found) > limit else None,
    )


async def counts(session: AsyncSession, unit_ids: Collection[UUID]) -> Mapping[View, int]:
    """How many items of these units stand in the views that somebody must keep an eye on."""
    row = (await session.execute(_COUNTS, {"units": list(unit_ids)})).one()
    return {View.REVIEW: row.review, View.UPCOMING: row.upcoming, View.TROUBLE: row.trouble}


async def whole(
    session: AsyncSession,
    view: View,
    *,
    staff_id: UUID,
    unit_ids: Collection[UUID],
    filters: Filters | None = None,
    most: int,
) -> AsyncIterator[Line]:
    """All of a view, at most so many, read in batches: what an export writes."""
    cursor: str | None = None
    left = most
    while left > 0:
        found = await listed(
            session,
            view,
            staff_id=staff_id,
            unit_ids=unit_ids,
            filters=filters,
            limit=min(_BATCH, left),
            cursor=cursor,
        )
        for line in found.lines:
            yield line
        left -= len(found.lines)
        cursor = found.next
        if cursor is None:
            return


async def lines(
    session: AsyncSession, item_ids: Sequence[UUID], *, unit_ids: Collection[UUID]
) -> tuple[Line, ...]:
    """Those of the items that belong to these units, as a list shows them, in the order given."""
    if not item_ids:
        return ()
    wanted = {"ids": list(item_ids), "units": list(unit_ids)}
    rows = {row.id: row for row in await session.execute(_LINES, wanted)}
    standing = await board.standing(session, list(rows))
    places = await outlets(session, list(rows))
    return tuple(
        _line(rows[one], standing[one], places.get(one, ())) for one in item_ids if one in rows
    )


async def outlets(
    session: AsyncSession, item_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Outlets, ...]]:
    """Where each item goes, or is meant to go; an item without an account is left out."""
    found: dict[UUID, tuple[Outlets, ...]] = {}
    for row in await session.execute(_OUTLETS, {"ids": list(item_ids)}):
        one = Outlets(channel=row.channel, count=row.many, name=row.name)
        found[row.item_id] = (*found.get(row.item_id, ()), one)
    return found


def _line(row: _Row, standing: Standing, places: tuple[Outlets, ...]) -> Line:
    return Line(
        id=row.id,
        code=row.code,
        kind=row.kind,
        title=row.title,
        unit_code=row.unit_code,
        author=row.author,
        urgent=row.urgent,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        submitted_at=row.submitted_at,
        due_at=row.due_at,
        wish=row.publish_at if row.revision_state in _OPEN else None,
        tags=tuple(row.tags),
        outlets=places,
        standing=standing,
    )


def _whole(
    order: _Order, where: Sequence[str], narrow: Sequence[str], *, by_words: bool
) -> TextClause:
    """All that fits. Built from constants of this file; what a person typed is bound."""
    way = "DESC" if order.down else "ASC"
    hits, source, words = "", order.source, [_HOLDING] if by_words else []
    if source is None:
        source = f"item i {_NEWEST}"
        if by_words:
            # Tags alone are the revision's; a crowd of hits is spared the look at theirs.
            hits, source, words = _HITS, f"hit i {_NEWEST if narrow else ''}", []
    return text(
        f"""
        {hits}
        SELECT i.id, {order.key} AS at FROM {source}
         WHERE {" AND ".join([*where, *narrow, *words])}
         ORDER BY {order.key} {way}, i.id {way} LIMIT :limit
        """  # noqa: S608  # see above
    )


def _near(order: _Order, where: Sequence[str], narrow: Sequence[str]) -> TextClause:
    """What fits of the first few thousand: a word that is common fills a page from them.

    An index of words would first bring all that holds a common word, to sort it and show fifty.
    """
    way = "DESC" if order.down else "ASC"
    return text(
        f"""
        SELECT i.id, {order.key} AS at
          FROM (SELECT i.* FROM item i WHERE {" AND ".join(where)}
                 ORDER BY {order.key} {way}, i.id {way} LIMIT :near) AS i
          {_NEWEST}
         WHERE {" AND ".join(narrow)}
         ORDER BY {order.key} {way}, i.id {way} LIMIT :limit
        """  # noqa: S608  # see above
    )


def _narrowing(filters: Filters, wanted: dict[str, object]) -> list[str]:
    """The conditions of the filters but for words, their values bound in `wanted`."""
    narrow: list[str] = []
    if filters.kind:
        narrow.append("i.kind = :kind")
        wanted["kind"] = filters.kind
    if filters.tag:
        # Tags stand among the words of an item, for which there is an index.
        narrow.append(":tag = ANY(r.tags)")
        wanted["tag"] = filters.tag
    return narrow


def _closed(at: datetime, last: UUID) -> str:
    return f"{(at - _EPOCH) // _MICROSECOND}.{last.hex}"


def _opened(cursor: str) -> tuple[datetime, UUID]:
    found = _CURSOR.fullmatch(cursor)
    try:
        if found is not None:
            return _EPOCH + int(found[1]) * _MICROSECOND, UUID(hex=found[2])
    except OverflowError:
        pass
    fault = FieldError(
        field="cursor",
        code="cursor_unknown",
        detail="Con trỏ không hợp lệ · Not one of our cursors",
    )
    raise InvalidError("cursor_unknown", fields=(fault,))
