"""The smaller forms in which public pages show a picture: which there are, and making one.

Each is made once, when it is first asked for, and only of what an item shows to the public now; it
is a row beside its picture like every form made for a channel, so it is withdrawn with it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content import media as media_room
from services.content.media_store import MediaStore
from services.content.tables import Media
from shared.contract.messages import PictureLimit

_KINDS: Final = ("image/jpeg", "image/png")
# The longest side in points, and as many bytes as a photograph of that size needs. A screen takes
# the first that fills its place: an old phone, a new one, a wide screen with fine points.
WHOLE: Final[Mapping[str, PictureLimit]] = MappingProxyType(
    {
        str(side): PictureLimit(max_side=side, max_bytes=most, mimes=_KINDS)
        for side, most in ((720, 72_000), (1080, 150_000), (1600, 300_000))
    }
)
# What stands beside a line of a list: of one shape, cut around the focal point.
THUMB: Final = "thumb"
SIZES: Final[Mapping[str, PictureLimit]] = MappingProxyType(
    {
        **WHOLE,
        THUMB: PictureLimit(max_side=384, max_bytes=14_000, mimes=_KINDS, ratio=(4, 3)),
    }
)

# The same bytes may have been uploaded twice, by two units or with two focal points.
_COPIES: Final = 20
_SHOWN = text(
    """
    SELECT EXISTS (
      SELECT 1 FROM revision r JOIN item i ON i.id = r.item_id AND i.released_no = r.no
       WHERE (r.cover = :media OR r.media @> ARRAY[CAST(:media AS uuid)])
         AND i.withdrawn_at IS NULL)
    """
)


def steps(media: Media) -> tuple[tuple[str | None, int], ...]:
    """The forms in which a whole picture is shown: name and width, smallest first.

    The last one is the picture itself (no name) where it is small enough to be shown as it is.
    """
    width, height = media.width or 1, media.height or 1
    found: list[tuple[str | None, int]] = []
    for name, limit in WHOLE.items():
        if media_room.fits(media, limit):
            return (*found, (None, width))
        found.append((name, round(width * min(1.0, limit.max_side / max(width, height)))))
        if found[-1][1] == width:
            break  # as large as it is, only lighter
    return tuple(found)


async def made(session: AsyncSession, sha256: str, size: str) -> Media | None:
    """That size of the picture of these bytes, if it was ever made; `size` is one of `SIZES`."""
    names = [(one.id, _made_for(one, size)) for one in await _pictures(session, sha256)]
    found: Media | None = await session.scalar(
        select(Media)
        .where(tuple_(col(Media.made_from), col(Media.made_for)).in_(names))
        .order_by(col(Media.id))
        .limit(1)
    )
    return found


async def shown(session: AsyncSession, sha256: str) -> Media | None:
    """The picture of these bytes that some item shows to the public now; None where none does."""
    for one in await _pictures(session, sha256):
        if (await session.execute(_SHOWN, {"media": one.id})).scalar_one():
            return one
    return None


async def make(session: AsyncSession, store: MediaStore, media: Media, size: str) -> Media:
    """The picture in this size: made, or as it was made before; itself where it is no larger.

    Raises as `media.variant`, and NotFoundError where its bytes are gone.
    """
    return await media_room.variant(
        session, store, media, SIZES[size], made_for=_made_for(media, size), by=media.by
    )


async def _pictures(session: AsyncSession, sha256: str) -> list[Media]:
    rows = await session.scalars(
        select(Media)
        .where(
            col(Media.sha256) == sha256,
            col(Media.kind) == "image",
            col(Media.made_from).is_(None),
        )
        .order_by(col(Media.id))
        .limit(_COPIES)
    )
    return list(rows)


def _made_for(media: Media, size: str) -> str:
    """What a size is remembered by: whoever moves the focal point gets another cut."""
    limit = SIZES[size]
    cut = f"-{media.focal_x}-{media.focal_y}" if limit.ratio else ""
    return f"page-{size}-{limit.max_bytes}{cut}"
