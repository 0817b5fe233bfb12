"""What a composer needs beside the words: where and when, kept in the draft; and free moments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import drafting, workflow
from services.content.forms import ItemChanges
from services.content.tables import Item, Revision
from services.delivery import fan_out
from services.staff import agency
from services.staff.caller import Caller
from shared.errors import ConflictError

# When people look at their phones: before work, at noon, after work, after supper.
_HOURS: Final = (time(8), time(11, 30), time(17), time(19, 30))
_APART: Final = timedelta(minutes=30)
_SOONEST: Final = timedelta(minutes=20)

_TAKEN = text(
    """
    SELECT p.not_before FROM publication p JOIN item i ON i.id = p.item_id
     WHERE i.unit_id = ANY(:units) AND p.state = 'scheduled'
       AND p.not_before BETWEEN :start AND :end
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Where, from when until when, how urgent, and a word to the approver; None: at once, ever."""

    accounts: tuple[UUID, ...]
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    urgent: bool = False
    note: str = ""

    def submission(self) -> fan_out.SubmitForm:
        """The same as a submission takes it."""
        return fan_out.SubmitForm(
            accounts=self.accounts,
            publish_at=self.publish_at,
            expires_at=self.expires_at,
            urgent=self.urgent,
            note=self.note,
        )


async def save(
    session: AsyncSession,
    caller: Caller,
    item_id: UUID,
    changes: ItemChanges,
    choices: Choices,
    *,
    version: int,
    now: datetime,
    typing: bool = False,
) -> Item:
    """Takes words and choices into the open draft, or into the next revision (`fan_out.edit`).

    What changes nothing leaves no trace. `typing` as in `drafting.edit`. Raises ConflictError
    `stale_version`, InvalidError.
    """
    item = await fan_out.edit(session, caller, item_id, changes, version=version, typing=typing)
    revision = await workflow.newest_revision(session, item)
    if choices_of(revision, now) == choices:
        return item
    if revision.state == "approved":
        try:
            item = await fan_out.stop(session, caller, item_id)
        except ConflictError as error:
            # What has begun to go out stays as it was agreed; the next revision chooses anew.
            if error.code not in ("already_started", "nothing_to_stop"):
                raise
        revision = await workflow.newest_revision(session, item)
    if revision.state != "draft":
        revision = await drafting.open_next(session, caller, item, revision)
    revision.accounts = list(choices.accounts)
    revision.publish_at = choices.publish_at
    revision.expires_at = choices.expires_at
    revision.urgent = choices.urgent
    revision.note = choices.note
    workflow.touch(item)
    await session.flush()
    return item


def choices_of(revision: Revision, now: datetime) -> Choices:
    """What the revision chooses; of a closed one, moments that are over no longer count."""
    closed = revision.state != "draft"

    def still(at: datetime | None) -> datetime | None:
        return None if closed and at is not None and at <= now else at

    return Choices(
        accounts=tuple(revision.accounts),
        publish_at=still(revision.publish_at),
        expires_at=still(revision.expires_at),
        urgent=revision.urgent,
        note="" if revision.state == "approved" else revision.note,
    )


async def free_moments(
    session: AsyncSession, unit_ids: Collection[UUID], *, now: datetime, zone: ZoneInfo, most: int
) -> Sequence[datetime]:
    """The next good moments to publish: hours when people read, half an hour from anything else."""
    today = now.astimezone(zone).date()
    offered = [
        datetime.combine(today + timedelta(days=days), hour, zone)
        for days in range(most // len(_HOURS) + 4)
        for hour in _HOURS
    ]
    house = await agency.settings(session)
    offered = [at for at in offered if at >= now + _SOONEST and not house.is_quiet(at, zone)]
    if not offered:
        return []
    rows = await session.scalars(
        _TAKEN,
        {"units": list(unit_ids), "start": offered[0] - _APART, "end": offered[-1] + _APART},
    )
    taken = list(rows)
    return [at for at in offered if all(abs(at - other) >= _APART for other in taken)][:most]
