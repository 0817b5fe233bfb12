"""The right instant, or none: never one that is silently seven hours off."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sources.dates import Dated, minutes_are_months, read

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)  # in Vietnam


@pytest.fixture(params=["UTC", "Asia/Ho_Chi_Minh", "America/Los_Angeles"])
def _process_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """The zone that this process believes to be in, which must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_process_zone")
@pytest.mark.parametrize(
    "text",
    [
        # The table of feeds.md section 12.3.
        "Fri, 20 Nov 2026 12:00:00 +0700", "Fri, 20 Nov 2026 12:00:00 GMT+7",
        "Fri, 20 Nov 2026 12:00:00 GMT+07:00", "Fri, 20 Nov 2026 12:00:00 ICT",
        "Fri, 20 Nov 2026 12:00:00 UTC+7", "2026-11-20T12:00:00", "Fri, 20 Nov 2026 12:00:00",
        "20/11/2026 12:00", "Thứ 6, 20/11/2026 12:00:00 GMT+7", "20/11/2026 12:00:00 CH",
        "1795150800", "Fri, 20 Nov 26 05:00:00 GMT",
        # And more of their kind.
        "1795150800000", "20 Nov 2026 05:00 UT", "Fri,20 Nov 2026 05:00:00 Z",
        "Thu, 19 Nov 2026 21:00:00 PST", "Fri, 20 Nov 2026 00:00:00 EST",
        "Friday, November 20, 2026 12:00 PM", "Nov 20, 2026 12:00 PM", "11/20/2026 12:00:00 PM",
        "Fri Nov 20 12:00:00 2026", "Fri Nov 20 05:00:00 UTC 2026", "2026-11-20T05:00:00Z",
        "2026-11-20T12:00:00.123+07:00", "2026-11-20T12:00:00+0700", "2026-11-20T12:00:00+07",
        "2026-11-20 12:00:00", "2026-11-20 12:00:00 +07:00", "2026/11/20 12:00", "20261120120000",
        "20-11-2026 12:00", "20.11.2026 12:00", "12:00 20/11/2026", "12:00 | 20/11/2026",
        "12h00, 20/11/2026", "Thứ Sáu, ngày 20 tháng 11 năm 2026 12:00",
        "Thứ sáu, 20/11/2026 - 12:00", "T6, 20/11/2026 12:00", "thứ 6, ngày 20/11/2026 lúc 12h00",
        "Thứ 6, ngày 20/11/2026, 12:00 (GMT +7)", "20 Tháng Mười Một 2026 12:00",
        "20/11/2026 12:00 (GMT+7)", "\n  20/11/2026\t12:00  \n", "20/11/2026 00:00:00 CH",
    ],
)  # fmt: skip
def test_noon_in_vietnam_is_read_as_noon_in_vietnam(text: str) -> None:
    assert read(text, now=NOW).at == NOON


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("20/11/2026 12:00:00 SA", 0), ("20/11/2026 1:00:00 CH", 13), ("20/11/2026 1:00 SA", 1),
        ("20/11/2026 11:00 PM", 23), ("20/11/2026 14:00 CH", 14), ("20/11/2026 8h", 8),
    ],
)  # fmt: skip
def test_the_halves_of_the_day_are_understood(text: str, hour: int) -> None:
    assert read(text, now=NOW).at == NOON + timedelta(hours=hour - 12)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("", "unreadable"), ("hôm qua", "unreadable"), ("20/13/2026", "unreadable"),
        ("31/02/2026", "unreadable"), ("20/11/2026 25:00", "unreadable"),
        ("20/11/2026 12:61", "unreadable"), ("Fri, 20 Nov 2026 12:00:00 XYZ", "unreadable"),
        ("Fri, 20 Nov 2026 12:00:00 +9900", "unreadable"), ("0000-00-00", "unreadable"),
        ("2026-11", "unreadable"), ("2026-11-20T12:00:00[Asia/Hanoi]", "unreadable"),
        ("٢٠/١١/٢٠٢٦", "unreadable"), ("31/12/1999 23:59", "too_early"), ("0", "unreadable"),
        ("05/01/0001 00:00", "too_early"), ("1795323600", "too_late"), ("9999999999", "too_late"),
        ("22/11/2026 12:00", "too_late"), ("31/12/9999 23:59 -1200", "unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_date_of_a_feed_is_none(text: str, doubt: str) -> None:
    assert read(text, now=NOW) == Dated(at=None, doubt=doubt)  # type: ignore[arg-type]  # a literal


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("20/11/2026 12:00", "no_zone"),
        ("20/11/2026", "no_time"),
        ("2026-11-20", "no_time"),
        ("20/11/2026 12:00 GMT+7", ""),
    ],
)
def test_what_was_assumed_is_told(text: str, doubt: str) -> None:
    found = read(text, now=NOW)
    assert (found.at is not None, found.doubt) == (True, doubt)


def test_a_date_without_a_zone_is_vietnams_only_in_a_vietnamese_feed() -> None:
    assert read("2026-11-20T12:00:00", now=NOW, vietnamese=False) == Dated(at=None, doubt="no_zone")
    assert read("2026-11-20T12:00:00+01:00", now=NOW, vietnamese=False).at is not None


def test_a_day_ahead_is_allowed_for_and_no_more() -> None:
    assert read("21/11/2026 14:59", now=NOW).at is not None
    assert read("21/11/2026 15:01", now=NOW).at is None


def test_midnight_may_end_a_day_and_a_second_may_leap() -> None:
    late = NOW + timedelta(hours=12)
    assert read("20/11/2026 24:00:00", now=late).at == NOON + timedelta(hours=12)
    assert read("Fri, 20 Nov 2026 05:00:60 GMT", now=NOW).at == NOON + timedelta(seconds=59)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    found = read(text, now=NOW)
    assert found.at is None or found.at.tzinfo is UTC


@pytest.mark.parametrize(
    "evil", [" " * 5000, "1" * 5000, "1 " * 5000, "ngày" + " " * 90, "," * 100, "20 nov" + " " * 94]
)
def test_no_text_takes_long(evil: str) -> None:
    began = time.process_time()
    read(evil, now=NOW)
    assert time.process_time() - began < 1


def test_months_for_minutes_need_a_whole_feed() -> None:
    zone = timezone(timedelta(hours=7))
    november = [datetime(2026, 11, day, 8 + day, 11, day, tzinfo=zone) for day in (3, 4, 5)]
    assert minutes_are_months(november)
    assert not minutes_are_months(november[:2])
    assert not minutes_are_months([*november, datetime(2026, 10, 3, 8, 11, tzinfo=zone)])
    at_once = [datetime(2026, 11, 3, 8, 11, second, tzinfo=zone) for second in (1, 2, 3)]
    assert not minutes_are_months(at_once)
