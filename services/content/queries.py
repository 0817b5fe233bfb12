"""Reads of the content store. What a caller may not see is answered like what does not exist."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content.tables import Approval, Item, Media, Revision
from services.staff.caller import Caller
from shared.errors import NotFoundError


async def item(session: AsyncSession, item_id: UUID, unit_ids: Collection[UUID]) -> Item:
    """One item of these units. NotFoundError otherwise."""
    found = await session.get(Item, item_id)
    if found is None or found.unit_id not in unit_ids:
        raise NotFoundError("item_not_found")
    return found


async def newest(session: AsyncSession, items: Iterable[Item]) -> Mapping[UUID, Revision]:
    """The newest revision of each item, by item id."""
    wanted = [(one.id, one.revision_no) for one in items]
    if not wanted:
        return {}
    rows = await session.scalars(
        select(Revision).where(tuple_(col(Revision.item_id), col(Revision.no)).in_(wanted))
    )
    return {row.item_id: row for row in rows}


async def revision(session: AsyncSession, item_id: UUID, no: int) -> Revision:
    """One numbered revision of an item. NotFoundError when there is none."""
    found = await session.scalars(
        select(Revision).where(col(Revision.item_id) == item_id, col(Revision.no) == no)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFoundError("revision_not_found")
    return row


async def revisions(
    session: AsyncSession, item_id: UUID, *, limit: int, before: int | None = None
) -> tuple[Revision, ...]:
    """At most `limit` revisions of an item, newest first; only those before number `before`."""
    asked = select(Revision).where(col(Revision.item_id) == item_id)
    if before is not None:
        asked = asked.where(col(Revision.no) < before)
    rows = await session.scalars(asked.order_by(col(Revision.no).desc()).limit(limit))
    return tuple(rows)


async def media(session: AsyncSession, ids: Collection[UUID]) -> Mapping[UUID, Media]:
    """Media by id; ids without a file are left out."""
    if not ids:
        return {}
    rows = await session.scalars(select(Media).where(col(Media.id).in_(ids)))
    return {row.id: row for row in rows}


async def last_agreed(session: AsyncSession, item_id: UUID, before: int) -> Revision | None:
    """The newest revision below number `before` that a second person agreed to.

    One that was stopped before it went out was agreed to as well.
    """
    rows = await session.scalars(
        select(Revision)
        .where(
            col(Revision.item_id) == item_id,
            col(Revision.no) < before,
            col(Revision.state).in_(("approved", "stopped")),
        )
        .order_by(col(Revision.no).desc())
        .limit(1)
    )
    return rows.first()


async def approvals(
    session: AsyncSession, revision_ids: Collection[UUID]
) -> Mapping[UUID, Approval]:
    """The newest approval of each revision, also one that was taken back; by revision id."""
    if not revision_ids:
        return {}
    rows = await session.scalars(
        select(Approval)
        .where(col(Approval.revision_id).in_(revision_ids))
        .order_by(col(Approval.at))
    )
    return {row.revision_id: row for row in rows}


async def next_to_approve(
    session: AsyncSession, caller: Caller, *, other_than: UUID | None = None
) -> UUID | None:
    """The item whose review this person should turn to: urgent first, then the oldest.

    Never one whose text they had a hand in. None when nothing waits for them.
    """
    asked = (
        select(col(Item.id))
        .join(Revision, col(Revision.item_id) == col(Item.id))
        .where(
            col(Revision.state) == "review",
            col(Item.unit_id).in_(caller.unit_ids),
            not_(
                or_(
                    col(Item.created_by) == caller.staff_id,
                    col(Revision.created_by) == caller.staff_id,
                    col(Revision.last_editor) == caller.staff_id,
                    col(Revision.submitted_by) == caller.staff_id,
                )
            ),
        )
        .order_by(col(Revision.urgent).desc(), col(Revision.submitted_at), col(Item.id))
        .limit(1)
    )
    if other_than is not None:
        asked = asked.where(col(Item.id) != other_than)
    return await session.scalar(asked)
