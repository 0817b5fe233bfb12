"""Quản trị (S18): how the house works, each setting with its effect and who changed it last.

Also the freeze, which people pull when something is wrong.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Final

from pydantic import JsonValue
from starlette.responses import Response

from services.channels.outlets import choices
from services.console.ask import Ask, whole_number
from services.console.guard import Page, get, post
from services.content import brand
from services.delivery import composing, switches
from services.staff import agency
from services.staff.agency import PARTS, Agency, Imprint
from shared.errors import ForbiddenError, InvalidError, NotFoundError
from shared.text import slug

_HOLDS: Final = (0, 10, 30, 60, 120, 300, 600)
_LOGO_FORM_BYTES: Final = brand.LOGO_BYTES + 64 * 1024
_BLANK_CATEGORIES: Final = 2
_OFFERED: Final = 3
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# The settings that each form of the page changes.
_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "agency": ("name",),
    "imprint": ("imprint",),
    "logo": ("logo", "mark_pictures"),
    "publishing": ("hold_seconds", "urgent_waits", "withdraw_by_editor"),
    "quiet_hours": ("quiet_hours",),
    "accounts": ("accounts",),
    "categories": ("categories",),
}


# ── The pages ────────────────────────────────────────────────────────────────────────────────────


async def hub_page(ask: Ask) -> Response:
    """Where an admin finds everything that is theirs."""
    return await ask.page("admin.html", top=await _is_top(ask))


async def settings_page(ask: Ask) -> Response:
    """Every setting, with its effect and who changed it last."""
    return await _page(ask)


async def _page(
    ask: Ask, *, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    async with ask.work() as session:
        house = await agency.settings(session)
        changed = await agency.changes(session)
        known = await choices(session, ask.caller.unit_ids)
        offered = await composing.free_moments(
            session, ask.caller.unit_ids, now=ask.now, zone=ask.moments.zone, most=_OFFERED
        )
    may_change = await _is_top(ask)
    usual = round(ask.hub.rules.hold.total_seconds())
    hold = None if house.hold is None else round(house.hold.total_seconds())
    quiet = house.quiet_hours
    return await ask.page(
        "workflow.html",
        status=status,
        house=house,
        changed={
            form: max(
                (changed[name] for name in names if name in changed),
                key=lambda one: one.at,
                default=None,
            )
            for form, names in _FORMS.items()
        },
        may_change=may_change,
        holds=_holds(ask, usual, hold),
        hold="" if hold is None else hold,
        quiet_start=ask.text("start") or (f"{quiet.start:%H:%M}" if quiet else ""),
        quiet_end=ask.text("end") or (f"{quiet.end:%H:%M}" if quiet else ""),
        accounts=sorted(known, key=lambda one: one.name),
        ticked={str(one) for one in house.accounts or ()},
        categories=_category_rows(ask, house),
        parts=list(PARTS.items()),
        good_times=[ask.moments.whole(at) for at in offered],
        timezone=ask.hub.timezone,
        given_name=ask.hub.agency,
        name=ask.text("name") if faults else house.name,
        imprint={
            name: ask.text(name) if faults and name in ask.form else told
            for name, told in house.imprint.model_dump().items()
        },
        faults=faults or {},
        labels={
            "name": ask.t("Tên cơ quan"),
            "imprint": ask.t("Thư điện tử"),
            "logo": ask.t("Logo"),
            "quiet_hours": ask.t("Giờ yên tĩnh"),
            "categories": ask.t("Các chuyên mục"),
            "hold_seconds": ask.t("Thời gian chờ trước khi đăng"),
        },
    )


async def _is_top(ask: Ask) -> bool:
    """Whether this admin may change what holds for everybody."""
    try:
        async with ask.work() as session:
            await agency.need_top_admin(session, ask.caller)
    except ForbiddenError:
        return False
    return True


async def save(ask: Ask) -> Response:
    """Keeps what one of the forms says."""
    form = str(ask.request.path_params["form"])
    if form not in _FORMS:
        raise NotFoundError
    try:
        given = await _given(ask, form)
        async with ask.work() as session:
            changed = [
                await agency.change(session, ask.caller, name, value)
                for name, value in given.items()
            ]
    except InvalidError as error:
        return await _page(ask, faults=ask.faults(error), status=422)
    said = ask.t("Đã lưu cài đặt.") if any(changed) else ask.t("Không có gì thay đổi.")
    return ask.to("/admin/workflow", said=said)


async def _given(ask: Ask, form: str) -> dict[str, JsonValue]:
    """The settings that a form speaks of, with what was typed. Raises InvalidError."""
    match form:
        case "agency":
            return {"name": ask.text("name")}
        case "imprint":
            return {"imprint": {name: ask.text(name) for name in Imprint.model_fields}}
        case "logo":
            return await _logo(ask)
        case "publishing":
            return {
                "hold_seconds": whole_number(ask.text("hold")),
                "urgent_waits": bool(ask.text("urgent_waits")),
                "withdraw_by_editor": bool(ask.text("withdraw_by_editor")),
            }
        case "quiet_hours":
            return {"quiet_hours": _quiet_hours(ask)}
        case "accounts":
            if ask.text("choice") != "some":
                return {"accounts": None}
            async with ask.work() as session:
                known = {one.id for one in await choices(session, ask.caller.unit_ids)}
            return {"accounts": [str(one) for one in ask.ids("account") if one in known]}
        case _:
            return {"categories": _categories(ask)}


async def _logo(ask: Ask) -> dict[str, JsonValue]:
    upload, data = ask.upload("logo"), b""
    if upload is not None:
        data = await upload.read()
        await upload.close()
    # Rights first: a picture of somebody who may not change it is not looked at.
    async with ask.work() as session:
        await agency.need_top_admin(session, ask.caller)
        house = await agency.settings(session)
    if ask.text("remove"):
        return {"logo": None, "mark_pictures": False}
    marks = bool(ask.text("mark_pictures")) and (upload is not None or house.logo is not None)
    given: dict[str, JsonValue] = {"mark_pictures": marks}
    if upload is not None:
        logo = await brand.keep(ask.hub.media, data)
        given["logo"] = json.loads(logo.model_dump_json())
    return given


def _quiet_hours(ask: Ask) -> JsonValue:
    start, end = ask.text("start").strip(), ask.text("end").strip()
    if not start and not end:
        return None
    return {"start": _clock(start), "end": _clock(end)}


def _clock(told: str) -> str:
    return f"{time.fromisoformat(told):%H:%M}:00" if _CLOCK.fullmatch(told) else told


def _categories(ask: Ask) -> JsonValue:
    """The rows of the form; an emptied name takes its row away, no row at all lifts the list."""
    rows: list[JsonValue] = []
    names, slugs, parts = ask.texts("category"), ask.texts("slug"), ask.texts("part")
    for name, own, part in zip(names, slugs, parts, strict=False):
        if name.strip():
            rows.append({"name": name, "slug": own.strip() or slug(name), "part": part})
    return rows or None


def _category_rows(ask: Ask, house: Agency) -> list[tuple[str, str, str]]:
    if "category" in ask.form:
        typed = zip(ask.texts("category"), ask.texts("slug"), ask.texts("part"), strict=False)
        return [*typed]
    kept = [(one.name, one.slug, one.part) for one in house.categories]
    return kept + [("", "", next(iter(PARTS)))] * _BLANK_CATEGORIES


def _holds(ask: Ask, usual: int, hold: int | None) -> Sequence[tuple[str, str]]:
    def told(seconds: int) -> str:
        if seconds == 0:
            return ask.t("Không chờ")
        if seconds < 60:
            return ask.t("%(count)s giây", count=seconds)
        return ask.t("%(count)s phút", count=seconds // 60)

    known = sorted({*_HOLDS, *(() if hold is None else (hold,))})
    return [
        ("", ask.t("Như máy chủ đã đặt (%(told)s)", told=told(usual).lower())),
        *((str(one), told(one)) for one in known),
    ]


# ── The freeze ───────────────────────────────────────────────────────────────────────────────────


async def freeze(ask: Ask) -> Response:
    """Holds publish and update everywhere."""
    async with ask.work() as session:
        await switches.freeze(session, ask.caller, ask.text("reason"))
    told = ask.t("Đã tạm dừng mọi kênh. Không bài nào được đăng cho đến khi cho chạy tiếp.")
    return ask.to("/channels", said=told)


async def unfreeze(ask: Ask) -> Response:
    """Lets publishing go on."""
    async with ask.work() as session:
        await switches.unfreeze(session, ask.caller)
    return ask.to("/channels", said=ask.t("Các kênh đang chạy tiếp."))


_ADMIN: Final = ("admin",)
_HOLDERS: Final = ("admin", "approver")

PAGES: Final[tuple[Page, ...]] = (
    get("/admin", hub_page, roles=_ADMIN),
    get("/admin/workflow", settings_page, roles=_ADMIN),
    post("/admin/workflow/{form}", save, roles=_ADMIN, most_bytes=_LOGO_FORM_BYTES),
    post("/admin/freeze", freeze, roles=_HOLDERS),
    post("/admin/unfreeze", unfreeze, roles=_HOLDERS),
)
