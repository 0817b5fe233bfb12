"""The Vietnamese lunar calendar, computed for UTC+7: good for any day since 1968.

A month begins on the day of the new moon; the eleventh holds the winter solstice; where thirteen
months lie between two elevenths, the first one in which the sun enters no new sign is the leap one.
Sources: Hồ Ngọc Đức, "Thuật toán tính âm lịch" (www.informatik.uni-leipzig.de/~duc/amlich); the
series are Jean Meeus's, "Astronomical Formulae for Calculators" (moon), "Astronomical Algorithms"
(sun).
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import floor, radians, sin
from typing import Final

_ZONE: Final = 7 / 24  # of a day
_SYNODIC: Final = 29.530588853  # days from one new moon to the next
_FIRST_MOON: Final = 2415021.076998695  # the new moon of 1 January 1900, as a Julian day
_JULIAN: Final = 1721425  # what a Julian day number is ahead of Python's ordinal
_SOLSTICE_SIGN: Final = 9  # the sun at 270 degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class LunarDay:
    """A day of the lunar calendar; `leap` where its month comes a second time in its year."""

    day: int
    month: int
    year: int
    leap: bool


@dataclass(frozen=True, slots=True)
class _Month:
    start: int
    month: int
    year: int
    leap: bool


def lunar(day: date) -> LunarDay:
    """The lunar date of a day."""
    number = day.toordinal() + _JULIAN
    months = _months(day.year)
    if number >= _eleventh(day.year):
        months = _months(day.year + 1)
    found = max((month for month in months if month.start <= number), key=lambda one: one.start)
    return LunarDay(
        day=number - found.start + 1, month=found.month, year=found.year, leap=found.leap
    )


@lru_cache(maxsize=16)
def _months(year: int) -> tuple[_Month, ...]:
    """From the eleventh month of the year before up to the eleventh of this one, exclusive."""
    first, last = _eleventh(year - 1), _eleventh(year)
    index = round((first - _FIRST_MOON) / _SYNODIC)
    starts = [_new_moon_day(index + step) for step in range(1, 14)]
    starts = [first, *(start for start in starts if start < last)]
    leap = _leap([*starts, last]) if len(starts) == 13 else None
    months = []
    for place, start in enumerate(starts):
        shift = 1 if leap is not None and place >= leap else 0
        number = (10 + place - shift) % 12 + 1
        of = year - 1 if number > 10 else year
        months.append(_Month(start, number, of, place == leap))
    return tuple(months)


def _leap(starts: list[int]) -> int | None:
    """Which of thirteen months is the leap one: the first without a change of the sun's sign."""
    signs = [_sun_sign(start) for start in starts]
    return next((place for place in range(1, 13) if signs[place] == signs[place + 1]), None)


@lru_cache(maxsize=16)
def _eleventh(year: int) -> int:
    """The first day of the month that holds the winter solstice of that year."""
    end = date(year, 12, 31).toordinal() + _JULIAN
    index = int((end - _FIRST_MOON) / _SYNODIC)
    start = _new_moon_day(index)
    return start if _sun_sign(start) < _SOLSTICE_SIGN else _new_moon_day(index - 1)


def _new_moon_day(index: int) -> int:
    """The Julian number of the day here of the new moon so many after that of January 1900."""
    t = index / 1236.85  # Julian centuries since 1900
    t2, t3 = t * t, t * t * t
    mean = 2415020.75933 + 29.53058868 * index + 0.0001178 * t2 - 0.000000155 * t3
    mean += 0.00033 * _sine(166.56 + 132.87 * t - 0.009173 * t2)
    sun = 359.2242 + 29.10535608 * index - 0.0000333 * t2 - 0.00000347 * t3
    moon = 306.0253 + 385.81691806 * index + 0.0107306 * t2 + 0.00001236 * t3
    node = 21.2964 + 390.67050646 * index - 0.0016528 * t2 - 0.00000239 * t3
    true = (
        (0.1734 - 0.000393 * t) * _sine(sun)
        + 0.0021 * _sine(2 * sun)
        - 0.4068 * _sine(moon)
        + 0.0161 * _sine(2 * moon)
        - 0.0004 * _sine(3 * moon)
        + 0.0104 * _sine(2 * node)
        - 0.0051 * _sine(sun + moon)
        - 0.0074 * _sine(sun - moon)
        + 0.0004 * _sine(2 * node + sun)
        - 0.0004 * _sine(2 * node - sun)
        - 0.0006 * _sine(2 * node + moon)
        + 0.0010 * _sine(2 * node - moon)
        + 0.0005 * _sine(2 * moon + sun)
    )
    # What clocks differ from the even time of the formula, in days.
    drift = -0.000278 + 0.000265 * t + 0.000262 * t2
    return floor(mean + true - drift + 0.5 + _ZONE)


def _sun_sign(number: int) -> int:
    """Which twelfth of its way the sun is in when that day begins here; 0 at the March equinox."""
    t = (number - 0.5 - _ZONE - 2451545.0) / 36525  # Julian centuries since 2000
    t2 = t * t
    anomaly = 357.52910 + 35999.05030 * t - 0.0001559 * t2 - 0.00000048 * t * t2
    longitude = (
        280.46645
        + 36000.76983 * t
        + 0.0003032 * t2
        + (1.914600 - 0.004817 * t - 0.000014 * t2) * _sine(anomaly)
        + (0.019993 - 0.000101 * t) * _sine(2 * anomaly)
        + 0.000290 * _sine(3 * anomaly)
        - 0.00569
        - 0.00478 * _sine(125.04 - 1934.136 * t)
    )
    return int(longitude % 360 // 30)


def _sine(degrees: float) -> float:
    return sin(radians(degrees))
