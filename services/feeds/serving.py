"""Serves feed documents from memory, before any router: `/feeds/…/rss.xml` and the like.

An answer is prepared once per change of its document. What is held is looked at again as soon as
the database tells of a change of any feed, and after a second in any case: a notification that is
lost, or a listener that is cut off, never keeps old words up longer than that. Every process has a
memory of its own; rows are the truth. Source: feeds.md section 7; stack.md, "feeds out".
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID
from weakref import WeakSet

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.types import ASGIApp, Receive, Scope, Send

from services.delivery.hub import Hub
from services.delivery.portal import Entry
from services.feeds.allowance import Allowance
from services.feeds.answers import SAFE, SOON, Answer, Bodies, History, Prepared, plain_answer
from services.feeds.conditional import (
    Asked,
    Coding,
    asked,
    holds,
    named_tags,
    negotiated,
    wants_delta,
    wants_none,
)
from services.feeds.finishing import PAGE_HEADERS
from services.feeds.page import CLOSED_FEED, NO_FEED, Pages
from services.staff import agency
from services.storage.moment import moment
from services.syndication import arriving, documents
from services.syndication.address import FeedAddress, parse
from services.syndication.documents import Gone, Moved
from shared.clock import steady_seconds, utc_now
from shared.http import USER_AGENT

Ready: TypeAlias = Prepared | Answer

RECHECK: Final = timedelta(seconds=1)
PREFIX: Final = "/feeds/"
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_SLOTS: Final = 2000
# Addresses at which nothing stands are asked for again, and must not live for ever.
_NOTHING_HOLDS: Final = timedelta(minutes=10)
_VISITS_NOTED: Final = 4096
_VISIT_AGAIN_SECONDS: Final = 5.0
# Our own checks of a feed must not pass for the portal's visit.
_OURSELVES: Final = USER_AGENT.split(" ", 1)[0].encode()

_log = structlog.get_logger(__name__)

_METHODS: Final = "GET, HEAD, OPTIONS"
_PREFLIGHT: Final = plain_answer(
    204,
    {
        **SAFE,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": "A-IM, If-Modified-Since, If-None-Match",
        "Access-Control-Max-Age": "86400",
        "Cache-Control": "public, max-age=86400",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """That a portal was given a document, or proved to hold it. `name` tells it from others."""

    name: str
    account_id: UUID
    key: str | None
    agent: str
    served: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and the visit that is to be noted once it has gone out."""

    answer: Answer
    visit: Visit | None = None


@dataclass(slots=True, kw_only=True, eq=False, weakref_slot=True)
class Question:
    """Everything of a GET or HEAD that its answer depends on; only itself is equal to it.

    `reply` is the last one, for as long as what it was chosen from stands.
    """

    path: str
    address: FeedAddress
    head: bool
    query: bytes
    key: str | None
    wanted: Asked
    client: str | None
    reply: Reply | None = None


@dataclass(slots=True, kw_only=True)
class _Slot:
    """What is held for one address. `ready` was right at `moment`, and is trusted until then."""

    path: str
    address: FeedAddress
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: Ready | None = None
    replied: WeakSet[Question] = field(default_factory=WeakSet)  # with a reply from what is ready
    history: History = field(default_factory=History)
    moment: str = ""
    told: int = -1  # how many changes had been heard of when it was looked at
    fresh_until: float = 0.0
    good_until: float = 0.0
    bytes_held: int = 0

    def forget_replies(self) -> None:
        """Every question that was answered from here must be put anew."""
        for question in self.replied:
            question.reply = None
        self.replied.clear()


class Feeds:
    """All feed documents of one hub as one application; what is none of them goes on to `rest`."""

    def __init__(self, hub: Hub, rest: ASGIApp, *, recheck: timedelta = RECHECK) -> None:
        self._hub = hub
        self._rest = rest
        self._pages = Pages(hub)
        self._recheck = recheck.total_seconds()
        self._allowance = Allowance()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._bytes_held = 0
        self._told = 0
        self._visits: OrderedDict[str, float] = OrderedDict()

    def heard(self) -> None:
        """Something that a feed may show has changed: all that is held is looked at again."""
        self._told += 1

    def reopen(self, hub: Hub, rest: ASGIApp) -> None:
        """Goes on with another hub and other doors; all that is held was made for the old ones."""
        self._hub, self._rest, self._pages = hub, rest, Pages(hub)
        for slot in self._slots.values():
            slot.forget_replies()
        self._slots.clear()
        self._bytes_held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request for a feed document, passes on any other."""
        question = self.question(scope) if scope["type"] == "http" else None
        if question is None:
            await self._rest(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await (_PREFLIGHT if scope["method"] == "OPTIONS" else _NOT_ALLOWED).send(send)
            return
        reply = await self.reply(question)
        await reply.answer.send(send, head=question.head)
        if reply.visit is not None and self.counts(reply.visit, steady_seconds()):
            await self.note(reply.visit)

    # ── Choosing the answer ──────────────────────────────────────────────────────────────────────

    def question(self, scope: Scope) -> Question | None:
        """What a request asks; None if it is not for a feed document."""
        path: str = scope["path"]
        if not path.startswith(PREFIX):
            return None
        slot = self._slots.get(path)
        address = slot.address if slot is not None else parse(path)
        if address is None:
            return None
        query: bytes = scope["query_string"]
        client = scope.get("client")
        return Question(
            path=path,
            address=address,
            head=scope["method"] == "HEAD",
            query=query,
            key=_key(query),
            wanted=asked(scope["headers"]),
            client=client[0] if client else None,
        )

    def at_once(self, question: Question, now: float) -> Reply | None:
        """The reply, if it lies ready and may be trusted at `now` (a steady clock's); else None.

        For a question that was put to `reply` before, to be put `again`.
        """
        reply, slot = question.reply, self._slots.get(question.path)
        if reply is None or slot is None or not self._fresh(slot, now):
            return None
        self._slots.move_to_end(question.path)
        return self._refused(question, now) or reply

    async def reply(self, question: Question, *, again: bool = False) -> Reply:
        """The reply as things stand. `again`: this very question may be put to `at_once` next."""
        refused = self._refused(question, steady_seconds())
        if refused is not None:
            return refused
        slot = self._slot(question)
        try:
            ready = await self._current(slot)
        except (DBAPIError, NoConnectionError, OSError) as error:
            # Old words could be served, but nobody here knows whether they were withdrawn.
            _log.warning("feeds.database_away", reason=type(error).__name__)
            return Reply(_AWAY)
        if isinstance(ready, Answer):
            reply = Reply(_carrying(ready, question.query))
        else:
            answer, given = await self._answer(slot, ready, question)
            counted = given and not question.head
            reply = Reply(answer, _visit(ready, question) if counted else None)
        if again and slot.ready is ready and self._slots.get(slot.path) is slot:
            question.reply = reply
            slot.replied.add(question)
        return reply

    def _refused(self, question: Question, now: float) -> Reply | None:
        if question.client is None:
            return None
        wait = self._allowance.wait(question.client, now)
        return None if wait <= 0 else Reply(_too_many(wait))

    async def _answer(
        self, slot: _Slot, ready: Prepared, question: Question
    ) -> tuple[Answer, bool]:
        """The answer, and whether it gives or proves that the asker holds the document."""
        wanted, keyed = question.wanted, question.key is not None
        if wanted.tags is not None or wanted.since is not None:
            held = holds(wanted, tag=ready.tag, changed_at=ready.document.changed_at)
            if held or wants_none(wanted):
                same = ready.ready(304, Coding.IDENTITY, keyed) or ready.same(keyed=keyed)
                return same, held
        coding = negotiated(wanted.codings)
        if coding is None:
            return _NO_CODING, False
        if wanted.im is not None and wanted.tags is not None:
            delta = await self._delta(slot, ready, wanted, coding, keyed=keyed)
            if delta is not None:
                return delta, True
        whole = ready.ready(200, coding, keyed)
        if whole is None:
            whole = await ready.whole(coding, keyed=keyed)
            self._weigh(slot)
        return whole, True

    async def _delta(
        self, slot: _Slot, ready: Prepared, wanted: Asked, coding: Coding, *, keyed: bool
    ) -> Answer | None:
        """226, if that was asked for and we still know what the asker holds; else None."""
        document = ready.document
        if not self._hub.feed_deltas or document.account_id is None or not wants_delta(wanted):
            return None
        since = slot.history.newest(list(named_tags(wanted.tags or b"")))
        if since is None:
            return None
        made = ready.ready(226, coding, keyed, since)
        if made is None:
            body = documents.delta(document, slot.history.of(since))
            made = await ready.delta(body, coding, keyed=keyed, since=since)
            self._weigh(slot)
        return made

    # ── What is held ─────────────────────────────────────────────────────────────────────────────

    def _slot(self, question: Question) -> _Slot:
        slot = self._slots.get(question.path)
        if slot is None:
            slot = self._slots[question.path] = _Slot(path=question.path, address=question.address)
            self._shrink()
        self._slots.move_to_end(question.path)
        return slot

    async def _current(self, slot: _Slot) -> Ready:
        """What stands at the address now, or stood there less than the recheck ago."""
        if slot.ready is not None and self._fresh(slot, steady_seconds()):
            return slot.ready
        async with slot.lock:
            if slot.ready is not None and self._fresh(slot, steady_seconds()):
                return slot.ready
            # Before anything is read: what changes from here on will be heard of, or seen at the
            # next look.
            told, began = self._told, steady_seconds()
            async with self._hub.open_work() as session:
                seen = await moment(session)
            if slot.ready is None or seen != slot.moment or began >= slot.good_until:
                slot.ready = await self._prepare(slot, began)
                slot.forget_replies()
                self._weigh(slot)
            slot.moment, slot.told, slot.fresh_until = seen, told, began + self._recheck
            return slot.ready

    def _fresh(self, slot: _Slot, now: float) -> bool:
        return slot.told == self._told and now < slot.fresh_until and now < slot.good_until

    async def _prepare(self, slot: _Slot, began: float) -> Ready:
        now = utc_now()
        found = await documents.document(self._hub, slot.address, now)
        if found is None or isinstance(found, Gone | Moved):
            slot.good_until = began + _NOTHING_HOLDS.total_seconds()
            return await self._without(found)
        before = slot.ready
        bodies = Bodies(found.body)
        if isinstance(before, Prepared) and before.tag == bodies.tag:
            bodies = before.bodies  # packed already
        prepared = Prepared(found, bodies, now)
        slot.good_until = began + (prepared.until - now).total_seconds()
        slot.history.note(prepared)
        return prepared

    async def _without(self, found: Gone | Moved | None) -> Answer:
        if isinstance(found, Moved):
            return plain_answer(
                301, {**SAFE, "Location": found.to, "Cache-Control": "public, max-age=3600"}
            )
        if found is not None and found.body is not None:
            return plain_answer(410, {**SAFE, "Cache-Control": SOON}, found.body, found.media_type)
        async with self._hub.open_work() as session:
            house = await agency.settings(session)
        problem, status = (NO_FEED, 404) if found is None else (CLOSED_FEED, 410)
        page = self._pages.problem(problem, house).encode()
        headers = {**PAGE_HEADERS, "Cache-Control": SOON, "Access-Control-Allow-Origin": "*"}
        return plain_answer(status, headers, page, "text/html; charset=utf-8")

    def _weigh(self, slot: _Slot) -> None:
        """Counts the bytes of a slot anew, and forgets the longest unused ones if need be."""
        ready = slot.ready
        held = ready.size if isinstance(ready, Prepared) else len(ready.body) if ready else 0
        if self._slots.get(slot.path) is slot:
            self._bytes_held += held - slot.bytes_held
            slot.bytes_held = held
        self._shrink()

    def _shrink(self) -> None:
        while len(self._slots) > 1 and (
            self._bytes_held > _MOST_BYTES or len(self._slots) > _MOST_SLOTS
        ):
            _, gone = self._slots.popitem(last=False)
            self._bytes_held -= gone.bytes_held
            gone.forget_replies()

    # ── Counting visits ──────────────────────────────────────────────────────────────────────────

    def counts(self, visit: Visit, now: float) -> bool:
        """Whether this visit is to be noted; the same again within seconds is not.

        `now` is a steady clock's.
        """
        noted_at = self._visits.get(visit.name)
        if noted_at is not None and now - noted_at < _VISIT_AGAIN_SECONDS:
            return False
        self._visits[visit.name] = now
        if len(self._visits) > _VISITS_NOTED:
            self._visits.popitem(last=False)
        return True

    async def note(self, visit: Visit) -> None:
        """Notes, after the answer has gone out, that the portal has what it was given."""
        try:
            async with self._hub.open_work() as session:
                await arriving.visited(
                    session,
                    self._hub,
                    visit.account_id,
                    key=visit.key,
                    user_agent=visit.agent,
                    now=utc_now(),
                    served=visit.served,
                )
        except (DBAPIError, NoConnectionError, OSError) as error:
            self._visits.pop(visit.name, None)
            _log.warning(
                "feeds.visit_not_noted",
                account=str(visit.account_id),
                reason=type(error).__name__,
            )


def _visit(ready: Prepared, question: Question) -> Visit | None:
    document, agent = ready.document, question.wanted.agent or b""
    if document.account_id is None or agent.startswith(_OURSELVES):
        return None
    return Visit(
        name=f"{document.account_id} {document.topic} {ready.tag} {question.key!r}",
        account_id=document.account_id,
        key=question.key,
        agent=agent.decode("latin-1"),
        served=document.entries,
    )


def _key(query: bytes) -> str | None:
    if not query:
        return None
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("key")
    return given[0] if given else None


def _carrying(answer: Answer, query: bytes) -> Answer:
    """A move keeps the query: a portal's key must travel to the new address."""
    if answer.start["status"] != 301 or not query:
        return answer
    headers = [
        (name, value + b"?" + query if name == b"location" else value)
        for name, value in answer.start["headers"]
        if name != b"cache-control"
    ]
    headers.append((b"cache-control", b"private, no-cache"))
    return Answer({**answer.start, "headers": headers}, answer.body)


def _told(status: int, words: str, headers: Mapping[str, str]) -> Answer:
    return plain_answer(
        status, {**SAFE, **headers}, f"{words}\n".encode(), "text/plain; charset=utf-8"
    )


def _too_many(wait: float) -> Answer:
    return _told(
        429,
        "Hỏi quá nhiều lần, vui lòng chờ một chút · Too many requests, please wait a moment",
        {"Retry-After": str(math.ceil(wait)), "Cache-Control": "no-store"},
    )


_NOT_ALLOWED: Final = _told(
    405, "Nguồn tin chỉ để đọc · A feed can only be read", {"Allow": _METHODS}
)
_NO_CODING: Final = _told(
    406,
    "Nguồn tin có dạng br, gzip hoặc không nén · A feed comes as br, gzip or plain",
    {"Vary": "Accept-Encoding", "Cache-Control": "no-store"},
)
_AWAY: Final = _told(
    503,
    "Tạm thời chưa trả lời được, vui lòng thử lại · For the moment no answer, please try again",
    {"Retry-After": "5", "Cache-Control": "no-store"},
)
