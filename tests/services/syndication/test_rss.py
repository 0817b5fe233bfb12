"""One test for each rule of feeds.md section 2."""

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import feedparser
import pytest
from lxml import etree

from services.staff.agency import Logo
from services.syndication.address import Archive
from tests.services.syndication.house import SPACES, text
from tests.services.syndication.paper import (
    ENTRY,
    FEED,
    FILE,
    PICTURE,
    SHOWN,
    VOICE,
    written,
)


def channel(**changes: object) -> etree._Element:
    feed = replace(FEED, **changes)  # type: ignore[arg-type]  # any field of a feed
    return etree.fromstring(written("rss.xml", SHOWN, feed=feed))[0]


def item(**changes: object) -> etree._Element:
    found = etree.fromstring(written("rss.xml", SHOWN.model_copy(update=changes))).find(
        "channel/item"
    )
    assert found is not None
    return found


def attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def links(found: etree._Element) -> list[tuple[str | None, str | None]]:
    return [(one.get("rel"), one.get("href")) for one in found.findall("atom:link", SPACES)]


def test_the_channel_has_what_the_specification_requires() -> None:
    root = etree.fromstring(written("rss.xml", SHOWN))

    assert (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1)
    assert text(root[0], "title") == "Tin Hoa Sen"
    assert text(root[0], "link") == "https://cong.example/"
    assert text(root[0], "description") == "Tin chính thức."
    assert text(root[0], "language") == "vi"
    assert text(root[0], "ttl") == "5"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2026, 11, 20, 5, 0, tzinfo=UTC), "Fri, 20 Nov 2026 12:00:00 +0700"),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), "Fri, 01 Jan 2027 00:00:00 +0700"),
        (datetime(2024, 2, 28, 18, 5, 9, tzinfo=UTC), "Thu, 29 Feb 2024 01:05:09 +0700"),
    ],
)
def test_dates_have_english_names_the_right_weekday_and_a_numeric_zone(
    at: datetime, told: str
) -> None:
    entry = replace(ENTRY, published_at=at, changed_at=at)
    root = etree.fromstring(written("rss.xml", SHOWN, entry=entry, changed_at=at))

    assert text(root, "channel/item/pubDate") == told
    assert text(root, "channel/lastBuildDate") == told


def test_a_guid_that_opens_nothing_says_so() -> None:
    [guid] = item().findall("guid")

    assert (guid.text, guid.get("isPermaLink")) == (SHOWN.guid, "false")


def test_plain_text_uses_hexadecimal_references() -> None:
    raw = written("rss.xml", SHOWN).decode()

    assert "<title>Tạm dừng nộp hồ sơ &#x26; trả kết quả</title>" in raw
    assert "<description>Từ 22:00 &#x26;lt; 06:00.</description>" in raw


def test_the_summary_is_plain_and_comes_before_the_text_in_cdata() -> None:
    found = item()
    names = [etree.QName(one).localname for one in found]
    raw = written("rss.xml", SHOWN).decode()

    assert names.index("description") < names.index("encoded")
    assert unescape(text(found, "description")) == SHOWN.summary
    assert text(found, "content:encoded") == SHOWN.html
    assert f"<content:encoded><![CDATA[{SHOWN.html}]]></content:encoded>" in raw


@pytest.mark.parametrize(
    ("summary", "written_as"),
    [
        ("Khoa học & công nghệ &", "Khoa học & công nghệ &"),
        ("Tăng 5 < 6; R&D &<", "Tăng 5 &lt; 6; R&amp;D &&lt;"),
        ("Số liệu <sai>", "Số liệu &lt;sai>"),
        ("Xem /tin?so=1&region=2", "Xem /tin?so=1&amp;region=2"),
        ("Viết &lt; là dấu nhỏ hơn", "Viết &amp;lt; là dấu nhỏ hơn"),
    ],
)
def test_a_summary_means_the_same_where_it_is_shown_as_html(summary: str, written_as: str) -> None:
    assert text(item(summary=summary), "description") == written_as
    # Knows what HTML does without a semicolon: `&region` would be `®ion`.
    assert unescape(written_as) == summary


def test_an_item_without_a_summary_is_described_by_its_first_words() -> None:
    found = item(summary="", html="<p>Một <em>hai</em>, ba.</p><p>R&amp;D</p>")
    names = [etree.QName(one).localname for one in found]

    assert text(found, "description") == "Một hai, ba. R&amp;D"
    assert names.index("description") < names.index("encoded")


def test_what_ends_a_cdata_section_is_split() -> None:
    raw = written("rss.xml", SHOWN.model_copy(update={"html": "<p>a]]>b</p>"})).decode()

    assert raw.count("]]>") == 1
    assert "a]]&gt;b" in raw


def test_a_name_is_a_creator_and_never_an_author() -> None:
    found = item()

    assert text(found, "dc:creator") == "Sở Thông tin"
    assert found.find("author") is None
    assert text(item(author=""), "dc:creator") == VOICE.agency


def test_categories_are_bare_elements_one_for_each() -> None:
    found = item(tags=("hồ sơ", "hồ sơ", "tin-tuc", ""))

    assert [(one.text, attributes(one)) for one in found.findall("category")] == [
        ("tin-tuc", {}),
        ("hồ sơ", {}),
    ]


def test_the_prefixes_are_the_conventional_ones() -> None:
    raw = written("rss.xml", SHOWN.model_copy(update={"pictures": (PICTURE,)})).decode()

    assert all(
        f'xmlns:{name}="{SPACES[name]}"' in raw for name in ("atom", "content", "dc", "media")
    )
    assert all(
        f"<{name}" in raw
        for name in ("content:encoded", "dc:creator", "media:content", "atom:link")
    )


def test_there_is_one_whole_enclosure_at_most() -> None:
    [enclosure] = item(enclosure=FILE).findall("enclosure")

    assert attributes(enclosure) == {"url": FILE.url, "length": "9", "type": "video/mp4"}
    assert item().findall("enclosure") == []


def test_pictures_are_media_rss_with_their_alternative_text_and_credit() -> None:
    found = item(pictures=(PICTURE, PICTURE.model_copy(update={"alt": "", "caption": ""})))
    first, second = found.findall("media:content", SPACES)

    assert attributes(first) == {
        "url": PICTURE.url,
        "medium": "image",
        "type": "image/jpeg",
        "fileSize": "123456",
        "width": "1600",
        "height": "900",
    }
    assert text(first, "media:description") == "Ao sen"
    assert text(first, "media:title") == "Ao sen buổi sáng"
    assert text(first, "media:credit") == "Lê Thu Hà"
    description = first.find("media:description", SPACES)
    assert description is not None
    assert description.get("type") == "plain"
    assert second.find("media:description", SPACES) is None
    [thumbnail] = found.findall("media:thumbnail", SPACES)
    assert attributes(thumbnail) == {"url": PICTURE.url, "width": "1600", "height": "900"}


def test_the_document_knows_its_own_address_and_its_hub() -> None:
    assert links(channel()) == [
        ("self", "https://hoasen.example/feeds/cong/rss.xml"),
        ("hub", "https://hoasen.example/websub"),
    ]
    assert links(channel(hub=None)) == [("self", "https://hoasen.example/feeds/cong/rss.xml")]


def test_an_archive_says_so_and_names_its_neighbours() -> None:
    here = replace(FEED.address, archive=Archive(year=2026, month=10))
    found = channel(
        address=here,
        hub=None,
        previous=Archive(year=2026, month=9, part=2),
        following=Archive(year=2026, month=10, part=2),
    )
    base = "https://hoasen.example/feeds/cong"

    assert found.find("fh:archive", SPACES) is not None
    assert links(found) == [
        ("self", f"{base}/luu-tru/2026-10/rss.xml"),
        ("current", f"{base}/rss.xml"),
        ("prev-archive", f"{base}/luu-tru/2026-09-2/rss.xml"),
        ("next-archive", f"{base}/luu-tru/2026-10-2/rss.xml"),
    ]
    assert channel().find("fh:archive", SPACES) is None


@pytest.mark.parametrize(("width", "height", "shown"), [(144, 400, 1), (145, 10, 0), (10, 401, 0)])
def test_a_picture_of_the_channel_is_small_and_named_like_it(
    width: int, height: int, shown: int
) -> None:
    logo = Logo(sha256="a" * 64, ext="png", width=width, height=height)
    found = channel(logo=("https://hoasen.example/media/l.png", logo))

    assert len(found.findall("image")) == shown
    assert [text(one, "title") for one in found.findall("image")] == ["Tin Hoa Sen"] * shown
    assert [text(one, "link") for one in found.findall("image")] == [
        "https://cong.example/"
    ] * shown


def test_a_correction_moves_the_time_of_change_and_nothing_else() -> None:
    later = replace(ENTRY, changed_at=datetime(2026, 12, 1, 0, 0, 0, 999, tzinfo=UTC))
    found = etree.fromstring(written("rss.xml", SHOWN, entry=later))

    assert text(found, "channel/item/pubDate") == "Fri, 20 Nov 2026 12:00:00 +0700"
    assert text(found, "channel/item/atom:updated") == "2026-12-01T07:00:00+07:00"


def test_nothing_in_it_makes_an_importer_refuse() -> None:
    raw = written("rss.xml", SHOWN).decode()

    assert "<!DOCTYPE" not in raw
    assert "<!ENTITY" not in raw
    assert "xml-stylesheet" not in raw
    assert raw.startswith('<?xml version="1.0" encoding="UTF-8"?>')


def test_the_generator_reveals_no_version() -> None:
    assert text(channel(), "generator") == "Loa"


def test_a_common_reader_reads_it_without_complaint() -> None:
    read = feedparser.parse(written("rss.xml", SHOWN.model_copy(update={"pictures": (PICTURE,)})))

    assert (read.bozo, read.version) == (False, "rss20")
    [entry] = read.entries
    assert (entry.id, entry.guidislink, entry.title) == (SHOWN.guid, False, SHOWN.title)
    assert entry.published_parsed[:5] == (2026, 11, 20, 5, 0)
    assert entry.media_content[0]["url"] == PICTURE.url
