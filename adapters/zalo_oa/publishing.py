"""One article, step by step: hidden first, then shown under an id that we already know.

    (own videos: upload → poll)* → create, hidden → verify → update to shown → verify

Only `create` must never be made twice; and even then the second one stays invisible. All waiting is
the hub's (zalo-oa-api.md sections 3.1 to 3.8 and 10.3; reliability-security.md R22).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from adapters.zalo_oa import reading
from adapters.zalo_oa.client import Answer, ZaloClient, as_int, as_list, as_mapping, as_text
from adapters.zalo_oa.errors import GONE, PROCESSING, UPLOAD_EXPIRED, refusal
from adapters.zalo_oa.render import OWN_VIDEO
from adapters.zalo_oa.settings import settings_of
from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import (
    Call,
    Continue,
    Done,
    Json,
    Operation,
    Outcome,
    Payload,
    Receipt,
    RemoteId,
    Step,
)
from shared.text import similarity

# 3, 4, 6, 8, 12, 20, 30, 60 s at the usual pace of 3 s (section 3.4).
WAITS = (1.0, 4 / 3, 2.0, 8 / 3, 4.0, 20 / 3, 10.0, 20.0)
FIRST_WAIT = 1 / 3

_READY, _LOCKED, _FAILED, _DELETED = 1, 2, 4, 5  # of a video's file [section 4.2]
_SAME = 0.9  # texts this alike are one and the same article (R20)


class Move(StrEnum):
    """Each request that may come next."""

    UPLOAD_VIDEO = "upload video"
    WATCH_VIDEO = "watch video"
    CREATE = "create hidden"
    VERIFY = "verify"
    SHOW = "show"
    VERIFY_SHOWN = "verify shown"
    REMOVE = "remove"
    PROVE_GONE = "prove gone"
    NOTHING = "nothing to remove"


# NOTHING makes no request: its answer is that only reading can tell, so it is not run again.
_ONCE = frozenset({Move.CREATE, Move.NOTHING})


def step(call: Call) -> Step:
    """What `take` would do next. Pure."""
    move = next_move(call)
    return Step(name=move.value, repeatable=move not in _ONCE)


def next_move(call: Call) -> Move:
    """The next request of an operation, also where it goes on from one that was overtaken.

    `handle` keeps `token` (of create), `show_token` with `for` (of the last update, and the digest
    of what it was to show), `videos` (ours by SHA-256, each with `token` or `id`) and `polls`.
    """
    if call.operation is Operation.WITHDRAW:
        return _removal(call)
    payload = _payload(call)
    if call.remote_id is None:
        if "token" in call.handle:
            return Move.VERIFY
        if call.operation is Operation.UPDATE:
            raise ValueError("an update needs the id of its article")
    elif call.phase == "show_token" and call.handle.get("for") == _digest(payload):
        return Move.VERIFY_SHOWN
    if video := _pending_video(payload, call.handle):
        known = _videos(call.handle).get(as_text(video.get("sha256")))
        return Move.WATCH_VIDEO if as_mapping(known).get("token") else Move.UPLOAD_VIDEO
    return Move.CREATE if call.remote_id is None else Move.SHOW


def _removal(call: Call) -> Move:
    if call.remote_id is not None:
        return Move.PROVE_GONE if call.phase == "removed" else Move.REMOVE
    return Move.VERIFY if "token" in call.handle else Move.NOTHING


async def take(client: ZaloClient, call: Call) -> Outcome:
    """Makes the next request of an operation, and only that one."""
    match next_move(call):
        case Move.UPLOAD_VIDEO:
            return await _upload_video(client, call)
        case Move.WATCH_VIDEO:
            return await _watch_video(client, call)
        case Move.CREATE:
            return await _create(client, call)
        case Move.VERIFY:
            return await _verify(client, call)
        case Move.SHOW:
            return await _show(client, call)
        case Move.VERIFY_SHOWN:
            return await _verify_shown(client, call)
        case Move.REMOVE:
            return await _remove(client, call)
        case Move.PROVE_GONE:
            return await _prove_gone(client, call)
        case Move.NOTHING:
            # Nothing that we know of was made: the hub's own look at the list has the last word.
            raise ChannelUncertainError("nothing_to_remove", final=True)


# ── Publish and update ───────────────────────────────────────────────────────────────────────────


async def _create(client: ZaloClient, call: Call) -> Outcome:
    article = {**_article(_payload(call), call.handle), "status": "hide"}
    answer = await client.create(call.account, article)
    if answer.error == PROCESSING:
        raise ChannelUncertainError("still_processing", remote_code=str(PROCESSING))
    token = _token(answer)
    handle = {**_kept(call.handle, "videos"), "token": token}
    return Continue(handle=handle, phase="token", after=_first_wait(call), usage=answer.usage)


async def _verify(client: ZaloClient, call: Call) -> Outcome:
    answer = await client.verify(call.account, as_text(call.handle["token"]))
    if answer.error == PROCESSING:
        return _waiting(call, answer, phase="token")
    if answer.error:
        raise refusal(
            answer.error, answer.message, retry_after=answer.retry_after, asynchronous=True
        )
    remote_id = as_text(answer.fields.get("id"))
    if not remote_id:
        raise ChannelUncertainError("unreadable_answer")
    return Continue(
        handle=_kept(call.handle, "videos", "token"),
        phase="id",
        remote_id=RemoteId(remote_id),
        usage=answer.usage,
    )


async def _show(client: ZaloClient, call: Call) -> Outcome:
    payload = _payload(call)
    article = {**_article(payload, call.handle), "id": _known_id(call), "status": "show"}
    answer = await client.update(call.account, article)
    if answer.error == PROCESSING:
        return _waiting(call, answer, phase="id")
    if answer.error:
        return await _after_refused_update(client, call, answer)
    token = _token(answer)
    handle = _kept(call.handle, "videos", "token") | {"show_token": token, "for": _digest(payload)}
    return Continue(
        handle=handle,
        phase="show_token",
        remote_id=call.remote_id,
        after=_first_wait(call),
        usage=answer.usage,
    )


async def _verify_shown(client: ZaloClient, call: Call) -> Outcome:
    answer = await client.verify(call.account, as_text(call.handle["show_token"]))
    if answer.error == PROCESSING:
        return _waiting(call, answer, phase="show_token")
    if answer.error:
        return await _after_refused_update(client, call, answer)
    remote_id = _known_id(call)
    try:
        seen = await reading.read(client, call.account, remote_id, want_link=True)
    except ChannelError:
        # Shown is shown: reading the link is a courtesy and must not undo a success.
        return Done(receipt=Receipt(remote_id=remote_id, usage=answer.usage))
    if seen is None or not seen.visible:
        # Zalo says done and shows nothing: not the truth yet. Asking again is harmless.
        raise ChannelUncertainError("not_shown")
    return Done(
        receipt=Receipt(remote_id=remote_id, remote_url=seen.remote_url, usage=answer.usage)
    )


async def _after_refused_update(client: ZaloClient, call: Call, answer: Answer) -> Outcome:
    """A definite refusal to show, or of what was to be shown: a read settles what became of it.

    An article that stands as it was proves that the refusal had no effect. A correction is never
    called done here: its text may equal the one before, and pictures cannot be compared.
    """
    error = refusal(
        answer.error,
        answer.message,
        retry_after=answer.retry_after,
        asynchronous=next_move(call) is Move.VERIFY_SHOWN,
    )
    if not isinstance(error, ChannelUncertainError):
        raise error
    remote_id = _known_id(call)
    seen = await reading.read(client, call.account, remote_id)
    wanted = reading.fingerprint(_payload(call)).text
    as_wanted = seen is not None and seen.visible and similarity(seen.text, wanted) >= _SAME
    if seen is not None and as_wanted and call.operation is Operation.PUBLISH:
        return Done(receipt=Receipt(remote_id=remote_id, remote_url=seen.remote_url))
    raise ChannelRejectedError(
        error.code,
        remedy=Remedy.EDIT,
        remote_code=error.remote_code,
        remote_message=error.remote_message,
    )


# ── Withdraw ─────────────────────────────────────────────────────────────────────────────────────


async def _remove(client: ZaloClient, call: Call) -> Outcome:
    remote_id = _known_id(call)
    answer = await client.remove(call.account, remote_id)
    if answer.error == PROCESSING:
        return _waiting(call, answer, phase="id")
    if answer.error == GONE:
        return Continue(handle=call.handle, phase="removed", remote_id=remote_id)
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    return Done(receipt=Receipt(remote_id=remote_id, usage=answer.usage))


async def _prove_gone(client: ZaloClient, call: Call) -> Outcome:
    remote_id = _known_id(call)
    if await reading.read(client, call.account, remote_id) is None:
        return Done(receipt=Receipt(remote_id=remote_id))
    return Continue(
        handle=call.handle, phase="id", remote_id=remote_id, after=_pause(call, 0), waiting=True
    )


# ── Videos of our own ────────────────────────────────────────────────────────────────────────────


async def _upload_video(client: ZaloClient, call: Call) -> Outcome:
    video = as_mapping(_pending_video(_payload(call), call.handle))
    sha256 = as_text(video.get("sha256"))
    answer = await client.upload_video(
        call.account,
        url=as_text(video.get("url")),
        sha256=sha256,
        size_bytes=as_int(video.get("size_bytes")) or 0,
        name=as_text(video.get("name")),
        mime=as_text(video.get("mime")),
    )
    known = {"token": _token(answer)}
    return _video_known(call, sha256, known, after=_pause(call, 0), usage=answer.usage)


async def _watch_video(client: ZaloClient, call: Call) -> Outcome:
    video = as_mapping(_pending_video(_payload(call), call.handle))
    sha256 = as_text(video.get("sha256"))
    token = as_text(as_mapping(_videos(call.handle).get(sha256)).get("token"))
    answer = await client.video_state(call.account, token)
    if answer.error == UPLOAD_EXPIRED:
        return _video_known(call, sha256, {}, after=timedelta(0), usage=answer.usage)
    if answer.error and answer.error != PROCESSING:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    status = as_int(answer.fields.get("status"))
    video_id = as_text(answer.fields.get("video_id"))
    if status in (_LOCKED, _FAILED, _DELETED):
        message = as_text(answer.fields.get("status_message"))
        raise ChannelRejectedError(
            "media_refused",
            remedy=Remedy.EDIT,
            remote_code=f"video {status}",
            remote_message=message,
        )
    if status != _READY or not video_id:  # an id can be there before the video is ready
        return _waiting(call, answer, phase="video")
    return _video_known(call, sha256, {"id": video_id}, after=timedelta(0), usage=answer.usage)


def _video_known(
    call: Call, sha256: str, known: Mapping[str, Json], *, after: timedelta, usage: float | None
) -> Continue:
    handle = {key: value for key, value in call.handle.items() if key != "polls"}
    return Continue(
        handle={**handle, "videos": {**_videos(call.handle), sha256: known}},
        phase="video",
        remote_id=call.remote_id,
        after=after,
        usage=usage,
    )


def _pending_video(payload: Payload, handle: Payload) -> Mapping[str, object] | None:
    for video in map(as_mapping, as_list(payload.get("videos"))):
        if not as_mapping(_videos(handle).get(as_text(video.get("sha256")))).get("id"):
            return video
    return None


def _videos(handle: Payload) -> Mapping[str, Json]:
    videos = handle.get("videos")
    return videos if isinstance(videos, Mapping) else {}


def _article(payload: Payload, handle: Payload) -> Mapping[str, object]:
    """The article with Zalo's ids in the place of our videos' hashes."""
    article = as_mapping(payload["article"])
    if not payload.get("videos"):
        return article
    filled = dict(_with_video_id(article, handle))
    if "body" in filled:
        filled["body"] = [
            _with_video_id(as_mapping(block), handle) for block in as_list(filled["body"])
        ]
    return filled


def _with_video_id(part: Mapping[str, object], handle: Payload) -> Mapping[str, object]:
    named = as_text(part.get("video_id"))
    if not named.startswith(OWN_VIDEO):
        return part
    known = as_mapping(_videos(handle).get(named.removeprefix(OWN_VIDEO)))
    return {**part, "video_id": as_text(known.get("id"))}


# ── Small parts ──────────────────────────────────────────────────────────────────────────────────


def _payload(call: Call) -> Payload:
    if call.payload is None:
        raise ValueError(f"{call.operation} needs a payload")
    return call.payload


def _known_id(call: Call) -> RemoteId:
    if call.remote_id is None:
        raise ValueError("this step needs the id of the article")
    return call.remote_id


def _token(answer: Answer) -> str:
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    token = as_text(answer.fields.get("token"))
    if not token:
        raise ChannelUncertainError("unreadable_answer")
    return token


def _digest(payload: Payload) -> str:
    """Names a payload, so that an update's token is never taken for proof of another text."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _kept(handle: Payload, *names: str) -> dict[str, Json]:
    return {name: handle[name] for name in names if name in handle}


def _waiting(call: Call, answer: Answer, *, phase: str) -> Continue:
    polls = as_int(call.handle.get("polls")) or 0
    return Continue(
        handle={**call.handle, "polls": polls + 1},
        phase=phase,
        remote_id=call.remote_id,
        after=_pause(call, polls),
        waiting=True,
        usage=answer.usage,
    )


def _pause(call: Call, polls: int) -> timedelta:
    pace = settings_of(call.account).poll_seconds
    return timedelta(seconds=pace * WAITS[min(polls, len(WAITS) - 1)])


def _first_wait(call: Call) -> timedelta:
    return timedelta(seconds=settings_of(call.account).poll_seconds * FIRST_WAIT)
