"""The documents that a portal, a reader or a subscriber fetches: whole, or what is new in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, literal
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.tables import Account
from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.delivery.portal import Entry, Portal
from services.staff import agency
from services.staff.agency import Agency
from services.syndication import json_feed, opml, reading, scopes
from services.syndication.address import EVERYTHING, FORMS, MEDIA_TYPES, OPML, FeedAddress, Form
from services.syndication.atom import Atom
from services.syndication.catalogue import titled, voice
from services.syndication.feed import Feed, Writer
from services.syndication.fragments import Fragments
from services.syndication.json_feed import JsonFeed
from services.syndication.reading import Held, Part
from services.syndication.rss import Rss
from services.syndication.scopes import Ended, Narrowed, Renamed
from services.syndication.tables import FeedDocument
from services.syndication.texts import plain

# Grows with every change of what is written for the same entries: a new release must not answer
# "unchanged" for bytes that it would write differently.
_EDITION: Final = 2
_OPML_HOLDS: Final = timedelta(minutes=10)

_WRITERS: Final[dict[Form, Writer]] = {one.form: one for one in (Rss(), Atom(), JsonFeed())}
_fragments: Final = Fragments()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One representation at one public address.

    `changed_at`: whole seconds, growing, the same for all formats. `topic` is its own absolute URL
    (rel=self), `hub` where it can be subscribed to (None: an archive, or OPML). `entries` is what
    it shows, `account_id` whose feed it is (None: OPML). It holds until `good_until` unless
    something happens before. `pieces` are the bytes of its entries, in their order.
    """

    body: bytes
    media_type: str
    changed_at: datetime
    topic: str
    hub: str | None
    entries: tuple[Entry, ...]
    account_id: UUID | None
    good_until: datetime
    archive: bool = False
    opening: bytes = b""
    pieces: tuple[bytes, ...] = ()
    form: Form = Form.OPML


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The document stands at another address for good (301); `to` is absolute."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """There was such a feed and it will not come back (410).

    `body` is a last document that says so to programs, for the one format that can.
    """

    body: bytes | None = None
    media_type: str = ""


async def document(hub: Hub, address: FeedAddress, now: datetime) -> Document | Moved | Gone | None:
    """What stands at an address; None when nothing ever did. Opens a unit of work of its own."""
    if address.lower() != address:
        return Moved(to=hub.public_url + address.lower().path)
    if address.form is Form.OPML:
        return await _opml(hub, now)
    writer = _WRITERS[address.form]
    async with hub.open_work() as session:
        portal = await portals.find(session, address.slug)
        if portal is None:
            return None
        if not portal.open:
            return _gone(hub, address, portal)
        house = await agency.settings(session)
        narrowed = await scopes.narrowed(session, portal, house, address.scope)
        if narrowed is None:
            return None
        if isinstance(narrowed, Ended):
            return _gone(hub, address, portal)
        if isinstance(narrowed, Renamed):
            return Moved(to=hub.public_url + replace(address, scope=narrowed.scope).path)
        held = await _held(session, hub, address, narrowed, now)
        if held is None:
            return None
        feed = _feed(hub, address, portal, house, narrowed, held)
        changed_at = await _changed(session, address.place, _digest(feed, held.entries), now)
        pieces = await _pieces(session, writer, feed, held.entries)
    return _document(writer, feed, held, changed_at, pieces)


def delta(document: Document, known: Collection[tuple[str, datetime]]) -> bytes:
    """The same document with only the entries that are newer or changed (RFC 3229, feed).

    `known` is what the asker holds, as (guid, changed_at) of each entry it was given.
    """
    if document.form is Form.OPML:
        return document.body
    held = set(known)
    new = [
        piece
        for entry, piece in zip(document.entries, document.pieces, strict=True)
        if (entry.guid, entry.changed_at) not in held
    ]
    return joined(_WRITERS[document.form], document.opening, new)


async def addresses_of(session: AsyncSession, account_id: UUID) -> list[FeedAddress]:
    """Every address of a portal account that can be subscribed to; none unless it is listed."""
    account = await session.get(Account, account_id)
    if account is None or account.channel != portals.PORTAL or account.stage != "official":
        return []
    house = await agency.settings(session)
    found = await scopes.every(session, account_id, house)
    return [
        FeedAddress(slug=account.remote_id, form=form, scope=one.scope)
        for one in found
        for form in FORMS
    ]


async def newest_archive(
    session: AsyncSession, hub: Hub, portal: Portal, now: datetime
) -> str | None:
    """Where the entries before those of a feed begin, as RSS; None while there are none."""
    part = Part(account_id=portal.account.id)
    found = await reading.newest_archive(session, part, now, ZoneInfo(hub.timezone))
    if found is None:
        return None
    return hub.public_url + FeedAddress(slug=portal.slug, form=Form.RSS, archive=found).path


def joined(writer: Writer, opening: bytes, pieces: Sequence[bytes]) -> bytes:
    """A whole document of its parts."""
    if len(pieces) < 2:
        return opening + b"".join(pieces) + writer.closing
    # So what is large is copied once; `+` around the whole would do it three times.
    first, *middle, last = pieces
    return writer.between.join((opening + first, *middle, last + writer.closing))


# ── Building ─────────────────────────────────────────────────────────────────────────────────────


async def _held(
    session: AsyncSession, hub: Hub, address: FeedAddress, narrowed: Narrowed, now: datetime
) -> Held | None:
    zone = ZoneInfo(hub.timezone)
    if address.archive is None:
        return await reading.window(session, narrowed.part, now, zone)
    return await reading.archived(session, narrowed.part, address.archive, now, zone)


def _feed(
    hub: Hub,
    address: FeedAddress,
    portal: Portal,
    house: Agency,
    narrowed: Narrowed,
    held: Held,
) -> Feed:
    spoken = voice(hub, house)
    name = spoken.agency
    title = titled(portal, narrowed)
    description = f"Tin chính thức của {name}, cập nhật ngay khi có thay đổi."
    if narrowed.label:
        description = f"{narrowed.noun}: {plain(narrowed.label)}. {description}"
    if address.archive is not None:
        month = f"{address.archive.month:02}/{address.archive.year}"
        title += f" · lưu trữ {month}"
        if address.archive.part > 1:
            title += f", phần {address.archive.part}"
        description = f"Lưu trữ tháng {month}. {description}"
    return Feed(
        address=address,
        account_id=portal.account.id,
        first=portal.first,
        base=hub.public_url,
        title=title,
        description=description,
        link=portal.link or f"{hub.public_url}/feeds/{portal.slug}",
        page=f"{hub.public_url}/feeds/{portal.slug}",
        icon=f"{hub.public_url}/static/public/icon.svg",
        logo=(hub.media_url(house.logo.sha256, house.logo.ext), house.logo) if house.logo else None,
        hub=f"{hub.public_url}/websub" if _is_topic(portal, narrowed, address, held) else None,
        voice=spoken,
        tombstones=held.tombstones,
        previous=held.previous,
        following=held.following,
    )


def _is_topic(portal: Portal, narrowed: Narrowed, address: FeedAddress, held: Held) -> bool:
    # A part that never had an entry is no topic yet (`addresses_of`): who asks is not sent there.
    begun = narrowed.scope == EVERYTHING or bool(held.entries)
    return portal.listed and address.archive is None and begun


async def _pieces(
    session: AsyncSession, writer: Writer, feed: Feed, entries: Sequence[Entry]
) -> tuple[bytes, ...]:
    """The entries as bytes; only those never written before are read and written."""
    kept = _fragments.known(writer, entries, feed.voice)
    missing = {one.rendition_id for one, piece in zip(entries, kept, strict=True) if piece is None}
    words = await reading.words_of(session, missing)
    # Archives are asked for once in a while by those who ask for all: they would flush the rest.
    keep = feed.address.archive is None
    return _fragments.written(writer, entries, feed.voice, kept, words, keep=keep)


def _document(
    writer: Writer, feed: Feed, held: Held, changed_at: datetime, pieces: tuple[bytes, ...]
) -> Document:
    opening = writer.opening(feed, changed_at)
    return Document(
        body=joined(writer, opening, pieces),
        media_type=f"{MEDIA_TYPES[writer.form]}; charset=utf-8",
        changed_at=changed_at,
        topic=feed.url(writer.form),
        hub=feed.hub,
        entries=held.entries,
        account_id=feed.account_id,
        good_until=held.good_until,
        archive=feed.address.archive is not None,
        opening=opening,
        pieces=pieces,
        form=writer.form,
    )


def _gone(hub: Hub, address: FeedAddress, portal: Portal) -> Gone:
    if address.form is not Form.JSON:
        return Gone()
    body = json_feed.ended(hub.public_url + address.path, plain(portal.title))
    return Gone(body=body, media_type=f"{MEDIA_TYPES[Form.JSON]}; charset=utf-8")


async def _opml(hub: Hub, now: datetime) -> Document:
    async with hub.open_work() as session:
        house = await agency.settings(session)
        groups = [
            (portal, await scopes.every(session, portal.account.id, house))
            for portal in await portals.every(session)
        ]
        outlines = [
            opml.Group(
                title=plain(portal.title),
                feeds=tuple(
                    opml.Outline(
                        title=titled(portal, one),
                        about=f"{one.noun}: {plain(one.label)}" if one.label else "Mọi tin",
                        address=hub.public_url
                        + FeedAddress(slug=portal.slug, form=Form.RSS, scope=one.scope).path,
                        page=f"{hub.public_url}/feeds/{portal.slug}",
                    )
                    for one in found
                ),
            )
            for portal, found in groups
        ]
        name = plain(house.name or hub.agency)
        entries = opml.body(outlines)
        digest = sha256(f"{_EDITION}\n{name}\n{entries}".encode()).digest()
        changed_at = await _changed(session, OPML.path, digest, now)
    return Document(
        body=opml.written(name, hub.public_url, changed_at, entries),
        media_type=f"{MEDIA_TYPES[Form.OPML]}; charset=utf-8",
        changed_at=changed_at,
        topic=hub.public_url + OPML.path,
        hub=None,
        entries=(),
        account_id=None,
        good_until=now + _OPML_HOLDS,
    )


# ── When it changed ──────────────────────────────────────────────────────────────────────────────


def _digest(feed: Feed, entries: Sequence[Entry]) -> bytes:
    """What tells one state of a feed from another, without writing it."""
    state = (
        _EDITION,
        replace(feed, address=replace(feed.address, form=Form.RSS)),
        [
            (one.publication_id, one.rendition_id, one.changed_at, one.withdrawn, one.reason)
            for one in entries
        ],
    )
    return sha256(repr(state).encode()).digest()


async def _changed(session: AsyncSession, place: str, digest: bytes, now: datetime) -> datetime:
    """When the document at a place last changed, given the digest of what it holds now.

    Whole seconds, and strictly growing: with the newest item's date a withdrawal would move it back
    (feeds.md section 7), and two changes within one second would look alike. It may therefore be a
    little ahead of `now`. Safe to repeat.
    """
    known = await session.get(FeedDocument, place, populate_existing=True)
    if known is not None and known.digest == digest:
        # The usual case takes no lock and writes nothing, so its commit is free.
        return known.changed_at
    row = insert(FeedDocument).values(
        place=place, digest=digest, changed_at=now.replace(microsecond=0)
    )
    moved = await session.execute(
        row.on_conflict_do_update(
            index_elements=["place"],
            set_={
                "digest": row.excluded.digest,
                # Another process may have noted this very state since it was read.
                "changed_at": case(
                    (
                        col(FeedDocument.digest) == row.excluded.digest,
                        col(FeedDocument.changed_at),
                    ),
                    else_=func.greatest(
                        row.excluded.changed_at,
                        col(FeedDocument.changed_at) + literal(timedelta(seconds=1)),
                    ),
                ),
            },
        ).returning(col(FeedDocument.changed_at))
    )
    at: datetime = moved.scalar_one()
    return at
