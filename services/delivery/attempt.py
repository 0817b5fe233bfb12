"""One lane, worked to its end: intent, one call, outcome; then the next publication.

This is the send path. Between any two lines that touch the database or the network stands a named
point (`crash.reached`), and `tests/services/delivery/test_crash_points.py` kills the worker at
each. No database connection is held while the world answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from services.channels import tokens
from services.delivery import looking
from services.delivery.abilities import publishes
from services.delivery.crash import reached
from services.delivery.hub import Hub
from services.delivery.intent import (
    Again,
    Answer,
    Ask,
    Bound,
    LookDue,
    NeedsBaseline,
    Next,
    Nothing,
)
from services.delivery.lanes import Baseline, Held, hold_on
from services.delivery.outcome import put_off
from services.delivery.retries import LeaseShortError
from services.storage.session import AWAY
from shared.clock import steady_seconds
from shared.contract.channel import Lister, Updater, Withdrawer
from shared.contract.errors import ChannelError, ChannelRejectedError, ChannelUncertainError, Remedy
from shared.contract.messages import Operation, Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a lane works with: the hub, and this worker's batched writer.

    `ask` keeps the answer that it carries and begins what comes next, in one commit; `keep` only
    keeps.
    """

    hub: Hub
    ask: Callable[[Ask], Awaitable[Next]]
    keep: Callable[[Answer], Awaitable[None]]


async def work_lane(desk: Desk, lane: Held) -> None:
    """Works one held lane until nothing of it is due; it is then given back.

    Due sends go before every page of a listing. Raises whatever the database raises: the lane's
    lease then lapses, and what was open is read back.
    """
    listing: looking.Listing | None = None
    answer: Answer | None = None
    baseline: Baseline | None = None
    reached("after claiming the lane")
    while True:
        ask = Ask(lane=lane, looking=listing is not None, answer=answer, baseline=baseline)
        step = await desk.ask(ask)
        if answer is not None:
            reached("after keeping the outcome")
        if baseline is not None:
            reached("after keeping the baseline")
        answer = baseline = None
        match step:
            case Bound():
                reached("after committing the intent")
                answer = await _answer(desk, step)
            case NeedsBaseline():
                baseline = await _read_baseline(desk.hub, step)
                reached("after reading the baseline")
            case LookDue():
                listing = await _start_looking(desk.hub, step)
                reached("after starting to look")
                if listing is None:
                    await looking.compare(desk.hub, step)
                    reached("after comparing")
            case Again():
                continue
            case Nothing(released=True):
                reached("after releasing the lane")
                return
            case Nothing():
                if listing is None:
                    return
                listing = await _look_on(desk.hub, listing)


async def _answer(desk: Desk, bound: Bound) -> Answer | None:
    """What the call brought, to be kept with the next ask; None when it is kept already.

    A dead token is renewed before anything else is asked. A worker that was halted, or heard of its
    own commit too late, makes no call: others may have sent something newer by then.
    """
    if not await _in_time(desk.hub, bound):
        log.warning("lane.too_late", attempt=str(bound.attempt_id))
        return Answer(bound=bound, outcome=LeaseShortError())
    answer = Answer(bound=bound, outcome=await call(desk.hub, bound))
    reached("after the call")
    if not _token_died(answer.outcome):
        return answer
    await desk.keep(answer)
    reached("after keeping the outcome of a dead token")
    await _renew(desk.hub, bound)
    reached("after renewing the token")
    return None


async def _in_time(hub: Hub, bound: Bound) -> bool:
    """Whether the lane stays ours for as long as the call may take (R11).

    A lease that became too short is renewed first. One that is over is not: what was checked for
    this call is too old as well. A crash in here leaves what one before it leaves.
    """
    now, deadline = steady_seconds(), bound.call.deadline.total_seconds()
    if now <= bound.start_by:
        return True
    if now > bound.start_by + deadline:
        return False
    try:
        async with hub.open_work() as session:
            still = await hold_on(session, [bound.lane], lease=hub.rules.lane)
    except AWAY as error:
        log.warning("loop.database_away", reason=type(error).__name__)
        return False
    lasts_until = now + hub.rules.lane.total_seconds()
    return bound.lane in still and steady_seconds() <= lasts_until - deadline


async def call(hub: Hub, bound: Bound) -> Outcome | BaseException:
    """Makes the one call of a bound step, under a deadline; the outcome, or what it raised.

    Never raises: whatever an adapter throws is told, and counts as uncertain unless it says better.
    """
    channel = hub.registry.get(bound.channel)
    try:
        async with asyncio.timeout(bound.call.deadline.total_seconds()):
            match bound.call.operation:
                case Operation.PUBLISH if publishes(channel):
                    return await channel.publish(bound.call)
                case Operation.UPDATE if isinstance(channel, Updater):
                    return await channel.update(bound.call)
                case Operation.WITHDRAW if isinstance(channel, Withdrawer):
                    return await channel.withdraw(bound.call)
                case _:
                    return ChannelRejectedError("not_able", remedy=Remedy.HUMAN)
    except TimeoutError:
        return ChannelUncertainError("no_answer")
    except ChannelError as error:
        return error
    except Exception as error:
        log.exception("adapter.broke", channel=bound.channel, attempt=str(bound.attempt_id))
        return error


async def _read_baseline(hub: Hub, step: NeedsBaseline) -> Baseline | None:
    """Reads the newest ids of the account before a call that cannot be repeated.

    None: an account that cannot be read back is not sent to: its publication is put back a little
    (reliability-security.md 1.5, step 3).
    """
    channel = hub.registry.get(step.channel)
    assert isinstance(channel, Lister)  # noqa: S101  # intent.py asks only readers
    try:
        async with asyncio.timeout(hub.rules.call_deadline.total_seconds()):
            page = await channel.newest(step.account)
    except Exception as error:
        if not isinstance(error, ChannelError | TimeoutError):
            log.exception("adapter.broke", channel=step.channel)
        reached("after failing to read the baseline")
        if step.lane.urgent and _blind(error):
            # An alert goes out unread: if its outcome is unclear, a person decides (1.5, step 3).
            return Baseline(lane=step.lane, ids=None)
        async with hub.open_work() as session:
            effects = await put_off(session, step, error)
        reached("after putting the publication off")
        if effects.renew:
            await tokens.renew(
                hub.open_work,
                hub.registry,
                hub.sealer,
                step.lane.account_id,
                seen_version=step.credentials_version,
            )
        return None
    ids = {str(one.remote_id): one.at.isoformat() if one.at else None for one in page.seen[:10]}
    return Baseline(lane=step.lane, ids=ids)


def _blind(error: BaseException) -> bool:
    """Whether the account could merely not be read; a refusal is about the account itself."""
    return not isinstance(error, ChannelRejectedError)


async def _start_looking(hub: Hub, step: LookDue) -> looking.Listing | None:
    async with hub.open_work() as session:
        return await looking.start(session, step)


async def _look_on(hub: Hub, listing: looking.Listing) -> looking.Listing | None:
    """Reads one page, or writes what a finished listing says; None when it is concluded."""
    if not listing.finished:
        reached("before reading a page")
        await looking.turn_page(hub, listing)
        reached("after reading a page")
    if not listing.finished:
        return listing
    async with hub.open_work() as session:
        await looking.conclude(session, hub, listing)
    reached("after concluding a listing")
    return None


def _token_died(outcome: Outcome | BaseException) -> bool:
    return isinstance(outcome, ChannelRejectedError) and outcome.remedy is Remedy.RENEW


async def _renew(hub: Hub, bound: Bound) -> None:
    await tokens.renew(
        hub.open_work,
        hub.registry,
        hub.sealer,
        bound.lane.account_id,
        seen_version=bound.credentials_version,
    )
