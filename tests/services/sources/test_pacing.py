"""A site is never asked sooner than it wishes, and ever more rarely while it fails."""

from datetime import UTC, datetime, timedelta

import pytest

from services.sources import pacing
from services.sources.pacing import Pace

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # a Sunday, 15:00 in Hà Nội
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("headers", "pace", "conditional", "minutes"),
    [
        ({}, Pace(), True, 30),
        ({}, Pace(), False, 60),
        ({"cache-control": "public, max-age=7200"}, Pace(), True, 120),
        ({"cache-control": "max-age=60"}, Pace(), True, 30),
        ({"cache-control": 'max-age="5400"'}, Pace(), True, 90),
        ({"cache-control": "max-age=99999999"}, Pace(), True, 24 * 60),
        ({"expires": "Sun, 22 Nov 2026 09:30:00 GMT"}, Pace(), True, 90),
        ({"expires": "0"}, Pace(), True, 30),
        (
            {"cache-control": "max-age=60", "expires": "Mon, 23 Nov 2026 08:00:00 GMT"},
            Pace(),
            True,
            30,
        ),
        ({}, Pace(ttl_seconds=10_800), True, 180),
        ({}, Pace(base_seconds=900), True, 15),
        ({}, Pace(skip_hours=(8, 9)), True, 120),
        ({}, Pace(skip_days=("sunday",)), True, 16 * 60),
        ({}, Pace(skip_hours=tuple(range(24))), True, 30),
    ],
)
def test_wishes_of_a_site_only_make_it_later(
    headers: dict[str, str], pace: Pace, conditional: bool, minutes: int
) -> None:
    at = pacing.after_success(NOW, pace=pace, headers=headers, conditional=conditional)
    assert at - NOW == minutes * MINUTE


def test_a_spread_adds_a_tenth_at_most() -> None:
    at = pacing.after_success(NOW, pace=Pace(), headers={}, conditional=True, spread=1.0)
    assert at - NOW == 33 * MINUTE


def test_failures_double_the_wait_up_to_a_day() -> None:
    waits = [
        (pacing.after_failure(NOW, fail_count=count, headers={}) - NOW) / MINUTE
        for count in (1, 2, 3, 6, 7, 500)
    ]
    assert waits == [30, 60, 120, 960, 1440, 1440]


@pytest.mark.parametrize(
    ("told", "minutes"),
    [
        ("5400", 90),
        ("Sun, 22 Nov 2026 10:00:00 GMT", 120),
        ("60", 30),
        ("soon", 30),
        ("999999999999", 1440),
    ],
)
def test_retry_after_is_obeyed(told: str, minutes: int) -> None:
    at = pacing.after_failure(NOW, fail_count=1, headers={"retry-after": told})
    assert at - NOW == minutes * MINUTE


def test_a_busy_feed_is_looked_at_more_often_than_a_quiet_one() -> None:
    busy = [NOW - number * 20 * MINUTE for number in range(10)]
    quiet = [NOW - number * timedelta(days=2) for number in range(10)]
    assert pacing.usual(busy) == pacing.SOONEST
    assert pacing.usual(quiet) == pacing.UNCONDITIONAL
    assert pacing.usual([NOW, NOW]) == pacing.USUAL
