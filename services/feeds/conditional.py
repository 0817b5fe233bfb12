"""Answers that know when nothing has changed: validators, 304, and gzip for who asks for it.

Source: feeds.md section 7; RFC 9110 sections 8.8 and 13.
"""

import gzip
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_GZIP_LEVEL = 6


def entity_tag(body: bytes) -> str:
    """A weak tag: the compressed and the plain answer count as the same."""
    return f'W/"{sha256(body).hexdigest()[:32]}"'


def unchanged(request: Request, *, tag: str, changed_at: datetime) -> bool:
    """Whether the caller already holds this answer. A given tag decides alone."""
    asked = request.headers.get("if-none-match")
    if asked is not None:
        return asked.strip() == "*" or _bare(tag) in _ENTITY_TAG.findall(asked)
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return moment.tzinfo is not None and moment >= changed_at


def answer(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    changed_at: datetime,
    now: datetime,
    headers: dict[str, str],
) -> Response:
    """200 with the body, compressed if asked, or 304; the same headers on both."""
    tag = entity_tag(body)
    shared = headers | {
        "ETag": tag,
        # Never in the future (RFC 9110 8.8.2.1), though `changed_at` may be a moment ahead.
        "Last-Modified": format_datetime(
            min(changed_at, now).astimezone(UTC).replace(microsecond=0), usegmt=True
        ),
        "Vary": "Accept-Encoding",
    }
    if unchanged(request, tag=tag, changed_at=changed_at):
        return Response(status_code=304, headers=shared)
    if accepts_gzip(request):
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        shared["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=shared)


def accepts_gzip(request: Request) -> bool:
    """Whether gzip was asked for by name and not with a weight of zero."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, rest = part.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            weight = rest.replace(" ", "").removeprefix("q=")
            return weight.strip("0.") != "" or weight == ""
    return False


def _bare(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
