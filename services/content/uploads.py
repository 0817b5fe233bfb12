"""Files that arrive in pieces: what has come stays for a day, so a cut line costs no second start.

Pieces stand beside the store that every web process shares, one file for each upload of a person.
"""

import asyncio
import fcntl
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from services.content.media import VIDEO_BYTES
from services.content.media_store import MediaStore
from shared.errors import InvalidError, NotFoundError

PIECE_BYTES: Final = 2 * 1024 * 1024
KEPT_FOR: Final = timedelta(days=1)
_AT_ONCE: Final = 20
_KEY: Final = re.compile(r"[0-9a-z]{8,64}")


async def arrived(store: MediaStore, staff_id: UUID, key: str) -> int:
    """How many bytes of an upload have come; 0 for one that nobody knows.

    `key` is the sender's own name for the file: 8 to 64 of a-z and 0-9, else NotFoundError.
    """
    return await asyncio.to_thread(_size, _path(store, staff_id, key))


async def append(
    store: MediaStore, staff_id: UUID, key: str, *, offset: int, data: bytes, now: datetime
) -> int:
    """Adds a piece where it belongs and gives how much has come now.

    A piece that begins anywhere else than at the end is left out, so it may be sent twice. Raises
    NotFoundError as `arrived`, and InvalidError `media_too_large` beyond what any file may hold or
    when a person has twenty files half way.
    """
    path = _path(store, staff_id, key)
    return await asyncio.to_thread(_append, path, offset, data, now)


async def whole(store: MediaStore, staff_id: UUID, key: str) -> bytes:
    """Everything that has come of an upload. Raises NotFoundError for one that nobody knows."""
    try:
        return await asyncio.to_thread(_path(store, staff_id, key).read_bytes)
    except FileNotFoundError as error:
        raise NotFoundError("media_not_found") from error


async def forget(store: MediaStore, staff_id: UUID, key: str) -> None:
    """Throws the pieces away; safe to repeat."""
    path = _path(store, staff_id, key)
    await asyncio.to_thread(path.unlink, missing_ok=True)


def _path(store: MediaStore, staff_id: UUID, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise NotFoundError("media_not_found")
    return store.pieces / f"{staff_id}-{key}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _append(path: Path, offset: int, data: bytes, now: datetime) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _sweep(path.parent, now)
        own = path.name[:36]  # the person's id
        if sum(1 for one in path.parent.iterdir() if one.name.startswith(own)) >= _AT_ONCE:
            raise InvalidError("media_too_large")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # Two tries of one piece may meet: the second then finds that it is no longer the next.
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if offset == size and data:
            if size + len(data) > VIDEO_BYTES:
                raise InvalidError("media_too_large")
            size += os.write(handle, data)
        return size
    finally:
        os.close(handle)


def _sweep(folder: Path, now: datetime) -> None:
    """Takes away what nobody has gone on with for a day."""
    before = (now - KEPT_FOR).timestamp()
    for one in folder.iterdir():
        if _changed(one) < before:
            one.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
