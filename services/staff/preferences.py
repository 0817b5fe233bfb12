"""How each person wants the console to be: a closed list of names, each with its own values."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.staff.tables import StaffPreference
from shared.errors import FieldError, InvalidError

_MAP_CHARS: Final = 4_000  # of JSON
_STEPS: Final = 100
_STEP_CHARS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    default: JsonValue
    allows: Callable[[JsonValue], bool]
    told: str


def _one_of(*values: JsonValue) -> _Kind:
    # With the type, since in Python 1 equals True and 100 equals 100.0.
    known = [(type(value), value) for value in values]
    told = ", ".join(str(value) for value in values)
    return _Kind(default=values[0], allows=lambda value: (type(value), value) in known, told=told)


def _is_small_map(value: JsonValue) -> bool:
    return isinstance(value, dict) and _storable(value)


def _are_steps(value: JsonValue) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _STEPS
        and all(isinstance(step, str) and 0 < len(step) <= _STEP_CHARS for step in value)
        and _storable(value)
    )


def _storable(value: JsonValue) -> bool:
    """Whether PostgreSQL takes it as JSON (no NUL, no lone surrogates, no NaN) and it is small."""
    try:
        told = json.dumps(value, ensure_ascii=False, allow_nan=False)
        told.encode()
    except ValueError:
        return False
    return len(told) <= _MAP_CHARS and "\\u0000" not in told


# The first value of a list, or the empty one, holds for who never chose.
_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "text_size": _one_of(100, 115, 130),
        "contrast": _one_of("normal", "high"),
        "motion": _one_of("system", "off"),
        "shortcuts": _one_of("on", "off"),
        "notify": _Kind(default={}, allows=_is_small_map, told="{…}"),
        "tour": _Kind(default=[], allows=_are_steps, told="[…]"),
    }
)


async def preferences(session: AsyncSession, staff_id: UUID) -> Mapping[str, JsonValue]:
    """Every preference by its name, with what holds for who never chose."""
    rows = await session.execute(
        select(col(StaffPreference.name), col(StaffPreference.value)).where(
            col(StaffPreference.staff_id) == staff_id
        )
    )
    chosen = {name: value for name, value in rows if name in _KINDS}
    return MappingProxyType({name: kind.default for name, kind in _KINDS.items()} | chosen)


async def prefer(session: AsyncSession, staff_id: UUID, name: str, value: JsonValue) -> None:
    """Keeps what a person has chosen. Raises InvalidError for a name or value that is not known."""
    kind = _KINDS.get(name)
    if kind is None or not kind.allows(value):
        told = ", ".join(_KINDS) if kind is None else kind.told
        detail = f"Chọn trong: {told} · One of these is expected"
        fault = FieldError(field=name, code="preference_unknown", detail=detail)
        raise InvalidError("preference_invalid", fields=(fault,))
    await session.execute(
        insert(StaffPreference)
        .values(staff_id=staff_id, name=name, value=value)
        .on_conflict_do_update(index_elements=["staff_id", "name"], set_={"value": value})
    )
