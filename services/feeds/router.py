"""The public addresses that are pages or files: read, without sign-in, cacheable.

Feed documents are answered before any router is asked: `services.feeds.serving`.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.delivery.hub import Hub
from services.feeds import checking, feed_pages, item_pages, lists, media_files, register
from services.feeds.dress import PIECES
from services.feeds.finishing import Endpoint, finished
from services.feeds.page import Pages
from services.staff.cookies import is_https

_FOREVER: Final = "public, max-age=31536000, immutable"


def create_router(hub: Hub) -> APIRouter:
    """The routes of this door, for one hub."""
    pages = Pages(hub)
    https = is_https(hub.public_url)
    router = APIRouter()
    routes: Mapping[str, Endpoint] = {
        **feed_pages.routes(hub, pages),
        **item_pages.routes(hub, pages),
        **lists.routes(hub, pages),
        **register.routes(hub, pages),
        **checking.routes(hub, pages),
        **media_files.routes(hub),
        "/static/public/{name}": _static,
    }
    for path, endpoint in routes.items():
        served = finished(endpoint, https=https)
        router.add_route(path, served, methods=["GET", "HEAD"], include_in_schema=False)
    for path, endpoint in checking.forms(hub, pages).items():
        methods = ["GET", "HEAD", "POST"]
        served = finished(endpoint, https=https)
        router.add_route(path, served, methods=methods, include_in_schema=False)
    return router


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
