"""Gives a page what every public answer has: a validator, 304 for who holds it, and fewer bytes."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from services.feeds.answers import SAFE, SOON
from services.feeds.conditional import (
    Coding,
    asked,
    entity_tag,
    negotiated,
    packed,
    unchanged,
)
from services.feeds.page import Pages, Problem
from services.staff.agency import Agency
from services.staff.cookies import STRICT_TRANSPORT

Endpoint = Callable[[Request], Awaitable[Response]]

# What a page may load and where it may stand: no script, nothing from elsewhere, in no frame.
PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
)
# Below this a packed answer is hardly smaller than its headers.
_WORTH_PACKING_BYTES: Final = 600
_PACKED_ALREADY: Final = ("image/jpeg", "image/png", "font/")
_OF_A_BODY: Final = ("content-length", "content-type", "content-encoding")


def finished(endpoint: Endpoint, *, https: bool) -> Endpoint:
    """The same endpoint, whose pages are validated and packed; files and streams pass as they are.

    A page that brings a tag of its own keeps it. `https`: whether browsers reach this hub over it.
    """

    async def serve(request: Request) -> Response:
        if "\0" in request.scope["path"]:
            # No address of ours holds one, and PostgreSQL takes none, not even to look for it.
            return Response(status_code=404, headers=dict(SAFE))
        response = await endpoint(request)
        if https:
            response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        if isinstance(response, FileResponse | StreamingResponse):
            return response
        return _finish(request, response)

    return serve


def page(html: str, status: int = 200) -> Response:
    """A page that may load nothing from elsewhere, held by caches for a minute."""
    return HTMLResponse(html, status, headers={**PAGE_HEADERS, "Cache-Control": SOON})


def problem(pages: Pages, house: Agency, found: Problem, status: int) -> Response:
    """A page that says why there is none."""
    return page(pages.problem(found, house), status)


def _finish(request: Request, response: Response) -> Response:
    wanted = asked(request.scope["headers"])
    body = bytes(response.body)
    headers = response.headers
    headers.add_vary_header("Accept-Encoding")
    if response.status_code == 200 and request.method in ("GET", "HEAD"):
        tag = headers.setdefault("ETag", entity_tag(body))
        if unchanged(wanted, tag=tag):
            kept = {name: value for name, value in headers.items() if name not in _OF_A_BODY}
            return Response(status_code=304, headers=kept)
    coding = negotiated(wanted.codings) or Coding.IDENTITY
    packs = len(body) >= _WORTH_PACKING_BYTES and not headers.get("Content-Type", "").startswith(
        _PACKED_ALREADY
    )
    if packs and coding is not Coding.IDENTITY:
        body = packed(body, coding)
        headers["Content-Encoding"] = coding.value
        headers["Content-Length"] = str(len(body))
        response.body = body
    return response
