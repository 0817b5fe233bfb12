"""What changes, as it changes: server-sent events for whoever keeps a page open.

A hint to look again, not a record: who was away reads the state anew. Source of the format: HTML
Living Standard, "Server-sent events".
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.requests import Request

from services.api.gate import Reader, TheHub, identify
from services.api.problems import documented
from services.api.route import Route
from services.delivery import news
from services.delivery.hub import Hub
from services.staff.caller import Caller
from services.storage.session import each_alone
from shared.clock import steady_seconds

router = APIRouter(route_class=Route, tags=["events"])

POLL_SECONDS: Final = 0.5
# A session that was ended must not go on listening (reliability-security.md R78).
RECHECK_SECONDS: Final = 5.0
_RECONNECT_MS: Final = 3_000


class PublicationEventOut(BaseModel):
    """A publication has moved to another state or generation."""

    publication: UUID
    item: UUID
    account: UUID
    state: str
    generation: int
    at: datetime


class ItemEventOut(BaseModel):
    """A person has done something to an item; `act` as in the record."""

    item: UUID
    act: str
    at: datetime


@router.get(
    "/events", response_class=EventSourceResponse, responses=documented(401, 403, 422, 500, 503)
)
async def stream_events(
    request: Request,
    caller: Reader,
    hub: TheHub,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=60, pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$"),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Changes of publications and items within reach, until the session ends."""
    tail = await _tail(hub, last_event_id)
    yield ServerSentEvent(event="ready", data={}, id=tail.id, retry=_RECONNECT_MS)
    listening: Caller | None = caller
    checked_at = steady_seconds()
    while listening is not None:
        async with hub.open_work() as session:
            each_alone(session)
            found = await news.since(session, tail)
        for one in found:
            if listening.may_see(one.unit_id):
                event, data = _told(one)
                yield ServerSentEvent(event=event, data=data, id=tail.id)
        await asyncio.sleep(POLL_SECONDS)
        if steady_seconds() - checked_at >= RECHECK_SECONDS:
            checked_at = steady_seconds()
            listening = await _still(request, hub)


async def _still(request: Request, hub: Hub) -> Caller | None:
    async with hub.open_work() as session:
        caller = await identify(request, hub, session)
        # Listening is no sign of a person: an open page must not keep a session from ending.
        await session.rollback()
    return caller


async def _tail(hub: Hub, last_event_id: str | None) -> news.Tail:
    async with hub.open_work() as session:
        newest = await news.newest(session)
    if last_event_id is None:
        return newest
    # A hub that was restored counts on from lower numbers: whoever waited for the old ones would
    # hear nothing more.
    publication, act = (int(part) for part in last_event_id.split("."))
    return news.Tail(publication=min(publication, newest.publication), act=min(act, newest.act))


def _told(one: news.News) -> tuple[str, PublicationEventOut | ItemEventOut]:
    if isinstance(one, news.Acted):
        return "item", ItemEventOut(item=one.item_id, act=one.act, at=one.at)
    return "publication", PublicationEventOut(
        publication=one.publication_id,
        item=one.item_id,
        account=one.account_id,
        state=one.state,
        generation=one.generation,
        at=one.at,
    )
