"""Writes a feed as RSS 2.0 with the Advisory Board profile (feeds.md section 2)."""

import re
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from services.syndication.address import MEDIA_TYPES, Form
from services.syndication.feed import GENERATOR, LANGUAGE, Feed
from services.syndication.markup import (
    ATOM,
    CONTENT,
    DC,
    HISTORY,
    MEDIA,
    element,
    link,
    section,
)
from services.syndication.media_rss import pictures
from services.syndication.texts import Told

_AMPERSAND_IN_WORDS: Final = re.compile(r"&(?=[^\s<&])")
_TTL_MINUTES: Final = "5"
# What the profile allows for the picture of a channel, in pixels.
_WIDEST: Final = 144
_TALLEST: Final = 400

# The conventional prefixes: an importer in wide use looks for them literally.
_ROOT: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<rss version="2.0" xmlns:atom="{ATOM}" xmlns:content="{CONTENT}" xmlns:dc="{DC}"'
    f' xmlns:media="{MEDIA}"'
)
_LANGUAGE: Final = element("language", LANGUAGE)
_OF_EVERY_FEED: Final = element("ttl", _TTL_MINUTES) + element("generator", GENERATOR)


class Rss:
    """RSS 2.0."""

    form = Form.RSS
    between = b"\n"
    closing = b"\n</channel></rss>\n"

    def opening(self, feed: Feed, changed_at: datetime) -> bytes:
        """The channel up to its first item."""
        archive = feed.address.archive is not None
        parts = [
            _ROOT,
            f' xmlns:fh="{HISTORY}">' if archive else ">",
            "<channel>",
            element("title", feed.title),
            element("link", feed.link),
            element("description", feed.description),
            _LANGUAGE,
            element("lastBuildDate", format_datetime(feed.local(changed_at))),
            _OF_EVERY_FEED,
            _image(feed),
        ]
        if archive:
            parts.append(element("fh:archive"))
        parts += [element("atom:link", "", one) for one in _links(feed)]
        return "".join(parts).encode() + b"\n"

    def entry(self, told: Told) -> bytes:
        """One item."""
        own = None if told.guid == told.link else "false"
        parts = [
            "<item>",
            element("title", told.title),
            element("link", told.link),
            element("guid", told.guid, {"isPermaLink": own}),
            # English names and a numeric zone, whatever the locale of this process.
            element("pubDate", format_datetime(told.published_at)),
            element("dc:creator", told.author),
            # No `domain`: an importer in wide use finds bare categories only.
            *(element("category", one.term) for one in told.categories),
            element("description", _as_html(told.summary)),
            f"<content:encoded>{section(told.html)}</content:encoded>",
            element("atom:updated", told.changed_at.isoformat()),
        ]
        if told.enclosure:
            facts = {
                "url": told.enclosure.url,
                "length": told.enclosure.size_bytes,
                "type": told.enclosure.mime,
            }
            parts.append(element("enclosure", "", facts))
        parts += [pictures(told), "</item>"]
        return "".join(parts).encode()


def _as_html(text: str) -> str:
    """Plain text that stays what it is where it is shown as HTML, as a description mostly is.

    HTML knows references without an end (`&region` shows `®ion`) and calls any other `<` or `&`
    but one before a blank a fault, so only `Khoa học & công nghệ` stays as it is.
    """
    return _AMPERSAND_IN_WORDS.sub("&amp;", text).replace("<", "&lt;")


def _image(feed: Feed) -> str:
    if feed.logo is None:
        return ""
    url, logo = feed.logo
    if logo.width > _WIDEST or logo.height > _TALLEST:
        return ""
    inside = (
        element("url", url)
        + element("title", feed.title)
        + element("link", feed.link)
        + element("width", str(logo.width))
        + element("height", str(logo.height))
    )
    return f"<image>{inside}</image>"


def _links(feed: Feed) -> list[dict[str, object]]:
    form, media_type = Form.RSS, MEDIA_TYPES[Form.RSS]
    found = [link("self", feed.url(form), media_type)]
    if feed.hub:
        found.append(link("hub", feed.hub))
    if feed.address.archive:
        found.append(link("current", feed.current(form), media_type))
    if feed.previous:
        found.append(link("prev-archive", feed.beside(form, feed.previous), media_type))
    if feed.following:
        found.append(link("next-archive", feed.beside(form, feed.following), media_type))
    return [dict(one) for one in found]
