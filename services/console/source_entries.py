"""One entry of a source: its words as a draft would hold them, and what to do with it (S23)."""

from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.responses import Response

from services.console import differences, reading
from services.console.ask import Ask, Said, safe_path
from services.console.guard import Page, get, post
from services.console.reading import Change
from services.console.sources import entry_chip
from services.content import queries as items
from services.content.tables import Item, Revision
from services.delivery import fan_out
from services.sources import collecting, making, managing, queries, taking
from services.sources import words as source_words
from services.sources.forms import Makes
from services.sources.queries import Entry, Shown
from shared.errors import ConflictError

_WRITER: Final = ("editor",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What the source has changed since its words were taken, against what the item says now."""

    item: Item
    revision: Revision
    changes: tuple[Change, ...]


async def show(ask: Ask) -> Response:
    """The words of an entry as they would stand in a draft, where they are from, and the acts."""
    async with ask.work() as session:
        shown, entry = await queries.entry(session, ask.caller, ask.id("entry_id"))
        upstream = await _upstream(ask, shown, entry)
    told = entry.entry
    whole = making.words_of(shown.source, told, "draft")
    return await ask.page(
        "source_entry.html",
        shown=shown,
        shown_entry=entry,
        state=entry_chip(ask, entry),
        lead=whole.summary,
        body=_body(ask, whole.body),
        warnings=_warnings(ask, entry),
        problem=source_words.problem(told.problem, ask.language) if told.problem else "",
        upstream=upstream,
        copies=collecting.MOST,
        back=safe_path(ask.query("back") or f"/sources/{shown.source.id}"),
        writes="editor" in ask.caller.roles,
    )


async def draft(ask: Ask) -> Response:
    """Makes a draft of an entry and goes to the composer with it."""
    entry_id, told = ask.id("entry_id"), ask.text("makes")
    makes: Makes | None = "bulletin" if told == "bulletin" else "draft" if told == "draft" else None
    files: tuple[collecting.Picture, ...] = ()
    if ask.text("pictures") == "1" and makes != "bulletin":
        async with ask.work() as session:
            await managing.entry_of(session, ask.caller, entry_id)
        files = await collecting.pictures(ask.hub.open_work, ask.hub.guard, entry_id)
    async with ask.work() as session:
        kept = await collecting.added(session, ask.caller, ask.hub.media, files)
        item = await making.draft(
            session,
            ask.caller,
            entry_id,
            zone=ZoneInfo(ask.hub.timezone),
            makes=makes,
            pictures=kept,
        )
    said = ask.t("Đã tạo bản nháp, có ghi nguồn.")
    if files and len(kept) < len(files):
        said = ask.t("Đã tạo bản nháp, có ghi nguồn. Có ảnh không dùng được nên không chép.")
    return ask.to(f"/posts/{item.id}/edit", said=said)


async def dismiss(ask: Ask) -> Response:
    """Puts an entry aside."""
    async with ask.work() as session:
        entry = await managing.dismiss(session, ask.caller, ask.id("entry_id"))
    back = safe_path(ask.text("back") or f"/sources/{entry.source_id}")
    said = Said(text=ask.t("Đã bỏ qua tin này."), undo=f"/sources/entries/{entry.id}/back")
    return ask.to(back, said=said)


async def take_back(ask: Ask) -> Response:
    """Makes a dismissed entry new again."""
    async with ask.work() as session:
        entry = await managing.dismiss(session, ask.caller, ask.id("entry_id"), back=True)
    return ask.to(f"/sources/{entry.source_id}", said=ask.t("Đã lấy lại tin này."))


async def convert(ask: Ask) -> Response:
    """Reads the words of an entry from the old font encoding that they seem to be in."""
    async with ask.work() as session:
        entry = await managing.entry_of(session, ask.caller, ask.id("entry_id"))
        if not entry.legacy:
            raise ConflictError("entry_not_legacy")
        taking.convert(entry)
    return ask.to(
        f"/sources/entries/{entry.id}",
        said=ask.t("Đã chuyển chữ sang Unicode. Hãy đọc lại trước khi tạo bản nháp."),
    )


async def take(ask: Ask) -> Response:
    """Takes the source's new words into the item's draft, or into its next revision."""
    entry_id = ask.id("entry_id")
    async with ask.work() as session:
        shown, entry = await queries.entry(session, ask.caller, entry_id)
        if entry.entry.item_id is None or not entry.edited:
            raise ConflictError("entry_unchanged")
        item = await items.item(session, entry.entry.item_id, ask.caller.unit_ids)
        made = "bulletin" if item.kind == "bulletin" else "draft"
        newest = (await items.newest(session, (item,)))[item.id]
        library = await items.media(session, newest.media)
        words = making.words_of(shown.source, entry.entry, made)
        # The pictures that the item shows are its own by now, and stay.
        body = making.with_pictures(words.body, list(library.values()))
        changes = replace(words, body=body).changes()
        item = await fan_out.edit(session, ask.caller, item.id, changes, version=item.version)
        await making.taken(session, ask.caller, entry_id, item)
    return ask.to(f"/posts/{item.id}/edit", said=ask.t("Đã lấy chữ mới của nguồn vào bản nháp."))


async def keep(ask: Ask) -> Response:
    """Keeps the own words although the source has changed its."""
    entry_id = ask.id("entry_id")
    async with ask.work() as session:
        _, entry = await queries.entry(session, ask.caller, entry_id)
        if entry.entry.item_id is None or not entry.edited:
            raise ConflictError("entry_unchanged")
        item = await items.item(session, entry.entry.item_id, ask.caller.unit_ids)
        await making.taken(session, ask.caller, entry_id, item, kept=True)
    return ask.to(f"/sources/entries/{entry_id}", said=ask.t("Giữ nguyên chữ của bài."))


async def _upstream(ask: Ask, shown: Shown, entry: Entry) -> Upstream | None:
    """How the item's newest words differ from what the source says now; None if they need not."""
    if not entry.edited or entry.entry.item_id is None:
        return None
    async with ask.work() as session:
        item = await items.item(session, entry.entry.item_id, ask.caller.unit_ids)
        revision = (await items.newest(session, (item,)))[item.id]
    made = "bulletin" if item.kind == "bulletin" else "draft"
    now = making.words_of(shown.source, entry.entry, made)
    fields = (
        ("title", ask.t("Tiêu đề"), revision.title, now.title),
        ("summary", ask.t("Tóm tắt"), revision.summary, now.summary),
        ("body", ask.t("Nội dung"), revision.body, now.body),
    )
    found = [
        Change(name=name, label=label, stretches=differences.stretches(old, new))
        if "\n" in old + new
        else Change(name=name, label=label, pieces=differences.words(old, new))
        for name, label, old, new in fields
        if old != new
    ]
    return Upstream(item=item, revision=revision, changes=tuple(found))


def _body(ask: Ask, markdown: str) -> Markup:
    return reading.body_html(ask, markdown, {})


def _warnings(ask: Ask, shown: Entry) -> list[str]:
    """What an editor should know before they use the entry."""
    entry = shown.entry
    told = source_words.warnings(entry.warnings, ask.language, date=entry.date_text)
    empty = [ask.t("Nguồn chỉ có tiêu đề, không có nội dung.")]
    return [*told, *(empty if not entry.html and not entry.summary else ())]


PAGES: Final[tuple[Page, ...]] = (
    get("/sources/entries/{entry_id}", show, roles=managing.ROLES),
    post("/sources/entries/{entry_id}/draft", draft, roles=_WRITER),
    post("/sources/entries/{entry_id}/dismiss", dismiss, roles=managing.ROLES),
    post("/sources/entries/{entry_id}/back", take_back, roles=managing.ROLES),
    post("/sources/entries/{entry_id}/convert", convert, roles=managing.ROLES),
    post("/sources/entries/{entry_id}/take", take, roles=_WRITER),
    post("/sources/entries/{entry_id}/keep", keep, roles=managing.ROLES),
)
