"""One feed, whatever it is written in: what stands over the entries, and how a format writes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from services.staff.agency import Logo
from services.syndication.address import Archive, FeedAddress, Form
from services.syndication.reading import Tombstone
from services.syndication.texts import Told, Voice

# One language: the house writes Vietnamese.
LANGUAGE = "vi"
GENERATOR = "Loa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed at one place, in any format.

    `base` is the hub's public address, `link` the site that the feed belongs to, `page` the page
    about it for people. `hub` is set where it can be subscribed to. `account_id` is its account's,
    `first` that of the account which first had this address.
    """

    address: FeedAddress
    account_id: UUID
    first: UUID
    base: str
    title: str
    description: str
    link: str
    page: str
    icon: str
    logo: tuple[str, Logo] | None
    hub: str | None
    voice: Voice
    tombstones: tuple[Tombstone, ...]
    previous: Archive | None
    following: Archive | None

    def url(self, form: Form) -> str:
        """This very document's address in a format."""
        return self.beside(form, self.address.archive)

    def current(self, form: Form) -> str:
        """The address of the document of which this may be an archive."""
        return self.beside(form, None)

    def beside(self, form: Form, archive: Archive | None) -> str:
        """Another document of the same feed."""
        address = FeedAddress(
            slug=self.address.slug, form=form, scope=self.address.scope, archive=archive
        )
        return self.base + address.path

    @property
    def id(self) -> str:
        """A name that outlives any change of address; the same for a feed and its archives."""
        return uuid5(self.first, self.address.current.place).urn

    def local(self, at: datetime) -> datetime:
        """An instant in the hub's zone."""
        return at.astimezone(self.voice.zone)


class Writer(Protocol):
    """A format: the bytes before, between and after the entries, and those of each entry."""

    form: Form
    between: bytes
    closing: bytes

    def opening(self, feed: Feed, changed_at: datetime) -> bytes:
        """Everything before the first entry."""
        ...

    def entry(self, told: Told) -> bytes:
        """One entry, the same wherever it stands."""
        ...
