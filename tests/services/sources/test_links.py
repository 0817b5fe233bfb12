"""One canonical form for addresses that are one, and only for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sources.links import absolute, canonical

ONE = "https://donvi.gov.vn/tin-t%E1%BB%A9c/1?a=1&b=2"


@pytest.mark.parametrize(
    "same",
    [
        ONE,
        "http://donvi.gov.vn/tin-t%E1%BB%A9c/1?a=1&b=2",
        "HTTPS://DonVi.GOV.vn/tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn:443/tin-t%e1%bb%a9c/1?b=2&a=1",
        "http://donvi.gov.vn:80/tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn/tin-tức/1?utm_source=rss&a=1&UTM_medium=x&b=2",
        "https://donvi.gov.vn/tin-tức/1;jsessionid=A1?a=1&b=2&PHPSESSID=x",
        "https://donvi.gov.vn./tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn/x/../tin-tức/./1?a=1&b=2",
        "https://donvi.gov.vn/\n  tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn/tin%2Dt%E1%BB%A9c/%31?%61=1&b=2",
        f"{ONE}&fbclid=IwAR",
        f"{ONE}&gclid=x&mc_cid=1&mc_eid=2&zarsrc=30&_ga=1",
        f"{ONE}#binh-luan",
        f"{ONE}&&",
        f"\n {ONE}\n",
    ],
)
def test_one_place_has_one_form(same: str) -> None:
    assert canonical(same) == ONE


@pytest.mark.parametrize(
    "other",
    [
        "https://donvi.gov.vn/tin-tức/1/?a=1&b=2", "https://www.donvi.gov.vn/tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn/tin-tức/1?a=2&b=1", "https://donvi.gov.vn/tin-tức/1?a=1&b=2&c",
        "https://donvi.gov.vn:8443/tin-tức/1?a=1&b=2", "https://donvi.gov.vn/Tin-tức/1?a=1&b=2",
        "https://donvi.gov.vn/tin-tức%2F1?a=1&b=2", "https://donvi.gov.vn/tin-tức/1",
    ],
)  # fmt: skip
def test_another_place_has_another(other: str) -> None:
    assert canonical(other) not in (ONE, None)


def test_www_goes_only_where_it_is_known_to_lead_to_the_same() -> None:
    assert canonical("https://www.a.vn/") == "https://www.a.vn/"
    assert canonical("https://www.a.vn", bare_host=True) == "https://a.vn/"


def test_hosts_are_compared_as_machines_write_them() -> None:
    assert canonical("https://ThôngBáo.vn") == "https://xn--thngbo-tta2m.vn/"
    assert canonical("https://[2606:4700::1]:443/") == "https://[2606:4700::1]/"


@pytest.mark.parametrize(
    "no",
    ["", "x", "mailto:a@b.vn", "javascript:1", "https://", "http://[::1", "ftp://a.vn/", "//a"],
)
def test_what_is_no_address_of_the_web_has_no_form(no: str) -> None:
    assert canonical(no) is None


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_itself(text: str) -> None:
    once = canonical(f"https://donvi.vn/{text}")
    assert once is None or canonical(once) == once


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("/tin/1", "https://a.vn/tin/1"),
        ("2.html?x=y z", "https://a.vn/rss/2.html?x=y%20z"),
        ("\n https://b.vn/1\n", "https://b.vn/1"),
        ("//b.vn/1", "https://b.vn/1"),
        ("https://b.vn/tin-tức", "https://b.vn/tin-t%E1%BB%A9c"),
        ("", None),
        (None, None),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://user:pw@b.vn/", None),
        ("http://[::1", None),
        ("/" + "a" * 3000, None),
    ],
)
def test_an_address_is_read_on_its_base(told: str | None, meant: str | None) -> None:
    assert absolute(told, "https://a.vn/rss/tin.xml") == meant
