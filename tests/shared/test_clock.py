"""The only place that asks the time."""

from datetime import timedelta

from shared.clock import steady_seconds, utc_now


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_steady_seconds_never_go_back() -> None:
    before = steady_seconds()
    assert steady_seconds() >= before
