"""Copies the pictures of an entry into the library: of the own portal, or where a person says so.

No transaction is open while a site answers. A picture that does not come is left out: a draft
without it is still a draft.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import media
from services.content.media_store import MediaStore
from services.content.tables import Media
from services.sources.tables import Source, SourceEntry
from services.staff.caller import Caller
from services.storage.session import Opener
from shared.errors import InvalidError, LoaError
from shared.fetch import WEB, Guard, fetch

MOST: Final = 6
# A person waits for it, and a site that is slow with one picture is slow with all.
_PATIENCE: Final = timedelta(seconds=25)
_REDIRECTS: Final = 3
_STARTS: Final = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that a site gave us, not looked at yet."""

    data: bytes
    ext: str
    alt: str
    credit: str
    licence: str


async def pictures(
    open_work: Opener, guard: Guard, entry_id: UUID, *, own_only: bool = False
) -> tuple[Picture, ...]:
    """The pictures of an entry, at most `MOST`; with `own_only` none of another house's."""
    async with open_work() as session:
        entry = await session.get(SourceEntry, entry_id)
        source = await session.get(Source, entry.source_id) if entry else None
    if entry is None or source is None or (own_only and source.whose != "own"):
        return ()
    found: list[Picture] = []
    allowing = replace(guard, schemes=WEB, redirects=_REDIRECTS)
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            for told in entry.pictures[:MOST]:
                data = await _fetched(told["url"], allowing)
                if data and (ext := _ext(data)):
                    alt = told.get("alt") or f"Ảnh trong tin “{entry.title}”"
                    found.append(
                        Picture(
                            data=data,
                            ext=ext,
                            alt=alt[:500],
                            credit=source.title,
                            licence=source.licence,
                        )
                    )
    except TimeoutError:
        _log.info("source.pictures_slow", entry=str(entry_id), count=len(found))
    return tuple(found)


async def added(
    session: AsyncSession, caller: Caller, store: MediaStore, found: Sequence[Picture]
) -> tuple[Media, ...]:
    """The pictures as files of the caller's library; one that is no sound picture is left out."""
    kept: list[Media] = []
    for number, one in enumerate(found, 1):
        try:
            kept.append(
                await media.add(
                    session,
                    caller,
                    store,
                    data=one.data,
                    filename=f"{number}.{one.ext}",
                    alt=one.alt,
                    credit=one.credit,
                    licence=one.licence,
                )
            )
        except InvalidError as error:
            _log.info("source.picture_refused", code=error.code)
    return tuple(kept)


async def _fetched(url: str, guard: Guard) -> bytes | None:
    try:
        answer = await fetch("GET", url, guard=guard, headers={"accept": "image/*"})
    except LoaError as error:
        _log.info("source.picture_missing", code=error.code)
        return None
    return answer.body if answer.status == 200 else None


def _ext(data: bytes) -> str | None:
    """The extension that the first bytes speak for; what is not kept is left out."""
    for start, ext in _STARTS:
        if data.startswith(start):
            return ext
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
