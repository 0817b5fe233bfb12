"""Another time for an item that has not gone out: a wish is changed, an agreement starts anew."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.acts import Act
from services.audit.append import record
from services.content import drafting, workflow
from services.content.forms import ItemChanges
from services.content.tables import Item, Revision
from services.delivery import fan_out
from services.delivery.fan_out import SubmitForm
from services.delivery.hub import Hub
from services.staff.caller import Caller
from shared.clock import utc_now
from shared.errors import ConflictError, FieldError, InvalidError

_NOTE_CHARS = 2_000
# What an approver has before them, or has agreed to, goes back into review with the new time.
_TOLD = ("review", "approved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How an item stands after its time was changed.

    `before` is the earlier time, None where it was to go out as soon as it was agreed to.
    `agreed` tells that an approval was taken back, `asked` that somebody must approve (again).
    """

    item_id: UUID
    version: int
    before: datetime | None
    after: datetime | None
    agreed: bool
    asked: bool


async def move(
    session: AsyncSession,
    hub: Hub,
    caller: Caller,
    item_id: UUID,
    publish_at: datetime | None,
    *,
    note: str = "",
    version: int | None = None,
) -> Moved:
    """Gives an item that has not gone out another time; None: as soon as it is agreed to.

    In a draft only the wish changes. What waits for approval, or was approved and has not begun,
    goes into review once more as a new revision: an approval holds for exact bytes and times, so it
    is taken back. `note` tells the approver, before what the writer had told them. The same time
    again changes nothing. Raises InvalidError `submission_incomplete` for a time that has passed,
    or that is not before the item's end; ConflictError `already_started` once a call may have
    begun, `stale_version` when `version` is not the item's.
    """
    caller.need_role("editor")
    item = await workflow.lock_item(session, caller, item_id)
    if version is not None and item.version != version:
        raise ConflictError("stale_version", version=item.version)
    revision = await workflow.newest_revision(session, item)
    state, before = revision.state, revision.publish_at
    if before == publish_at:
        return _moved(item, before, publish_at)
    _check(revision, publish_at)
    if state in _TOLD:
        revision = await _again(session, hub, caller, item, revision, publish_at, note)
    else:
        if state != "draft":
            revision = await drafting.open_next(session, caller, item, revision)
        revision.publish_at = publish_at
        revision.updated_at = utc_now()
        workflow.touch(item)
        await session.flush()
    await record(
        session,
        caller.actor,
        Act.ITEM_RESCHEDULED,
        f"item:{item.id}",
        unit=item.unit_id,
        details={
            "revision": revision.no,
            "from": before.isoformat() if before else None,
            "to": publish_at.isoformat() if publish_at else None,
        },
    )
    return _moved(item, before, publish_at, agreed=state == "approved", asked=state in _TOLD)


async def _again(
    session: AsyncSession,
    hub: Hub,
    caller: Caller,
    item: Item,
    revision: Revision,
    publish_at: datetime | None,
    note: str,
) -> Revision:
    """The same words once more, with another time, before an approver."""
    accounts, expires_at, urgent = revision.accounts, revision.expires_at, revision.urgent
    if revision.state == "approved":
        # Takes the agreement back where no call has begun; changes no word.
        await fan_out.edit(session, caller, item.id, ItemChanges(), version=item.version)
        if (await workflow.newest_revision(session, item)).state == "approved":
            raise ConflictError("already_started")
        told = note
    else:
        told = "\n".join(one for one in (note, revision.note) if one)
        await drafting.open_next(session, caller, item, revision)
    form = SubmitForm(
        accounts=tuple(accounts),
        publish_at=publish_at,
        expires_at=expires_at,
        urgent=urgent,
        note=told[:_NOTE_CHARS],
    )
    await fan_out.submit(session, hub, caller, item.id, form)
    return await workflow.newest_revision(session, item)


def _check(revision: Revision, publish_at: datetime | None) -> None:
    fault: FieldError | None = None
    if publish_at is not None and publish_at <= utc_now():
        fault = FieldError(
            field="publish_at",
            code="publish_at_past",
            detail="Giờ đăng phải ở sau lúc này · The time has already passed",
        )
    elif publish_at and revision.expires_at and revision.expires_at <= publish_at:
        fault = FieldError(
            field="publish_at",
            code="expires_before_publish",
            detail="Giờ đăng phải trước hạn cuối của bài · It must come before the item’s end",
        )
    if fault is not None:
        raise InvalidError("submission_incomplete", fields=(fault,))


def _moved(
    item: Item,
    before: datetime | None,
    after: datetime | None,
    *,
    agreed: bool = False,
    asked: bool = False,
) -> Moved:
    return Moved(
        item_id=item.id,
        version=item.version,
        before=before,
        after=after,
        agreed=agreed,
        asked=asked,
    )
