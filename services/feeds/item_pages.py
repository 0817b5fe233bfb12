"""The page of one item, and what stands beside it: its words, its share picture, its records."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from services.delivery.hub import Hub
from services.delivery.public_item import PublicItem, WithdrawnItem, public_item
from services.feeds.answers import SAFE, SOON
from services.feeds.card import Cards
from services.feeds.finishing import Endpoint, page, problem
from services.feeds.page import NO_ITEM, Pages
from services.proof import ledger, page_words
from services.staff import agency
from services.syndication import catalogue

_JSON: Final = "application/json; charset=utf-8"


def routes(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses of these pages, and what answers there; the ones with a name first."""
    return {
        "/tin/{code}": _item(hub, pages),
        "/tin/{code}/record.json": _record(hub, pages),
        "/tin/{code}/ban-chu.txt": _words(hub, pages),
        "/tin/{code}/the.png": _card(hub, pages),
        "/tin/{code}/{slug}": _item(hub, pages),
    }


def _item(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await _found(session, request)
            if isinstance(found, PublicItem):
                offered = await catalogue.offers(session, hub, house, category=found.category)
                return page(pages.item(found, house, offered=offered))
        if found is None:
            return problem(pages, house, NO_ITEM, 404)
        return page(pages.withdrawn(found, house), 410)

    return serve


def _record(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        await ledger.catch_up(hub, fresh=True)
        async with hub.open_work() as session:
            told = await ledger.history(session, _code(request))
            if told is None:
                return problem(pages, await agency.settings(session), NO_ITEM, 404)
        return Response(told, media_type=_JSON, headers={**SAFE, "Cache-Control": SOON})

    return serve


def _words(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            found = await _found(session, request)
            if not isinstance(found, PublicItem):
                return await _none(session, pages, found)
        told = page_words.words(found) + "\n"
        return PlainTextResponse(told, headers={**SAFE, "Cache-Control": SOON})

    return serve


def _card(hub: Hub, pages: Pages) -> Endpoint:
    drawn = Cards()

    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await _found(session, request)
            if not isinstance(found, PublicItem):
                return await _none(session, pages, found)
        over = " · ".join(pages.section(found.kind, found.category, house))
        made = await run_in_threadpool(drawn.draw, found.title, over, pages.name(house))
        if made is None:
            return RedirectResponse(hub.item_url(found.code), 303)
        # Like the page itself: a title that was withdrawn must leave the caches as soon.
        return Response(made, media_type="image/png", headers={**SAFE, "Cache-Control": SOON})

    return serve


async def _found(session: AsyncSession, request: Request) -> PublicItem | WithdrawnItem | None:
    """The item, told only of corrections of something that had really been public."""
    found = await public_item(session, _code(request))
    if not isinstance(found, PublicItem) or not found.corrections:
        return found
    public = await ledger.released(session, found.id)
    first = min(public, default=found.revision)
    told = tuple(
        one for one in found.corrections if one.revision > first and one.revision in public
    )
    corrected_at = found.corrected_at if found.revision > first else None
    return replace(found, corrections=told, corrected_at=corrected_at)


async def _none(session: AsyncSession, pages: Pages, found: WithdrawnItem | None) -> Response:
    house = await agency.settings(session)
    if found is None:
        return problem(pages, house, NO_ITEM, 404)
    return page(pages.withdrawn(found, house), 410)


def _code(request: Request) -> str:
    return str(request.path_params["code"]).upper()
