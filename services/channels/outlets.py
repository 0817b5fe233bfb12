"""Accounts as pages name them: what they are called, and of which channel they are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_OUTLETS = text("SELECT id, name, channel FROM account WHERE id = ANY(:ids)")


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
