"""What a web portal's feed shows now, and what that portal has fetched.

A portal pulls: its feed holds what is *observed* (never what is merely desired), so an entry
appears, changes and turns into a stub in the very transaction that settles its publication.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.accounts import opened
from services.channels.forms import secrets_of
from services.channels.tables import Account
from services.content.tables import Item, Revision
from services.delivery.hub import Hub
from services.delivery.tables import PortalFetch, Publication, Rendition
from shared.errors import LoaError
from shared.text import clean

_log = structlog.get_logger(__name__)

# The one channel whose outlet is this house's own feeds door.
PORTAL = "portal_rss"

# How long an entry stays (feeds.md sections 1 and 5): the newest ones and the last fortnight in any
# case; what was changed or withdrawn 30 days and until this portal has fetched it.
_NEWEST = 50
_FORTNIGHT = timedelta(days=14)
_CHANGED = timedelta(days=30)
# A portal that never comes must not make its feed grow for ever.
_MOST = 1000
_FETCH_NOTED = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal's feed: its account and the words over it. `open` is False once it was closed."""

    account: Account
    slug: str
    title: str
    link: str
    open: bool


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

    Of a withdrawn entry only guid, title and link may be shown; `reason` is for readers, and empty
    where it was withdrawn from this portal alone.
    """

    publication_id: UUID
    generation: int
    seen_at: datetime | None
    published_at: datetime
    changed_at: datetime
    shown: Shown
    withdrawn: bool = False
    reason: str = ""


async def find(session: AsyncSession, slug: str) -> Portal | None:
    """The feed of this name, an open one before a closed one; None when there never was one."""
    found = await session.scalars(
        select(Account)
        .where(col(Account.channel) == PORTAL, col(Account.remote_id) == slug)
        .order_by(col(Account.stage) == "closed", col(Account.created_at).desc())
        .limit(1)
    )
    account = found.one_or_none()
    return None if account is None else _portal(account)


async def every(session: AsyncSession) -> list[Portal]:
    """All open feeds, by title."""
    found = await session.scalars(
        select(Account).where(col(Account.channel) == PORTAL, col(Account.stage) != "closed")
    )
    return sorted((_portal(account) for account in found), key=lambda one: (one.title, one.slug))


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


async def entries(session: AsyncSession, account_id: UUID, now: datetime) -> list[Entry]:
    """What the feed of this account holds at `now`, newest first by publication, then by id."""
    last_shown = (
        select(col(Rendition.id))
        .join(Revision, col(Rendition.revision_id) == col(Revision.id))
        .where(
            col(Revision.item_id) == col(Publication.item_id),
            col(Rendition.account_id) == col(Publication.account_id),
            # Later revisions may have been rendered for a preview; nobody agreed to them.
            col(Revision.no) <= col(Item.released_no),
        )
        .order_by(col(Revision.no).desc())
        .limit(1)
        .correlate(Publication, Item)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            col(Publication.id),
            col(Publication.observed_generation),
            col(Publication.seen_at),
            col(Publication.first_observed_at),
            col(Publication.observed_at),
            col(Publication.observed_rendition_id).is_(None),
            col(Item.withdrawn_reason),
            col(Rendition.payload),
        )
        .join(Item, col(Item.id) == col(Publication.item_id))
        .join(
            Rendition,
            col(Rendition.id) == func.coalesce(col(Publication.observed_rendition_id), last_shown),
        )
        .where(
            col(Publication.account_id) == account_id,
            col(Publication.first_observed_at).is_not(None),
            _in_window(account_id, now),
        )
        .order_by(col(Publication.first_observed_at).desc(), col(Publication.id).desc())
        .limit(_MOST)
    )
    return [
        Entry(
            publication_id=publication_id,
            generation=generation,
            seen_at=seen_at,
            published_at=first_at,
            changed_at=changed_at or first_at,
            shown=_shown(payload),
            withdrawn=withdrawn,
            reason=(reason or "") if withdrawn else "",
        )
        for (
            publication_id,
            generation,
            seen_at,
            first_at,
            changed_at,
            withdrawn,
            reason,
            payload,
        ) in rows
        if first_at is not None
    ]


async def document_state(session: AsyncSession, account_id: UUID) -> PortalFetch | None:
    """When the feed's document changed and was last fetched; None before its first answer."""
    return await session.get(PortalFetch, account_id, populate_existing=True)


async def document_changed(
    session: AsyncSession, account_id: UUID, digest: bytes, now: datetime
) -> datetime:
    """When the feed's document last changed, given the digest of what it holds now.

    Whole seconds, and strictly growing: with the newest item's date a withdrawal would move it back
    (feeds.md section 7), and two changes within one second would look alike. It may therefore be a
    little ahead of `now`. Safe to repeat.
    """
    moment = now.replace(microsecond=0)
    state = await document_state(session, account_id)
    if state is not None and state.etag == digest and state.changed_at is not None:
        # The usual case takes no lock and writes nothing, so its commit is free.
        return state.changed_at
    row = insert(PortalFetch).values(account_id=account_id, etag=digest, changed_at=moment)
    moved = await session.execute(
        row.on_conflict_do_update(
            index_elements=["account_id"],
            set_={
                "etag": row.excluded.etag,
                "changed_at": func.greatest(
                    row.excluded.changed_at,
                    col(PortalFetch.changed_at) + literal(timedelta(seconds=1)),
                ),
            },
        ).returning(col(PortalFetch.changed_at))
    )
    return moved.scalar_one() or moment


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


def _in_window(account_id: UUID, now: datetime) -> ColumnElement[bool]:
    first, last = col(Publication.first_observed_at), col(Publication.observed_at)
    live = col(Publication.observed_rendition_id).is_not(None)
    newest = (
        select(col(Publication.id))
        .where(col(Publication.account_id) == account_id, live)
        .order_by(first.desc(), col(Publication.id).desc())
        .limit(_NEWEST)
    )
    return or_(
        col(Publication.id).in_(newest),
        and_(live, first >= now - _FORTNIGHT),
        and_(last > first, last >= now - _CHANGED),
        col(Publication.seen_at).is_(None),
    )


def _portal(account: Account) -> Portal:
    settings = account.settings
    return Portal(
        account=account,
        slug=account.remote_id,
        title=str(settings.get("title") or account.name),
        link=str(settings.get("link") or ""),
        open=account.stage != "closed",
    )


def _shown(payload: Mapping[str, object]) -> Shown:
    return Shown.model_validate(payload)
