"""What a day is known for: public holidays and marked days, by the sun and by the moon."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from services.console.catalogue import Language
from services.console.lunar import LunarDay, lunar

_FILE: Final = Path(__file__).parent / "holidays.toml"
_LAST: Final = 0  # stands for the last day of a lunar month


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A named day. `off`: offices are closed on it in every year."""

    vi: str
    en: str
    off: bool = False

    def name(self, language: Language) -> str:
        """How readers of that language call it."""
        return self.en if language == "en" else self.vi


def holidays(day: date) -> tuple[Holiday, ...]:
    """What that day is known for, days off first; most days are known for nothing."""
    known = _known()
    moon = lunar(day)
    found = [*known.solar.get((day.month, day.day), ())]
    # A leap month repeats its number, never its feasts.
    if not moon.leap:
        found += known.lunar.get((moon.month, moon.day), ())
    if lunar(day + timedelta(days=1)).day == 1:
        found += known.lunar.get((moon.month, _LAST), ())
    return tuple(sorted(found, key=lambda one: not one.off))


def lunar_name(moon: LunarDay, *, whole: bool = False) -> str:
    """`15`, and `1/10` on the first of a month or when asked for whole; `N` marks a leap month."""
    if moon.day != 1 and not whole:
        return str(moon.day)
    return f"{moon.day}/{moon.month}{'N' if moon.leap else ''}"


@dataclass(frozen=True, slots=True)
class _Known:
    solar: Mapping[tuple[int, int], tuple[Holiday, ...]]
    lunar: Mapping[tuple[int, int], tuple[Holiday, ...]]


@lru_cache(maxsize=1)
def _known() -> _Known:
    told = tomllib.loads(_FILE.read_text("utf-8"))
    return _Known(solar=_by_day(told["solar"]), lunar=_by_day(told["lunar"]))


def _by_day(rows: list[Mapping[str, object]]) -> Mapping[tuple[int, int], tuple[Holiday, ...]]:
    found: dict[tuple[int, int], tuple[Holiday, ...]] = {}
    for row in rows:
        at = (int(str(row["month"])), int(str(row["day"])))
        one = Holiday(vi=str(row["vi"]), en=str(row["en"]), off=row.get("off") is True)
        found[at] = (*found.get(at, ()), one)
    return found
