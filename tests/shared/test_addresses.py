"""The deny table: every inner network, every wrapping, and nothing of the open internet."""

from ipaddress import ip_address

import pytest

from shared.addresses import refused, same
from tests.support.inner_addresses import INNER_4, INNER_6, OUTER


@pytest.mark.parametrize("address", [*INNER_4, *INNER_6])
def test_an_inner_address_is_refused(address: str) -> None:
    assert refused(address)
    assert refused(ip_address(address))


@pytest.mark.parametrize("address", OUTER)
def test_an_address_of_the_open_internet_may_be_asked(address: str) -> None:
    assert refused(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::a00:1", "private"),
        ("fd00:ec2::254", "private"),
        ("169.254.169.254", "link_local"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "carrier"),
        ("2002:808:808::1", "wrapped"),
        ("2001:0:808:808::1", "wrapped"),
        ("4000::1", "unknown"),
        ("2a00::5efe:7f00:1", "loopback"),
        ("2606:4700::1%lo", "link_local"),
        ("fe80::1%eth0", "link_local"),
    ],
)
def test_the_log_learns_why(address: str, reason: str) -> None:
    assert refused(address) == reason


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.1", "0177.0.0.1", "2130706433", "1.2.3.4:80", "[::1]", "8.8.8.8 "],
)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert refused(text) == "unreadable"


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert same("::ffff:8.8.8.8", "8.8.8.8")
    assert same("2606:4700:0::0001", "2606:4700::1")
    assert not same("8.8.8.8", "8.8.4.4")
