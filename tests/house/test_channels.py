"""Every channel that this package brings keeps what `shared/contract` promises."""

import tomllib
from collections.abc import Mapping

import pytest

from services.channels.registry import Registry
from shared.contract.conformance import pure_checks
from tests.house.tree import ROOT

# What an admin would send to connect one; a channel without an example fails here.
EXAMPLES: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "zalo_oa": (
        {"oa_id": "1234567890123456789", "app_id": "9001"},
        {
            "app_secret": "app-secret",
            "access_token": "access-secret",
            "refresh_token": "refresh-secret",
            "oa_secret_key": "oa-secret",
        },
    ),
    "facebook_page": (
        {"page_id": "111", "app_id": "555"},
        {"page_token": "page-secret", "app_secret": "app-secret", "verify_token": "word-secret"},
    ),
    "portal_rss": (
        {"slug": "cong", "title": "Tin Hoa Sen", "link": "https://cong.example/"},
        {"fetch_key": "fetch-secret-of-20-letters"},
    ),
}


def test_every_declared_channel_loads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = set(project["entry-points"]["loa.channels"])
    registry = Registry.load({})
    assert registry.broken == {}
    assert declared == set(EXAMPLES)
    assert declared <= set(registry.names())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_channel_keeps_its_promises(name: str) -> None:
    settings, credentials = EXAMPLES[name]
    channel = Registry.load({}).get(name)
    assert pure_checks(channel, settings=settings, credentials=credentials) == []
