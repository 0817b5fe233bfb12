"""Remarks of the team on a revision: written once, never changed, never shown outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content.queries import item as item_of
from services.content.tables import Comment
from services.staff.caller import Caller
from services.staff.tables import Staff
from shared.clock import utc_now
from shared.errors import FieldError, InvalidError
from shared.text import clean

CHARS: Final = 2_000
# Who may take part; auditors and responders only read here.
ROLES: Final = ("editor", "approver", "admin", "leader")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A remark with the name of who made it, on which revision, and when."""

    id: UUID
    by: UUID
    name: str
    revision_no: int
    at: datetime
    text: str


async def add(session: AsyncSession, caller: Caller, item_id: UUID, text: str) -> Comment:
    """A remark on the item's newest revision. Not safe to repeat: each call makes one.

    Raises NotFoundError, ForbiddenError; InvalidError `comment_empty` or `comment_too_long`.
    """
    caller.need_role(*ROLES)
    item = await item_of(session, item_id, caller.unit_ids)
    told = clean(text).strip()
    if not told:
        raise _invalid("comment_empty", "Hãy viết vài chữ trước khi gửi · Write something first")
    if len(told) > CHARS:
        raise _invalid(
            "comment_too_long",
            f"Nhận xét dài {len(told)} ký tự; nhiều nhất {CHARS} ký tự"
            f" · {len(told)} characters; at most {CHARS}",
        )
    comment = Comment(
        item_id=item.id,
        revision_no=item.revision_no,
        by=caller.staff_id,
        at=utc_now(),
        text=told,
    )
    session.add(comment)
    await session.flush()
    return comment


async def remarks(
    session: AsyncSession, item_id: UUID, *, limit: int, before: UUID | None = None
) -> tuple[Remark, ...]:
    """At most `limit` remarks on an item, newest first; only those older than the one `before`.

    Ids sort by time, so they are the cursor too.
    """
    asked = (
        select(Comment, col(Staff.name))
        .join(Staff, col(Staff.id) == col(Comment.by))
        .where(col(Comment.item_id) == item_id)
    )
    if before is not None:
        asked = asked.where(col(Comment.id) < before)
    rows = await session.execute(
        asked.order_by(col(Comment.at).desc(), col(Comment.id).desc()).limit(limit)
    )
    return tuple(
        Remark(
            id=one.id,
            by=one.by,
            name=name,
            revision_no=one.revision_no,
            at=one.at,
            text=one.text,
        )
        for one, name in rows
    )


def _invalid(code: str, detail: str) -> InvalidError:
    return InvalidError(code, fields=(FieldError(field="text", code=code, detail=detail),))
