"""What a worker does for the sources: reads those that are due, follows their rules, checks links.

Different hosts are asked at once, each of them one question after the other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery import fan_out, switches
from services.delivery.fan_out import SubmitForm
from services.delivery.hub import Hub
from services.sources import checking_links, collecting, making, polling
from services.sources.checking_links import Due as DueLink
from services.sources.making import Ruled
from services.sources.polling import Due as DueSource
from services.staff.caller import Caller
from shared.clock import utc_now
from shared.errors import InvalidError, LoaError, NotFoundError

_HOSTS_AT_ONCE: Final = 4
_GATHERED_AT_ONCE: Final = 200
_GATHERINGS: Final = 20
_NOTE: Final = "Loa tự gửi theo quy tắc của nguồn tin “{title}”."

_log = structlog.get_logger()


class _Asked(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def url(self) -> str: ...


_One = TypeVar("_One", bound=_Asked)


async def read_sources(hub: Hub) -> None:
    """Reads every source whose time has come, then makes what their rules say. Safe to repeat."""
    async with hub.open_work() as session:
        due = await polling.claim(session, now=utc_now())

    async def read(one: DueSource) -> None:
        await polling.read_source(hub.open_work, hub.guard, one.id, public_url=hub.public_url)

    await _by_host(due, read)
    await follow_rules(hub)


async def follow_rules(hub: Hub) -> None:
    """Drafts, and submits where the rule says so, what came in; approving stays a person's act.

    Safe to repeat. A restored copy makes nothing by itself.
    """
    async with hub.open_work() as session:
        if await switches.fenced(session):
            return
        found = await making.ruled(session)
    for one in found:
        try:
            await _follow(hub, one)
        except LoaError as error:
            await _hold(hub, one, "refused")
            _log.warning("source.rule_failed", entry=str(one.entry_id), code=error.code)


async def check_links(hub: Hub) -> None:
    """Asks the links of published items whose week is over. Safe to repeat."""
    for _ in range(_GATHERINGS):
        async with hub.open_work() as session:
            count = await checking_links.gather(
                session, public_url=hub.public_url, now=utc_now(), most=_GATHERED_AT_ONCE
            )
        if count < _GATHERED_AT_ONCE:
            break
    async with hub.open_work() as session:
        due = await checking_links.claim(session, now=utc_now())

    async def check(one: DueLink) -> None:
        answer = await checking_links.ask(one.url, hub.guard)
        async with hub.open_work() as session:
            await checking_links.note(session, one.id, answer, now=utc_now())

    await _by_host(due, check)


async def _follow(hub: Hub, one: Ruled) -> None:
    if one.too_many:
        await _hold(hub, one, "many")
        return
    async with hub.open_work() as session:
        author = await making.author(session, one)
    if author is None:
        await _hold(hub, one, "rule_author")
        return
    files = await collecting.pictures(hub.open_work, hub.guard, one.entry_id, own_only=True)
    async with hub.open_work() as session:
        kept = await collecting.added(session, author, hub.media, files)
        zone = ZoneInfo(hub.timezone)
        item = await making.draft(session, author, one.entry_id, zone=zone, pictures=kept)
        if one.submit and not await _submitted(session, hub, author, one, item.id):
            await making.hold(session, one.entry_id, "blocking_problems")


async def _submitted(
    session: AsyncSession, hub: Hub, author: Caller, one: Ruled, item_id: UUID
) -> bool:
    """Whether the draft could be submitted; if not, it stays a draft for its author to mend."""
    form = SubmitForm(accounts=one.accounts, note=_NOTE.format(title=one.source_title))
    try:
        async with session.begin_nested():
            await fan_out.submit(session, hub, author, item_id, form)
    except (InvalidError, NotFoundError) as error:
        _log.info("source.not_submitted", entry=str(one.entry_id), code=error.code)
        return False
    return True


async def _hold(hub: Hub, one: Ruled, problem: str) -> None:
    async with hub.open_work() as session:
        await making.hold(session, one.entry_id, problem)


async def _by_host(due: Iterable[_One], work: Callable[[_One], Awaitable[None]]) -> None:
    """Works through what is due: some hosts at once, of each host one after the other."""
    hosts: defaultdict[str, list[_One]] = defaultdict(list)
    for one in due:
        hosts[urlsplit(one.url).hostname or ""].append(one)
    turns = asyncio.Semaphore(_HOSTS_AT_ONCE)

    async def in_turn(ones: list[_One]) -> None:
        async with turns:
            for one in ones:
                await work(one)

    # One host that breaks something must not end the turns of the others.
    ended = await asyncio.gather(*map(in_turn, hosts.values()), return_exceptions=True)
    broken = [error for error in ended if isinstance(error, Exception)]
    if broken:
        raise ExceptionGroup("hosts", broken)
