"""Nối kênh (S15): a task list for each kind of channel, which can be left and taken up again."""

import secrets as random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from starlette.responses import Response

from services.channels import accounts, checks, connecting
from services.channels.accounts import AccountView
from services.channels.connecting import Progress
from services.console.ask import Ask
from services.console.channels import (
    ShownField,
    by_key,
    probe_words,
    secrets_of,
    seen,
    shown_fields,
)
from services.console.form_fields import typed
from services.console.guard import Page, get, post
from services.console.guide_book import Guide, GuideStep, filled, gaps_of, guide_of
from services.delivery import standing, words
from services.delivery.standing import NEVER, Standing
from services.staff import units
from shared.contract.messages import Probe
from shared.errors import ConflictError, InvalidError, NotFoundError

_SUGGESTED_BYTES: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of the list: `state` is `done`, `now`, `later` (skipped) or `ahead`."""

    step: GuideStep
    no: int
    state: str
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyView:
    """An address to copy; None while it is not known yet."""

    label: str
    address: str | None


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


async def begin_page(ask: Ask) -> Response:
    """The first step of a channel's guide, and what was begun before and not finished."""
    return await _first(ask, _guide(ask))


async def step_page(ask: Ask) -> Response:
    """The guide of an account that is being connected, at the step asked for or the next one."""
    view = await seen(ask)
    if view.stage != connecting.TRIAL:
        return ask.to(f"/channels/{view.id}")
    return await _step(ask, view)


async def ticks(ask: Ask) -> Response:
    """The list of steps alone: what was done elsewhere meanwhile gets its tick."""
    return await _step(ask, await _on_trial(ask), block="ticks")


async def _first(
    ask: Ask,
    guide: Guide,
    *,
    faults: Mapping[str, str] | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response:
    async with ask.work() as session:
        begun = await accounts.begun(session, ask.caller.unit_ids, guide.channel)
        own = await units.of(session, ask.caller.unit_ids)
    step = guide.steps[0]
    fields = shown_fields(ask, step.fields, {}, faults or {})
    return await ask.page(
        "connect.html",
        status=status,
        guide=guide,
        view=None,
        steps=_views(ask, guide, None, None, NEVER, step),
        step=step,
        fields=fields,
        copies=_copies(ask, guide, step, "", {}),
        units=[(one.code, one.name) for one in own],
        unit=ask.text("unit") or ask.caller.unit_code,
        name=ask.text("name"),
        begun=begun,
        faults=faults or {},
        labels=_labels(ask, fields),
        refused=refused,
        trouble=None,
        probes=None,
        told=(),
        ready=False,
        done_count=0,
    )


async def _step(
    ask: Ask,
    view: AccountView,
    *,
    name: str | None = None,
    faults: Mapping[str, str] | None = None,
    refused: str | None = None,
    probes: Sequence[Probe] | None = None,
    block: str = "task",
    status: int = 200,
) -> Response:
    guide = guide_of(ask.hub.registry.get(view.channel), ask.language)
    async with ask.work() as session:
        progress = await connecting.progress(session, ask.hub.registry, ask.hub.sealer, view.id)
        kept = await secrets_of(ask, session, view)
        stands = await standing.standing_of(session, view.id)
    wanted = name or ask.query("step")
    step = guide.step(wanted) or _next(guide, progress, view, stands)
    settings = {key: value for key, value in progress.settings.items() if value is not None}
    fields = shown_fields(ask, step.fields, settings, faults or {}, kept)
    asked = ask.query("refused")
    return await ask.page(
        "connect.html",
        block=block,
        status=status,
        guide=guide,
        view=view,
        steps=_views(ask, guide, view, progress, stands, step),
        step=step,
        fields=[_suggested(ask, one, step) for one in fields],
        copies=_copies(ask, guide, step, str(view.id), settings),
        units=(),
        unit=view.unit_code,
        name=view.name,
        begun=(),
        faults=faults or {},
        labels=_labels(ask, fields),
        refused=refused,
        trouble=words.problem(asked, ask.language) if asked else None,
        probes=probes,
        told=probe_words(ask, probes or ()),
        ready=progress.complete and _consented(guide, progress, view),
        done_count=sum(_done(one, progress, view, stands) for one in guide.steps),
    )


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────


async def begin(ask: Ask) -> Response:
    """Opens the account with what the first step gives."""
    guide = _guide(ask)
    step = guide.steps[0]
    settings, credentials = _given(ask, step)
    try:
        async with ask.work() as session:
            account = await connecting.begin(
                session,
                ask.caller,
                ask.hub.registry,
                ask.hub.sealer,
                channel=guide.channel,
                unit_code=ask.text("unit") or ask.caller.unit_code,
                name=ask.text("name"),
            )
            await connecting.fill(
                session,
                ask.caller,
                ask.hub.registry,
                ask.hub.sealer,
                account.id,
                settings=settings,
                credentials=credentials,
            )
    except InvalidError as error:
        return await _first(ask, guide, faults=by_key(ask.faults(error)), status=422)
    except ConflictError as error:
        return await _first(ask, guide, refused=ask.refusal(error), status=409)
    return ask.to(_path(guide.channel, account.id))


async def fill(ask: Ask) -> Response:
    """Takes what one step gives, and goes on to the next."""
    view = await _on_trial(ask)
    guide = guide_of(ask.hub.registry.get(view.channel), ask.language)
    step = guide.step(str(ask.request.path_params["step"]))
    if step is None:
        raise NotFoundError
    settings, credentials = _given(ask, step)
    try:
        async with ask.work() as session:
            await connecting.fill(
                session,
                ask.caller,
                ask.hub.registry,
                ask.hub.sealer,
                view.id,
                settings=settings,
                credentials=credentials,
            )
    except InvalidError as error:
        faults = by_key(ask.faults(error))
        return await _step(ask, view, name=step.name, faults=faults, status=422)
    except ConflictError as error:
        refused = ask.refusal(error)
        return await _step(ask, view, name=step.name, refused=refused, status=409)
    following = guide.steps[guide.steps.index(step) + 1 :]
    return ask.to(_path(guide.channel, view.id), step=following[0].name if following else None)


async def finish(ask: Ask) -> Response:
    """Tests the connection, and puts the account to use when all is well (or all the same)."""
    view = await _on_trial(ask)
    guide = guide_of(ask.hub.registry.get(view.channel), ask.language)
    last = guide.steps[-1].name
    async with ask.work() as session:
        progress = await connecting.progress(session, ask.hub.registry, ask.hub.sealer, view.id)
    if not progress.complete:
        refused = ask.t("Còn bước chưa xong. Hãy điền các mục còn thiếu rồi thử lại.")
        return await _step(ask, view, name=last, refused=refused, status=422)
    # No transaction is open while the channel is asked.
    probes = await checks.check(ask.hub.open_work, ask.hub.registry, ask.hub.sealer, view.id)
    good = all(one.ok for one in probes)
    if not good and ask.text("do") != "anyway":
        return await _step(ask, await seen(ask), name=last, probes=probes)
    async with ask.work() as session:
        await connecting.finish(session, ask.caller, ask.hub.registry, ask.hub.sealer, view.id)
    said = (
        ask.t("Đã nối %(name)s. Kênh đang tốt, có thể đăng bài ngay.", name=view.name)
        if good
        else ask.t("Đã đưa %(name)s vào dùng dù còn điều chưa đạt.", name=view.name)
    )
    return ask.to(f"/channels/{view.id}", said=said)


async def abandon(ask: Ask) -> Response:
    """Gives up an account that was begun; its secrets are destroyed."""
    view = await _on_trial(ask)
    async with ask.work() as session:
        await accounts.close(session, ask.caller, view.id, reason=ask.t("Thôi nối kênh"))
    return ask.to("/channels", said=ask.t("Đã bỏ %(name)s đang nối dở.", name=view.name))


# ── Details ──────────────────────────────────────────────────────────────────────────────────────


def _guide(ask: Ask) -> Guide:
    return guide_of(ask.hub.registry.get(str(ask.request.path_params["kind"])), ask.language)


async def _on_trial(ask: Ask) -> AccountView:
    view = await seen(ask)
    if view.stage != connecting.TRIAL or view.channel != ask.request.path_params["kind"]:
        raise NotFoundError("account_not_found")
    return view


def _path(channel: str, account_id: UUID) -> str:
    return f"/channels/connect/{channel}/{account_id}"


def _given(ask: Ask, step: GuideStep) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    told = {key: ask.texts(key) for key in ask.form}
    return (
        typed([one for one in step.fields if one.key.startswith("settings.")], told),
        typed([one for one in step.fields if one.key.startswith("credentials.")], told),
    )


def _done(step: GuideStep, progress: Progress, view: AccountView | None, stands: Standing) -> bool:
    """Whether a step has done its work, as far as Loa can tell by itself."""
    if view is None:
        return False
    match step.kind:
        case "read":
            return not step.optional or stands.called_at is not None
        case "consent":
            return _granted(step, progress, view)
        case "check":
            return False
        case "fill":
            needed = [one.key for one in step.fields if one.required]
            return set(needed or [one.key for one in step.fields]) <= progress.filled


def _granted(step: GuideStep, progress: Progress, view: AccountView) -> bool:
    if step.gives:
        return set(step.gives) <= progress.filled
    return view.token_renewed_at is not None


def _consented(guide: Guide, progress: Progress, view: AccountView) -> bool:
    return all(_granted(one, progress, view) for one in guide.steps if one.kind == "consent")


def _next(guide: Guide, progress: Progress, view: AccountView, stands: Standing) -> GuideStep:
    return next(
        (one for one in guide.steps if not _done(one, progress, view, stands)), guide.steps[-1]
    )


def _views(
    ask: Ask,
    guide: Guide,
    view: AccountView | None,
    progress: Progress | None,
    stands: Standing,
    current: GuideStep,
) -> tuple[StepView, ...]:
    at = guide.steps.index(current)
    found = []
    for index, step in enumerate(guide.steps):
        done = progress is not None and _done(step, progress, view, stands)
        skipped = step.optional and index < at
        state = "done" if done else "later" if skipped else "ahead"
        found.append(
            StepView(
                step=step,
                no=index + 1,
                state="now" if step is current else state,
                href=(
                    ask.url(_path(guide.channel, view.id), step=step.name)
                    if view is not None
                    else None
                ),
            )
        )
    return tuple(found)


def _copies(
    ask: Ask, guide: Guide, step: GuideStep, account: str, settings: Mapping[str, JsonValue]
) -> tuple[CopyView, ...]:
    gaps = gaps_of(ask.hub.public_url, guide.channel, account, settings)
    return tuple(
        CopyView(label=one.label, address=filled(one.address, gaps)) for one in step.copies
    )


def _suggested(ask: Ask, one: ShownField, step: GuideStep) -> ShownField:
    """A random word for a secret that people make up themselves, until one is kept."""
    if one.field.key not in step.suggest or one.kept is not None:
        return one
    return ShownField(
        field=one.field,
        value=one.value,
        fault=one.fault,
        suggested=ask.text(one.field.key) or random.token_urlsafe(_SUGGESTED_BYTES),
    )


def _labels(ask: Ask, fields: Sequence[ShownField]) -> dict[str, str]:
    return {one.field.key: one.field.title for one in fields} | {
        "name": ask.t("Tên gọi trong Loa"),
        "unit": ask.t("Đơn vị"),
    }


_ADMIN: Final = ("admin",)

PAGES: Final[tuple[Page, ...]] = (
    get("/channels/connect/{kind}", begin_page, roles=_ADMIN),
    post("/channels/connect/{kind}", begin, roles=_ADMIN),
    get("/channels/connect/{kind}/{account_id}", step_page, roles=_ADMIN),
    get("/channels/connect/{kind}/{account_id}/ticks", ticks, roles=_ADMIN),
    post("/channels/connect/{kind}/{account_id}/finish", finish, roles=_ADMIN),
    post("/channels/connect/{kind}/{account_id}/abandon", abandon, roles=_ADMIN),
    post("/channels/connect/{kind}/{account_id}/steps/{step}", fill, roles=_ADMIN),
)
