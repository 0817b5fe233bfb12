"""Links with which somebody outside reads one revision, for a while; having read is no approval.

Of a link only the hash of its secret is kept: it is shown once, to whoever made it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.content import queries
from services.content.tables import Item, PreviewLink, PreviewView, Revision
from services.staff.caller import Caller
from services.staff.tables import Staff
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError
from shared.text import clean, one_line

# Who may show a text to somebody outside.
ROLES: Final = ("editor", "approver", "admin")
# How long a link may last, in days; the first is what is offered.
DAYS: Final = (7, 1, 3, 30)
NAME_CHARS: Final = 120
COMMENT_CHARS: Final = 2_000
# Whoever has the secret may write: what one link takes in an hour, and in its whole life.
_IN_AN_HOUR: Final = 10
_IN_ALL: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of an item, who made it, and who said that they have read, newest first."""

    row: PreviewLink
    revision_no: int
    by: str
    views: tuple[PreviewView, ...]

    def state(self, now: datetime) -> str:
        """`open`, `revoked` or `over`."""
        if self.row.revoked_at is not None:
            return "revoked"
        return "open" if self.row.expires_at > now else "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What stands behind a link that is still good. `newer`: the item has a later revision."""

    link: PreviewLink
    item: Item
    revision: Revision

    @property
    def newer(self) -> bool:
        """Whether the item has a later revision than this."""
        return self.item.revision_no > self.revision.no


async def make(
    session: AsyncSession, caller: Caller, item_id: UUID, *, days: int, now: datetime
) -> tuple[PreviewLink, str]:
    """A link to the item's newest revision, and its secret, which is kept nowhere.

    Not safe to repeat: each call makes one. Raises NotFoundError, ForbiddenError, InvalidError for
    a number of days that is not in `DAYS`.
    """
    caller.need_role(*ROLES)
    if days not in DAYS:
        raise _invalid("days", "Không có lựa chọn này · Not one of the choices")
    item = await queries.item(session, item_id, caller.unit_ids)
    revision = (await queries.newest(session, (item,)))[item.id]
    secret = secrets.token_urlsafe(32)
    link = PreviewLink(
        revision_id=revision.id,
        token_hash=_kept_form(secret),
        by=caller.staff_id,
        at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(link)
    await session.flush()
    await _record(session, caller, Act.LINK_MADE, item, revision, link)
    return link, secret


async def revoke(
    session: AsyncSession, caller: Caller, item_id: UUID, link_id: UUID, *, now: datetime
) -> None:
    """Ends a link at once; safe to repeat. Raises NotFoundError, ForbiddenError."""
    caller.need_role(*ROLES)
    item = await queries.item(session, item_id, caller.unit_ids)
    link = await session.get(PreviewLink, link_id, with_for_update=True)
    revision = await session.get(Revision, link.revision_id) if link is not None else None
    if link is None or revision is None or revision.item_id != item.id:
        raise NotFoundError("link_not_found")
    if link.revoked_at is not None:
        return
    link.revoked_at = now
    await session.flush()
    await _record(session, caller, Act.LINK_REVOKED, item, revision, link)


async def links(session: AsyncSession, item_id: UUID, *, limit: int) -> tuple[Link, ...]:
    """At most `limit` links of an item, newest first, each with everybody who said they read it."""
    rows = (
        await session.execute(
            select(PreviewLink, col(Revision.no), col(Staff.name))
            .join(Revision, col(Revision.id) == col(PreviewLink.revision_id))
            .join(Staff, col(Staff.id) == col(PreviewLink.by))
            .where(col(Revision.item_id) == item_id)
            .order_by(col(PreviewLink.at).desc(), col(PreviewLink.id).desc())
            .limit(limit)
        )
    ).all()
    views: dict[UUID, list[PreviewView]] = {link.id: [] for link, _, _ in rows}
    if rows:
        for view in await session.scalars(
            select(PreviewView)
            .where(col(PreviewView.link_id).in_(list(views)))
            .order_by(col(PreviewView.at).desc(), col(PreviewView.id).desc())
        ):
            views[view.link_id].append(view)
    return tuple(
        Link(row=link, revision_no=no, by=name, views=tuple(views[link.id]))
        for link, no, name in rows
    )


async def opened(session: AsyncSession, secret: str, *, now: datetime) -> Opened | None:
    """What the link shows; None for one that is unknown, over or revoked: they look the same."""
    return await _opened(session, secret, now=now)


async def seen(
    session: AsyncSession, secret: str, *, name: str, comment: str, now: datetime
) -> PreviewView | None:
    """Keeps that somebody has read: who they say they are, and what they remark.

    None for a link that is no longer good. Not safe to repeat: each call is one more reading.
    Raises InvalidError with the fields at fault, ConflictError `views_many` where one link was
    answered too often.
    """
    name, comment = one_line(name), clean(comment).strip()
    faults = []
    if not name:
        faults.append(_fault("name", "Hãy cho biết bạn là ai · Say who you are"))
    elif len(name) > NAME_CHARS:
        told = f"Tên dài quá {NAME_CHARS} ký tự · Longer than {NAME_CHARS} characters"
        faults.append(_fault("name", told))
    if len(comment) > COMMENT_CHARS:
        told = f"Ý kiến dài quá {COMMENT_CHARS} ký tự · Longer than {COMMENT_CHARS} characters"
        faults.append(_fault("comment", told))
    if faults:
        raise InvalidError("invalid", fields=tuple(faults))
    found = await _opened(session, secret, now=now, lock=True)
    if found is None:
        return None
    lately = col(PreviewView.at) > now - timedelta(hours=1)
    counted = await session.execute(
        select(func.count(), func.count().filter(lately)).where(
            col(PreviewView.link_id) == found.link.id
        )
    )
    in_all, in_an_hour = counted.one()
    if in_all >= _IN_ALL or in_an_hour >= _IN_AN_HOUR:
        raise ConflictError("views_many")
    view = PreviewView(link_id=found.link.id, name=name, comment=comment, at=now)
    session.add(view)
    await session.flush()
    return view


async def _opened(
    session: AsyncSession, secret: str, *, now: datetime, lock: bool = False
) -> Opened | None:
    asked = select(PreviewLink).where(
        col(PreviewLink.token_hash) == _kept_form(secret),
        col(PreviewLink.revoked_at).is_(None),
        col(PreviewLink.expires_at) > now,
    )
    link = await session.scalar(asked.with_for_update() if lock else asked)
    if link is None:
        return None
    revision = await session.get_one(Revision, link.revision_id)
    item = await session.get_one(Item, revision.item_id)
    return Opened(link=link, item=item, revision=revision)


async def _record(
    session: AsyncSession,
    caller: Caller,
    act: Act,
    item: Item,
    revision: Revision,
    link: PreviewLink,
) -> None:
    await record(
        session,
        caller.actor,
        act,
        f"item:{item.id}",
        unit=item.unit_id,
        details={"revision": revision.no, "link": link.id, "until": link.expires_at},
    )


def _kept_form(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _fault(field: str, detail: str) -> FieldError:
    return FieldError(field=field, code="invalid", detail=detail)


def _invalid(field: str, detail: str) -> InvalidError:
    return InvalidError("invalid", fields=(_fault(field, detail),))
