"""The jobs of a worker: thin, each calls a room. They run on timers, or through Redis."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select

from services.audit.verify import verify
from services.channels import accounts, checks, tokens
from services.delivery import adopting, notices, switches
from services.delivery.hub import Hub
from services.proof import keys, ledger
from services.queue.jobs import Enqueue, Job, Run
from services.staff import otp
from services.syndication import arriving, websub
from services.worker import retention, sourcing
from shared.clock import utc_now

# R39: a worker whose clock is further off must be mended, one that is a little off is watched.
_SKEW_WARNING: Final = timedelta(milliseconds=500)
_SKEW_ERROR: Final = timedelta(seconds=2)

_log = structlog.get_logger()


def declared(hub: Hub) -> tuple[Job, ...]:
    """Every job of this hub, with how often it runs by itself."""

    def bound(
        work: Callable[[Hub, Enqueue, Sequence[str]], Coroutine[object, object, None]],
    ) -> Run:
        return partial(work, hub)

    minutes, hours = timedelta(minutes=1), timedelta(hours=1)
    return (
        Job(
            name="tell_people",
            run=bound(_tell_people),
            every=timedelta(seconds=5),
            deadline=minutes,
        ),
        Job(
            name="prove_public",
            run=bound(_prove_public),
            every=timedelta(seconds=5),
            deadline=10 * minutes,
        ),
        Job(name="renew_tokens", run=bound(_renew_tokens), every=minutes),
        Job(name="check_clock", run=bound(_check_clock), every=5 * minutes, deadline=minutes),
        Job(name="check_accounts", run=bound(_check_accounts), every=hours),
        Job(
            name="adopt_posts",
            run=bound(_adopt_posts),
            every=timedelta(seconds=5),
            deadline=20 * minutes,
        ),
        Job(name="look_at_portals", run=bound(_look_at_portals), every=minutes),
        Job(name="check_account", run=bound(_check_account), deadline=2 * minutes),
        Job(name="read_sources", run=bound(_read_sources), every=minutes, deadline=10 * minutes),
        Job(name="check_links", run=bound(_check_links), every=10 * minutes, deadline=20 * minutes),
        Job(name="verify_audit", run=bound(_verify_audit), every=hours, deadline=30 * minutes),
        Job(name="reseal", run=bound(_reseal), every=hours),
        Job(name="forget_old", run=bound(_forget_old), every=6 * hours, deadline=30 * minutes),
    )


async def _renew_tokens(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    async with hub.open_work() as session:
        if await switches.fenced(session):
            return  # a restored copy must not spend the refresh tokens of the hub it came from
    await tokens.renew_due(hub.open_work, hub.registry, hub.sealer)


async def _tell_people(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    async with hub.open_work() as session:
        await notices.collect(session)


async def _prove_public(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    while await ledger.catch_up(hub):
        pass


async def _check_accounts(hub: Hub, enqueue: Enqueue, _: Sequence[str]) -> None:
    async with hub.open_work() as session:
        known = await accounts.views(session)
    for account in known:
        await enqueue("check_account", str(account.id))


async def _adopt_posts(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    await adopting.read_on(hub)


async def _look_at_portals(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    found = await arriving.look(hub, utc_now())
    if found:
        _log.info("portals.looked_at", **found)


async def _check_account(hub: Hub, _: Enqueue, ids: Sequence[str]) -> None:
    for account_id in ids:
        probes = await checks.check(hub.open_work, hub.registry, hub.sealer, UUID(account_id))
        bad = [probe.name for probe in probes if not probe.ok]
        if bad:
            _log.warning("account.unwell", account=account_id, probes=bad)


async def _read_sources(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    await sourcing.read_sources(hub)


async def _check_links(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    await sourcing.check_links(hub)


async def _verify_audit(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    async with hub.open_work() as session:
        verdict = await verify(session)
    if verdict.ok:
        _log.info("audit.whole", entries=verdict.count)
    else:
        _log.error("audit.broken", entry=verdict.first_bad_seq, why=verdict.why)


async def _forget_old(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    gone = await retention.forget(hub.open_work)
    if any(gone.values()):
        _log.info("retention.forgotten", **gone)


async def _reseal(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    count = 1
    while count:
        async with hub.open_work() as session:
            count = await accounts.reseal(session, hub.sealer)
            count += await websub.reseal(session, hub.sealer)
            count += await keys.reseal(session, hub.sealer)
        if count:
            _log.info("credentials.resealed", count=count)
    async with hub.open_work() as session:
        count = await otp.reseal(session, hub.sealer)
    if count:
        _log.info("otp.resealed", count=count)


async def _check_clock(hub: Hub, _: Enqueue, __: Sequence[str]) -> None:
    async with hub.open_work() as session:
        before = utc_now()
        told = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        after = utc_now()
    # What the answer's way took is not skew.
    skew = abs(told - before - (after - before) / 2)
    if skew > _SKEW_ERROR:
        _log.error("clock.wrong", seconds=skew.total_seconds())
    elif skew > _SKEW_WARNING:
        _log.warning("clock.off", seconds=skew.total_seconds())
