"""Mẫu (S11): words to begin an item with, their gaps filled before the composer opens.

Source: console-ux.md section 4 (S11).
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from services.channels.outlets import choices
from services.console import composer
from services.console.ask import Ask, Said
from services.console.guard import Page, get, post
from services.content import item_templates as room
from services.content.forms import ItemChanges
from services.content.item_templates import TemplateForm
from services.content.ready_templates import READY
from services.content.tables import KINDS
from services.delivery import composing as composing_room
from services.delivery.composing import Choices
from services.staff import agency
from shared.errors import InvalidError
from shared.text import fold, slug

_FIELDS: Final = ("name", "kind", "title", "summary", "body")
# A text with more gaps than this is filled in the composer.
_GAPS_ASKED: Final = 30
_NEW: Final[Mapping[str, str]] = {"name": "", "kind": "news"}


async def show(ask: Ask) -> Response:
    """The templates to begin with; those of higher units too."""
    asked, kind = fold(ask.query("q")), ask.query("kind")
    async with ask.work() as session:
        found = await room.listed(session, ask.caller)
        names = {one.id: one.name for one in await choices(session, ask.caller.unit_ids)}
    shown = [
        one
        for one in found
        if asked in fold(f"{one.template.name} {one.template.title} {one.unit}")
        and (not kind or one.template.kind == kind)
    ]
    return await ask.page(
        "item_templates.html",
        block="list",
        shown=shown,
        count=len(found),
        names=names,
        kinds=KINDS,
        looked_for={"q": ask.query("q"), "kind": kind},
        writes="editor" in ask.caller.roles,
        own_none=not any(one.template.unit_id == ask.caller.unit_id for one in found),
        ready=len(READY),
    )


async def add_ready(ask: Ask) -> Response:
    """Adds the set that Loa brings along to the own unit."""
    async with ask.work() as session:
        added = await room.add_ready(session, ask.caller, READY)
    return ask.to("/templates", said=ask.t("Đã thêm %(count)s mẫu.", count=len(added)))


async def new(ask: Ask) -> Response:
    """An empty template."""
    return await _form(ask, None, _NEW, [])


async def create(ask: Ask) -> Response:
    """What the empty form sends."""
    try:
        form = _sent(ask)
    except ValidationError as error:
        return await _again(ask, None, error)
    async with ask.work() as session:
        made = await room.add(session, ask.caller, form)
    return ask.to("/templates", said=ask.t("Đã thêm mẫu “%(name)s”.", name=made.name))


async def edit(ask: Ask) -> Response:
    """The form of a template of one's own reach; another's is only used."""
    async with ask.work() as session:
        found = await room.one(session, ask.caller, ask.id("template_id"))
    if not found.own:
        return ask.to(f"/templates/{found.template.id}/use")
    template = found.template
    values = {name: getattr(template, name) for name in (*_FIELDS, "category")}
    values["tags"] = ", ".join(template.tags)
    return await _form(ask, template.id, values, [str(one) for one in template.accounts])


async def change(ask: Ask) -> Response:
    """What the form of a template sends."""
    template_id = ask.id("template_id")
    try:
        form = _sent(ask)
    except ValidationError as error:
        return await _again(ask, template_id, error)
    async with ask.work() as session:
        await room.change(session, ask.caller, template_id, form)
    return ask.to("/templates", said=ask.t("Đã lưu mẫu “%(name)s”.", name=form.name))


async def remove(ask: Ask) -> Response:
    """Takes a template off the list; the next page can take that back."""
    async with ask.work() as session:
        gone = await room.remove(session, ask.caller, ask.id("template_id"), now=ask.now)
    told = ask.t("Đã bỏ mẫu “%(name)s”. Các bài đã soạn từ mẫu vẫn còn.", name=gone.name)
    return ask.to("/templates", said=Said(text=told, undo=f"/templates/{gone.id}/restore"))


async def restore(ask: Ask) -> Response:
    """Puts it back."""
    async with ask.work() as session:
        back = await room.restore(session, ask.caller, ask.id("template_id"))
    return ask.to("/templates", said=ask.t("Đã lấy lại mẫu “%(name)s”.", name=back.name))


async def fill(ask: Ask) -> Response:
    """The gaps of a template, each with a field."""
    return await _gaps(ask)


async def begin(ask: Ask) -> Response:
    """Makes a draft with the gaps filled, and goes to the composer with it."""
    async with ask.work() as session:
        found = await room.one(session, ask.caller, ask.id("template_id"))
    values = {gap: ask.text(f"gap.{no}") for no, gap in enumerate(found.gaps[:_GAPS_ASKED])}
    template = found.template
    try:
        async with ask.work() as session:
            item = await room.begin(
                session,
                ask.caller,
                template.id,
                values,
                zone=ask.moments.zone,
                now=ask.now,
            )
            wanted = set(template.accounts)
            reach = await choices(session, ask.caller.unit_ids)
            chosen = tuple(one.id for one in reach if one.id in wanted)
            if chosen:
                await composing_room.save(
                    session,
                    ask.caller,
                    item.id,
                    ItemChanges(),
                    Choices(accounts=chosen),
                    version=item.version,
                    now=ask.now,
                )
    except (InvalidError, ValidationError) as error:
        return await _gaps(ask, faults=ask.faults(error))
    left = [gap for gap in found.gaps if not values.get(gap, "").strip()]
    said = ask.t("Đã tạo bản nháp từ mẫu “%(name)s”.", name=template.name)
    if left:
        said = ask.t(
            "Đã tạo bản nháp. Còn chỗ trống cần điền: %(gaps)s.",
            gaps=", ".join(f"{{{{{one}}}}}" for one in left[:5]) + ("…" if len(left) > 5 else ""),
        )
    return ask.to(f"/posts/{item.id}/edit", said=said)


async def _gaps(ask: Ask, *, faults: Mapping[str, str] | None = None) -> Response:
    async with ask.work() as session:
        found = await room.one(session, ask.caller, ask.id("template_id"))
    typed = {gap: ask.text(f"gap.{no}") for no, gap in enumerate(found.gaps[:_GAPS_ASKED])}
    return await ask.page(
        "item_templates_use.html",
        status=422 if faults else 200,
        found=found,
        asked=[(f"gap.{no}", gap, typed[gap]) for no, gap in enumerate(typed)],
        faults=faults or {},
    )


async def _again(ask: Ask, template_id: UUID | None, error: ValidationError) -> Response:
    values = {name: ask.text(name) for name in (*_FIELDS, "category", "tags")}
    faults = {name.partition(".")[0]: told for name, told in ask.faults(error).items()}
    return await _form(ask, template_id, values, ask.texts("accounts"), faults=faults)


async def _form(
    ask: Ask,
    template_id: UUID | None,
    values: Mapping[str, str],
    chosen: list[str],
    *,
    faults: Mapping[str, str] | None = None,
) -> Response:
    async with ask.work() as session:
        outlets = await composer.outlets_of(ask, session)
        house = await agency.settings(session)
    return await ask.page(
        "item_templates_edit.html",
        status=422 if faults else 200,
        template_id=template_id,
        values=values,
        chosen=set(chosen),
        outlets=outlets,
        categories=[(one.slug, one.name) for one in house.categories] if house.closed_list else [],
        kinds=KINDS,
        gaps=room.gaps(*(values.get(name, "") for name in ("title", "summary", "body"))),
        faults=faults or {},
    )


def _sent(ask: Ask) -> TemplateForm:
    """What the form of a template holds. Raises ValidationError."""
    return TemplateForm.model_validate(
        {
            **{name: ask.text(name) for name in _FIELDS},
            "category": slug(ask.text("category")),
            "tags": [one.strip() for one in ask.text("tags").split(",") if one.strip()],
            "accounts": ask.ids("accounts"),
        }
    )


_ROLES: Final = room.ROLES
_WRITER: Final = ("editor",)

PAGES: Final[tuple[Page, ...]] = (
    get("/templates", show, roles=_ROLES),
    post("/templates/ready", add_ready, roles=_ROLES),
    get("/templates/new", new, roles=_ROLES),
    post("/templates/new", create, roles=_ROLES),
    get("/templates/{template_id}", edit, roles=_ROLES),
    post("/templates/{template_id}", change, roles=_ROLES),
    post("/templates/{template_id}/remove", remove, roles=_ROLES),
    post("/templates/{template_id}/restore", restore, roles=_ROLES),
    get("/templates/{template_id}/use", fill, roles=_WRITER),
    post("/templates/{template_id}/use", begin, roles=_WRITER),
)
