"""Thông báo: what somebody should know or do, grouped by item, and what they want to be told.

Source: console-ux.md section 4 (S20).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from starlette.responses import Response

from services.console.ask import Ask
from services.console.delivery import retried_words
from services.console.drawing import word
from services.console.guard import Page, get, post
from services.console.live import Region
from services.delivery import decisions, notices, words
from services.delivery.news import Acted, Moved, News
from services.delivery.notices import CHOICES, NEEDED_BY, Cause, Notice
from services.delivery.tables import State
from services.sources import words as source_words
from services.staff import preferences
from shared.errors import FieldError, InvalidError, NotFoundError

_PER_PAGE: Final = 50

_LOOK: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        Cause.URGENT: ("red", "siren"),
        Cause.SUBMITTED: ("amber", "user-check"),
        Cause.RETURNED: ("amber", "undo-2"),
        Cause.FAILED: ("red", "circle-x"),
        Cause.UNDECIDED: ("amber", "hand"),
        Cause.WITHDRAWAL: ("red", "archive-x"),
        Cause.DRIFT: ("amber", "git-compare"),
        Cause.MENDED: ("green", "circle-check"),
        Cause.SETTLED: ("green", "circle-check"),
        Cause.CONSENT: ("amber", "plug"),
        Cause.PAUSED: ("amber", "pause"),
        Cause.SOURCE: ("amber", "rss"),
        Cause.UPSTREAM: ("amber", "git-compare"),
        Cause.LINKS: ("amber", "unlink"),
    }
)
# What may have made a new notice for somebody, or made one needless.
_ACTS: Final = frozenset({"item.submitted", "item.returned", "item.approved"})
_ENDS: Final = frozenset(
    {State.LIVE, State.WITHDRAWN, State.FAILED, State.EXPIRED, State.UNDECIDED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One notice in words, and where it leads."""

    id: UUID
    at: datetime
    read: bool
    tone: str
    icon: str
    what: str
    detail: str | None
    act: str
    open: bool
    may_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The notices of one item, or of one account; `urgent` while an alert waits."""

    title: str
    item_id: UUID | None
    lines: tuple[Line, ...]
    urgent: bool

    @property
    def unread(self) -> bool:
        """Whether anything of it was not read yet."""
        return any(not line.read for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something that one may be told of or not."""

    name: str
    label: str
    chosen: bool


async def show(ask: Ask) -> Response:
    """A page of notices, newest first."""
    before = _before(ask.query("before"))
    async with ask.work() as session:
        await notices.collect(session)
    async with ask.work() as session:
        found = await notices.notices(
            session, ask.caller.staff_id, limit=_PER_PAGE + 1, before=before
        )
        unread = await notices.unread(session, ask.caller.staff_id)
    shown = found[:_PER_PAGE]
    older = (
        ask.url("/notifications", before=shown[-1].at.isoformat())
        if len(found) > _PER_PAGE
        else None
    )
    return await ask.page(
        "notifications.html",
        groups=_groups(ask, shown),
        unread=unread,
        older=older,
        newer=ask.url("/notifications") if before is not None else None,
        choices=_choices(ask),
    )


async def open_one(ask: Ask) -> Response:
    """Goes where a notice leads; it counts as read from then on.

    A plain link, so that it opens in a new tab too. All that it changes is the reader's own mark.
    """
    async with ask.work() as session:
        found = await notices.one(session, ask.caller.staff_id, ask.id("notice_id"))
        if found is None:
            raise NotFoundError
        await notices.read(session, ask.caller.staff_id, [found.id])
    return ask.to(_target(found))


async def read(ask: Ask) -> Response:
    """Marks some as read, or all when none is named."""
    ids = ask.ids("id")
    async with ask.work() as session:
        await notices.read(session, ask.caller.staff_id, ids or None)
    said = ask.t("Đã đánh dấu là đã đọc.")
    return ask.to("/notifications", said=said)


async def retry(ask: Ask) -> Response:
    """Tries again at once on every channel that a notice of a failure names."""
    caller = ask.caller
    async with ask.work() as session:
        found = await notices.one(session, caller.staff_id, ask.id("notice_id"))
        if found is None or found.item_id is None:
            raise NotFoundError
    count = await decisions.retry_each(ask.hub.open_work, caller, found.publications)
    async with ask.work() as session:
        await notices.read(session, caller.staff_id, [found.id])
    said = ask.t("Đang thử lại trên %(name)s.", name=_names(ask, found))
    if count < len(found.publications):
        said = retried_words(ask, count, len(found.publications))
    return ask.to(f"/posts/{found.item_id}/delivery", said=said)


async def choose(ask: Ask) -> Response:
    """Keeps what the reader wants to be told of."""
    wanted = set(ask.texts("cause"))
    chosen: dict[str, JsonValue] = {
        one.value: False for one in _offered(ask) if one.value not in wanted
    }
    async with ask.work() as session:
        await preferences.prefer(session, ask.caller.staff_id, "notify", chosen)
    return ask.to("/notifications", said=ask.t("Đã lưu lựa chọn của bạn."))


async def draw_bell(ask: Ask, _: str) -> str:
    """The bell of the top bar with its count, as it stands now."""
    return ask.drawn("bell.html", "bell", unread=await _unread(ask, ""))


async def _unread(ask: Ask, _: str) -> int:
    async with ask.work() as session:
        return await notices.unread(session, ask.caller.staff_id)


def _may_tell(one: News, _: str) -> bool:
    match one:
        case Moved(state=state):
            return state in _ENDS
        case Acted(act=act):
            return act in _ACTS


PAGES: Final[tuple[Page, ...]] = (
    get("/notifications", show),
    get("/notifications/{notice_id}", open_one),
    post("/notifications/read", read),
    post("/notifications/{notice_id}/retry", retry, roles=("approver",)),
    post("/notifications/choices", choose),
)
REGIONS: Final[Mapping[str, Region]] = MappingProxyType(
    {"bell": Region(target="bell", draw=draw_bell, counts=_may_tell, beat=_unread)}
)


# ── In words ─────────────────────────────────────────────────────────────────────────────────────


def _groups(ask: Ask, found: Sequence[Notice]) -> list[Group]:
    kept: dict[UUID, list[Notice]] = {}
    for one in found:
        group = kept.setdefault(one.item_id or one.account_id or one.id, [])
        # The same again, long since read, tells nothing that the newer one does not.
        if not one.read or all(one.cause != other.cause for other in group):
            group.append(one)
    return [
        Group(
            title=group[0].title or ", ".join(group[0].accounts),
            item_id=group[0].item_id,
            lines=tuple(_line(ask, one) for one in group),
            urgent=any(one.cause == Cause.URGENT and not one.read for one in group),
        )
        for group in kept.values()
    ]


def _line(ask: Ask, one: Notice) -> Line:
    tone, icon = _LOOK[one.cause] if one.open else ("neutral", "check")
    what, detail, act = _said(ask, one)
    if not one.open:
        act = ask.t("Xem")
    return Line(
        id=one.id,
        at=one.at,
        read=one.read,
        tone=tone,
        icon=icon,
        what=what,
        detail=detail,
        act=act,
        open=one.open,
        may_retry=one.open and one.cause == Cause.FAILED and "approver" in ask.caller.roles,
    )


def _said(ask: Ask, one: Notice) -> tuple[str, str | None, str]:
    """What happened, what more there is to know, and the verb of the link."""
    names = _names(ask, one)
    if one.cause in (Cause.SOURCE, Cause.UPSTREAM, Cause.LINKS):
        return _said_of_origin(ask, one, names)
    problem = words.problem(one.code, ask.language, account=names) if one.code else None
    happened = problem.happened if problem is not None else None
    match one.cause:
        case Cause.URGENT:
            return ask.t("Tin khẩn chờ bạn duyệt."), _from(ask, one), ask.t("Xem và duyệt")
        case Cause.SUBMITTED:
            return ask.t("Chờ bạn duyệt."), _from(ask, one), ask.t("Xem và duyệt")
        case Cause.RETURNED:
            return ask.t("Bài được trả lại để sửa."), one.reason, ask.t("Sửa bài")
        case Cause.FAILED:
            what = ask.t("Chưa đăng được trên %(names)s.", names=names)
            return what, happened, ask.t("Xem")
        case Cause.UNDECIDED:
            what = ask.t("Chưa rõ bài đã lên %(names)s hay chưa; cần bạn xác nhận.", names=names)
            return what, happened, ask.t("Xác nhận kết quả")
        case Cause.WITHDRAWAL:
            what = ask.t("Chưa gỡ được khỏi %(names)s.", names=names)
            return what, happened, ask.t("Xem")
        case Cause.DRIFT:
            what = ask.t("Bài trên %(names)s không còn như bản đã duyệt.", names=names)
            return what, happened, ask.t("Xem chỗ khác")
        case Cause.MENDED:
            what = ask.t("Sai lệch trên %(names)s đã hết.", names=names)
            return what, None, ask.t("Xem")
        case Cause.SETTLED:
            state = word(ask.language, "publication", one.state).label if one.state else ""
            what = ask.t("Việc bạn theo dõi trên %(names)s đã xong.", names=names)
            return what, state, ask.t("Xem")
        case Cause.CONSENT:
            what = ask.t("Cần nối lại %(names)s.", names=names)
            return what, happened, ask.t("Nối lại kênh")
    return ask.t("Loa đã tạm dừng %(names)s.", names=names), happened, ask.t("Xem kênh")


def _names(ask: Ask, one: Notice) -> str:
    """The channels it speaks of: by name, or the first ones and how many more."""
    names = ", ".join(one.accounts)
    more = one.account_count - len(one.accounts)
    if not more:
        return names
    return ask.t("%(names)s và %(count)s kênh khác", names=names, count=ask.moments.number(more))


def _said_of_origin(ask: Ask, one: Notice, names: str) -> tuple[str, str | None, str]:
    """The same of where items come from, and of where they lead."""
    if one.cause == Cause.LINKS:
        what = ask.t("Bài đã đăng có liên kết không còn mở được.")
        return what, None, ask.t("Xem liên kết")
    if one.cause == Cause.SOURCE:
        told = source_words.result(one.state or "", ask.language, {}).long
        return ask.t("Loa ngừng đọc nguồn %(names)s.", names=names), told, ask.t("Xem nguồn")
    kept = ask.t("Bài của bạn vẫn như cũ.")
    if one.state == "gone":
        what = ask.t("%(names)s đã gỡ tin mà bài này lấy lại.", names=names)
        return what, kept, ask.t("Xem")
    what = ask.t("%(names)s đã sửa tin mà bài này lấy lại.", names=names)
    return what, kept, ask.t("Xem chỗ khác")


def _from(ask: Ask, one: Notice) -> str | None:
    parts = []
    if one.by:
        parts.append(ask.t("%(name)s gửi", name=one.by))
    if one.publish_at is not None:
        parts.append(ask.t("hẹn đăng %(at)s", at=ask.moments.short(one.publish_at, ask.now)))
    return ", ".join(parts) or None


def _target(one: Notice) -> str:
    if one.cause == Cause.SOURCE:
        return f"/sources/{one.origins[0]}" if one.origins else "/sources"
    if one.cause == Cause.UPSTREAM and len(one.origins) == 1:
        return f"/sources/entries/{one.origins[0]}"
    if one.cause == Cause.LINKS:
        return "/sources/links" if one.open else f"/posts/{one.item_id}"
    if one.item_id is None:
        return f"/channels/{one.account_id}"
    if not one.open and one.cause in (Cause.URGENT, Cause.SUBMITTED, Cause.RETURNED):
        return f"/posts/{one.item_id}"
    match one.cause:
        case Cause.URGENT | Cause.SUBMITTED:
            return f"/posts/{one.item_id}/review"
        case Cause.RETURNED:
            return f"/posts/{one.item_id}/edit"
        case Cause.UNDECIDED if len(one.publications) == 1:
            return f"/publications/{one.publications[0]}/decide"
    return f"/posts/{one.item_id}/delivery"


def _choices(ask: Ask) -> list[Choice]:
    labels = {
        Cause.SUBMITTED: ask.t("Có bài chờ tôi duyệt"),
        Cause.RETURNED: ask.t("Bài của tôi bị trả lại"),
        Cause.FAILED: ask.t("Có kênh không đăng được"),
        Cause.UNDECIDED: ask.t("Có kết quả cần xác nhận"),
        Cause.WITHDRAWAL: ask.t("Có bài chưa gỡ được"),
        Cause.DRIFT: ask.t("Bài trên kênh khác bản đã duyệt"),
        Cause.MENDED: ask.t("Kênh đã hết sai lệch"),
        Cause.SETTLED: ask.t("Việc tôi bấm “Báo khi xong”"),
        Cause.CONSENT: ask.t("Có kênh cần nối lại"),
        Cause.PAUSED: ask.t("Loa tự tạm dừng một kênh"),
        Cause.SOURCE: ask.t("Có nguồn tin cần xem"),
        Cause.UPSTREAM: ask.t("Nguồn sửa hoặc gỡ tin đã lấy"),
        Cause.LINKS: ask.t("Bài đã đăng có liên kết hỏng"),
    }
    kept = ask.preferences.get("notify")
    refused = kept if isinstance(kept, Mapping) else {}
    return [
        Choice(name=one.value, label=labels[one], chosen=refused.get(one.value) is not False)
        for one in _offered(ask)
    ]


def _offered(ask: Ask) -> list[Cause]:
    """What can reach this reader at all, by their roles."""
    return [
        one
        for one in CHOICES
        if one not in NEEDED_BY or not ask.caller.roles.isdisjoint(NEEDED_BY[one])
    ]


def _before(told: str) -> datetime | None:
    if not told:
        return None
    try:
        # A plus sign in an address is a space to most who write one.
        at = datetime.fromisoformat(told.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        detail = "Con trỏ không hợp lệ · Not one of our cursors"
        fault = FieldError(field="before", code="cursor_unknown", detail=detail)
        raise InvalidError("cursor_unknown", fields=(fault,))
    return at
