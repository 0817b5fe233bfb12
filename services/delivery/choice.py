"""What to do about one publication, decided from facts alone: no clock, no database, no network.

The facts were read under the publication's row lock in the transaction that will write the intent,
so what is decided here is still true when the call leaves (architecture.md section 4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from services.delivery.tables import State
from shared.contract.messages import Operation, Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """The attempt that is not closed yet."""

    id: UUID
    generation: int
    no: int
    operation: Operation
    phase: str | None
    calling: str | None
    repeatable: bool
    handle: Payload
    rendition_id: UUID | None
    waits: int
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that matters about one due publication at one instant of the database's clock.

    `usage` is the share of its allowance that the channel says is used, `budget` the share of our
    own budget of calls (`calls_per_minute`, 0 for none) that is left; below 0 it is overdrawn.
    """

    now: datetime
    publication_id: UUID
    item_id: UUID
    account_id: UUID
    item_code: str
    fence: int
    state: State
    generation: int
    observed_generation: int
    desired_rendition_id: UUID | None
    observed_rendition_id: UUID | None
    revision_no: int | None
    payload: Payload | None
    rendition_hash: str | None
    remote_id: str | None
    remote_url: str | None
    not_before: datetime
    expires_at: datetime | None
    urgent: bool
    tries: int
    may_be_visible: bool
    last_no: int
    attempt: OpenAttempt | None
    approved: bool
    frozen: bool
    fenced: bool
    paused: bool
    rate_until: datetime | None
    quota_until: datetime | None
    breaker_until: datetime | None
    usage: float | None
    calls_per_minute: int
    budget: float
    token_busy: bool
    posts_last_hour: int
    pulls: bool
    reads_back: bool
    runaway_per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Not now. `until` None leaves it to whoever lifts the hold to wake the lane."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Nothing is left to call: the channel shows, or pulls, what is desired."""

    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """It must not go out: the agreement is void, or it is too late to be of use."""

    state: State
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """A dead worker left a call whose outcome nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The channel must be read: what an earlier call did is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """So many posts in an hour were never meant: the account stops until a person has looked."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Make the next step of this operation; `resume` goes on with the open attempt.

    Otherwise a new attempt begins, and an open one for an older generation ends `overtaken`: the
    new one starts from its phase and handle.
    """

    operation: Operation
    resume: bool


Choice: TypeAlias = Hold | Settle | Fail | Unclear | Look | Pause | Send

# Above this share of a channel's allowance ordinary work waits, the rest is for emergencies; above
# the lower one it goes at half its pace. Of our own budget a share is kept for emergencies (R29).
_USAGE_LIMIT = 0.9
_USAGE_SLOW = 0.7
_RESERVE = 0.2


def choose(facts: Facts) -> Choice:
    """The one thing to do now."""
    attempt = facts.attempt
    if facts.state is State.UNCERTAIN:
        return Look()
    if attempt is not None and attempt.calling is not None and not attempt.repeatable:
        # Only a new holder of the lane can meet this: the old one died, or lost its lease.
        return Unclear()
    if facts.desired_rendition_id is None or _half_gone(attempt):
        return _withdraw(facts)
    return _show(facts)


def calls_spent(facts: Facts) -> int:
    """What one call of this publication takes from the account's budget."""
    return 1 if facts.urgent or (facts.usage or 0.0) < _USAGE_SLOW else 2


def operation_of(facts: Facts) -> Operation | None:
    """What closes the gap between desired and observed; None when there is none."""
    if facts.desired_rendition_id is None:
        left = facts.remote_id is not None or _orphan(facts.attempt)
        return Operation.WITHDRAW if left or facts.may_be_visible else None
    if facts.remote_id is not None and facts.observed_rendition_id == facts.desired_rendition_id:
        return None
    if facts.remote_id is not None and not _unfinished(facts.attempt):
        return Operation.UPDATE
    return Operation.PUBLISH


def _half_gone(attempt: OpenAttempt | None) -> bool:
    """A withdrawal that has begun is brought to its end first, even when the item is wanted again.

    What it left can be neither updated nor published over.
    """
    return (
        attempt is not None
        and attempt.operation is Operation.WITHDRAW
        and attempt.phase is not None
    )


def _withdraw(facts: Facts) -> Choice:
    if facts.paused or facts.fenced:
        return Hold(until=None)
    if facts.token_busy:
        return Hold(until=facts.now + timedelta(seconds=1))
    if _half_gone(facts.attempt):
        return Send(operation=Operation.WITHDRAW, resume=True)
    if facts.pulls or operation_of(facts) is None:
        return Settle(state=State.WITHDRAWN)
    return _send(facts, Operation.WITHDRAW)


def _show(facts: Facts) -> Choice:
    late = (
        facts.expires_at is not None
        and facts.expires_at <= facts.now
        and facts.observed_rendition_id is None
    )
    # What a freeze has held for too long is told so while it holds: lifting it would not send it.
    if facts.paused or facts.fenced or (facts.frozen and not late):
        return Hold(until=None)
    if facts.not_before > facts.now:
        return Hold(until=facts.not_before)
    if not facts.approved:
        return Fail(state=State.FAILED, code="approval_void")
    operation = operation_of(facts)
    if operation is None:
        return Settle(state=State.LIVE)
    if late:
        # Half made is not shown: it stays unseen, and a person may still want it.
        unsent = facts.attempt is None and facts.remote_id is None
        return Fail(state=State.EXPIRED if unsent else State.FAILED, code="expired")
    if facts.token_busy:
        return Hold(until=facts.now + timedelta(seconds=1))
    until = _held_until(facts, operation)
    if until is not None:
        return Hold(until=until)
    if facts.pulls:
        return Settle(state=State.LIVE)
    if _runs_away(facts, operation):
        return Pause(code="runaway")
    return _send(facts, operation)


def _held_until(facts: Facts, operation: Operation) -> datetime | None:
    """Until when the account itself holds this: its penalties, its breaker, its allowance."""
    held = [until for until in (facts.rate_until, facts.breaker_until) if until is not None]
    if facts.urgent:
        # An alert is tried every minute, whatever went wrong on the account before (R27).
        held = [min(until, facts.now + timedelta(seconds=60)) for until in held]
    if operation is Operation.PUBLISH and facts.quota_until is not None:
        held.append(facts.quota_until)
    if not facts.urgent and (facts.usage or 0.0) >= _USAGE_LIMIT:
        held.append(facts.now + timedelta(seconds=60))
    if facts.calls_per_minute:
        held.append(_budget_at(facts))
    latest = max(held, default=facts.now)
    return latest if latest > facts.now else None


def _budget_at(facts: Facts) -> datetime:
    """When the budget allows this call: it fills in a minute, and a part is not for ordinary work.

    A withdrawal never waits for it: it is counted, and what comes after it pays.
    """
    needed = calls_spent(facts) / facts.calls_per_minute + (0.0 if facts.urgent else _RESERVE)
    return facts.now + timedelta(minutes=min(needed, 1.0) - facts.budget)


def _send(facts: Facts, operation: Operation) -> Send:
    attempt = facts.attempt
    same = (
        attempt is not None
        and attempt.generation == facts.generation
        and attempt.operation is operation
    )
    return Send(operation=operation, resume=same)


def _runs_away(facts: Facts, operation: Operation) -> bool:
    if facts.urgent or not facts.runaway_per_hour or operation is not Operation.PUBLISH:
        return False
    return facts.attempt is None and facts.posts_last_hour >= facts.runaway_per_hour


def _unfinished(attempt: OpenAttempt | None) -> bool:
    return attempt is not None and attempt.operation is Operation.PUBLISH


def _orphan(attempt: OpenAttempt | None) -> bool:
    return attempt is not None and bool(attempt.handle)
