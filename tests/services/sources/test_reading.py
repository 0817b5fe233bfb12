"""Hundreds of hostile and odd documents: nothing breaks, nothing runs, nothing takes long."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typing_extensions import override

from services.sources import reading
from services.sources.feed import FeedUnreadableError, ReadEntry, ReadFeed, ReadPage
from services.sources.parse_task import MEMORY_BYTES, Answer, Task
from services.sources.reading import read
from tests.support.hostile_feeds import GOOD_RSS, TITLE, URL, Odd, documents, entry, item, rss

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
SAFE_TAGS = frozenset(
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl",
        "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins",
        "li", "ol", "p", "pre", "q", "s", "strong", "sub", "sup", "table", "tbody", "td", "tfoot",
        "th", "thead", "tr", "u", "ul",
    }
)  # fmt: skip
SAFE_ATTRIBUTES = frozenset({"href", "rel", "colspan", "rowspan"})


class Found(HTMLParser):
    """Every tag and attribute that a reader's page would get, read by another parser."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]


async def reading_of(odd: Odd) -> ReadFeed | ReadPage | str:
    """What was read, or the code of why not."""
    try:
        return await read(odd.body, url=URL, content_type=odd.content_type, now=NOW)
    except FeedUnreadableError as error:
        return error.code


async def feed_of(text: str | bytes, content_type: str = "text/xml") -> ReadFeed:
    body = text.encode() if isinstance(text, str) else text
    found = await read(body, url=URL, content_type=content_type, now=NOW)
    assert isinstance(found, ReadFeed)
    return found


async def entry_of(inner: str) -> ReadEntry:
    return (await feed_of(rss(f"<item>{inner}</item>"))).entries[0]


def links_of(found: ReadFeed) -> Iterator[str]:
    yield from (one for one in (found.link, found.self_url, found.hub) if one)
    for one in found.entries:
        yield from (link for link in (one.link, one.canonical_link) if link)
        yield from (file.url for file in (*one.pictures, *one.enclosures))


def check_safe(found: ReadFeed) -> None:
    """Nothing in what was read can run, load, or lead anywhere but to the web."""
    look = Found()
    for one in found.entries:
        look.feed(one.summary_html + one.content_html)
        assert "\x00" not in one.title
        assert not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", one.title + one.author)
    look.close()
    assert look.tags <= SAFE_TAGS
    assert look.attributes <= SAFE_ATTRIBUTES
    schemes = {urlsplit(link).scheme for link in (*look.links, *links_of(found))}
    assert schemes <= {"http", "https", "mailto", "tel"}


def peak_bytes() -> int:
    """The most memory that the reading process ever had; 0 where it has just ended."""
    running = reading._process._running
    if running is None:
        return 0
    try:
        told = Path(f"/proc/{running.pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmPeak:\s+(\d+) kB", told)
    return int(peak[1]) * 1024 if peak else 0


def test_there_are_hundreds_of_documents() -> None:
    assert len({one.name for one in documents()}) == len(documents()) >= 300


@pytest.mark.parametrize("odd", documents(), ids=lambda odd: odd.name)
async def test_a_strange_document_is_read_safely_or_refused(odd: Odd) -> None:
    began = time.monotonic()
    found = await reading_of(odd)
    assert time.monotonic() - began <= 30
    assert peak_bytes() <= MEMORY_BYTES
    if odd.code is not None:
        assert found == odd.code
    elif odd.titles is not None:
        assert isinstance(found, ReadFeed), found
        assert tuple(one.title for one in found.entries) == odd.titles
    if isinstance(found, ReadFeed):
        check_safe(found)
    else:
        assert isinstance(found, ReadPage) or found.startswith("feed_")


async def test_nothing_made_feedparser_stumble_but_what_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stumble is told to the operator, never to be taken for an empty feed."""
    told: list[dict[str, object]] = []
    monkeypatch.setattr(reading._log, "warning", lambda *_, **more: told.append(more))
    monkeypatch.setattr(
        reading._process,
        "ask",
        lambda task, body: Answer(refused="feed_unreadable", stumbled="ValueError x.py:1"),
    )
    assert await reading_of(Odd(name="x", body=b"x")) == "feed_unreadable"
    assert told == [{"where": "ValueError x.py:1"}]


async def test_an_rss_feed_is_read_whole() -> None:
    head = (
        '<atom:link rel="self" href="/rss/tin.xml"/><atom:link rel="hub" href="https://hub.vn/"/>'
        "<language>vi-VN</language><generator>NukeViet v4</generator><ttl>60</ttl>"
        "<skipHours><hour>0</hour><hour>1</hour><hour>24</hour></skipHours>"
        "<skipDays><day>Sunday</day><day>Saturday</day></skipDays>"
        "<lastBuildDate>Fri, 20 Nov 2026 12:00:00 +0700</lastBuildDate>"
    )
    found = await feed_of(rss(item(), head=head))
    assert (found.format, found.title, found.link) == ("rss", "Cổng", "https://donvi.gov.vn/")
    assert (found.self_url, found.hub) == (URL, "https://hub.vn/")
    assert (found.language, found.generator, found.ttl_minutes) == ("vi-VN", "NukeViet v4", 60)
    assert (found.skip_hours, found.skip_days) == ((0, 1), ("Sunday", "Saturday"))
    assert found.updated_at == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert (found.bozo, found.trouble, found.truncated) == (False, None, False)


async def test_an_entry_is_read_whole() -> None:
    found = await entry_of(
        """<title><![CDATA[ Tin &amp; bài ]]></title>
        <guid isPermaLink="false"><![CDATA[
        news_12
        ]]></guid>
        <link>
        /tin/12.html?utm_source=rss&amp;id=2
        </link>
        <pubDate>Thứ Sáu, 20/11/2026 12:00:00 GMT+7</pubDate>
        <author>banbientap@donvi.gov.vn (Nguyễn Văn An)</author>
        <category>Y tế</category><category>Y tế</category><category>Giáo dục</category>
        <description><![CDATA[<a href="/tin/12.html"><img src="/a.jpg" alt="Ảnh: hồ" width="100"
        align="left"></a>Tóm tắt</br> & hết]]></description>
        <content:encoded><![CDATA[<p onclick="x()">Xem <a href="b.html">b</a><img src="c.png">
        </p>]]></content:encoded>
        <enclosure url="/quyet-dinh.pdf" type="application/pdf" length="1234"/>
        <media:content url="https://donvi.gov.vn/d.webp" type="image/webp" width="800"/>"""
    )
    assert (found.key, found.key_kind, found.guid) == ("news_12", "guid", "news_12")
    assert found.link == "https://donvi.gov.vn/tin/12.html?utm_source=rss&id=2"
    assert found.canonical_link == "https://donvi.gov.vn/tin/12.html?id=2"
    assert (found.title, found.author) == ("Tin & bài", "Nguyễn Văn An")
    assert found.categories == ("Y tế", "Giáo dục")
    assert found.published_at == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert found.published_text == "Thứ Sáu, 20/11/2026 12:00:00 GMT+7"
    assert "Tóm tắt<br> &amp; hết" in found.summary_html
    assert 'Xem <a href="https://donvi.gov.vn/tin/b.html"' in found.content_html
    assert [one.url.rpartition("/")[2] for one in found.pictures] == ["d.webp", "a.jpg", "c.png"]
    assert (found.pictures[1].alt, found.pictures[1].width) == ("Ảnh: hồ", 100)
    assert [(one.url, one.mime, one.size_bytes) for one in found.enclosures] == [
        ("https://donvi.gov.vn/quyet-dinh.pdf", "application/pdf", 1234)
    ]
    assert (found.legacy, found.warnings) == (None, ())


async def test_an_atom_feed_tells_all_that_was_taken_back() -> None:
    deleted = "".join(
        f'<at:deleted-entry ref="tag:{n}" when="2026-11-20T0{n}:00:00Z"><at:comment>Thu hồi {n}'
        "</at:comment></at:deleted-entry>"
        for n in range(3)
    )
    found = await feed_of(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"'
        f' xml:base="https://khac.gov.vn/x/"><title>A</title>{deleted}'
        '<link rel="self" href="https://donvi.gov.vn/atom"/>'
        + entry(TITLE, '<content type="html">&lt;a href="y"&gt;y&lt;/a&gt;</content>')
        + "</feed>"
    )
    assert [(one.ref, one.comment) for one in found.tombstones] == [
        (f"tag:{n}", f"Thu hồi {n}") for n in range(3)
    ]
    assert found.tombstones[2].at == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert found.self_url == "https://donvi.gov.vn/atom"
    assert found.entries[0].link == "https://khac.gov.vn/tin/1"
    assert "https://khac.gov.vn/" in found.entries[0].content_html


async def test_a_json_feed_is_read() -> None:
    found = await feed_of(
        """{"version": "https://jsonfeed.org/version/1.1", "title": "Cổng", "language": "vi",
        "home_page_url": "https://donvi.gov.vn/", "feed_url": "https://donvi.gov.vn/f.json",
        "hubs": [{"type": "WebSub", "url": "https://hub.vn/"}],
        "authors": [{"name": "Ban biên tập"}],
        "items": [{"id": "1", "url": "/tin/1", "title": "Một", "content_text": "a <b>\\n\\nc",
        "date_published": "2026-11-20T12:00:00+07:00", "image": "/a.jpg",
        "attachments": [{"url": "/a.pdf", "mime_type": "a/b", "size_in_bytes": 12}]}]}"""
    )
    one = found.entries[0]
    assert (found.format, found.hub, found.self_url) == (
        "json", "https://hub.vn/", "https://donvi.gov.vn/f.json",
    )  # fmt: skip
    assert (one.key, one.link, one.author) == ("1", "https://donvi.gov.vn/tin/1", "Ban biên tập")
    assert one.content_html == "<p>a &lt;b&gt;</p><p>c</p>"
    assert one.published_at == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert one.pictures[0].url == "https://donvi.gov.vn/a.jpg"
    assert one.enclosures[0].size_bytes == 12


async def test_a_page_names_its_feeds() -> None:
    found = await read(
        """<!DOCTYPE html><html><head><title>Trang  chủ</title><base href="/x/">
        <link rel="alternate" type="application/rss+xml" title="Tin mới" href="../rss/home.rss">
        <link rel="alternate" type="application/json" href="/wp-json/api/v2">
        <link rel="stylesheet" type="text/css" href="/a.css">
        <link rel="alternate" type="application/atom+xml" href="javascript:alert(1)">
        </head><body><a href="/rss/y-te.rss">Y tế</a> <a href="/tin/1">tin</a>
        <a href="https://donvi.gov.vn/rss/home.rss">lại</a></body></html>""".encode(),
        url="https://donvi.gov.vn/",
        content_type="text/html",
        now=NOW,
    )
    assert isinstance(found, ReadPage)
    assert found.title == "Trang chủ"
    assert [(one.url, one.title) for one in found.feeds] == [
        ("https://donvi.gov.vn/rss/home.rss", "Tin mới"),
        ("https://donvi.gov.vn/rss/y-te.rss", "Y tế"),
    ]


@pytest.mark.parametrize("part", range(2, 12))
async def test_a_document_cut_off_gives_whole_entries_only(part: int) -> None:
    body = GOOD_RSS.encode()
    cut = body[: len(body) * part // 12]
    if cut.count(b"<item>") == 0:
        return
    found = await feed_of(cut)
    whole = await feed_of(body)
    assert (found.truncated, found.trouble) == (True, "cut_off")
    assert found.entries == whole.entries[: len(found.entries)]
    assert len(found.entries) == cut.count(b"</item>")


@pytest.mark.parametrize(
    ("text", "trouble", "truncated"),
    [
        (rss(item("A & B")), "ampersands", False),
        (rss(item("A\x0bB")), "control_characters", False),
        ("Lỗi: x\n" + rss(item()), "text_before", False),
        (rss(item(TITLE, "<br>")), "not_well_formed", True),
        (rss(item(), declaration="<?xml version='1.0' encoding='us-ascii'?>"), "encoding", False),
    ],
)
async def test_what_was_wrong_with_a_document_is_told(
    text: str, trouble: str, truncated: bool
) -> None:
    found = await feed_of(text)
    assert (found.bozo, found.trouble, found.truncated) == (True, trouble, truncated)


async def test_months_in_place_of_minutes_are_seen_through() -> None:
    """NukeViet 4: all of November shows minute 11; the order of the feed is all there is."""
    dates = ("Fri, 20 Nov 2026 14:11:05 GMT", "Thu, 19 Nov 2026 09:11:59 GMT",
             "Sat, 31 Oct 2026 08:10:00 GMT")  # fmt: skip
    items = (
        item(f"Tin {n}", f"<pubDate>{date}</pubDate>", number=n) for n, date in enumerate(dates)
    )
    late = datetime(2026, 11, 20, 15, tzinfo=UTC)
    found = await read(rss("".join(items)).encode(), url=URL, content_type="", now=late)
    assert isinstance(found, ReadFeed)
    assert [one.published_at for one in found.entries] == [
        datetime(2026, 11, 20, 14, tzinfo=UTC),
        datetime(2026, 11, 19, 9, tzinfo=UTC),
        datetime(2026, 10, 31, 8, tzinfo=UTC),
    ]
    assert all("minutes_unknown" in one.warnings for one in found.entries)


@pytest.mark.parametrize(
    ("inner", "kind", "warnings"),
    [
        ("<title>T</title><link>/a?utm_x=1</link>", "link", ("date_missing",)),
        ("<title>T</title>", "hash", ("no_link", "date_missing")),
        ("<title>T</title><guid>news_1</guid>", "guid", ("no_link", "date_missing")),
        ("<title>T</title><link>/a</link><pubDate>20/11/2026 12:00</pubDate>", "link",
         ("date_no_zone",)),
        ("<title>T</title><link>/a</link><pubDate>20/11/2036</pubDate>", "link",
         ("date_too_late",)),
        ("<link>/a</link><description>L</description><pubDate>hôm qua</pubDate>", "link",
         ("no_title", "date_unreadable")),
    ],
)  # fmt: skip
async def test_an_entry_says_what_it_lacks(
    inner: str, kind: str, warnings: tuple[str, ...]
) -> None:
    found = await entry_of(inner)
    assert (found.key_kind, found.warnings) == (kind, warnings)


async def test_a_guid_of_all_entries_tells_none_apart() -> None:
    shared = "<guid>https://donvi.gov.vn</guid>"
    items = "".join(f"<item><title>{n}</title>{shared}<link>/{n}</link></item>" for n in (1, 2))
    found = await feed_of(rss(items))
    assert [one.key for one in found.entries] == [
        "https://donvi.gov.vn/1",
        "https://donvi.gov.vn/2",
    ]
    assert all("shared_guid" in one.warnings for one in found.entries)


async def test_an_old_font_is_seen_and_left_as_it_is() -> None:
    found = await entry_of("<title>Th«ng b¸o tuyÓn sinh</title><link>/a</link>")
    assert (found.title, found.legacy) == ("Th«ng b¸o tuyÓn sinh", "tcvn3")


async def test_many_at_once_are_read_one_after_the_other() -> None:
    found = await asyncio.gather(*(feed_of(rss(item(f"Tin {n}"))) for n in range(20)))
    assert [one.entries[0].title for one in found] == [f"Tin {n}" for n in range(20)]


async def test_a_reader_that_was_killed_or_went_home_is_replaced() -> None:
    await feed_of(rss(item()))
    running = reading._process._running
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert (await feed_of(rss(item()))).entries
    replaced = reading._process._running
    assert replaced is not None
    assert replaced.stdin is not None
    assert replaced.pid != running.pid
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, replaced.stdin.fileno())
    os.close(nowhere)  # nobody asks it any more, so it ends by itself, as after a long wait
    assert replaced.wait() == 0
    assert (await feed_of(rss(item()))).entries


async def test_a_document_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_WALL_SECONDS", 0.3)
    await asyncio.to_thread(reading._process.stop)
    endless = Task(url=URL, content_type="", now=NOW.isoformat(), size_bytes=100)
    began = time.monotonic()
    # Fewer bytes than told: the process waits for the rest, as it would in an endless loop.
    answer = await asyncio.get_running_loop().run_in_executor(
        reading._thread, reading._process.ask, endless, b"x"
    )
    assert answer.refused == "feed_too_heavy"
    assert time.monotonic() - began < 30
    assert reading._process._running is None


async def test_no_secret_of_ours_is_in_the_reading_process() -> None:
    await feed_of(rss(item()))
    running = reading._process._running
    assert running is not None
    told = Path(f"/proc/{running.pid}/environ").read_bytes()
    assert {one.partition(b"=")[0] for one in told.split(b"\0") if one} <= {
        b"PATH",
        b"PYTHONPATH",
        b"LC_CTYPE",
    }
