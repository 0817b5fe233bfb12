"""Writes a feed as RSS 2.0 with the Advisory Board profile (feeds.md section 2)."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from email.utils import format_datetime
from hashlib import sha256
from html import escape

from lxml import etree

from services.delivery.portal import Entry, Portal, Shown
from shared.text import clean

MEDIA_TYPE = "application/rss+xml; charset=utf-8"

_ATOM = "http://www.w3.org/2005/Atom"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"
_MEDIA = "http://search.yahoo.com/mrss/"
# The conventional prefixes: an importer in wide use looks for them literally.
_NAMESPACES = {"atom": _ATOM, "content": _CONTENT, "dc": _DC, "media": _MEDIA}
_CDATA = re.compile(rb"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_BUILT = b"<lastBuildDate>-</lastBuildDate>"
_CORRECTED = "[Đính chính] "
_TTL_MINUTES = "5"


def draft(
    portal: Portal, entries: Sequence[Entry], *, address: str, home: str, agency: str, zone: tzinfo
) -> bytes:
    """The whole document but for the time of its last change; equal bytes mean an equal feed.

    `address` is this document's own public URL, `home` stands in for a portal without a link.
    """
    rss = etree.Element("rss", {"version": "2.0"}, nsmap=_NAMESPACES)
    channel = etree.SubElement(rss, "channel")
    _text(channel, "title", portal.title)
    _text(channel, "link", portal.link or home)
    _text(channel, "description", f"Tin chính thức của {agency}, cập nhật ngay khi có thay đổi.")
    _text(channel, "language", "vi")
    _text(channel, "lastBuildDate", "-")
    _text(channel, "ttl", _TTL_MINUTES)
    _text(channel, "generator", "Loa")
    self_link = {"rel": "self", "type": "application/rss+xml", "href": address}
    etree.SubElement(channel, f"{{{_ATOM}}}link", self_link)
    for entry in entries:
        _item(channel, entry, zone)
    document = etree.tostring(rss, xml_declaration=True, encoding="UTF-8")
    return _hexadecimal(document)


def digest(document: bytes) -> bytes:
    """What tells one state of a feed from another."""
    return sha256(document).digest()


def finish(document: bytes, *, changed_at: datetime, zone: tzinfo) -> bytes:
    """The document with the time of its last change, never of this answer, or no 304 would be."""
    built = f"<lastBuildDate>{_date(changed_at, zone)}</lastBuildDate>".encode()
    return document.replace(_BUILT, built, 1)


def _item(channel: etree._Element, entry: Entry, zone: tzinfo) -> None:
    item = etree.SubElement(channel, "item")
    shown = entry.shown
    withdrawn_on = f"{entry.changed_at.astimezone(zone):%d/%m/%Y}"
    if entry.withdrawn:
        # The strongest withdrawal a reader can see: the same id, without the words and pictures.
        title = f"[Thu hồi] {shown.title.removeprefix(_CORRECTED)}"
        summary = f"Tin này đã được thu hồi ngày {withdrawn_on}."
        if entry.reason:
            summary += f" Lý do: {entry.reason}"
        html = f"<p>{escape(clean(summary), quote=False)}</p>"
    else:
        title, summary, html = shown.title, shown.summary, shown.html
    _text(item, "title", title)
    _text(item, "link", shown.link)
    guid = _text(item, "guid", shown.guid)
    if shown.guid != shown.link:
        guid.set("isPermaLink", "false")
    _text(item, "pubDate", _date(entry.published_at, zone))
    if shown.author:
        _text(item, f"{{{_DC}}}creator", shown.author)
    for category in dict.fromkeys((shown.category, *shown.tags)):
        if category and not entry.withdrawn:
            _text(item, "category", category)
    _text(item, "description", summary)
    encoded = etree.SubElement(item, f"{{{_CONTENT}}}encoded")
    # In HTML the three characters that end a CDATA section mean the same with an entity.
    encoded.text = etree.CDATA(clean(html).replace("]]>", "]]&gt;"))
    updated = entry.changed_at.astimezone(zone).isoformat(timespec="seconds")
    _text(item, f"{{{_ATOM}}}updated", updated)
    if not entry.withdrawn:
        _files(item, shown)


def _files(item: etree._Element, shown: Shown) -> None:
    if shown.enclosure:
        etree.SubElement(
            item,
            "enclosure",
            {
                "url": shown.enclosure.url,
                "length": str(shown.enclosure.size_bytes),
                "type": shown.enclosure.mime,
            },
        )
    for picture in shown.pictures:
        content = etree.SubElement(
            item,
            f"{{{_MEDIA}}}content",
            {
                "url": picture.url,
                "medium": "image",
                "type": picture.mime,
                "fileSize": str(picture.size_bytes),
                "width": str(picture.width),
                "height": str(picture.height),
            },
        )
        if picture.caption:
            _text(content, f"{{{_MEDIA}}}title", picture.caption).set("type", "plain")
        if picture.alt:
            _text(content, f"{{{_MEDIA}}}description", picture.alt).set("type", "plain")
        if picture.credit:
            _text(content, f"{{{_MEDIA}}}credit", picture.credit)
    if shown.pictures:
        etree.SubElement(item, f"{{{_MEDIA}}}thumbnail", {"url": shown.pictures[0].url})


def _text(parent: etree._Element, tag: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.text = clean(text)
    return element


def _date(at: datetime, zone: tzinfo) -> str:
    """RFC 822 with English names whatever the locale, and a numeric zone."""
    return format_datetime(at.astimezone(zone))


def _hexadecimal(document: bytes) -> bytes:
    """Plain text with hexadecimal entities: a named one in a title warns a validator."""
    parts = _CDATA.split(document)
    for place in range(0, len(parts), 2):
        parts[place] = (
            parts[place]
            .replace(b"&amp;", b"&#x26;")
            .replace(b"&lt;", b"&#x3C;")
            .replace(b"&gt;", b"&#x3E;")
        )
    return b"".join(parts)
