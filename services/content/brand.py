"""The agency's mark: taken in, kept, drawn onto pictures for the channels, shown on every page."""

import asyncio
from typing import Final

from services.content import pictures
from services.content.media_store import MediaStore
from services.content.picture_worker import Task
from services.staff.agency import Logo
from shared.errors import FieldError, InvalidError

LOGO_BYTES: Final = 2 * 1024 * 1024
_LONGEST_SIDE: Final = 2_000
_SHORTEST_SIDE: Final = 64
# The place at the head of a page is 112 points wide and 40 high; fine screens have three for each.
_HEAD_WIDTH: Final = 3 * 112
_HEAD_HEIGHT: Final = 3 * 40

_WORDS: Final = {
    "logo_too_large": "Ảnh logo tối đa 2 MB, mỗi cạnh tối đa 2.000 điểm"
    " · At most 2 MB and 2,000 pixels per side",
    "logo_too_small": "Ảnh logo cần ít nhất 64 điểm mỗi cạnh · At least 64 pixels per side",
    "logo_unreadable": "Không đọc được ảnh; hãy dùng PNG (nền trong) hoặc JPEG"
    " · Not readable; use PNG (transparent ground) or JPEG",
}


async def keep(store: MediaStore, data: bytes) -> Logo:
    """Keeps a picture as the agency's mark; its rights are checked where the setting is changed.

    Raises InvalidError with the field `logo`.
    """
    if len(data) > LOGO_BYTES:
        raise _refusal("logo_too_large")
    try:
        made = await pictures.made_anew(data, Task())
    except InvalidError as error:
        raise _refusal("logo_unreadable") from error
    if max(made.width, made.height) > _LONGEST_SIDE:
        raise _refusal("logo_too_large")
    if min(made.width, made.height) < _SHORTEST_SIDE:
        raise _refusal("logo_too_small")
    sha256 = await asyncio.to_thread(store.put, made.data, made.ext)
    return Logo.model_validate(
        {"sha256": sha256, "ext": made.ext, "width": made.width, "height": made.height}
    )


def name(logo: Logo) -> str:
    """The file in which the head of a page shows the mark: as it is where it is small, else less.

    The smaller form is made by `for_head`, for whoever is asked for that name.
    """
    small = "" if _head_side(logo) >= max(logo.width, logo.height) else "-mark"
    return f"{logo.sha256}{small}.{logo.ext}"


async def for_head(store: MediaStore, logo: Logo) -> pictures.NewPicture:
    """The mark in the size for the head of a page, transparent where it is. Keeps nothing.

    Raises NotFoundError where its bytes are gone, InvalidError as `pictures.made_anew`.
    """
    data = await asyncio.to_thread(store.read, logo.sha256, logo.ext)
    return await pictures.made_anew(data, Task(max_side=_head_side(logo)))


def _head_side(logo: Logo) -> int:
    """The longest side of the mark where it fills its place, which may be more than it has."""
    share = min(_HEAD_WIDTH / logo.width, _HEAD_HEIGHT / logo.height)
    return max(1, round(max(logo.width, logo.height) * share))


def _refusal(code: str) -> InvalidError:
    return InvalidError(code, fields=(FieldError(field="logo", code=code, detail=_WORDS[code]),))
