"""Reads of the sources. What a caller may not see is answered like what does not exist."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.sources.tables import Source, SourceEntry
from services.staff.caller import Caller
from services.staff.tables import Unit
from shared.errors import NotFoundError

# What a list of entries may be narrowed to.
VIEWS: Final = ("new", "drafted", "edited", "history", "dismissed", "all")

_COUNTS: Final = text(
    """
    SELECT source_id,
           count(*) FILTER (WHERE state = 'new') AS new,
           count(*) FILTER (WHERE item_id IS NOT NULL AND state = 'drafted') AS drafted,
           count(*) FILTER (WHERE state = 'drafted' AND taken_hash <> content_hash) AS edited,
           count(*) FILTER (WHERE state = 'history') AS history,
           count(*) FILTER (WHERE state = 'dismissed') AS dismissed,
           count(*) AS all
      FROM source_entry WHERE source_id = ANY(:ids) GROUP BY source_id
    """
)
_LISTED: Final = text(
    """
    SELECT s.id, unit.name AS unit, unit.code AS unit_code, rule_by.name AS rule_by
      FROM source s JOIN unit ON unit.id = s.unit_id
      LEFT JOIN staff rule_by ON rule_by.id = s.rule_by
     WHERE s.unit_id = ANY(:units) AND s.removed_at IS NULL
       AND (CAST(:id AS uuid) IS NULL OR s.id = :id)
     ORDER BY (s.state = 'stopped') DESC, s.title, s.id LIMIT :most
    """
)
_ENTRIES: Final = text(
    """
    SELECT e.id, i.code
      FROM source_entry e LEFT JOIN item i ON i.id = e.item_id
     WHERE e.source_id = :source
       AND CASE :view WHEN 'all' THEN true
                      WHEN 'edited' THEN e.state = 'drafted' AND e.taken_hash <> e.content_hash
                      ELSE e.state = :view END
       AND (CAST(:at AS timestamptz) IS NULL
            OR (e.first_seen_at, -e.position, e.id) < (:at, -CAST(:position AS int), :after))
     ORDER BY e.first_seen_at DESC, e.position, e.id DESC LIMIT :most
    """
)


_CODE: Final = text("SELECT code FROM item WHERE id = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many entries of a source are in which view."""

    new: int = 0
    drafted: int = 0
    edited: int = 0
    history: int = 0
    dismissed: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A source as a list tells of it."""

    source: Source
    unit: str
    unit_code: str
    rule_by: str | None
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry with the code of the item that it became, or that it is."""

    entry: SourceEntry
    code: str | None = None

    @property
    def edited(self) -> bool:
        """Whether the source has changed the words since they were taken."""
        return self.entry.state == "drafted" and self.entry.taken_hash != self.entry.content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Behind which entry a list goes on."""

    at: datetime
    position: int
    id: UUID


async def listed(session: AsyncSession, caller: Caller, *, most: int = 200) -> tuple[Shown, ...]:
    """The sources of the caller's units; those that need somebody first, then by title."""
    return await _shown(session, caller.unit_ids, None, most)


async def everywhere(session: AsyncSession, *, most: int = 1_000) -> tuple[Shown, ...]:
    """The sources of every unit, for whoever sits at the terminal of this machine."""
    unit_ids = await session.scalars(select(col(Unit.id)))
    return await _shown(session, unit_ids.all(), None, most)


async def one(session: AsyncSession, caller: Caller, source_id: UUID) -> Shown:
    """One source within reach. NotFoundError otherwise."""
    found = await _shown(session, caller.unit_ids, source_id, 1)
    if not found:
        raise NotFoundError("source_not_found")
    return found[0]


async def entries(
    session: AsyncSession,
    source_id: UUID,
    *,
    view: str = "all",
    limit: int = 50,
    after: Place | None = None,
) -> tuple[Entry, ...]:
    """Entries of a source, the newest first and then as the feed has them; `view` is of `VIEWS`."""
    rows = await session.execute(
        _ENTRIES,
        {
            "source": source_id,
            "view": view,
            "at": after.at if after else None,
            "position": after.position if after else 0,
            "after": after.id if after else None,
            "most": limit,
        },
    )
    facts = {row.id: row for row in rows}
    found = await session.scalars(select(SourceEntry).where(col(SourceEntry.id).in_(facts)))
    by_id = {entry.id: entry for entry in found}
    return tuple(Entry(entry=by_id[key], code=row.code) for key, row in facts.items())


async def entry(session: AsyncSession, caller: Caller, entry_id: UUID) -> tuple[Shown, Entry]:
    """One entry of a source within reach, with its source. NotFoundError otherwise."""
    found = await session.get(SourceEntry, entry_id)
    if found is None:
        raise NotFoundError("entry_not_found")
    source = await one(session, caller, found.source_id)
    code = await session.scalar(_CODE, {"id": found.item_id})
    return source, Entry(entry=found, code=code)


async def _shown(
    session: AsyncSession, unit_ids: Collection[UUID], source_id: UUID | None, most: int
) -> tuple[Shown, ...]:
    rows = await session.execute(_LISTED, {"units": list(unit_ids), "id": source_id, "most": most})
    facts = {row.id: row for row in rows}
    if not facts:
        return ()
    counted = await session.execute(_COUNTS, {"ids": list(facts)})
    tallies = {
        row.source_id: Tally(
            new=row.new,
            drafted=row.drafted,
            edited=row.edited,
            history=row.history,
            dismissed=row.dismissed,
            all=row.all,
        )
        for row in counted
    }
    found = await session.scalars(select(Source).where(col(Source.id).in_(facts)))
    by_id = {source.id: source for source in found}
    return tuple(
        Shown(
            source=by_id[key],
            unit=row.unit,
            unit_code=row.unit_code,
            rule_by=row.rule_by,
            tally=tallies.get(key, Tally()),
        )
        for key, row in facts.items()
    )
