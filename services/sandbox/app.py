"""Puts the simulated channels, the ledger, the faults and the admin calls under one address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.sandbox.admin import AdminDoor
from services.sandbox.faults_page import FaultsDoor
from services.sandbox.graph import Graph
from services.sandbox.ledger import LedgerDoor
from services.sandbox.pages import FONTS, STATIC, Pages, lettering
from services.sandbox.portal import PortalDoor
from services.sandbox.sister import SisterDoor
from services.sandbox.wire import Wire
from services.sandbox.world import World
from services.sandbox.zalo import OpenApi
from services.sandbox.zalo_oauth import OAuth


def create_app(
    *, seed: int = 0, public_media_fetch: bool = True, first_number: int = 0
) -> Starlette:
    """The sandbox. Equal seeds give equal ids and tokens; the world is at `app.state.world`.

    `public_media_fetch`: whether pictures named by address are fetched, as the real channels do.
    `first_number`: see `World`.
    """
    world = World(seed=seed, public_media_fetch=public_media_fetch, first_number=first_number)
    pages = Pages()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await world.aclose()

    ledger, faults = LedgerDoor(world, pages), FaultsDoor(world, pages)
    graph = Wire(world, Graph())
    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/zalo/view/{remote_id}", ledger.zalo_view),
            Route("/graph/view/{remote_id}", ledger.graph_view),
            Mount("/zalo-oauth", app=Wire(world, OAuth(pages))),
            Mount("/zalo", app=Wire(world, OpenApi())),
            Mount("/graph-video", app=graph),
            Mount("/graph", app=graph),
            Route("/", _home),
            Route("/health", _health),
            Route("/ledger", ledger.ledger),
            Route("/ledger.json", ledger.as_json),
            Route("/events.json", ledger.events),
            Route("/pictures/{name}", ledger.picture),
            Route("/faults", faults.show),
            Route("/faults", faults.add, methods=["POST"]),
            Route("/faults", faults.clear, methods=["DELETE"]),
            Route("/faults/{id:int}", faults.clear, methods=["DELETE"]),
            Route("/faults/clear", faults.clear, methods=["POST"]),
            Route("/faults/kinds", faults.kinds),
            Route("/faults.json", faults.as_json),
            *_portal_routes(world, pages),
            *_sister_routes(world, pages),
            *_admin_routes(world),
            Route("/lettering.css", _lettering),
            Mount("/fonts", app=StaticFiles(directory=FONTS, check_dir=False)),
            Mount("/static", app=StaticFiles(directory=STATIC)),
        ],
    )
    app.state.world = world
    return app


def _portal_routes(world: World, pages: Pages) -> list[Route]:
    portal = PortalDoor(world, pages)
    return [
        Route("/portal", portal.index),
        Route("/portal/{number}", portal.site),
        Route("/admin/portal/{number}/poll", portal.read_now, methods=["POST"]),
    ]


def _sister_routes(world: World, pages: Pages) -> list[Route]:
    sister = SisterDoor(world, pages)
    return [
        Route("/sister", sister.index),
        Route("/sister/rss.xml", sister.feed),
        Route("/sister/tin/{number}", sister.story),
        Route("/sister/anh/{number}.jpg", sister.picture),
    ]


def _admin_routes(world: World) -> list[Route]:
    admin = AdminDoor(world)
    return [
        Route("/admin/accounts", admin.known),
        Route("/admin/accounts", admin.accounts, methods=["POST"]),
        Route("/admin/reset", admin.reset, methods=["POST"]),
        Route("/admin/clock", admin.clock, methods=["POST"]),
        Route("/admin/foreign", admin.foreign, methods=["POST"]),
        Route("/admin/edit", admin.edit, methods=["POST"]),
        Route("/admin/delete", admin.delete, methods=["POST"]),
        Route("/admin/portal", admin.portal, methods=["POST"]),
        Route("/admin/webhook", admin.webhook, methods=["POST"]),
    ]


async def _lettering(_: Request) -> Response:
    return Response(lettering(), media_type="text/css", headers={"Cache-Control": "no-cache"})


async def _home(_: Request) -> Response:
    return RedirectResponse("/ledger")


async def _health(_: Request) -> Response:
    return JSONResponse({"ok": True})
