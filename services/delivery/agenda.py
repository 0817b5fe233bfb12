"""What goes out when: past, agreed and wished for, as a calendar shows it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery import board
from services.delivery.listing import Outlets, outlets

What: TypeAlias = Literal["shown", "due", "wish"]

CROWD: Final = 3  # so many on one account …
CROWD_SPAN: Final = timedelta(minutes=30)  # … within so long are told
_CROWDS_TOLD: Final = 2  # of a day, the largest

_EVERYWHERE = text("SELECT NOT EXISTS (SELECT 1 FROM unit WHERE id <> ALL(:units))")

# `shown`: its first call has begun. `due`: agreed, and not begun or to be changed later. `wish`:
# what a revision asks for that nobody has agreed to yet.
# A month may hold fifty thousand: of what was shown the index gives the first of each day; what is
# ahead is read whole, but no item for it while the reader sees every unit. An item that is public
# already can only be due again later, so only what should have gone out is asked for its item.
# Which ones first, then what they say: asked at once, PostgreSQL reads every item there is.
_RANKED = text(
    """
    WITH day AS (
      SELECT no, since, until FROM (
        SELECT no, since, lead(since) OVER (ORDER BY no) AS until
          FROM unnest(CAST(:bounds AS timestamptz[])) WITH ORDINALITY AS b(since, no)) AS x
       WHERE until IS NOT NULL),
    ahead AS MATERIALIZED (
      SELECT x.*, width_bucket(x.at, CAST(:bounds AS timestamptz[])) AS day FROM (
        SELECT p.item_id AS id, min(p.not_before) AS at, 'due' AS what,
               bool_and(p.state = 'scheduled') AS movable
          FROM publication p
         WHERE p.state NOT IN ('live','withdrawn') AND p.desired_rendition_id IS NOT NULL
           AND p.not_before >= :start AND p.not_before < :end
           AND (:everywhere
                OR (SELECT i.unit_id FROM item i WHERE i.id = p.item_id) = ANY(:units))
           AND (p.not_before > now() OR EXISTS (
                 SELECT 1 FROM item i WHERE i.id = p.item_id
                    AND (i.published_at IS NULL OR p.not_before > i.published_at)))
         GROUP BY p.item_id
        UNION ALL
        SELECT i.id, r.publish_at, 'wish', true
          FROM revision r JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
         WHERE r.state IN ('draft','review','returned') AND r.publish_at IS NOT NULL
           AND r.publish_at >= :start AND r.publish_at < :end AND i.unit_id = ANY(:units)
      ) AS x),
    first AS (
      SELECT x.id, x.at, x.what, x.movable, x.day FROM (
        SELECT a.*, row_number() OVER (PARTITION BY a.day ORDER BY a.at, a.id) AS place
          FROM ahead a) AS x
       WHERE x.place <= :until
      UNION ALL
      SELECT x.id, x.at, 'shown', false, day.no FROM day CROSS JOIN LATERAL (
        SELECT i.id, i.published_at AS at FROM item i
         WHERE i.published_at >= day.since AND i.published_at < day.until
           AND (:everywhere OR i.unit_id = ANY(:units))
         ORDER BY i.published_at, i.id LIMIT :until) AS x),
    counted AS (
      SELECT day, CAST(sum(count) AS integer) AS in_day FROM (
        SELECT width_bucket(i.published_at, CAST(:bounds AS timestamptz[])) AS day,
               count(*) AS count
          FROM item i
         WHERE i.published_at >= :start AND i.published_at < :end
           AND (:everywhere OR i.unit_id = ANY(:units))
         GROUP BY 1
        UNION ALL
        SELECT day, count(*) FROM ahead GROUP BY day) AS x
       GROUP BY day)
    SELECT x.id, x.at, x.what, x.movable, counted.in_day FROM (
      SELECT f.*, row_number() OVER (PARTITION BY f.day ORDER BY f.at, f.id) AS place
        FROM first f) AS x
      JOIN counted ON counted.day = x.day
     WHERE x.place > :skipped AND x.place <= :until
     ORDER BY x.at, x.id
    """
)

_ITEMS = text(
    """
    SELECT i.id, i.kind, i.version, r.title, r.urgent
      FROM item i JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
     WHERE i.id = ANY(:ids)
    """
)

# Of each account and day the half hour that holds the most.
_CROWDED = text(
    """
    WITH planned AS (
      SELECT p.account_id, p.not_before AS at FROM publication p
       WHERE p.state IN ('scheduled','pending') AND p.desired_rendition_id IS NOT NULL
         AND p.not_before >= :start AND p.not_before < :end
         AND (:everywhere OR (SELECT i.unit_id FROM item i WHERE i.id = p.item_id) = ANY(:units))
      UNION ALL
      SELECT account.id, r.publish_at
        FROM revision r JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
       CROSS JOIN LATERAL unnest(r.accounts) AS account(id)
       WHERE r.state IN ('draft','review','returned') AND r.publish_at IS NOT NULL
         AND r.publish_at >= :start AND r.publish_at < :end AND i.unit_id = ANY(:units)),
    near AS (
      SELECT account_id, at, width_bucket(at, CAST(:bounds AS timestamptz[])) AS day,
             count(*) OVER (PARTITION BY account_id ORDER BY at
                            RANGE BETWEEN CURRENT ROW AND CAST(:span AS interval) FOLLOWING)
               AS count
        FROM planned),
    most AS (
      SELECT DISTINCT ON (account_id, day) account_id, day, at, count FROM near
       WHERE count >= :crowd ORDER BY account_id, day, count DESC, at),
    ranked AS (
      SELECT m.*, row_number() OVER (PARTITION BY day ORDER BY count DESC, at, account_id) AS place,
             count(*) OVER (PARTITION BY day) AS in_day
        FROM most m)
    SELECT x.at, account.name, x.count AS items, x.in_day
      FROM ranked x JOIN account ON account.id = x.account_id
     WHERE x.place <= :told
     ORDER BY x.at, account.name
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item at one instant of a calendar. `in_day` counts all entries of its day.

    `movable`: nothing of it has begun, so that its time may still be changed. `state` is the
    item's, or that of the open revision where the entry is its wish.
    """

    item_id: UUID
    at: datetime
    what: What
    movable: bool
    in_day: int
    kind: str
    title: str
    urgent: bool
    version: int
    state: str
    outlets: tuple[Outlets, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Several items that would go out on one account within half an hour, from `at` on.

    `in_day` counts the accounts that are crowded some time that day.
    """

    at: datetime
    account: str
    count: int
    in_day: int


async def entries(
    session: AsyncSession,
    start: datetime,
    end: datetime,
    *,
    unit_ids: Collection[UUID],
    zone: str,
    most_per_day: int,
    skipped: int = 0,
) -> tuple[Entry, ...]:
    """What goes or went out from `start` until before `end`; so many of each day there.

    `zone` names the time zone in which a day begins and ends. Of each day the first `skipped` are
    left out.
    """
    ranked = (
        await session.execute(
            _RANKED,
            {
                **(await _span(session, start, end, unit_ids, zone)),
                "skipped": skipped,
                "until": skipped + most_per_day,
            },
        )
    ).all()
    ids = list({row.id for row in ranked})
    items = {row.id: row for row in await session.execute(_ITEMS, {"ids": ids})}
    standing = await board.standing(session, ids)
    places = await outlets(session, ids)
    return tuple(
        Entry(
            item_id=row.id,
            at=row.at,
            what=row.what,
            movable=row.movable,
            in_day=row.in_day,
            kind=items[row.id].kind,
            title=items[row.id].title,
            urgent=items[row.id].urgent,
            version=items[row.id].version,
            state=(standing[row.id].open_state or standing[row.id].state)
            if row.what == "wish"
            else standing[row.id].state,
            outlets=places.get(row.id, ()),
        )
        for row in ranked
    )


async def crowds(
    session: AsyncSession,
    start: datetime,
    end: datetime,
    *,
    unit_ids: Collection[UUID],
    zone: str,
) -> tuple[Crowd, ...]:
    """Where three or more would go out on one account within half an hour, in order of time.

    Of an account the fullest half hour of each day, and of a day the two fullest accounts.
    """
    rows = await session.execute(
        _CROWDED,
        {
            **(await _span(session, start, end, unit_ids, zone)),
            # Whoever comes just half an hour later is outside.
            "span": CROWD_SPAN - timedelta(microseconds=1),
            "crowd": CROWD,
            "told": _CROWDS_TOLD,
        },
    )
    return tuple(
        Crowd(at=row.at, account=row.name, count=row.items, in_day=row.in_day) for row in rows
    )


async def _span(
    session: AsyncSession, start: datetime, end: datetime, unit_ids: Collection[UUID], zone: str
) -> dict[str, object]:
    """The span with where its days begin, whose items are meant, and whether that is everybody."""
    units = list(unit_ids)
    bounds = [start]
    day = start.astimezone(ZoneInfo(zone)).date()
    while True:
        day += timedelta(days=1)
        midnight = datetime.combine(day, time(), ZoneInfo(zone))
        if midnight >= end:
            break
        bounds.append(midnight)
    return {
        "start": start,
        "end": end,
        "bounds": [*bounds, end],
        "units": units,
        "everywhere": (await session.execute(_EVERYWHERE, {"units": units})).scalar_one(),
    }
