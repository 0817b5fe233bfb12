"""Feeds in every state they are found in, read into one shape. Runs in `parse_worker` only.

feedparser gets XML that was decoded, looked through and mended here; its HTML cleaning is off, as
its time grows with the square of the input (feeds.md section 12.2).
"""

import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import feedparser
from lxml import etree

from services.sources import dates
from services.sources.cleaning import from_text, number, plain
from services.sources.decoding import bare_xml, controls_dropped, decoded, references_mended
from services.sources.entries import ENTRIES, Draft, finished
from services.sources.feed import (
    Attachment,
    FeedUnreadableError,
    FoundFeed,
    ReadFeed,
    ReadPage,
    Tombstone,
)
from services.sources.json_feed import read_json
from services.sources.links import absolute
from services.sources.outline import Outline, outline
from shared.text import clean, one_line

_NAME_CHARS: Final = 300
# feedparser's second parser, for what is no XML, takes time by the square of some of these.
_LOOSE_SIGNS: Final = 100_000
_PAGE_CHARS: Final = 1_000_000
_PAGE_FEEDS: Final = 100
_FEED_TYPES: Final = {
    "application/rss+xml": "rss", "application/atom+xml": "atom", "application/rdf+xml": "rdf",
    "application/feed+json": "json", "application/json": "json", "application/xml": "xml",
    "text/xml": "xml",
}  # fmt: skip
_FEED_PATH: Final = re.compile(r"(?i)(?:\.rss|\.atom|/rss/?|/feed/?|/rss\.(?:xml|aspx))(?:\?|$)")
_ROOT: Final = re.compile(r"<([a-zA-Z][\w.-]*:)?([a-zA-Z]\w*)")
_PAGE: Final = re.compile(r"(?i)\s*(?:<(?:!doctype\s+html|html|head|body|script|title|meta)\b)")
_BEFORE: Final = re.compile(r"\s*(?:<\?[^>]{0,300}>\s*|<!--(?:(?!-->).){0,2000}-->\s*)*", re.DOTALL)
_ENTRY: Final = re.compile(r"<(?:\w+:)?(?:item|entry)[\s>]")
_ENTRY_END: Final = re.compile(r"</(?:\w+:)?(?:item|entry)\s*>")
_FEED_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel"})
_XML: Final = "<?xml version='1.0' encoding='utf-8'?>\n"


def parse(body: bytes, *, url: str, content_type: str, now: datetime) -> ReadFeed | ReadPage:
    """What these bytes hold, fetched from `url`. Raises FeedUnreadableError.

    And what feedparser stumbles upon: whoever calls stands ready for anything, with limits set.
    """
    text, other_encoding = decoded(body, content_type)
    text, had_controls = controls_dropped(text)
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise FeedUnreadableError("feed_empty")
    if start[0] in "{[":
        return _json_feed(start, url, now)
    before = _BEFORE.match(start)
    if _PAGE.match(start, before.end() if before else 0):
        return _page(start, url)
    xml = bare_xml(text)
    root = _ROOT.search(xml)
    if root is None or root[2].lower() not in _FEED_ROOTS:
        if "html" in content_type:
            return _page(start, url)
        raise FeedUnreadableError("feed_unreadable")
    trouble = "encoding" if other_encoding else "control_characters" if had_controls else ""
    trouble = "text_before" if xml[: root.start()].strip() else trouble
    return _xml_feed(xml[root.start() :], url, trouble, now)


def _xml_feed(xml: str, url: str, trouble: str, now: datetime) -> ReadFeed:
    xml, too_many = _limited(xml)
    found = outline((_XML + xml).encode())
    if found.fault and not found.cut_off:
        mended = references_mended(xml)
        again = outline((_XML + mended).encode())
        if not again.fault or again.cut_off:
            xml, found, trouble = mended, again, trouble or "ampersands"
    broken = bool(found.fault)
    if broken:
        trouble = "cut_off" if found.cut_off else "not_well_formed"
        xml, found = _without_the_break(xml, found)
    if found.fault and (xml.count("<") > _LOOSE_SIGNS or xml.count("&") > _LOOSE_SIGNS):
        raise FeedUnreadableError("feed_too_heavy")
    parsed = _with_feedparser(xml)
    head = parsed.feed
    version = str(parsed.get("version") or "")
    if not version and not parsed.entries:
        raise FeedUnreadableError("feed_unreadable")
    link = absolute(_word(head, "link"), url)
    language = one_line(_word(head, "language"))[:35]
    atom = version.startswith("atom")
    base = url if atom else link or url  # RSS has no rule, and sites mean their own root
    drafts = [_draft(one, base, version) for one in parsed.entries[:ENTRIES]]
    updated = dates.read(_word(head, "updated") or _word(head, "published"), now=now)
    return ReadFeed(
        format="atom" if atom else "rss",
        title=_plain(head, "title")[:_NAME_CHARS],
        link=link,
        self_url=_related(found, "self", url),
        hub=_related(found, "hub", url),
        language=language,
        generator=one_line(_word(head, "generator"))[:_NAME_CHARS],
        ttl_minutes=number(found.ttl or _word(head, "ttl")),
        skip_hours=_hours(found.skip_hours),
        skip_days=tuple(dict.fromkeys(one for one in found.skip_days if one in _DAYS)),
        updated_at=updated.at,
        entries=finished(drafts, now=now, language=language),
        tombstones=tuple(_tombstones(found, now)),
        bozo=bool(trouble),
        trouble=trouble or None,
        truncated=too_many or broken,
    )


_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _json_feed(text: str, url: str, now: datetime) -> ReadFeed:
    read = read_json(text, url)
    language = one_line(read.language)[:35]
    for draft in read.drafts:
        draft.title = plain(draft.title) if "<" in draft.title else draft.title
    return ReadFeed(
        format="json",
        title=one_line(read.title)[:_NAME_CHARS],
        link=absolute(read.home, url),
        self_url=absolute(read.self_url, url),
        hub=absolute(read.hub, url),
        language=language,
        generator="",
        ttl_minutes=None,
        skip_hours=(),
        skip_days=(),
        updated_at=None,
        entries=finished(read.drafts, now=now, language=language),
        tombstones=(),
        bozo=False,
        trouble=None,
        truncated=read.more,
    )


def _limited(xml: str) -> tuple[str, bool]:
    """The document with its first entries only, closed again, and whether there were more."""
    for count, match in enumerate(_ENTRY.finditer(xml)):
        if count >= ENTRIES:
            return _closed(xml[: match.start()]), True
    return xml, False


def _without_the_break(xml: str, found: Outline) -> tuple[str, Outline]:
    """A broken document without the entry that its break runs through, whole again if it can be."""
    opened = [match.start() for match in _ENTRY.finditer(xml)]
    ended = [match.end() for match in _ENTRY_END.finditer(xml)]
    if opened and (not ended or ended[-1] <= opened[-1]):
        xml = xml[: opened[-1]]
    if not found.cut_off:
        return xml, found
    closed = _closed(xml)
    again = outline((_XML + closed).encode())
    return (xml, found) if again.fault else (closed, again)


def _closed(xml: str) -> str:
    root = _ROOT.match(xml)
    name = f"{root[1] or ''}{root[2]}" if root else ""
    return f"{xml}{'</channel>' if name == 'rss' else ''}</{name}>"


def _with_feedparser(xml: str) -> feedparser.FeedParserDict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecated habits
        return feedparser.parse(
            # Never the text itself: it would be opened, were it the name of a file (12.1).
            io.BytesIO((_XML + xml).encode()),
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers={"content-type": "application/xml; charset=utf-8"},
        )


def _draft(entry: Mapping[str, object], feed_link: str, version: str) -> Draft:
    guid, link = _word(entry, "id"), _word(entry, "link")
    if link == guid and not link.lower().startswith(("http://", "https://")):
        link = ""  # feedparser takes a bare guid for a link
    summary, content, base = _texts(entry)
    files = [one for one in _dicts(entry, "links") if _word(one, "rel") == "enclosure"]
    base = absolute(base, feed_link) or feed_link
    attached = [one for file in files if (one := _attached(file, "href", base))]
    shown = [
        one
        for name in ("media_content", "media_thumbnail")
        for file in _dicts(entry, name)
        if name == "media_thumbnail" or _is_picture(file)
        if (one := _attached(file, "url", base))
    ]
    return Draft(
        base=base,
        guid=guid,
        link=link,
        title=_plain(entry, "title", unescape=version.startswith("rss")),
        summary=summary,
        content=content,
        published=_word(entry, "published") or _word(entry, "created"),
        updated=_word(entry, "updated"),
        author=_author(entry),
        categories=[_word(one, "label") or _word(one, "term") for one in _dicts(entry, "tags")],
        pictures=[*shown, *(one for one in attached if (one.mime or "").startswith("image/"))],
        enclosures=[one for one in attached if not (one.mime or "").startswith("image/")],
    )


def _texts(entry: Mapping[str, object]) -> tuple[str, str, str]:
    """Summary and content as HTML, and the base that the entry says it stands on."""
    summary = next((_as_html(one) for one in _dicts(entry, "summary_detail")), "")
    contents = [one for one in _dicts(entry, "content") if _as_html(one)]
    content = _as_html(contents[0]) if contents else ""
    if content == summary:
        content = ""  # Atom without a summary: feedparser shows the content as both
    details = (*contents, *_dicts(entry, "summary_detail"), *_dicts(entry, "title_detail"))
    base = next((told for one in details if (told := _word(one, "base"))), "")
    return (summary, content, base) if summary else ("", content, base)


def _as_html(detail: Mapping[str, object]) -> str:
    kind, value = _word(detail, "type").lower(), _word(detail, "value")
    if kind in ("text/html", "application/xhtml+xml", ""):
        return value
    return from_text(value) if kind == "text/plain" else ""


def _plain(holder: Mapping[str, object], name: str, *, unescape: bool = False) -> str:
    """A title as plain words, whatever it was written in."""
    detail = next(iter(_dicts(holder, f"{name}_detail")), {})
    value = _word(holder, name)
    if _word(detail, "type").lower() in ("text/html", "application/xhtml+xml") and "<" in value:
        return plain(value[:20_000])
    value = value[:20_000]
    return one_line(html.unescape(value) if unescape or "html" in _word(detail, "type") else value)


def _author(entry: Mapping[str, object]) -> str:
    several = [name for one in _dicts(entry, "authors") if (name := _word(one, "name"))]
    return ", ".join(several[:10]) or _word(entry, "author")


def _attached(file: Mapping[str, object], name: str, base: str) -> Attachment | None:
    url = absolute(_word(file, name), base)
    if url is None:
        return None
    return Attachment(
        url=url,
        mime=_word(file, "type").lower()[:100] or None,
        width=number(file.get("width")),
        height=number(file.get("height")),
        size_bytes=number(file.get("length") or file.get("filesize")),
    )


def _is_picture(file: Mapping[str, object]) -> bool:
    kind, medium = _word(file, "type").lower(), _word(file, "medium").lower()
    return kind.startswith("image/") or medium == "image" or not (kind or medium)


def _related(found: Outline, relation: str, url: str) -> str | None:
    for link in found.links:
        if relation in link.get("rel", "").lower().split():
            return absolute(link["href"], url)
    return None


def _hours(told: Sequence[str]) -> tuple[int, ...]:
    # RSS 0.91 counts from 1 to 24, RSS 2.0 from 0 to 23.
    known = (number(one) for one in told)
    return tuple(sorted({hour % 24 for hour in known if hour is not None and hour <= 24}))


def _tombstones(found: Outline, now: datetime) -> Iterator[Tombstone]:
    for one in found.deleted:
        ref = clean(one.ref).strip()[:500]
        if ref:
            at = dates.read(one.when, now=now).at
            yield Tombstone(ref=ref, at=at, comment=one_line(one.comment)[:_NAME_CHARS])


def _page(text: str, url: str) -> ReadPage:
    """A page for people, and the feeds that it names: those in its head first."""
    parser = etree.HTMLParser(recover=True, no_network=True, remove_comments=True, encoding="utf-8")
    try:
        tree = etree.fromstring(text[:_PAGE_CHARS].encode(), parser)
    except (etree.LxmlError, ValueError):
        tree = None
    if tree is None:
        return ReadPage(title="")
    base = next((one.get("href") for one in tree.iter("base")), None)
    base = absolute(base, url) or url
    title = one_line(next((_inside(one) for one in tree.iter("title")), ""))
    found: dict[str, FoundFeed] = {}
    for one in tree.iter("link", "a"):
        feed = _named_feed(one, base)
        if feed and len(found) < _PAGE_FEEDS:
            found.setdefault(feed.url, feed)
    return ReadPage(title=title[:_NAME_CHARS], feeds=tuple(found.values()))


def _inside(element: etree._Element) -> str:
    return " ".join(str(words) for words in element.itertext())


def _named_feed(element: etree._Element, base: str) -> FoundFeed | None:
    mime = (element.get("type") or "").partition(";")[0].strip().lower()
    href = element.get("href") or ""
    url = absolute(href, base)
    if url is None:
        return None
    if element.tag == "link":
        relation = (element.get("rel") or "").lower().split()
        if "alternate" not in relation or mime not in _FEED_TYPES:
            return None
        if mime in ("application/json", "application/xml", "text/xml") and "api" in href:
            return None  # a program's address, as WordPress names beside its feeds
    elif not _FEED_PATH.search(url) and mime not in _FEED_TYPES:
        return None
    words = element.get("title") or _inside(element)
    return FoundFeed(url=url, title=one_line(words)[:_NAME_CHARS], mime=mime)


def _word(holder: Mapping[str, object], name: str) -> str:
    # `dict.get` itself: feedparser's own makes up values for names that are not there.
    value = dict.get(holder, name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _dicts(holder: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    value = dict.get(holder, name) if isinstance(holder, dict) else None
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
