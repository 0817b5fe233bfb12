"""What Graph's handlers share: parameters of any encoding, field lists, and a refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from services.sandbox.forms import File


class GraphRefused(Exception):  # no error of ours: what Graph would say
    """An `error` object."""

    def __init__(
        self, code: int, message: str, *, subcode: int | None = None, transient: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.subcode = subcode
        self.transient = transient


@dataclass(slots=True, kw_only=True)
class Parameters:
    """What came in query, form or JSON body. `target` is the object in the path."""

    given: dict[str, object]
    version: str
    files: dict[str, File] = field(default_factory=dict)
    target: str = ""
    by_user: bool = False

    def text(self, name: str) -> str:
        """A parameter as text; a number as its digits; nothing for anything else."""
        value = self.given.get(name)
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""

    def nested(self, name: str) -> object:
        """A parameter that holds JSON, as text or as it is; None when it is no JSON."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            parsed: object = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return parsed

    def yes(self, name: str, *, default: bool) -> bool:
        """A boolean in any of the spellings that clients send (section 9, "booleans")."""
        return truth(self.given.get(name), default=default)

    def whole(self, name: str, *, default: int) -> int:
        """A whole number; code 100 for anything else."""
        if name not in self.given:
            return default
        text = self.text(name)
        if not text.isdecimal():
            raise GraphRefused(100, f"(#100) Param {name} must be an integer")
        return int(text)

    def instant(self, name: str) -> datetime | None:
        """Unix seconds or ISO 8601, aware; None when it is not given."""
        if name not in self.given:
            return None
        text = self.text(name)
        try:
            if text.isdecimal():
                return datetime.fromtimestamp(int(text), tz=UTC)
            told = datetime.fromisoformat(text)
        except (ValueError, OverflowError, OSError):
            raise GraphRefused(100, f"(#100) Param {name} must be a valid date") from None
        return told if told.tzinfo else told.replace(tzinfo=UTC)


Fields = Mapping[str, "Fields | None"]


def truth(value: object, *, default: bool) -> bool:
    """`true`, `1`, `True` and JSON's own true are true."""
    if value is None:
        return default
    return value is True or value == 1 or str(value).lower() in ("true", "1")


@lru_cache(maxsize=512)
def read_fields(text: str) -> Fields:
    """A field list such as `id,attachments{media_type}` as a tree; limits and such are dropped."""
    tree: dict[str, Fields | None] = {}
    depth, start = 0, 0
    for at, letter in enumerate(text + ","):
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
        elif letter == "," and depth == 0:
            name, _, below = text[start:at].strip().partition("{")
            if name:
                tree[name.partition(".")[0]] = (
                    read_fields(below.removesuffix("}")) if below else None
                )
            start = at + 1
    return tree


def narrowed(value: object, fields: Fields | None) -> object:
    """Only the fields that were asked for, down through lists and `data`."""
    if fields is None:
        return value
    if isinstance(value, list):
        return [narrowed(one, fields) for one in value]
    if isinstance(value, Mapping):
        if set(value) <= {"data", "paging"}:
            return {**value, "data": narrowed(value.get("data"), fields)}
        return {
            name: narrowed(value[name], below) for name, below in fields.items() if name in value
        }
    return value


def facebook_time(at: datetime) -> str:
    """`2026-11-21T10:00:00+0000` (section 4)."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+0000"
