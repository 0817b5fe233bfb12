"""Lịch đăng: what went and goes out, by month, week or as a list; and another time for it (S9)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from services.console.ask import Ask, Said, safe_path, whole_number
from services.console.guard import Page, get, post
from services.console.holidays import Holiday, holidays, lunar_name
from services.console.lunar import lunar
from services.delivery import agenda, composing, listing, rescheduling
from services.delivery.agenda import Crowd, Entry
from services.delivery.listing import Line
from services.delivery.rescheduling import Moved
from services.staff import agency
from services.staff.agency import Agency
from shared.errors import InvalidError, LoaError, NotFoundError

View: TypeAlias = Literal["month", "week", "list"]

_YEARS: Final = range(2000, 2100)
# How many entries of a day are shown before the rest is one press away.
_MOST: Final[Mapping[View, int]] = {"month": 3, "week": 12, "list": 6}
_ONE_DAY: Final = 100
_WORKDAY: Final = (6, 22)  # the hours that a week always shows
_CHOSEN: Final = 50
_SLOTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One day of the calendar. `more` counts what is not shown; `quiet` names the quiet hours.

    `skipped` of its entries stand on earlier pages, `crowded` counts the accounts that are crowded.
    """

    day: date
    at: datetime
    outside: bool
    today: bool
    past: bool
    moon: str
    moon_whole: str
    holidays: tuple[Holiday, ...]
    entries: tuple[Entry, ...]
    by_hour: Mapping[int, Sequence[Entry]]
    skipped: int
    more: int
    crowds: tuple[Crowd, ...]
    crowded: int
    quiet: frozenset[int]

    @property
    def count(self) -> int:
        """How many entries the day has."""
        return self.skipped + len(self.entries) + self.more


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The days that a view shows, from `first` to before `end`, and what stands beside them."""

    view: View
    anchor: date
    first: date
    end: date
    single: bool
    before: date
    after: date
    skipped: int = 0


async def show(ask: Ask) -> Response:
    """The calendar around a day."""
    today = ask.moments.local(ask.now).date()
    span = _span(ask, today)
    cells = await _cells(ask, span, today)
    hours = range(24)
    if span.view == "week":
        used = [hour for cell in cells for hour in cell.by_hour]
        hours = range(min([_WORKDAY[0], *used]), max([_WORKDAY[1], *used]) + 1)
    return await ask.page(
        "calendar.html",
        block="calendar",
        view=span.view,
        span=span,
        cells=cells,
        weeks=[cells[at : at + 7] for at in range(0, len(cells), 7)],
        hours=hours,
        title=_title(ask, span),
        views={view: ask.url(_path(view, span.anchor)) for view in ("month", "week", "list")},
        earlier=ask.url(_path(span.view, span.before, single=span.single)),
        later=ask.url(_path(span.view, span.after, single=span.single)),
        this=ask.url(_path(span.view, today)),
        back=_path(span.view, span.anchor, single=span.single, skipped=span.skipped),
        pages=_pages(ask, span, cells),
        focus=ask.query("focus"),
        writes="editor" in ask.caller.roles,
    )


async def form(ask: Ask) -> Response:
    """Where one item gets another time: by keys, by touch, without script."""
    return await _form(ask, ask.id("item_id"), back=ask.query("next"))


async def change(ask: Ask) -> Response:
    """Gives one item another time; what was approved needs to be approved again."""
    item_id, back = ask.id("item_id"), ask.text("next")
    try:
        at = ask.moments.read(ask.text("publish_at"))
    except (ValueError, OverflowError):
        at = None
    if at is None:
        fault = {"publish_at": ask.t("Chọn ngày và giờ, ví dụ 04/12/2026 08:00.")}
        return await _form(ask, item_id, back=back, faults=fault, status=422)
    try:
        moved = await _move(ask, item_id, at, version=whole_number(ask.text("version")))
    except InvalidError as error:
        faults = ask.faults(error)
        return await _form(ask, item_id, back=back, faults=faults, typed=at, status=422)
    undo = f"/posts/{item_id}/time/undo?" + urlencode(
        {
            "to": moved.before.isoformat() if moved.before else "",
            "version": moved.version,
            "next": _next(back),
        }
    )
    told = ask.t("Đã dời sang %(at)s.", at=ask.moments.whole(at)) + _consequence(ask, moved)
    return ask.to(_focused(_next(back), item_id), said=Said(text=told, undo=undo))


async def undo(ask: Ask) -> Response:
    """Gives an item its earlier time back, unless somebody has changed it since."""
    item_id, told = ask.id("item_id"), ask.query("to")
    at = _instant(told)
    moved = await _move(ask, item_id, at, version=whole_number(ask.query("version")))
    words = (
        ask.t("Đã trả về giờ cũ: %(at)s.", at=ask.moments.whole(at))
        if at
        else ask.t("Đã trả về như cũ: đăng ngay khi được duyệt.")
    )
    if moved.asked:
        words += " " + ask.t("Bài vẫn cần được duyệt lại.")
    return ask.to(_focused(_next(ask.query("next")), item_id), said=words)


async def form_of_many(ask: Ask) -> Response:
    """Where several items are moved by the same length of time."""
    return await _form_of_many(ask, [_id(one) for one in ask.queries("item")], ask.query("next"))


async def change_many(ask: Ask) -> Response:
    """Moves several items, each for itself: what cannot be moved is told, the others are."""
    chosen, back = ask.ids("item")[:_CHOSEN], ask.text("next")
    length = whole_number(ask.text("length"))
    if not length or length > 1_000:
        faults = {"length": ask.t("Chọn một số từ 1 đến 1000.")}
        return await _form_of_many(ask, chosen, back, faults=faults, status=422)
    by = timedelta(days=length) if ask.text("unit") == "day" else timedelta(hours=length)
    if ask.text("way") == "earlier":
        by = -by
    return await _shift(ask, chosen, by, back)


async def undo_many(ask: Ask) -> Response:
    """Moves them back by the same length."""
    by = timedelta(seconds=_signed(ask.query("by")) or 0)
    return await _shift(ask, [_id(one) for one in ask.queries("item")], by, ask.query("next"))


PAGES: Final[tuple[Page, ...]] = (
    get("/calendar", show),
    get("/calendar/move", form_of_many, roles=("editor",)),
    post("/calendar/move", change_many, roles=("editor",)),
    post("/calendar/move/undo", undo_many, roles=("editor",)),
    get("/posts/{item_id}/time", form, roles=("editor",)),
    post("/posts/{item_id}/time", change, roles=("editor",)),
    post("/posts/{item_id}/time/undo", undo, roles=("editor",)),
)


# ── Days ─────────────────────────────────────────────────────────────────────────────────────────


def _span(ask: Ask, today: date) -> _Span:
    told = ask.query("view")
    view = cast(View, told) if told in _MOST else "month"
    day = _day(ask.query("day"))
    anchor = day or _day(f"{ask.query('month')}-01") or today
    if view == "week":
        first = anchor - timedelta(days=anchor.weekday())
        week = timedelta(days=7)
        return _Span(
            view=view,
            anchor=anchor,
            first=first,
            end=first + week,
            single=False,
            before=anchor - week,
            after=anchor + week,
        )
    if view == "list" and day is not None:
        one = timedelta(days=1)
        return _Span(
            view=view,
            anchor=day,
            first=day,
            end=day + one,
            single=True,
            before=day - one,
            after=day + one,
            skipped=whole_number(ask.query("from")) or 0,
        )
    first = anchor.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    start, end = first, after
    if view == "month":
        start -= timedelta(days=first.weekday())
        end += timedelta(days=-after.weekday() % 7)
    return _Span(
        view=view, anchor=anchor, first=start, end=end, single=False, before=before, after=after
    )


async def _cells(ask: Ask, span: _Span, today: date) -> list[Cell]:
    start, end = _midnight(ask, span.first), _midnight(ask, span.end)
    async with ask.work() as session:
        found = await agenda.entries(
            session,
            start,
            end,
            unit_ids=ask.caller.unit_ids,
            zone=ask.hub.timezone,
            most_per_day=_ONE_DAY if span.single else _MOST[span.view],
            skipped=span.skipped,
        )
        crowds = await agenda.crowds(
            session, start, end, unit_ids=ask.caller.unit_ids, zone=ask.hub.timezone
        )
        house = await agency.settings(session)
    entries: dict[date, list[Entry]] = defaultdict(list)
    for one in found:
        entries[ask.moments.local(one.at).date()].append(one)
    crowded: dict[date, list[Crowd]] = defaultdict(list)
    for crowd in crowds:
        crowded[ask.moments.local(crowd.at).date()].append(crowd)
    days = [span.first + timedelta(days=n) for n in range((span.end - span.first).days)]
    cells = [
        _cell(ask, span, day, today, entries.get(day, []), crowded.get(day, []), house)
        for day in days
    ]
    if span.view == "list" and not span.single:
        return [cell for cell in cells if cell.entries or cell.holidays or cell.today]
    return cells


def _cell(
    ask: Ask,
    span: _Span,
    day: date,
    today: date,
    entries: Sequence[Entry],
    crowds: Sequence[Crowd],
    house: Agency,
) -> Cell:
    moon = lunar(day)
    hours: dict[int, list[Entry]] = defaultdict(list)
    for one in entries:
        hours[ask.moments.local(one.at).hour].append(one)
    at = _midnight(ask, day)
    return Cell(
        day=day,
        at=at,
        outside=span.view == "month" and day.month != span.anchor.month,
        today=day == today,
        past=day < today,
        moon=lunar_name(moon),
        moon_whole=lunar_name(moon, whole=True),
        holidays=holidays(day),
        entries=tuple(entries),
        by_hour=hours,
        skipped=span.skipped if entries else 0,
        more=entries[0].in_day - len(entries) - span.skipped if entries else 0,
        crowds=tuple(crowds),
        crowded=crowds[0].in_day if crowds else 0,
        quiet=frozenset(
            hour
            for hour in range(24)
            if house.is_quiet(at.replace(hour=hour, minute=30), ask.moments.zone)
        ),
    )


def _title(ask: Ask, span: _Span) -> str:
    first = _midnight(ask, span.first)
    if span.view == "week":
        last = _midnight(ask, span.end - timedelta(days=1))
        return f"{ask.moments.day(first)} – {ask.moments.day(last)}"
    if span.single:
        return f"{ask.moments.weekday(first)}, {ask.moments.day(first)}"
    return ask.t(
        "Tháng %(month)s năm %(year)s",
        month=ask.moments.month(span.anchor),
        year=f"{span.anchor:%Y}",
    )


def _pages(ask: Ask, span: _Span, cells: Sequence[Cell]) -> Mapping[str, str]:
    """Of a day too long for one page: what is shown of it, and where the rest stands."""
    cell = cells[0]
    if not span.single or cell.count <= len(cell.entries):
        return {}

    def path(skipped: int) -> str:
        return ask.url(_path(span.view, span.anchor, single=True, skipped=skipped))

    told = ask.t(
        "Bài %(first)s–%(last)s trong %(count)s",
        first=ask.moments.number(cell.skipped + 1),
        last=ask.moments.number(cell.skipped + len(cell.entries)),
        count=ask.moments.number(cell.count),
    )
    return {
        "told": told,
        "first": path(0) if cell.skipped else "",
        "next": path(cell.skipped + _ONE_DAY) if cell.more else "",
    }


def _path(view: str, day: date, *, single: bool = False, skipped: int = 0) -> str:
    if view == "week" or single:
        further = f"&from={skipped}" if skipped else ""
        return f"/calendar?view={view}&day={day.isoformat()}{further}"
    return f"/calendar?view={view}&month={day:%Y-%m}"


def _midnight(ask: Ask, day: date) -> datetime:
    return datetime.combine(day, time(), ask.moments.zone)


def _day(told: str) -> date | None:
    try:
        found = date.fromisoformat(told)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


# ── Times ────────────────────────────────────────────────────────────────────────────────────────


async def _form(
    ask: Ask,
    item_id: UUID,
    *,
    back: str,
    faults: Mapping[str, str] | None = None,
    typed: datetime | None = None,
    status: int = 200,
) -> Response:
    async with ask.work() as session:
        found = await listing.lines(session, [item_id], unit_ids=ask.caller.unit_ids)
        slots = await composing.free_moments(
            session, ask.caller.unit_ids, now=ask.now, zone=ask.moments.zone, most=_SLOTS
        )
    if not found:
        raise NotFoundError("item_not_found")
    line = found[0]
    at = line.due_at or line.wish
    return await ask.page(
        "calendar_time.html",
        status=status,
        line=line,
        at=at,
        value=ask.text("publish_at") or ask.moments.field(typed or at),
        agreed=line.due_at is not None,
        slots=slots,
        faults=faults or {},
        back=_next(back),
    )


async def _form_of_many(
    ask: Ask,
    chosen: Sequence[UUID],
    back: str,
    *,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with ask.work() as session:
        found = await listing.lines(session, list(chosen)[:_CHOSEN], unit_ids=ask.caller.unit_ids)
    timed = [line for line in found if _when(line) is not None]
    return await ask.page(
        "calendar_move.html",
        status=status,
        lines=timed,
        left_out=len(found) - len(timed),
        agreed=sum(line.due_at is not None for line in timed),
        typed={name: ask.text(name) for name in ("length", "unit", "way")},
        faults=faults or {},
        back=_next(back, "/posts"),
    )


async def _move(ask: Ask, item_id: UUID, at: datetime | None, *, version: int | None) -> Moved:
    async with ask.work() as session:
        found = await listing.lines(session, [item_id], unit_ids=ask.caller.unit_ids)
        before = _when(found[0]) if found else None
        note = ask.t(
            "Dời giờ đăng từ %(before)s sang %(after)s. Nội dung không đổi.",
            before=_said(ask, before),
            after=_said(ask, at),
        )
        return await rescheduling.move(
            session, ask.hub, ask.caller, item_id, at, note=note, version=version
        )


async def _shift(ask: Ask, chosen: Sequence[UUID], by: timedelta, back: str) -> Response:
    """Moves each of them, in a transaction of its own, and tells how it went."""
    async with ask.work() as session:
        found = await listing.lines(session, list(chosen)[:_CHOSEN], unit_ids=ask.caller.unit_ids)
    moved: list[Moved] = []
    refused: list[str] = []
    for line in found:
        at = _when(line)
        if at is None:
            why = ask.t("chưa hẹn giờ nên không có gì để dời")
            refused.append(f"{line.title}: {why}")
            continue
        try:
            moved.append(await _move(ask, line.id, at + by, version=line.version))
        except LoaError as error:
            told = ask.faults(error).values() if isinstance(error, InvalidError) else ()
            refused.append(f"{line.title}: {next(iter(told), ask.refusal(error))}")
    where = _next(back, "/posts")
    query: list[tuple[str, object]] = [("item", one.item_id) for one in moved]
    query += [("by", int(-by.total_seconds())), ("next", where)]
    said = Said(
        text=_counted(ask, moved, refused),
        undo=f"/calendar/move/undo?{urlencode(query)}" if moved else None,
    )
    if not refused:
        return ask.to(where, said=said)
    return await ask.page("calendar_moved.html", said=said, refused=refused, back=where)


def _counted(ask: Ask, moved: Sequence[Moved], refused: Sequence[str]) -> str:
    told = ask.t("Đã dời %(count)s bài.", count=len(moved))
    again = sum(one.agreed for one in moved)
    if again:
        told += " " + ask.t("%(count)s bài cần được duyệt lại.", count=again)
    if refused:
        told += " " + ask.t("%(count)s bài không dời được.", count=len(refused))
    return told


def _consequence(ask: Ask, moved: Moved) -> str:
    if moved.agreed:
        return " " + ask.t("Bài cần được duyệt lại trước khi đăng.")
    return " " + ask.t("Người duyệt sẽ thấy giờ mới.") if moved.asked else ""


def _when(line: Line) -> datetime | None:
    return line.due_at or line.wish


def _said(ask: Ask, at: datetime | None) -> str:
    return ask.moments.whole(at) if at else ask.t("ngay khi được duyệt")


def _next(told: str, otherwise: str = "/calendar") -> str:
    return safe_path(told) if told else otherwise


def _focused(path: str, item_id: UUID) -> str:
    """The same calendar with that item at hand; other pages stay as they are."""
    if not path.startswith("/calendar"):
        return path
    kept = path.partition("&focus=")[0]
    return f"{kept}{'&' if '?' in kept else '?'}focus={item_id}"


def _instant(told: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(told) if told else None
    except ValueError:
        raise NotFoundError from None
    if found is not None and found.tzinfo is None:
        raise NotFoundError
    return found


def _signed(told: str) -> int | None:
    bare = told.strip()
    found = whole_number(bare.removeprefix("-"))
    return -found if found is not None and bare.startswith("-") else found


def _id(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise NotFoundError from None
