"""How much one address is asked, whatever names lead there."""

import pytest

from services.syndication.turnstile import Turnstile
from shared.fetch import FetchHeldError


class Clock:
    """A clock that goes where it is put."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turnstile(clock: Clock) -> Turnstile:
    return Turnstile(at_once=2, burst=3, each_second=0.5, clock=clock)


def passed(turnstile: Turnstile, address: str = "203.0.113.7") -> float:
    """0 when a call is let through, else how many seconds it is to wait."""
    try:
        with turnstile.through(address):
            return 0.0
    except FetchHeldError as error:
        return error.wait.total_seconds()


def test_after_a_burst_each_is_told_a_time_of_its_own(clock: Clock, turnstile: Turnstile) -> None:
    assert [passed(turnstile) for _ in range(3)] == [0, 0, 0]
    assert [passed(turnstile) for _ in range(3)] == [2, 4, 6]
    clock.now += 2
    assert passed(turnstile) == 0
    clock.now += 2
    assert passed(turnstile) == 0


def test_only_so_many_are_inside_at_once(turnstile: Turnstile) -> None:
    with turnstile.through("203.0.113.7"), turnstile.through("203.0.113.7"):
        assert passed(turnstile) > 0
        assert passed(turnstile, "203.0.113.8") == 0
    assert passed(turnstile) == 0


@pytest.mark.parametrize(
    ("one", "other", "held"),
    [
        ("2001:4860:1:2::1", "2001:4860:1:2:ffff::9", True),
        ("2001:4860:1:2::1", "2001:4860:1:3::1", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_the_network_of_a_household_counts_as_one(
    turnstile: Turnstile, one: str, other: str, held: bool
) -> None:
    for _ in range(3):
        passed(turnstile, one)
    assert (passed(turnstile, other) > 0) is held
