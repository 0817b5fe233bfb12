"""Kênh (S14, S16): how each connected account is, its settings, its check, and holding it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.channels import accounts, checks, consents
from services.channels.accounts import AccountView, SecretChange
from services.channels.finding import named_like
from services.console.ask import Ask, whole_number
from services.console.form_fields import FormField, shown, typed
from services.console.guard import Page, get, post
from services.console.guide_book import Guide, fields_for, filled, gaps_of, guide_of, title_of
from services.console.pushes import pushes_of
from services.delivery import standing, switches, words
from services.delivery.standing import Standing
from services.delivery.words import Words
from shared.clock import steady_seconds
from shared.contract.channel import Channel, Consenter, Lister, Receiver, Renewer
from shared.contract.messages import Probe
from shared.errors import ConflictError, InvalidError, LoaError, NotFoundError

_WORST_FIRST: Final = ("cut_off", "paused", "ending", "slow", "trial", "good")
_CARDS: Final = 48  # on a page
_TONES: Final[Mapping[str, tuple[str, str]]] = {
    "good": ("green", "circle-check"),
    "slow": ("amber", "clock"),
    "ending": ("amber", "calendar-x"),
    "cut_off": ("red", "unlink"),
    "paused": ("amber", "pause"),
    "trial": ("blue", "plug"),
    "closed": ("neutral", "lock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChip:
    """The health of an account as a chip shows it."""

    name: str
    label: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One account on the list. `trouble` is what stands in its way now; `past` what was lately."""

    view: AccountView
    kind: str
    health: HealthChip
    standing: Standing
    trouble: Words | None
    technical: str | None
    past: str | None
    renews: bool
    consents: bool
    pull: bool
    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCards:
    """The accounts of one unit; `mixed`: of several, so that each names its own."""

    name: str
    mixed: bool
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectable:
    """A kind of channel that can be connected."""

    channel: str
    title: str
    what: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """A field of a channel's form with what stands in it and what is wrong with it."""

    field: FormField
    value: JsonValue
    fault: str | None = None
    kept: SecretChange | None = None
    suggested: str | None = None


# ── The list ─────────────────────────────────────────────────────────────────────────────────────


async def index(ask: Ask) -> Response:
    """The accounts within reach, by unit, and what can be connected.

    All of them are counted. Where they are more than a page holds, those that need somebody lead,
    and the others are found by name or page by page.
    """
    caller = ask.caller
    only, q = ask.query("show"), ask.query("q")[:200]
    async with ask.work() as session:
        every = await standing.roster(session, caller.unit_ids, now=ask.now)
        known = set(await named_like(session, q, unit_ids=caller.unit_ids)) if q else None
        wanted = [
            one
            for one in every
            if (known is None or one.id in known) and (only != "trouble" or _troubled(one.health))
        ]
        apart = len(wanted) > _CARDS and only != "trouble"
        wanted.sort(
            key=lambda one: (
                apart and not _troubled(one.health),
                one.unit_code,
                _WORST_FIRST.index(one.health),
                one.name,
            )
        )
        page = _page(ask.query("page"), len(wanted))
        ids = [one.id for one in wanted[(page - 1) * _CARDS : page * _CARDS]]
        views = {
            one.id: one
            for one in await accounts.views(session, unit_ids=caller.unit_ids, trial=True, only=ids)
        }
        stands = await standing.standings(session, ids)
        frozen = await switches.frozen(session)
    cards = [card_of(ask, views[id_], stands[id_]) for id_ in ids if id_ in views]
    return await ask.page(
        "channels.html",
        units=_by_unit(ask, cards, apart=apart),
        count=len(every),
        troubled=sum(_troubled(one.health) for one in every),
        only=only,
        q=q,
        total=len(wanted),
        first=(page - 1) * _CARDS + 1,
        last=(page - 1) * _CARDS + len(cards),
        many=len(every) > _CARDS,
        newer=ask.url("/channels", show=only, q=q) if page > 1 else None,
        older=ask.url("/channels", show=only, q=q, page=page + 1)
        if page * _CARDS < len(wanted)
        else None,
        kinds=_connectables(ask) if "admin" in caller.roles else (),
        broken=ask.hub.registry.broken,
        frozen=frozen,
    )


def _troubled(health: str) -> bool:
    return health not in ("good", "slow")


def _page(told: str, count: int) -> int:
    """The page asked for, from 1; the last one for any beyond it."""
    return max(1, min(whole_number(told) or 1, -(-count // _CARDS)))


def card_of(ask: Ask, view: AccountView, stands: Standing) -> Card:
    """How an account is, in the reader's words."""
    name = accounts.health(view, ask.now, succeeded_at=stands.succeeded_at)
    adapter = _adapter(ask, view.channel)
    trouble, technical = _trouble(ask, view, stands, name)
    past = None
    if trouble is None and stands.code:
        past = words.problem(stands.code, ask.language).happened
    return Card(
        view=view,
        kind=title_of(adapter, ask.language) if adapter else view.channel,
        health=chip_of(ask, name),
        standing=stands,
        trouble=trouble,
        technical=technical,
        past=past,
        renews=isinstance(adapter, Renewer),
        consents=isinstance(adapter, Consenter),
        pull=adapter is not None and adapter.pull,
        broken=adapter is None,
    )


def chip_of(ask: Ask, name: str) -> HealthChip:
    """The word for a health, its tone and its icon."""
    labels = {
        "good": ask.t("Tốt"),
        "slow": ask.t("Chậm"),
        "ending": ask.t("Sắp hết hạn"),
        "cut_off": ask.t("Mất kết nối"),
        "paused": ask.t("Tạm dừng"),
        "trial": ask.t("Đang nối dở"),
        "closed": ask.t("Đã đóng"),
    }
    tone, icon = _TONES[name]
    return HealthChip(name=name, label=labels[name], tone=tone, icon=icon)


def _trouble(
    ask: Ask, view: AccountView, stands: Standing, health: str
) -> tuple[Words | None, str | None]:
    """What stands in the way now, in three parts; and the channel's own words."""
    if view.stage == "closed":
        return None, None
    if view.state == "paused":
        code = view.pause_code or "account_paused"
        told = words.problem(code, ask.language, reason=view.pause_reason or "")
        return told, stands.remote_words if view.pause_code == stands.code else None
    if health == "cut_off":
        told = Words(
            happened=ask.t("Lần kiểm tra gần nhất chưa đạt."),
            effect=ask.t("Bài đăng lên kênh này có thể bị từ chối."),
            next=ask.t("Bấm Kiểm tra để xem điều nào chưa đạt và cách xử lý."),
        )
        return told, None
    failed_last = stands.failed_at and (
        stands.succeeded_at is None or stands.failed_at > stands.succeeded_at
    )
    if failed_last and stands.code:
        return words.problem(stands.code, ask.language), stands.remote_words
    return None, None


def _by_unit(ask: Ask, cards: Sequence[Card], *, apart: bool) -> tuple[UnitCards, ...]:
    """The cards in their order, by unit; `apart`: those that need somebody before all units."""
    found: dict[tuple[bool, str], list[Card]] = {}
    for card in cards:
        first = apart and _troubled(card.health.name)
        found.setdefault((first, "" if first else card.view.unit_name), []).append(card)
    return tuple(
        UnitCards(name=ask.t("Cần xem trước") if first else unit, mixed=first, cards=tuple(those))
        for (first, unit), those in found.items()
    )


def _connectables(ask: Ask) -> tuple[Connectable, ...]:
    found = []
    for name in ask.hub.registry.names():
        guide = guide_of(ask.hub.registry.get(name), ask.language)
        found.append(
            Connectable(channel=name, title=guide.title, what=guide.what, minutes=guide.minutes)
        )
    return tuple(found)


# ── One account ──────────────────────────────────────────────────────────────────────────────────


async def show(ask: Ask) -> Response:
    """One account: how it is, and for admins its settings and secrets."""
    view = await seen(ask)
    if view.stage == "trial" and "admin" in ask.caller.roles:
        refused = ask.query("refused") or None
        return ask.to(f"/channels/connect/{view.channel}/{view.id}", refused=refused)
    return await _account(ask, view)


async def _account(
    ask: Ask, view: AccountView, *, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    manages = "admin" in ask.caller.roles
    async with ask.work() as session:
        stands = await standing.standing_of(session, view.id)
        held = await secrets_of(ask, session, view) if manages else {}
        pushes = await pushes_of(session, view)
    adapter = _adapter(ask, view.channel)
    settings: tuple[ShownField, ...] = ()
    secrets: tuple[ShownField, ...] = ()
    if adapter is not None and manages and view.stage != "closed":
        settings = shown_fields(
            ask, fields_for(adapter, "settings", ask.language), view.settings, faults or {}
        )
        secrets = shown_fields(
            ask, fields_for(adapter, "credentials", ask.language), {}, faults or {}, held
        )
    refused = ask.query("refused")
    return await ask.page(
        "channels_account.html",
        status=status,
        card=card_of(ask, view, stands),
        settings=settings,
        secrets=secrets,
        addresses=_addresses(ask, view, guide_of(adapter, ask.language)) if adapter else (),
        receives=isinstance(adapter, Receiver),
        lists=isinstance(adapter, Lister),
        pushes=pushes,
        faults=faults or {},
        labels={one.field.key: one.field.title for one in (*settings, *secrets)}
        | {"name": ask.t("Tên gọi trong Loa"), "reason": ask.t("Lý do")},
        name=ask.text("name") or view.name,
        refused=words.problem(refused, ask.language) if refused else None,
    )


async def change(ask: Ask) -> Response:
    """Changes the name, the settings or single secrets."""
    view = await seen(ask)
    adapter = ask.hub.registry.get(view.channel)
    given = {key: ask.texts(key) for key in ask.form}
    part = ask.text("part")
    fields = fields_for(adapter, part, ask.language) if part in ("settings", "credentials") else ()
    values = typed(fields, given)
    if part == "credentials" and not values:
        return ask.to(f"/channels/{view.id}", said=ask.t("Chưa nhập khoá nào nên giữ nguyên."))
    try:
        async with ask.work() as session:
            await accounts.change(
                session,
                ask.caller,
                ask.hub.registry,
                ask.hub.sealer,
                view.id,
                name=ask.text("name") or None,
                settings=values if part == "settings" else None,
                credentials=values if part == "credentials" else None,
            )
    except InvalidError as error:
        return await _account(ask, view, faults=by_key(ask.faults(error)), status=422)
    except ConflictError as error:
        if error.code != "account_name_taken":
            raise
        return await _account(ask, view, faults={"name": ask.refusal(error)}, status=409)
    said = ask.t("Đã lưu khoá.") if part == "credentials" else ask.t("Đã lưu cài đặt của kênh.")
    return ask.to(f"/channels/{view.id}", said=said)


async def pause(ask: Ask) -> Response:
    """Holds every call for the account."""
    view = await seen(ask)
    try:
        async with ask.work() as session:
            await accounts.pause(session, ask.caller, view.id, ask.text("reason"))
    except InvalidError as error:
        return await _account(ask, view, faults=ask.faults(error), status=422)
    return ask.to(f"/channels/{view.id}", said=ask.t("Đã tạm dừng %(name)s.", name=view.name))


async def resume(ask: Ask) -> Response:
    """Lets the account's calls go on."""
    view = await seen(ask)
    async with ask.work() as session:
        await accounts.resume(session, ask.caller, view.id)
    return ask.to(f"/channels/{view.id}", said=ask.t("%(name)s đang chạy tiếp.", name=view.name))


async def close(ask: Ask) -> Response:
    """Disconnects the account for good."""
    view = await seen(ask)
    reason = ask.text("reason").strip()
    if not reason:
        told = ask.t("Cần nêu lý do")
        return await _account(ask, view, faults={"close-reason": told}, status=422)
    async with ask.work() as session:
        await accounts.close(session, ask.caller, view.id, reason=reason)
    return ask.to("/channels", said=ask.t("Đã đóng %(name)s.", name=view.name))


async def consent(ask: Ask) -> Response:
    """Leaves for the channel's own consent page: at once with script, by a link without."""
    view = await seen(ask)
    address = gaps_of(ask.hub.public_url, view.channel, str(view.id), {})
    callback = filled("{public}/api/v1/connect/{channel}/callback", address)
    async with ask.work() as session:
        url = await consents.begin(
            session,
            ask.caller,
            ask.hub.registry,
            ask.hub.sealer,
            view.id,
            redirect_uri=callback or "",
            now=ask.now,
        )
    if ask.by_script:
        return Response(status_code=200, headers={"HX-Redirect": url})
    # A form may not lead to another site (the policy's form-action), a link may.
    return await ask.page("channels_leave.html", leads_to=url, view=view)


# ── The check ────────────────────────────────────────────────────────────────────────────────────


async def check_page(ask: Ask) -> Response:
    """What the last check said, and the button for a new one."""
    return await _checked(ask, await _open(ask), None)


async def check(ask: Ask) -> Response:
    """Asks the channel now; changes nothing there, so the answer is the page itself."""
    view = await _open(ask)
    # No transaction is open while the channel is asked.
    began = steady_seconds()
    probes = await checks.check(ask.hub.open_work, ask.hub.registry, ask.hub.sealer, view.id)
    return await _checked(ask, await seen(ask), probes, seconds=steady_seconds() - began)


async def _checked(
    ask: Ask, view: AccountView, probes: Sequence[Probe] | None, *, seconds: float = 0.0
) -> Response:
    async with ask.work() as session:
        stands = await standing.standing_of(session, view.id)
    card = card_of(ask, view, stands)
    return await ask.page(
        "channels_check.html",
        block="result",
        card=card,
        probes=probes,
        told=probe_words(ask, probes or ()),
        good=bool(probes) and all(one.ok for one in probes or ()),
        seconds=seconds,
        report=report_of(ask, card, probes) if probes else "",
    )


def probe_words(ask: Ask, probes: Sequence[Probe]) -> tuple[str, ...]:
    """What each probe says; where an adapter gives both languages, the reader's."""
    told = []
    for one in probes:
        vi, _, en = one.detail.partition(" · ")
        told.append((en or vi) if ask.language == "en" else vi)
    return tuple(told)


def report_of(ask: Ask, card: Card, probes: Sequence[Probe]) -> str:
    """The check as plain text, to be sent to whoever helps: no secret stands in it."""
    view = card.view
    lines = [
        ask.t("Báo cáo kiểm tra kênh · Loa"),
        f"{view.name} ({view.channel}, {view.remote_id})",
        ask.moments.whole(view.checked_at or ask.now),
        "",
        *(
            f"[{'OK' if one.ok else '!!'}] {one.name}: {told} ({one.ms} ms)"
            for one, told in zip(probes, probe_words(ask, probes), strict=True)
        ),
        "",
        ask.t("Tình trạng: %(label)s", label=card.health.label),
    ]
    return "\n".join(lines)


# ── What the other pages about channels use too ──────────────────────────────────────────────────


async def seen(ask: Ask) -> AccountView:
    """The account of the address; raises NotFoundError also for one out of reach."""
    async with ask.work() as session:
        view = await accounts.view(session, ask.id("account_id"))
    if not ask.caller.may_see(view.unit_id):
        raise NotFoundError("account_not_found")
    return view


async def _open(ask: Ask) -> AccountView:
    view = await seen(ask)
    if view.stage == "closed":
        raise NotFoundError("account_closed")
    return view


async def secrets_of(
    ask: Ask, session: AsyncSession, view: AccountView
) -> Mapping[str, SecretChange]:
    """Which secrets are kept, and who gave each; never what they are."""
    kept = await accounts.secrets_kept(session, ask.hub.sealer, view.id)
    given = await accounts.secret_changes(session, view.id)
    unknown = SecretChange(by=None, at=view.created_at)
    return {name: given.get(name, given.get("", unknown)) for name in kept}


def shown_fields(
    ask: Ask,
    fields: Sequence[FormField],
    values: Mapping[str, object],
    faults: Mapping[str, str],
    kept: Mapping[str, SecretChange] | None = None,
) -> tuple[ShownField, ...]:
    """The fields as the page draws them; what was typed before a refusal stays, but for secrets."""
    found = []
    for one in fields:
        value = shown(one, values)
        if one.key in ask.form and one.kind != "secret":
            several = ask.texts(one.key)
            value = list[JsonValue](several) if one.kind == "several" else several[0]
        found.append(
            ShownField(
                field=one,
                value=value,
                fault=faults.get(one.key),
                kept=(kept or {}).get(one.name),
            )
        )
    return tuple(found)


def by_key(faults: Mapping[str, str]) -> dict[str, str]:
    """`settings.kinds.0` → `settings.kinds`, as the fields of the page are named."""
    told: dict[str, str] = {}
    for name, words_ in faults.items():
        told.setdefault(".".join(name.split(".")[:2]), words_)
    return told


def _addresses(ask: Ask, view: AccountView, guide: Guide) -> tuple[tuple[str, str], ...]:
    """The addresses of ours that stand on the other side."""
    settings = {name: value for name, value in view.settings.items() if isinstance(value, str)}
    gaps = gaps_of(ask.hub.public_url, view.channel, str(view.id), settings)
    found = {}
    for step in guide.steps:
        for line in step.copies:
            address = filled(line.address, gaps)
            if address:
                found[address] = line.label
    return tuple((label, address) for address, label in found.items())


def _adapter(ask: Ask, channel: str) -> Channel | None:
    """The adapter; None for one that could not be loaded: its accounts are shown all the same."""
    try:
        return ask.hub.registry.get(channel)
    except LoaError:
        return None


_ADMIN: Final = ("admin",)
_HOLDERS: Final = ("admin", "approver")

PAGES: Final[tuple[Page, ...]] = (
    get("/channels", index),
    get("/channels/{account_id}", show),
    post("/channels/{account_id}", change, roles=_ADMIN),
    get("/channels/{account_id}/check", check_page, roles=_ADMIN),
    post("/channels/{account_id}/check", check, roles=_ADMIN),
    post("/channels/{account_id}/pause", pause, roles=_HOLDERS),
    post("/channels/{account_id}/resume", resume, roles=_HOLDERS),
    post("/channels/{account_id}/consent", consent, roles=_ADMIN),
    post("/channels/{account_id}/close", close, roles=_ADMIN),
)
