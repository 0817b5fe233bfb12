"""Writes a feed as Atom 1.0 (RFC 4287; feeds.md section 3), with tombstones (RFC 6721)."""

from datetime import datetime
from typing import Final

from services.syndication.address import MEDIA_TYPES, Form
from services.syndication.feed import GENERATOR, LANGUAGE, Feed
from services.syndication.markup import (
    ATOM,
    HISTORY,
    MEDIA,
    TOMBSTONES,
    data,
    element,
    link,
)
from services.syndication.media_rss import pictures
from services.syndication.reading import Tombstone
from services.syndication.texts import Told, Voice

_HTML: Final = "text/html"


class Atom:
    """Atom 1.0."""

    form = Form.ATOM
    between = b"\n"
    closing = b"\n</feed>\n"

    def opening(self, feed: Feed, changed_at: datetime) -> bytes:
        """Everything before the first entry; the schema wants tombstones here too."""
        archive = feed.address.archive is not None
        buried = feed.tombstones
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            f'<feed xmlns="{ATOM}" xmlns:media="{MEDIA}"',
            f' xmlns:fh="{HISTORY}"' if archive else "",
            f' xmlns:at="{TOMBSTONES}"' if buried else "",
            f' xml:lang="{LANGUAGE}">',
            element("id", feed.id),
            element("title", feed.title),
            element("subtitle", feed.description),
            element("updated", feed.local(changed_at).isoformat()),
            _person(feed.voice.agency),
            element("icon", feed.icon),
            element("logo", feed.logo[0]) if feed.logo else "",
            element("rights", f"Bản quyền thuộc {feed.voice.agency}. Ghi rõ nguồn khi đăng lại."),
            element("generator", GENERATOR),
            element("fh:archive") if archive else "",
            *(element("link", "", one) for one in _links(feed)),
            *(_deleted(one, feed.voice) for one in buried),
        ]
        return "".join(parts).encode() + b"\n"

    def entry(self, told: Told) -> bytes:
        """One entry, with its own author: half of the readers do not inherit the feed's."""
        parts = [
            "<entry>",
            element("id", told.guid),
            element("title", told.title),
            element("link", "", link("alternate", told.link, _HTML)),
            element("published", told.published_at.isoformat()),
            element("updated", told.changed_at.isoformat()),
            _person(told.author),
            *(
                element("category", "", {"term": one.term, "label": one.label})
                for one in told.categories
            ),
            element("summary", told.summary),
            # Escaped: markup of another namespace would be live in the document itself.
            f'<content type="html">{data(told.html)}</content>',
        ]
        if told.enclosure:
            facts = dict(link("enclosure", told.enclosure.url, told.enclosure.mime))
            length = told.enclosure.size_bytes
            parts.append(element("link", "", facts | {"length": length}))
        parts += [pictures(told), "</entry>"]
        return "".join(parts).encode()


def _person(name: str) -> str:
    return f"<author>{element('name', name)}</author>"


def _deleted(one: Tombstone, voice: Voice) -> str:
    when = one.at.astimezone(voice.zone).replace(microsecond=0).isoformat()
    return element("at:deleted-entry", "", {"ref": one.guid, "when": when})


def _links(feed: Feed) -> list[dict[str, object]]:
    form, media_type = Form.ATOM, MEDIA_TYPES[Form.ATOM]
    found = [link("self", feed.url(form), media_type), link("alternate", feed.link, _HTML)]
    if feed.hub:
        found.append(link("hub", feed.hub))
    if feed.address.archive:
        found.append(link("current", feed.current(form), media_type))
    if feed.previous:
        found.append(link("prev-archive", feed.beside(form, feed.previous), media_type))
    if feed.following:
        found.append(link("next-archive", feed.beside(form, feed.following), media_type))
    return [dict(one) for one in found]
