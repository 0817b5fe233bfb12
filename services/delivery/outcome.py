"""What the world answered, kept at once, in batches of one statement for each kind of answer.

Every write is conditional on the attempt still being ours: open, and under the fence with which the
call was made. An answer that comes too late changes nothing and is appended as evidence.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.abilities import reads_back
from services.delivery.hub import Hub
from services.delivery.intent import Answer, Bound, Kept, NeedsBaseline
from services.delivery.lanes import Held, Stray
from services.delivery.retries import Effects, Verdict, effects_of, spread, told
from services.delivery.tables import State
from services.delivery.voiding import tell_paused
from services.storage.columns import new_id
from shared.contract.errors import (
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Continue, Done, Operation

# A post is compared with the channel a minute after it went up (R8), then as `looking.next_look`.
_FIRST_LOOK = timedelta(seconds=60)

# How often a channel that is still processing is asked: about half an hour at its slowest pace.
PATIENCE = 40

_DONE = text(
    """
    WITH r AS (
      SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(
        attempt_id uuid, publication_id uuid, fence bigint, remote_id text, remote_url text,
        gone boolean, reads boolean)),
    closed AS (
      UPDATE attempt a SET ended_at = clock_timestamp(), outcome = 'done', calling = NULL
        FROM r WHERE a.id = r.attempt_id AND a.ended_at IS NULL AND a.fence = r.fence
      RETURNING a.id, a.generation, a.rendition_id,
                (SELECT no FROM revision JOIN rendition d ON d.revision_id = revision.id
                  WHERE d.id = a.rendition_id) AS revision_no),
    settled AS (
      UPDATE publication p SET
        observed_generation = greatest(p.observed_generation, c.generation),
        observed_rendition_id = CASE WHEN r.gone THEN NULL ELSE c.rendition_id END,
        observed_revision_no = CASE WHEN r.gone THEN NULL ELSE c.revision_no END,
        remote_id = CASE WHEN r.gone THEN NULL ELSE r.remote_id END,
        remote_url = CASE WHEN r.gone THEN NULL ELSE coalesce(r.remote_url, p.remote_url) END,
        state = CASE WHEN p.generation > c.generation THEN 'pending'
                     WHEN r.gone THEN 'withdrawn' ELSE 'live' END,
        next_at = CASE WHEN p.generation > c.generation
                       THEN greatest(clock_timestamp(), p.not_before) END,
        look_at = CASE WHEN r.reads AND NOT r.gone
                       THEN clock_timestamp() + make_interval(secs => :first_look)
                       WHEN r.reads AND p.watch_until > clock_timestamp()
                       THEN clock_timestamp() + interval '15 minutes' END,
        observed_at = clock_timestamp(),
        first_observed_at = CASE WHEN r.gone THEN p.first_observed_at
                                 ELSE coalesce(p.first_observed_at, clock_timestamp()) END,
        in_urgent_lane = p.urgent, tries = 0, may_be_visible = false, looks = 0, absences = 0,
        drift = NULL, drift_at = NULL, drift_text = NULL, compared_at = NULL, candidates = '[]',
        problem_code = NULL, problem_remote_code = NULL, problem_words = NULL, problem_at = NULL
        FROM r JOIN closed c ON c.id = r.attempt_id WHERE p.id = r.publication_id
      RETURNING p.id, p.in_urgent_lane, p.next_at)
    SELECT closed.id, settled.id AS publication_id, settled.in_urgent_lane,
           settled.next_at IS NOT NULL AS waits,
           settled.next_at <= clock_timestamp() AS due
      FROM closed JOIN r ON r.attempt_id = closed.id JOIN settled ON settled.id = r.publication_id
    """
)

_ONWARD = text(
    """
    WITH r AS (
      SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(
        attempt_id uuid, publication_id uuid, fence bigint, phase text, handle jsonb,
        remote_id text, after double precision, waited boolean)),
    kept AS (
      UPDATE attempt a SET phase = r.phase, handle = r.handle, calling = NULL,
                           waits = CASE WHEN r.waited THEN a.waits + 1 ELSE 0 END,
                           steps = CASE
                             WHEN r.waited THEN a.steps
                             -- One picture of several: the phase lasts until its last one is up.
                             WHEN a.phase IS NOT DISTINCT FROM r.phase THEN a.steps - -1
                             ELSE a.steps END
                             || CASE WHEN r.waited THEN '[]' ELSE jsonb_build_array(
                               jsonb_build_object('phase', r.phase, 'at', clock_timestamp()))
                               END
        FROM r WHERE a.id = r.attempt_id AND a.ended_at IS NULL AND a.fence = r.fence
      RETURNING a.id, a.generation),
    moved AS (
      UPDATE publication p SET
        next_at = CASE WHEN p.generation > k.generation THEN clock_timestamp()
                       ELSE clock_timestamp() + make_interval(secs => r.after) END,
        remote_id = coalesce(r.remote_id, p.remote_id),
        tries = CASE WHEN r.waited THEN p.tries ELSE 0 END,
        problem_code = NULL, problem_remote_code = NULL, problem_words = NULL, problem_at = NULL
        FROM r JOIN kept k ON k.id = r.attempt_id WHERE p.id = r.publication_id
      RETURNING p.id, p.in_urgent_lane, p.next_at)
    SELECT kept.id, moved.id AS publication_id, moved.in_urgent_lane,
           moved.next_at IS NOT NULL AS waits,
           moved.next_at <= clock_timestamp() AS due
      FROM kept JOIN r ON r.attempt_id = kept.id JOIN moved ON moved.id = r.publication_id
    """
)

# `closes` ends the attempt; one that already has a handle stays open and goes on from there.
_NOT_DONE = text(
    """
    WITH r AS (
      SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(
        attempt_id uuid, publication_id uuid, fence bigint, closes boolean, outcome text, state
        text, code text, remote_code text, words text, delay double precision, counts boolean,
        final boolean)),
    kept AS (
      UPDATE attempt a SET
        ended_at = CASE WHEN r.closes THEN clock_timestamp() END,
        outcome = CASE WHEN r.closes THEN r.outcome END,
        calling = CASE WHEN r.state = 'uncertain' THEN a.calling END,
        code = r.code, words = r.words
        FROM r WHERE a.id = r.attempt_id AND a.ended_at IS NULL AND a.fence = r.fence
      RETURNING a.id, a.generation),
    moved AS (
      UPDATE publication p SET
        state = CASE WHEN r.closes AND p.generation > k.generation THEN 'pending' ELSE r.state END,
        next_at = CASE
          WHEN r.closes AND p.generation > k.generation
            THEN greatest(clock_timestamp(), p.not_before)
          WHEN r.state IN ('failed','undecided') THEN NULL
          WHEN r.state = 'sending' AND p.generation > k.generation THEN clock_timestamp()
          ELSE clock_timestamp() + make_interval(secs => r.delay) END,
        tries = p.tries + CASE WHEN r.counts THEN 1 ELSE 0 END,
        in_urgent_lane = CASE WHEN r.closes THEN p.urgent ELSE p.in_urgent_lane END,
        left_at = CASE WHEN r.state = 'uncertain' THEN clock_timestamp() ELSE p.left_at END,
        looks = CASE WHEN r.state = 'uncertain' THEN 0 ELSE p.looks END,
        absences = CASE WHEN r.state = 'uncertain' THEN 0 ELSE p.absences END,
        may_be_visible = CASE WHEN r.state IN ('uncertain','undecided') THEN true
                              ELSE p.may_be_visible END,
        final = r.final,
        problem_code = r.code, problem_remote_code = r.remote_code, problem_words = r.words,
        problem_at = clock_timestamp()
        FROM r JOIN kept k ON k.id = r.attempt_id WHERE p.id = r.publication_id
      RETURNING p.id, p.in_urgent_lane, p.next_at)
    SELECT kept.id, moved.id AS publication_id, moved.in_urgent_lane,
           moved.next_at IS NOT NULL AS waits,
           moved.next_at <= clock_timestamp() AS due
      FROM kept JOIN r ON r.attempt_id = kept.id JOIN moved ON moved.id = r.publication_id
    """
)

# By id, as every decision about an item locks them, or two would wait for each other.
_LOCK = text("SELECT id FROM publication WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

_CLOSED = text(
    """
    WITH waiting AS (
      SELECT p.id FROM publication p JOIN account ON account.id = p.account_id
       WHERE account.stage = 'closed' AND p.next_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM lane
                          WHERE lane.account_id = p.account_id AND lane.until > now())
       ORDER BY p.id FOR UPDATE OF p SKIP LOCKED)
    UPDATE publication p SET
      state = CASE WHEN p.state IN ('sending','uncertain') THEN 'undecided' ELSE 'failed' END,
      next_at = NULL, look_at = NULL, in_urgent_lane = p.urgent,
      problem_code = 'account_left', problem_remote_code = NULL, problem_words = NULL,
      problem_at = now()
      FROM waiting WHERE p.id = waiting.id
    """
)

_EVIDENCE = text(
    """
    INSERT INTO evidence (id, attempt_id, at, told)
    SELECT n.id, n.attempt_id, clock_timestamp(), n.told
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, attempt_id uuid, told jsonb)
    """
)

_PUT_OFF = text(
    """
    UPDATE publication SET
      next_at = clock_timestamp() + make_interval(secs => :delay),
      tries = tries + CASE WHEN :counts THEN 1 ELSE 0 END,
      state = CASE state WHEN 'scheduled' THEN 'pending' ELSE state END,
      problem_code = :code, problem_remote_code = :remote_code, problem_words = :words,
      problem_at = clock_timestamp()
     WHERE id = :id AND generation = :generation AND state IN ('scheduled','pending','sending')
    """
)

# Three unclear outcomes in a row open the breaker for a minute, then longer: reading goes on,
# sending waits (R31). A success closes it.
_ACCOUNTS = text(
    """
    UPDATE account SET
      rate_until = CASE WHEN n.rate IS NULL THEN rate_until
                   ELSE greatest(rate_until, now() + make_interval(secs => n.rate)) END,
      quota_until = CASE WHEN n.quota IS NULL THEN quota_until
                    ELSE greatest(quota_until, now() + make_interval(secs => n.quota)) END,
      state = CASE WHEN n.pause IS NULL THEN state ELSE 'paused' END,
      pause_code = coalesce(n.pause, pause_code),
      paused_at = CASE WHEN n.pause IS NULL THEN paused_at ELSE now() END,
      breaker_failures = CASE WHEN n.ok THEN 0 ELSE breaker_failures + n.broke END,
      breaker_until = CASE
        WHEN n.ok THEN NULL
        WHEN n.broke > 0 AND breaker_failures + n.broke >= 3
          THEN now() + least(interval '30 minutes',
                             interval '60 seconds'
                                * power(2, least(breaker_failures + n.broke - 3, 6)))
        ELSE breaker_until END,
      usage = coalesce(n.usage, account.usage),
      usage_at = CASE WHEN n.usage IS NULL THEN account.usage_at ELSE now() END
      FROM (SELECT x.*, before.state AS was
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(
                     id uuid, rate double precision, quota double precision, pause text,
                     ok boolean, broke int, usage double precision)
              JOIN account AS before ON before.id = x.id) AS n
     WHERE account.id = n.id
    RETURNING account.id, account.unit_id, n.was
    """
)


class IdTakenError(Exception):
    """The channel named a post of ours that is another publication's: which is which is unclear."""


async def give_up_closed(session: AsyncSession) -> None:
    """Ends what waits for an account that was closed, in a state that tells a person what to do.

    Without credentials nothing can be called or read: what was certainly not sent is `failed`, the
    rest is `undecided`. A lane that is still held is left alone: its last answer may yet come.
    """
    await session.execute(_CLOSED)


async def keep(session: AsyncSession, hub: Hub, answers: Sequence[Answer]) -> Kept:
    """Writes these answers; what is no longer ours to write is kept as evidence.

    The caller gives `strayed` on to `lanes.release`: what now belongs to the account's other lane
    must not wait there for the sweep.
    """
    if not answers:
        return Kept()
    accounts: list[dict[str, object]] = []
    sorted_rows = _sorted(hub, answers, accounts)
    await session.execute(_LOCK, {"ids": [answer.bound.publication_id for answer in answers]})
    kept: set[UUID] = set()
    lanes = {answer.bound.publication_id: answer.bound.lane for answer in answers}
    resting: set[Held] = set()
    strayed: list[Stray] = []
    for statement, rows in sorted_rows:
        if rows:
            parameters: dict[str, object] = {"rows": _json(rows)}
            if statement is _DONE:
                parameters["first_look"] = _FIRST_LOOK.total_seconds()
            for row in await session.execute(statement, parameters):
                kept.add(row.id)
                lane = lanes[row.publication_id]
                strays = row.in_urgent_lane != lane.urgent
                if strays and row.waits:
                    stray = Stray(
                        publication_id=row.publication_id,
                        account_id=lane.account_id,
                        urgent=row.in_urgent_lane,
                    )
                    strayed.append(stray)
                if strays or not row.due:
                    resting.add(lane)
    late = [answer for answer in answers if answer.bound.attempt_id not in kept]
    if late:
        await session.execute(_EVIDENCE, {"rows": _json([_evidence(one) for one in late])})
    if accounts:
        await _tell_accounts(session, accounts)
    return Kept(resting=frozenset(resting), strayed=tuple(strayed))


def _sorted(
    hub: Hub, answers: Sequence[Answer], accounts: list[dict[str, object]]
) -> tuple[tuple[TextClause, list[dict[str, object]]], ...]:
    """The answers as rows of the three statements; what they mean for accounts is added there."""
    done: list[dict[str, object]] = []
    onward: list[dict[str, object]] = []
    not_done: list[dict[str, object]] = []
    for answer in answers:
        bound = answer.bound
        match answer.outcome:
            case Done(receipt=receipt):
                done.append(
                    {
                        **_ours(bound),
                        "remote_id": receipt.remote_id,
                        "remote_url": receipt.remote_url,
                        "gone": bound.call.operation is Operation.WITHDRAW,
                        "reads": reads_back(hub.registry.get(bound.channel)),
                    }
                )
                _good(accounts, bound, receipt.usage)
            case Continue(waiting=True) if bound.waits >= PATIENCE:
                not_done.append(_for_a_person(bound, "still_processing"))
            case IdTakenError():
                not_done.append(_for_a_person(bound, "id_taken"))
            case Continue() as step:
                onward.append(_step(bound, step))
                _good(accounts, bound, step.usage)
            case error:
                not_done.append(_answer(hub, bound, error, accounts))
    return ((_DONE, done), (_ONWARD, onward), (_NOT_DONE, not_done))


async def put_off(session: AsyncSession, step: NeedsBaseline, error: BaseException) -> Effects:
    """Puts a publication back because its account could not be read before the call.

    Nothing left this house, so it is a try that was not sent, whatever the reading met; a proven
    refusal (a dead token, a throttled account) has its effects on the account.
    """
    if not isinstance(error, ChannelRejectedError) or error.remedy is Remedy.EDIT:
        code, remote_code, words = told(error)
        error = ChannelNotSentError(code, remote_code=remote_code, remote_message=words)
    effects = effects_of(error, tries=step.tries, urgent=step.lane.urgent, repeatable=True)
    code, remote_code, words = told(error)
    await session.execute(
        _PUT_OFF,
        {
            "id": step.publication_id,
            "generation": step.generation,
            "delay": effects.delay.total_seconds(),
            "counts": effects.counts,
            "code": code,
            "remote_code": remote_code,
            "words": words,
        },
    )
    if effects.pause or effects.rate or effects.quota:
        await _tell_accounts(session, [_account_row(step.lane.account_id, effects)])
    return effects


async def _tell_accounts(session: AsyncSession, rows: Sequence[Mapping[str, object]]) -> None:
    # In one order: another worker may be telling of the other lanes of the same accounts.
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    changed = await session.execute(_ACCOUNTS, {"rows": _json(ordered)})
    paused = {row["id"]: row["pause"] for row in rows if row["pause"]}
    for row in changed.all():
        code = paused.get(str(row.id))
        if code is not None and row.was == "active":
            await tell_paused(session, row.id, row.unit_id, str(code))


def _ours(bound: Bound) -> dict[str, object]:
    return {
        "attempt_id": str(bound.attempt_id),
        "publication_id": str(bound.publication_id),
        "fence": bound.lane.fence,
    }


def _step(bound: Bound, step: Continue) -> dict[str, object]:
    return {
        **_ours(bound),
        "phase": step.phase,
        "handle": step.handle,
        "remote_id": step.remote_id,
        "after": step.after.total_seconds(),
        "waited": step.waiting,
    }


def _answer(
    hub: Hub, bound: Bound, error: BaseException, accounts: list[dict[str, object]]
) -> dict[str, object]:
    effects = effects_of(
        error,
        tries=bound.tries,
        urgent=bound.lane.urgent,
        repeatable=bound.step.repeatable,
    )
    code, remote_code, words = told(error)
    if effects.pause or effects.rate or effects.quota or effects.breaker:
        accounts.append(_account_row(bound.lane.account_id, effects))
    reads = reads_back(hub.registry.get(bound.channel))
    fresh = bound.call.phase is None
    state, closes, outcome, delay = State.SENDING, False, None, effects.delay
    match effects.verdict:
        case Verdict.UNCERTAIN:
            state = State.UNCERTAIN if reads else State.UNDECIDED
            delay = spread(hub.rules.look_schedule[0])
        case Verdict.FAILED:
            state, closes, outcome, delay = State.FAILED, True, "rejected", timedelta(0)
        case Verdict.REPEAT:
            pass
        case Verdict.AGAIN:
            state = State.PENDING if fresh else State.SENDING
            refused = not isinstance(error, ChannelUncertainError) and remote_code is not None
            outcome = "rejected" if refused else "not_sent"
            closes = fresh
    return {
        **_ours(bound),
        "closes": closes,
        "outcome": outcome,
        "state": state,
        "code": code,
        "remote_code": remote_code,
        "words": words,
        "delay": delay.total_seconds(),
        "counts": effects.counts,
        "final": effects.final,
    }


def _for_a_person(bound: Bound, code: str) -> dict[str, object]:
    """What no reading can settle: nothing is made again until a person has looked."""
    return {
        **_ours(bound),
        "closes": False,
        "outcome": None,
        "state": State.UNDECIDED,
        "code": code,
        "remote_code": None,
        "words": None,
        "delay": 0.0,
        "counts": True,
        "final": False,
    }


def _account_row(account_id: UUID, effects: Effects) -> dict[str, object]:
    return {
        "id": str(account_id),
        "rate": _seconds(effects.rate),
        "quota": _seconds(effects.quota),
        "pause": effects.pause,
        "ok": False,
        "broke": int(effects.breaker),
        "usage": None,
    }


def _seconds(delay: timedelta | None) -> float | None:
    return delay.total_seconds() if delay is not None else None


def _good(accounts: list[dict[str, object]], bound: Bound, usage: float | None) -> None:
    if usage is None and not bound.breaker_failures:
        return
    accounts.append(
        {
            "id": str(bound.lane.account_id),
            "rate": None,
            "quota": None,
            "pause": None,
            "ok": True,
            "broke": 0,
            "usage": usage,
        }
    )


def _evidence(answer: Answer) -> dict[str, object]:
    """A late answer, without the words of the item: ids, phase and codes only."""
    match answer.outcome:
        case Done(receipt=receipt):
            told_then: Mapping[str, object] = {
                "answer": "done",
                "remote_id": receipt.remote_id,
                "remote_url": receipt.remote_url,
            }
        case Continue() as step:
            told_then = {
                "answer": "continue",
                "phase": step.phase,
                "handle": step.handle,
                "remote_id": step.remote_id,
            }
        case error:
            code, remote_code, words = told(error)
            told_then = {
                "answer": "error",
                "code": code,
                "remote_code": remote_code,
                "words": words,
            }
    return {"id": str(new_id()), "attempt_id": str(answer.bound.attempt_id), "told": told_then}


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return json.dumps(rows, ensure_ascii=False, default=str)
