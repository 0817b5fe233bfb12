"""The library of pictures and files, and the one address at which every upload arrives (S13)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from pydantic import JsonValue
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from services.console.ask import Ask
from services.console.guard import Page, get, post
from services.content import library, uploads
from services.content import media as media_room
from services.content.library import MediaWords, Use
from services.content.tables import Media
from services.staff.names import names
from shared.errors import InvalidError, NotFoundError

# The largest file, and room for the words that come with it.
_MOST_BYTES: Final = media_room.VIDEO_BYTES + 1024 * 1024
_ON_A_PAGE: Final = 24
_TO_PICK: Final = 12
_KNOWN_AT_ONCE: Final = 100
# A description of fewer letters seldom says who does what where.
_SHORT_ALT: Final = 12
_MAKING: Final = asyncio.Lock()
_FIELDS: Final = ("alt", "caption", "credit", "licence", "number", "issued_on")
# What somebody sent us is shown and never run; only this reader's browser may keep it.
_AS_FILE: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=86400",
}
_PIECE_FORM_BYTES: Final = uploads.PIECE_BYTES + 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One file as the grid shows it. `described` is `good`, `short`, `none` or `needless`."""

    media: Media
    described: str
    use_count: int
    issued: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One page of the library, and what was asked for it."""

    cards: tuple[Card, ...]
    asked: str
    kind: str
    first: bool
    older: UUID | None


async def show_library(ask: Ask) -> Response:
    """The grid, searched and in pages; script renews only the grid."""
    return await _library(ask)


async def add(ask: Ask) -> Response:
    """Takes in one file: a small JSON for script that asks for it, a page for everybody else."""
    file, key = ask.upload("file"), ask.text("pieces")
    try:
        if key:
            data = await uploads.whole(ask.hub.media, ask.caller.staff_id, key)
        else:
            data = b"" if file is None else await _read(file)
        if not data:
            return await _not_taken(ask, {"file": ask.t("Hãy chọn tệp trước.")})
        async with ask.work() as session:
            added = await media_room.add(
                session,
                ask.caller,
                ask.hub.media,
                data=data,
                filename=ask.text("filename") if file is None else file.filename or "",
                decorative=ask.text("decorative") == "1",
                **{name: ask.text(name).strip() for name in ("alt", "caption", "credit")},
                licence=ask.text("licence").strip(),
            )
            if added.kind == "image":
                await library.small(session, ask.hub.media, added)
    except InvalidError as error:
        return await _not_taken(ask, ask.faults(error))
    if key:
        await uploads.forget(ask.hub.media, ask.caller.staff_id, key)
    if _wants_json(ask):
        return JSONResponse(_told(ask, added), 201)
    return ask.to(f"/media/{added.id}", said=ask.t("Đã thêm vào kho. Còn nguồn và điểm chính."))


async def arrived(ask: Ask) -> Response:
    """How much of a file has come, for a script that goes on where it stopped."""
    key = str(ask.request.path_params["key"])
    size = await uploads.arrived(ask.hub.media, ask.caller.staff_id, key)
    return JSONResponse({"size": size})


async def piece(ask: Ask) -> Response:
    """Takes in the next piece of a file; tells how much there is now."""
    key, sent = str(ask.request.path_params["key"]), ask.upload("piece")
    try:
        size = await uploads.append(
            ask.hub.media,
            ask.caller.staff_id,
            key,
            offset=_number(ask.text("offset")),
            data=b"" if sent is None else await _read(sent),
            now=ask.now,
        )
    except InvalidError as error:
        return await _not_taken(ask, ask.faults(error) or {"file": ask.refusal(error)})
    return JSONResponse({"size": size})


async def show_one(ask: Ask) -> Response:
    """One file with its words, its point and its uses."""
    return await _one(ask, ask.id("media_id"))


async def change(ask: Ask) -> Response:
    """Keeps what is said of a file, and its point."""
    media_id = ask.id("media_id")
    try:
        words = _words(ask)
        async with ask.work() as session:
            await library.describe(session, ask.caller, media_id, words)
    except InvalidError as error:
        return await _one(ask, media_id, faults=ask.faults(error), status=422)
    return ask.to(f"/media/{media_id}", said=ask.t("Đã lưu thông tin tệp"))


async def pick(ask: Ask) -> Response:
    """What stands in the composer's dialog: search, choose, or send a new file."""
    if not ask.by_script:
        return ask.to("/media")
    shelf = await _shelf(ask, _TO_PICK)
    older = _query(shelf, before=str(shelf.older)) if shelf.older else None
    return ask.part(
        "media_pick.html",
        "pick",
        shelf=shelf,
        choices=[(card, json.dumps(_told(ask, card.media))) for card in shelf.cards],
        older=ask.url("/media/pick") + older if older else None,
        may_add="editor" in ask.caller.roles,
    )


async def known(ask: Ask) -> Response:
    """What the library holds under these ids, for the editor; unknown ids are left out."""
    asked = [one for one in map(_uuid, ask.queries("id")[:_KNOWN_AT_ONCE]) if one is not None]
    async with ask.work() as session:
        found = await library.some(session, asked, ask.caller.unit_ids)
    return JSONResponse({"media": [_told(ask, media) for media in found]})


async def small(ask: Ask) -> Response:
    """The small form of a picture, which is made when it is first looked at.

    Not by its public address: that is gone once every item with it has been withdrawn, and the
    library still holds it.
    """
    async with ask.work() as session:
        media = await library.one(session, ask.id("media_id"), ask.caller.unit_ids)
        found = media if media.kind != "image" else await library.small_if_made(session, media)
    if found is None:
        # One after the other: a page of new pictures must not take every connection there is.
        async with _MAKING, ask.work() as session:
            found = await library.small(session, ask.hub.media, media)
    headers = {"Cache-Control": "private, max-age=86400"}
    if media.kind != "image":
        file = ask.file(f"{found.sha256}.{found.ext}")
        return RedirectResponse(file, 302, headers=headers)
    path = ask.hub.media.path(found.sha256, found.ext)
    return FileResponse(path, media_type=found.mime, headers=headers)


async def full(ask: Ask) -> Response:
    """The bytes of a file as they are kept, or the part of them that a player asks for.

    The public address of the same bytes is gone with the last item that showed them; whoever may
    see the item or the library sees them here.
    """
    digest, ext = str(ask.request.path_params["sha256"]), str(ask.request.path_params["ext"])
    path = ask.hub.media.path(digest, ext)
    async with ask.work() as session:
        media = await library.whole(session, digest, ask.caller.unit_ids)
    if not await asyncio.to_thread(path.is_file):
        raise NotFoundError("media_not_found")
    tag = f'"{digest}"'
    headers = {**_AS_FILE, "ETag": tag}
    if tag in ask.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    # A browser opens no PDF inside a sandbox, so a document is saved instead of shown.
    document = ext == "pdf"
    return FileResponse(
        path,
        media_type=media.mime,
        filename=f"{digest[:12]}.{ext}" if document else None,
        content_disposition_type="attachment" if document else "inline",
        headers=headers,
    )


async def _library(
    ask: Ask, *, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    shelf = await _shelf(ask, _ON_A_PAGE)
    older = _query(shelf, before=str(shelf.older)) if shelf.older else None
    return await ask.page(
        "media.html",
        block="shelf" if faults is None else None,
        status=status,
        shelf=shelf,
        older=ask.url("/media") + older if older else None,
        newest=None if shelf.first else ask.url("/media") + _query(shelf),
        may_add="editor" in ask.caller.roles,
        typed={name: ask.text(name) for name in (*_FIELDS, "decorative")},
        faults=faults or {},
    )


async def _shelf(ask: Ask, count: int) -> Shelf:
    asked, kind, before = ask.query("q"), ask.query("kind"), _uuid(ask.query("before"))
    async with ask.work() as session:
        found = await library.search(
            session, ask.caller.unit_ids, asked=asked, kind=kind, limit=count + 1, before=before
        )
        counts = await library.use_counts(session, [one.id for one in found[:count]])
    cards = tuple(
        Card(
            media=one,
            described=_described(one),
            use_count=counts.get(one.id, 0),
            issued=_issued(ask, one),
        )
        for one in found[:count]
    )
    return Shelf(
        cards=cards,
        asked=asked,
        kind=kind if kind in library.MEDIA_KINDS else "",
        first=before is None,
        older=found[count - 1].id if len(found) > count else None,
    )


async def _one(
    ask: Ask, media_id: UUID, *, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    async with ask.work() as session:
        media = await library.one(session, media_id, ask.caller.unit_ids)
        used: Sequence[Use] = await library.uses(session, media_id, ask.caller.unit_ids)
        by = (await names(session, [media.by])).get(media.by, "")
    fields = (*_FIELDS, "focal_x", "focal_y")
    stands = {name: str(getattr(media, name)) for name in fields}
    stands["decorative"] = "1" if media.decorative else ""
    typed = {name: ask.text(name) for name in (*ask.form, "decorative")}
    filled = stands if faults is None else stands | typed
    return await ask.page(
        "media_one.html",
        status=status,
        media=media,
        by=by,
        used=used,
        filled=filled,
        described=_described(media),
        issued=_issued(ask, media),
        may_change="editor" in ask.caller.roles,
        faults=faults or {},
    )


async def _not_taken(ask: Ask, faults: Mapping[str, str]) -> Response:
    if _wants_json(ask):
        return JSONResponse({"told": " ".join(faults.values()), "faults": dict(faults)}, 422)
    return await _library(ask, faults=faults, status=422)


async def _read(file: UploadFile) -> bytes:
    try:
        return await file.read()
    finally:
        await file.close()


def _words(ask: Ask) -> MediaWords:
    return MediaWords(
        **{name: ask.text(name).strip() for name in _FIELDS},
        decorative=ask.text("decorative") == "1",
        focal_x=_number(ask.text("focal_x", "50")),
        focal_y=_number(ask.text("focal_y", "50")),
    )


def _told(ask: Ask, media: Media) -> dict[str, JsonValue]:
    """A file as the editor and the picker know it."""
    picture = media.kind == "image"
    small_one, file = f"/media/{media.id}/small", f"{media.sha256}.{media.ext}"
    return {
        "id": str(media.id),
        "kind": media.kind,
        "src": ask.url(small_one) if picture else ask.file(file),
        "page": ask.url(f"/media/{media.id}"),
        "alt": media.alt,
        "caption": media.caption,
        "decorative": media.decorative,
        "width": media.width,
        "height": media.height,
        "size": ask.moments.size(media.size_bytes),
    }


def _described(media: Media) -> str:
    if media.decorative:
        return "needless"
    return "none" if not media.alt else "short" if len(media.alt) < _SHORT_ALT else "good"


def _issued(ask: Ask, media: Media) -> str:
    """The day printed on a document, as the reader says days."""
    try:
        day = datetime.fromisoformat(media.issued_on)
    except ValueError:
        return ""
    return ask.moments.day(day.replace(tzinfo=ask.moments.zone))


def _query(shelf: Shelf, **more: str) -> str:
    given = {"q": shelf.asked, "kind": shelf.kind, **more}
    told = {name: value for name, value in given.items() if value}
    return f"?{urlencode(told)}" if told else ""


def _wants_json(ask: Ask) -> bool:
    return "application/json" in ask.request.headers.get("accept", "")


def _number(told: str) -> int:
    """A whole number; what is none is one that no room takes."""
    try:
        return round(float(told))
    except (ValueError, OverflowError):
        return -1


def _uuid(told: str) -> UUID | None:
    try:
        return UUID(told)
    except ValueError:
        return None


PAGES: Final[tuple[Page, ...]] = (
    get("/media", show_library),
    post("/media", add, roles=("editor",), most_bytes=_MOST_BYTES),
    get("/media/pick", pick),
    get("/media/known", known),
    get("/media/pieces/{key}", arrived, roles=("editor",)),
    post("/media/pieces/{key}", piece, roles=("editor",), most_bytes=_PIECE_FORM_BYTES),
    get("/media/full/{sha256}.{ext}", full),
    get("/media/{media_id:uuid}", show_one),
    post("/media/{media_id:uuid}", change, roles=("editor",)),
    get("/media/{media_id:uuid}/small", small),
)
