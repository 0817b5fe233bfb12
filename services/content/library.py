"""The library of pictures, videos and documents: finding them, where they are used, their words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    and_,
    cast,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.content import media as media_room
from services.content.media_store import MediaStore
from services.content.search import query as words_asked
from services.content.tables import Item, Media, Revision
from services.staff.caller import Caller
from shared.contract.messages import PictureLimit
from shared.errors import FieldError, InvalidError, NotFoundError
from shared.text import clean, one_line

MEDIA_KINDS: Final = ("image", "video", "document")
# What lists and the editor show instead of a photograph of many megabytes.
SMALL: Final = PictureLimit(max_bytes=150_000, max_side=960)
_SMALL_NAME: Final = "console"
_USES_TOLD: Final = 50
# Bytes of another unit's library that an item of these units shows, or once showed, in any form.
_SHOWN = text(
    """
    WITH RECURSIVE same AS (
      SELECT id, made_from FROM media WHERE sha256 = :sha256
       UNION
      SELECT m.id, m.made_from FROM media m JOIN same ON m.id = same.made_from),
    used AS (
      SELECT r.item_id FROM revision r WHERE r.media && (SELECT array_agg(id) FROM same)
       UNION
      SELECT r.item_id FROM revision r WHERE r.cover IN (SELECT id FROM same))
    SELECT EXISTS (SELECT 1 FROM used JOIN item i ON i.id = used.item_id
                    WHERE i.unit_id = ANY(:units))
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An item that shows a file now, with the title of its newest revision."""

    item_id: UUID
    code: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaWords:
    """What people say of a file. The point is in per cent of width and height, from the top left.

    A `decorative` picture needs no description.
    `issued_on` is a day as `YYYY-MM-DD` or empty; it and `number` belong to documents.
    """

    alt: str
    decorative: bool = False
    caption: str = ""
    credit: str = ""
    licence: str = ""
    number: str = ""
    issued_on: str = ""
    focal_x: int = 50
    focal_y: int = 50


async def search(
    session: AsyncSession,
    unit_ids: Collection[UUID],
    *,
    asked: str = "",
    kind: str | None = None,
    limit: int,
    before: UUID | None = None,
) -> tuple[Media, ...]:
    """At most `limit` files of these units, newest first; only those added before `before`.

    Every word asked must occur, whole or as a beginning, with or without its marks, in the
    description, caption, source, licence or number. Forms made for a channel are left out.
    """
    wanted = select(Media).where(col(Media.unit_id).in_(unit_ids), col(Media.made_from).is_(None))
    if kind in MEDIA_KINDS:
        wanted = wanted.where(col(Media.kind) == kind)
    if before is not None:
        wanted = wanted.where(col(Media.id) < before)
    if asked.strip():
        words = words_asked(asked)
        if words is None:
            return ()
        wanted = wanted.where(col(Media.search).op("@@")(cast(cast(words, Text), TSQUERY)))
    rows = await session.scalars(wanted.order_by(col(Media.id).desc()).limit(limit))
    return tuple(rows)


async def one(session: AsyncSession, media_id: UUID, unit_ids: Collection[UUID]) -> Media:
    """One file of these units. Raises NotFoundError."""
    found = await session.get(Media, media_id)
    if found is None or found.unit_id not in unit_ids or found.made_from is not None:
        raise NotFoundError("media_not_found")
    return found


async def whole(session: AsyncSession, sha256: str, unit_ids: Collection[UUID]) -> Media:
    """A file by what it holds, forms made for channels too: of these units, or in items of theirs.

    Withdrawn or not: who works with an item sees what it showed. Raises NotFoundError.
    """
    named = select(Media).where(col(Media.sha256) == sha256)
    own: Media | None = await session.scalar(named.where(col(Media.unit_id).in_(unit_ids)).limit(1))
    if own is not None:
        return own
    other: Media | None = await session.scalar(named.limit(1))
    if other is not None:
        asked = {"sha256": sha256, "units": list(unit_ids)}
        if (await session.execute(_SHOWN, asked)).scalar_one():
            return other
    raise NotFoundError("media_not_found")


async def some(
    session: AsyncSession, media_ids: Collection[UUID], unit_ids: Collection[UUID]
) -> tuple[Media, ...]:
    """These files as far as they are of these units; in no order."""
    rows = await session.scalars(
        select(Media).where(col(Media.id).in_(media_ids), col(Media.unit_id).in_(unit_ids))
    )
    return tuple(rows)


async def use_counts(session: AsyncSession, media_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """In how many items each file stands now, as cover or in the text; those without are left out.

    An item counts with its newest revision and with the one the public sees.
    """
    if not media_ids:
        return {}
    shown = (
        func.unnest(func.array_append(col(Revision.media), col(Revision.cover)))
        .table_valued("id")
        .render_derived()
    )
    rows = await session.execute(
        select(shown.c.id, func.count(func.distinct(col(Item.id)), type_=Integer))
        .select_from(Revision)
        .join(Item, _standing())
        .join(shown, true())
        .where(_shows(media_ids), shown.c.id.in_(media_ids))
        .group_by(shown.c.id)
    )
    return {row[0]: row[1] for row in rows}


async def uses(
    session: AsyncSession, media_id: UUID, unit_ids: Collection[UUID]
) -> tuple[Use, ...]:
    """The items that show this file now, newest first, at most fifty."""
    newest = aliased(Revision)
    rows = await session.execute(
        select(col(Item.id), col(Item.code), col(newest.title))
        .join(
            newest,
            and_(col(newest.item_id) == col(Item.id), col(newest.no) == col(Item.revision_no)),
        )
        .where(
            col(Item.unit_id).in_(unit_ids),
            col(Item.id).in_(
                select(col(Revision.item_id))
                .join(Item, _standing())
                .where(_shows([media_id]))
                .scalar_subquery()
            ),
        )
        .order_by(col(Item.created_at).desc(), col(Item.id).desc())
        .limit(_USES_TOLD)
    )
    return tuple(Use(item_id=row[0], code=row[1], title=row[2]) for row in rows)


async def describe(
    session: AsyncSession, caller: Caller, media_id: UUID, words: MediaWords
) -> Media:
    """Changes what is said of a file, and the point that its crops keep; safe to repeat.

    Items keep the words that they were approved with. Raises NotFoundError, ForbiddenError, and
    InvalidError with the fields `alt`, `focal_x`, `focal_y` and `issued_on`.
    """
    caller.need("editor", "media:write")
    found = await one(session, media_id, caller.unit_ids)
    _check(words, may_be_bare=words.decorative and found.kind == "image")
    before = found.model_copy()
    found.alt = one_line(words.alt)
    found.caption = clean(words.caption).strip()
    found.credit = one_line(words.credit)
    found.licence = one_line(words.licence)
    if found.kind == "document":
        found.number, found.issued_on = one_line(words.number), words.issued_on.strip()
    if found.kind == "image":
        found.focal_x, found.focal_y = words.focal_x, words.focal_y
        found.decorative = words.decorative
    session.add(found)
    await media_room.index(session, found)
    # The forms made for channels are the same picture: they say the same.
    await session.execute(
        update(Media)
        .where(col(Media.made_from) == media_id)
        .values(
            alt=found.alt,
            decorative=found.decorative,
            caption=found.caption,
            credit=found.credit,
            licence=found.licence,
            focal_x=found.focal_x,
            focal_y=found.focal_y,
        )
    )
    await record(
        session,
        caller.actor,
        Act.MEDIA_CHANGED,
        f"media:{found.id}",
        unit=found.unit_id,
        before=before,
        after=found,
    )
    return found


async def small(session: AsyncSession, store: MediaStore, media: Media) -> Media:
    """A picture as a list shows it: made once, then remembered. Raises as `media.variant`."""
    return await media_room.variant(session, store, media, SMALL, made_for=_SMALL_NAME, by=media.by)


async def small_if_made(session: AsyncSession, media: Media) -> Media | None:
    """The same without the work of making it: None where it was not looked at so far."""
    if media_room.fits(media, SMALL):
        return media
    found: Media | None = await session.scalar(
        select(Media).where(col(Media.made_from) == media.id, col(Media.made_for) == _SMALL_NAME)
    )
    return found


def _check(words: MediaWords, *, may_be_bare: bool) -> None:
    faults = []
    if not one_line(words.alt) and not may_be_bare:
        detail = "Cần mô tả cho người không nhìn thấy · Describe it for those who cannot see"
        faults.append(FieldError(field="alt", code="alt_missing", detail=detail))
    for name in ("focal_x", "focal_y"):
        if not 0 <= int(getattr(words, name)) <= 100:
            detail = "Điểm chính là số từ 0 đến 100 · The focal point is a number from 0 to 100"
            faults.append(FieldError(field=name, code="focal_outside", detail=detail))
    if words.issued_on.strip():
        try:
            date.fromisoformat(words.issued_on.strip())
        except ValueError:
            detail = "Ngày này chưa đúng, hãy chọn lại · This is no date; choose it again"
            faults.append(FieldError(field="issued_on", code="date", detail=detail))
    if faults:
        raise InvalidError(faults[0].code, fields=tuple(faults))


def _standing() -> ColumnElement[bool]:
    """A revision that counts: the newest of its item, or the one the public sees."""
    return and_(
        col(Item.id) == col(Revision.item_id),
        or_(
            col(Revision.no) == col(Item.revision_no),
            col(Revision.no) == col(Item.released_no),
        ),
    )


def _shows(media_ids: Sequence[UUID]) -> ColumnElement[bool]:
    return or_(
        col(Revision.media).op("&&")(cast(list(media_ids), ARRAY(Uuid))),
        col(Revision.cover).in_(list(media_ids)),
    )
