"""Writes a feed as JSON Feed 1.1 (feeds.md section 4; jsonfeed.org/version/1.1)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from services.delivery.portal import EntryPicture
from services.syndication.address import Form
from services.syndication.feed import LANGUAGE, Feed
from services.syndication.texts import Told

VERSION: Final = "https://jsonfeed.org/version/1.1"


class JsonFeed:
    """JSON Feed 1.1."""

    form = Form.JSON
    between = b",\n"
    closing = b"\n]}\n"

    def opening(self, feed: Feed, changed_at: datetime) -> bytes:
        """The object up to its first item."""
        told: dict[str, JsonValue] = {
            "version": VERSION,
            "title": feed.title,
            "home_page_url": feed.link,
            "feed_url": feed.url(Form.JSON),
            "description": feed.description,
            "icon": feed.logo[0] if feed.logo else feed.icon,
            "favicon": feed.icon,
            "authors": [{"name": feed.voice.agency}],
            "language": LANGUAGE,
        }
        if feed.previous:
            told["next_url"] = feed.beside(Form.JSON, feed.previous)
        if feed.hub:
            told["hubs"] = [{"type": "WebSub", "url": feed.hub}]
        told["_loa"] = {"about": feed.page, "date_modified": feed.local(changed_at).isoformat()}
        return _written(told)[:-1] + b',"items":[\n'

    def entry(self, told: Told) -> bytes:
        """One item; what it does not have is left out, never null."""
        item: dict[str, JsonValue] = {
            "id": told.guid,
            "url": told.link,
            "title": told.title,
            "summary": told.summary,
            "content_html": told.html,
            "date_published": told.published_at.isoformat(),
            "date_modified": told.changed_at.isoformat(),
            "authors": [{"name": told.author}],
            "language": LANGUAGE,
        }
        if told.categories:
            item["tags"] = [one.term for one in told.categories]
        if told.pictures:
            item["image"] = told.pictures[0].url
            item["_loa"] = {"pictures": [_picture(one) for one in told.pictures]}
        if told.enclosure:
            item["attachments"] = [
                {
                    "url": told.enclosure.url,
                    "mime_type": told.enclosure.mime,
                    "size_in_bytes": told.enclosure.size_bytes,
                }
            ]
        return _written(item)


def ended(address: str, title: str) -> bytes:
    """What a feed that will never change again says of itself."""
    told: dict[str, JsonValue] = {
        "version": VERSION,
        "title": title,
        "feed_url": address,
        "expired": True,
        "items": [],
    }
    return _written(told) + b"\n"


def _picture(one: EntryPicture) -> JsonValue:
    facts: dict[str, JsonValue] = {
        "url": one.url,
        "mime_type": one.mime,
        "width": one.width,
        "height": one.height,
        "alt": one.alt,
        "caption": one.caption,
        "credit": one.credit,
    }
    return {name: value for name, value in facts.items() if value != ""}


def _written(told: Mapping[str, JsonValue]) -> bytes:
    """Compact, and without a character that HTML would take for markup if somebody sniffed it."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    sound = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return sound.encode()
