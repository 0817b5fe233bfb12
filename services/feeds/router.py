"""The public addresses: feeds, item pages, media. Read-only, without sign-in, cacheable."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.delivery.public_item import WithdrawnItem, public_item
from services.feeds import rss
from services.feeds.conditional import answer
from services.feeds.page import (
    CLOSED_FEED,
    NO_FEED,
    NO_ITEM,
    STATIC,
    VERSIONS,
    Pages,
    Problem,
    feed_address,
)
from services.staff import agency
from services.staff.agency import Agency
from shared.clock import utc_now
from shared.errors import NotFoundError
from shared.http import USER_AGENT

Endpoint = Callable[[Request], Awaitable[Response]]

_SOON = "public, max-age=60, stale-while-revalidate=60"
_FOREVER = "public, max-age=31536000, immutable"
_PAGE = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
)
# A feed that is shown as a page would run what stands in it (feeds.md section 10).
_FEED = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)
# What the store keeps, and as what it is served.
_MIMES: Mapping[str, str] = MappingProxyType(
    {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4", "pdf": "application/pdf"}
)
# Our own checks of a feed must not pass for the portal's visit.
_OURSELVES = USER_AGENT.split(" ", 1)[0]


def create_router(hub: Hub) -> APIRouter:
    """The routes of this door, for one hub."""
    pages = Pages(hub)
    router = APIRouter()
    routes: Mapping[str, Endpoint] = {
        "/feeds": _feeds(hub, pages),
        "/feeds/{slug}/rss.xml": _rss(hub, pages),
        "/tin/{code}": _item(hub, pages),
        "/tin/{code}/{slug}": _item(hub, pages),
        "/media/{digest}.{ext}": _media(hub),
        "/static/public/{name}": _static,
    }
    for path, endpoint in routes.items():
        router.add_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
    return router


def _rss(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        now = utc_now()
        key = request.query_params.get("key")
        async with hub.open_work() as session:
            house = await agency.settings(session)
            portal = await portals.find(session, request.path_params["slug"])
            if portal is None:
                return _problem(pages, house, NO_FEED, 404)
            if not portal.open:
                return _problem(pages, house, CLOSED_FEED, 410)
            entries = await portals.entries(session, portal.account.id, now)
            address = feed_address(hub, portal.slug)
            document = rss.draft(
                portal,
                entries,
                address=address,
                home=hub.public_url,
                agency=pages.name(house),
                zone=pages.zone,
            )
            changed_at = await portals.document_changed(
                session, portal.account.id, rss.digest(document), now
            )
            if _counts(request) and portals.is_the_portal(hub, portal, key):
                agent = request.headers.get("user-agent", "")
                await portals.record_fetch(session, portal.account.id, agent, now, entries)
        return answer(
            request,
            rss.finish(document, changed_at=changed_at, zone=pages.zone),
            media_type=rss.MEDIA_TYPE,
            changed_at=changed_at,
            now=now,
            headers={
                **_FEED,
                # A shared cache would answer a keyed fetch for us, and the visit would go unseen.
                "Cache-Control": "private, no-cache" if key else _SOON,
                "Link": f'<{address}>; rel="self"',
            },
        )

    return serve


def _counts(request: Request) -> bool:
    agent = request.headers.get("user-agent", "")
    return request.method == "GET" and not agent.startswith(_OURSELVES)


def _feeds(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await portals.every(session)
        return _page(pages.feeds(found, house))

    return serve


def _item(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await public_item(session, request.path_params["code"].upper())
        if found is None:
            return _problem(pages, house, NO_ITEM, 404)
        if isinstance(found, WithdrawnItem):
            return _page(pages.withdrawn(found, house), 410)
        return _page(pages.item(found, house))

    return serve


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
            return Response(status_code=404, headers=dict(_FEED))
        # A browser opens no PDF inside a sandbox, so a document is saved instead of shown.
        document = ext == "pdf"
        return FileResponse(
            path,
            media_type=_MIMES[ext],
            filename=f"{digest[:12]}.{ext}" if document else None,
            content_disposition_type="attachment" if document else "inline",
            headers={**_FEED, "Cache-Control": _FOREVER, "ETag": f'"{digest}"'},
        )

    return serve


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        return Response(status_code=404)
    current = request.query_params.get("v") == VERSIONS[name]
    return FileResponse(
        STATIC[name],
        media_type="text/css" if name.endswith(".css") else "image/svg+xml",
        headers={
            "Cache-Control": _FOREVER if current else "no-cache",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers={**_PAGE, "Cache-Control": _SOON})


def _problem(pages: Pages, house: Agency, problem: Problem, status: int) -> Response:
    return _page(pages.problem(problem, house), status)
