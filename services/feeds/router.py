"""The public addresses that are pages or files. Read-only, without sign-in, cacheable.

Feed documents are answered before any router is asked: `services.feeds.serving`.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.content.withdrawn_media import withdrawn
from services.delivery.hub import Hub
from services.feeds import checking, feed_pages, item_pages, lists, register
from services.feeds.answers import SAFE, SOON
from services.feeds.conditional import asked, unchanged
from services.feeds.dress import PIECES
from services.feeds.finishing import Endpoint, finished
from services.feeds.page import Pages
from shared.errors import NotFoundError

_FOREVER: Final = "public, max-age=31536000, immutable"
# Its bytes never change, but a picture of a withdrawn item must leave the caches of others too.
_HOUR: Final = "public, max-age=3600"
# What the store keeps, and as what it is served.
_MIMES: Final[Mapping[str, str]] = MappingProxyType(
    {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4", "pdf": "application/pdf"}
)


def create_router(hub: Hub) -> APIRouter:
    """The routes of this door, for one hub."""
    pages = Pages(hub)
    router = APIRouter()
    routes: Mapping[str, Endpoint] = {
        **feed_pages.routes(hub, pages),
        **item_pages.routes(hub, pages),
        **lists.routes(hub, pages),
        **register.routes(hub, pages),
        **checking.routes(hub, pages),
        "/media/{digest}.{ext}": _media(hub),
        "/static/public/{name}": _static,
    }
    for path, endpoint in routes.items():
        router.add_route(path, finished(endpoint), methods=["GET", "HEAD"], include_in_schema=False)
    for path, endpoint in checking.forms(hub, pages).items():
        methods = ["GET", "HEAD", "POST"]
        router.add_route(path, finished(endpoint), methods=methods, include_in_schema=False)
    return router


def _media(hub: Hub) -> Endpoint:
    def stored(digest: str, ext: str) -> Path | None:
        try:
            path = hub.media.path(digest, ext)
        except NotFoundError:
            return None
        return path if path.is_file() else None

    async def serve(request: Request) -> Response:
        digest, ext = request.path_params["digest"], request.path_params["ext"]
        path = await run_in_threadpool(stored, digest, ext)
        if path is None or ext not in _MIMES:
            return Response(status_code=404, headers=dict(SAFE))
        async with hub.open_work() as session:
            gone = await withdrawn(session, digest)
        if gone:
            return Response(status_code=410, headers={**SAFE, "Cache-Control": SOON})
        headers = {**SAFE, "Cache-Control": _HOUR, "ETag": f'"{digest}"'}
        wanted = asked(request.scope["headers"])
        if wanted.tags is not None and unchanged(wanted, tag=headers["ETag"]):
            return Response(status_code=304, headers=headers)
        # A browser opens no PDF inside a sandbox, so a document is saved instead of shown.
        document = ext == "pdf"
        return FileResponse(
            path,
            media_type=_MIMES[ext],
            filename=f"{digest[:12]}.{ext}" if document else None,
            content_disposition_type="attachment" if document else "inline",
            headers=headers,
        )

    return serve


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    piece = PIECES.get(name)
    if piece is None:
        return Response(status_code=404)
    # Lettering carries a hash in its name already.
    current = name.endswith(".woff2") or request.query_params.get("v") == piece.version
    return Response(
        piece.body,
        media_type=piece.mime,
        headers={
            "Cache-Control": _FOREVER if current else "no-cache",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
