"""The path a text takes: draft → review → approved, and who may move it.

The rules of two people stand here and nowhere else. Verbs that also touch publications are in
`services/delivery/fan_out.py`, which calls down into this file.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.content.hashing import content_hash
from services.content.tables import Approval, Item, Revision
from services.staff.caller import Caller
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


async def lock_item(session: AsyncSession, caller: Caller, item_id: UUID) -> Item:
    """The item as it now is, locked against every other writer until this unit of work ends.

    Read anew also where this unit of work knows it already: somebody else may have changed it while
    the lock was waited for. NotFoundError when there is none or it belongs to a unit that the
    caller may not see.
    """
    await session.flush()
    item = await session.get(Item, item_id, with_for_update=True, populate_existing=True)
    if item is None or not caller.may_see(item.unit_id):
        raise NotFoundError("item_not_found")
    return item


async def newest_revision(session: AsyncSession, item: Item) -> Revision:
    """The newest revision of a locked item, read anew."""
    found = await session.execute(
        select(Revision)
        .where(col(Revision.item_id) == item.id, col(Revision.no) == item.revision_no)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def freeze_revision(
    session: AsyncSession,
    caller: Caller,
    item: Item,
    revision: Revision,
    *,
    accounts: tuple[UUID, ...],
    publish_at: datetime | None,
    expires_at: datetime | None,
    urgent: bool,
    note: str,
) -> None:
    """Takes the choices of a submission into a draft; `submit` then closes it for good."""
    if revision.state != "draft":
        raise ConflictError("not_a_draft", state=revision.state)
    revision.accounts = list(accounts)
    revision.publish_at = publish_at
    revision.expires_at = expires_at
    revision.urgent = urgent
    revision.note = note
    await session.flush()


async def submit(session: AsyncSession, caller: Caller, item: Item, revision: Revision) -> None:
    """Closes a draft: from here on only its state may move (the database refuses the rest)."""
    revision.content_hash = await content_hash(session, item, revision)
    revision.submitted_by = caller.staff_id
    revision.submitted_at = utc_now()
    revision.state = "review"
    touch(item)
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.ITEM_SUBMITTED,
        f"item:{item.id}",
        unit=item.unit_id,
        after=revision.content_hash,
        details={"revision": revision.no, "accounts": [str(one) for one in revision.accounts]},
    )


def check_two_people(caller: Caller, item: Item, revision: Revision) -> None:
    """Refuses whoever had a hand in the text: the author, the last editor, who submitted it.

    Persons count, not accounts of a channel or sign-ins (reliability-security.md R86).
    """
    caller.need_role("approver")
    hands = {item.created_by, revision.created_by, revision.last_editor, revision.submitted_by}
    if caller.staff_id in hands:
        raise ForbiddenError("four_eyes")


async def approve(
    session: AsyncSession,
    caller: Caller,
    item: Item,
    revision: Revision,
    *,
    seen: Mapping[UUID, str],
    shown: Mapping[UUID, str],
) -> Approval:
    """A second person's yes to exactly what was seen.

    `seen` is what the approver's screen showed, `shown` what is stored (account → rendition hash).
    ConflictError `content_changed` when they differ in any way. To be recorded by
    `record_approval` in the same unit of work.
    """
    if revision.state == "approved":
        raise ConflictError("already_approved")
    check_two_people(caller, item, revision)
    if revision.state != "review":
        raise ConflictError("not_in_review", state=revision.state)
    if dict(seen) != dict(shown) or set(shown) != set(revision.accounts):
        raise ConflictError("content_changed")
    if await content_hash(session, item, revision) != revision.content_hash:
        raise ConflictError("content_changed")
    now = utc_now()
    if revision.expires_at is not None and revision.expires_at <= now:
        raise ConflictError("already_expired")
    revision.state = "approved"
    approval = Approval(
        revision_id=revision.id,
        by=caller.staff_id,
        at=now,
        seen={str(account): hashed for account, hashed in seen.items()},
        not_before=revision.publish_at,
        urgent=revision.urgent,
    )
    session.add(approval)
    touch(item)
    await session.flush()
    return approval


async def record_approval(
    session: AsyncSession, caller: Caller, item: Item, revision: Revision, approval: Approval
) -> None:
    """Puts an approval on the record: who, which bytes, and what was seen on each account."""
    await record(
        session,
        caller.actor,
        Act.ITEM_APPROVED,
        f"item:{item.id}",
        unit=item.unit_id,
        after=revision.content_hash,
        details={"revision": revision.no, "seen": approval.seen},
    )


async def send_back(
    session: AsyncSession, caller: Caller, item: Item, revision: Revision, *, reason: str
) -> None:
    """Returns a submitted revision with a reason; editing it makes the next number."""
    caller.need_role("approver")
    if not reason.strip():
        raise InvalidError("reason_missing")
    if revision.state != "review":
        raise ConflictError("not_in_review", state=revision.state)
    revision.state = "returned"
    revision.return_reason = reason
    touch(item)
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.ITEM_RETURNED,
        f"item:{item.id}",
        unit=item.unit_id,
        reason=reason,
        details={"revision": revision.no},
    )


def touch(item: Item) -> None:
    """Marks the item as changed: whoever holds an older version must read it again."""
    item.version += 1
    item.updated_at = utc_now()
