"""JSON in the one form that is signed: RFC 8785, for objects of texts, whole numbers and lists."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Plain: TypeAlias = "str | int | bool | Sequence[Plain] | Mapping[str, Plain] | None"


def canonical(value: Plain) -> bytes:
    """The value as UTF-8: keys in order, no blanks, nothing escaped that need not be.

    Keys are ASCII and numbers whole, so Python's own order and writing are those of RFC 8785
    (sections 3.2.2 and 3.2.3).
    """
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def parsed(data: bytes) -> object:
    """What canonical bytes say. Raises ValueError for bytes that are not in that form exactly."""
    try:
        value: object = json.loads(data)
        again = canonical(value)  # type: ignore[arg-type]  # what JSON gives; floats differ below
    except (UnicodeError, RecursionError) as error:
        raise ValueError("not canonical") from error
    if again != data:
        raise ValueError("not canonical")
    return value
