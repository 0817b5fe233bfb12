"""What Facebook calls us with: the set-up handshake, the signature, and the events of a body.

Source: facebook-pages-api.md section 7; reliability-security.md R68 to R71.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from shared.contract.messages import InboundEvent, SignatureVerdict

_CHALLENGE = re.compile(r"[0-9]{1,32}")
_ITEMS = {
    "comment": "comment",
    "reaction": "reaction",
    "like": "reaction",
    **dict.fromkeys(("status", "photo", "video", "share", "post", "album", "link"), "post"),
}
_IDS = ("comment_id", "post_id", "photo_id", "video_id", "share_id", "parent_id", "reaction_type")


def handshake(verify_token: str, query: Mapping[str, str]) -> str | None:
    """The bare challenge when the caller knows our word, else None.

    Only a short run of digits is echoed, so the answer can never carry foreign markup.
    """
    told = query.get("hub.verify_token", "")
    challenge = query.get("hub.challenge", "")
    known = bool(verify_token) and hmac.compare_digest(told.encode(), verify_token.encode())
    if query.get("hub.mode") != "subscribe" or not known or not _CHALLENGE.fullmatch(challenge):
        return None
    return challenge


def verify(app_secret: str, headers: Mapping[str, str], body: bytes) -> SignatureVerdict:
    """Whether `X-Hub-Signature-256` fits the raw bytes; the SHA-1 header is not looked at."""
    if not app_secret:
        return "unconfigured"
    told = next((v for k, v in headers.items() if k.lower() == "x-hub-signature-256"), "")
    right = "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    return "ok" if hmac.compare_digest(told.encode(), right.encode()) else "bad"


def events(body: bytes) -> tuple[InboundEvent, ...]:
    """What a verified body holds, each with a key that a repeated delivery has as well.

    Kinds: `comment`, `post`, `reaction` (each with `own_` in front when the Page itself acted),
    `mention`, `message`, `echo` (a message of ours) and `unknown`. Facebook gives no event id, so
    the key is drawn from what the event says (section 7.3).
    """
    try:
        told: object = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    entries = _list(told, "entry")
    found = [event for entry in entries for event in _of_entry(entry)]
    if not found:
        return (InboundEvent(key=_hash(body), kind="unknown", sent_at=None),)
    return tuple(found)


def _of_entry(entry: Mapping[str, object]) -> Iterator[InboundEvent]:
    page_id = str(entry.get("id") or "")
    for change in _list(entry, "changes"):
        yield _change(change, page_id, entry.get("time"))
    for message in _list(entry, "messaging"):
        yield _message(message, page_id)


def _change(change: Mapping[str, object], page_id: str, sent: object) -> InboundEvent:
    field, told = str(change.get("field") or ""), change.get("value")
    value: Mapping[str, object] = told if isinstance(told, Mapping) else {}
    item = str(value.get("item") or "")
    kind = "mention" if field == "mention" else _ITEMS.get(item, "unknown")
    if kind in ("comment", "post", "reaction") and _author(value) == page_id:
        kind = f"own_{kind}"
    # Ids come as numbers in old payloads (section 7.4); as text both give the same key.
    named = [str(value.get(name) or "") for name in _IDS]
    rest = _hash(json.dumps(value.get("message"), ensure_ascii=True).encode())
    what = [page_id, field, item, str(value.get("verb") or ""), _author(value), *named]
    if kind == "unknown":
        rest = _hash(json.dumps(change, ensure_ascii=True, sort_keys=True).encode())
    key = "|".join([*what, str(value.get("created_time") or ""), rest])
    at = value.get("created_time") or sent
    return InboundEvent(key=_hash(key.encode()), kind=kind, sent_at=_instant(at))


def _message(event: Mapping[str, object], page_id: str) -> InboundEvent:
    told = event.get("message")
    message: Mapping[str, object] = told if isinstance(told, Mapping) else {}
    mid = message.get("mid")
    at = _instant(event.get("timestamp"), per_second=1000)
    if not isinstance(mid, str) or not mid:
        whole = json.dumps(event, ensure_ascii=True, sort_keys=True)
        return InboundEvent(key=_hash((page_id + whole).encode()), kind="unknown", sent_at=at)
    kind = "echo" if message.get("is_echo") is True else "message"
    return InboundEvent(key=_hash(f"{page_id}|{mid}".encode()), kind=kind, sent_at=at)


def _author(value: Mapping[str, object]) -> str:
    author = value.get("from")
    if isinstance(author, Mapping):
        return str(author.get("id") or "")
    return str(value.get("sender_id") or "")


def _list(told: object, name: str) -> Iterator[Mapping[str, object]]:
    inner = told.get(name) if isinstance(told, Mapping) else None
    return (one for one in (inner if isinstance(inner, list) else ()) if isinstance(one, Mapping))


def _instant(value: object, *, per_second: int = 1) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(str(value)) / per_second, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
