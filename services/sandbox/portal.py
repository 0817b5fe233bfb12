"""The doors of the sample portals: their pages, and the polling behind them."""

import asyncio

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.sandbox.ledger import account_told
from services.sandbox.pages import SAFETY, Pages
from services.sandbox.portals import FeedError, PortalSite, conditions, take_in
from services.sandbox.world import PORTAL, World

_MOST_BYTES = 20 * 1024 * 1024


def open_portal(world: World, *, feed_url: str, every: float, name: str) -> PortalSite:
    """A new portal that reads the feed now and then; the same address again is the same portal."""
    for known in world.portals.values():
        if known.feed_url == feed_url:
            known.every = every
            return known
    number = str(len(world.portals) + 1)
    site = PortalSite(
        channel=PORTAL,
        id=number,
        name=name or f"Cổng thông tin mẫu {number}",
        feed_url=feed_url,
        every=every,
    )
    world.portals[number] = site
    world.start(_keep_reading(world, site))
    return site


async def _keep_reading(world: World, site: PortalSite) -> None:
    while True:
        await poll(world, site)
        await asyncio.sleep(site.every)


async def poll(world: World, site: PortalSite) -> None:
    """One reading of the feed; what went wrong is kept for the page, never raised."""
    site.counts["polls"] += 1
    site.problem = ""
    try:
        async with world.client.stream("GET", site.feed_url, headers=conditions(site)) as answer:
            site.status = answer.status_code
            document = bytearray()
            async for chunk in answer.aiter_bytes():
                document += chunk
                if len(document) > _MOST_BYTES:
                    site.problem = "too large"
                    break
        site.read_at = world.now()
        if answer.status_code == httpx.codes.OK and not site.problem:
            take_in(site, bytes(document), answer.headers, site.read_at)
            site.counts["documents"] += 1
        elif answer.status_code != httpx.codes.NOT_MODIFIED:
            site.problem = f"HTTP {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        site.status, site.problem = 0, type(error).__name__
    except FeedError as error:
        site.problem = str(error)
    world.record(
        "GET", site.feed_url.partition("?")[0], channel=PORTAL, account=site.id,
        operation="poll", status=site.status,
    )  # fmt: skip


class PortalDoor:
    """Pages of the portals."""

    def __init__(self, world: World, pages: Pages) -> None:
        self._world = world
        self._pages = pages

    async def index(self, request: Request) -> Response:
        """All portals."""
        page = self._pages.draw("portals.html", sites=list(self._world.portals.values()))
        return HTMLResponse(page, headers=SAFETY)

    async def site(self, request: Request) -> Response:
        """One portal's list as its readers see it; JSON for programs that ask for it."""
        site = self._site(request)
        now = self._world.now()
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(account_told(site, now) | _reading(site))
        posts = sorted(site.living(), key=lambda post: post.at, reverse=True)
        return HTMLResponse(self._pages.draw("portal.html", site=site, posts=posts), headers=SAFETY)

    async def read_now(self, request: Request) -> Response:
        """Makes a portal read its feed at once; answers when it has."""
        site = self._site(request)
        await poll(self._world, site)
        return JSONResponse(account_told(site, self._world.now()) | _reading(site))

    def _site(self, request: Request) -> PortalSite:
        site = self._world.portals.get(request.path_params["number"])
        if site is None:
            raise HTTPException(404)
        return site


def _reading(site: PortalSite) -> dict[str, object]:
    return {
        "feed_url": site.feed_url,
        "status": site.status,
        "problem": site.problem,
        "read_at": None if site.read_at is None else site.read_at.isoformat(),
    }
