"""Lists in pages: `limit`, an opaque `cursor`, and the cursor of the next page in the answer."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, TypeAlias, TypeVar

from fastapi import Query

from shared.errors import FieldError, InvalidError

Limit: TypeAlias = Annotated[int, Query(ge=1, le=200, description="Most entries in one answer")]
Cursor: TypeAlias = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=500,
        pattern=r"^[A-Za-z0-9_=.:|+-]+$",
        description="`next` of the page before",
    ),
]

_One = TypeVar("_One")
_MOST = 10_000_000


def page(
    entries: Sequence[_One], limit: int, cursor: str | None
) -> tuple[Sequence[_One], str | None]:
    """One page of a short list that is read whole, and the cursor of the next."""
    start = position(cursor)
    following = start + limit
    return entries[start:following], at(following) if following < len(entries) else None


def at(position: int) -> str:
    """A cursor that stands for a position."""
    return urlsafe_b64encode(f"at:{position}".encode()).decode()


def position(cursor: str | None) -> int:
    """The position a cursor stands for, 0 without one. InvalidError for one that is not ours."""
    if cursor is None:
        return 0
    try:
        word, _, number = urlsafe_b64decode(cursor.encode()).decode().partition(":")
        if word == "at" and number.isascii() and number.isdigit() and int(number) <= _MOST:
            return int(number)
    except ValueError:
        pass
    raise unknown_cursor()


def unknown_cursor() -> InvalidError:
    """What a cursor is answered with that no answer of ours has given."""
    detail = "Con trỏ không hợp lệ · Not one of our cursors"
    fault = FieldError(field="cursor", code="cursor_unknown", detail=detail)
    return InvalidError("invalid_request", fields=(fault,))
