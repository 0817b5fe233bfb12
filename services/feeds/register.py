"""The register of the agency's official channels, for people and as JSON."""

from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.delivery.hub import Hub
from services.feeds import words
from services.feeds.answers import SAFE, SOON
from services.feeds.finishing import Endpoint, page
from services.feeds.page import Pages
from services.proof import register
from services.proof.records import instant
from services.proof.register import OfficialChannel
from services.staff import agency


def routes(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses of the register, and what answers there."""
    return {
        "/kenh-chinh-thuc": _people(hub, pages),
        "/kenh-chinh-thuc.json": _programs(hub, pages),
    }


def told(one: OfficialChannel) -> dict[str, str | None]:
    """One channel as JSON; `until` only where it is no longer official."""
    shown = {
        "channel": one.channel,
        "name": one.name,
        "unit": one.unit,
        "id": one.remote_id,
        "address": one.address,
        "since": instant(one.since),
        "verified_at": _instant(one.verified_at),
    }
    return shown if one.until is None else {**shown, "until": instant(one.until)}


def _people(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await register.channels(session, hub.registry)
        return page(
            pages.draw(
                "register.html",
                house,
                here="kenh",
                canonical=f"{hub.public_url}/kenh-chinh-thuc",
                machine=f"{hub.public_url}/kenh-chinh-thuc.json",
                open=[one for one in found if one.until is None],
                closed=[one for one in found if one.until is not None],
                names=words.CHANNELS,
            )
        )

    return serve


def _programs(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await register.channels(session, hub.registry)
        shown = {
            "agency": pages.name(house),
            "site": hub.public_url,
            **{name: told for name, told in house.imprint.model_dump().items() if told},
            "channels": [told(one) for one in found if one.until is None],
            "closed": [told(one) for one in found if one.until is not None],
        }
        return JSONResponse(shown, headers={**SAFE, "Cache-Control": SOON})

    return serve


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)
