"""Hôm nay: what waits for the reader, what goes out today, how the channels are (S2)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get, post
from services.console.holidays import Holiday, holidays, lunar_name
from services.console.live import Region
from services.console.lunar import lunar
from services.console.setup import Setup, setup_of
from services.delivery import agenda, waiting
from services.delivery.agenda import Entry
from services.delivery.waiting import Outlets, Tasks
from services.staff import preferences
from services.storage.session import AWAY
from shared.clock import utc_now
from shared.errors import ForbiddenError

_T = TypeVar("_T")

_SHOWN: Final = 12  # tasks; the rest is one press away
_ENTRIES: Final = 40
_CHANNELS: Final = 12
_DRAFTS: Final = 4

# The life of one item, in the steps of the tour; the last two words are of the card itself.
STEPS: Final = ("write", "submit", "change", "approve", "watch", "ledger")
_MARKS: Final = frozenset({*STEPS, "closed", "open"})
_AFTER: Final[Mapping[str, str]] = {"write": "/posts/new", "watch": "/posts?view=published"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What goes or went out today; `coming` counts what is still to come of all `count`."""

    entries: Sequence[Entry]
    count: int
    coming: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Today as a calendar on the wall tells it."""

    at: datetime
    moon: str
    holidays: tuple[Holiday, ...]


async def show(ask: Ask) -> Response:
    """The page; an auditor's first screen is the record."""
    if ask.caller.roles == {"auditor"}:
        return ask.to("/audit")
    return await ask.page("today.html", block="today", **await _values(ask, ask.now))


async def draw(ask: Ask, key: str) -> str:
    """The live part, of the instant it is drawn."""
    now = utc_now()
    return ask.drawn("today.html", "today", **await _values(ask, now))


async def tour(ask: Ask) -> Response:
    """Notes a step of the tour, and leads to where it is done."""
    step = ask.text("step")
    if step not in _MARKS:
        raise ForbiddenError
    told = ask.preferences.get("tour")
    done = [str(one) for one in told] if isinstance(told, list) else []
    done = [one for one in done if one != "closed"] if step == "open" else [*done, step]
    async with ask.work() as session:
        await preferences.prefer(session, ask.caller.staff_id, "tour", list(dict.fromkeys(done)))
    return ask.to(_AFTER.get(step, "/"))


PAGES: Final[tuple[Page, ...]] = (get("/", show), post("/tour", tour))
REGIONS: Final[Mapping[str, Region]] = {"today": Region(target="today", draw=draw)}


async def _values(ask: Ask, now: datetime) -> dict[str, Any]:
    """Every part by its name; None for one that could not be read: it fails alone."""
    caller, units = ask.caller, ask.caller.unit_ids
    local = ask.moments.local(now)
    start = datetime.combine(local.date(), time(), ask.moments.zone)

    async def tasks(session: AsyncSession) -> Tasks:
        return await waiting.tasks(session, caller, most=_SHOWN)

    async def plan(session: AsyncSession) -> Plan:
        found = await agenda.entries(
            session,
            start,
            start + timedelta(days=1),
            unit_ids=units,
            zone=ask.hub.timezone,
            most_per_day=_ENTRIES,
        )
        coming = sum(one.what != "shown" and one.at > now for one in found)
        return Plan(entries=found, count=found[0].in_day if found else 0, coming=coming)

    async def channels(session: AsyncSession) -> Outlets:
        return await waiting.outlets(session, units, most=_CHANNELS)

    async def urgent(session: AsyncSession) -> Sequence[waiting.Pinned]:
        return await waiting.urgent(session, units)

    async def drafts(session: AsyncSession) -> Sequence[waiting.Draft]:
        if "editor" not in caller.roles:
            return ()
        return await waiting.drafts(session, caller, most=_DRAFTS)

    async def setup(session: AsyncSession) -> Setup | None:
        if "admin" not in caller.roles:
            return None
        found = await setup_of(ask, session)
        return found if found and found.at and not found.closed else None

    return {
        "now": now,
        "day": Day(
            at=now,
            moon=lunar_name(lunar(local.date()), whole=True),
            holidays=holidays(local.date()),
        ),
        "tour": _tour(ask),
        "setup": await _part(ask, setup),
        "tasks": await _part(ask, tasks),
        "plan": await _part(ask, plan),
        "channels": await _part(ask, channels),
        "urgent": await _part(ask, urgent),
        "drafts": await _part(ask, drafts),
    }


async def _part(ask: Ask, read: Callable[[AsyncSession], Awaitable[_T]]) -> _T | None:
    try:
        async with ask.work() as session:
            return await read(session)
    except AWAY as error:
        _log.warning("today.part_failed", part=read.__name__, error=type(error).__name__)
        return None


def _tour(ask: Ask) -> Mapping[str, object]:
    """How far the reader is: who approves only comes in after an editor has sent something in."""
    told = ask.preferences.get("tour")
    done = {str(one) for one in told} if isinstance(told, list) else set()
    closed = "closed" in done
    if "editor" not in ask.caller.roles:
        done |= {"write", "submit", "change"}
    at = next((step for step in STEPS if step not in done), None)
    return {"done": done & set(STEPS), "at": at, "closed": closed, "steps": STEPS}
