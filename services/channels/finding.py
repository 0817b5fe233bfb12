"""Finds accounts by what people call them, among thousands, without regard to diacritics."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.text import fold

_NAMES: Final = text(
    """
    SELECT a.id, a.name, unit.code || ' ' || unit.name AS unit
      FROM account a JOIN unit ON unit.id = a.unit_id
     WHERE CAST(:units AS uuid[]) IS NULL OR a.unit_id = ANY(:units)
     ORDER BY a.name, a.id
    """
)
_SIGNS: Final = re.compile(r"[\W_]+")


async def named_like(
    session: AsyncSession, asked: str, *, unit_ids: Collection[UUID] | None = None
) -> list[UUID]:
    """The accounts in whose name or unit each word asked for begins some word; by name.

    Closed ones too. `unit_ids` None: of all units. Nothing asked for finds all.
    """
    words = [f" {word}" for word in _bare(asked).split()]
    units = list(unit_ids) if unit_ids is not None else None
    rows = await session.execute(_NAMES, {"units": units})
    return [id_ for id_, name, unit in rows if all(one in _folded(name, unit) for one in words)]


# Thousands of names are gone through at every search, and they seldom change.
@lru_cache(maxsize=16_384)
def _folded(name: str, unit: str) -> str:
    return f" {_bare(name)} {_bare(unit)}"


def _bare(told: str) -> str:
    return _SIGNS.sub(" ", fold(told))
