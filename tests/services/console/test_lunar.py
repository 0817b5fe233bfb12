"""The lunar calendar and the days it names, against what almanacs print."""

from datetime import date, timedelta

import pytest

from services.console.holidays import holidays, lunar_name
from services.console.lunar import LunarDay, lunar


# The first day of Tết. 1985, 2007 and 2030 are years in which Hanoi and Beijing differ.
@pytest.mark.parametrize(
    "day",
    [
        date(1985, 1, 21),
        date(2000, 2, 5),
        date(2007, 2, 17),
        date(2023, 1, 22),
        date(2024, 2, 10),
        date(2025, 1, 29),
        date(2026, 2, 17),
        date(2027, 2, 6),
        date(2028, 1, 26),
        date(2029, 2, 13),
        date(2030, 2, 2),
    ],
)
def test_tet_falls_on_the_day_of_the_almanac(day: date) -> None:
    assert lunar(day) == LunarDay(day=1, month=1, year=day.year, leap=False)


LEAP = {2004: 2, 2006: 7, 2009: 5, 2012: 4, 2014: 9, 2017: 6, 2020: 4, 2023: 2, 2025: 6, 2028: 5}


@pytest.mark.parametrize(("year", "month"), LEAP.items())
def test_a_leap_month_comes_where_the_almanac_has_it(year: int, month: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert {lunar(day).month for day in days if lunar(day).leap} == {month}


def test_days_follow_one_another_without_a_gap() -> None:
    day, before = date(1968, 2, 1), lunar(date(1968, 1, 31))
    while day < date(2100, 1, 1):
        moon = lunar(day)
        assert moon.day == before.day + 1 or (moon.day == 1 and before.day in (29, 30)), day
        day, before = day + timedelta(days=1), moon


@pytest.mark.parametrize(
    ("day", "name", "off"),
    [
        (date(2026, 9, 2), "Quốc khánh", True),
        (date(2026, 4, 26), "Giỗ Tổ Hùng Vương", True),
        (date(2026, 2, 16), "Giao thừa", True),
        (date(2028, 1, 25), "Giao thừa", True),
        (date(2026, 9, 25), "Trung thu", False),
        (date(2026, 6, 21), "Báo chí Cách mạng", False),
    ],
)
def test_a_day_is_known_by_its_name(day: date, name: str, off: bool) -> None:
    assert [(one.vi, one.off) for one in holidays(day)] == [(name, off)]


def test_a_leap_month_has_no_second_feast() -> None:
    # The sixth month came twice in 2025; its fifteenth is no Vu Lan, and neither day is named.
    assert lunar(date(2025, 8, 8)) == LunarDay(day=15, month=6, year=2025, leap=True)
    assert holidays(date(2025, 8, 8)) == ()


def test_the_first_of_a_month_names_its_month() -> None:
    assert lunar_name(lunar(date(2026, 11, 22))) == "14"
    assert lunar_name(lunar(date(2026, 11, 9))) == "1/10"
    assert lunar_name(lunar(date(2025, 7, 25))) == "1/6N"
