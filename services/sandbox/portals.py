"""A sample web portal that reads our feed as portals do, and keeps what it read.

It knows RSS 2.0 and conditional GET, and nothing of the hub (feeds.md section 2).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from services.sandbox.posts import Account, Face, Picture, Post

USER_AGENT = "SamplePortal/1.0"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_WITHDRAWN = "[Thu hồi]"


@dataclass(slots=True, kw_only=True)
class PortalSite(Account):
    """One portal: where it reads, how often in seconds, and how the last reading went."""

    feed_url: str
    every: float
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    read_at: datetime | None = None
    status: int = 0
    problem: str = ""


class FeedError(Exception):
    """A document that is no RSS 2.0."""


def conditions(site: PortalSite) -> dict[str, str]:
    """The headers of a polite poll."""
    told = {"User-Agent": USER_AGENT, "Accept": "application/rss+xml, application/xml;q=0.9"}
    if site.etag:
        told["If-None-Match"] = site.etag
    if site.last_modified:
        told["If-Modified-Since"] = site.last_modified
    return told


def take_in(site: PortalSite, document: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Shows what a feed holds: new entries appear, changed ones change, withdrawn ones leave.

    An entry that is merely no longer in the feed stays, as on real portals.
    """
    # No entity is resolved and nothing fetched, whoever wrote the document.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise FeedError(str(error)) from error
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        raise FeedError("not RSS 2.0")
    site.title = _text(channel, "title") or site.title
    for item in reversed(channel.findall("item")):
        _take_item(site, item, now)
    site.etag = headers.get("etag", "")
    site.last_modified = headers.get("last-modified", "")


def _take_item(site: PortalSite, item: etree._Element, now: datetime) -> None:
    link = _text(item, "link")
    guid = _text(item, "guid") or link
    if not guid:
        return
    face = Face(
        title=_text(item, "title"),
        text=_text(item, "description"),
        pictures=_pictures(item),
        link=link,
        kind="entry",
    )
    content = hashlib.sha256(_text(item, _CONTENT).encode()).hexdigest()
    withdrawn = face.title.startswith(_WITHDRAWN)
    post = site.posts.get(guid)
    if post is None:
        post = Post(
            remote_id=guid,
            face=face,
            at=_date(_text(item, "pubDate")) or now,
            updated_at=now,
            listed_from=now,
            url=link,
            number=site.next_number(),
        )
        site.posts[guid] = post
        site.counts["creates"] += 1
    post.raw = {
        "categories": [category.text or "" for category in item.findall("category")],
        "content_hash": content,
        "withdrawn": withdrawn,
    }
    if withdrawn:
        post.hide(now)
        post.face = face
    else:
        post.change(face, now)
        post.show(now)


def _pictures(item: etree._Element) -> tuple[Picture, ...]:
    return tuple(
        Picture(url=content.get("url", ""), alt=_text(content, f"{_MEDIA}description"))
        for content in item.findall(f"{_MEDIA}content")
        if content.get("medium") == "image"
    )


def _text(parent: etree._Element, tag: str) -> str:
    return (parent.findtext(tag) or "").strip()


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
