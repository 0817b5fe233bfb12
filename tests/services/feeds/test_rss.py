from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.channels.tables import Account
from services.delivery.portal import Entry, EntryFile, EntryPicture, Portal, Shown
from services.feeds import rss
from services.storage.columns import new_id

ADDRESS = "https://hoasen.example/feeds/cong/rss.xml"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BUILT = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)
SPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
}
SHOWN = Shown(
    guid="tag:loa,2026:HS-2026-000123",
    title="Tạm dừng nộp hồ sơ & trả kết quả",
    summary="Từ 22:00 < 06:00.",
    html="<p>Kính gửi <strong>bà con</strong> &amp; doanh nghiệp.</p>",
    link="https://hoasen.example/tin/HS-2026-000123",
    category="tin-tuc",
    tags=("hồ sơ", "nâng cấp"),
    author="UBND tỉnh Hoa Sen",
)
ENTRY = Entry(
    publication_id=new_id(),
    generation=1,
    seen_at=None,
    published_at=datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
    changed_at=datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
    shown=SHOWN,
)
PICTURE = EntryPicture(
    url="https://hoasen.example/media/a.jpg?x=1&y=2",
    mime="image/jpeg",
    width=1600,
    height=900,
    size_bytes=123_456,
    alt="Ao sen",
    caption="Ao sen buổi sáng",
    credit="Lê Thu Hà",
)


def portal() -> Portal:
    account = Account(
        unit_id=new_id(),
        channel="portal_rss",
        name="Cổng",
        remote_id="cong",
        sealed_credentials=b"",
    )
    return Portal(
        account=account,
        slug="cong",
        title="Tin Hoa Sen",
        link="https://cong.example/",
        open=True,
    )


def document(*entries: Entry) -> bytes:
    draft = rss.draft(
        portal(),
        entries,
        address=ADDRESS,
        home="https://hoasen.example",
        agency="UBND tỉnh Hoa Sen",
        zone=ZONE,
    )
    return rss.finish(draft, changed_at=BUILT, zone=ZONE)


def item(*entries: Entry) -> etree._Element:
    found = etree.fromstring(document(*entries)).find("channel/item")
    assert found is not None
    return found


def text(element: etree._Element, path: str) -> str:
    return element.findtext(path, default="", namespaces=SPACES)


def attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def test_the_channel_says_whose_it_is_and_where_it_stands() -> None:
    root = etree.fromstring(document(ENTRY))
    channel = root[0]

    assert (root.tag, root.get("version")) == ("rss", "2.0")
    assert text(channel, "title") == "Tin Hoa Sen"
    assert text(channel, "link") == "https://cong.example/"
    assert text(channel, "language") == "vi"
    assert text(channel, "lastBuildDate") == "Fri, 04 Dec 2026 08:00:00 +0700"
    link = channel.find("atom:link", namespaces=SPACES)
    assert link is not None
    assert (link.get("rel"), link.get("href")) == ("self", ADDRESS)


def test_an_entry_keeps_every_rule_of_the_profile() -> None:
    entry = item(ENTRY)
    guid = entry.find("guid")
    names = [etree.QName(one).localname for one in entry]

    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == ("tag:loa,2026:HS-2026-000123", "false")
    assert text(entry, "pubDate") == "Fri, 20 Nov 2026 12:00:00 +0700"
    assert text(entry, "dc:creator") == "UBND tỉnh Hoa Sen"
    assert [(one.text, attributes(one)) for one in entry.findall("category")] == [
        ("tin-tuc", {}),
        ("hồ sơ", {}),
        ("nâng cấp", {}),
    ]
    assert names.index("description") < names.index("encoded")
    assert text(entry, "content:encoded") == SHOWN.html
    assert text(entry, "atom:updated") == "2026-11-20T12:00:00+07:00"
    assert "author" not in names


def test_plain_text_uses_hexadecimal_entities_and_html_stands_in_cdata() -> None:
    raw = document(ENTRY).decode()

    assert "<title>Tạm dừng nộp hồ sơ &#x26; trả kết quả</title>" in raw
    assert "<description>Từ 22:00 &#x3C; 06:00.</description>" in raw
    assert f"<![CDATA[{SHOWN.html}]]>" in raw
    assert "xml-stylesheet" not in raw
    assert "DOCTYPE" not in raw
    assert all(f"<{prefix}" in raw or f"xmlns:{prefix}" in raw for prefix in SPACES)


def test_pictures_are_media_rss_and_a_file_is_the_one_enclosure() -> None:
    shown = SHOWN.model_copy(
        update={
            "pictures": (PICTURE,),
            "enclosure": EntryFile(url="https://a.example/v.mp4", mime="video/mp4", size_bytes=9),
        }
    )
    entry = item(replace(ENTRY, shown=shown))
    content = entry.find("media:content", namespaces=SPACES)
    [enclosure] = entry.findall("enclosure")

    assert content is not None
    assert attributes(content) == {
        "url": PICTURE.url,
        "medium": "image",
        "type": "image/jpeg",
        "fileSize": "123456",
        "width": "1600",
        "height": "900",
    }
    assert text(content, "media:description") == "Ao sen"
    assert text(content, "media:credit") == "Lê Thu Hà"
    assert attributes(enclosure) == {
        "url": "https://a.example/v.mp4",
        "length": "9",
        "type": "video/mp4",
    }


def test_a_withdrawn_entry_is_a_stub_without_its_words_and_pictures() -> None:
    shown = SHOWN.model_copy(
        update={"title": "[Đính chính] Tin cũ", "pictures": (PICTURE,), "html": "<p>bí mật</p>"}
    )
    withdrawn = replace(
        ENTRY,
        shown=shown,
        withdrawn=True,
        reason="Số liệu <sai>.",
        changed_at=datetime(2026, 12, 3, 18, 0, tzinfo=UTC),
    )
    raw = document(withdrawn).decode()
    entry = item(withdrawn)

    assert text(entry, "title") == "[Thu hồi] Tin cũ"
    assert text(entry, "guid") == SHOWN.guid
    assert text(entry, "description") == (
        "Tin này đã được thu hồi ngày 04/12/2026. Lý do: Số liệu <sai>."
    )
    assert text(entry, "content:encoded") == (
        "<p>Tin này đã được thu hồi ngày 04/12/2026. Lý do: Số liệu &lt;sai&gt;.</p>"
    )
    assert text(entry, "atom:updated") == "2026-12-04T01:00:00+07:00"
    assert not [
        word for word in ("bí mật", "media:content", "<category", "Từ 22:00") if word in raw
    ]


def test_equal_feeds_are_equal_bytes_whenever_they_are_built() -> None:
    assert document(ENTRY) == document(replace(ENTRY, seen_at=BUILT, publication_id=new_id()))


@pytest.mark.parametrize("nasty", ["]]>", "a]]>b<script>", "\x0b\x00", "\ud800", "\ufffe", "]]"])
def test_nothing_pasted_breaks_the_document(nasty: str) -> None:
    shown = SHOWN.model_copy(
        update={
            "title": f"t{nasty}",
            "summary": f"s{nasty}",
            "html": f"<p>{nasty}</p>",
            "author": f"a{nasty}",
            "tags": (f"g{nasty}",),
        }
    )
    etree.fromstring(document(replace(ENTRY, shown=shown)))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_well_formed_feed(one: str, two: str, three: str) -> None:
    shown = SHOWN.model_copy(update={"title": one, "summary": two, "html": three, "tags": (one,)})
    withdrawn = replace(ENTRY, shown=shown, withdrawn=True, reason=three)

    root = etree.fromstring(document(replace(ENTRY, shown=shown), withdrawn))

    assert len(root.findall("channel/item")) == 2


def test_a_common_reader_reads_it_without_complaint() -> None:
    shown = SHOWN.model_copy(update={"pictures": (PICTURE,)})
    read = feedparser.parse(document(replace(ENTRY, shown=shown)))

    assert not read.bozo
    assert read.version == "rss20"
    [entry] = read.entries
    assert entry.id == SHOWN.guid
    assert not entry.guidislink
    assert entry.published_parsed[:5] == (2026, 11, 20, 5, 0)
    assert entry.media_content[0]["url"] == PICTURE.url
    assert entry.title == SHOWN.title
