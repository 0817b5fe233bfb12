"""Reading what waits for agreement, and agreeing to exactly that: approve, or send back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.audit.acts import Act
from services.audit.append import record_refusal
from services.console import previews, reading
from services.console.ask import Ask, Said, whole_number
from services.console.dossier import Dossier, dossier, library, refusal_of
from services.console.guard import Page, get, post
from services.console.previews import Check, Look
from services.console.reading import Change
from services.content import comments, queries
from services.content.comments import Remark
from services.content.tables import Revision
from services.delivery import fan_out, preview
from shared.errors import ConflictError, InvalidError, LoaError, NotFoundError

_REMARKS: Final = 30
_MOST_BYTES: Final = 2 * 1024 * 1024  # a hash for each of thousands of accounts
REASON_CHARS: Final = 1_000
# What a refused agreement is told with the page drawn anew, not with a page of its own.
_MOVED_ON: Final = frozenset({"content_changed", "already_approved", "not_in_review"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What the revision is compared with, and how it differs.

    `kind`: the last one `agreed` to, the one that was `returned`, the one somebody has just `seen`,
    or one that the reader has `chosen`.
    """

    revision: Revision
    kind: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """All that an approver reads on one page, and what exactly they would agree to.

    `refusal` is why this reader may not approve, as a code; None when they may. `mine`: they had a
    hand in it. `seen` is the account and rendition hash of everything drawn here.
    """

    found: Dossier
    code: str
    looks: tuple[Look, ...]
    seen: tuple[tuple[UUID, str], ...]
    blocking: tuple[Check, ...]
    hints: tuple[Check, ...]
    against: Against | None
    returned_no: int | None
    remarks: tuple[Remark, ...]
    refusal: str | None
    mine: bool
    late: bool
    expired: bool
    hold: timedelta

    @property
    def revision(self) -> Revision:
        """The revision under review."""
        return self.found.newest

    @property
    def waiting(self) -> bool:
        """Whether it still waits for agreement."""
        return self.found.newest.state == "review"


async def show(ask: Ask) -> Response:
    """The page; `against` in the address names another revision to compare with."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        seen = await _reviewed(ask, session, item_id, against=whole_number(ask.query("against")))
        after = await _title_of(session, ask, ask.query("after"))
    return await _drawn(ask, seen, after=after)


async def approve(ask: Ask) -> Response:
    """Agrees to exactly what the page showed; then on to what waits next."""
    item_id = ask.id("item_id")
    no = whole_number(ask.text("revision"))
    shown = _hashes(ask.texts("seen"))
    if no is None:
        raise InvalidError("invalid_request")
    try:
        async with ask.work() as session:
            await fan_out.approve(session, ask.hub, ask.caller, item_id, revision=no, seen=shown)
    except ConflictError as error:
        if error.code not in _MOVED_ON:
            raise
        return await _moved_on(ask, item_id, no, error)
    return await _onward(ask, item_id, ask.t("Đã duyệt."), undo=f"/posts/{item_id}/stop")


async def send_back(ask: Ask) -> Response:
    """Returns it to its author, with the reason that was chosen or written."""
    item_id = ask.id("item_id")
    quick, typed = ask.text("quick").strip(), ask.text("reason").strip()
    reason = " ".join(one for one in (quick, typed) if one)
    fault = reason_fault(ask, reason)
    if fault:
        async with ask.work() as session:
            seen = await _reviewed(ask, session, item_id)
        return await _drawn(ask, seen, status=422, returning=True, typed=typed, fault=fault)
    try:
        async with ask.work() as session:
            await fan_out.send_back(session, ask.caller, item_id, reason=reason)
    except ConflictError as error:
        if error.code not in _MOVED_ON:
            raise
        return await _moved_on(ask, item_id, None, error)
    return await _onward(ask, item_id, ask.t("Đã trả lại cho người soạn."))


def reason_fault(ask: Ask, reason: str) -> str:
    """What is wrong with a reason that somebody gave; empty when it will do."""
    if not reason:
        return ask.t("Hãy chọn hoặc viết lý do, để mọi người cùng hiểu.")
    if len(reason) > REASON_CHARS:
        return ask.t("Lý do dài quá %(most)s ký tự. Hãy viết gọn hơn.", most=REASON_CHARS)
    return ""


# ── What the page shows ──────────────────────────────────────────────────────────────────────────


async def _reviewed(
    ask: Ask,
    session: AsyncSession,
    item_id: UUID,
    *,
    against: int | None = None,
    kind: str = "chosen",
) -> Reviewed:
    found = await dossier(session, ask.caller, item_id)
    revision = found.newest
    agreed = await queries.last_agreed(session, item_id, revision.no)
    base = agreed
    if against is not None and against < revision.no:
        base = await queries.revision(session, item_id, against)
    elif base is not None:
        kind = "agreed"
    returned = await _sent_back(session, revision)
    if base is None and returned is not None:
        base, kind = returned, "returned"
    named, outlets = await library(session, found.house, (revision, *((base,) if base else ())))
    stored = await preview.stored_renditions(session, revision.id)
    renditions = [stored[one] for one in revision.accounts if one in stored]
    blocking, hints = previews.checks(renditions, outlets, ask.language)
    publish_at, expires_at = revision.publish_at, revision.expires_at
    return Reviewed(
        found=found,
        code=reading.short_code(revision),
        looks=tuple(previews.looks(ask, renditions, outlets, at=publish_at or ask.now)),
        seen=tuple((one.account_id, one.hash) for one in renditions),
        blocking=tuple(blocking),
        hints=tuple(hints),
        against=Against(
            revision=base,
            kind=kind,
            changes=tuple(reading.changes(ask, base, revision, named)),
        )
        if base is not None
        else None,
        returned_no=returned.no if returned is not None else None,
        remarks=await comments.remarks(session, item_id, limit=_REMARKS),
        refusal=refusal_of(ask.caller, found.item, revision),
        mine=ask.caller.staff_id in found.hands,
        late=publish_at is not None and publish_at <= ask.now,
        expired=expires_at is not None and expires_at <= ask.now,
        hold=found.house.holds(ask.hub.rules.hold, urgent=revision.urgent),
    )


async def _sent_back(session: AsyncSession, revision: Revision) -> Revision | None:
    """The revision just before this one, where an approver had sent that one back."""
    if revision.no < 2:
        return None
    before = await queries.revision(session, revision.item_id, revision.no - 1)
    return before if before.state == "returned" else None


async def _drawn(
    ask: Ask,
    seen: Reviewed,
    *,
    status: int = 200,
    told: str = "",
    after: tuple[UUID, str] | None = None,
    returning: bool = False,
    typed: str = "",
    fault: str = "",
) -> Response:
    return await ask.page(
        "review.html",
        status=status,
        seen=seen,
        found=seen.found,
        told=told,
        after=after,
        returning=returning or ask.query("return") == "1",
        typed=typed,
        fault=fault,
        reasons=_quick(ask),
        most_remarks=_REMARKS,
    )


def _quick(ask: Ask) -> tuple[str, ...]:
    """The reasons that most returns have."""
    return (
        ask.t("Sai số liệu, cần kiểm tra lại."),
        ask.t("Thiếu thông tin liên hệ."),
        ask.t("Câu chữ chưa rõ."),
        ask.t("Ảnh chưa phù hợp."),
        ask.t("Chưa đúng thời điểm đăng."),
    )


async def _moved_on(ask: Ask, item_id: UUID, no: int | None, error: ConflictError) -> Response:
    """Draws anew what somebody was too late for, and what has changed since they read it."""
    if error.code == "content_changed":
        await _noted(ask, item_id, error)
    async with ask.work() as session:
        seen = await _reviewed(ask, session, item_id, against=no, kind="seen")
    return await _drawn(ask, seen, status=409, told=ask.refusal(error))


async def _noted(ask: Ask, item_id: UUID, error: LoaError) -> None:
    """The guard records refusals that end a request; this one is answered with the page."""
    await record_refusal(
        ask.hub.open_work,
        ask.caller.actor,
        Act.APPROVAL_REFUSED,
        f"item:{item_id}",
        code=error.code,
        unit=ask.caller.unit_id,
        details={"call": f"{ask.request.method} {ask.request.url.path}"},
    )


async def _onward(ask: Ask, item_id: UUID, told: str, *, undo: str | None = None) -> Response:
    """To the next item that waits for this reader; to Hôm nay when there is none."""
    said = Said(text=told, undo=undo)
    async with ask.work() as session:
        following = await queries.next_to_approve(session, ask.caller, other_than=item_id)
    if following is None:
        return ask.to("/", said=said)
    return ask.to(f"/posts/{following}/review", said=said, after=item_id)


async def _title_of(session: AsyncSession, ask: Ask, told: str) -> tuple[UUID, str] | None:
    """The item that was done before this one, for the way to its board."""
    if not told:
        return None
    try:
        item = await queries.item(session, UUID(told), ask.caller.unit_ids)
    except (ValueError, NotFoundError):
        return None
    return item.id, (await queries.newest(session, (item,)))[item.id].title


def _hashes(told: list[str]) -> Mapping[UUID, str]:
    """What the form says was seen: `<account>:<hash>`, many with commas. Raises InvalidError."""
    found: dict[UUID, str] = {}
    for one in (one for field in told for one in field.split(",") if one):
        account, _, hashed = one.partition(":")
        try:
            found[UUID(account)] = hashed
        except ValueError as error:
            raise InvalidError("invalid_request") from error
    return found


PAGES: Final[tuple[Page, ...]] = (
    get("/posts/{item_id}/review", show),
    post("/posts/{item_id}/approve", approve, roles=("approver",), most_bytes=_MOST_BYTES),
    post("/posts/{item_id}/return", send_back, roles=("approver",)),
)
