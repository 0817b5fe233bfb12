"""The list of all feeds as OPML 2.0: one file, and a reader follows everything (feeds.md 9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from services.syndication.feed import LANGUAGE
from services.syndication.markup import element


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One feed of the list; `address` is its RSS, which every reader knows."""

    title: str
    about: str
    address: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The feeds of one portal."""

    title: str
    feeds: tuple[Outline, ...]


def body(groups: Sequence[Group]) -> str:
    """The outlines, each feed once."""
    return "".join(_group(one) for one in groups)


def written(agency: str, home: str, changed_at: datetime, outlines: str) -> bytes:
    """The whole document."""
    head = (
        element("title", f"Nguồn tin của {agency}")
        + element("dateModified", format_datetime(changed_at.astimezone(UTC), usegmt=True))
        + element("ownerName", agency)
        + element("ownerId", home)
    )
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0"><head>{head}</head>'
        f"<body>{outlines or _nothing_yet(home)}\n</body></opml>\n"
    )
    return document.encode()


def _nothing_yet(home: str) -> str:
    """A body holds one outline at least (opml.org/spec2), so the list of no feeds says so."""
    words = "Chưa có nguồn tin nào · No feeds yet"
    return "\n" + element("outline", "", {"type": "link", "text": words, "url": f"{home}/feeds"})


def _group(group: Group) -> str:
    inside = "".join(_outline(one) for one in group.feeds)
    # No title: the validator of w3.org asks an outline that has one what type of thing it is.
    bare = element("outline", "", {"text": group.title})
    return f"\n{bare[:-2]}>{inside}\n</outline>"


def _outline(one: Outline) -> str:
    facts = {
        "type": "rss",
        "text": one.title,
        "title": one.title,
        "xmlUrl": one.address,
        "htmlUrl": one.page,
        "language": LANGUAGE,
        "version": "RSS2",
        "description": one.about,
    }
    return "\n" + element("outline", "", facts)
