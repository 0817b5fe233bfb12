"""The composer (S4): one text, seen as every channel will show it, kept while it is written.

Source: console-ux.md section 4, S4. Script saves the form by itself and renews the looks; without
it the same form is sent by its buttons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.channels.outlets import Choice, Outlet, choices, outlets
from services.console import composing, previews
from services.console.ask import Ask, whole_number
from services.console.composing import Filled, Judged
from services.console.guard import Page, get, post
from services.console.previews import Check, Look
from services.content import drafting, imagining, item_templates, presence, queries
from services.content import media as media_room
from services.content.forms import ItemChanges, ItemForm
from services.content.presence import Writer
from services.content.tables import KINDS, Item, Media, Revision
from services.delivery import composing as composing_room
from services.delivery import fan_out, preview
from services.delivery.preview import Fix
from services.staff import agency
from services.storage.columns import new_id
from shared.errors import ConflictError, InvalidError

_MOST_BYTES: Final = 25 * 1024 * 1024  # the words twice, and a picture of 20 MB
_PREVIEW_BYTES: Final = 2 * 1024 * 1024
_LOOKS: Final = 8
_MOMENTS: Final = 4
# Beyond so many accounts a page of their own fields would be all page.
_OWN_SHOWN: Final = 6
_PREPARED: Final = 2
_MODELS: Final = 6
_NAMED: Final = 3
_TEMPLATE: Final = "compose.html"

_LABELS: Final[Mapping[str, str]] = {
    "accounts": "Đăng lên",
    "kind": "Loại tin",
    "title": "Tiêu đề",
    "summary": "Tóm tắt",
    "body": "Nội dung",
    "cover": "Ảnh bìa",
    "picture": "Ảnh bìa",
    "alt": "Mô tả ảnh",
    "category": "Chuyên mục",
    "tags": "Nhãn",
    "number": "Số, ký hiệu",
    "issued_on": "Ngày ban hành",
    "issuer": "Cơ quan ban hành",
    "signer": "Người ký",
    "correction_note": "Nội dung đính chính",
    "source_name": "Tên nguồn",
    "source_url": "Đường dẫn gốc",
    "ai_made": "Nhãn trí tuệ nhân tạo",
    "when": "Thời điểm đăng",
    "publish_at": "Thời điểm đăng",
    "expires_at": "Hạn hiển thị",
    "note": "Lời nhắn cho người duyệt",
}
_OWN_LABELS: Final[Mapping[str, str]] = {
    "title": "Tiêu đề",
    "summary": "Tóm tắt",
    "text": "Nội dung",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The form as its channels would show it, and what is to be said about it.

    While it is `blank` nothing is held against it. `count` of the `chosen` accounts were looked at;
    `more` are those whose look does not stand on the page.
    """

    blank: bool
    chosen: int
    looks: Sequence[Look]
    more: int
    must: Sequence[Check]
    should: Sequence[Check]
    fixes: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An item as it stands in the store, ready to be written on."""

    item: Item
    revision: Revision
    filled: Filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a form is about: which item (None: one that is yet to be made), and since when.

    `base` is the form as it was when it was last known to be stored.
    """

    item_id: UUID | None
    fresh_id: UUID
    version: int
    base: Filled

    def of(self, item: Item, filled: Filled) -> "Step":
        """The same once it has been stored."""
        return Step(item_id=item.id, fresh_id=item.id, version=item.version, base=filled)


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────


async def new(ask: Ask) -> Response:
    """An empty form; the first save makes the item."""
    async with ask.work() as session:
        every = await outlets_of(ask, session)
        first = await first_accounts(session, every, ask.caller.unit_id)
        models = await item_templates.listed(session, ask.caller)
    filled = Filled(
        accounts=tuple(str(one) for one in first),
        when=composing.OTHER if ask.query("at") else composing.NOW,
        publish_at=ask.query("at"),
    )
    step = Step(item_id=None, fresh_id=new_id(), version=0, base=filled)
    return await _page(ask, step, filled, models=models[:_MODELS], every=every)


async def edit(ask: Ask) -> Response:
    """The form of an item, with who else has it open."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        other = await presence.beat(session, ask.caller, item_id, now=ask.now)
        found = await _stored(ask, session, item_id)
    step = Step(item_id=item_id, fresh_id=item_id, version=found.item.version, base=found.filled)
    return await _page(ask, step, found.filled, other=other)


async def create(ask: Ask) -> Response:
    """What the empty form sends."""
    return await _sent(ask, None)


async def save(ask: Ask) -> Response:
    """What the form of an item sends: saved, submitted, compared."""
    return await _sent(ask, ask.id("item_id"))


async def look(ask: Ask) -> Response:
    """What the channels would show of the form as it stands; nothing is stored."""
    item_id = ask.id("item_id") if "item_id" in ask.request.path_params else None
    filled = composing.sent(ask)
    async with ask.work() as session:
        seen = await seen_of(ask, session, item_id, filled)
    at = composing.moment(ask, filled)
    return ask.part(_TEMPLATE, "looked", seen=seen, at=at, filled=filled)


async def here(ask: Ask) -> Response:
    """A page says that it is still open; answers with who else has the item."""
    async with ask.work() as session:
        other = await presence.beat(session, ask.caller, ask.id("item_id"), now=ask.now)
    return ask.part(_TEMPLATE, "presence", other=other, item_id=ask.id("item_id"))


async def leave(ask: Ask) -> Response:
    """A page has closed."""
    async with ask.work() as session:
        await presence.leave(session, ask.caller, ask.id("item_id"))
    return Response(status_code=204)


# ── What was sent ────────────────────────────────────────────────────────────────────────────────


async def _sent(ask: Ask, item_id: UUID | None) -> Response:
    try:
        return await _taken(ask, item_id)
    finally:
        await ask.form.close()  # an empty field for a file is an open file too


async def _taken(ask: Ask, item_id: UUID | None) -> Response:
    do = ask.text("do", "save")
    filled = _merged(ask) if do == "merge" else composing.sent(ask)
    step = step_of(ask, item_id, filled)
    if ask.text("reset"):
        filled = filled.with_flat({ask.text("reset"): ""})
    if do == "take" and item_id is not None:
        async with ask.work() as session:
            await presence.beat(session, ask.caller, item_id, now=ask.now, take=True)
        return await _page(ask, step, filled)
    if do == "preview":
        return await _page(ask, step, filled)
    filled, faults = await with_picture(ask, filled)
    verdict = composing.judged(ask, filled, submitting=do == "submit")
    faults = {**faults, **verdict.faults}
    if faults:
        return await _again(ask, step, filled, faults, auto=do == "autosave")
    return await _keep(ask, step, filled, verdict, do)


async def _keep(ask: Ask, step: Step, filled: Filled, verdict: Judged, do: str) -> Response:
    auto, other = do == "autosave", None
    try:
        async with ask.work() as session:
            if step.item_id is not None:
                other = await presence.beat(session, ask.caller, step.item_id, now=ask.now)
            if auto and other is not None:
                return await _kept(ask, step, filled, "held", other=other, writer=other, status=409)
            item = await keep(ask, session, step, verdict, typing=auto)
    except InvalidError as error:
        return await _again(ask, step, filled, room_faults(ask, error), auto=auto)
    except ConflictError as error:
        if error.code != "stale_version":
            raise
        step = replace(step, item_id=step.item_id or step.fresh_id)
        return await _stale(ask, step, filled, verdict, do)
    step = step.of(item, filled)
    if auto:
        return await _saved(ask, step, filled, verdict, other)
    if do == "submit":
        return await _submit(ask, step, filled, verdict)
    if do == "links":
        return ask.to(f"/posts/{item.id}/links")
    said = ask.t("Đã gộp và lưu bản nháp.") if do == "merge" else ask.t("Đã lưu bản nháp.")
    return ask.to(f"/posts/{item.id}/edit", said=said)


async def keep(
    ask: Ask, session: AsyncSession, step: Step, verdict: Judged, *, typing: bool = False
) -> Item:
    """Stores the form, as a new item or into the one it is about; `typing`: the page did by itself.

    The id of a new item comes with its form, so a form that is sent twice makes one item. Raises
    ConflictError `stale_version`, InvalidError.
    """
    item_id, version = step.item_id, step.version
    if item_id is None:
        item_id = step.fresh_id
        try:
            item = await drafting.create(
                session,
                ask.caller,
                composing.form_of(verdict, ItemForm),
                zone=ask.moments.zone,
                item_id=item_id,
            )
            version = item.version
        except ConflictError as error:
            if error.code != "item_exists":
                raise
            # Sent twice: the second takes the place of the first, while that is still a draft.
            known = await queries.item(session, item_id, ask.caller.unit_ids)
            newest = (await queries.newest(session, (known,)))[item_id]
            own = known.created_by == ask.caller.staff_id and newest.state == "draft"
            version = known.version if own else 0
    return await composing_room.save(
        session,
        ask.caller,
        item_id,
        composing.form_of(verdict, ItemChanges),
        verdict.choices,
        version=version,
        now=ask.now,
        typing=typing,
    )


async def _submit(ask: Ask, step: Step, filled: Filled, verdict: Judged) -> Response:
    assert step.item_id is not None  # noqa: S101  # it has just been stored
    try:
        async with ask.work() as session:
            await fan_out.submit(
                session, ask.hub, ask.caller, step.item_id, verdict.choices.submission()
            )
            await presence.leave(session, ask.caller, step.item_id)
    except InvalidError as error:
        faults = {} if error.code == "blocking_problems" else room_faults(ask, error)
        return await _page(ask, step, filled, faults=faults, refused=True, status=422)
    return ask.to(f"/posts/{step.item_id}", said=submitted_words(ask, filled))


def submitted_words(ask: Ask, filled: Filled) -> str:
    """What the next page tells once a form has gone to an approver."""
    return ask.t("Đã gửi duyệt “%(title)s”.", title=_short(filled.title))


async def _stale(ask: Ask, step: Step, filled: Filled, verdict: Judged, do: str) -> Response:
    """Somebody was faster: both texts and the one before them, to choose from field by field."""
    assert step.item_id is not None  # noqa: S101  # only a stored item can be stale
    async with ask.work() as session:
        found = await _stored(ask, session, step.item_id)
        writer = await presence.last_writer(session, step.item_id)
        every = await outlets_of(ask, session)
        covers = [await cover_of(session, one) for one in (found.filled, filled, step.base)]
    theirs = composing.settled(found.filled, ask.moments)
    mine = composing.settled(filled, ask.moments)
    base = composing.settled(step.base, ask.moments)
    differing = composing.differences(mine, theirs, base)
    if not differing:
        # Sent twice, or both wrote the same: nothing is in dispute.
        return await _same(ask, step.of(found.item, filled), filled, found, verdict, do)
    if do == "autosave":
        return await _kept(ask, step, filled, "stale", writer=writer, status=409)
    return await ask.page(
        "compose_merge.html",
        status=409,
        step=step,
        version=found.item.version,
        mine=mine,
        theirs=theirs,
        base=base,
        differing=differing,
        labels=labels_of(ask, every),
        names={str(one.id): one.name for one in every},
        covers={str(one.id): one for one in covers if one is not None},
        times={
            one.when: at
            for one in (mine, theirs, base)
            if (at := composing.moment(ask, one)) is not None
        },
        kinds=KINDS,
        writer=writer,
    )


async def _same(
    ask: Ask, step: Step, filled: Filled, found: Stored, verdict: Judged, do: str
) -> Response:
    if do == "autosave":
        return await _saved(ask, step, filled, verdict, None)
    if do != "submit":
        return ask.to(f"/posts/{step.item_id}/edit", said=ask.t("Đã lưu bản nháp."))
    if found.revision.state == "review":
        return ask.to(f"/posts/{step.item_id}", said=submitted_words(ask, found.filled))
    return await _submit(ask, step, found.filled, verdict)


def _merged(ask: Ask) -> Filled:
    """The form put together from what was chosen, field by field."""
    mine = _json(ask, "mine")
    sides = {name: _json(ask, name).flat() for name in ("mine", "theirs", "before")}
    picked: dict[str, str] = {}
    for name, side in ask.form.multi_items():
        key = name.removeprefix("pick.")
        if key != name:
            picked[key] = sides.get(str(side), sides["mine"]).get(key, "")
    return mine.with_flat(picked)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────


async def _again(
    ask: Ask, step: Step, filled: Filled, faults: Mapping[str, str], *, auto: bool
) -> Response:
    if auto:
        fault = next(iter(faults.values()))
        return await _kept(ask, step, filled, "waits", fault=fault, status=422)
    return await _page(ask, step, filled, faults=faults, status=422)


async def _saved(
    ask: Ask, step: Step, filled: Filled, verdict: Judged, other: Writer | None
) -> Response:
    assert step.item_id is not None  # noqa: S101  # it has just been stored
    async with ask.work() as session:
        more = await preview.prepare(
            session, ask.hub, step.item_id, verdict.choices.accounts, most=_PREPARED
        )
    return await _kept(ask, step, filled, "saved", other=other, more=more)


async def _kept(
    ask: Ask,
    step: Step,
    filled: Filled,
    tone: str,
    *,
    other: Writer | None = None,
    writer: Writer | None = None,
    fault: str = "",
    more: int = 0,
    status: int = 200,
) -> Response:
    """How saving by itself went, for the page's script.

    `tone`: saved; waits (a fault to mend); held (`other` writes); stale (`writer` was faster).
    """
    cover = None
    if ask.upload("picture") is not None:
        async with ask.work() as session:
            cover = await cover_of(session, filled)
    return ask.part(
        _TEMPLATE,
        "kept",
        status=status,
        step=step,
        tone=tone,
        writer=writer,
        other=other,
        item_id=step.item_id,
        fault=fault,
        more=more,
        cover=cover,
    )


async def _page(
    ask: Ask,
    step: Step,
    filled: Filled,
    *,
    other: Writer | None = None,
    faults: Mapping[str, str] | None = None,
    refused: bool = False,
    models: Sequence[item_templates.Shown] = (),
    every: Sequence[Choice] | None = None,
    status: int = 200,
) -> Response:
    async with ask.work() as session:
        every = await outlets_of(ask, session) if every is None else every
        item = (
            await queries.item(session, step.item_id, ask.caller.unit_ids)
            if step.item_id is not None
            else None
        )
        revision = (await queries.newest(session, (item,)))[item.id] if item else None
        seen = await seen_of(ask, session, step.item_id, filled, every)
        cover = await cover_of(session, filled)
        house = await agency.settings(session)
        offered = await composing_room.free_moments(
            session, ask.caller.unit_ids, now=ask.now, zone=ask.moments.zone, most=_MOMENTS
        )
    at = composing.moment(ask, filled)
    unit_id = item.unit_id if item else ask.caller.unit_id
    own = [one for one in every if one.unit_id == unit_id]
    chosen = set(filled.accounts)
    return await ask.page(
        _TEMPLATE,
        status=status,
        step=step,
        item=item,
        item_id=step.item_id,
        state=revision.state if revision else "draft",
        return_reason=revision.return_reason if revision else None,
        correcting=item is not None and item.released_no is not None,
        filled=filled,
        outlets=own,
        elsewhere=[one for one in every if one.unit_id != unit_id],
        chosen=chosen,
        elsewhere_chosen=any(str(one.id) in chosen for one in every if one.unit_id != unit_id),
        own_shown=_own_shown(filled, [one for one in every if str(one.id) in chosen]),
        categories=_categories(ask, house, every, filled),
        models=models,
        seen=seen,
        cover=cover,
        offered=[(one.isoformat(), one) for one in offered],
        at=at,
        other=other,
        faults=faults or {},
        labels=labels_of(ask, every),
        refused=refused,
        tone="saved" if step.version and filled == step.base else "typed",
        writer=None,
        fault="",
        more=0,
    )


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


async def outlets_of(ask: Ask, session: AsyncSession) -> list[Choice]:
    """The accounts that this writer may choose, those of their own unit first."""
    found = await choices(session, ask.caller.unit_ids)
    return sorted(found, key=lambda one: one.unit_id != ask.caller.unit_id)


async def first_accounts(
    session: AsyncSession, every: Sequence[Choice], unit_id: UUID
) -> list[UUID]:
    """The accounts that a new item of the unit begins with: all, or those the house has chosen."""
    usual = (await agency.settings(session)).accounts
    return [
        one.id for one in every if one.unit_id == unit_id and (usual is None or one.id in usual)
    ]


async def _stored(ask: Ask, session: AsyncSession, item_id: UUID) -> Stored:
    item = await queries.item(session, item_id, ask.caller.unit_ids)
    revision = (await queries.newest(session, (item,)))[item.id]
    first: Sequence[UUID] = ()
    if not revision.accounts:
        found = await choices(session, [item.unit_id])
        first = await first_accounts(session, found, item.unit_id)
    filled = composing.stored(item, revision, ask.moments, ask.now, accounts=first)
    return Stored(item=item, revision=revision, filled=filled)


async def seen_of(
    ask: Ask,
    session: AsyncSession,
    item_id: UUID | None,
    filled: Filled,
    every: Sequence[Choice] | None = None,
) -> Seen:
    """What the form would show; `every` are the accounts to choose among, where they are at hand.

    Of more accounts than a page can wait for a part is looked at.
    """
    item, revision = await imagining.imagined(
        session, ask.caller, composing.typed(ask, filled), item_id=item_id, now=ask.now
    )
    revision.publish_at = composing.moment(ask, filled)
    chosen = {UUID(one) for one in filled.accounts}
    by_id: Mapping[UUID, Outlet] = (
        {one.id: one for one in every if one.id in chosen}
        if every is not None
        else await outlets(session, chosen)
    )
    own = [id_ for id_ in by_id if any(filled.own.get(str(id_), {}).values())]
    looked = previews.looked_at(by_id, own)
    shown = await preview.render_unsaved(
        session, ask.hub, item, revision, looked, unit_ids=ask.caller.unit_ids
    )
    left = max(0, len(by_id) - len(looked))
    drawn = previews.looks(
        ask, shown.renditions, by_id, at=composing.moment(ask, filled) or ask.now
    )
    must, should = previews.checks(shown.renditions, by_id, ask.language)
    return Seen(
        blank=not (filled.title.strip() or filled.summary.strip() or filled.body.strip()),
        looks=drawn[:_LOOKS],
        chosen=len(shown.renditions) + left,
        more=sum(1 + len(one.same) for one in drawn[_LOOKS:]) + left,
        must=must,
        should=should,
        fixes=_fix_words(ask, shown.fixes, by_id),
        count=len(shown.renditions),
    )


async def cover_of(session: AsyncSession, filled: Filled) -> Media | None:
    """The picture that the form has as its cover."""
    try:
        wanted = UUID(filled.cover)
    except ValueError:
        return None
    return (await queries.media(session, [wanted])).get(wanted)


async def with_picture(ask: Ask, filled: Filled) -> tuple[Filled, Mapping[str, str]]:
    """The form with the picture that came with it as its cover, or what is wrong with that."""
    file: UploadFile | None = ask.upload("picture")
    if ask.text("do") == "drop-cover":
        return filled.model_copy(update={"cover": ""}), {}
    if file is None:
        return filled, {}
    data = await file.read()
    try:
        async with ask.work() as session:
            added = await media_room.add(
                session,
                ask.caller,
                ask.hub.media,
                data=data,
                filename=file.filename or "",
                alt=ask.text("alt"),
            )
    except InvalidError as error:
        told = ask.faults(error)
        return filled, {{"file": "picture"}.get(name, name): words for name, words in told.items()}
    return filled.model_copy(update={"cover": str(added.id)}), {}


def room_faults(ask: Ask, error: InvalidError) -> dict[str, str]:
    """What a room found wrong, by the fields of the page."""
    told = ask.faults(error)
    return {
        name.replace("overrides.", "own.") if name.startswith("overrides.") else name: words
        for name, words in told.items()
    } or {"title": ask.refusal(error)}


def step_of(ask: Ask, item_id: UUID | None, filled: Filled) -> Step:
    fresh = ask.ids("fresh_id")
    return Step(
        item_id=item_id,
        fresh_id=item_id or (fresh[0] if fresh else new_id()),
        version=whole_number(ask.text("version")) or 0,
        base=_json(ask, "base") if ask.text("base") else filled,
    )


def _json(ask: Ask, name: str) -> Filled:
    """A form that a page of ours carried along as JSON; a broken one is an empty one."""
    try:
        return Filled.model_validate_json(ask.text(name))
    except ValueError:
        return Filled()


def _own_shown(filled: Filled, chosen: Sequence[Choice]) -> Sequence[Choice]:
    """The accounts whose own fields are on the page."""
    if len(chosen) <= _OWN_SHOWN:
        return chosen
    return [one for one in chosen if any(filled.own.get(str(one.id), {}).values())]


def _categories(
    ask: Ask, house: agency.Agency, every: Sequence[Choice], filled: Filled
) -> list[tuple[str, str]]:
    """What to sort by: the house's list, else what its portals carry too, and what stands now."""
    found = {"": ask.t("Không chọn"), **{one.slug: one.name for one in house.categories}}
    for one in every:
        for slug in () if house.closed_list else one.categories:
            found.setdefault(slug, slug)
    if filled.category:
        found.setdefault(filled.category, filled.category)
    return list(found.items())


def labels_of(ask: Ask, every: Sequence[Choice]) -> dict[str, str]:
    labels = {name: ask.t(label) for name, label in _LABELS.items()}
    for one in every:
        for name, label in _OWN_LABELS.items():
            labels[f"own.{one.id}.{name}"] = f"{one.name}: {ask.t(label)}"
    return labels


def _fix_words(ask: Ask, fixes: Sequence[Fix], known: Mapping[UUID, Outlet]) -> list[str]:
    """What Loa mends by itself, once for each picture and limit."""
    told: dict[tuple[UUID, int], list[Fix]] = {}
    for fix in fixes:
        told.setdefault((fix.media_id, fix.most_bytes), []).append(fix)
    size = ask.moments.size
    words = []
    for group in told.values():
        first = group[0]
        all_ = list(dict.fromkeys(known[one.account_id].name for one in group))
        names = ", ".join(all_[:_NAMED]) + (f" +{len(all_) - _NAMED}" if all_[_NAMED:] else "")
        values = {"size": size(first.from_bytes), "most": size(first.most_bytes), "names": names}
        words.append(
            ask.t("Ảnh %(size)s vượt %(most)s của %(names)s: sẽ tự nén cho vừa.", **values)
            if first.to_bytes is None
            else ask.t(
                "Ảnh %(size)s vượt %(most)s của %(names)s: sẽ tự nén còn %(made)s.",
                made=size(first.to_bytes),
                **values,
            )
        )
    return words


def _short(title: str) -> str:
    return title if len(title) <= 60 else title[:59].rstrip() + "…"


_WRITER: Final = ("editor",)

PAGES: Final[tuple[Page, ...]] = (
    get("/posts/new", new, roles=_WRITER),
    post("/posts/new", create, roles=_WRITER, most_bytes=_MOST_BYTES),
    post("/posts/new/preview", look, roles=_WRITER, most_bytes=_PREVIEW_BYTES),
    get("/posts/{item_id}/edit", edit, roles=_WRITER),
    post("/posts/{item_id}/edit", save, roles=_WRITER, most_bytes=_MOST_BYTES),
    post("/posts/{item_id}/preview", look, roles=_WRITER, most_bytes=_PREVIEW_BYTES),
    post("/posts/{item_id}/here", here, roles=_WRITER),
    post("/posts/{item_id}/leave", leave, roles=_WRITER),
)
