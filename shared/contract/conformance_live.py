"""The checks that really call a channel's outlet, simulated, and make it misbehave.

They follow delivery's own rules (reliability-security.md R13 to R25): a repeatable step that was
lost is made again, any other is looked for, adopted when found, made again only when it is absent.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.clock import steady_seconds, utc_now
from shared.contract.channel import Channel, Checker, Lister, Publisher, Updater, Withdrawer
from shared.contract.conformance import secret_values, words_of
from shared.contract.driving import following, make, plan, run_to_end, stored
from shared.contract.errors import ChannelError, ChannelNotSentError, ChannelUncertainError
from shared.contract.messages import (
    Account,
    Call,
    Done,
    Fingerprint,
    Operation,
    RemoteId,
    Revision,
    Seen,
)
from shared.text import comparable

_MOST_STEPS = 100


class Fault(StrEnum):
    """What a changing request meets after it has left this house: none proves that it failed."""

    HANG = "hang"  # takes effect; no answer ever
    SILENCE = "silence"  # has no effect; no answer ever
    RESET = "reset"  # takes effect; the connection is cut
    SERVER_ERROR = "server_error"  # takes effect; HTTP 500
    HTML = "html"  # takes effect; the page of some proxy
    EMPTY = "empty"  # takes effect; an answer without a body
    REDIRECT = "redirect"  # takes effect; the answer points elsewhere


class Bench(Protocol):
    """One account of a simulated outlet over real HTTP, which shows what a citizen would see.

    `revision` is an ordinary item whose pictures the outlet can fetch; each check publishes it
    under a code, address and title of its own. `changes` counts the requests that change something
    which ever arrived, with or without effect.
    """

    @property
    def account(self) -> Account: ...
    @property
    def revision(self) -> Revision: ...

    async def shown(self) -> Collection[str]:
        """The ids of the posts that a citizen sees now."""
        ...

    async def changes(self) -> int:
        """How many changing requests have arrived."""
        ...

    async def will_meet(self, fault: Fault) -> bool:
        """The next changing request meets this, and only that; False: not simulated."""
        ...

    async def mend(self) -> None:
        """Nothing is wrong any more."""
        ...

    def unreachable(self) -> AbstractAsyncContextManager[None]:
        """Inside the block nobody listens where the channel calls."""
        ...


@dataclass(slots=True, kw_only=True)
class _Trial:
    """A channel on its bench: what it is called with, and what it said so far."""

    channel: Channel
    bench: Bench
    deadline: timedelta
    words: list[str] = field(default_factory=list)
    count: int = 0

    def call(self, operation: Operation = Operation.PUBLISH, **changes: object) -> Call:
        """A call with an item of its own, so that no check can mistake another's post."""
        self.count += 1
        code = f"{self.bench.revision.code}-{self.count:04}"
        revision = replace(
            self.bench.revision,
            code=code,
            url=f"{self.bench.revision.url.rsplit('/', 1)[0]}/{code}",
            title=f"{self.bench.revision.title} {self.count}",
        )
        rendition = self.channel.render(revision, self.bench.account.settings)
        call = Call(
            operation=operation, account=self.bench.account, payload=stored(rendition.payload)
        )
        return replace(call, **changes)  # type: ignore[arg-type]  # the fields of a Call

    async def published(self) -> Call:
        """A new post; gives the call that made it, with the id."""
        call = self.call()
        trip = await run_to_end(self.channel, call)
        return replace(call, remote_id=trip.receipt.remote_id)

    async def ready(self, operation: Operation) -> Call:
        """The first call of an operation, with whatever must be there before."""
        if operation is Operation.PUBLISH:
            return self.call()
        known = await self.published()
        if operation is Operation.WITHDRAW:
            return replace(known, operation=operation, payload=None)
        return self.call(operation, remote_id=known.remote_id)

    def operations(self) -> list[Operation]:
        """What the channel can do."""
        able = {
            Operation.PUBLISH: Publisher,
            Operation.UPDATE: Updater,
            Operation.WITHDRAW: Withdrawer,
        }
        return [one for one, ability in able.items() if isinstance(self.channel, ability)]

    async def attempt(self, call: Call) -> BaseException | None:
        """Makes one step; what it raised, or None."""
        try:
            async with asyncio.timeout(self.deadline.total_seconds() + 5):
                await make(self.channel, call)
        except Exception as error:  # noqa: BLE001  # to be judged
            self.words.append(f"{error!r} {error} {getattr(error, 'remote_message', '')}")
            return error
        return None


async def live_checks(
    channel: Channel, bench: Bench, *, deadline: timedelta = timedelta(seconds=0.4)
) -> list[str]:
    """The promises that the channel breaks when it is really called.

    Publishes, reads, corrects and withdraws items on the bench, most of them with a fault: some
    thirty, more where an operation has several changing steps. `deadline` is how long a call may
    take where the outlet never answers; everything is given up soon after it. A pull channel calls
    nobody: nothing is checked. Leaves posts behind.
    """
    if channel.pull:
        return []
    trial = _Trial(channel=channel, bench=bench, deadline=deadline)
    told: list[str] = []
    for what, check in _LIVE.items():
        try:
            told += [f"{what}: {broken}" async for broken in check(trial)]
        except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
            told.append(f"{what}: raised {words_of(error)}")
        finally:
            await bench.mend()
    secrets = secret_values(bench.account.credentials)
    if any(secret in words for words in trial.words for secret in secrets):
        told.append("a secret stands in the words of an error")
    return told


async def _publishes(trial: _Trial) -> AsyncIterator[str]:
    call, before = trial.call(), set(await trial.bench.shown())
    trip = await run_to_end(trial.channel, call)
    new = set(await trial.bench.shown()) - before
    if new != {trip.receipt.remote_id}:
        yield f"the receipt names {trip.receipt.remote_id!r}, a citizen sees {sorted(new)}"
    if trip.receipt.remote_url and not trip.receipt.remote_url.startswith("http"):
        yield "the receipt's address is no web address"


async def _one_change_per_step(trial: _Trial) -> AsyncIterator[str]:
    for operation in trial.operations():
        call: Call | None = await trial.ready(operation)
        for _ in range(_MOST_STEPS):
            if call is None:
                break
            name = plan(trial.channel, call).name
            before = await trial.bench.changes()
            call = await _step_on(trial, call)
            made = await trial.bench.changes() - before
            if made > 1:
                yield f"{name!r} of {operation} made {made} changing requests"


async def _reads_back(trial: _Trial) -> AsyncIterator[str]:
    channel = trial.channel
    if not isinstance(channel, Lister):
        return
    begun = utc_now() - timedelta(minutes=5)
    call = await trial.published()
    newest = await channel.newest(call.account)
    if call.remote_id not in {one.remote_id for one in newest.seen}:
        yield "a new post does not stand among the newest"
    if call.remote_id not in {one.remote_id for one in await _listed(channel, call, begun)}:
        yield "a new post does not stand in the list"
    for broken in _differs(channel, call, await channel.read(call.account, _id(call))):
        yield broken


async def _corrects(trial: _Trial) -> AsyncIterator[str]:
    channel = trial.channel
    if not isinstance(channel, Updater):
        return
    known, before = await trial.published(), set(await trial.bench.shown())
    better = trial.call(Operation.UPDATE, remote_id=known.remote_id)
    for turn in ("corrected", "corrected to the same again"):
        trip = await run_to_end(channel, better)
        if trip.receipt.remote_id != known.remote_id:
            yield f"a post that was {turn} has another id"
        if set(await trial.bench.shown()) != before:
            yield f"after it was {turn} a citizen sees other posts"
        if isinstance(channel, Lister):
            for broken in _differs(channel, better, await channel.read(known.account, _id(known))):
                yield f"{turn}: {broken}"


async def _withdraws(trial: _Trial) -> AsyncIterator[str]:
    channel = trial.channel
    if not isinstance(channel, Withdrawer):
        return
    call = await trial.ready(Operation.WITHDRAW)
    for turn in ("withdrawn", "withdrawn a second time"):
        await run_to_end(channel, call)
        if call.remote_id in await trial.bench.shown():
            yield f"a post that was {turn} is still seen"
        if isinstance(channel, Lister) and await channel.read(call.account, _id(call)) is not None:
            yield f"a post that was {turn} can still be read"


async def _repeats(trial: _Trial) -> AsyncIterator[str]:
    for operation in trial.operations():
        call, before = await trial.ready(operation), set(await trial.bench.shown())
        trip = await run_to_end(trial.channel, call, repeat=True)
        after = set(await trial.bench.shown())
        wanted = {
            Operation.PUBLISH: before | {trip.receipt.remote_id},
            Operation.UPDATE: before,
            Operation.WITHDRAW: before - {_id(call) if call.remote_id else ""},
        }[operation]
        if after != wanted:
            yield f"steps of {operation} that call themselves repeatable change what is seen"


async def _tells_the_truth(trial: _Trial) -> AsyncIterator[str]:
    for operation in trial.operations():
        for number in await _changing_steps(trial, operation):
            for fault in Fault:
                call = await trial.ready(operation)
                before = set(await trial.bench.shown())
                for _ in range(number):
                    call = await _step_on(trial, call) or call
                async for broken in _meets(trial, call, fault, before):
                    yield broken


async def _meets(
    trial: _Trial, call: Call, fault: Fault, before: Collection[str]
) -> AsyncIterator[str]:
    """What a call says that meets a fault, and whether it can be settled afterwards."""
    what = f"{plan(trial.channel, call).name!r} of {call.operation} meets {fault}"
    if not await trial.bench.will_meet(fault):
        return
    arrived, begun = await trial.bench.changes(), steady_seconds()
    error = await trial.attempt(replace(call, deadline=trial.deadline))
    took, made = steady_seconds() - begun, await trial.bench.changes() - arrived
    await trial.bench.mend()
    if not isinstance(error, ChannelUncertainError):
        yield f"{what} and says {words_of(error)}, not uncertain"
    if made > 1:
        yield f"{what} and calls {made} times"
    if took > trial.deadline.total_seconds() + 1:
        yield f"{what} and ends {took:.1f} s after it began"
    async for broken in _recovers(trial, call, before):
        yield f"after {what}: {broken}"


async def _changing_steps(trial: _Trial, operation: Operation) -> list[int]:
    """Which steps of an operation change something: their numbers, from 0."""
    changing: list[int] = []
    call: Call | None = await trial.ready(operation)
    for number in range(_MOST_STEPS):
        if call is None:
            break
        before = await trial.bench.changes()
        call = await _step_on(trial, call)
        if await trial.bench.changes() > before:
            changing.append(number)
    return changing


async def _step_on(trial: _Trial, call: Call) -> Call | None:
    """Makes one step; the call that follows, or None at the end."""
    outcome = await make(trial.channel, call)
    return None if isinstance(outcome, Done) else following(call, outcome)


async def _recovers(trial: _Trial, call: Call, before: Collection[str]) -> AsyncIterator[str]:
    """Whether what was left open can be settled the way delivery settles it."""
    channel = trial.channel
    if not plan(channel, call).repeatable:
        if not isinstance(channel, Lister):
            return
        mark = channel.fingerprint(call.payload or {})
        call = replace(call, remote_id=await _found(channel, call, mark))
    await run_to_end(channel, call)
    after = set(await trial.bench.shown())
    if call.operation is Operation.WITHDRAW:
        if call.remote_id in after:
            yield "the post is still seen"
    elif len(after - set(before)) != (call.operation is Operation.PUBLISH):
        yield f"a citizen sees {len(after - set(before))} new posts"


async def _found(channel: Lister, call: Call, mark: Fingerprint) -> RemoteId | None:
    """The id of the post with this fingerprint, or None when a whole list does not hold it."""
    for seen in await _listed(channel, call, utc_now() - timedelta(minutes=10)):
        whole = seen if seen.complete else await channel.read(call.account, seen.remote_id)
        if whole and _carries(mark.link, whole) and _same(mark.text, whole.text):
            return whole.remote_id
    return None


async def _ends_when_cancelled(trial: _Trial) -> AsyncIterator[str]:
    for operation in trial.operations():
        call = await trial.ready(operation)
        if not await trial.bench.will_meet(Fault.SILENCE):
            return
        task = asyncio.create_task(make(trial.channel, call))
        await asyncio.sleep(0.2)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        if not done:
            yield f"a cancelled {operation} goes on"
        elif not task.cancelled():
            yield f"a cancelled {operation} says something else than cancelled"
        await trial.bench.mend()
    await trial.published()


async def _knows_what_never_left(trial: _Trial) -> AsyncIterator[str]:
    for operation in trial.operations():
        call = await trial.ready(operation)
        async with trial.bench.unreachable():
            error = await trial.attempt(call)
        if not isinstance(error, ChannelNotSentError):
            yield f"{operation} reaches nobody and says {words_of(error)}, not `not sent`"
    channel = trial.channel
    if isinstance(channel, Lister):
        async with trial.bench.unreachable():
            try:
                await channel.newest(trial.bench.account)
            except ChannelError as error:
                trial.words.append(repr(error))
            else:
                yield "reading reaches nobody and is taken for an answer"


async def _checks(trial: _Trial) -> AsyncIterator[str]:
    channel = trial.channel
    if not isinstance(channel, Checker):
        return
    for probe in await channel.check(trial.bench.account):
        if not probe.ok:
            yield f"a working account fails at {probe.name!r}: {probe.detail}"
    async with trial.bench.unreachable():
        try:
            probes = await channel.check(trial.bench.account)
        except ChannelError as error:
            trial.words.append(repr(error))
        else:
            if all(probe.ok for probe in probes):
                yield "an outlet that nobody can reach passes every check"


_LIVE: Mapping[str, Callable[[_Trial], AsyncIterator[str]]] = {
    "publishing": _publishes,
    "one call per step": _one_change_per_step,
    "reading back": _reads_back,
    "correcting": _corrects,
    "withdrawing": _withdraws,
    "repeating": _repeats,
    "telling the truth": _tells_the_truth,
    "being cancelled": _ends_when_cancelled,
    "reaching nobody": _knows_what_never_left,
    "checking a connection": _checks,
}


# ── Small parts ───────────────────────────────────────────────────────────────────────────────────


def _differs(channel: Channel, call: Call, seen: Seen | None) -> Iterator[str]:
    if seen is None:
        yield "a post that is up is read as gone"
        return
    mark = channel.fingerprint(call.payload or {})
    if not seen.visible or not seen.readable:
        yield "a post that is up is read as hidden or unreadable"
    if not _carries(mark.link, seen):
        yield "the item's address is not read back"
    if not _same(mark.text, seen.text):
        yield f"other words are read back than were sent: {mark.text!r} came as {seen.text!r}"
    counts = (mark.picture_count, seen.picture_count)
    if None not in counts and counts[0] != counts[1]:
        yield f"{counts[0]} pictures were sent, {counts[1]} are read back"


def _carries(link: str, seen: Seen) -> bool:
    return any(one.startswith(link) for one in seen.links) or link in comparable(seen.text)


def _same(one: str, other: str) -> bool:
    return comparable(one) == comparable(other)


async def _listed(channel: Lister, call: Call, since: datetime) -> list[Seen]:
    found: list[Seen] = []
    cursor: str | None = None
    for _ in range(100):
        page = await channel.listing(call.account, since=since, cursor=cursor)
        found += page.seen
        cursor = page.cursor
        if cursor is None:
            return found
    raise TimeoutError("the list has no end")


def _id(call: Call) -> RemoteId:
    if call.remote_id is None:
        raise ValueError("no id")
    return call.remote_id
