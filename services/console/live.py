"""Keeps open pages current: one stream for each, carrying the parts of it that have changed.

A page names its parts as topics, `board:<item id>` or `today`; a message carries the part drawn
anew for this very reader, and the page's script morphs it in. All streams of a process share one
reader of the news. Sources: console-ux.md section 9; HTML Living Standard, "Server-sent events".
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final, TypeAlias
from uuid import UUID

import structlog
from starlette.responses import Response, StreamingResponse

from services.console.ask import Ask, whole_number
from services.console.guard import Guard, Page, get
from services.delivery import news, notices
from services.delivery.hub import Hub
from services.storage.session import AWAY
from shared.clock import steady_seconds
from shared.errors import InvalidError, LoaError

Draw: TypeAlias = Callable[[Ask, str], Awaitable[str]]
Counts: TypeAlias = Callable[[news.News, str], bool]
Beat: TypeAlias = Callable[[Ask, str], Awaitable[object]]

_POLL_SECONDS: Final = 0.4
# A session that was ended must not go on listening (R78); and a proxy must see that we live.
_RECHECK_SECONDS: Final = 5.0
_TOPICS: Final = 12
_REST: Final = 3  # times as long as the drawing took
# News bear the instant at which their transaction began, and a page is drawn after that of its own.
_SLACK: Final = timedelta(seconds=2)
_FRESH: Final = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of a page that is kept current.

    `draw(ask, key)` gives its HTML, whose outermost element has the id `target`; `{key}` in it
    stands for the key. `counts(news, key)` tells whether a piece of news concerns it; None: every
    one does. `beat(ask, key)` is for a part that also changes without news: a value that is asked
    for every few seconds, and the part is drawn anew when it is another one.
    """

    target: str
    draw: Draw
    counts: Counts | None = None
    beat: Beat | None = None


def of_item(one: news.News, key: str) -> bool:
    """Whether the news is about the item whose id is the key."""
    return str(one.item_id) == key


class Newsroom:
    """Reads the news once for all streams of a process; reads nothing while nobody listens."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._listeners: set[asyncio.Queue[Sequence[news.News]]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    async def listen(self, queue: "asyncio.Queue[Sequence[news.News]]") -> None:
        """Puts all that happens from its return on into the queue, until `leave`."""
        self._listeners.add(queue)
        if self._reading is None:
            self._begun.clear()
            self._reading = asyncio.create_task(self._read())
        await self._begun.wait()

    def leave(self, queue: "asyncio.Queue[Sequence[news.News]]") -> None:
        """Stops listening; safe to repeat."""
        self._listeners.discard(queue)
        if not self._listeners and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read(self) -> None:
        tail: news.Tail | None = None
        while True:
            try:
                async with self._hub.open_work() as session:
                    if tail is None:
                        tail = await news.newest(session)
                        self._begun.set()
                    found = await news.since(session, tail)
                    if any(isinstance(one, news.Moved) for one in found):
                        # Once for all streams, before they count what their readers have to know.
                        await notices.collect(session)
            except AWAY as error:
                _log.warning("live.database_away", reason=type(error).__name__)
                found = []
            except Exception:  # noqa: BLE001  # every open page listens to this one reader
                _log.exception("live.broke")
                found, tail = [], None
            if found:
                for queue in self._listeners:
                    queue.put_nowait(found)
            await asyncio.sleep(_POLL_SECONDS)


def page(guard: Guard, regions: Mapping[str, Region]) -> Page:
    """The address of the streams: `/events?topics=board:…,today&drawn=…`.

    `drawn` is when the page was drawn, in seconds of Unix time: what has changed since then is sent
    at once.
    """
    newsroom = Newsroom(guard.hub)

    async def stream(ask: Ask) -> Response:
        wanted = [one for one in ask.query("topics").split(",") if one]
        named = [
            (regions.get(name), key) for name, _, key in (one.partition(":") for one in wanted)
        ]
        if not wanted or len(wanted) > _TOPICS or any(region is None for region, _ in named):
            raise InvalidError("invalid_request")
        topics = [(region, key) for region, key in named if region is not None]
        return StreamingResponse(
            _messages(guard, newsroom, ask, topics),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return get("/events", stream)


async def _messages(
    guard: Guard, newsroom: Newsroom, ask: Ask, topics: Sequence[tuple[Region, str]]
) -> AsyncIterator[str]:
    queue: asyncio.Queue[Sequence[news.News]] = asyncio.Queue()
    try:
        await newsroom.listen(queue)
        beats = await _beats(ask, topics)
        drawn_at = _instant(ask.query("drawn")) or ask.now
        # After a break the parts are simply drawn anew: there is nothing to replay.
        again = "last-event-id" in ask.request.headers or ask.now - drawn_at > _FRESH
        yield "retry: 2000\nid: 1\n\n"
        if again:
            yield await _drawn(ask, topics)
        else:
            # What happened after the page was drawn, and before we listened.
            async with ask.work() as session:
                queue.put_nowait(await news.lately(session, drawn_at - _SLACK))
        checked_at = steady_seconds()
        while True:
            try:
                found = list(await asyncio.wait_for(queue.get(), _RECHECK_SECONDS))
                while not queue.empty():
                    found += queue.get_nowait()
            except TimeoutError:
                found = []
            stirred: list[tuple[Region, str]] = []
            if steady_seconds() - checked_at >= _RECHECK_SECONDS:
                checked_at = steady_seconds()
                if await _gone(guard, ask):
                    return
                yield ": still here\n\n"
                now = await _beats(ask, topics)
                stirred = [one for one, value in now.items() if beats[one] != value]
                beats = now
            seen = [one for one in found if ask.caller.may_see(one.unit_id)]
            touched = [
                (region, key)
                for region, key in topics
                if (region, key) in stirred
                or any(region.counts is None or region.counts(one, key) for one in seen)
            ]
            if touched:
                began = steady_seconds()
                yield await _drawn(ask, touched)
                # What takes long to draw is drawn the less often: while an item goes out to
                # thousands of accounts, open boards must not be all that this process does.
                took = steady_seconds() - began
                await asyncio.sleep(min(_REST * took, _RECHECK_SECONDS))
    finally:
        newsroom.leave(queue)


async def _beats(
    ask: Ask, topics: Sequence[tuple[Region, str]]
) -> dict[tuple[Region, str], object]:
    return {
        (region, key): await region.beat(ask, key)
        for region, key in topics
        if region.beat is not None
    }


async def _drawn(ask: Ask, topics: Sequence[tuple[Region, str]]) -> str:
    """One message: each part within the element that names where it goes."""
    parts = []
    for region, key in topics:
        try:
            html = await region.draw(ask, key)
        except LoaError:
            continue  # what it showed is gone, or no longer this reader's to see
        target = escape(region.target.format(key=key))
        parts.append(f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{html}</hx-partial>')
    data = "".join(f"data: {line}\n" for line in "".join(parts).splitlines())
    return f"id: 1\n{data or 'data:'}\n\n" if parts else ": nothing\n\n"


async def _gone(guard: Guard, ask: Ask) -> bool:
    """Whether the session has ended. Listening itself is no sign of a person."""
    return await guard.caller(ask.request, touch=False) is None


def _instant(told: str) -> datetime | None:
    seconds = whole_number(told, 11)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def key_id(key: str) -> UUID:
    """The key of a topic as an id. Raises InvalidError."""
    try:
        return UUID(key)
    except ValueError as error:
        raise InvalidError("invalid_request") from error
