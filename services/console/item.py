"""One item's own page: what it says, its revisions, where it stands, what was said and done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.audit.story import story
from services.console import deeds, live, reading
from services.console.ask import Ask, Said, safe_path, whole_number
from services.console.dossier import Dossier, dossier, headline, library
from services.console.guard import Page, get, post
from services.console.live import Region
from services.console.parts import part_of
from services.content import comments, drafting, queries
from services.content.forms import DocumentForm, ItemForm, OverrideForm
from services.content.tables import Approval, Item, Revision
from services.delivery import drifting, fan_out, progress, tally
from services.delivery.board import Shown
from services.delivery.tables import State
from services.delivery.words import problem
from services.staff.names import names
from shared.errors import InvalidError, NotFoundError

TABS: Final = ("content", "revisions", "channels", "comments", "log")
_PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """One revision in the list: who wrote it, who agreed, and the name of its exact content."""

    revision: Revision
    author: str
    code: str
    state: str
    tone: str
    approval: Approval | None
    approved_by: str


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


async def show(ask: Ask) -> Response:
    """The page, on the tab that the address names; an unknown tab is the first."""
    tab = ask.query("tab")
    item_id = ask.id("item_id")
    values: dict[str, object] = {}
    async with ask.work() as session:
        found = await dossier(session, ask.caller, item_id)
        match tab:
            case "revisions":
                values = await _revisions(ask, session, found)
            case "channels":
                values = await _channels(ask, session, found)
            case "comments":
                values = await _comments(ask, session, found)
            case "log":
                values = await _log(ask, session, found)
            case _:
                tab, values = "content", await _content(ask, session, found, found.newest)
    return await _page(ask, found, tab, values)


async def _page(
    ask: Ask, found: Dossier, tab: str, shown: dict[str, object], *, status: int = 200
) -> Response:
    paged = bool(ask.query("before"))
    return await ask.page(
        "item.html", status=status, found=found, tab=tab, shown=shown, paged=paged
    )


async def _content(
    ask: Ask, session: AsyncSession, found: Dossier, revision: Revision
) -> dict[str, object]:
    named, _ = await library(session, found.house, (revision,))
    cover = named.media.get(revision.cover) if revision.cover else None
    return {
        "revision": revision,
        "body": reading.body_html(ask, revision.body, named.media),
        "facts": reading.facts(ask, revision, named),
        "cover": cover,
        "cover_src": reading.address(ask, cover) if cover else None,
    }


async def _revisions(ask: Ask, session: AsyncSession, found: Dossier) -> dict[str, object]:
    """The list; with `no` the exact words of one, with `from` and `to` how two of them differ."""
    before = _number(ask.query("before"))
    rows = await queries.revisions(session, found.item.id, limit=_PAGE + 1, before=before)
    values: dict[str, object] = {
        "numbered": await _numbered(ask, session, rows[:_PAGE]),
        "older": rows[_PAGE - 1].no if len(rows) > _PAGE else None,
        "chosen": None,
        "changes": None,
        "pair": None,
    }
    first, second, no = (_number(ask.query(name)) for name in ("from", "to", "no"))
    if no is not None:
        revision = await queries.revision(session, found.item.id, no)
        values["chosen"] = (await _numbered(ask, session, (revision,)))[0]
        values |= await _content(ask, session, found, revision)
    elif first is not None and second is not None:
        old = await queries.revision(session, found.item.id, min(first, second))
        new = await queries.revision(session, found.item.id, max(first, second))
        named, _ = await library(session, found.house, (old, new))
        values["pair"] = (old, new)
        values["changes"] = reading.changes(ask, old, new, named)
    return values


async def _numbered(
    ask: Ask, session: AsyncSession, revisions: Iterable[Revision]
) -> list[Numbered]:
    rows = list(revisions)
    approvals = await queries.approvals(session, [one.id for one in rows])
    people = await names(
        session,
        {*(one.last_editor for one in rows), *(one.by for one in approvals.values())},
    )
    states = _states(ask)
    found = []
    for one in rows:
        approval = approvals.get(one.id)
        label, tone = states[one.state]
        found.append(
            Numbered(
                revision=one,
                author=people.get(one.last_editor, "—"),
                code=reading.short_code(one),
                state=label,
                tone=tone,
                approval=approval,
                approved_by=people.get(approval.by, "—") if approval else "",
            )
        )
    return found


def _states(ask: Ask) -> Mapping[str, tuple[str, str]]:
    """What the state of one revision is called, and its tone."""
    return {
        "draft": (ask.t("Bản nháp"), "neutral"),
        "review": (ask.t("Chờ duyệt"), "amber"),
        "returned": (ask.t("Bị trả lại"), "amber"),
        "approved": (ask.t("Đã duyệt"), "green"),
        "stopped": (ask.t("Đã dừng"), "neutral"),
        "superseded": (ask.t("Đã có bản mới hơn"), "neutral"),
    }


async def _channels(ask: Ask, session: AsyncSession, found: Dossier) -> dict[str, object]:
    path = f"/posts/{found.item.id}"
    part = await part_of(ask, session, found.item.id, found.tally, path, tab="channels")
    ids = [one.id for one in part.shown]
    steps = await progress.of_item(
        session, ask.hub, found.item.id, staff_id=ask.caller.staff_id, only=ids
    )
    altered = await drifting.altered(session, ask.hub, found.item.id, only=ids)
    return {
        "part": part,
        "words": _troubles(ask, part.shown),
        "steps": {id_: _reached(ask, one) for id_, one in steps.items()},
        "drifted": {id_: reading.drifted(ask, one) for id_, one in altered.items()},
        "compared": {id_: one.compared_at for id_, one in steps.items()},
        "may_repair": {
            one.id
            for one in part.shown
            if one.state == State.LIVE and one.drift and "approver" in ask.caller.roles
        },
    }


def _reached(ask: Ask, one: progress.Progress) -> str:
    """The stages behind it with the second in which each was done; those without are left out."""
    return " · ".join(
        f"{progress.stage_name(stage.name, ask.language)} "
        f"{ask.moments.clock(stage.at, seconds=True)}"
        for stage in one.stages
        if stage.at is not None
    )


def _troubles(ask: Ask, shown: Iterable[Shown]) -> dict[UUID, object]:
    return {
        one.id: problem(one.problem.code, ask.language, channel=one.account.name)
        for one in shown
        if one.problem is not None
    }


async def _comments(ask: Ask, session: AsyncSession, found: Dossier) -> dict[str, object]:
    told = ask.query("before")
    before = _id(told) if told else None
    rows = await comments.remarks(session, found.item.id, limit=_PAGE + 1, before=before)
    return {
        "remarks": rows[:_PAGE],
        "older": rows[_PAGE - 1].id if len(rows) > _PAGE else None,
        "faults": {},
        "typed": "",
    }


async def _log(ask: Ask, session: AsyncSession, found: Dossier) -> dict[str, object]:
    names_of = await tally.names(session, found.item.id)
    outlets = {f"publication:{id_}": name for id_, name in names_of.items()}
    before = _number(ask.query("before"))
    about = (f"item:{found.item.id}", *outlets)
    rows = await story(session, about, limit=_PAGE + 1, before=before)
    people = await names(session, deeds.people(rows))
    return {
        "deeds": [deeds.told(ask, one, people, outlets) for one in rows[:_PAGE]],
        "older": rows[_PAGE - 1].seq if len(rows) > _PAGE else None,
    }


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────


async def stop(ask: Ask) -> Response:
    """Takes an agreed revision back before its first call."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        await fan_out.stop(session, ask.caller, item_id)
    said = ask.t("Đã dừng. Bản này không được đăng ở đâu.")
    return ask.to(f"/posts/{item_id}", said=said)


async def duplicate(ask: Ask) -> Response:
    """A new draft with the same words, by whoever asked for it."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        item = await queries.item(session, item_id, ask.caller.unit_ids)
        newest = (await queries.newest(session, (item,)))[item.id]
        made = await drafting.create(
            session, ask.caller, _copied(item, newest), zone=ZoneInfo(ask.hub.timezone)
        )
    said = ask.t("Đã chép thành tin mới %(code)s.", code=made.code)
    return ask.to(f"/posts/{made.id}/edit", said=said)


async def comment(ask: Ask) -> Response:
    """Adds a remark; goes back to the page on which it was written."""
    item_id = ask.id("item_id")
    back = safe_path(ask.text("back") or f"/posts/{item_id}?tab=comments")
    try:
        async with ask.work() as session:
            await comments.add(session, ask.caller, item_id, ask.text("text"))
    except InvalidError as error:
        async with ask.work() as session:
            found = await dossier(session, ask.caller, item_id)
            values = await _comments(ask, session, found)
        values |= {"faults": ask.faults(error), "typed": ask.text("text")}
        return await _page(ask, found, "comments", values, status=422)
    return ask.to(back, said=Said(text=ask.t("Đã gửi nhận xét.")))


def _copied(item: Item, revision: Revision) -> ItemForm:
    """The words of a revision as a new item's; what belongs to that publication stays behind."""
    told = revision.document
    return ItemForm(
        kind=item.kind,
        title=revision.title,
        summary=revision.summary,
        body=revision.body,
        author=revision.author,
        cover=revision.cover,
        tags=list(revision.tags),
        category=revision.category,
        source_name=revision.source_name,
        source_url=revision.source_url,
        document=DocumentForm.model_validate({name: value for name, value in told.items() if value})
        if told
        else None,
        overrides={
            UUID(account): OverrideForm.model_validate(own)
            for account, own in revision.overrides.items()
        },
    )


def _number(told: str) -> int | None:
    """A number of the address; None for none. Raises NotFoundError: an odd one names nothing."""
    if not told:
        return None
    number = whole_number(told)
    if number is None:
        raise NotFoundError("revision_not_found")
    return number


def _id(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise NotFoundError from None


# ── Live ─────────────────────────────────────────────────────────────────────────────────────────


async def _draw(ask: Ask, key: str) -> str:
    found = await headline(ask, live.key_id(key))
    return ask.drawn("item.html", "headline", found=found)


PAGES: Final[tuple[Page, ...]] = (
    get("/posts/{item_id:uuid}", show),  # an id alone, since `/posts/new` is another page
    post("/posts/{item_id}/stop", stop),
    post("/posts/{item_id}/duplicate", duplicate, roles=("editor",)),
    post("/posts/{item_id}/comments", comment),
)
REGIONS: Final[Mapping[str, Region]] = MappingProxyType(
    {"item": Region(target="headline-{key}", draw=_draw, counts=live.of_item)}
)
