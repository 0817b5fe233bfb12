"""The pages about feeds, for people: which there are, how they are used, what came last."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.feeds.finishing import Endpoint, page, problem
from services.feeds.page import CLOSED_FEED, NO_FEED, Pages
from services.staff import agency
from services.syndication import catalogue, documents
from shared.clock import utc_now

_ON_THE_LIST: Final = 3
_ON_A_PAGE: Final = 10


def routes(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses of these pages, and what answers there."""
    return {"/feeds": _list(hub, pages), "/feeds/{slug}": _one(hub, pages)}


def _list(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            shelves = await catalogue.shelves(session, hub, house, newest=_ON_THE_LIST)
        return page(pages.feeds(shelves, house))

    return serve


def _one(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        slug = request.path_params["slug"]
        if slug != slug.lower():
            return RedirectResponse(f"{hub.public_url}/feeds/{slug.lower()}", 301)
        async with hub.open_work() as session:
            house = await agency.settings(session)
            portal = await portals.find(session, slug)
            if portal is None or (portal.open and not portal.listed):
                return problem(pages, house, NO_FEED, 404)
            if not portal.open:
                return problem(pages, house, CLOSED_FEED, 410)
            shelf = await catalogue.shelf(session, hub, house, portal, newest=_ON_A_PAGE)
            archive = await documents.newest_archive(session, hub, portal, utc_now())
        return page(pages.feed(shelf, archive, house))

    return serve
