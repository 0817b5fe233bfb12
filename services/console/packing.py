"""Sends pages compressed, without letting their length tell what stands in them."""

import gzip
import io
import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_LEAST_BYTES: Final = 1_024
_LEVEL: Final = 6
# A page that repeats what its address asked for, beside a code that only it should know, shrinks
# more the better both agree (BREACH, https://breachattack.com, read 2026-11). A name of random
# length in the head of each answer hides that, as Django's GZipMiddleware does since 4.2.
_NOISE_CHARS: Final = 100


def packed(response: Response, request: Request) -> Response:
    """The same answer, gzip for whoever takes it; only pages and parts of pages are."""
    if not isinstance(response, HTMLResponse) or len(response.body) < _LEAST_BYTES:
        return response
    response.headers.add_vary_header("Accept-Encoding")
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        response.body = _gzip(bytes(response.body))
        _tell(response.headers, len(response.body))
    return response


def _takes_gzip(accepted: str) -> bool:
    """Whether gzip is named, and not refused by a weight of nothing."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gzip(data: bytes) -> bytes:
    out = io.BytesIO()
    noise = "a" * (1 + secrets.randbelow(_NOISE_CHARS))
    with gzip.GzipFile(noise, "wb", _LEVEL, out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def _tell(headers: MutableHeaders, size: int) -> None:
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(size)
