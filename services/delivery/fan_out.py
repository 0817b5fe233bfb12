"""What people decide about an item, turned into what its accounts should show.

Each verb is one transaction without a network call: it takes the item's lock, moves the text along
(`services/content/workflow.py`), raises the desired generation of the publications, writes the
audit row, and rings the bell. Two verbs on one item never run at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.channels.accounts import one_of
from services.channels.tables import Account
from services.content import drafting, workflow
from services.content.forms import ItemChanges
from services.content.tables import Item, Revision
from services.delivery import notices, preview
from services.delivery.hub import Hub
from services.delivery.notices import Cause
from services.delivery.tables import Publication
from services.delivery.wake import wake
from services.staff import agency
from services.staff.caller import Caller
from services.storage.columns import new_id
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitForm:
    """What a submission chooses: where, from when until when, how urgent; and a note."""

    accounts: tuple[UUID, ...]
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    urgent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What withdrawing will do on one account: `none`, `wait` for an open call, or `withdraw`."""

    account_id: UUID
    publication_id: UUID
    effect: str


# An open call or an open question is left to end by itself: the loop then goes on with the newest
# generation. Everything else starts anew at its own time.
_AGREE = text(
    """
    INSERT INTO publication AS p
      (id, item_id, account_id, generation, desired_rendition_id, approval_id, observed_generation,
       state, not_before, next_at, expires_at, urgent, in_urgent_lane, tries, resends, final, looks,
       absences, candidates, may_be_visible, created_at)
    SELECT n.id, :item, n.account_id, 1, n.rendition_id, :approval, 0,
           CASE WHEN due.at > now() THEN 'scheduled' ELSE 'pending' END,
           due.at, due.at, :expires_at, :urgent, :urgent, 0, 0, false, 0, 0, '[]', false, now()
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
             AS n(id uuid, account_id uuid, rendition_id uuid),
           (SELECT greatest(coalesce(CAST(:publish_at AS timestamptz), '-infinity'),
                            now() + make_interval(secs => :hold)) AS at) AS due
    ON CONFLICT (item_id, account_id) DO UPDATE SET
      generation = p.generation + 1,
      desired_rendition_id = excluded.desired_rendition_id,
      approval_id = excluded.approval_id,
      state = CASE WHEN p.state IN ('sending','uncertain','undecided') THEN p.state
                   WHEN p.remote_id IS NULL AND p.may_be_visible THEN 'uncertain'
                   ELSE excluded.state END,
      looks = CASE WHEN p.state IN ('sending','uncertain','undecided') THEN p.looks ELSE 0 END,
      absences = CASE WHEN p.state IN ('sending','uncertain','undecided') THEN p.absences
                      ELSE 0 END,
      left_at = CASE WHEN p.state IN ('sending','uncertain','undecided') THEN p.left_at
                     ELSE now() END,
      final = false,
      not_before = excluded.not_before,
      next_at = CASE p.state WHEN 'sending' THEN least(p.next_at, excluded.next_at)
                             WHEN 'uncertain' THEN p.next_at
                             WHEN 'undecided' THEN NULL
                             ELSE CASE WHEN p.remote_id IS NULL AND p.may_be_visible THEN now()
                                       ELSE excluded.next_at END END,
      expires_at = excluded.expires_at,
      urgent = excluded.urgent,
      in_urgent_lane = CASE WHEN p.state IN ('sending','uncertain','undecided')
                            THEN p.in_urgent_lane ELSE excluded.urgent END,
      tries = 0, resends = CASE WHEN p.resends > 1000 THEN p.resends ELSE 0 END,
      seen_at = NULL, look_at = NULL, drift = NULL, drift_text = NULL, compared_at = NULL,
      problem_code = CASE WHEN p.state IN ('uncertain','undecided') THEN p.problem_code END,
      problem_remote_code = NULL, problem_words = NULL
    RETURNING p.id
    """
)

_HASHES = text("SELECT id, account_id, hash FROM rendition WHERE revision_id = :revision")

_LOCK = text("SELECT id FROM publication WHERE item_id = :item ORDER BY id FOR UPDATE")

_WITHDRAW = text(
    """
    WITH mine AS (
      SELECT * FROM publication
       WHERE item_id = :item
         AND (CAST(:accounts AS uuid[]) IS NULL OR account_id = ANY(:accounts))
       ORDER BY id FOR UPDATE),
    moved AS (
      SELECT mine.id, mine.account_id,
             CASE WHEN mine.desired_rendition_id IS NULL THEN 'none'
                  WHEN mine.state IN ('sending','uncertain','undecided') THEN 'wait'
                  WHEN mine.remote_id IS NULL AND NOT mine.may_be_visible
                       AND mine.observed_rendition_id IS NULL THEN 'none'
                  ELSE 'withdraw' END AS effect,
             mine.desired_rendition_id IS NULL AS already
        FROM mine),
    changed AS (
      UPDATE publication AS p SET
        generation = p.generation + 1,
        observed_generation = CASE moved.effect WHEN 'none' THEN p.generation + 1
                                                ELSE p.observed_generation END,
        desired_rendition_id = NULL, approval_id = NULL,
        state = CASE moved.effect WHEN 'none' THEN 'withdrawn'
                                  WHEN 'wait' THEN p.state
                                  ELSE CASE WHEN p.remote_id IS NULL AND p.may_be_visible
                                            THEN 'uncertain' ELSE 'pending' END END,
        not_before = now(), expires_at = NULL,
        next_at = CASE moved.effect WHEN 'none' THEN NULL
                                    WHEN 'wait' THEN
                                      CASE p.state WHEN 'sending' THEN least(p.next_at, now())
                                                   ELSE p.next_at END
                                    ELSE now() END,
        looks = CASE WHEN moved.effect = 'withdraw' THEN 0 ELSE p.looks END,
        absences = CASE WHEN moved.effect = 'withdraw' THEN 0 ELSE p.absences END,
        left_at = coalesce(p.left_at, now()), final = false,
        tries = 0, resends = CASE WHEN p.resends > 1000 THEN p.resends ELSE 0 END,
        -- What was proven absent, and so needs no call, may yet surface (R35).
        look_at = CASE WHEN moved.effect = 'none' AND p.watch_until > now()
                       THEN now() + interval '15 minutes' END,
        seen_at = NULL, drift = NULL, drift_text = NULL, compared_at = NULL,
        problem_code = CASE WHEN p.state IN ('uncertain','undecided') THEN p.problem_code END,
        problem_remote_code = NULL, problem_words = NULL
      FROM moved WHERE p.id = moved.id AND NOT moved.already
      RETURNING p.id)
    SELECT id, account_id, effect FROM moved ORDER BY id
    """
)

_STOPPABLE = text(
    """
    SELECT p.id,
           p.state NOT IN ('scheduled','pending')
           OR (p.observed_rendition_id IS NULL
               AND (p.remote_id IS NOT NULL OR p.may_be_visible))
           OR EXISTS (
             SELECT 1 FROM attempt a
              WHERE a.publication_id = p.id AND a.generation = p.generation) AS begun
      FROM publication p
     WHERE p.item_id = :item AND p.approval_id = :approval
     ORDER BY p.id FOR UPDATE OF p
    """
)

# Back to what was wanted before: what is observed, unless that was withdrawn since it was agreed. A
# withdrawal that has not been carried out yet outlives the correction that came after it.
_STOP = text(
    """
    WITH mine AS (
      SELECT p.id, p.observed_rendition_id IS NOT NULL AND EXISTS (
               SELECT 1 FROM audit_entry w
                WHERE w.object = 'item:' || p.item_id AND w.act = 'item.withdrawn'
                  AND w.details -> 'accounts' -> CAST(p.account_id AS text) IS NOT NULL
                  AND w.seq > coalesce(
                    (SELECT max(a.seq) FROM audit_entry a
                      WHERE a.object = w.object AND a.act = 'item.approved'
                        AND CAST(a.details ->> 'revision' AS int) = p.observed_revision_no), 0)
             ) AS leaving
        FROM publication p WHERE p.id = ANY(:ids))
    UPDATE publication AS p SET
      generation = p.generation + 1,
      observed_generation = CASE WHEN mine.leaving THEN p.observed_generation
                                 ELSE p.generation + 1 END,
      desired_rendition_id = CASE WHEN NOT mine.leaving THEN p.observed_rendition_id END,
      approval_id = CASE WHEN NOT mine.leaving THEN
        (SELECT a.id FROM approval a JOIN rendition r ON r.revision_id = a.revision_id
          WHERE r.id = p.observed_rendition_id AND a.voided_at IS NULL) END,
      state = CASE WHEN mine.leaving THEN 'pending'
                   WHEN p.observed_rendition_id IS NULL THEN 'withdrawn' ELSE 'live' END,
      look_at = CASE WHEN p.remote_id IS NOT NULL AND NOT mine.leaving
                     THEN now() + interval '60 seconds' END,
      not_before = CASE WHEN mine.leaving THEN now() ELSE p.not_before END,
      next_at = CASE WHEN mine.leaving THEN now() END,
      expires_at = NULL, problem_code = NULL, problem_remote_code = NULL, problem_words = NULL
      FROM mine WHERE p.id = mine.id
    RETURNING p.id, mine.leaving
    """
)


async def edit(
    session: AsyncSession,
    caller: Caller,
    item_id: UUID,
    changes: ItemChanges,
    *,
    version: int,
    typing: bool = False,
) -> Item:
    """Changes the draft, or opens the next revision; an approved one that has not begun is stopped.

    An approval holds for exact bytes: whoever edits what was agreed takes the agreement back, so
    that the mistake they saw cannot go out meanwhile. `typing` as in `drafting.edit`. Raises
    ConflictError `stale_version`.
    """
    item = await workflow.lock_item(session, caller, item_id)
    return await change(session, caller, item, changes, version=version, typing=typing)


async def change(
    session: AsyncSession,
    caller: Caller,
    item: Item,
    changes: ItemChanges,
    *,
    version: int,
    typing: bool = False,
) -> Item:
    """As `edit`, of an item that the caller has locked."""
    revision = await workflow.newest_revision(session, item)
    leaving: list[UUID] = []
    if revision.state == "approved" and item.version == version:
        waiting = await _waiting(session, item, revision)
        if waiting is not None and not waiting.begun and waiting.ids:
            if caller.is_program:
                raise ConflictError("scheduled")
            leaving = await _stop(session, caller, item, revision, waiting)
            version = item.version
    item = await drafting.change(
        session, caller, item, revision, changes, version=version, typing=typing
    )
    if leaving:
        await wake(session, leaving)
    return item


async def submit(
    session: AsyncSession, hub: Hub, caller: Caller, item_id: UUID, form: SubmitForm
) -> Item:
    """Freezes the draft with its accounts and times, and stores what each account will show.

    Refused with InvalidError while a blocking problem stands; nothing is then changed.
    """
    caller.need_role("editor")
    item = await workflow.lock_item(session, caller, item_id)
    revision = await workflow.newest_revision(session, item)
    if revision.state in ("returned", "stopped"):
        revision = await drafting.open_next(session, caller, item, revision)
    accounts = await _chosen(session, caller, item, form)
    await workflow.freeze_revision(
        session,
        caller,
        item,
        revision,
        accounts=tuple(account.id for account in accounts),
        publish_at=form.publish_at,
        expires_at=form.expires_at,
        urgent=form.urgent,
        note=form.note,
    )
    shown = await preview.render_draft(session, hub, item, revision, accounts)
    names = {account.id: account.name for account in accounts}
    refused = tuple(
        FieldError(
            field=f"{names[one.account_id]}: {problem.field}",
            code=problem.code,
            detail=problem.detail,
        )
        for one in shown
        for problem in one.problems
        if problem.blocking
    )
    if refused:
        raise InvalidError("blocking_problems", fields=refused, count=len(refused))
    await workflow.submit(session, caller, item, revision)
    await notices.submitted(session, item, revision)
    return item


async def approve(
    session: AsyncSession,
    hub: Hub,
    caller: Caller,
    item_id: UUID,
    *,
    revision: int,
    seen: Mapping[UUID, str],
) -> Item:
    """A second person agrees: every account chosen should now show exactly what was seen.

    What was seen is what will be sent. Raises ForbiddenError `four_eyes`, ConflictError
    `content_changed` when anything differs from what was seen.
    """
    item = await workflow.lock_item(session, caller, item_id)
    if item.revision_no != revision:
        workflow.check_two_people(caller, item, await workflow.newest_revision(session, item))
        raise ConflictError("content_changed")
    agreed = await workflow.newest_revision(session, item)
    stored = (await session.execute(_HASHES, {"revision": agreed.id})).all()
    chosen = set(agreed.accounts)
    shown = {row.account_id: row.hash for row in stored if row.account_id in chosen}
    approval = await workflow.approve(session, caller, item, agreed, seen=seen, shown=shown)
    await notices.handled(session, item.id, Cause.SUBMITTED, Cause.URGENT)
    await _still_open(session, agreed.accounts)
    rows = [
        {"id": str(new_id()), "account_id": str(row.account_id), "rendition_id": str(row.id)}
        for row in stored
        if row.account_id in chosen
    ]
    house = await agency.settings(session)
    await session.execute(_LOCK, {"item": item.id})
    publications = await session.scalars(
        _AGREE,
        {
            "item": item.id,
            "approval": approval.id,
            "expires_at": agreed.expires_at,
            "urgent": agreed.urgent,
            "publish_at": agreed.publish_at,
            "hold": house.holds(hub.rules.hold, urgent=agreed.urgent).total_seconds(),
            "rows": preview.json_text(rows),
        },
    )
    agreed_on = list(publications)
    # After thousands of rows and before the lanes: the record's end is locked for the whole house.
    await workflow.record_approval(session, caller, item, agreed, approval)
    await wake(session, agreed_on)
    return item


async def send_back(session: AsyncSession, caller: Caller, item_id: UUID, *, reason: str) -> Item:
    """Returns what is in review to its author, with the reason."""
    item = await workflow.lock_item(session, caller, item_id)
    revision = await workflow.newest_revision(session, item)
    await workflow.send_back(session, caller, item, revision, reason=reason)
    await notices.returned(session, item, revision)
    return item


async def withdraw(
    session: AsyncSession,
    caller: Caller,
    item_id: UUID,
    *,
    reason: str,
    account_ids: Sequence[UUID] | None = None,
) -> tuple[Effect, ...]:
    """The accounts should show nothing of this item any more; all of them, or those named.

    Unsent operations are cancelled in the same transaction; an open call is waited for and what it
    made is taken down. Repeating it changes nothing.
    """
    caller.need_role(*(await agency.settings(session)).withdrawers())
    if not reason.strip():
        raise InvalidError("reason_missing")
    item = await workflow.lock_item(session, caller, item_id)
    found = await session.execute(
        _WITHDRAW, {"item": item.id, "accounts": list(account_ids) if account_ids else None}
    )
    effects = tuple(
        Effect(account_id=row.account_id, publication_id=row.id, effect=row.effect) for row in found
    )
    if not effects and (account_ids is None or not await _stands_somewhere(session, item)):
        raise ConflictError("nothing_published")
    if account_ids is not None and {one.account_id for one in effects} != set(account_ids):
        raise NotFoundError("publication_not_found")
    await _mark_withdrawn(session, item, reason)
    workflow.touch(item)
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.ITEM_WITHDRAWN,
        f"item:{item.id}",
        unit=item.unit_id,
        reason=reason,
        details={"accounts": {str(one.account_id): one.effect for one in effects}},
    )
    await wake(session, [one.publication_id for one in effects])
    return effects


async def stop(session: AsyncSession, caller: Caller, item_id: UUID) -> Item:
    """Takes an agreed revision back before its first call: of it nothing appears, ever.

    What was wanted before it is wanted again, and what was being withdrawn still is. Raises
    ConflictError `already_started` when a call may have started, `nothing_to_stop` when nothing
    waits.
    """
    caller.need_person()
    item = await workflow.lock_item(session, caller, item_id)
    revision = await _newest_approved(session, item)
    if revision is None:
        if caller.staff_id != item.created_by:
            caller.need_role("editor", "approver")
        raise ConflictError("nothing_to_stop")
    hands = {item.created_by, revision.created_by, revision.last_editor, revision.submitted_by}
    if caller.staff_id not in hands:
        caller.need_role("approver")
    waiting = await _waiting(session, item, revision)
    if waiting is None or not waiting.ids:
        raise ConflictError("nothing_to_stop")
    if waiting.begun:
        raise ConflictError("already_started")
    leaving = await _stop(session, caller, item, revision, waiting)
    if leaving:
        await wake(session, leaving)
    return item


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    approval_id: UUID
    ids: tuple[UUID, ...]
    begun: bool


async def _waiting(session: AsyncSession, item: Item, revision: Revision) -> _Waiting | None:
    """The publications that wait for this revision, locked: no call can begin meanwhile."""
    approval = await session.scalar(
        text("SELECT id FROM approval WHERE revision_id = :id AND voided_at IS NULL"),
        {"id": revision.id},
    )
    if approval is None:
        return None
    rows = (await session.execute(_STOPPABLE, {"item": item.id, "approval": approval})).all()
    return _Waiting(
        approval_id=approval,
        ids=tuple(row.id for row in rows),
        begun=any(row.begun for row in rows),
    )


async def _stop(
    session: AsyncSession, caller: Caller, item: Item, revision: Revision, waiting: _Waiting
) -> list[UUID]:
    """Takes the agreement back; gives the publications whose withdrawal goes on, to be woken."""
    stopped = (await session.execute(_STOP, {"ids": list(waiting.ids)})).all()
    await session.execute(
        text("UPDATE approval SET voided_at = now() WHERE id = :id"), {"id": waiting.approval_id}
    )
    revision.state = "stopped"
    workflow.touch(item)
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.ITEM_STOPPED,
        f"item:{item.id}",
        unit=item.unit_id,
        details={"revision": revision.no},
    )
    return [row.id for row in stopped if row.leaving]


async def _newest_approved(session: AsyncSession, item: Item) -> Revision | None:
    found = await session.scalars(
        select(Revision)
        .where(col(Revision.item_id) == item.id, col(Revision.state) == "approved")
        .order_by(col(Revision.no).desc())
        .limit(1)
    )
    return found.first()


async def _chosen(
    session: AsyncSession, caller: Caller, item: Item, form: SubmitForm
) -> list[Account]:
    fields: list[FieldError] = []
    wanted = list(dict.fromkeys(form.accounts))
    accounts = list(
        await session.scalars(
            select(Account)
            .where(one_of(wanted), col(Account.stage) != "closed")
            .order_by(col(Account.created_at), col(Account.id))
        )
    )
    accounts = [account for account in accounts if caller.may_see(account.unit_id)]
    if not wanted:
        fields.append(
            FieldError(
                field="accounts",
                code="accounts_missing",
                detail="Chọn ít nhất một kênh · Choose an account",
            )
        )
    if any(account.stage != "official" for account in accounts):
        fields.append(
            FieldError(
                field="accounts",
                code="account_on_trial",
                detail="Có kênh đang nối dở, chưa đăng lên được"
                " · An account is still being connected",
            )
        )
    if len(accounts) != len(wanted):
        fields.append(
            FieldError(
                field="accounts",
                code="account_not_found",
                detail="Có kênh không tồn tại, đã đóng hoặc không thuộc đơn vị của bạn"
                " · An account does not exist, is closed or belongs to another unit",
            )
        )
    if form.publish_at and form.expires_at and form.expires_at <= form.publish_at:
        fields.append(
            FieldError(
                field="expires_at",
                code="expires_before_publish",
                detail="Hạn cuối phải sau giờ đăng · The end must come after the publication",
            )
        )
    # A correction must reach every account that shows the earlier text, or the error lives on
    # there.
    showing = await session.scalars(
        select(col(Publication.account_id)).where(
            col(Publication.item_id) == item.id,
            col(Publication.desired_rendition_id).is_not(None),
        )
    )
    if set(showing) - {account.id for account in accounts}:
        fields.append(
            FieldError(
                field="accounts",
                code="account_left_out",
                detail="Bài đang hiện hoặc chờ đăng trên kênh không được chọn: chọn đủ các kênh đó,"
                " hoặc gỡ bài khỏi kênh ấy trước · The item is up or due on an account that is"
                " left out: choose it too, or withdraw it there first",
            )
        )
    if fields:
        raise InvalidError("submission_incomplete", fields=tuple(fields))
    return accounts


async def _still_open(session: AsyncSession, accounts: Sequence[UUID]) -> None:
    closed = await session.scalar(
        text("SELECT count(*) FROM account WHERE id = ANY(:ids) AND stage = 'closed'"),
        {"ids": list(accounts)},
    )
    if closed:
        raise ConflictError("account_closed")


async def _stands_somewhere(session: AsyncSession, item: Item) -> bool:
    """Whether the item has a standing on any account."""
    return bool(
        await session.scalar(
            text("SELECT EXISTS (SELECT FROM publication WHERE item_id = :item)"),
            {"item": item.id},
        )
    )


async def _mark_withdrawn(session: AsyncSession, item: Item, reason: str) -> None:
    """Marks the item once nothing of it is wanted anywhere, and closes what is in review."""
    left = await session.scalar(
        text(
            "SELECT count(*) FROM publication"
            " WHERE item_id = :item AND desired_rendition_id IS NOT NULL"
        ),
        {"item": item.id},
    )
    if left:
        return
    if item.withdrawn_at is None:
        item.withdrawn_at = await session.scalar(text("SELECT now()"))
        item.withdrawn_reason = reason
    await session.execute(
        text("UPDATE revision SET state = 'superseded' WHERE item_id = :item AND state = 'review'"),
        {"item": item.id},
    )
