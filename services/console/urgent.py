"""Urgent news (S22): few fields, every channel, one press to write and send for approval.

Source: console-ux.md section 4, S22. Two people all the same; what falls away is the waiting.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.responses import Response

from services.console import composer, composing
from services.console.ask import Ask
from services.console.composer import Step
from services.console.composing import Filled
from services.console.guard import Page, get, post
from services.content import queries
from services.delivery import fan_out
from services.storage.columns import new_id
from shared.errors import ConflictError, InvalidError

_MOST_BYTES: Final = 25 * 1024 * 1024
_TEMPLATE: Final = "urgent.html"


async def write(ask: Ask) -> Response:
    """The empty form: every channel of the writer's unit is on."""
    async with ask.work() as session:
        outlets = await composer.outlets_of(ask, session)
    filled = Filled(
        kind="warning",
        accounts=tuple(str(one.id) for one in outlets if one.unit_id == ask.caller.unit_id),
        urgent=True,
    )
    return await _page(ask, Step(item_id=None, fresh_id=new_id(), version=0, base=filled), filled)


async def send(ask: Ask) -> Response:
    """Makes the item and submits it as urgent; what cannot go out yet is said beside its field.

    Safe to repeat: the item's id came with the form.
    """
    try:
        return await _sent(ask)
    finally:
        await ask.form.close()


async def _sent(ask: Ask) -> Response:
    filled = composing.sent(ask).model_copy(
        update={"kind": "warning", "urgent": True, "when": composing.NOW}
    )
    step = composer.step_of(ask, None, filled)
    filled, faults = await composer.with_picture(ask, filled)
    verdict = composing.judged(ask, filled, submitting=True)
    faults = {**faults, **verdict.faults}
    if faults:
        return await _page(ask, step, filled, faults=faults)
    try:
        async with ask.work() as session:
            item = await composer.keep(ask, session, step, verdict)
        async with ask.work() as session:
            await fan_out.submit(
                session, ask.hub, ask.caller, item.id, verdict.choices.submission()
            )
    except InvalidError as error:
        blocked = error.code == "blocking_problems"
        faults = {} if blocked else composer.room_faults(ask, error)
        return await _page(ask, step, filled, faults=faults, refused=True)
    except ConflictError as error:
        # Pressed twice: the first press has sent it.
        if error.code != "stale_version" or not await _in_review(ask, step.fresh_id):
            raise
    said = ask.t("Đã gửi khẩn. Người duyệt được báo ngay.")
    return ask.to(f"/posts/{step.fresh_id}", said=said)


async def _in_review(ask: Ask, item_id: UUID) -> bool:
    async with ask.work() as session:
        item = await queries.item(session, item_id, ask.caller.unit_ids)
        newest = (await queries.newest(session, (item,)))[item.id]
    return newest.state == "review" and newest.submitted_by == ask.caller.staff_id


async def _page(
    ask: Ask,
    step: Step,
    filled: Filled,
    *,
    faults: Mapping[str, str] | None = None,
    refused: bool = False,
) -> Response:
    async with ask.work() as session:
        outlets = await composer.outlets_of(ask, session)
        seen = await composer.seen_of(ask, session, None, filled) if refused else None
        cover = await composer.cover_of(session, filled)
    return await ask.page(
        _TEMPLATE,
        status=422 if faults or refused else 200,
        step=step,
        filled=filled,
        outlets=[one for one in outlets if one.unit_id == ask.caller.unit_id],
        chosen=set(filled.accounts),
        cover=cover,
        must=seen.must if seen else (),
        faults=faults or {},
        labels=composer.labels_of(ask, outlets),
    )


PAGES: Final[tuple[Page, ...]] = (
    get("/urgent", write, roles=("editor",)),
    post("/urgent", send, roles=("editor",), most_bytes=_MOST_BYTES),
)
