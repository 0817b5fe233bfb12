"""What changes, as it changes: server-sent events for whoever keeps a page open.

A hint to look again, not a record: who was away reads the state anew. Source of the format: HTML
Living Standard, "Server-sent events".
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.api.gate import Reader, TheHub, identify
from services.api.problems import documented
from services.api.route import Route
from services.delivery.hub import Hub
from services.staff.caller import Caller
from shared.clock import steady_seconds

router = APIRouter(route_class=Route, tags=["events"])

POLL_SECONDS: Final = 0.5
# A session that was ended must not go on listening (reliability-security.md R78).
RECHECK_SECONDS: Final = 5.0
_HOLE_SECONDS: Final = 60.0  # no transaction lives longer: see `storage.session`
_BATCH: Final = 500
_RECONNECT_MS: Final = 3_000

_PUBLICATIONS = text(
    """
    SELECT e.id, e.at, e.publication_id, e.to_state, e.generation,
           p.item_id, p.account_id, i.unit_id
      FROM publication_event e
      JOIN publication p ON p.id = e.publication_id
      JOIN item i ON i.id = p.item_id
     WHERE e.id > :after OR e.id = ANY(:holes)
     ORDER BY e.id LIMIT :most
    """
)
_ACTS = text(
    "SELECT seq, at, act, object FROM audit_entry WHERE seq > :after ORDER BY seq LIMIT :most"
)
_UNITS = text("SELECT id, unit_id FROM item WHERE id = ANY(:ids)")
_NEWEST = text(
    "SELECT (SELECT coalesce(max(id), 0) FROM publication_event) AS publication,"
    " (SELECT coalesce(max(seq), 0) FROM audit_entry) AS act"
)


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


@dataclass(slots=True, kw_only=True)
class Tail:
    """How far one listener has read.

    Numbers of publication events are given out before their transactions commit, so a smaller one
    may appear later: a gap is asked for again until no open transaction can fill it.
    """

    publication: int
    act: int
    holes: dict[int, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The position as `Last-Event-ID`; the oldest gap is read again after a reconnect."""
        settled = min(self.holes, default=self.publication + 1) - 1
        return f"{settled}.{self.act}"

    def note(self, seen: Iterable[int], now: float) -> None:
        """Takes in which event numbers have been read."""
        for number in seen:
            if number > self.publication:
                gap = range(max(self.publication + 1, number - _BATCH), number)
                self.holes.update(dict.fromkeys(gap, now))
                self.publication = number
            else:
                self.holes.pop(number, None)
        self.holes = {
            number: since for number, since in self.holes.items() if now - since < _HOLE_SECONDS
        }


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
            found = await _news(session, tail, listening)
        for event, data in found:
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


async def _tail(hub: Hub, last_event_id: str | None) -> Tail:
    if last_event_id is not None:
        publication, act = (int(part) for part in last_event_id.split("."))
        return Tail(publication=publication, act=act)
    async with hub.open_work() as session:
        newest = (await session.execute(_NEWEST)).one()
    return Tail(publication=newest.publication, act=newest.act)


async def _news(
    session: AsyncSession, tail: Tail, caller: Caller
) -> list[tuple[Literal["publication", "item"], PublicationEventOut | ItemEventOut]]:
    moved = (
        await session.execute(
            _PUBLICATIONS,
            {"after": tail.publication, "holes": list(tail.holes), "most": _BATCH},
        )
    ).all()
    acts = (await session.execute(_ACTS, {"after": tail.act, "most": _BATCH})).all()
    about = {row.seq: _item_of(row.object) for row in acts if row.act.startswith("item.")}
    units: Mapping[UUID, UUID] = {}
    if about:
        ids = [one for one in about.values() if one is not None]
        units = {row.id: row.unit_id for row in await session.execute(_UNITS, {"ids": ids})}
    tail.note((row.id for row in moved), steady_seconds())
    tail.act = max((row.seq for row in acts), default=tail.act)
    news: list[tuple[Literal["publication", "item"], PublicationEventOut | ItemEventOut]] = [
        (
            "publication",
            PublicationEventOut(
                publication=row.publication_id,
                item=row.item_id,
                account=row.account_id,
                state=row.to_state,
                generation=row.generation,
                at=row.at,
            ),
        )
        for row in moved
        if caller.may_see(row.unit_id)
    ]
    for row in acts:
        item = about.get(row.seq)
        unit = units.get(item) if item is not None else None
        if item is not None and unit is not None and caller.may_see(unit):
            news.append(("item", ItemEventOut(item=item, act=row.act, at=row.at)))
    return news


def _item_of(about: str) -> UUID | None:
    kind, _, name = about.partition(":")
    try:
        return UUID(name) if kind == "item" else None
    except ValueError:
        return None
