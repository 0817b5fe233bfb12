"""What a named person decides about one publication: try again, what an unclear call did, repair.

The hub never guesses: what reading the channel could not prove, somebody says here, and it is
recorded under their name.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.acts import Act
from services.audit.append import record
from services.channels import accounts
from services.channels.tables import Account
from services.content.tables import Item
from services.delivery.hub import Hub
from services.delivery.matching import shows
from services.delivery.tables import Publication, State
from services.delivery.wake import wake
from services.staff.caller import Caller
from services.storage.session import Opener
from shared.contract.channel import Lister
from shared.contract.errors import ChannelError
from shared.contract.messages import Fingerprint, Operation, RemoteId, Seen
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError

Verdict: TypeAlias = Literal["found", "absent", "stop"]

# What was stopped or said to be absent is still looked for: a late post must not stay unseen.
_WATCH = timedelta(hours=24)
_WATCH_EVERY = timedelta(minutes=15)
_FIRST_LOOK = timedelta(seconds=60)
_TOGETHER = 25
# The last attempt ended so that nothing of it can be unclear.
_CERTAIN = ("rejected", "not_sent", "done")
# A person's words become part of an address: nothing that could lead elsewhere may stand in an id.
_ID = re.compile(r"[\w.:~@=+,-]{1,200}")

_LAST = text(
    """
    SELECT operation, outcome FROM attempt WHERE publication_id = :id
     ORDER BY started_at DESC, generation DESC, no DESC LIMIT 1
    """
)

_APPROVED = text("SELECT count(*) FROM approval WHERE id = :id AND voided_at IS NULL")

_TAKEN = text(
    """
    SELECT count(*) FROM publication
     WHERE account_id = :account AND remote_id = :remote_id AND id <> :id
    """
)

# Everything of this publication that may once have left; the open attempt first, then the newest.
_MARKS = text(
    """
    SELECT a.generation, a.rendition_id, a.fingerprint, revision.no AS revision_no
      FROM attempt a
      LEFT JOIN rendition ON rendition.id = a.rendition_id
      LEFT JOIN revision ON revision.id = rendition.revision_id
     WHERE a.publication_id = :id AND a.fingerprint IS NOT NULL
     ORDER BY a.ended_at IS NULL DESC, a.started_at DESC
    """
)

_CLOSE = text(
    """
    UPDATE attempt SET ended_at = clock_timestamp(), outcome = :outcome, calling = NULL
     WHERE publication_id = :id AND ended_at IS NULL
    """
)


async def retry(session: AsyncSession, caller: Caller, publication_id: UUID) -> Publication:
    """Tries again what failed or came too late; the channel is read first unless all is certain.

    A proven refusal, or an operation on an id that we know, is simply made again. Where an earlier
    call may have left something, it is looked for, and only proven absence leads to a new call. Too
    late is then no reason any more. Raises ConflictError `not_failed`; `approval_needed` when the
    agreement no longer holds; `account_closed`.
    """
    caller.need_role("approver")
    publication = await _retried(session, caller, publication_id)
    await wake(session, [publication.id])
    return publication


async def retry_each(open_work: Opener, caller: Caller, publication_ids: Sequence[UUID]) -> int:
    """Tries again whatever of these has failed, however many they are; gives how many.

    What is no longer agreed, closed, or not failed any more is left alone, so it is safe to repeat.
    A few at a time: the end of the record is locked for as long as a unit of work lasts.
    """
    caller.need_role("approver")
    count = 0
    for start in range(0, len(publication_ids), _TOGETHER):
        async with open_work() as session:
            again: list[UUID] = []
            for one in publication_ids[start : start + _TOGETHER]:
                try:
                    again.append((await _retried(session, caller, one)).id)
                except (ConflictError, NotFoundError):
                    continue
            await wake(session, again)
        count += len(again)
    return count


async def _retried(session: AsyncSession, caller: Caller, publication_id: UUID) -> Publication:
    held = await _locked(session, caller, publication_id)
    publication, now = held.publication, held.now
    before, code = publication.state, publication.problem_code
    if before not in (State.FAILED, State.EXPIRED):
        raise ConflictError("not_failed", state=before)
    await _still_agreed(session, publication)
    await _still_open(session, publication)
    if before == State.EXPIRED or code == "expired":
        publication.expires_at = None
    sure = before == State.EXPIRED and not publication.may_be_visible
    if sure or await _certain(session, publication):
        publication.state = State.PENDING
        _forget_problem(publication)
    else:
        publication.state = State.UNCERTAIN
        publication.final = False
        publication.left_at = now
    publication.next_at = now
    publication.watch_until = publication.look_at = None
    _count_anew(publication)
    publication.resends = 0
    await session.flush()
    await _record(
        session,
        caller,
        Act.PUBLICATION_RETRIED,
        held,
        {"from": before, "to": publication.state, "code": code},
    )
    return publication


async def decide(
    open_work: Opener,
    hub: Hub,
    caller: Caller,
    publication_id: UUID,
    *,
    outcome: Verdict,
    remote_id: str | None = None,
) -> Publication:
    """Settles what reading the channel could not: it is this post, it is not there, or stop.

    `found` needs `remote_id`, and reads that post before it believes; `absent` goes on from what is
    desired now; `stop` gives up and keeps watching for a day. Opens its own units of work, since no
    database connection is held while the channel answers. Raises ConflictError `not_undecided` or
    `changed_meanwhile`, InvalidError `post_id_missing`, `post_taken` or `post_unreadable`.
    """
    caller.need_role("approver")
    if outcome == "found":
        return await _found(open_work, hub, caller, publication_id, remote_id or "")
    async with open_work() as session:
        held = await _undecided(session, caller, publication_id)
        if outcome == "absent":
            _absent(held)
        else:
            _stopped(held)
        await session.flush()
        await _conclude(session, caller, held, outcome)
        return held.publication


async def repair(session: AsyncSession, caller: Caller, publication_id: UUID) -> Publication:
    """Makes the channel show again what was agreed, where it shows something else now.

    A post that is gone is looked for before another is made; every other drift is written over, by
    its id. Raises ConflictError `nothing_to_repair`, `approval_needed`, `account_closed`.
    """
    caller.need_role("approver")
    held = await _locked(session, caller, publication_id)
    publication, now = held.publication, held.now
    drift = publication.drift
    if publication.state != State.LIVE or drift is None:
        raise ConflictError("nothing_to_repair")
    await _still_agreed(session, publication)
    await _still_open(session, publication)
    publication.generation += 1
    publication.observed_rendition_id = None
    if drift == "missing":
        # An update of a post that is gone would be refused, or pause the whole account.
        publication.state = State.UNCERTAIN
        publication.remote_id = publication.remote_url = publication.observed_revision_no = None
        publication.left_at = now
        publication.final = False
        publication.may_be_visible = True
    else:
        publication.state = State.PENDING
    publication.not_before = publication.next_at = now
    publication.expires_at = publication.look_at = publication.seen_at = None
    publication.drift = publication.drift_at = publication.drift_text = None
    _forget_problem(publication)
    _count_anew(publication)
    publication.resends = 0
    await session.flush()
    await _record(
        session,
        caller,
        Act.PUBLICATION_REPAIRED,
        held,
        {"drift": drift, "generation": publication.generation},
    )
    await wake(session, [publication.id])
    return publication


# ── The three verdicts ───────────────────────────────────────────────────────────────────────────


async def _found(
    open_work: Opener, hub: Hub, caller: Caller, publication_id: UUID, remote_id: str
) -> Publication:
    wanted = remote_id.strip()
    if _ID.fullmatch(wanted) is None or not wanted.strip("."):
        detail = "Hãy chọn hoặc nhập mã bài · Choose or enter the post's id"
        raise InvalidError("post_id_missing", fields=_fault("post_id_missing", detail))
    async with open_work() as session:
        held = await _undecided(session, caller, publication_id)
        generation = held.publication.generation
        await _not_taken(session, held.publication, wanted)
        account = await session.get_one(Account, held.publication.account_id)
    seen = await _read(hub, account, RemoteId(wanted))
    async with open_work() as session:
        held = await _undecided(session, caller, publication_id)
        if held.publication.generation != generation:
            raise ConflictError("changed_meanwhile")
        await _not_taken(session, held.publication, seen.remote_id)
        await _adopt(session, held, seen)
        await _conclude(session, caller, held, "found", {"remote_id": seen.remote_id})
        return held.publication


async def _read(hub: Hub, account: Account, remote_id: RemoteId) -> Seen:
    """The post as the channel gives it back; InvalidError when it does not, or not readably."""
    channel = hub.registry.get(account.channel)
    seen = None
    if isinstance(channel, Lister):
        opened = accounts.opened(hub.registry, hub.sealer, account)
        try:
            async with asyncio.timeout(hub.rules.call_deadline.total_seconds()):
                seen = await channel.read(opened, remote_id)
        except (ChannelError, TimeoutError) as error:
            raise _unreadable() from error
    if seen is None or not seen.readable:
        raise _unreadable()
    return seen


async def _adopt(session: AsyncSession, held: "_Held", seen: Seen) -> None:
    """Takes the post as ours: live if it shows exactly what is wanted, else onward from its id."""
    publication, now = held.publication, held.now
    mark = await _exact(session, publication, seen) if seen.visible else None
    if publication.desired_rendition_id is None:
        mark = None
    publication.remote_id = seen.remote_id
    publication.remote_url = seen.remote_url or publication.remote_url
    publication.observed_rendition_id = mark.rendition_id if mark else None
    publication.observed_revision_no = mark.revision_no if mark else None
    publication.observed_at = now
    if mark is not None:
        publication.observed_generation = max(publication.observed_generation, mark.generation)
        publication.first_observed_at = publication.first_observed_at or now
    publication.may_be_visible = False
    publication.candidates = []
    publication.compared_at = None
    if mark is not None and mark.generation == publication.generation:
        publication.state = State.LIVE
        publication.next_at = None
        publication.look_at = now + _FIRST_LOOK
        _forget_problem(publication)
        _count_anew(publication)
    else:
        _go_on(held)
    try:
        await session.flush()
    except IntegrityError as error:
        raise _taken() from error


def _absent(held: "_Held") -> None:
    publication, now = held.publication, held.now
    publication.may_be_visible = False
    publication.candidates = []
    if publication.desired_rendition_id is not None:
        _go_on(held)
        return
    publication.state = State.WITHDRAWN
    publication.observed_generation = publication.generation
    publication.observed_rendition_id = publication.observed_revision_no = None
    publication.remote_id = publication.remote_url = None
    publication.observed_at = now
    publication.next_at = None
    publication.watch_until = now + _WATCH
    publication.look_at = now + _WATCH_EVERY
    _forget_problem(publication)
    _count_anew(publication)


def _stopped(held: "_Held") -> None:
    publication, now = held.publication, held.now
    publication.state = State.FAILED
    publication.problem_code = "stopped_by_person"
    publication.problem_at = now
    publication.may_be_visible = True
    publication.next_at = None
    publication.watch_until = now + _WATCH
    publication.look_at = now + _WATCH_EVERY
    _count_anew(publication)


def _go_on(held: "_Held") -> None:
    """Due again at its time; the loop computes the operation from what is desired then."""
    publication = held.publication
    publication.state = State.PENDING
    publication.next_at = max(held.now, publication.not_before)
    _forget_problem(publication)
    _count_anew(publication)


async def _conclude(
    session: AsyncSession,
    caller: Caller,
    held: "_Held",
    outcome: Verdict,
    details: dict[str, object] | None = None,
) -> None:
    publication = held.publication
    await session.execute(_CLOSE, {"id": publication.id, "outcome": f"decided_{outcome}"})
    await _record(
        session,
        caller,
        Act.PUBLICATION_DECIDED,
        held,
        {
            "outcome": outcome,
            "to": publication.state,
            "generation": publication.generation,
            **(details or {}),
        },
    )
    await wake(session, [publication.id])


# ── What they share ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A locked publication, its item's unit, and the database's now."""

    publication: Publication
    unit_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    generation: int
    rendition_id: UUID | None
    revision_no: int | None


async def _locked(session: AsyncSession, caller: Caller, publication_id: UUID) -> _Held:
    publication = await session.get(
        Publication, publication_id, with_for_update=True, populate_existing=True
    )
    item = await session.get(Item, publication.item_id) if publication is not None else None
    if publication is None or item is None or not caller.may_see(item.unit_id):
        raise NotFoundError("publication_not_found")
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return _Held(publication=publication, unit_id=item.unit_id, now=now)


async def _undecided(session: AsyncSession, caller: Caller, publication_id: UUID) -> _Held:
    held = await _locked(session, caller, publication_id)
    if held.publication.state != State.UNDECIDED:
        raise ConflictError("not_undecided", state=held.publication.state)
    return held


async def _certain(session: AsyncSession, publication: Publication) -> bool:
    """Whether no earlier call can have left a post that we do not know of."""
    last: Row[tuple[str, str | None]] | None = (
        await session.execute(_LAST, {"id": publication.id})
    ).first()
    if last is None:
        return not publication.may_be_visible
    if publication.remote_id is not None and last.operation != Operation.PUBLISH:
        return True  # made by id: running it twice shows nothing twice
    return last.outcome in _CERTAIN and not publication.may_be_visible


async def _still_agreed(session: AsyncSession, publication: Publication) -> None:
    if publication.desired_rendition_id is None:
        return  # a withdrawal needs no living approval
    approved = await session.scalar(_APPROVED, {"id": publication.approval_id})
    if publication.problem_code == "approval_void" or not approved:
        raise ConflictError("approval_needed")


async def _still_open(session: AsyncSession, publication: Publication) -> None:
    account = await session.get_one(Account, publication.account_id)
    if account.stage == "closed":
        raise ConflictError("account_closed")


async def _not_taken(session: AsyncSession, publication: Publication, remote_id: str) -> None:
    taken = await session.scalar(
        _TAKEN,
        {"account": publication.account_id, "remote_id": remote_id, "id": publication.id},
    )
    if taken:
        raise _taken()


async def _exact(session: AsyncSession, publication: Publication, seen: Seen) -> _Mark | None:
    """Which of our attempts the post shows letter by letter; None when it shows none of them."""
    rows = await session.execute(_MARKS, {"id": publication.id})
    return next(
        (
            _Mark(
                generation=row.generation,
                rendition_id=row.rendition_id,
                revision_no=row.revision_no,
            )
            for row in rows
            if shows(Fingerprint(**row.fingerprint), seen)
        ),
        None,
    )


def _count_anew(publication: Publication) -> None:
    publication.tries = publication.looks = publication.absences = 0
    publication.in_urgent_lane = publication.urgent


def _forget_problem(publication: Publication) -> None:
    publication.problem_code = publication.problem_remote_code = None
    publication.problem_words = publication.problem_at = None


async def _record(
    session: AsyncSession, caller: Caller, act: Act, held: _Held, details: dict[str, object]
) -> None:
    publication = held.publication
    await record(
        session,
        caller.actor,
        act,
        f"publication:{publication.id}",
        unit=held.unit_id,
        details={
            "item": str(publication.item_id),
            "account": str(publication.account_id),
            **details,
        },
    )


def _fault(code: str, detail: str) -> tuple[FieldError, ...]:
    return (FieldError(field="remote_id", code=code, detail=detail),)


def _taken() -> InvalidError:
    detail = "Bài này là của tin khác · This post belongs to another publication"
    return InvalidError("post_taken", fields=_fault("post_taken", detail))


def _unreadable() -> InvalidError:
    detail = "Không đọc được bài này · This post cannot be read"
    return InvalidError("post_unreadable", fields=_fault("post_unreadable", detail))
