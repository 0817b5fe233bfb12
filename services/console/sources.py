"""Nguồn tin (S23): feeds of other sites, how they are, what they brought; and links that broke.

Source: console-ux.md section 4 (S23).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from services.channels.outlets import choices
from services.console.ask import Ask, Said
from services.console.drawing import Chip
from services.console.guard import Page, get, post
from services.content.tables import KINDS
from services.sources import checking_links, managing, polling, queries
from services.sources import words as source_words
from services.sources.forms import SourceChanges, SourceForm
from services.sources.polling import Found
from services.sources.queries import Entry, Place, Shown
from services.staff import agency
from shared.errors import FieldError, InvalidError, LoaError, NotFoundError
from shared.fetch import FetchRefusedError

_PER_PAGE: Final = 30
_FIELDS: Final = ("url", "title", "whose", "licence")
_CHANGED: Final = ("title", "whose", "makes", "kind", "category", "rule", "licence")
_ICONS: Final[Mapping[str, str]] = {
    "green": "circle-check",
    "amber": "triangle-alert",
    "red": "circle-x",
    "neutral": "clock",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A source as the list shows it. `told` says how the last reading went and what to do."""

    shown: Shown
    chip: Chip
    told: str
    moved: bool


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────


async def show(ask: Ask) -> Response:
    """The sources of the reader's units; those that need somebody stand first."""
    async with ask.work() as session:
        found = await queries.listed(session, ask.caller)
        counts = await checking_links.counts(session, ask.caller.unit_ids)
    return await ask.page(
        "sources.html",
        cards=[card(ask, one) for one in found],
        units=len({one.source.unit_id for one in found}),
        broken=counts.broken,
    )


async def links(ask: Ask) -> Response:
    """The links of published items that have not answered for a day and more."""
    async with ask.work() as session:
        found = await checking_links.broken(session, ask.caller.unit_ids)
        counts = await checking_links.counts(session, ask.caller.unit_ids)
    told = {one.id: source_words.link(one.problem, ask.language) for one in found}
    return await ask.page("sources_links.html", found=found, told=told, counts=counts)


async def one(ask: Ask) -> Response:
    """A source with its entries, narrowed to one view."""
    asked = ask.query("view")
    async with ask.work() as session:
        shown = await queries.one(session, ask.caller, ask.id("source_id"))
        tally = shown.tally
        view = asked if asked in queries.VIEWS else ("new" if tally.new else "all")
        found = await queries.entries(
            session,
            shown.source.id,
            view=view,
            limit=_PER_PAGE + 1,
            after=_place(ask.query("after")),
        )
    entries, base = found[:_PER_PAGE], f"/sources/{shown.source.id}"
    older = ask.url(base, view=view, after=_at(entries[-1])) if len(found) > _PER_PAGE else None
    return await ask.page(
        "source.html",
        block="entries",
        card=card(ask, shown),
        shown=shown,
        entries=[(entry, entry_chip(ask, entry)) for entry in entries],
        view=view,
        views=[
            (ask.url(base, view=name), label, name == view, count)
            for name, label, count in _tabs(ask, shown)
            if count or name in (view, "new", "all")
        ],
        older=older,
        newer=ask.url(base, view=view) if ask.query("after") else None,
        back=f"{base}?view={view}",
        writes="editor" in ask.caller.roles,
    )


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────


async def new(ask: Ask) -> Response:
    """One field: an address. What stands there is found by Loa."""
    return await _adding(ask, {"url": ask.query("url")})


async def find(ask: Ask) -> Response:
    """Looks at an address: a feed to add, a page that names some, or why neither."""
    typed = {"url": ask.text("url").strip()}
    if typed["url"] and "://" not in typed["url"]:
        typed["url"] = f"https://{typed['url']}"
    try:
        SourceForm.model_validate(typed)
        found = await polling.look_at(typed["url"], ask.hub.guard)
    except ValidationError as error:
        return await _adding(ask, typed, faults=ask.faults(error))
    except LoaError as error:
        return await _adding(ask, typed, faults={"url": ask.refusal(error)})
    title = found.feeds[0].title if len(found.feeds) == 1 else found.title
    return await _adding(ask, typed | {"title": title or found.title}, found=found)


async def add(ask: Ask) -> Response:
    """Adds the feed that was chosen, reads it, and shows what it brought."""
    typed = {name: ask.text(name).strip() for name in _FIELDS if ask.text(name).strip()}
    try:
        form = SourceForm.model_validate(typed)
        async with ask.work() as session:
            made = await managing.add(session, ask.caller, form, guard=ask.hub.guard, now=ask.now)
    except FetchRefusedError as error:
        return await _adding(ask, typed, faults={"url": ask.refusal(error)})
    except (InvalidError, ValidationError) as error:
        return await _adding(ask, typed, faults=ask.faults(error))
    went = await polling.read_source(
        ask.hub.open_work, ask.hub.guard, made.id, public_url=ask.hub.public_url
    )
    told = source_words.result(went.code, ask.language, went.details).long if went else ""
    return ask.to(f"/sources/{made.id}", said=ask.t("Đã thêm nguồn. %(told)s", told=told))


async def _adding(
    ask: Ask,
    typed: Mapping[str, str],
    *,
    found: Found | None = None,
    faults: Mapping[str, str] | None = None,
) -> Response:
    return await ask.page(
        "sources_new.html",
        status=422 if faults else 200,
        typed=typed,
        found=found,
        faults=faults or {},
    )


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────


async def edit(ask: Ask) -> Response:
    """What becomes of the entries of a source."""
    async with ask.work() as session:
        shown = await queries.one(session, ask.caller, ask.id("source_id"))
    source = shown.source
    values = {name: str(getattr(source, name)) for name in _CHANGED}
    return await _settings(ask, shown, values, [str(one) for one in source.accounts])


async def change(ask: Ask) -> Response:
    """What the form of the settings sends."""
    source_id = ask.id("source_id")
    typed = {name: ask.text(name).strip() for name in _CHANGED if name in ask.form}
    try:
        changes = SourceChanges.model_validate({**typed, "accounts": ask.ids("accounts")})
        if not changes.title:
            raise _untitled()
        async with ask.work() as session:
            await managing.change(session, ask.caller, source_id, changes, now=ask.now)
    except (InvalidError, ValidationError) as error:
        async with ask.work() as session:
            shown = await queries.one(session, ask.caller, source_id)
        chosen = ask.texts("accounts")
        return await _settings(ask, shown, typed, chosen, faults=ask.faults(error))
    return ask.to(f"/sources/{source_id}", said=ask.t("Đã lưu cài đặt của nguồn."))


async def _settings(
    ask: Ask,
    shown: Shown,
    values: Mapping[str, str],
    chosen: list[str],
    *,
    faults: Mapping[str, str] | None = None,
) -> Response:
    async with ask.work() as session:
        outlets = await choices(session, ask.caller.unit_ids)
        house = await agency.settings(session)
    return await ask.page(
        "source_edit.html",
        status=422 if faults else 200,
        shown=shown,
        values=values,
        chosen=set(chosen),
        outlets=sorted(outlets, key=lambda one: one.name),
        categories=[(one.slug, one.name) for one in house.categories] if house.closed_list else [],
        kinds=KINDS,
        faults=faults or {},
        writes="editor" in ask.caller.roles,
    )


def _untitled() -> InvalidError:
    detail = "Cần có tên nguồn: tên này hiện ở cuối bài · A source needs a name: posts show it"
    return InvalidError("invalid", fields=(FieldError(field="title", code="blank", detail=detail),))


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────


async def fetch(ask: Ask) -> Response:
    """Reads a source now and says how that went."""
    source_id = ask.id("source_id")
    async with ask.work() as session:
        await managing.may_read_now(session, ask.caller, source_id, now=ask.now)
    went = await polling.read_source(
        ask.hub.open_work, ask.hub.guard, source_id, public_url=ask.hub.public_url
    )
    if went is None:
        raise NotFoundError("source_not_found")
    told = source_words.result(went.code, ask.language, went.details)
    return ask.to(f"/sources/{source_id}", said=told.long)


async def pause(ask: Ask) -> Response:
    """Reads it no more until somebody says so."""
    async with ask.work() as session:
        source = await managing.pause(session, ask.caller, ask.id("source_id"))
    undo = f"/sources/{source.id}/resume"
    return ask.to(
        f"/sources/{source.id}", said=Said(text=ask.t("Đã tạm dừng nguồn này."), undo=undo)
    )


async def resume(ask: Ask) -> Response:
    """Reads it again."""
    async with ask.work() as session:
        source = await managing.resume(session, ask.caller, ask.id("source_id"), now=ask.now)
    return ask.to(f"/sources/{source.id}", said=ask.t("Loa sẽ đọc nguồn này trong ít phút."))


async def follow_move(ask: Ask) -> Response:
    """Takes the address to which the site has moved."""
    async with ask.work() as session:
        source = await managing.follow_move(
            session, ask.caller, ask.id("source_id"), guard=ask.hub.guard, now=ask.now
        )
    return ask.to(f"/sources/{source.id}", said=ask.t("Đã đổi sang địa chỉ mới."))


async def remove(ask: Ask) -> Response:
    """Takes it off the list; what was made of it stays."""
    async with ask.work() as session:
        source = await managing.remove(session, ask.caller, ask.id("source_id"), now=ask.now)
    told = ask.t("Đã bỏ nguồn “%(name)s”. Các bài đã tạo vẫn còn.", name=source.title)
    return ask.to("/sources", said=Said(text=told, undo=f"/sources/{source.id}/restore"))


async def restore(ask: Ask) -> Response:
    """Puts it back."""
    async with ask.work() as session:
        source = await managing.restore(session, ask.caller, ask.id("source_id"), now=ask.now)
    return ask.to(f"/sources/{source.id}", said=ask.t("Đã lấy lại nguồn này."))


# ── In words ─────────────────────────────────────────────────────────────────────────────────────


def card(ask: Ask, shown: Shown) -> Card:
    """How a source is, in words."""
    source = shown.source
    told = source_words.result(source.result, ask.language, source.result_details)
    label, tone, icon = told.short, told.tone, _ICONS.get(told.tone, "info")
    if source.state == "paused":
        label, tone, icon = ask.t("Tạm dừng"), "neutral", "pause"
    return Card(
        shown=shown,
        chip=Chip(name=source.result, label=label, tone=tone, icon=icon, waits_on=""),
        told=ask.t("Đang tạm dừng; không đọc gì thêm cho đến khi cho chạy tiếp.")
        if source.state == "paused"
        else told.long,
        moved=managing.has_moved(source, ask.now),
    )


def entry_chip(ask: Ask, shown: Entry) -> Chip:
    """What became of an entry."""
    entry = shown.entry
    name = entry.state
    if entry.gone_at is not None:
        name = "gone"
    elif shown.edited:
        name = "edited"
    label, tone, icon = {
        "new": (ask.t("Mới"), "blue", "sparkles"),
        "drafted": (ask.t("Đã tạo bản nháp"), "green", "circle-check"),
        "edited": (ask.t("Đã sửa ở nguồn"), "amber", "git-compare"),
        "gone": (ask.t("Nguồn đã gỡ"), "red", "archive-x"),
        "history": (ask.t("Có từ trước"), "neutral", "history"),
        "dismissed": (ask.t("Đã bỏ qua"), "neutral", "x"),
        "ours": (ask.t("Tin của cơ quan"), "neutral", "badge-check"),
    }[name]
    return Chip(name=name, label=label, tone=tone, icon=icon, waits_on="")


def _tabs(ask: Ask, shown: Shown) -> list[tuple[str, str, int]]:
    tally = shown.tally
    return [
        ("new", ask.t("Mới"), tally.new),
        ("drafted", ask.t("Đã tạo bản nháp"), tally.drafted),
        ("edited", ask.t("Đã sửa ở nguồn"), tally.edited),
        ("history", ask.t("Có từ trước"), tally.history),
        ("dismissed", ask.t("Đã bỏ qua"), tally.dismissed),
        ("all", ask.t("Tất cả"), tally.all),
    ]


def _at(shown: Entry) -> str:
    entry = shown.entry
    return f"{entry.first_seen_at.isoformat()}_{entry.position}_{entry.id}"


def _place(told: str) -> Place | None:
    """Behind which entry the page begins; what is no such place begins at the top."""
    try:
        # A plus sign in an address is a space to most who write one.
        at, position, entry_id = told.replace(" ", "+").split("_")
        place = Place(at=datetime.fromisoformat(at), position=int(position), id=UUID(entry_id))
    except ValueError:
        return None
    return place if place.at.tzinfo is not None and 0 <= place.position < 2**31 else None


PAGES: Final[tuple[Page, ...]] = (
    get("/sources", show, roles=managing.ROLES),
    get("/sources/new", new, roles=managing.ROLES),
    post("/sources/new", find, roles=managing.ROLES),
    post("/sources/add", add, roles=managing.ROLES),
    get("/sources/links", links, roles=managing.ROLES),
    get("/sources/{source_id}", one, roles=managing.ROLES),
    get("/sources/{source_id}/edit", edit, roles=managing.ROLES),
    post("/sources/{source_id}/edit", change, roles=managing.ROLES),
    post("/sources/{source_id}/fetch", fetch, roles=managing.ROLES),
    post("/sources/{source_id}/pause", pause, roles=managing.ROLES),
    post("/sources/{source_id}/resume", resume, roles=managing.ROLES),
    post("/sources/{source_id}/move", follow_move, roles=managing.ROLES),
    post("/sources/{source_id}/remove", remove, roles=managing.ROLES),
    post("/sources/{source_id}/restore", restore, roles=managing.ROLES),
)
