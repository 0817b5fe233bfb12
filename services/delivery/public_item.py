"""What the public page of an item shows: the newest revision whose publication has begun."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.tables import Account
from services.content.body import media_ids, parse
from services.content.tables import Approval, Item, Media, Revision
from services.delivery.tables import Publication
from services.staff.tables import Unit
from shared.contract.blocks import Block
from shared.contract.messages import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where one channel shows the item: an official link that readers may trust."""

    channel: str
    account: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One change that readers were told of: which revision, when, and the note."""

    revision: int
    at: datetime
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicItem:
    """One item for everybody. `corrected_at` is set when the shown revision replaced another.

    `media` holds what cover and body name, by id. `corrections` are all of them, newest first.
    """

    id: UUID
    code: str
    revision: int
    kind: str
    title: str
    summary: str
    category: str
    tags: tuple[str, ...]
    author: str
    unit: str
    blocks: tuple[Block, ...]
    cover: UUID | None
    media: dict[UUID, Media]
    document: Document | None
    published_at: datetime | None
    corrected_at: datetime | None
    correction_note: str
    posts: tuple[Post, ...]
    corrections: tuple[Correction, ...] = ()
    source_name: str = ""
    source_url: str = ""
    ai_made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnItem:
    """An item that was public and was taken back; its words are not shown any more."""

    code: str
    withdrawn_at: datetime
    reason: str


async def public_item(session: AsyncSession, code: str) -> PublicItem | WithdrawnItem | None:
    """The item of this code as the public may see it; None before its publication has begun."""
    row = (
        await session.execute(
            select(Item, Revision, col(Unit.name))
            .join(Unit, col(Unit.id) == col(Item.unit_id))
            .join(Revision, col(Revision.item_id) == col(Item.id))
            .where(col(Item.code) == code, col(Revision.no) == col(Item.released_no))
        )
    ).one_or_none()
    if row is None:
        return None
    item, revision, unit = row
    if item.withdrawn_at is not None:
        return WithdrawnItem(
            code=item.code, withdrawn_at=item.withdrawn_at, reason=item.withdrawn_reason or ""
        )
    return await shown(session, item, revision, unit)


async def shown(session: AsyncSession, item: Item, revision: Revision, unit: str) -> PublicItem:
    """One revision of an item as its page shows it, or showed it."""
    first_at = await session.scalar(
        select(func.min(col(Publication.first_observed_at))).where(
            col(Publication.item_id) == item.id
        )
    )
    corrections = await _corrections(session, item, revision)
    last = next((one for one in corrections if one.revision == revision.no), None)
    return PublicItem(
        id=item.id,
        code=item.code,
        revision=revision.no,
        kind=item.kind,
        title=revision.title,
        summary=revision.summary,
        category=revision.category,
        tags=tuple(revision.tags),
        author=revision.author,
        unit=unit,
        blocks=parse(revision.body),
        cover=revision.cover,
        media=await _media(session, revision),
        document=Document(**revision.document) if revision.document else None,
        published_at=item.published_at or first_at,
        corrected_at=last.at if last else None,
        correction_note=revision.correction_note,
        posts=await _posts(session, item.id),
        corrections=corrections,
        source_name=revision.source_name,
        source_url=revision.source_url,
        ai_made=revision.ai_made,
    )


async def _media(session: AsyncSession, revision: Revision) -> dict[UUID, Media]:
    wanted = {*media_ids(revision.body)} | ({revision.cover} if revision.cover else set())
    if not wanted:
        return {}
    rows = await session.scalars(select(Media).where(col(Media.id).in_(wanted)))
    return {row.id: row for row in rows}


async def _corrections(
    session: AsyncSession, item: Item, revision: Revision
) -> tuple[Correction, ...]:
    """Every agreed revision up to this one but the first, with when the second person agreed."""
    rows = await session.execute(
        select(
            col(Revision.no),
            func.coalesce(func.max(col(Approval.at)), col(Revision.submitted_at)),
            col(Revision.correction_note),
        )
        .outerjoin(Approval, col(Approval.revision_id) == col(Revision.id))
        .where(
            col(Revision.item_id) == item.id,
            col(Revision.state) == "approved",
            col(Revision.no) <= revision.no,
        )
        .group_by(col(Revision.id))
        .order_by(col(Revision.no).desc())
    )
    agreed = [Correction(revision=no, at=at, note=note) for no, at, note in rows if at is not None]
    return tuple(agreed[:-1])


async def _posts(session: AsyncSession, item_id: UUID) -> tuple[Post, ...]:
    rows = await session.execute(
        select(col(Account.channel), col(Account.name), col(Publication.remote_url))
        .join(Account, col(Account.id) == col(Publication.account_id))
        .where(
            col(Publication.item_id) == item_id,
            col(Publication.observed_rendition_id).is_not(None),
            col(Publication.remote_url).is_not(None),
            col(Account.stage) != "closed",
        )
        .order_by(col(Account.channel), col(Account.name))
    )
    return tuple(Post(channel=channel, account=name, url=url) for channel, name, url in rows if url)
