"""What can be subscribed to, for people and for the heads of pages; and the newest of a feed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.delivery.portal import Portal
from services.staff.agency import Agency
from services.syndication import reading, scopes
from services.syndication.address import (
    EVERYTHING,
    FORMS,
    MEDIA_TYPES,
    By,
    FeedAddress,
    Form,
    Scope,
)
from services.syndication.reading import Part
from services.syndication.scopes import Narrowed
from services.syndication.texts import Told, Voice, plain, told

FORM_NAMES: Final = {Form.RSS: "RSS", Form.ATOM: "Atom", Form.JSON: "JSON Feed"}
# The head of a page is no catalogue: whoever wants all takes the OPML.
_OFFERED: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One feed in one format, at its absolute address."""

    form: str
    media_type: str
    title: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One feed: what it is called, what it is narrowed by (empty: nothing), and its formats."""

    title: str
    noun: str
    label: str
    written: tuple[Written, ...]

    @property
    def rss(self) -> str:
        """The address for whoever does not know which to take."""
        return self.written[0].address


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All feeds of one portal: everything, then each category, kind and unit that has an entry.

    `page` is the page about them, `newest` the entries that came last.
    """

    portal: Portal
    page: str
    whole: Listed
    narrowed: tuple[Listed, ...]
    newest: tuple[Told, ...]


async def shelves(
    session: AsyncSession, hub: Hub, house: Agency, *, newest: int
) -> tuple[Shelf, ...]:
    """Every open portal's feeds, by title."""
    found = await portals.every(session)
    return tuple([await shelf(session, hub, house, one, newest=newest) for one in found])


async def shelf(
    session: AsyncSession, hub: Hub, house: Agency, portal: Portal, *, newest: int
) -> Shelf:
    """One portal's feeds, with as many of its newest entries as asked for."""
    whole, *narrowed = await scopes.every(session, portal.account.id, house)
    return Shelf(
        portal=portal,
        page=f"{hub.public_url}/feeds/{portal.slug}",
        whole=_listed(hub, portal, whole),
        narrowed=tuple(_listed(hub, portal, one) for one in narrowed),
        newest=await _newest(session, whole.part, voice(hub, house), newest),
    )


async def offers(
    session: AsyncSession, hub: Hub, house: Agency, *, category: str = ""
) -> tuple[Written, ...]:
    """What the head of a page offers: the feeds of its category first, then those of everything."""
    found = (await portals.every(session))[:_OFFERED]
    narrow: list[Written] = []
    for portal in found if category else ():
        scope = Scope(by=By.CATEGORY, name=category)
        one = await scopes.narrowed(session, portal, house, scope)
        if isinstance(one, Narrowed):
            narrow += _listed(hub, portal, one).written
    whole = [
        written
        for portal in found
        for written in _listed(
            hub, portal, Narrowed(scope=EVERYTHING, part=Part(account_id=portal.account.id))
        ).written
    ]
    return tuple(narrow + whole)


def titled(portal: Portal, narrowed: Narrowed) -> str:
    """What a feed or a part of it is called."""
    title = plain(portal.title)
    if not narrowed.label:
        return title
    # "Tin tức" is a category and a kind: no two feeds are called the same.
    noun = "" if narrowed.scope.by is By.CATEGORY else f"{narrowed.noun}: "
    return f"{title} · {noun}{plain(narrowed.label)}"


def voice(hub: Hub, house: Agency) -> Voice:
    """In whose name, zone and words entries are told."""
    return Voice(
        agency=plain(house.name or hub.agency),
        zone=ZoneInfo(hub.timezone),
        categories={one.slug: plain(one.name) for one in house.categories},
    )


def _listed(hub: Hub, portal: Portal, narrowed: Narrowed) -> Listed:
    title = titled(portal, narrowed)
    address = FeedAddress(slug=portal.slug, form=Form.RSS, scope=narrowed.scope)
    return Listed(
        title=title,
        noun=narrowed.noun,
        label=plain(narrowed.label),
        written=tuple(
            Written(
                form=FORM_NAMES[form],
                media_type=MEDIA_TYPES[form],
                title=f"{title} ({FORM_NAMES[form]})",
                address=hub.public_url + replace(address, form=form).path,
            )
            for form in FORMS
        ),
    )


async def _newest(
    session: AsyncSession, part: Part, speaking: Voice, count: int
) -> tuple[Told, ...]:
    entries: Sequence[portals.Entry] = await reading.newest(session, part, count)
    words = await reading.words_of(session, {one.rendition_id for one in entries})
    return tuple(told(one, words[one.rendition_id], speaking) for one in entries)
