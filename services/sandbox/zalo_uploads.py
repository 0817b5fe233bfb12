"""Uploads of a simulated OA: files for messages, videos for articles (zalo-oa-api.md section 4)."""

from services.sandbox import naming
from services.sandbox.forms import File, read_form
from services.sandbox.official_account import OfficialAccount, Upload
from services.sandbox.wire import Call
from services.sandbox.zalo_envelope import Refused

_MB = 1024 * 1024
_READY, _PROCESSING, _FAILED = 1, 3, 4


async def image(call: Call, oa: OfficialAccount) -> object:
    """A JPEG or PNG up to 1 MB for a message."""
    taken = await _taken(call, (b"\xff\xd8\xff", b"\x89PNG"), most=_MB)
    return {"attachment_id": _kept(call, oa, "image", taken)}


async def gif(call: Call, oa: OfficialAccount) -> object:
    """A GIF up to 5 MB for a message."""
    return {"attachment_id": _kept(call, oa, "gif", await _taken(call, (b"GIF8",), most=5 * _MB))}


async def file(call: Call, oa: OfficialAccount) -> object:
    """A PDF, Word or CSV document up to 5 MB for a message."""
    taken = await _taken(call, (), most=5 * _MB)
    if not taken.name.lower().endswith((".pdf", ".doc", ".docx", ".csv")):
        raise Refused(-201, "file is invalid, accept only: pdf, doc, docx, csv")
    return {"token": _kept(call, oa, "file", taken)}


async def prepare_video(call: Call, oa: OfficialAccount) -> object:
    """An MP4 or AVI up to 50 MB for articles; worked on for a while."""
    taken = await _taken(call, (), most=50 * _MB)
    if not (taken.content[4:8] == b"ftyp" or taken.content[:4] == b"RIFF"):
        raise Refused(-201, "file is invalid, accept only: mp4, avi")
    return {"token": _kept(call, oa, "video", taken)}


async def video_state(call: Call, oa: OfficialAccount) -> object:
    """What became of a video; sources disagree on where its token travels."""
    header = call.request.headers.get("token", "")
    query = call.request.query.get("token", "")
    token = {"both": query or header, "header": header, "query": query}[oa.traits.video_token_in]
    upload = oa.uploads.get(token)
    if upload is None or upload.kind != "video":
        raise Refused(-201, "token is invalid")
    if upload.polls_left > 0:
        upload.polls_left -= 1
        state, message, percent = _PROCESSING, "Video is being converted", 40
    elif oa.traits.video_fails:
        state, message, percent = _FAILED, "Video conversion failed", 0
    else:
        state, message, percent = _READY, "Khả dụng", 100
    return {
        "status": state,
        "status_message": message,
        "video_name": upload.name,
        "video_size": upload.size_bytes,
        "convert_percent": percent,
        "convert_error_code": 1 if state == _FAILED else 0,
        "video_id": upload.video_id,
    }


async def _taken(call: Call, signatures: tuple[bytes, ...], *, most: int) -> File:
    _, files = await read_form(call.request)
    given = files.get("file")
    if given is None:
        raise Refused(-201, "file is required")
    if len(given.content) > most:
        raise Refused(-210, f"file exceeds {most // _MB} MB")
    if signatures and not given.content.startswith(signatures):
        raise Refused(-201, "file is invalid")
    return given


def _kept(call: Call, oa: OfficialAccount, kind: str, given: File) -> str:
    number = oa.next_number()
    token = naming.mark(call.world.seed, kind, oa.id, number)
    is_video = kind == "video"
    oa.uploads[token] = Upload(
        kind=kind,
        at=call.world.now(),
        video_id=naming.mark(call.world.seed, "video id", oa.id, number)[:24] if is_video else "",
        name=given.name,
        size_bytes=len(given.content),
        polls_left=oa.traits.video_polls if is_video else 0,
    )
    oa.counts["uploads"] += 1
    return token
