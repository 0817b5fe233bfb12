"""JSON Feed 1.0 and 1.1, which feedparser does not read. Source: feeds.md section 4."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.sources.cleaning import from_text, number
from services.sources.entries import ENTRIES, Draft
from services.sources.feed import Attachment, FeedUnreadableError
from services.sources.links import absolute

_VERSION: Final = "jsonfeed.org/version/"


@dataclass(slots=True, kw_only=True)
class JsonFeed:
    """The head of the feed as written, and its items."""

    version: str
    title: str
    home: str
    self_url: str
    hub: str
    language: str
    drafts: Sequence[Draft]
    more: bool


def read_json(text: str, url: str) -> JsonFeed:
    """Raises FeedUnreadableError for what is no JSON Feed. Items that are none are left out."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedUnreadableError("feed_unreadable") from error
    if not isinstance(document, dict) or _VERSION not in _text(document, "version"):
        raise FeedUnreadableError("feed_unreadable")
    items = [one for one in _list(document, "items") if isinstance(one, dict)]
    home = _text(document, "home_page_url")
    base = absolute(home, url) or url
    hubs = (one for one in _list(document, "hubs") if isinstance(one, dict))
    return JsonFeed(
        version=_text(document, "version").rpartition("/")[2][:10],
        title=_text(document, "title"),
        home=home,
        self_url=_text(document, "feed_url"),
        hub=next((_text(one, "url") for one in hubs if _text(one, "type") == "WebSub"), ""),
        language=_text(document, "language"),
        drafts=[_draft(one, base, document) for one in items[:ENTRIES]],
        more=len(items) > ENTRIES,
    )


def _draft(item: Mapping[str, object], base: str, feed: Mapping[str, object]) -> Draft:
    own = item.get("id")
    written = _text(item, "content_text")
    link = _text(item, "url") or _text(item, "external_url")
    files = [one for one in _list(item, "attachments") if isinstance(one, dict)]
    images = (absolute(_text(item, name), base) for name in ("image", "banner_image"))
    attached = [one for file in files if (one := _attached(file, base))]
    return Draft(
        base=base,
        # A number is allowed by 1.0; true and lists are no ids.
        guid=str(own) if isinstance(own, str | int) and not isinstance(own, bool) else "",
        link=link,
        title=_text(item, "title"),
        summary=from_text(_text(item, "summary")),
        content=_text(item, "content_html") or from_text(written),
        published=_text(item, "date_published"),
        updated=_text(item, "date_modified"),
        author=_authors(item) or _authors(feed),
        categories=[one for one in _list(item, "tags") if isinstance(one, str)],
        pictures=[
            *(Attachment(url=one) for one in images if one),
            *(one for one in attached if (one.mime or "").startswith("image/")),
        ],
        enclosures=[one for one in attached if not (one.mime or "").startswith("image/")],
    )


def _attached(file: Mapping[str, object], base: str) -> Attachment | None:
    url = absolute(_text(file, "url"), base)
    if url is None:
        return None
    return Attachment(
        url=url,
        mime=_text(file, "mime_type").lower()[:100] or None,
        alt=_text(file, "title")[:500],
        size_bytes=number(file.get("size_in_bytes")),
    )


def _authors(holder: Mapping[str, object]) -> str:
    told = _list(holder, "authors") or [holder.get("author")]
    return ", ".join(name for one in told if isinstance(one, dict) and (name := _text(one, "name")))


def _text(holder: Mapping[str, object], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _list(holder: Mapping[str, object], name: str) -> Sequence[object]:
    value = holder.get(name)
    return value if isinstance(value, list) else ()
