"""Đăng lên các kênh: where each channel stands, step by step, and what a person can do about it.

Source: console-ux.md section 4 (S7) and section 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from starlette.responses import HTMLResponse, Response

from services.console import live, reading
from services.console.ask import Ask
from services.console.drawing import Chip, word
from services.console.guard import Page, get, post
from services.console.live import Region, key_id
from services.console.parts import part_of
from services.console.reading import Change
from services.content import queries
from services.delivery import (
    board,
    decisions,
    drifting,
    fan_out,
    hurry,
    notices,
    progress,
    tally,
    words,
)
from services.delivery.board import Candidate, Outlet, Shown
from services.delivery.drifting import Altered
from services.delivery.progress import Agreed, Line, Progress, Stage, Standing
from services.delivery.tables import State
from services.delivery.tally import Tally
from services.delivery.words import Words
from shared.contract.messages import Operation
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError

# So many of a page's channels get a card each; the others a line, which leads to a card.
_CARDS: Final = 24
_BARS: Final = 48
_LINES: Final = 40
_SOON: Final = timedelta(seconds=60)
_FAR: Final = timedelta(hours=20)

_MOVING: Final = (*(one for one in board.MOVES if one != "scheduled"), "uncertain")
_WATCHABLE: Final = frozenset({State.SCHEDULED, State.PENDING, State.SENDING, State.UNCERTAIN})
_QUIET: Final = frozenset({"live", "withdrawn", "skipped"})
_STANDING: Final[Mapping[Standing, tuple[str, str]]] = MappingProxyType(
    {
        "done": ("done", "circle-check"),
        "now": ("now", "loader"),
        "waits": ("wrong", "clock"),
        "unclear": ("wrong", "circle-question-mark"),
        "failed": ("wrong", "triangle-alert"),
        "next": ("", "circle"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The large figure of a card: `kind` up or down ticks from `at`, `at` shows the hour."""

    kind: Literal["up", "down", "at"]
    at: datetime
    shown: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage with its word, its look, and when it was done."""

    label: str
    look: str
    icon: str
    spins: bool
    told: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """One channel in a line: where it stands, and where to see it."""

    id: UUID
    account: Outlet
    state: str
    chip: Chip
    url: str | None
    may_repair: bool

    @property
    def tone(self) -> str:
        """The colour of its edge and bar; never the only sign."""
        return self.chip.tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(Brief):
    """One channel on the board. The `may_…` tell what is offered; the rooms check it again.

    `drifted` is how its text differs there from the agreed one, as of `compared_at`.
    """

    clock: Clock | None
    steps: tuple[Step, ...]
    note: str | None
    cause: Words | None
    technical: str | None
    reason: str | None
    bad: bool
    drifted: Change | None
    compared_at: datetime | None
    candidates: tuple[Candidate, ...]
    may_hurry: bool
    may_retry: bool
    may_skip: bool
    may_decide: bool
    may_watch: bool
    watched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line of the journal in words."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing has begun yet: when it will, and whether the reader may stop it."""

    at: datetime
    soon: bool
    shown: str
    may_stop: bool


async def show(ask: Ask) -> Response:
    """The board of an item. Whoever sees it has read what was told of its channels."""
    item_id = ask.id("item_id")
    values = await _values(ask, item_id)
    if not ask.partial:
        async with ask.work() as session:
            await notices.seen_board(session, ask.caller.staff_id, item_id)
    return await ask.page("delivery.html", block="board", status=200, **values)


async def draw(ask: Ask, key: str) -> str:
    """The live part of the board, for the stream."""
    return ask.drawn("delivery.html", "board", **await _values(ask, key_id(key)))


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────


async def retry(ask: Ask) -> Response:
    """Tries again now: what failed, or what would be tried again later anyway."""
    shown = await _publication(ask)
    async with ask.work() as session:
        if shown.state in (State.FAILED, State.EXPIRED):
            await decisions.retry(session, ask.caller, shown.id)
        else:
            await hurry.hurry(session, ask.caller, shown.id)
    return await _back(ask, shown, ask.t("Đang thử lại trên %(name)s.", name=shown.account.name))


async def repair(ask: Ask) -> Response:
    """Puts back what was agreed to, where the channel shows something else."""
    shown = await _publication(ask)
    async with ask.work() as session:
        await decisions.repair(session, ask.caller, shown.id)
    said = ask.t("Đang sửa lại %(name)s cho khớp bản đã duyệt.", name=shown.account.name)
    return await _back(ask, shown, said)


async def skip(ask: Ask) -> Response:
    """Leaves one channel out: nothing of the item should show there."""
    shown = await _publication(ask)
    reason = ask.text("reason").strip()
    if not reason:
        detail = "Cần nêu lý do · A reason is needed"
        fault = FieldError(field="reason", code="missing", detail=detail)
        raise InvalidError("reason_missing", fields=(fault,))
    async with ask.work() as session:
        await fan_out.withdraw(
            session,
            ask.caller,
            shown.item_id,
            reason=reason,
            account_ids=[shown.account.id],
        )
    return await _back(ask, shown, ask.t("Đã bỏ kênh %(name)s.", name=shown.account.name))


async def watch(ask: Ask) -> Response:
    """Will be told when this channel is done."""
    shown = await _publication(ask)
    async with ask.work() as session:
        await notices.watch(session, ask.caller, shown.id)
    said = ask.t("Loa sẽ báo bạn khi %(name)s xong.", name=shown.account.name)
    return await _back(ask, shown, said)


async def unwatch(ask: Ask) -> Response:
    """Need not be told after all."""
    shown = await _publication(ask)
    async with ask.work() as session:
        await notices.unwatch(session, ask.caller, shown.id)
    return await _back(ask, shown, ask.t("Loa sẽ không báo nữa."))


async def stop(ask: Ask) -> Response:
    """Takes the agreed item back before its first call."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        await fan_out.stop(session, ask.caller, item_id)
    said = ask.t("Đã dừng lại. Chưa có gì được gửi đi; sửa bài rồi gửi duyệt lại khi sẵn sàng.")
    if ask.partial:
        return await _drawn_again(ask, item_id, said)
    return ask.to(f"/posts/{item_id}/delivery", said=said)


async def retry_all(ask: Ask) -> Response:
    """Tries again on every channel that failed, whether the page shows it or not."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        await queries.item(session, item_id, ask.caller.unit_ids)
        found = await tally.lost(session, item_id)
    count = await decisions.retry_each(ask.hub.open_work, ask.caller, found)
    said = retried_words(ask, count, len(found))
    if ask.partial:
        return await _drawn_again(ask, item_id, said)
    return ask.to(f"/posts/{item_id}/delivery", said=said)


def retried_words(ask: Ask, count: int, of: int) -> str:
    """What is told when so many of the failed ones are tried again."""
    said = []
    if count:
        said.append(ask.t("Đang thử lại trên %(count)s kênh.", count=_number(ask, count)))
    if count < of:
        left = _number(ask, of - count)
        said.append(
            ask.t("%(count)s kênh không thử lại được: cần duyệt lại, hoặc đã đóng.", count=left)
        )
    return " ".join(said) or ask.t("Không còn kênh nào cần thử lại.")


async def _publication(ask: Ask) -> Shown:
    async with ask.work() as session:
        found = await board.publication(session, ask.id("publication_id"), ask.caller.unit_ids)
    if found is None:
        raise NotFoundError("publication_not_found")
    return found


async def _back(ask: Ask, shown: Shown, said: str) -> Response:
    if ask.partial:
        return await _drawn_again(ask, shown.item_id, said)
    kept = {name: ask.query(name) for name in ("show", "q", "one", "page")}
    return ask.to(f"/posts/{shown.item_id}/delivery", said=said, **kept)


async def _drawn_again(ask: Ask, item_id: UUID, said: str) -> Response:
    """The board as it stands now, and a word about what was done."""
    values = await _values(ask, item_id)
    drawn = ask.drawn("delivery.html", "board", **values)
    return HTMLResponse(drawn + ask.drawn("delivery.html", "said_now", said_now=said))


PAGES: Final[tuple[Page, ...]] = (
    get("/posts/{item_id}/delivery", show),
    post("/posts/{item_id}/delivery/stop", stop),
    post("/posts/{item_id}/delivery/retry", retry_all, roles=("approver",)),
    post("/publications/{publication_id}/retry", retry, roles=("editor", "approver")),
    post("/publications/{publication_id}/repair", repair, roles=("approver",)),
    post("/publications/{publication_id}/skip", skip, roles=("approver",)),
    post("/publications/{publication_id}/watch", watch),
    post("/publications/{publication_id}/unwatch", unwatch),
)
REGIONS: Final[Mapping[str, Region]] = MappingProxyType(
    {"board": Region(target="board-{key}", draw=draw, counts=live.of_item)}
)


# ── What the page shows ──────────────────────────────────────────────────────────────────────────


async def _values(ask: Ask, item_id: UUID) -> dict[str, object]:
    async with ask.work() as session:
        item = await queries.item(session, item_id, ask.caller.unit_ids)
        agreed = await progress.agreed(session, item_id)
        counted = await tally.tally(session, item_id)
        part = await part_of(ask, session, item_id, counted, f"/posts/{item_id}/delivery")
        ids = [one.id for one in part.shown]
        steps = await progress.of_item(
            session, ask.hub, item_id, staff_id=ask.caller.staff_id, only=ids
        )
        altered = await drifting.altered(session, ask.hub, item_id, only=ids)
        lines = await progress.journal(session, item_id, limit=_LINES)
        standing = (await board.standing(session, [item_id]))[item_id]
    if agreed is None:
        raise ConflictError("changed_meanwhile")
    hold = _hold(ask, agreed, counted)
    lost = counted.of("failed", "not_gone", "expired")
    return {
        "item": item,
        "agreed": agreed,
        "standing": standing,
        "cover": ask.url(f"/media/{agreed.cover}") if agreed.cover else None,
        "part": part,
        "cards": [
            _card(ask, one, steps[one.id], altered.get(one.id)) for one in part.shown[:_CARDS]
        ],
        "others": [_line(ask, one) for one in part.shown[_CARDS:]],
        "bars": _bars(ask, counted),
        "summary": _summary(ask, counted),
        "hold": hold,
        "moving": bool(counted.of(*_MOVING)) or (hold is not None and hold.soon),
        "lost": lost if "approver" in ask.caller.roles and lost > 1 else 0,
        "journal": [_told(ask, line) for line in lines],
        "journal_whole": len(lines) < _LINES,
        "may_correct": "editor" in ask.caller.roles and standing.live_revision is not None,
        "may_withdraw": "approver" in ask.caller.roles and counted.wanted > 0,
        "may_copy": "editor" in ask.caller.roles,
    }


def _wanted(one: Shown) -> bool:
    return one.operation != Operation.WITHDRAW


def _line(ask: Ask, one: Shown) -> Brief:
    return Brief(
        id=one.id,
        account=one.account,
        state=one.state,
        chip=chip_of(ask, one.look),
        url=_address(one),
        may_repair=_may_repair(ask, one),
    )


def _address(one: Shown) -> str | None:
    return one.remote_url if one.live_revision is not None or one.state == State.LIVE else None


def _may_repair(ask: Ask, one: Shown) -> bool:
    return "approver" in ask.caller.roles and one.state == State.LIVE and one.drift is not None


def _card(ask: Ask, one: Shown, steps: Progress, altered: Altered | None) -> Card:
    approver = "approver" in ask.caller.roles
    problem = one.problem
    failed = one.state in (State.FAILED, State.EXPIRED)
    void = problem is not None and problem.code in ("approval_void", "closed")
    return Card(
        id=one.id,
        account=one.account,
        state=one.state,
        chip=chip_of(ask, one.look),
        clock=_clock(ask, one, steps),
        steps=tuple(_step(ask, stage) for stage in steps.stages),
        note=_note(ask, one, steps),
        cause=_cause(ask, one),
        technical=_technical(one, steps),
        # On a pause or a freeze the words are the reason that a person gave.
        reason=problem.words if problem is not None and problem.code in _BY_PEOPLE else None,
        bad=failed,
        drifted=reading.drifted(ask, altered) if altered else None,
        compared_at=steps.compared_at,
        url=_address(one),
        candidates=one.candidates if one.state != State.UNDECIDED else (),
        may_hurry=steps.may_hurry and not ask.caller.roles.isdisjoint({"editor", "approver"}),
        may_retry=failed and approver and not void,
        may_skip=approver and _wanted(one) and one.state != State.LIVE,
        may_repair=_may_repair(ask, one),
        may_decide=approver and one.state == State.UNDECIDED,
        may_watch=one.state in _WATCHABLE and not steps.watched,
        watched=one.state in _WATCHABLE and steps.watched,
    )


def _cause(ask: Ask, one: Shown) -> Words | None:
    """The problem's words, as far as they hold for where the publication stands by now.

    A code tells what a call met. What follows from it may be settled since: nothing is unclear any
    more of what merely waits for its next try, or of what is proven not to have happened.
    """
    if one.problem is None or not one.problem.code:
        return None
    told = words.problem(one.problem.code, ask.language, account=one.account.name)
    unclear = words.problem("uncertain", ask.language)
    again = words.problem("not_sent", ask.language)
    if one.state == State.UNCERTAIN:
        following = unclear.next if told.next == again.next else told.next
        return Words(happened=told.happened, effect=_unclear(ask, one), next=following)
    if one.state == State.UNDECIDED:
        asked = words.problem("undecided", ask.language)
        return Words(happened=told.happened, effect=asked.effect, next=asked.next)
    ended = one.state in (State.FAILED, State.EXPIRED)
    effect, following = told.effect, told.next
    settled = one.state == State.PENDING or (ended and not one.may_be_visible)
    if effect == unclear.effect and settled:
        effect = again.effect
    if following == unclear.next and one.state in (State.PENDING, State.SENDING):
        following = again.next
    elif following == unclear.next and ended:
        following = words.problem("stopped_by_person", ask.language).next
    return Words(happened=told.happened, effect=effect, next=following)


_BY_PEOPLE: Final = frozenset({"account_paused", "frozen", "fenced"})


def chip_of(ask: Ask, look: str) -> Chip:
    """Where a publication stands as people say it of a channel (console-ux.md section 3)."""
    known = {
        "skipped": (ask.t("Bỏ qua"), "neutral", "ban"),
        "drifted": (ask.t("Khác bản đã duyệt"), "amber", "triangle-alert"),
        "uncertain": (ask.t("Chưa rõ kết quả"), "amber", "circle-question-mark"),
        "held": (ask.t("Đang được giữ"), "amber", "pause"),
        "retrying": (ask.t("Sẽ tự thử lại"), "amber", "clock"),
        "leaving": (ask.t("Đang gỡ"), "blue", "loader"),
        "updating": (ask.t("Đang cập nhật"), "blue", "loader"),
        "not_gone": (ask.t("Chưa gỡ được"), "red", "circle-x"),
    }
    if look not in known:
        return word(ask.language, "publication", look)
    label, tone, icon = known[look]
    return Chip(name=look, label=label, tone=tone, icon=icon, waits_on="")


def _clock(ask: Ask, one: Shown, steps: Progress) -> Clock | None:
    now, moments = ask.now, ask.moments

    def up(at: datetime, hint: str) -> Clock:
        return Clock(kind="up", at=at, shown=_span(now - at), hint=hint)

    def down(at: datetime, hint: str) -> Clock | None:
        if at <= now:
            return None
        if at - now > _FAR:
            return Clock(kind="at", at=at, shown=moments.short(at, now), hint=moments.away(at, now))
        return Clock(kind="down", at=at, shown=_span(at - now), hint=hint)

    def hour(at: datetime, hint: str) -> Clock:
        return Clock(kind="at", at=at, shown=moments.clock(at, seconds=True), hint=hint)

    match one.state:
        case State.LIVE | State.WITHDRAWN if one.observed_at is not None:
            return hour(one.observed_at, _took(ask, one, steps))
        case State.SCHEDULED if one.next_at is not None:
            return down(one.next_at, ask.t("nữa thì bắt đầu"))
        case State.PENDING | State.SENDING if steps.retries and one.next_at is not None:
            until = max(one.next_at, steps.held_until or one.next_at)
            return down(until, ask.t("nữa tới lần thử %(no)s", no=steps.tries + 1))
        case State.SENDING if steps.started_at is not None:
            return up(steps.started_at, ask.t("đang làm"))
        case State.UNCERTAIN if one.next_at is not None:
            return down(one.next_at, ask.t("nữa tới lần đọc lại kênh"))
        case State.FAILED | State.EXPIRED | State.UNDECIDED if (
            one.problem is not None and one.problem.at is not None
        ):
            return hour(one.problem.at, moments.away(one.problem.at, now))
    return None


def _took(ask: Ask, one: Shown, steps: Progress) -> str:
    ended = steps.ended_at or one.observed_at
    if steps.started_at is None or ended is None or one.observed_at is None:
        return ask.moments.day(one.observed_at) if one.observed_at else ""
    if ask.moments.day(one.observed_at) != ask.moments.day(ask.now):
        return ask.moments.day(one.observed_at)
    return ask.t("xong trong %(span)s", span=ask.moments.span(ended - steps.started_at))


def _span(length: timedelta) -> str:
    """`0:42`, `1:02:03`: as the page's script ticks it on."""
    seconds = max(0, int(length.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _step(ask: Ask, stage: Stage) -> Step:
    look, icon = _STANDING[stage.standing]
    told = {
        "done": ask.t("xong"),
        "now": ask.t("đang làm"),
        "waits": ask.t("chờ thử lại"),
        "unclear": ask.t("chưa rõ kết quả"),
        "failed": ask.t("chưa được"),
        "next": ask.t("chưa tới"),
    }
    return Step(
        label=progress.stage_name(stage.name, ask.language),
        look=look,
        icon=icon,
        spins=stage.standing == "now",
        told=told[stage.standing],
        at=stage.at,
    )


def _note(ask: Ask, one: Shown, steps: Progress) -> str | None:
    if steps.pull and one.state in (State.LIVE, State.WITHDRAWN):
        return _arrived(ask, one)
    if one.state == State.UNCERTAIN and (one.problem is None or not one.problem.code):
        return _unclear(ask, one)
    if one.state == State.UNDECIDED and "approver" not in ask.caller.roles:
        return ask.t("Đã báo cho người duyệt xác nhận kết quả.")
    if one.state == State.SENDING and not steps.retries and one.problem is None:
        return ask.t("Không cần giữ trang này mở.")
    if one.state in (State.FAILED, State.EXPIRED) and "approver" not in ask.caller.roles:
        return ask.t("Người duyệt đã được báo và có thể cho thử lại.")
    return None


def _arrived(ask: Ask, one: Shown) -> str | None:
    """How far it has come at the portal: fetched when, and what its own page shows."""
    arrived, gone = one.arrived, one.state == State.WITHDRAWN
    if arrived is None and one.seen_at is None:
        return None

    def at(moment: datetime) -> str:
        return ask.moments.short(moment, ask.now)

    told = []
    if one.seen_at is not None:
        told.append(ask.t("Cổng đã lấy %(at)s", at=at(one.seen_at)))
    elif arrived is not None and arrived.fetched_at is not None:
        told.append(ask.t("Cổng vẫn giữ bản cũ, lấy %(at)s", at=at(arrived.fetched_at)))
    if arrived is not None and arrived.looked_at is not None:
        looked = at(arrived.looked_at)
        match arrived.found:
            case "shown":
                first = arrived.shown_at or arrived.looked_at
                told.append(ask.t("đã hiện trên cổng %(at)s", at=at(first)))
            case "gone":
                told.append(ask.t("không còn trên cổng %(at)s", at=looked))
            case "old" if gone:
                told.append(ask.t("trang của cổng vẫn còn tin này %(at)s", at=looked))
            case "old":
                told.append(ask.t("trang của cổng vẫn hiện bản cũ %(at)s", at=looked))
            case "absent":
                told.append(ask.t("chưa thấy trên trang của cổng %(at)s", at=looked))
            case "unreadable":
                told.append(ask.t("chưa mở được trang của cổng %(at)s", at=looked))
    line = " · ".join(told)
    return f"{line[:1].upper()}{line[1:]}." if line else None


def _unclear(ask: Ask, one: Shown) -> str:
    return ask.t(
        "Chưa rõ %(name)s đã nhận hay chưa. Đang kiểm tra để không đăng trùng.",
        name=one.account.name,
    )


def _technical(one: Shown, steps: Progress) -> str | None:
    """For whoever must talk to the channel's people: codes as they came, never a token."""
    problem = one.problem
    if problem is None or not problem.code:
        return None
    said = problem.words if problem.code not in _BY_PEOPLE else None
    parts = [problem.code]
    if problem.remote_code:
        parts.append(problem.remote_code)
    if said:
        parts.append(said)
    if one.remote_id:
        parts.append(f"id {one.remote_id}")
    parts.append(f"#{steps.tries}")
    return " · ".join(parts)


def _hold(ask: Ask, agreed: Agreed, counted: Tally) -> Hold | None:
    at = counted.first_at
    if at is None or counted.begun or at <= ask.now:
        return None
    return Hold(
        at=at,
        soon=at - ask.now <= _SOON,
        shown=_span(at - ask.now),
        may_stop=ask.caller.staff_id in agreed.hands or "approver" in ask.caller.roles,
    )


def _bars(ask: Ask, counted: Tally) -> list[str]:
    """A bar for each channel; on many, as many of each tone as it has a share, at least one."""
    share = min(1.0, _BARS / max(1, counted.count))
    return [
        chip_of(ask, group.look).tone
        for group in counted.groups
        for _ in range(max(1, round(group.count * share)))
    ]


def _summary(ask: Ask, counted: Tally) -> tuple[str, str]:
    """The sentence that says it all: its first part stands out. At most a few names."""
    if not counted.count:
        return ask.t("Bài này chưa có kênh nào."), ask.t("Kênh hiện ra ở đây khi bài được duyệt.")
    if counted.wanted:
        done, of = _number(ask, counted.live), _number(ask, counted.wanted)
        first = ask.t("%(done)s/%(all)s kênh đã đăng.", done=done, all=of)
    else:
        done, of = _number(ask, counted.gone), _number(ask, counted.count)
        first = ask.t("%(done)s/%(all)s kênh đã gỡ.", done=done, all=of)
    rest = []
    for group in counted.groups:
        if group.look in _QUIET:
            continue
        if group.count > len(group.names):
            who = ask.t("%(count)s kênh", count=_number(ask, group.count))
        else:
            who = ", ".join(group.names)
        label = chip_of(ask, group.look).label
        rest.append(f"{who}: {label[:1].lower()}{label[1:]}.")
    return first, " ".join(rest)


def _number(ask: Ask, count: int) -> str:
    return ask.moments.number(count)


# ── The journal in words ─────────────────────────────────────────────────────────────────────────


def _told(ask: Ask, line: Line) -> Told:
    what = _act_words(ask, line) if line.act is not None else _moved_words(ask, line)
    return Told(at=line.at, who=line.who or ask.t("Hệ thống"), what=what)


def _moved_words(ask: Ask, line: Line) -> str:
    happened = words.problem(line.code, ask.language).happened if line.code else ""
    withdraws = line.operation == Operation.WITHDRAW
    match line.state:
        case State.SENDING:
            return ask.t("Bắt đầu gỡ.") if withdraws else ask.t("Bắt đầu gửi.")
        case State.LIVE if line.operation == Operation.UPDATE:
            return ask.t("Đã cập nhật nội dung.")
        case State.LIVE:
            return ask.t("Đã đăng.")
        case State.WITHDRAWN:
            return ask.t("Đã gỡ.") if withdraws else ask.t("Không còn gì trên kênh này.")
        case State.UNCERTAIN:
            told = ask.t("Đang kiểm tra để không đăng trùng.")
            return f"{happened} {told}".strip()
        case State.UNDECIDED:
            return ask.t("Đọc lại kênh chưa đủ để kết luận; cần người xác nhận.")
        case State.FAILED:
            told = ask.t("Chưa gỡ được.") if withdraws else ask.t("Chưa đăng được.")
            return f"{told} {happened}".strip()
        case State.EXPIRED:
            return ask.t("Quá hạn cuối của bài nên không gửi nữa.")
    told = ask.t("Hẹn thử lại.")
    return f"{happened} {told}".strip()


def _act_words(ask: Ask, line: Line) -> str:
    about, reason = line.about or "", line.reason or ""
    match line.act:
        case "item.submitted":
            return ask.t("Gửi duyệt.")
        case "item.returned":
            return ask.t("Trả lại: %(reason)s", reason=reason)
        case "item.approved":
            return ask.t("Duyệt đúng bản này.")
        case "item.withdrawn":
            return ask.t("Yêu cầu gỡ: %(reason)s", reason=reason)
        case "item.stopped":
            return ask.t("Dừng lại trước khi đăng.")
        case "approval.voided":
            return ask.t("Phê duyệt không còn hiệu lực vì người duyệt không còn vai trò.")
        case "publication.retried":
            return ask.t("Cho thử lại trên %(about)s.", about=about)
        case "publication.decided":
            return ask.t("Xác nhận kết quả trên %(about)s.", about=about)
    return ask.t("Yêu cầu sửa lại %(about)s cho khớp bản đã duyệt.", about=about)
