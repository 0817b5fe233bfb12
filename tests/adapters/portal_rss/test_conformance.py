"""The promises of every channel, asked of this one. It is called by nobody: nothing to try live."""

from adapters.portal_rss.channel import channel
from shared.contract.conformance import pure_checks


def test_the_channel_keeps_its_promises() -> None:
    settings = {"slug": "cong", "title": "Tin Hoa Sen", "link": "https://cong.example/"}
    credentials = {"fetch_key": "fetch-secret-of-20-letters"}
    assert pure_checks(channel, settings=settings, credentials=credentials) == []


def test_a_feed_without_a_key_keeps_them_too() -> None:
    settings = {"slug": "cong", "title": "Tin Hoa Sen", "link": "https://cong.example/"}
    assert pure_checks(channel, settings=settings, credentials={}) == []
