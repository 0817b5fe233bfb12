"""Bài viết: every item in saved views, narrowed by filters, page by page, and as a file (S3)."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.responses import Response, StreamingResponse

from services.console.ask import Ask
from services.console.drawing import word
from services.console.guard import Page, get
from services.console.vocabulary import KIND
from services.delivery import listing
from services.delivery.listing import Filters, Line, View
from services.staff import units
from shared.errors import NotFoundError

_PAGE: Final = 50
_EXPORTED: Final = 20_000
# Which view holds the items of a state: addresses may name either.
_OF_STATE: Final[Mapping[str, View]] = {
    "review": View.REVIEW,
    "scheduled": View.UPCOMING,
    "publishing": View.UPCOMING,
    "published": View.PUBLISHED,
    "correcting": View.PUBLISHED,
    "partial": View.TROUBLE,
    "failed": View.TROUBLE,
    "draft": View.MINE,
    "returned": View.MINE,
}
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def show(ask: Ask) -> Response:
    """One page of a view."""
    view, filters = _view(ask), _filters(ask)
    cursor = ask.query("cursor") or None
    async with ask.work() as session:
        reach = await units.of(session, ask.caller.unit_ids)
        found = await listing.listed(
            session,
            view,
            staff_id=ask.caller.staff_id,
            unit_ids=await _units(ask),
            filters=filters,
            limit=_PAGE,
            cursor=cursor,
        )
        counts = await listing.counts(session, ask.caller.unit_ids)
    kept = _kept(ask)
    return await ask.page(
        "posts.html",
        block="posts",
        lines=found.lines,
        view=view.value,
        views=[
            (ask.url("/posts", view=one.value, **kept), label, one is view, counts.get(one))
            for one, label in _labels(ask).items()
        ],
        filters={name: kept.get(name, "") for name in ("q", "kind", "unit", "tag")},
        filtered=any(kept.values()),
        kinds=[
            ("", ask.t("Mọi loại")),
            *((kind, word(ask.language, "kind", kind).label) for kind in KIND),
        ],
        units=[("", ask.t("Mọi đơn vị")), *((one.code, one.name) for one in reach)],
        writes="editor" in ask.caller.roles,
        export=ask.url("/posts.csv", view=view.value, **kept),
        back="/posts"
        + ask.url("/posts", view=view.value, cursor=cursor, **kept).rpartition("/posts")[2],
        first=ask.url("/posts", view=view.value, **kept) if cursor else None,
        following=ask.url("/posts", view=view.value, cursor=found.next, **kept)
        if found.next
        else None,
    )


async def export(ask: Ask) -> Response:
    """The chosen items, or all of a view, as a file that a spreadsheet opens."""
    chosen = [_id(one) for one in ask.queries("item")][:_EXPORTED]
    day = ask.moments.local(ask.now).date().isoformat()
    return StreamingResponse(
        _rows(ask, chosen, await _units(ask)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="bai-viet-{day}.csv"'},
    )


PAGES: Final[tuple[Page, ...]] = (get("/posts", show), get("/posts.csv", export))


def _view(ask: Ask) -> View:
    """The view asked for; without one, that of the reader's first duty."""
    told = ask.query("view")
    if told in set(View):
        return View(told)
    state = ask.query("state")
    if state:
        return _OF_STATE.get(state, View.ALL)
    if "editor" in ask.caller.roles:
        return View.MINE
    return View.REVIEW if "approver" in ask.caller.roles else View.ALL


def _labels(ask: Ask) -> Mapping[View, str]:
    return {
        View.MINE: ask.t("Của tôi"),
        View.REVIEW: ask.t("Chờ duyệt"),
        View.UPCOMING: ask.t("Sắp đăng"),
        View.PUBLISHED: ask.t("Đã đăng"),
        View.TROUBLE: ask.t("Có lỗi"),
        View.ALL: ask.t("Tất cả"),
    }


def _filters(ask: Ask) -> Filters:
    return Filters(
        kind=ask.query("kind") or None,
        tag=ask.query("tag").lstrip("#") or None,
        q=ask.query("q") or None,
    )


def _kept(ask: Ask) -> dict[str, str]:
    """The filters as the address keeps them."""
    told = {name: ask.query(name) for name in ("q", "kind", "unit", "tag")}
    return {name: value for name, value in told.items() if value}


async def _units(ask: Ask) -> frozenset[UUID]:
    """The units to look in: all within reach, or one of them with everything below."""
    code = ask.query("unit")
    if not code:
        return ask.caller.unit_ids
    async with ask.work() as session:
        try:
            unit = await units.by_code(session, code)
        except NotFoundError:
            return frozenset()
        return ask.caller.unit_ids & await units.subtree_ids(session, unit.id)


async def _rows(
    ask: Ask, chosen: Sequence[UUID], unit_ids: frozenset[UUID]
) -> AsyncIterator[bytes]:
    # The mark tells a spreadsheet that the letters are UTF-8.
    yield "\ufeff".encode()
    yield _csv(_heads(ask))
    async with ask.work() as session:
        if chosen:
            for line in await listing.lines(session, chosen, unit_ids=unit_ids):
                yield _csv(_told(ask, line))
            return
        count = 0
        async for line in listing.whole(
            session,
            _view(ask),
            staff_id=ask.caller.staff_id,
            unit_ids=unit_ids,
            filters=_filters(ask),
            most=_EXPORTED + 1,
        ):
            count += 1
            if count > _EXPORTED:
                most = ask.moments.number(_EXPORTED)
                yield _csv([ask.t("Còn nữa: bảng này chỉ chứa %(count)s dòng đầu.", count=most)])
                return
            yield _csv(_told(ask, line))


def _heads(ask: Ask) -> list[str]:
    return [
        ask.t("Mã"),
        ask.t("Tiêu đề"),
        ask.t("Loại tin"),
        ask.t("Đơn vị"),
        ask.t("Trạng thái"),
        ask.t("Kênh"),
        ask.t("Người soạn"),
        ask.t("Lập lúc"),
        ask.t("Gửi duyệt lúc"),
        ask.t("Hẹn đăng lúc"),
        ask.t("Đăng lúc"),
        ask.t("Địa chỉ"),
    ]


def _told(ask: Ask, line: Line) -> list[str]:
    def at(moment: datetime | None) -> str:
        return f"{ask.moments.local(moment):%Y-%m-%d %H:%M}" if moment is not None else ""

    return [
        line.code,
        line.title,
        word(ask.language, "kind", line.kind).label,
        line.unit_code,
        word(ask.language, "item", line.standing.state).label,
        ", ".join(
            one.name if one.count == 1 else f"{one.name} (+{one.count - 1})" for one in line.outlets
        ),
        line.author,
        at(line.created_at),
        at(line.submitted_at),
        at(line.due_at or line.wish),
        at(line.standing.published_at),
        ask.hub.item_url(line.code) if line.standing.published_at else "",
    ]


def _csv(cells: Sequence[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(
        [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    )
    return written.getvalue().encode()


def _id(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise NotFoundError from None
