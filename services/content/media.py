"""Takes in pictures, videos and documents, and makes pictures in the forms that channels hold.

What is allowed is told by content and extension together (R104); a picture is always made anew, so
that nothing but its pixels is kept (R105). Only the hash of the original file stays.
"""

import asyncio
import hashlib
import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.content import pictures, search
from services.content.media_store import MediaStore
from services.content.picture_worker import Task
from services.content.tables import Media
from services.staff.agency import Logo
from services.staff.caller import Caller
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract.messages import PictureLimit
from shared.errors import FieldError, InvalidError
from shared.text import clean, one_line

PICTURE_BYTES: Final = 20 * 1024 * 1024
VIDEO_BYTES: Final = 50 * 1024 * 1024
DOCUMENT_BYTES: Final = 20 * 1024 * 1024
_PIXELS_OVER: Final = 2

# Extension → what the content must then be.
_FORMATS: Final = {
    "jpg": "jpg",
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "mp4": "mp4",
    "m4v": "mp4",
    "pdf": "pdf",
}
# Major brands of MP4 files (https://mp4ra.org/registered-types/brands, read 2026-11); not `qt  `.
_MP4_BRANDS: Final = frozenset(
    b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 avc1 dash MSNV".split()
) | {b"M4V ", b"M4VH", b"M4VP"}
# What makes a PDF more than paper: programs and files inside it (R106).
_LIVELY_PDF: Final = (b"/JavaScript", b"/Launch", b"/EmbeddedFile")

_WORDS: Final = {
    "media_type": "Chỉ nhận JPEG, PNG, WebP, MP4, PDF · Only JPEG, PNG, WebP, MP4 and PDF",
    "media_type_mismatch": "Nội dung tệp không đúng với phần mở rộng"
    " · The file is not what its extension says",
    "media_too_large": "Tệp quá lớn (ảnh, PDF ≤ 20 MB; video ≤ 50 MB)"
    " · Too large (pictures and PDF ≤ 20 MB, videos ≤ 50 MB)",
    "video_unreadable": "Tệp video hỏng hoặc tải lên chưa trọn · Broken or incomplete video",
    "document_unreadable": "Tệp PDF hỏng hoặc tải lên chưa trọn · Broken or incomplete PDF",
    "document_lively": "PDF có chứa chương trình hoặc tệp đính kèm, hãy xuất lại PDF phẳng"
    " · The PDF holds programs or attachments; export it anew as plain pages",
    "picture_unreadable": "Không đọc được ảnh, hãy lưu lại ảnh rồi tải lên"
    " · The picture cannot be read; save it anew and try again",
    "picture_too_large": "Ảnh quá lớn (≤ 40 megapixel, mỗi cạnh ≤ 12.000)"
    " · Too large (≤ 40 megapixels, ≤ 12,000 per side)",
    "picture_too_many_frames": "Ảnh động quá dài (≤ 100 khung hình) · Too many frames (≤ 100)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A file that was found good, in the form in which it is kept."""

    kind: str
    mime: str
    ext: str
    data: bytes
    width: int | None = None
    height: int | None = None


async def add(
    session: AsyncSession,
    caller: Caller,
    store: MediaStore,
    *,
    data: bytes,
    filename: str,
    alt: str,
    decorative: bool = False,
    caption: str = "",
    credit: str = "",
    licence: str = "",
    number: str = "",
    issued_on: str = "",
) -> Media:
    """Checks a file and adds it to the unit's library.

    A moving picture becomes its first frame. Only a `decorative` picture may stand without
    description. `issued_on` is a day as `YYYY-MM-DD`; like `number` it
    is a document's own, printed on it. Raises ForbiddenError, and InvalidError with the field
    (`alt` or `file`) and its code: `alt_missing` and those in `_WORDS`.
    """
    caller.need("editor", "media:write")
    told = one_line(alt)
    if not told and not decorative:
        raise _undescribed()
    taken = await _taken(data, filename)
    decorative = decorative and taken.kind == "image"
    if not told and not decorative:
        raise _undescribed()
    media = Media(
        unit_id=caller.unit_id,
        kind=taken.kind,
        mime=taken.mime,
        ext=taken.ext,
        sha256=await asyncio.to_thread(store.put, taken.data, taken.ext),
        original_sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(taken.data),
        width=taken.width,
        height=taken.height,
        alt=told,
        decorative=decorative,
        caption=clean(caption).strip(),
        credit=one_line(credit),
        licence=one_line(licence),
        number=one_line(number),
        issued_on=issued_on,
        by=caller.staff_id,
    )
    session.add(media)
    await index(session, media)
    await record(
        session,
        caller.actor,
        Act.MEDIA_ADDED,
        f"media:{media.id}",
        unit=media.unit_id,
        after=media,
        details={"kind": media.kind, "sha256": media.sha256, "size_bytes": media.size_bytes},
    )
    return media


async def index(session: AsyncSession, media: Media) -> None:
    """Makes a file findable by what is said of it now; safe to repeat."""
    await session.flush()
    await session.execute(
        update(Media)
        .where(col(Media.id) == media.id)
        .values(search=search.media_vector(media))
        .execution_options(synchronize_session=False)
    )


def fits(media: Media, limit: PictureLimit) -> bool:
    """Whether the picture may go out within these limits as it is."""
    return (
        media.mime in limit.mimes
        and media.size_bytes <= limit.max_bytes
        and max(media.width or 0, media.height or 0) <= limit.max_side
        and (limit.ratio is None or _is_shaped(media, limit.ratio))
    )


def _is_shaped(media: Media, ratio: tuple[int, int]) -> bool:
    """Whether cutting to this shape would take away less than two pixels."""
    width, height = media.width or 1, media.height or 1
    wide, high = height * ratio[0] / ratio[1], width * ratio[1] / ratio[0]
    return width - wide < _PIXELS_OVER and height - high < _PIXELS_OVER


async def variant(
    session: AsyncSession,
    store: MediaStore,
    media: Media,
    limit: PictureLimit,
    *,
    made_for: str,
    by: UUID,
    mark: Logo | None = None,
) -> Media:
    """The picture as a channel holds it: itself if it fits, else a JPEG within the limits.

    With a `mark` that is always a new picture, with the mark at its lower right; where the limits
    have a shape it is cut to it around its focal point. Made once for each `made_for` and then
    remembered; safe to ask for at once from many sides.
    Raises InvalidError if no picture of that size comes out, ValueError for what is no picture.
    """
    if media.kind != "image" or media.width is None or media.height is None:
        raise ValueError(f"media {media.id} is no picture")
    if mark is None and fits(media, limit):
        return media
    remembered = await _made_from(session, media.id, made_for)
    if remembered is not None:
        return remembered
    data = await asyncio.to_thread(store.read, media.sha256, media.ext)
    drawn = await asyncio.to_thread(store.read, mark.sha256, mark.ext) if mark else b""
    ratio = limit.ratio or (0, 0)
    task = Task(
        max_bytes=limit.max_bytes,
        max_side=limit.max_side,
        mark_bytes=len(drawn),
        ratio_width=ratio[0],
        ratio_height=ratio[1],
        focal_x=media.focal_x,
        focal_y=media.focal_y,
    )
    made = await _made_anew(drawn + data, task)
    row = Media(
        id=new_id(),
        unit_id=media.unit_id,
        kind="image",
        mime=made.mime,
        ext=made.ext,
        sha256=await asyncio.to_thread(store.put, made.data, made.ext),
        original_sha256=media.original_sha256,
        size_bytes=len(made.data),
        width=made.width,
        height=made.height,
        alt=media.alt,
        decorative=media.decorative,
        caption=media.caption,
        credit=media.credit,
        focal_x=media.focal_x,
        focal_y=media.focal_y,
        licence=media.licence,
        made_from=media.id,
        made_for=made_for,
        by=by,
        at=utc_now(),
    )
    await session.execute(insert(Media).values(row.model_dump()).on_conflict_do_nothing())
    kept = await _made_from(session, media.id, made_for)
    # Another transaction may have been faster; then ours sees its row, as it waited for its commit.
    return kept if kept is not None else row


async def _made_from(session: AsyncSession, media_id: UUID, made_for: str) -> Media | None:
    found: Media | None = await session.scalar(
        select(Media).where(col(Media.made_from) == media_id, col(Media.made_for) == made_for)
    )
    return found


async def _taken(data: bytes, filename: str) -> _Taken:
    """The file in the form in which it is kept; raises InvalidError."""
    expected = _FORMATS.get(filename.rpartition(".")[2].lower())
    if expected is None:
        raise _refusal("media_type")
    if expected == "mp4":
        _check_video(data)
        return _Taken(kind="video", mime="video/mp4", ext="mp4", data=data)
    if expected == "pdf":
        _check_document(data)
        return _Taken(kind="document", mime="application/pdf", ext="pdf", data=data)
    if len(data) > PICTURE_BYTES:
        raise _refusal("media_too_large")
    made = await _made_anew(data, Task())
    if made.source != expected:
        raise _refusal("media_type_mismatch")
    return _Taken(
        kind="image",
        mime=made.mime,
        ext=made.ext,
        data=made.data,
        width=made.width,
        height=made.height,
    )


async def _made_anew(data: bytes, task: Task) -> pictures.NewPicture:
    try:
        return await pictures.made_anew(data, task)
    except InvalidError as error:
        raise _refusal(error.code) from error


def _check_video(data: bytes) -> None:
    """Walks the boxes of an MP4 (ISO/IEC 14496-12 section 4.2) from the first byte to the last.

    So what is cut off, or goes on behind the video, is refused.
    """
    if len(data) > VIDEO_BYTES:
        raise _refusal("media_too_large")
    if data[4:8] != b"ftyp" or data[8:12] not in _MP4_BRANDS:
        raise _refusal("media_type_mismatch")
    at, kinds = 0, set()
    while at < len(data):
        if at + 8 > len(data):
            raise _refusal("video_unreadable")
        size, kind = struct.unpack_from(">I4s", data, at)
        least = 8
        if size == 1 and at + 16 <= len(data):
            (size,), least = struct.unpack_from(">Q", data, at + 8), 16
        elif size == 0:
            size = len(data) - at
        if size < least or at + size > len(data):
            raise _refusal("video_unreadable")
        kinds.add(kind)
        at += size
    if not {b"moov", b"mdat"} <= kinds:
        raise _refusal("video_unreadable")


def _check_document(data: bytes) -> None:
    if len(data) > DOCUMENT_BYTES:
        raise _refusal("media_too_large")
    if not data.startswith(b"%PDF-"):
        raise _refusal("media_type_mismatch")
    if b"%%EOF" not in data[-1024:]:
        raise _refusal("document_unreadable")
    if any(mark in data for mark in _LIVELY_PDF):
        raise _refusal("document_lively")


def _undescribed() -> InvalidError:
    detail = "Cần mô tả ảnh cho người không nhìn thấy · Describe it for those who cannot see"
    return InvalidError(
        "alt_missing", fields=(FieldError(field="alt", code="alt_missing", detail=detail),)
    )


def _refusal(code: str) -> InvalidError:
    fault = FieldError(field="file", code=code, detail=_WORDS[code])
    return InvalidError(code, fields=(fault,))
