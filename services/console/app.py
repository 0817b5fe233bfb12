"""Joins the console's screens into one door."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.console import (
    account,
    adopting,
    calendar,
    channels,
    composer,
    connect,
    correcting,
    decide,
    delivery,
    helping,
    item,
    item_templates,
    links,
    live,
    media,
    notices,
    people,
    posts,
    pushes,
    record,
    review,
    search,
    setup,
    signing,
    source_entries,
    sources,
    start,
    styleguide,
    today,
    urgent,
    workflow,
)
from services.console.assets import Assets
from services.console.drawing import Demo, Drawing
from services.console.guard import Guard, Page
from services.console.live import Region
from services.delivery.hub import Hub

Lost: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

# The screens, in the order of the navigation. Each declares its PAGES; some declare REGIONS too.
PAGES: Final[tuple[Page, ...]] = (
    *signing.PAGES,
    *account.PAGES,
    *helping.PAGES,
    *people.PAGES,
    *record.PAGES,
    *today.PAGES,
    *posts.PAGES,
    *calendar.PAGES,
    *search.PAGES,
    *composer.PAGES,
    *urgent.PAGES,
    *delivery.PAGES,
    *decide.PAGES,
    *notices.PAGES,
    *review.PAGES,
    *correcting.PAGES,
    *item.PAGES,
    *links.PAGES,
    *item_templates.PAGES,
    *channels.PAGES,
    *pushes.PAGES,
    *adopting.PAGES,
    *connect.PAGES,
    *workflow.PAGES,
    *setup.PAGES,
    *media.PAGES,
    *source_entries.PAGES,
    *sources.PAGES,
)
REGIONS: Final[Mapping[str, Region]] = {
    **today.REGIONS,
    **item.REGIONS,
    **delivery.REGIONS,
    **notices.REGIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The console: its routes, and the page for an address that nothing stands under."""

    routes: list[BaseRoute]
    lost: Lost


def create_door(
    hub: Hub, *, demo: Demo | None = None, first_admin: start.Done | None = None
) -> Door:
    """The console of this hub. `first_admin` is told when the first admin has been made.

    Raises AssetsMissingError where the pages' files were never built.
    """
    assets = Assets.load()
    guard = Guard(hub, Drawing(hub, assets, demo))
    pages = (*PAGES, live.page(guard, REGIONS), *(styleguide.PAGES if demo else ()))
    routes: list[BaseRoute] = [
        *signing.routes(guard),
        *start.routes(guard, first_admin=first_admin),
        *links.routes(guard),
        *assets.routes(),
        *(guard.route(page) for page in pages),
    ]
    return Door(routes=routes, lost=guard.lost)
