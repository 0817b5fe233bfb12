"""What has just changed: publications that moved, and acts of people on items.

A hint to look again, not a record: who was away reads the state anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clock import steady_seconds

_HOLE_SECONDS: Final = 60.0  # no transaction lives longer: see `storage.session`
_BATCH: Final = 500
_LATELY: Final = 200

# Two halves, each found by its numbers: an OR of both would be answered by reading every event that
# there ever was, and each listener asks several times a second.
_PUBLICATIONS = text(
    """
    SELECT e.id, e.at, e.publication_id, e.to_state, e.generation,
           p.item_id, p.account_id, i.unit_id
      FROM ((SELECT * FROM publication_event WHERE id > :after ORDER BY id LIMIT :most)
            UNION ALL
            SELECT * FROM publication_event WHERE id = ANY(:holes)) AS e
      JOIN publication p ON p.id = e.publication_id
      JOIN item i ON i.id = p.item_id
     ORDER BY e.id LIMIT :most
    """
)
_ACTS = text(
    "SELECT seq, at, act, object FROM audit_entry WHERE seq > :after ORDER BY seq LIMIT :most"
)
_UNITS = text("SELECT id, unit_id FROM item WHERE id = ANY(:ids)")
_NEWEST = text(
    "SELECT (SELECT coalesce(max(id), 0) FROM publication_event) AS publication,"
    " (SELECT coalesce(max(seq), 0) FROM audit_entry) AS act"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A publication has moved to another state or generation."""

    publication_id: UUID
    item_id: UUID
    account_id: UUID
    unit_id: UUID
    state: str
    generation: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A person has done something to an item; `act` as in the record."""

    item_id: UUID
    unit_id: UUID
    act: str
    at: datetime


News: TypeAlias = Moved | Acted


@dataclass(slots=True, kw_only=True)
class Tail:
    """How far one listener has read.

    Numbers of publication events are given out before their transactions commit, so a smaller one
    may appear later: a gap is asked for again until no open transaction can fill it.
    """

    publication: int
    act: int
    holes: dict[int, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The position as `Last-Event-ID`; the oldest gap is read again after a reconnect."""
        settled = min(self.holes, default=self.publication + 1) - 1
        return f"{settled}.{self.act}"

    def note(self, seen: Iterable[int], now: float) -> None:
        """Takes in which event numbers have been read."""
        for number in seen:
            if number > self.publication:
                gap = range(max(self.publication + 1, number - _BATCH), number)
                self.holes.update(dict.fromkeys(gap, now))
                self.publication = number
            else:
                self.holes.pop(number, None)
        self.holes = {
            number: since for number, since in self.holes.items() if now - since < _HOLE_SECONDS
        }


async def newest(session: AsyncSession) -> Tail:
    """The tail as it is now: only what happens from here on is news."""
    row = (await session.execute(_NEWEST)).one()
    return Tail(publication=row.publication, act=row.act)


async def since(session: AsyncSession, tail: Tail) -> list[News]:
    """What has happened since, of all units; moves the tail on."""
    moved = (
        await session.execute(
            _PUBLICATIONS,
            {"after": tail.publication, "holes": list(tail.holes), "most": _BATCH},
        )
    ).all()
    acts = (await session.execute(_ACTS, {"after": tail.act, "most": _BATCH})).all()
    about = {row.seq: _item_of(row.object) for row in acts if row.act.startswith("item.")}
    units: Mapping[UUID, UUID] = {}
    if about:
        ids = [one for one in about.values() if one is not None]
        units = {row.id: row.unit_id for row in await session.execute(_UNITS, {"ids": ids})}
    tail.note((row.id for row in moved), steady_seconds())
    tail.act = max((row.seq for row in acts), default=tail.act)
    found: list[News] = [
        Moved(
            publication_id=row.publication_id,
            item_id=row.item_id,
            account_id=row.account_id,
            unit_id=row.unit_id,
            state=row.to_state,
            generation=row.generation,
            at=row.at,
        )
        for row in moved
    ]
    for row in acts:
        item = about.get(row.seq)
        unit = units.get(item) if item is not None else None
        if item is not None and unit is not None:
            found.append(Acted(item_id=item, unit_id=unit, act=row.act, at=row.at))
    return found


async def lately(session: AsyncSession, start: datetime) -> list[News]:
    """What has happened from an instant on, of all units: the newest 200 of each kind at most."""
    tail = await newest(session)
    tail.publication -= _LATELY
    tail.act -= _LATELY
    return [one for one in await since(session, tail) if one.at >= start]


def _item_of(about: str) -> UUID | None:
    kind, _, name = about.partition(":")
    try:
        return UUID(name) if kind == "item" else None
    except ValueError:
        return None
