"""What Zalo calls us with: the signature over the raw bytes, and what one event is. Pure.

[zalo-oa-api.md section 8; reliability-security.md R68 to R70]
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from adapters.zalo_oa.client import as_int, as_mapping, as_text
from adapters.zalo_oa.settings import ZaloCredentials
from shared.contract.messages import InboundEvent, SignatureVerdict

SIGNATURE = "x-zevent-signature"

# Zalo repeats an event with its old time for about two hours; the store refuses repeats (R69).
OLDEST = timedelta(hours=24)
AHEAD = timedelta(minutes=5)

_SENT = (
    "text", "image", "link", "audio", "video", "sticker", "gif", "location", "business_card",
    "file", "list",
)  # fmt: skip
_MESSAGES = frozenset(
    f"{who}_{kind}"
    for who in ("user_send", "oa_send", "anonymous_send", "oa_send_anonymous")
    for kind in _SENT
)
KINDS = _MESSAGES | {
    "follow",
    "unfollow",
    "user_received_message",
    "user_seen_message",
    "user_reacted_message",
    "oa_reacted_message",
    "user_click_chatnow",
    "user_submit_info",
    "add_user_to_tag",
    "remove_user_from_tag",
    "remove_tag",
    "update_user_info",
    "user_withdraw",
    "widget_interaction_accepted",
    "widget_failed_to_sync_user_external_id",
}
"""Events that the reference describes; any other one is kept under `unknown`."""


def verify(
    credentials: ZaloCredentials, *, headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureVerdict:
    """Whether the OA's secret signed these very bytes, not too long ago.

    mac = SHA-256(app_id + raw body + timestamp + OA secret key), no HMAC; `app_id` and `timestamp`
    stand in the body (section 8.2). The previous key is accepted beside the present one.
    """
    keys = [
        key.get_secret_value()
        for key in (credentials.oa_secret_key, credentials.oa_secret_key_previous)
    ]
    if not any(keys):
        return "unconfigured"
    claimed = _claimed(headers)
    event = _event(body)
    app_id, timestamp = as_text(event.get("app_id")), as_text(event.get("timestamp"))
    sent_at = _instant(timestamp)
    if not claimed or not app_id or sent_at is None:
        return "bad"
    genuine = False
    for key in keys:
        if key:
            mac = hashlib.sha256(app_id.encode() + body + timestamp.encode() + key.encode())
            genuine |= hmac.compare_digest(mac.hexdigest().encode(), claimed.encode())
    return "ok" if genuine and now - OLDEST <= sent_at <= now + AHEAD else "bad"


def events(body: bytes) -> tuple[InboundEvent, ...]:
    """The one event in a body, or none in the empty object that the console sends as a test.

    A message is known by its own id. Reactions and read marks repeat that id, so those and all
    others are known by the bytes they came in.
    """
    event = _event(body)
    if not event:
        return ()
    name = as_text(event.get("event_name"))
    message_id = as_text(as_mapping(event.get("message")).get("msg_id"))
    by_message = name in _MESSAGES and message_id
    key = f"{name}:{message_id}" if by_message else hashlib.sha256(body).hexdigest()
    return (
        InboundEvent(
            key=key,
            kind=name if name in KINDS else "unknown",
            sent_at=_instant(as_text(event.get("timestamp"))),
        ),
    )


def _claimed(headers: Mapping[str, str]) -> str:
    """The mac of the header, with or without `mac=` and blanks."""
    for name, value in headers.items():
        if name.lower() == SIGNATURE:
            return value.strip().removeprefix("mac=").strip().lower()
    return ""


def _event(body: bytes) -> Mapping[str, object]:
    try:
        return as_mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _instant(timestamp: str) -> datetime | None:
    number = as_int(timestamp)
    if number is None or number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
