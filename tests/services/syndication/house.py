"""Feeds over a real database in every state, and one way to read all three formats."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import jsonschema_rs
from lxml import etree

from services.channels.tables import Account
from services.delivery.hub import Hub
from services.storage.columns import new_id
from services.syndication import documents
from services.syndication.address import parse
from services.syndication.documents import Document
from shared.contract import messages
from tests.support.newsroom import PUBLIC_URL, Newsroom

NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
SCHEMAS = Path(__file__).parent / "schemas"
SPACES = {
    "a": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "media": "http://search.yahoo.com/mrss/",
}
STATES = ("none", "one", "many", "corrected", "withdrawn", "archive")
FORMS = ("rss.xml", "atom.xml", "feed.json")
COVER = messages.Picture(
    media_id=new_id(),
    sha256="c" * 64,
    url=f"{PUBLIC_URL}/media/{'c' * 64}.jpg?a=1&b=2",
    mime="image/jpeg",
    width=1600,
    height=900,
    size_bytes=123_456,
    alt="Ao sen & cầu <gỗ>",
    caption="Ao sen buổi sáng",
    credit="Lê Thu Hà",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one entry says, whatever it was written in."""

    id: str
    link: str
    title: str
    summary: str
    html: str
    author: str
    published_at: datetime
    changed_at: datetime
    categories: tuple[str, ...]
    pictures: tuple[tuple[str, str, str], ...]  # address, alternative text, credit


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One hub, in whose database any number of portals stand."""

    hub: Hub

    @asynccontextmanager
    async def newsroom(self) -> AsyncIterator[Newsroom]:
        """Somebody who publishes, in one transaction."""
        async with self.hub.open_work() as session:
            yield await Newsroom(session=session).open()

    async def document(self, path: str, now: datetime = NOW) -> Document:
        """The document at an address; fails for anything else there."""
        address = parse(path)
        assert address is not None
        found = await documents.document(self.hub, address, now)
        assert isinstance(found, Document), found
        return found

    async def portal(self, state: str) -> str:
        """A portal with a feed in this state; gives where it stands."""
        slug = f"cong-{new_id().hex}"
        async with self.newsroom() as room:
            account = await room.portal(slug, title="Tin từ Hoa Sen & vùng lân cận")
            await _FILL[state](room, account)
        if state == "archive":
            return f"/feeds/{slug}/luu-tru/2026-11"
        return f"/feeds/{slug}"


def ago(**span: float) -> datetime:
    """An instant before now."""
    return NOW - timedelta(**span)


async def _none(room: Newsroom, account: Account) -> None:
    """Nothing was ever published."""


async def _one(room: Newsroom, account: Account) -> None:
    await illustrated(room, account, at=ago(hours=2))


async def _many(room: Newsroom, account: Account) -> None:
    for no in range(45):
        await room.live(account, at=ago(days=20 - no / 3), title=f"Tin số {no}", category="tin-tuc")
    for no in range(15):
        await illustrated(room, account, at=ago(hours=20 - no), title=f"Ảnh số {no}")


async def _corrected(room: Newsroom, account: Account) -> None:
    await room.live(account, at=ago(days=3), title="Tin khác")
    item, publication = await room.live(account, at=ago(days=2), title="Tin")
    await room.correct(item, publication, account, at=ago(hours=1), note="Số đúng là 5 < 6.")


async def _withdrawn(room: Newsroom, account: Account) -> None:
    await room.live(account, at=ago(days=3), title="Tin khác")
    item, publication = await illustrated(room, account, at=ago(days=2))
    await room.withdraw(item, publication, at=ago(hours=1), reason="Số liệu <sai> & thiếu.")


async def _archive(room: Newsroom, account: Account) -> None:
    await room.live(account, at=datetime(2026, 10, 12, tzinfo=UTC), title="Tháng Mười")
    for no in range(3):
        at = datetime(2026, 11, 2 + no, tzinfo=UTC)
        await illustrated(room, account, at=at, title=f"Tháng Mười một {no}")
    await room.live(account, at=ago(hours=1), title="Tháng Mười hai")


_FILL = {
    "none": _none,
    "one": _one,
    "many": _many,
    "corrected": _corrected,
    "withdrawn": _withdrawn,
    "archive": _archive,
}


async def illustrated(
    room: Newsroom, account: Account, *, at: datetime, title: str = "Tạm dừng & trả <kết quả>"
) -> Any:
    """An item with a cover, a category and tags, live on a portal since `at`."""
    item, revision = await room.item(
        title=title, published_at=at, category="tin-tuc", tags=["hồ sơ", "nâng cấp"]
    )
    rendition = await room.rendition(item, revision, account, cover=COVER)
    return item, await room.show(item, account, rendition, at=at)


# ── Reading and checking ─────────────────────────────────────────────────────────────────────────


@cache
def _atom_schema() -> etree.RelaxNG:
    return etree.RelaxNG(file=str(SCHEMAS / "atom.rng"))


@cache
def _json_schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for((SCHEMAS / "json_feed.json").read_text(encoding="utf-8"))


def check(body: bytes, form: str) -> None:
    """Fails with the reason unless the document keeps its format's schema."""
    if form == "feed.json":
        _json_schema().validate(json.loads(body))
        return
    tree = etree.fromstring(body)
    if form == "atom.xml":
        _atom_schema().assertValid(tree.getroottree())
    else:
        assert tree.tag == "rss"
        unknown = {one.tag for one in tree.iter() if one.tag not in _RSS and "{" not in one.tag}
        assert not unknown


_RSS = {
    *("rss", "channel", "title", "link", "description", "language", "lastBuildDate", "ttl"),
    *("generator", "image", "url", "width", "height"),
    *("item", "guid", "pubDate", "category", "enclosure"),
}


def read(body: bytes, form: str) -> list[Read]:
    """The entries of a document in their order."""
    if form == "feed.json":
        return [_json(one) for one in json.loads(body)["items"]]
    tree = etree.fromstring(body)
    if form == "rss.xml":
        return [_rss(one) for one in tree.findall("channel/item")]
    return [_atom(one) for one in tree.findall("a:entry", SPACES)]


def text(element: etree._Element, path: str) -> str:
    """The text at a path below an element; empty if there is none."""
    return element.findtext(path, default="", namespaces=SPACES) or ""


def _rss(item: etree._Element) -> Read:
    return Read(
        id=text(item, "guid"),
        link=text(item, "link"),
        title=text(item, "title"),
        summary=unescape(text(item, "description")),  # a description is shown as HTML
        html=text(item, "content:encoded"),
        author=text(item, "dc:creator"),
        published_at=parsedate_to_datetime(text(item, "pubDate")),
        changed_at=datetime.fromisoformat(text(item, "atom:updated")),
        categories=tuple(one.text or "" for one in item.findall("category")),
        pictures=_media(item),
    )


def _atom(entry: etree._Element) -> Read:
    [link] = entry.findall("a:link[@rel='alternate']", SPACES)
    return Read(
        id=text(entry, "a:id"),
        link=str(link.get("href")),
        title=text(entry, "a:title"),
        summary=text(entry, "a:summary"),
        html=text(entry, "a:content"),
        author=text(entry, "a:author/a:name"),
        published_at=datetime.fromisoformat(text(entry, "a:published")),
        changed_at=datetime.fromisoformat(text(entry, "a:updated")),
        categories=tuple(str(one.get("term")) for one in entry.findall("a:category", SPACES)),
        pictures=_media(entry),
    )


def _media(entry: etree._Element) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (str(one.get("url")), text(one, "media:description"), text(one, "media:credit"))
        for one in entry.findall("media:content", SPACES)
    )


def _json(item: dict[str, Any]) -> Read:
    return Read(
        id=item["id"],
        link=item["url"],
        title=item["title"],
        summary=item.get("summary", ""),
        html=item["content_html"],
        author=item["authors"][0]["name"],
        published_at=datetime.fromisoformat(item["date_published"]),
        changed_at=datetime.fromisoformat(item["date_modified"]),
        categories=tuple(item.get("tags", ())),
        pictures=tuple(
            (one["url"], one.get("alt", ""), one.get("credit", ""))
            for one in item.get("_loa", {}).get("pictures", ())
        ),
    )
