"""Intent first: for each held lane, the next publication, all checks, and what is about to be done.

One transaction for a batch of lanes. When it has committed, everything that was checked was true a
moment ago under the publication's row lock, and a row says what is about to leave this house.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import Row as SqlRow
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.accounts import opened
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.delivery.abilities import publishes, reads_back
from services.delivery.choice import (
    Choice,
    Facts,
    Fail,
    Hold,
    Look,
    OpenAttempt,
    Pause,
    Send,
    Settle,
    Unclear,
    calls_spent,
    choose,
)
from services.delivery.hub import Hub
from services.delivery.lanes import Baseline, Held, Stray, release
from services.delivery.tables import State
from services.delivery.voiding import tell_paused, void_approvals
from services.storage.columns import new_id
from shared.clock import steady_seconds
from shared.contract.messages import Account, Call, Operation, Outcome, Payload, RemoteId, Step
from shared.errors import LoaError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A call that may leave now: its intent is committed.

    `start_by` (of `steady_seconds`): begun later, it could outlive the lane's lease (R11).
    """

    lane: Held
    publication_id: UUID
    attempt_id: UUID
    channel: str
    step: Step
    call: Call
    tries: int
    waits: int
    credentials_version: int
    breaker_failures: int
    resumes: bool
    start_by: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsBaseline:
    """Before a call that cannot be repeated, the newest ids of the account must be known."""

    lane: Held
    channel: str
    account: Account
    publication_id: UUID
    generation: int
    tries: int
    credentials_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookDue:
    """The account's posts must be read: an outcome is unclear, or a settled post is compared."""

    lane: Held
    channel: str
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Nothing is left to do in this lane; `released` tells whether it was given back already."""

    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Something was settled without a call: ask once more."""


Next: TypeAlias = Bound | NeedsBaseline | LookDue | Nothing | Again


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call brought: an outcome, or the error it raised."""

    bound: Bound
    outcome: Outcome | BaseException


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One lane asks what to do next; while it is `looking`, only sends are named.

    With it come what its last call brought, and the newest ids if they were just read.
    """

    lane: Held
    looking: bool = False
    answer: Answer | None = None
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the answers of a batch left behind: lanes that may rest, publications that strayed."""

    resting: frozenset[Held] = frozenset()
    strayed: tuple[Stray, ...] = ()


# One due publication for each lane, locked. A freeze lets withdrawals pass, also one that is half
# done while the item is wanted again, and what it has held for too long, which is never sent. Due
# by the time of the statement: an outcome kept in this transaction left its publication due after
# the transaction's own begin. A row that somebody else has locked is being decided on by a person
# right now: it is skipped and comes again.
_NEXT = text(
    """
    SELECT lane.account_id AS lane_account, lane.urgent AS lane_urgent, lane.fence AS lane_fence,
           coalesce(lane.baseline_at > now() - interval '30 seconds', false)
             AS baseline_fresh,
           lane.baseline AS baseline,
           CAST(extract(epoch FROM lane.until - statement_timestamp()) AS double precision)
             AS lease_left,
           statement_timestamp() AS now, p.id, p.item_id, p.state, p.generation,
           p.observed_generation, p.desired_rendition_id, p.observed_rendition_id,
           p.remote_id, p.remote_url,
           p.not_before, p.expires_at, p.urgent, p.tries, p.may_be_visible,
           p.approval_id, approval.id AS approval_row, item.code AS item_code,
           item.released_no, item.withdrawn_at AS item_withdrawn_at,
           r.payload::text AS payload, r.hash AS rendition_hash, revision.no AS revision_no,
           a.id AS attempt_id, a.generation AS attempt_generation, a.no AS attempt_no,
           a.operation AS attempt_operation, a.phase, a.calling, a.repeatable, a.handle,
           a.rendition_id AS attempt_rendition_id, a.waits, a.fence AS attempt_fence,
           (SELECT coalesce(max(no), 0) FROM attempt
             WHERE publication_id = p.id AND generation = p.generation) AS last_no,
           account.channel, account.state = 'paused' AS paused, account.rate_until,
           account.quota_until, account.breaker_until, account.breaker_failures,
           CASE WHEN account.usage_at > now() - interval '60 seconds'
                THEN account.usage END AS usage,
           CASE WHEN call_budget.full_at > statement_timestamp()
                THEN 1 - CAST(extract(epoch FROM call_budget.full_at - statement_timestamp())
                              AS double precision) / 60
                ELSE 1 END AS budget,
           account.token_state = 'renewing' AND account.token_until > now() AS token_busy,
           account.credentials_version, account.name AS account_name,
           account.remote_id AS account_remote_id, account.settings::text AS settings,
           account.sealed_credentials,
           approval.id IS NOT NULL AND approval.voided_at IS NULL AND EXISTS (
             SELECT 1 FROM staff JOIN staff_role ON staff_role.staff_id = staff.id
              WHERE staff.id = approval.by AND staff.active AND staff_role.role = 'approver'
           ) AS approved,
           CASE WHEN :runaway = 0 OR p.urgent THEN 0 ELSE (
             SELECT count(*) FROM attempt x
              WHERE x.account_id = p.account_id AND x.started_at > now() - interval '1 hour'
                AND x.operation = 'publish' AND x.no = 1 AND NOT x.urgent) END AS posts_last_hour,
           hub.frozen, hub.fenced
      FROM unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                  CAST(:fences AS bigint[]), CAST(:lookings AS boolean[]))
             AS mine(account_id, urgent, fence, looking)
      JOIN lane ON lane.account_id = mine.account_id AND lane.urgent = mine.urgent
               AND lane.fence = mine.fence
      JOIN account ON account.id = lane.account_id
      LEFT JOIN call_budget ON call_budget.account_id = lane.account_id
      CROSS JOIN (SELECT
         EXISTS (SELECT 1 FROM switch
                  WHERE name = 'freeze' AND (until IS NULL OR until > now())) AS frozen,
         EXISTS (SELECT 1 FROM switch WHERE name = 'fence') AS fenced) AS hub
      JOIN LATERAL (
        (SELECT x.* FROM publication x
          WHERE x.account_id = lane.account_id AND x.in_urgent_lane = lane.urgent
            AND x.next_at <= statement_timestamp()
            AND NOT (mine.looking AND x.state = 'uncertain')
            AND account.state = 'active' AND (NOT hub.fenced OR x.state = 'uncertain')
            AND (NOT hub.frozen OR x.desired_rendition_id IS NULL OR x.state = 'uncertain'
                 OR (x.expires_at <= statement_timestamp() AND x.observed_rendition_id IS NULL)
                 OR EXISTS (SELECT 1 FROM attempt h
                             WHERE h.publication_id = x.id AND h.ended_at IS NULL
                               AND h.operation = 'withdraw' AND h.phase IS NOT NULL))
          ORDER BY x.state = 'uncertain', x.urgent DESC, x.next_at
          LIMIT 1 FOR UPDATE SKIP LOCKED)
      ) AS p ON true
      JOIN item ON item.id = p.item_id
      LEFT JOIN rendition r ON r.id = p.desired_rendition_id
      LEFT JOIN revision ON revision.id = r.revision_id
      LEFT JOIN attempt a ON a.publication_id = p.id AND a.ended_at IS NULL
      LEFT JOIN approval ON approval.id = p.approval_id
    """
)

# Comparing settled posts with the channel has time: only when nothing else is due.
_COMPARE = text(
    """
    SELECT lane.account_id, account.id, account.channel, account.name, account.remote_id,
           account.settings, account.sealed_credentials
      FROM unnest(CAST(:accounts AS uuid[]), CAST(:fences AS bigint[])) AS mine(account_id, fence)
      JOIN lane ON lane.account_id = mine.account_id AND NOT lane.urgent
               AND lane.fence = mine.fence
      JOIN account ON account.id = lane.account_id AND account.state = 'active'
     WHERE EXISTS (SELECT 1 FROM publication p
                    WHERE p.account_id = lane.account_id AND p.look_at <= now())
    """
)

_OVERTAKE = text(
    """
    UPDATE attempt SET ended_at = now(), outcome = 'overtaken', calling = NULL
     WHERE id = ANY(:ids) AND ended_at IS NULL
    """
)

_OPEN = text(
    """
    INSERT INTO attempt (id, publication_id, account_id, generation, no, operation, phase, calling,
                         repeatable, handle, rendition_id, rendition_hash, fingerprint, baseline,
                         urgent, fence, waits, started_at, called_at, ended_at, outcome)
    SELECT n.id, n.publication_id, n.account_id, n.generation, n.no, n.operation, n.phase,
    n.calling, n.repeatable, n.handle, n.rendition_id, n.rendition_hash, marks.mark, n.baseline,
           n.urgent, n.fence, 0, clock_timestamp(), clock_timestamp(),
           CASE WHEN n.settled THEN clock_timestamp() END, CASE WHEN n.settled THEN 'done' END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(
        id uuid, publication_id uuid, account_id uuid, generation int, no int, operation text,
        phase text, calling text, repeatable boolean, handle jsonb, rendition_id uuid,
        rendition_hash text, mark int, baseline jsonb, urgent boolean, fence bigint,
        settled boolean)
      LEFT JOIN jsonb_array_elements(CAST(:marks AS jsonb)) WITH ORDINALITY AS marks(mark, no)
        ON marks.no = n.mark
    """
)

_RESUME = text(
    """
    UPDATE attempt SET calling = n.calling, repeatable = n.repeatable, fence = n.fence,
                       called_at = clock_timestamp(),
                       baseline = coalesce(n.baseline, attempt.baseline)
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(
        id uuid, calling text, repeatable boolean, fence bigint, baseline jsonb)
     WHERE attempt.id = n.id AND attempt.ended_at IS NULL
    """
)

_SENDING = text(
    "UPDATE publication SET state = 'sending' WHERE id = ANY(:ids) AND state <> 'sending'"
)

# The public page may show a revision from the moment its first call may have left: the posts that
# link to it must not lead nowhere.
_RELEASED = text(
    """
    UPDATE item SET released_no = greatest(n.no, item.released_no),
                    published_at = coalesce(item.published_at, now()),
                    withdrawn_at = NULL, withdrawn_reason = NULL
      FROM (SELECT id, max(no) AS no FROM jsonb_to_recordset(CAST(:rows AS jsonb))
             AS x(id uuid, no int) GROUP BY id) AS n
     WHERE item.id = n.id
       AND (n.no > coalesce(item.released_no, 0) OR item.withdrawn_at IS NOT NULL)
    """
)

# Whoever decides about an item holds its row and then wants its publications, which are held here:
# so an item that is not free is left alone and asked for again, never waited for.
_ITEMS = text("SELECT id FROM item WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED")

_HOLD = text(
    """
    UPDATE publication SET next_at = coalesce(n.until, now() + interval '1 second')
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, until timestamptz)
     WHERE publication.id = n.id
    """
)

_SETTLE = text(
    """
    UPDATE publication SET
      state = n.state, observed_generation = generation,
      observed_rendition_id = desired_rendition_id, observed_revision_no = n.revision_no,
      remote_id = CASE n.state WHEN 'live' THEN coalesce(n.remote_id, publication.remote_id) END,
      remote_url = CASE n.state WHEN 'live' THEN coalesce(n.remote_url, publication.remote_url) END,
      observed_at = now(), next_at = NULL, tries = 0, may_be_visible = false,
      first_observed_at = CASE n.state WHEN 'live'
                          THEN coalesce(first_observed_at, now()) ELSE first_observed_at END,
      in_urgent_lane = urgent, problem_code = NULL, problem_remote_code = NULL,
      problem_words = NULL, problem_at = NULL
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(
        id uuid, state text, revision_no int, remote_id text, remote_url text)
     WHERE publication.id = n.id
    """
)

_FAIL = text(
    """
    UPDATE publication SET state = n.state, next_at = NULL, problem_code = n.code,
                           problem_at = now(), in_urgent_lane = urgent
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, state text, code text)
     WHERE publication.id = n.id
    """
)

_UNCLEAR = text(
    """
    UPDATE publication SET state = 'uncertain', problem_code = 'worker_lost', problem_at = now(),
           left_at = now(), looks = 0, absences = 0, final = false, may_be_visible = true,
           next_at = now() + make_interval(secs => :first_look)
     WHERE id = ANY(:ids)
    """
)

# One statement adds to what is there, so that calls of other workers are never forgotten.
_SPEND = text(
    """
    INSERT INTO call_budget AS b (account_id, full_at)
    SELECT n.id, statement_timestamp() + make_interval(secs => n.calls * 60.0 / :per_minute)
      FROM (SELECT id, sum(calls) AS calls
              FROM unnest(CAST(:ids AS uuid[]), CAST(:calls AS int[])) AS x(id, calls)
             GROUP BY id ORDER BY id) AS n
    ON CONFLICT (account_id) DO UPDATE SET
      full_at = greatest(b.full_at, statement_timestamp())
                + (excluded.full_at - statement_timestamp())
    """
)

_PAUSE = text(
    """
    UPDATE account SET state = 'paused', pause_code = n.code, paused_at = now()
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, code text)
     WHERE account.id = n.id AND account.state = 'active'
    RETURNING account.id, account.unit_id, account.pause_code
    """
)


async def begin(
    session: AsyncSession, hub: Hub, asks: Sequence[Ask], kept: Kept | None = None
) -> list[Next]:
    """What each lane should do now, in the order asked. A lane with nothing to do is given back.

    The answers in `asks` were kept by `outcome.keep` in this same transaction, or before; `kept` is
    what that gave. Raises nothing for a single bad row: an account that cannot be opened is paused,
    and its publications wait.
    """
    left = kept or Kept()
    resting = [ask.lane for ask in asks if ask.lane in left.resting and not ask.looking]
    found: dict[Held, Next] = {}
    turning = [ask for ask in asks if ask.looking or ask.lane not in left.resting]
    if turning:
        found = await _next(session, hub, turning)
    idle = [ask for ask in turning if ask.lane not in found]
    found |= await _compare(session, hub, [ask.lane for ask in idle if not ask.looking])
    released = await release(
        session,
        [ask.lane for ask in idle if not ask.looking and ask.lane not in found],
        resting=resting,
        strayed=left.strayed,
        baselines=[ask.baseline for ask in asks if ask.baseline is not None],
    )
    for lane in resting:
        found[lane] = Nothing(released=True) if lane in released else Again()
    for ask in idle:
        found.setdefault(ask.lane, Nothing(released=not ask.looking))
    return [found[ask.lane] for ask in asks]


async def _next(session: AsyncSession, hub: Hub, asks: Sequence[Ask]) -> dict[Held, Next]:
    """The next step of each lane in which something is due."""
    asked_at = steady_seconds()
    rows = await session.execute(
        _NEXT,
        {
            "accounts": [ask.lane.account_id for ask in asks],
            "urgents": [ask.lane.urgent for ask in asks],
            "fences": [ask.lane.fence for ask in asks],
            "lookings": [ask.looking for ask in asks],
            "runaway": hub.rules.runaway_per_hour,
        },
    )
    due = rows.all()
    unreleased = {row.item_id for row in due if _unreleased(row)}
    locked = set(await session.scalars(_ITEMS, {"ids": list(unreleased)})) if unreleased else set()
    work = _Work(hub, asked_at=asked_at, blocked=unreleased - locked)
    by_lane = {(ask.lane.account_id, ask.lane.urgent): ask for ask in asks}
    found: dict[Held, Next] = {}
    for row in due:
        ask = by_lane[row.lane_account, row.lane_urgent]
        found[ask.lane] = work.take(ask, row)
    await work.write(session)
    return found


async def _compare(session: AsyncSession, hub: Hub, lanes: Sequence[Held]) -> dict[Held, Next]:
    ordinary = {lane.account_id: lane for lane in lanes if not lane.urgent}
    if not ordinary:
        return {}
    rows = await session.execute(
        _COMPARE,
        {"accounts": list(ordinary), "fences": [lane.fence for lane in ordinary.values()]},
    )
    found: dict[Held, Next] = {}
    for row in rows:
        lane = ordinary[row.account_id]
        try:
            account = opened(hub.registry, hub.sealer, row)
        except LoaError as error:
            broken = [{"id": str(row.id), "code": error.code}]
            for paused in (await session.execute(_PAUSE, {"rows": _json(broken)})).all():
                await tell_paused(session, paused.id, paused.unit_id, paused.pause_code)
            continue
        found[lane] = LookDue(lane=lane, channel=row.channel, account=account)
    await _spend(session, hub, [(lane.account_id, 1) for lane in found])
    return found


async def _spend(session: AsyncSession, hub: Hub, calls: Sequence[tuple[UUID, int]]) -> None:
    """Takes these calls from the budgets of their accounts."""
    if not calls or not hub.rules.calls_per_minute:
        return
    await session.execute(
        _SPEND,
        {
            "ids": [account_id for account_id, _ in calls],
            "calls": [count for _, count in calls],
            "per_minute": float(hub.rules.calls_per_minute),
        },
    )


class _Work:
    """What one batch decided, gathered so that each kind of decision is one statement."""

    def __init__(self, hub: Hub, *, asked_at: float, blocked: set[UUID]) -> None:
        self._hub = hub
        self._asked_at = asked_at
        self._blocked = blocked
        self._open: list[dict[str, object]] = []
        # One item shows mostly the same on many accounts: its text goes to the database once.
        self._marks: list[Mapping[str, object]] = []
        self._marked: dict[tuple[str, str | None], int] = {}
        self._resume: list[dict[str, object]] = []
        self._overtaken: list[UUID] = []
        self._sending: list[UUID] = []
        self._released: list[dict[str, object]] = []
        self._held: list[dict[str, object]] = []
        self._settled: list[dict[str, object]] = []
        self._failed: list[dict[str, object]] = []
        self._unclear: list[UUID] = []
        self._paused: list[dict[str, object]] = []
        self._voided: list[UUID] = []
        self._spent: list[tuple[UUID, int]] = []

    def take(self, ask: Ask, row: "SqlRow[tuple[object, ...]]") -> Next:
        """Decides on one publication and notes what is to be written."""
        lane = ask.lane
        try:
            channel = self._hub.registry.get(row.channel)
            account = _account(self._hub, row)
        except LoaError as error:
            self._paused.append({"id": str(lane.account_id), "code": error.code})
            return Again()
        if row.approval_id is not None and row.approval_row is None:
            # The row's lock was waited for, and what it then said is newer than what was joined.
            return Again()
        facts = _facts(self._hub, row, pulls=channel.pull, reads=reads_back(channel))
        choice: Choice = choose(facts)
        if row.item_id in self._blocked and isinstance(choice, Send | Settle):
            return Again()
        if isinstance(choice, Send):
            try:
                return self._send(ask, row, facts, choice, account)
            except Exception:
                # One row that its adapter cannot take must not stop the lane behind it (R41).
                log.exception("adapter.broke", channel=row.channel, publication=str(row.id))
                choice = Fail(state=State.FAILED, code="adapter_broke")
        if isinstance(choice, Look):
            self._spent.append((lane.account_id, calls_spent(facts)))
            return LookDue(lane=lane, channel=row.channel, account=account)
        self._note(lane, row, facts, choice)
        return Again()

    def _note(
        self,
        lane: Held,
        row: "SqlRow[tuple[object, ...]]",
        facts: Facts,
        choice: Hold | Settle | Fail | Unclear | Pause,
    ) -> None:
        """Notes a decision that needs no call."""
        match choice:
            case Hold(until=until):
                self._held.append({"id": str(row.id), "until": _iso(until)})
            case Settle(state=state):
                self._settle(lane, row, facts, state)
            case Fail(state=state, code=code):
                self._failed.append({"id": str(row.id), "state": state, "code": code})
                if facts.attempt is not None:
                    self._overtaken.append(facts.attempt.id)
                if code == "approval_void" and row.approval_id is not None:
                    self._voided.append(row.approval_id)
            case Unclear():
                self._unclear.append(row.id)
            case Pause(code=code):
                self._paused.append({"id": str(lane.account_id), "code": code})

    def _send(
        self,
        ask: Ask,
        row: "SqlRow[tuple[object, ...]]",
        facts: Facts,
        choice: Send,
        account: Account,
    ) -> Next:
        lane = ask.lane
        channel = self._hub.registry.get(row.channel)
        if not publishes(channel):
            self._failed.append({"id": str(row.id), "state": State.FAILED, "code": "not_able"})
            return Again()
        attempt = facts.attempt
        call = Call(
            operation=choice.operation,
            account=account,
            payload=facts.payload if choice.operation is not Operation.WITHDRAW else None,
            remote_id=RemoteId(facts.remote_id) if facts.remote_id is not None else None,
            phase=attempt.phase if attempt else None,
            handle=attempt.handle if attempt else {},
            deadline=self._hub.rules.call_deadline,
        )
        step = channel.step(call)
        self._spent.append((lane.account_id, calls_spent(facts)))
        reads_back = facts.reads_back and not step.repeatable
        if reads_back and ask.baseline is None and not row.baseline_fresh:
            return NeedsBaseline(
                lane=lane,
                channel=row.channel,
                account=account,
                publication_id=row.id,
                generation=facts.generation,
                tries=facts.tries,
                credentials_version=row.credentials_version,
            )
        known = row.baseline if ask.baseline is None else ask.baseline.ids
        baseline = known if reads_back else None
        if choice.resume and attempt is not None:
            attempt_id = attempt.id
            self._resume.append(
                {
                    "id": str(attempt.id),
                    "calling": step.name,
                    "repeatable": step.repeatable,
                    "fence": lane.fence,
                    "baseline": baseline,
                }
            )
        else:
            attempt_id = new_id()
            if attempt is not None:
                self._overtaken.append(attempt.id)
            self._open.append(
                {
                    **self._attempt(lane, facts, choice.operation),
                    "id": str(attempt_id),
                    "phase": call.phase,
                    "calling": step.name,
                    "repeatable": step.repeatable,
                    "handle": dict(call.handle),
                    "mark": self._mark(row.channel, facts, choice.operation),
                    "baseline": baseline,
                    "settled": False,
                }
            )
        if facts.state is not State.SENDING:
            self._sending.append(row.id)
        if choice.operation is not Operation.WITHDRAW and _unreleased(row):
            self._released.append({"id": str(row.item_id), "no": facts.revision_no})
        return Bound(
            lane=lane,
            publication_id=row.id,
            attempt_id=attempt_id,
            channel=row.channel,
            step=step,
            call=call,
            tries=facts.tries,
            waits=attempt.waits if attempt and choice.resume else 0,
            credentials_version=row.credentials_version,
            breaker_failures=row.breaker_failures,
            resumes=choice.resume,
            start_by=self._asked_at + row.lease_left - call.deadline.total_seconds(),
        )

    def _settle(
        self, lane: Held, row: "SqlRow[tuple[object, ...]]", facts: Facts, state: State
    ) -> None:
        """Without a call: an outlet that pulls, or a channel that already stands as desired.

        For a pull channel intent and outcome are this one transaction; its attempt says so.
        """
        url = self._hub.item_url(facts.item_code)
        pulled = facts.pulls and state is State.LIVE
        self._settled.append(
            {
                "id": str(row.id),
                "state": state,
                "revision_no": facts.revision_no if state is State.LIVE else None,
                "remote_id": url if pulled else None,
                "remote_url": url if pulled else None,
            }
        )
        if facts.attempt is not None:
            self._overtaken.append(facts.attempt.id)
        if not facts.pulls:
            return
        operation = (
            Operation.WITHDRAW
            if state is State.WITHDRAWN
            else Operation.UPDATE
            if facts.observed_rendition_id is not None
            else Operation.PUBLISH
        )
        self._open.append(
            {
                **self._attempt(lane, facts, operation),
                "id": str(new_id()),
                "phase": "in the feed",
                "calling": None,
                "repeatable": True,
                "handle": {},
                "mark": None,
                "baseline": None,
                "settled": True,
            }
        )
        if state is State.LIVE:
            self._released.append({"id": str(row.item_id), "no": facts.revision_no})

    def _attempt(self, lane: Held, facts: Facts, operation: Operation) -> dict[str, object]:
        return {
            "publication_id": str(facts.publication_id),
            "account_id": str(facts.account_id),
            "generation": facts.generation,
            "no": facts.last_no + 1,
            "operation": operation,
            "rendition_id": str(facts.desired_rendition_id) if facts.desired_rendition_id else None,
            "rendition_hash": facts.rendition_hash,
            "urgent": lane.urgent,
            "fence": lane.fence,
        }

    def _mark(self, channel: str, facts: Facts, operation: Operation) -> int | None:
        """The number of its fingerprint among those of this batch; None for what shows nothing."""
        if operation is Operation.WITHDRAW or facts.payload is None:
            return None
        same = (channel, facts.rendition_hash)
        if same not in self._marked:
            mark = self._hub.registry.get(channel).fingerprint(facts.payload)
            self._marks.append(
                {"link": mark.link, "text": mark.text, "picture_count": mark.picture_count}
            )
            self._marked[same] = len(self._marks)
        return self._marked[same]

    async def write(self, session: AsyncSession) -> None:
        """Writes what was decided; the caller commits."""
        run = session.execute
        if self._overtaken:
            # First: a publication has at most one open attempt.
            await run(_OVERTAKE, {"ids": self._overtaken})
        if self._open:
            await run(_OPEN, {"rows": _json(self._open), "marks": _json(self._marks)})
        rows = (
            (_RESUME, self._resume),
            (_RELEASED, self._released),
            (_HOLD, self._held),
            (_SETTLE, self._settled),
            (_FAIL, self._failed),
        )
        for statement, changes in rows:
            if changes:
                await run(statement, {"rows": _json(changes)})
        if self._sending:
            await run(_SENDING, {"ids": self._sending})
        if self._spent:
            await _spend(session, self._hub, self._spent)
        if self._voided:
            await void_approvals(session, self._voided)
        if self._unclear:
            first = self._hub.rules.look_schedule[0].total_seconds()
            await run(_UNCLEAR, {"ids": self._unclear, "first_look": first})
        if self._paused:
            paused = await run(_PAUSE, {"rows": _json(self._paused)})
            for row in paused.all():
                await tell_paused(session, row.id, row.unit_id, row.pause_code)


def _unreleased(row: "SqlRow[tuple[object, ...]]") -> bool:
    """Whether sending this would be the first that the public page may show of its revision."""
    if row.revision_no is None:
        return False
    return row.item_withdrawn_at is not None or row.revision_no > (row.released_no or 0)


def _facts(hub: Hub, row: "SqlRow[tuple[object, ...]]", *, pulls: bool, reads: bool) -> Facts:
    attempt = None
    if row.attempt_id is not None:
        attempt = OpenAttempt(
            id=row.attempt_id,
            generation=row.attempt_generation,
            no=row.attempt_no,
            operation=Operation(row.attempt_operation),
            phase=row.phase,
            calling=row.calling,
            repeatable=row.repeatable,
            handle=row.handle,
            rendition_id=row.attempt_rendition_id,
            waits=row.waits,
            fence=row.attempt_fence,
        )
    return Facts(
        now=row.now,
        publication_id=row.id,
        item_id=row.item_id,
        account_id=row.lane_account,
        item_code=row.item_code,
        fence=row.lane_fence,
        state=State(row.state),
        generation=row.generation,
        observed_generation=row.observed_generation,
        desired_rendition_id=row.desired_rendition_id,
        observed_rendition_id=row.observed_rendition_id,
        revision_no=row.revision_no,
        payload=_payload(row.payload) if row.payload is not None else None,
        rendition_hash=row.rendition_hash,
        remote_id=row.remote_id,
        remote_url=row.remote_url,
        not_before=row.not_before,
        expires_at=row.expires_at,
        urgent=row.urgent,
        tries=row.tries,
        may_be_visible=row.may_be_visible,
        last_no=row.last_no,
        attempt=attempt,
        approved=row.approved,
        frozen=row.frozen,
        fenced=row.fenced,
        paused=row.paused,
        rate_until=row.rate_until,
        quota_until=row.quota_until,
        breaker_until=row.breaker_until,
        usage=row.usage,
        calls_per_minute=hub.rules.calls_per_minute,
        budget=row.budget,
        token_busy=bool(row.token_busy),
        posts_last_hour=row.posts_last_hour,
        pulls=pulls,
        reads_back=reads,
        runaway_per_hour=hub.rules.runaway_per_hour,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    id: UUID
    channel: str
    name: str
    remote_id: str
    settings: Mapping[str, object]
    sealed_credentials: bytes


def _account(hub: Hub, row: "SqlRow[tuple[object, ...]]") -> Account:
    return _opened(
        hub.registry,
        hub.sealer,
        row.lane_account,
        row.channel,
        row.account_name,
        row.account_remote_id,
        row.settings,
        row.sealed_credentials,
    )


@lru_cache(maxsize=4096)
def _opened(
    registry: Registry,
    sealer: Sealer,
    id_: UUID,
    channel: str,
    name: str,
    remote_id: str,
    settings: str,
    sealed_credentials: bytes,
) -> Account:
    """As `opened`, by the text of the settings: nothing is parsed for an unchanged account."""
    return opened(
        registry,
        sealer,
        _Opening(
            id=id_,
            channel=channel,
            name=name,
            remote_id=remote_id,
            settings=json.loads(settings),
            sealed_credentials=sealed_credentials,
        ),
    )


@lru_cache(maxsize=64)
def _payload(text_: str) -> Payload:
    """One item shows mostly the same on many accounts: parsed once, read by all."""
    payload: Payload = json.loads(text_)
    return payload


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return json.dumps(rows, ensure_ascii=False)
