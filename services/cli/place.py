"""The data folder of an embedded hub: its key, and what the last `loa up` told about itself.

`up.json` says under which address the hub is reached, whether it holds sample data, and where the
adapters call, so that a command in another terminal speaks of the same hub. `up.lock` is held as
long as a `loa up` lives, however it ends.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import ConflictError, LoaError

KEY_FILE: Final = "secret-key"
_NOTE: Final = "up.json"
_LOCK: Final = "up.lock"


class PlaceError(LoaError):
    """The data folder cannot be used; `folder` and `reason` say which one and why."""

    default_code = "data_folder"


class Note(BaseModel):
    """What one `loa up` leaves for the commands beside it, and for the next one."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    public_url: str
    demo: bool = False
    ledger_url: str | None = None
    adapters: dict[str, str] = {}


def prepare(folder: Path) -> Path:
    """The folder as an absolute path, made if it is missing. Raises PlaceError."""
    place = folder.expanduser().absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlaceError("data_folder", folder=place, reason=error.strerror) from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise PlaceError("data_folder", folder=place, reason="no right to write")
    return place


def key(place: Path) -> bytes:
    """The key of this folder, made at the first call; readable by its owner alone."""
    file = place / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return file.read_bytes().strip()
    draft = place / f".{KEY_FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as made:
        made.write(secrets.token_urlsafe(48).encode())
        made.flush()
        os.fsync(made.fileno())
    try:
        # A link, not a rename: whoever comes second finds the first one's key in its place.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_bytes().strip()


def has_key(place: Path) -> bool:
    """Whether the folder has its key already."""
    return (place / KEY_FILE).exists()


def note(place: Path) -> Note | None:
    """What the last `loa up` of this folder told; None if there was none."""
    try:
        return Note.model_validate_json((place / _NOTE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def leave(place: Path, told: Note) -> None:
    """Keeps what this `loa up` tells, in one step."""
    draft = place / f".{_NOTE}.{os.getpid()}"
    draft.write_text(told.model_dump_json(indent=2))
    draft.replace(place / _NOTE)


@contextmanager
def held(place: Path) -> Iterator[None]:
    """Holds the folder for one `loa up`; raises ConflictError `already_running`."""
    with (place / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            before = note(place)
            address = before.public_url if before else ""
            raise ConflictError("already_running", folder=place, address=address) from error
        yield
