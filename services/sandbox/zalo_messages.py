"""Messages of a simulated OA: broadcasts of articles, and words to one citizen.

Wire facts: zalo-oa-api.md sections 5, 6 and 7.3. A citizen is known once an event of theirs was
sent by `/admin/webhook`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from services.sandbox import naming
from services.sandbox.official_account import OfficialAccount
from services.sandbox.wire import Call
from services.sandbox.zalo_envelope import (
    Refused,
    as_list,
    as_map,
    as_text,
    data_parameter,
    json_body,
)

_VIET_NAM = timezone(timedelta(hours=7))
_STATE_AGENCY = 4
_MOST_CHARS = 2000
_MOST_ELEMENTS = 5
_MOST_CHATS = 10
_UPLOAD_LIFE = timedelta(days=7)
_WINDOW = timedelta(days=7)
_MORNING, _NIGHT = 6, 22


async def second_version(call: Call, oa: OfficialAccount) -> object:
    """A broadcast to followers, or words to one citizen where v2 still takes them."""
    body = json_body(call)
    recipient = as_map(body.get("recipient"))
    if "target" in recipient:
        return _broadcast(call, oa, as_map(recipient["target"]), as_map(body.get("message")))
    if oa.traits.oa_type != _STATE_AGENCY:
        raise Refused(-240, "This API is closed, please switch to MessageV3")
    return _to_one(call, oa, recipient, as_map(body.get("message")))


async def customer_care(call: Call, oa: OfficialAccount) -> object:
    """Words to one citizen, for OAs that are no state agency (section 6.1)."""
    if oa.traits.oa_type == _STATE_AGENCY:
        raise Refused(-235, "API does not support this type of OA")
    body = json_body(call)
    return _to_one(call, oa, as_map(body.get("recipient")), as_map(body.get("message")))


async def promotion(call: Call, oa: OfficialAccount) -> object:
    """A promotion to one citizen; not for state agencies, not at night."""
    if oa.traits.oa_type == _STATE_AGENCY:
        raise Refused(-233, "Message type is not supported")
    _by_day(call.world.now())
    body = json_body(call)
    return _to_one(call, oa, as_map(body.get("recipient")), as_map(body.get("message")))


async def recent_chats(call: Call, oa: OfficialAccount) -> object:
    """The newest message of each citizen, a bare array."""
    data = data_parameter(call)
    newest = {str(one["with"]): one for one in oa.sent if "with" in one}
    return _chat_part(list(newest.values()), data)


async def conversation(call: Call, oa: OfficialAccount) -> object:
    """What was said with one citizen, newest first, a bare array."""
    data = data_parameter(call)
    user = as_text(data.get("user_id"))
    return _chat_part([one for one in oa.sent if one.get("with") == user], data)


def _chat_part(said: list[dict[str, object]], data: Mapping[str, object]) -> list[object]:
    count, offset = data.get("count", _MOST_CHATS), data.get("offset", 0)
    if not isinstance(count, int) or not isinstance(offset, int) or count > _MOST_CHATS:
        raise Refused(-201, f"count must be at most {_MOST_CHATS}")
    newest_first = sorted(said, key=lambda one: str(one["time"]), reverse=True)
    return [
        {name: value for name, value in one.items() if name != "with"}
        for one in newest_first[offset : offset + count]
    ]


def _broadcast(
    call: Call, oa: OfficialAccount, target: Mapping[str, object], message: Mapping[str, object]
) -> object:
    _by_day(call.world.now())
    if oa.traits.broadcast_values == "strings" and not all(
        isinstance(value, str) for value in target.values()
    ):
        raise Refused(-201, "target is invalid")
    payload = as_map(as_map(message.get("attachment")).get("payload"))
    elements = [as_map(element) for element in as_list(payload.get("elements"))]
    if not 1 <= len(elements) <= _MOST_ELEMENTS:
        raise Refused(-201, f"elements must hold 1 to {_MOST_ELEMENTS} articles")
    ids = [as_text(element.get("attachment_id")) for element in elements]
    for article_id in ids:
        post = oa.posts.get(article_id)
        if post is None or not post.visible(call.world.now()):
            raise Refused(-201, "attachment_id is invalid")
    quota = oa.traits.broadcast_quota
    if quota is not None and oa.counts["broadcasts"] >= quota:
        raise Refused(-211, "OA has reached its broadcast quota")
    oa.counts["broadcasts"] += 1
    message_id = _message_id(call, oa)
    oa.sent.append({"message_id": message_id, "time": _ms(call), "articles": ids})
    return {"message_id": message_id}


def _to_one(
    call: Call, oa: OfficialAccount, recipient: Mapping[str, object], message: Mapping[str, object]
) -> object:
    now = call.world.now()
    user = as_text(recipient.get("user_id"))
    if not user:
        raise Refused(-201, "user_id is required")
    text = as_text(message.get("text"))
    if len(text) > _MOST_CHARS:
        raise Refused(-210, f"text exceeds {_MOST_CHARS} characters")
    _attachments_live(oa, as_map(message.get("attachment")), now)
    if not text and "attachment" not in message:
        raise Refused(-201, "message is required")
    last = oa.chats.get(user)
    if last is None:
        raise Refused(-213, "User does not follow this OA")
    if now - last > _WINDOW:
        raise Refused(-230, "User has not interacted with OA in the past 7 days")
    oa.counts["messages"] += 1
    message_id = _message_id(call, oa)
    oa.sent.append(
        {
            "with": user,
            "src": 0,
            "time": _ms(call),
            "type": "text",
            "message": text,
            "message_id": message_id,
            "from_id": oa.id,
            "to_id": user,
            "from_display_name": oa.name,
            "to_display_name": "",
            "from_avatar": "",
        }
    )
    told: dict[str, object] = {
        "message_id": message_id,
        "user_id": user,
        "sent_time": str(_ms(call)),
    }
    if oa.traits.cs_quota == "present":
        told["quota"] = {"quota_type": "sub_quota", "remain": 100, "total": 500}
    return told


def _attachments_live(oa: OfficialAccount, attachment: Mapping[str, object], now: datetime) -> None:
    payload = as_map(attachment.get("payload"))
    named = [as_text(payload.get("token"))]
    named += [
        as_text(element.get("attachment_id"))
        for element in map(as_map, as_list(payload.get("elements")))
        if element.get("media_type") in ("image", "gif")
    ]
    for name in filter(None, named):
        upload = oa.uploads.get(name)
        if upload is None:
            raise Refused(-201, "attachment_id is invalid")
        if now - upload.at > _UPLOAD_LIFE:
            raise Refused(-100, "Attachment has expired")


def _by_day(now: datetime) -> None:
    if not _MORNING <= now.astimezone(_VIET_NAM).hour < _NIGHT:
        raise Refused(-234, "This message can not be sent from 22:00 to 06:00")


def _message_id(call: Call, oa: OfficialAccount) -> str:
    return f"m-{naming.number(call.world.seed, 'message', oa.id, oa.next_number(), digits=18)}"


def _ms(call: Call) -> int:
    return int(call.world.now().timestamp() * 1000)
