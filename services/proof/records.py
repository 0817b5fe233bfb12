"""Signed records: what one says, how it is signed, and how anybody verifies it without this hub.

A record is canonical JSON (`canonical.py`). Beside it stands its Ed25519 signature in hex, made
over exactly those bytes. The records of an item follow each other: `no` counts from 1, `previous`
is the SHA-256 of the record before. Published item by item in one history, oldest first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from services.proof import wording
from services.proof.canonical import Plain, canonical, parsed
from services.proof.keys import PublicKey, Signer, key_id

TYPE: Final = "loa-record-1"

Event: TypeAlias = Literal["published", "corrected", "withdrawn"]
Fault: TypeAlias = Literal[
    "not_a_record", "not_canonical", "key_unknown", "key_period", "signature", "order", "empty"
]


class Shown(BaseModel):
    """What one channel shows of the revision: hashes of the rendition and of its words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str
    account: str
    rendition_sha256: str
    text_sha256: str


class Record(BaseModel):
    """One statement. Instants are ISO 8601 in UTC with `Z`; hashes are SHA-256 in hex.

    `text_sha256` is of title, summary and body in the form of `wording.digest`. Of a withdrawn item
    `shown` is empty: nothing of it should be seen any more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["loa-record-1"] = TYPE
    agency: str
    unit: str
    code: str
    url: str
    no: int
    previous: str | None
    event: Event
    revision: int
    title: str
    content_sha256: str
    text_sha256: str
    shown: list[Shown]
    ai_made: bool
    note: str
    published_at: str
    at: str
    signed_at: str
    key: str


class Signed(BaseModel):
    """A record with its signature, as it is published."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    record: Record
    signature: str


class _History(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    records: list[Signed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether everything in a file holds. `fault` names what does not, in record number `at`.

    `text` tells whether words that were given are those of the newest record; None: none given.
    """

    records: tuple[Record, ...] = ()
    fault: Fault | None = None
    at: int | None = None
    text: bool | None = None

    @property
    def ok(self) -> bool:
        """Every record is as it was signed, and the words, if given, are its words."""
        return self.fault is None and self.text is not False


def instant(at: datetime) -> str:
    """An instant as records write it, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def body_of(record: Record) -> bytes:
    """The bytes of a record that are signed."""
    return canonical(record.model_dump())


def sign(record: Record, signer: Signer) -> bytes:
    """The 64 bytes of the signature."""
    return signer.private.sign(body_of(record))


def history(signed: Sequence[tuple[str, bytes]]) -> bytes:
    """The public file of an item: stored bodies with their signatures, oldest first, canonical."""
    rows: list[Plain] = [
        {"record": _plain(parsed(body.encode())), "signature": signature.hex()}
        for body, signature in signed
    ]
    return canonical({"records": rows})


def verify(data: bytes, keys: Mapping[str, PublicKey], *, text: str | None = None) -> Verdict:
    """Judges a file: a history, or one record with its signature. Any changed byte is found.

    A history begins with the first record; that its newest is missing only a newer file can tell.

    `keys` by id, as `keys_of` gives them. A line end after the file does not count.
    """
    try:
        value = parsed(data.removesuffix(b"\n").removesuffix(b"\r"))
    except ValueError:
        return Verdict(fault="not_canonical")
    try:
        whole = isinstance(value, Mapping) and "records" in value
        rows = _History.model_validate(value).records if whole else [Signed.model_validate(value)]
    except ValidationError:
        return Verdict(fault="not_a_record")
    if not rows:
        return Verdict(fault="empty")
    before: Record | None = None
    for row in rows:
        fault = _fault(row, keys) or (_out_of_order(row.record, before) if whole else None)
        if fault is not None:
            return Verdict(fault=fault, at=row.record.no)
        before = row.record
    told = None if text is None else _says(rows[-1].record, text)
    return Verdict(records=tuple(row.record for row in rows), text=told)


def keys_of(data: bytes) -> dict[str, PublicKey]:
    """The keys in a saved `loa-keys.json`, by id. Raises ValueError for a file that is none.

    An id is computed from its key, so a key under a false name is refused.
    """
    told = _Keys.model_validate_json(data)  # a ValidationError is a ValueError
    found: dict[str, PublicKey] = {}
    for one in told.keys:
        raw = bytes.fromhex(one.public_hex)
        if len(raw) != 32 or key_id(raw) != one.kid:
            raise ValueError("a key that is not what it is called")
        until = datetime.fromisoformat(one.valid_until) if one.valid_until else None
        since = datetime.fromisoformat(one.valid_from)
        found[one.kid] = PublicKey(id=one.kid, raw=raw, since=since, until=until)
    return found


class _Key(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    kid: str
    public_hex: str
    valid_from: str
    valid_until: str | None = None


class _Keys(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    keys: list[_Key]


def _fault(row: Signed, keys: Mapping[str, PublicKey]) -> Fault | None:
    record = row.record
    key = keys.get(record.key)
    if key is None:
        return "key_unknown"
    try:
        signature = bytes.fromhex(row.signature)
        if signature.hex() != row.signature:
            return "signature"  # the same bytes written otherwise are not what was published
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, body_of(record))
    except (InvalidSignature, ValueError):
        return "signature"
    signed_at = datetime.fromisoformat(record.signed_at)
    if signed_at < key.since or (key.until is not None and signed_at > key.until):
        return "key_period"
    return None


def _out_of_order(record: Record, before: Record | None) -> Fault | None:
    if before is None:
        return None if record.no == 1 and record.previous is None else "order"
    follows = (
        record.code == before.code
        and record.no == before.no + 1
        and record.previous == sha256(body_of(before)).hexdigest()
    )
    return None if follows else "order"


def _says(record: Record, text: str) -> bool:
    told = wording.digest(text)
    return told == record.text_sha256 or any(told == one.text_sha256 for one in record.shown)


def _plain(value: object) -> Plain:
    return value  # type: ignore[return-value]  # what canonical JSON gives is plain
