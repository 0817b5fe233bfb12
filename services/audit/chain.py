"""How an entry is turned into the bytes that its hash covers. Pure; a change needs a new version.

Canonical form, version 1 (R64): the fields in a fixed order, each as `<length>:<bytes>`, an absent
one as `-`. So no two different entries share one form, whatever stands in a field.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from uuid import UUID

from pydantic import BaseModel, JsonValue

VERSION = b"loa-audit-1"
START = bytes(32)  # what the first entry points back to; the head starts with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act as it is chained; `details` is already plain (see `plain`)."""

    seq: int
    at: datetime
    actor: str
    act: str
    object: str
    unit: str | None
    before_hash: str | None
    after_hash: str | None
    reason: str | None
    details: Mapping[str, JsonValue]
    session: str | None
    request: str | None
    address: str | None


def entry_hash(entry: Entry, prev_hash: bytes) -> bytes:
    """SHA-256 over the canonical form, which begins with the hash of the entry before."""
    fields: tuple[bytes | str | None, ...] = (
        VERSION,
        prev_hash,
        str(entry.seq),
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.act,
        entry.object,
        entry.unit,
        entry.before_hash,
        entry.after_hash,
        entry.reason,
        canonical_json(entry.details),
        entry.session,
        entry.request,
        entry.address,
    )
    return hashlib.sha256(b"".join(map(_prefixed, fields))).digest()


def state_hash(state: object) -> str | None:
    """The hash of a thing before or after an act, as hex; None for a thing that is not there."""
    if state is None:
        return None
    return hashlib.sha256(canonical_json(plain(state)).encode()).hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no blanks: the same text however a database ordered it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: object) -> JsonValue:
    """The value as JSON that comes back from the database as it went in.

    Fractions become text, because JSONB may write a number in another way than Python does.
    Raises TypeError for what has no plain form: better no act than an act without its record.
    """
    match value:
        case BaseModel():
            return plain(value.model_dump())
        case Enum():
            return plain(value.value)
        case None | bool() | int():
            return value
        case str():
            return sound(value)
        case float():
            return repr(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | UUID():
            return str(value)
        case bytes():
            return value.hex()
        case Mapping():
            return {sound(str(name)): plain(held) for name, held in value.items()}
        case Set():
            return sorted((plain(held) for held in value), key=canonical_json)
        case Sequence():
            return [plain(held) for held in value]
        case _:
            raise TypeError(f"no plain form of {type(value).__name__}")


def sound(text: str) -> str:
    """The text without what PostgreSQL refuses to store: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _prefixed(field: bytes | str | None) -> bytes:
    if field is None:
        return b"-"
    raw = field.encode() if isinstance(field, str) else field
    return b"%d:%b" % (len(raw), raw)
