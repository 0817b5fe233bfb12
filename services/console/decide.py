"""What became of an unclear call: a named person compares what was sent with what the channel has.

Source: console-ux.md section 4 (S7), "Outcome unknown".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get, post
from services.delivery import board, decisions, progress, words
from services.delivery.board import Shown
from services.delivery.decisions import Verdict
from services.delivery.matching import ALIKE, SAME_ENOUGH
from services.delivery.tables import State
from shared.contract.messages import Operation
from shared.errors import ConflictError, InvalidError, NotFoundError

Alike: TypeAlias = Literal["same", "much", "some", "little"]

_MUCH: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A post of the channel beside ours, and how alike the two are in words."""

    remote_id: str
    url: str | None
    text: str
    at: str | None
    alike: Alike
    told: str


async def show(ask: Ask) -> Response:
    """Both sides and the three outcomes; whoever may not decide reads who may."""
    return await _page(ask, {}, "")


async def settle(ask: Ask) -> Response:
    """Takes the verdict. What cannot be is told beside the choice, with all that was typed kept."""
    publication_id = ask.id("publication_id")
    outcome = _verdict(ask.text("outcome"))
    try:
        settled = await decisions.decide(
            ask.hub.open_work,
            ask.hub,
            ask.caller,
            publication_id,
            outcome=outcome,
            remote_id=(ask.text("remote_id") or ask.text("typed_id")).strip() or None,
        )
    except InvalidError as error:
        return await _page(ask, ask.faults(error), ask.refusal(error))
    except ConflictError as error:
        if error.code != "not_undecided":
            raise
        shown = await _shown(ask)
        said = ask.t("Việc này vừa được giải quyết. Trạng thái mới ở bên dưới.")
        return ask.to(f"/posts/{shown.item_id}/delivery", said=said)
    said = {
        "found": ask.t("Đã ghi nhận: đúng là bài này."),
        "absent": ask.t("Đã ghi nhận: trên kênh không có bài."),
        "stop": ask.t("Đã dừng. Loa theo dõi kênh này thêm 24 giờ."),
    }[outcome]
    return ask.to(f"/posts/{settled.item_id}/delivery", said=said)


PAGES: Final[tuple[Page, ...]] = (
    get("/publications/{publication_id}/decide", show),
    post("/publications/{publication_id}/decide", settle, roles=("approver",)),
)


def _verdict(told: str) -> Verdict:
    match told:
        case "found" | "absent" | "stop":
            return told
    raise InvalidError("invalid_request")


async def _shown(ask: Ask) -> Shown:
    async with ask.work() as session:
        shown = await board.publication(session, ask.id("publication_id"), ask.caller.unit_ids)
    if shown is None:
        raise NotFoundError("publication_not_found")
    return shown


async def _page(ask: Ask, faults: Mapping[str, str], refusal: str) -> Response:
    shown = await _shown(ask)
    if shown.state != State.UNDECIDED and not refusal:
        return ask.to(f"/posts/{shown.item_id}/delivery")
    async with ask.work() as session:
        sent = await progress.sent(session, shown.id, ask.caller.unit_ids)
        agreed = await progress.agreed(session, shown.item_id)
    problem = shown.problem
    code = problem.code if problem is not None and problem.code else "undecided"
    return await ask.page(
        "decide.html",
        status=422 if refusal else 200,
        publication=shown,
        agreed=agreed,
        sent=sent,
        withdraws=shown.operation == Operation.WITHDRAW,
        cause=words.problem(code, ask.language, account=shown.account.name),
        candidates=[_found(ask, one) for one in shown.candidates],
        faults=faults,
        refusal=refusal,
        typed=ask.text("typed_id"),
        may="approver" in ask.caller.roles,
    )


def _found(ask: Ask, one: board.Candidate) -> Found:
    alike: Alike = (
        "same"
        if one.similarity >= SAME_ENOUGH
        else "much"
        if one.similarity >= _MUCH
        else "some"
        if one.similarity >= ALIKE
        else "little"
    )
    told = {
        "same": ask.t("Gần như giống hệt"),
        "much": ask.t("Giống nhiều"),
        "some": ask.t("Giống một phần"),
        "little": ask.t("Ít giống, hoặc không đọc được chữ"),
    }
    return Found(
        remote_id=one.remote_id,
        url=one.remote_url,
        text=one.text,
        at=ask.moments.short(one.at, ask.now) if one.at is not None else None,
        alike=alike,
        told=told[alike],
    )
