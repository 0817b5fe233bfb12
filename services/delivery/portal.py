"""The portals, what one entry of their feeds is, and what each portal has fetched.

A portal pulls: its feed holds what is *observed* (never what is merely desired), so an entry
appears, changes and turns into a stub in the very transaction that settles its publication. Which
entries a feed holds, and how they are written, is `services.syndication`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.accounts import opened
from services.channels.forms import secrets_of
from services.channels.tables import Account
from services.delivery.hub import Hub
from services.delivery.tables import PortalFetch, Publication
from shared.errors import LoaError
from shared.text import clean

_log = structlog.get_logger(__name__)

# The one channel whose outlet is this house's own feeds door.
PORTAL = "portal_rss"

_FETCH_NOTED = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal's feed: its account and the words over it.

    `open` is False once it was closed, `listed` only from the end of connecting until then.
    `first` is the account that first had this address: a feed that was closed and connected anew
    is the same one to its readers, so whatever names it for good is made of that.
    """

    account: Account
    slug: str
    title: str
    link: str
    open: bool
    listed: bool
    first: UUID


class EntryPicture(BaseModel):
    """A picture of an entry at its public address."""

    model_config = ConfigDict(frozen=True)

    url: str
    mime: str
    width: int
    height: int
    size_bytes: int
    alt: str = ""
    caption: str = ""
    credit: str = ""


class EntryFile(BaseModel):
    """The one file that an entry encloses."""

    model_config = ConfigDict(frozen=True)

    url: str
    mime: str
    size_bytes: int


class Shown(BaseModel):
    """The part of a portal's stored rendition that its feed carries."""

    model_config = ConfigDict(frozen=True)

    guid: str
    title: str
    summary: str
    html: str
    link: str
    category: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    pictures: tuple[EntryPicture, ...] = ()
    enclosure: EntryFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of one feed. `changed_at` moves with every correction and with the withdrawal.

    `rendition_id` names the words (`Shown`). Of a withdrawn entry only guid, title and link of them
    may be shown; `reason` is for readers, and empty where it was withdrawn from this portal alone.
    """

    publication_id: UUID
    generation: int
    seen_at: datetime | None
    published_at: datetime
    changed_at: datetime
    guid: str
    rendition_id: UUID
    withdrawn: bool = False
    reason: str = ""


async def find(session: AsyncSession, slug: str) -> Portal | None:
    """The feed of this name, an open one before a closed one; None when there never was one.

    One that is being connected is found too: its (empty) documents must answer while people set
    the portal up with their address (console-ux.md S15). It is `listed` nowhere.
    """
    found = await session.scalars(
        select(Account)
        .where(col(Account.channel) == PORTAL, col(Account.remote_id) == slug)
        .order_by(col(Account.stage) == "closed", col(Account.created_at).desc())
    )
    accounts = found.all()
    return _portal(accounts[0], accounts) if accounts else None


async def every(session: AsyncSession) -> list[Portal]:
    """All open feeds, by title; those that are still being connected are nobody's to see."""
    found = await session.scalars(select(Account).where(col(Account.channel) == PORTAL))
    by_slug: dict[str, list[Account]] = {}
    for account in found:
        by_slug.setdefault(account.remote_id, []).append(account)
    return sorted(
        (
            _portal(account, accounts)
            for accounts in by_slug.values()
            for account in accounts
            if account.stage == "official"
        ),
        key=lambda one: (one.title, one.slug),
    )


def is_the_portal(hub: Hub, portal: Portal, key: str | None) -> bool:
    """Whether a fetch with this key counts as the portal's own: any fetch, while no key is set."""
    try:
        held = secrets_of(opened(hub.registry, hub.sealer, portal.account).credentials)
    except LoaError as error:
        # The feed stays readable with credentials that nobody can open; only the proof is lost.
        _log.warning("portal_key_unreadable", account=str(portal.account.id), code=error.code)
        return False
    wanted = held.get("fetch_key")
    if not isinstance(wanted, str) or not wanted:
        return True
    return compare_digest(wanted.encode(), (key or "").encode("utf-8", "replace"))


async def document_state(session: AsyncSession, account_id: UUID) -> PortalFetch | None:
    """When the portal last fetched its feed, and as whom; None before the first time."""
    return await session.get(PortalFetch, account_id, populate_existing=True)


async def record_fetch(
    session: AsyncSession,
    account_id: UUID,
    user_agent: str,
    now: datetime,
    served: Sequence[Entry],
) -> None:
    """Notes that the portal itself was given these entries: the first time counts, per generation.

    An entry that has moved on since it was read for this answer, or whose next generation is still
    on its way, stays unseen. Safe to repeat, and writes little when a portal asks all the time.
    """
    unseen = [(one.publication_id, one.generation) for one in served if one.seen_at is None]
    if unseen:
        await session.execute(
            update(Publication)
            .where(
                tuple_(col(Publication.id), col(Publication.observed_generation)).in_(unseen),
                col(Publication.generation) == col(Publication.observed_generation),
                col(Publication.seen_at).is_(None),
            )
            .values(seen_at=now)
        )
    state = await document_state(session, account_id)
    noted_at = state.fetched_at if state else None
    if noted_at is not None and now - noted_at < _FETCH_NOTED and not unseen:
        return
    row = insert(PortalFetch).values(
        account_id=account_id, fetched_at=now, user_agent=clean(user_agent)[:200]
    )
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["account_id"],
            set_={"fetched_at": row.excluded.fetched_at, "user_agent": row.excluded.user_agent},
        )
    )


def _portal(account: Account, of_this_address: Sequence[Account]) -> Portal:
    settings = account.settings
    return Portal(
        account=account,
        slug=account.remote_id,
        title=str(settings.get("title") or account.name),
        link=str(settings.get("link") or ""),
        open=account.stage != "closed",
        listed=account.stage == "official",
        first=min(of_this_address, key=lambda one: (one.created_at, one.id)).id,
    )
