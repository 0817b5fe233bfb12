"""The first steps of a new hub (S25): what is done, what is next, what was put off for later.

Source: console-ux.md section 4 (S25). What is done is read from the hub itself; only what somebody
passed over is kept, for every admin alike.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get, post
from services.delivery import first_steps
from services.delivery.first_steps import STEPS
from services.staff import agency
from shared.errors import ForbiddenError

_CLOSED: Final = "closed"
_OPEN: Final = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The steps as they stand: `at` is the next one, None when nothing is left."""

    done: frozenset[str]
    passed: frozenset[str]
    closed: bool

    @property
    def at(self) -> str | None:
        """The first step that is neither done nor passed over."""
        return next((step for step in STEPS if step not in self.done | self.passed), None)

    @property
    def count(self) -> int:
        """How many steps are done."""
        return len(self.done)


async def show(ask: Ask) -> Response:
    """All five steps."""
    async with ask.work() as session:
        setup = await setup_of(ask, session)
        zone = ask.hub.timezone
    if setup is None:
        raise ForbiddenError("top_unit_needed")
    return await ask.page("setup.html", setup=setup, zone=zone)


async def mark(ask: Ask) -> Response:
    """Passes a step over, takes that back, or puts the whole list away and takes it out again."""
    step, back = ask.text("step"), ask.text("back") == "1"
    if step not in (*STEPS, _CLOSED, _OPEN):
        raise ForbiddenError
    async with ask.work() as session:
        kept = set((await agency.settings(session)).setup)
        if step == _OPEN:
            kept.discard(_CLOSED)
        elif back:
            kept.discard(step)
        else:
            kept.add(step)
        marks: list[JsonValue] = [*sorted(kept)]
        await agency.change(session, ask.caller, "setup", marks)
    if step == _CLOSED:
        return ask.to("/", said=ask.t("Đã cất danh sách. Mở lại ở Quản trị."))
    return ask.to("/setup")


async def setup_of(ask: Ask, session: AsyncSession) -> Setup | None:
    """How far this hub is; None for whoever could not go the steps."""
    try:
        await agency.need_top_admin(session, ask.caller)
    except ForbiddenError:
        return None
    marks = (await agency.settings(session)).setup
    return Setup(
        done=await first_steps.done(session, ask.caller.unit_ids),
        passed=marks - {_CLOSED},
        closed=_CLOSED in marks,
    )


PAGES: Final[tuple[Page, ...]] = (
    get("/setup", show, roles=("admin",)),
    post("/setup", mark, roles=("admin",)),
)
