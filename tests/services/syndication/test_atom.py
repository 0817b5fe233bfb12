"""One test for each rule of feeds.md sections 3, 5 (tombstones) and 6."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from lxml import etree

from services.staff.agency import Logo
from services.syndication.address import Archive, By, Scope
from services.syndication.feed import Feed
from services.syndication.reading import Tombstone
from tests.services.syndication.house import SPACES, check, text
from tests.services.syndication.paper import (
    CHANGED,
    ENTRY,
    FEED,
    FILE,
    PICTURE,
    SHOWN,
    VOICE,
    written,
)


def feed(told: Feed = FEED, **changes: object) -> etree._Element:
    own = replace(told, **changes)  # type: ignore[arg-type]  # any field of a feed
    raw = written("atom.xml", SHOWN, feed=own)
    check(raw, "atom.xml")
    return etree.fromstring(raw)


def entry(**changes: object) -> etree._Element:
    raw = written("atom.xml", SHOWN.model_copy(update=changes))
    check(raw, "atom.xml")
    found = etree.fromstring(raw).find("a:entry", SPACES)
    assert found is not None
    return found


def links(found: etree._Element) -> dict[str | None, str | None]:
    return {one.get("rel"): one.get("href") for one in found.findall("a:link", SPACES)}


def test_a_feed_has_everything_that_is_wanted_of_it() -> None:
    logo = (
        "https://hoasen.example/media/l.png",
        Logo(sha256="a" * 64, ext="png", width=9, height=9),
    )
    found = feed(logo=logo)

    assert found.get("{http://www.w3.org/XML/1998/namespace}lang") == "vi"
    assert text(found, "a:title") == "Tin Hoa Sen"
    assert text(found, "a:updated") == "2026-12-04T08:00:00+07:00"
    assert text(found, "a:author/a:name") == VOICE.agency
    assert text(found, "a:icon") == FEED.icon
    assert text(found, "a:logo") == logo[0]
    assert text(found, "a:rights").startswith("Bản quyền thuộc UBND tỉnh Hoa Sen")
    assert links(found) == {
        "self": "https://hoasen.example/feeds/cong/atom.xml",
        "alternate": "https://cong.example/",
        "hub": "https://hoasen.example/websub",
    }


def test_the_id_of_a_feed_is_its_own_and_outlives_its_host() -> None:
    whole = text(feed(), "a:id")
    elsewhere = text(feed(base="https://moi.example"), "a:id")
    archive = text(feed(address=replace(FEED.address, archive=Archive(year=2026, month=1))), "a:id")
    part = text(feed(address=replace(FEED.address, scope=Scope(by=By.KIND, name="news"))), "a:id")
    other = text(feed(first=UUID(int=1)), "a:id")

    assert whole.startswith("urn:uuid:")
    assert whole == elsewhere == archive
    assert len({whole, part, other}) == 3


def test_an_entry_has_everything_that_is_wanted_of_it() -> None:
    found = entry(enclosure=FILE)

    assert text(found, "a:id") == SHOWN.guid
    assert text(found, "a:title") == SHOWN.title
    assert text(found, "a:summary") == SHOWN.summary
    assert links(found) == {"alternate": SHOWN.link, "enclosure": FILE.url}
    assert [(one.get("term"), one.get("label")) for one in found.findall("a:category", SPACES)] == [
        ("tin-tuc", "Tin tức"),
        ("hồ sơ", "hồ sơ"),
        ("nâng cấp", "nâng cấp"),
    ]
    [enclosure] = found.findall("a:link[@rel='enclosure']", SPACES)
    assert (enclosure.get("type"), enclosure.get("length")) == ("video/mp4", "9")


def test_the_text_is_escaped_html_and_never_live_markup() -> None:
    [content] = entry().findall("a:content", SPACES)

    assert (content.get("type"), content.text, len(content)) == ("html", SHOWN.html, 0)
    assert "http://www.w3.org/1999/xhtml" not in written("atom.xml", SHOWN).decode()


@pytest.mark.parametrize("author", ["Sở Thông tin", ""])
def test_every_entry_has_an_author_of_its_own(author: str) -> None:
    assert text(entry(author=author), "a:author/a:name") == (author or VOICE.agency)


def test_published_never_moves_and_dates_have_an_offset() -> None:
    later = replace(ENTRY, changed_at=datetime(2026, 12, 1, tzinfo=UTC))
    found = etree.fromstring(written("atom.xml", SHOWN, entry=later))

    assert text(found, "a:entry/a:published") == "2026-11-20T12:00:00+07:00"
    assert text(found, "a:entry/a:updated") == "2026-12-01T07:00:00+07:00"


def test_pictures_are_the_same_as_in_rss() -> None:
    [content] = entry(pictures=(PICTURE,)).findall("media:content", SPACES)

    assert content.get("url") == PICTURE.url
    assert text(content, "media:description") == "Ao sen"


def test_a_withdrawal_leaves_a_tombstone_where_the_schema_wants_it() -> None:
    found = feed(tombstones=(Tombstone(guid="tag:loa,2026:X-1", at=CHANGED),))
    [tombstone] = found.findall("at:deleted-entry", SPACES)

    assert {str(name): str(value) for name, value in tombstone.attrib.items()} == {
        "ref": "tag:loa,2026:X-1",
        "when": "2026-12-04T08:00:00+07:00",
    }
    assert list(found).index(tombstone) < list(found).index(found.findall("a:entry", SPACES)[0])
    assert feed().find("at:deleted-entry", SPACES) is None


def test_an_archive_says_so_and_names_its_neighbours() -> None:
    found = feed(
        address=replace(FEED.address, archive=Archive(year=2026, month=10)),
        hub=None,
        previous=Archive(year=2026, month=9),
        following=Archive(year=2026, month=11),
    )
    base = "https://hoasen.example/feeds/cong"

    assert found.find("fh:archive", SPACES) is not None
    assert links(found) == {
        "self": f"{base}/luu-tru/2026-10/atom.xml",
        "alternate": "https://cong.example/",
        "current": f"{base}/atom.xml",
        "prev-archive": f"{base}/luu-tru/2026-09/atom.xml",
        "next-archive": f"{base}/luu-tru/2026-11/atom.xml",
    }
