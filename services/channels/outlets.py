"""Accounts as pages name them: what they are called, and of which channel they are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_OUTLETS = text("SELECT id, name, channel FROM account WHERE id = ANY(:ids)")


_CHOICES = text(
    """
    SELECT a.id, a.name, a.channel, a.unit_id, unit.code AS unit_code, unit.name AS unit_name,
           a.state, a.settings -> 'categories' AS categories
      FROM account a JOIN unit ON unit.id = a.unit_id
     WHERE a.unit_id = ANY(:units) AND a.stage = 'official' ORDER BY a.created_at, a.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One account by name; a closed one too, since what it showed is still told."""

    id: UUID
    name: str
    channel: str


async def outlets(session: AsyncSession, ids: Collection[UUID]) -> Mapping[UUID, Outlet]:
    """These accounts by id; unknown ids are left out."""
    if not ids:
        return {}
    # One parameter for all: thousands of them would be written into the statement one by one.
    rows = await session.execute(_OUTLETS, {"ids": list(ids)})
    return {row.id: Outlet(id=row.id, name=row.name, channel=row.channel) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Outlet):
    """An account that an item may be put on, with what a form tells of it.

    `categories` are the slugs that its settings name.
    """

    unit_id: UUID
    unit_code: str
    unit_name: str
    state: str
    categories: tuple[str, ...]


async def choices(session: AsyncSession, unit_ids: Collection[UUID]) -> list[Choice]:
    """The accounts of these units that are neither on trial nor closed, the oldest first."""
    rows = await session.execute(_CHOICES, {"units": list(unit_ids)})
    return [
        Choice(
            id=id_,
            name=name,
            channel=channel,
            unit_id=unit_id,
            unit_code=unit_code,
            unit_name=unit_name,
            state=state,
            categories=tuple(map(str, told)) if isinstance(told, list) else (),
        )
        for id_, name, channel, unit_id, unit_code, unit_name, state, told in rows
    ]
