from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.feeds import words


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 2, 5), "ngày 05 tháng 02 năm 2026"),
        (date(2026, 6, 24), "ngày 24 tháng 6 năm 2026"),
        (date(2026, 12, 10), "ngày 10 tháng 12 năm 2026"),
    ],
)
def test_days_to_nine_and_months_to_two_take_a_zero(day: date, written: str) -> None:
    assert words.long_day(day) == written


def test_a_time_is_told_in_the_zone_of_the_readers() -> None:
    at = datetime(2026, 12, 5, 18, 30, tzinfo=UTC)

    assert words.long_time(at, ZoneInfo("Asia/Ho_Chi_Minh")) == (
        "Chủ nhật, ngày 06 tháng 12 năm 2026, 01:30"
    )


def test_weekdays_are_counted_as_people_count_them() -> None:
    assert words.weekday(date(2026, 12, 7)) == "Thứ Hai"
    assert words.weekday(date(2026, 12, 12)) == "Thứ Bảy"


@pytest.mark.parametrize(
    ("kind", "category", "names"),
    [
        ("news", "tin-tuc", ("Tin tức",)),
        ("warning", "tin-tuc", ("Cảnh báo", "Tin tức")),
        ("multimedia", "tin-da-phuong-tien", ("Tin đa phương tiện",)),
        ("news", "rieng-cua-so", ("Tin tức",)),
        ("unheard", "", ()),
    ],
)
def test_a_section_says_each_thing_once(kind: str, category: str, names: tuple[str, ...]) -> None:
    assert words.section(kind, category) == names


def test_an_issue_date_is_written_out_and_anything_else_kept() -> None:
    assert words.issued("2026-08-01") == "Ngày 01 tháng 8 năm 2026"
    assert words.issued("tháng 8/2026") == "tháng 8/2026"
    assert words.issued("") == ""


def test_sizes_use_the_decimal_comma() -> None:
    assert (words.size(640_000), words.size(1_400_000), words.size(10)) == (
        "640 KB",
        "1,4 MB",
        "1 KB",
    )
