import pytest

from services.feeds.allowance import Allowance

READER = "118.69.0.9"


def asks(allowance: Allowance, address: str, times: int, now: float = 0.0) -> list[float]:
    return [allowance.wait(address, now) for _ in range(times)]


def test_who_asks_too_often_waits_until_the_bucket_has_filled() -> None:
    allowance = Allowance(each_second=2, at_once=4)

    waits = asks(allowance, READER, 6)

    assert waits == [0, 0, 0, 0, pytest.approx(0.5), pytest.approx(0.5)]
    assert allowance.wait(READER, 0.6) == 0
    assert allowance.wait(READER, 0.6) > 0


def test_one_readers_flood_costs_no_other_reader_anything() -> None:
    allowance = Allowance(each_second=2, at_once=4)
    asks(allowance, READER, 50)

    assert allowance.wait("118.69.0.10", 0.0) == 0


def test_the_addresses_of_one_household_count_as_one() -> None:
    allowance = Allowance(each_second=2, at_once=1)

    assert allowance.wait("2401:d800::1", 0.0) == 0
    assert allowance.wait("2401:d800::2", 0.0) > 0
    assert allowance.wait("2401:d800:0:1::1", 0.0) == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.3", "::1", "172.18.0.2", "testclient"])
def test_a_proxy_of_the_operators_speaks_for_everybody(address: str) -> None:
    assert max(asks(Allowance(each_second=1, at_once=1), address, 20)) == 0


def test_what_is_remembered_is_bounded() -> None:
    allowance = Allowance()

    for number in range(12_000):
        allowance.wait(f"118.{number // 65536}.{number // 256 % 256}.{number % 256}", 0.0)

    assert len(allowance._full_at) == 10_000
