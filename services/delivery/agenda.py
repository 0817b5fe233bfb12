"""What goes out when: past, agreed and wished for, as a calendar shows it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery import board
from services.delivery.listing import Outlets, outlets

What: TypeAlias = Literal["shown", "due", "wish"]

CROWD: Final = 3  # so many on one account …
CROWD_SPAN: Final = timedelta(minutes=30)  # … within so long are told
_MOST_PLANNED: Final = 5_000

# `shown`: its first call has begun. `due`: agreed, and not begun or to be changed later. `wish`:
# what a revision asks for that nobody has agreed to yet.
_MOMENTS: Final = """
    SELECT i.id, i.published_at AS at, 'shown' AS what, false AS movable
      FROM item i
     WHERE i.published_at >= :start AND i.published_at < :end AND i.unit_id = ANY(:units)
    UNION ALL
    SELECT i.id, min(p.not_before), 'due', bool_and(p.state = 'scheduled')
      FROM publication p JOIN item i ON i.id = p.item_id
     WHERE p.state NOT IN ('live','withdrawn') AND p.desired_rendition_id IS NOT NULL
       AND p.not_before >= :start AND p.not_before < :end AND i.unit_id = ANY(:units)
       AND (i.published_at IS NULL OR p.not_before > i.published_at)
     GROUP BY i.id
    UNION ALL
    SELECT i.id, r.publish_at, 'wish', true
      FROM revision r JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
     WHERE r.state IN ('draft','review','returned') AND r.publish_at IS NOT NULL
       AND r.publish_at >= :start AND r.publish_at < :end AND i.unit_id = ANY(:units)
"""

# Which ones first, then what they say: asked at once, PostgreSQL reads every item there is.
_RANKED = text(
    f"""
    SELECT x.* FROM (
      SELECT m.*, row_number() OVER (PARTITION BY (m.at AT TIME ZONE :zone)::date
                                     ORDER BY m.at, m.id) AS place,
             count(*) OVER (PARTITION BY (m.at AT TIME ZONE :zone)::date) AS in_day
        FROM ({_MOMENTS}) AS m) AS x
     WHERE x.place <= :most
     ORDER BY x.at, x.id
    """  # noqa: S608  # constants of this file
)

_ITEMS = text(
    """
    SELECT i.id, i.kind, i.version, r.title, r.urgent
      FROM item i JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
     WHERE i.id = ANY(:ids)
    """
)

_PLANNED = text(
    """
    SELECT p.account_id, a.name, p.not_before AS at
      FROM publication p
      JOIN account a ON a.id = p.account_id
      JOIN item i ON i.id = p.item_id
     WHERE p.state IN ('scheduled','pending') AND p.desired_rendition_id IS NOT NULL
       AND p.not_before >= :start AND p.not_before < :end AND i.unit_id = ANY(:units)
    UNION ALL
    SELECT a.id, a.name, r.publish_at
      FROM revision r
      JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
      JOIN account a ON a.id = ANY(r.accounts)
     WHERE r.state IN ('draft','review','returned') AND r.publish_at IS NOT NULL
       AND r.publish_at >= :start AND r.publish_at < :end AND i.unit_id = ANY(:units)
     ORDER BY at LIMIT :most
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
    """Several items that would go out on one account within half an hour, from `at` on."""

    at: datetime
    account: str
    count: int


async def entries(
    session: AsyncSession,
    start: datetime,
    end: datetime,
    *,
    unit_ids: Collection[UUID],
    zone: str,
    most_per_day: int,
) -> tuple[Entry, ...]:
    """What goes or went out from `start` until before `end`; the first so many of each day there.

    `zone` names the time zone in which a day begins and ends.
    """
    ranked = (
        await session.execute(
            _RANKED,
            {
                "start": start,
                "end": end,
                "units": list(unit_ids),
                "zone": zone,
                "most": most_per_day,
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
    session: AsyncSession, start: datetime, end: datetime, *, unit_ids: Collection[UUID]
) -> tuple[Crowd, ...]:
    """Where three or more would go out on one account within half an hour, in order of time.

    Of overlapping ones only the whole is told.
    """
    rows = await session.execute(
        _PLANNED,
        {"start": start, "end": end, "units": list(unit_ids), "most": _MOST_PLANNED},
    )
    instants: dict[UUID, list[datetime]] = defaultdict(list)
    names: dict[UUID, str] = {}
    for row in rows:
        instants[row.account_id].append(row.at)
        names[row.account_id] = row.name
    found = [
        Crowd(at=run[0], account=names[account], count=len(run))
        for account, at in instants.items()
        for run in _runs(at)
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.account)))


def _runs(instants: Sequence[datetime]) -> list[Sequence[datetime]]:
    """The longest runs of instants, in order, that begin within half an hour of their first."""
    found: list[Sequence[datetime]] = []
    place = 0
    while place < len(instants):
        last = place
        while last + 1 < len(instants) and instants[last + 1] - instants[place] < CROWD_SPAN:
            last += 1
        if last - place + 1 >= CROWD:
            found.append(instants[place : last + 1])
            place = last + 1
        else:
            place += 1
    return found
