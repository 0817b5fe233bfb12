"""The loop: claims due lanes, works them side by side, renews their leases, sweeps what was missed.

Any number of processes may turn it; each needs nothing but the database. A bell cuts the waiting,
and a lost bell costs a second.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from services.delivery import lanes
from services.delivery.attempt import Desk, work_lane
from services.delivery.batch import Batch
from services.delivery.crash import reached
from services.delivery.hub import Hub
from services.delivery.intent import Answer, Ask, Next, begin
from services.delivery.lanes import Held
from services.delivery.outcome import IdTakenError, give_up_closed, keep
from services.delivery.wake import derive
from services.storage.session import AWAY
from shared.clock import steady_seconds

log = structlog.get_logger(__name__)

# At most this many rows are left in doubt by one crash of one process.
_BATCH = 50
_WAIT = 0.03
# Lanes end in batches: while many are at work, those that end within this are replaced together.
_GATHER = 0.025
_TICK = 1.0
_URGENT_TICK = 0.5
_SWEEP = 30.0
_NEVER_BETTER = (IntegrityError, DataError, ProgrammingError)
_ONE_POST_ONE_PUBLICATION = "uq_publication_account_id_remote_id"


class Loop:
    """One process's share of the delivery loop.

    `run` works until `stop` is called, then lets running calls end: a send is never cancelled
    (R40). `slots_for_urgent` lanes are kept free for urgent work however much ordinary work is due.
    """

    slots_for_urgent = 4

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = asyncio.Event()
        self._bell = asyncio.Event()
        self._working: dict[Held, asyncio.Task[None]] = {}
        self._asks: Batch[Ask, Next] = Batch(
            self._turn,
            self._alone,
            wait=_WAIT,
            most=_BATCH,
            may_come=lambda: len(self._working),
        )

    def ring(self) -> None:
        """Something may be due now."""
        self._bell.set()

    def stop(self) -> None:
        """Claims nothing more; `run` ends when the running lanes have ended."""
        self._stopping.set()
        self._bell.set()

    async def run(self) -> None:
        """Turns until stopped. A database that is away is waited for; nothing is lost meanwhile."""
        helpers = [
            asyncio.create_task(self._renew_leases()),
            asyncio.create_task(self._sweep()),
        ]
        try:
            while not self._stopping.is_set():
                for helper in helpers:
                    if helper.done():
                        helper.result()  # raises: the loop must not go on without its helpers
                full = await self._claim()
                if not full:
                    await self._wait()
        finally:
            await self._let_end()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _claim(self) -> bool:
        """Claims as many due lanes as there are free slots; True when there may be more."""
        free = self.hub.rules.concurrency - len(self._working)
        kept = min(self.slots_for_urgent, self.hub.rules.concurrency // 2)
        urgent_only = free <= kept
        most = free if urgent_only else min(free - kept, _BATCH)
        if most <= 0:
            return False
        self._bell.clear()
        try:
            async with self.hub.open_work() as session:
                held = await lanes.claim(
                    session,
                    owner=self.owner,
                    most=most,
                    lease=self.hub.rules.lane,
                    urgent_only=urgent_only,
                )
        except AWAY as error:
            log.warning("loop.database_away", reason=type(error).__name__)
            await asyncio.sleep(_TICK)
            return False
        reached("after committing the claim")
        desk = Desk(hub=self.hub, ask=self._asks.ask, keep=self._keep)
        for lane in held:
            task = asyncio.create_task(self._work(desk, lane))
            self._working[lane] = task
        return len(held) == most

    async def _work(self, desk: Desk, lane: Held) -> None:
        try:
            await work_lane(desk, lane)
        except Exception:
            # The lease lapses, and whoever claims the lane next reads back what was open.
            log.exception("lane.broke", account=str(lane.account_id), urgent=lane.urgent)
        finally:
            self._working.pop(lane, None)
            self._bell.set()

    async def _wait(self) -> None:
        tick = _URGENT_TICK if self._working else _TICK
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), tick)
        if len(self._working) > self.hub.rules.concurrency // 2:
            await asyncio.sleep(_GATHER)

    async def _turn(self, asks: Sequence[Ask]) -> Sequence[Next]:
        """Keeps what the lanes' last calls brought, and begins their next ones, in one go."""
        answers = [ask.answer for ask in asks if ask.answer is not None]
        if answers:
            reached("before opening the outcome")
        reached("before opening the intent")
        async with self.hub.open_work() as session:
            kept = await keep(session, self.hub, answers)
            if answers:
                reached("before committing the outcome")
            steps = await begin(session, self.hub, asks, kept)
            reached("before committing the intent")
        return steps

    async def _alone(self, ask: Ask) -> Next:
        """The same for one lane of a batch that broke.

        What the world answered is kept first and for itself: it must not be lost because the next
        intent cannot be written.
        """
        if ask.answer is not None:
            await self._keep(ask.answer)
        (step,) = await self._turn([replace(ask, answer=None)])
        return step

    async def _keep(self, answer: Answer) -> None:
        """Keeps one answer; a database that is away is waited for while the lane may be ours.

        What the world told us once it may not tell again (reliability-security.md 1.5, step 5).
        Safe to repeat: an attempt that is closed already stays as it is.
        """
        until = steady_seconds() + self.hub.rules.lane.total_seconds()
        while True:
            try:
                await self._keep_once(answer)
            except _NEVER_BETTER:
                raise
            except AWAY as error:
                if steady_seconds() > until:
                    raise
                log.warning("loop.database_away", reason=type(error).__name__)
                await asyncio.sleep(_TICK)
            else:
                return

    async def _keep_once(self, answer: Answer) -> None:
        reached("before opening the outcome")
        try:
            async with self.hub.open_work() as session:
                kept = await keep(session, self.hub, [answer])
                await lanes.release(session, strayed=kept.strayed)
                reached("before committing the outcome")
        except IntegrityError as error:
            if _ONE_POST_ONE_PUBLICATION not in str(error.orig):
                raise
            await self._keep_once(replace(answer, outcome=IdTakenError()))

    async def _renew_leases(self) -> None:
        """Keeps the leases of working lanes alive at a quarter of their length."""
        every = self.hub.rules.lane.total_seconds() / 4
        while True:
            await asyncio.sleep(every)
            mine = list(self._working)
            if not mine:
                continue
            try:
                async with self.hub.open_work() as session:
                    still = await lanes.hold_on(session, mine, lease=self.hub.rules.lane)
            except AWAY as error:
                log.warning("loop.database_away", reason=type(error).__name__)
                continue
            for lane in set(mine) - still:
                if lane in self._working:
                    log.warning("lane.lost", account=str(lane.account_id), urgent=lane.urgent)

    async def _sweep(self) -> None:
        """Derives every free lane's due instant anew, so that no lost wake is lost for long.

        Also ends what waits for accounts that were closed.
        """
        while True:
            try:
                async with self.hub.open_work() as session:
                    await give_up_closed(session)
                    await derive(session)
                self._bell.set()
            except AWAY as error:
                log.warning("loop.database_away", reason=type(error).__name__)
            await asyncio.sleep(_SWEEP)

    async def _let_end(self) -> None:
        """Lets running lanes come to their end; a call takes at most its deadline."""
        grace = self.hub.rules.call_deadline + timedelta(seconds=30)
        if self._working:
            await asyncio.wait(self._working.values(), timeout=grace.total_seconds())
        for task in list(self._working.values()):
            task.cancel()
