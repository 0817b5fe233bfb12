"""Keeps the bytes of media in files that are named by what they hold."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from shared.errors import NotFoundError

EXTENSIONS: Final = ("jpg", "png", "mp4", "pdf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaStore:
    """Files below one folder: `ab/cd/<sha256>.<ext>`. Written once, never changed.

    Its methods touch the disk and block: call them through a thread from async code.
    """

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def pieces(self) -> Path:
        """The folder of what has not arrived whole yet; the bytes of no media stand there."""
        return self._root / "pieces"

    def path(self, sha256: str, ext: str) -> Path:
        """Where the file stands, or would stand.

        Raises NotFoundError for what can be no name of ours: an address may be passed as it came.
        """
        if not _SHA256.fullmatch(sha256) or ext not in EXTENSIONS:
            raise NotFoundError("media_not_found")
        return self._root / sha256[:2] / sha256[2:4] / f"{sha256}.{ext}"

    def put(self, data: bytes, ext: str) -> str:
        """Keeps the bytes and gives their SHA-256; when it returns they survive a power cut.

        Safe to repeat, also at once from several processes.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256, ext)
        if target.exists():
            return sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        draft, name = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
        try:
            with os.fdopen(draft, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            Path(name).rename(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        # The new names, too: of the file, and of the folders that may be new.
        for folder in (target.parent, target.parent.parent, self._root):
            _sync_folder(folder)
        return sha256

    def read(self, sha256: str, ext: str) -> bytes:
        """The bytes; raises NotFoundError."""
        try:
            return self.path(sha256, ext).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError("media_not_found") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
