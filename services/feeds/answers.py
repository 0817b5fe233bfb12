"""Answers made once per change of a document and then sent as they are: headers and bytes.

Everything that does not depend on the asker is done here, so that a request costs little more than
writing bytes to a socket. Sources: feeds.md sections 7, 8 and 10; RFC 3229 section 10.5.3.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeAlias

from starlette.types import Message, Send

from services.feeds.conditional import Coding, bare, entity_tag, last_modified, packed
from services.syndication.documents import Document

SOON: Final = "public, max-age=60, stale-while-revalidate=60"
# A closed month seldom changes; as a withdrawal rewrites it all the same, it is kept for an hour.
_LONG: Final = "public, max-age=3600, stale-while-revalidate=60"
# A shared cache would answer a keyed fetch for us, and the visit would go unseen.
_PRIVATE: Final = "private, no-cache"
_DELTA: Final = "no-store, im, max-age=60"
# Packing more than this would be felt by others on this process.
_IN_A_THREAD_BYTES: Final = 20_000

# A feed that is shown as a page would run what stands in it (feeds.md section 10).
SAFE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)
_EXPOSED: Final = "ETag, Last-Modified, Link, IM"

Headers: TypeAlias = list[tuple[bytes, bytes]]


class Answer:
    """One answer as the server takes it; HEAD sends the same start and no body."""

    __slots__ = ("_head", "_head_of", "body", "start")

    def __init__(self, start: Message, body: bytes) -> None:
        self.start = start
        self.body = body
        self._head = b""
        self._head_of: Headers | None = None

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Sends it whole."""
        await send(self.start)
        await send({"type": "http.response.body", "body": b"" if head else self.body})

    def head(self, first: Headers) -> bytes:
        """Status line and headers as bytes on a wire, the server's own (`first`) before ours.

        Put together anew only for another list: the server makes one when its clock has moved on.
        """
        if self._head_of is not first:
            status = HTTPStatus(self.start["status"])
            ours: Headers = self.start["headers"]
            lines = b"".join(b"%b: %b\r\n" % one for one in (*first, *ours))
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            self._head, self._head_of = line + lines + b"\r\n", first
        return self._head


def plain_answer(
    status: int, headers: Mapping[str, str], body: bytes = b"", media_type: str = ""
) -> Answer:
    """An answer that is not a document: a problem, a move, a preflight."""
    told = dict(headers)
    if media_type:
        told["Content-Type"] = media_type
    if status not in (204, 304):
        told["Content-Length"] = str(len(body))
    return Answer(_start(status, told), body)


class Bodies:
    """The bytes of one document in every coding that somebody has asked for."""

    __slots__ = ("_packed", "tag")

    def __init__(self, plain: bytes) -> None:
        self.tag = entity_tag(plain)
        self._packed = {Coding.IDENTITY: plain}

    @property
    def size(self) -> int:
        """Bytes held in memory."""
        return sum(len(one) for one in self._packed.values())

    async def of(self, coding: Coding) -> bytes:
        """The bytes in this coding; packed at the first call."""
        found = self._packed.get(coding)
        if found is None:
            plain = self._packed[Coding.IDENTITY]
            if len(plain) > _IN_A_THREAD_BYTES:
                found = await asyncio.to_thread(packed, plain, coding)
            else:
                found = packed(plain, coding)
            self._packed[coding] = found
        return found


class Prepared:
    """One document with all the answers it has been asked for.

    `until` is when it must be prepared anew even if nothing happens: the document's own end, or the
    instant at which its change no longer lies in the future and may be told as Last-Modified.
    """

    __slots__ = ("_answers", "bodies", "document", "modified", "until")

    def __init__(self, document: Document, bodies: Bodies, now: datetime) -> None:
        self.document = document
        self.bodies = bodies
        self.modified = last_modified(document.changed_at, now)
        self.until = (
            min(document.good_until, document.changed_at)
            if document.changed_at > now
            else document.good_until
        )
        self._answers: dict[tuple[int, Coding, bool, str], Answer] = {}

    @property
    def tag(self) -> str:
        """The entity tag of every form of this document."""
        return self.bodies.tag

    @property
    def size(self) -> int:
        """Bytes held in memory, near enough."""
        deltas = sum(len(one.body) for key, one in self._answers.items() if key[3])
        return self.bodies.size + sum(map(len, self.document.pieces)) + deltas

    def known(self) -> Sequence[tuple[str, datetime]]:
        """What whoever holds this document has of its entries: ids with their last changes."""
        return [(entry.guid, entry.changed_at) for entry in self.document.entries]

    def ready(self, status: int, coding: Coding, keyed: bool, since: str = "") -> Answer | None:
        """An answer that was made before."""
        return self._answers.get((status, coding, keyed, since))

    async def whole(self, coding: Coding, *, keyed: bool) -> Answer:
        """200 with the document."""
        body = await self.bodies.of(coding)
        headers = self._headers(keyed) | self._of_body(body, coding)
        return self._keep((200, coding, keyed, ""), Answer(_start(200, headers), body))

    def same(self, *, keyed: bool) -> Answer:
        """304: what the asker holds is this document."""
        headers = self._headers(keyed)
        return self._keep((304, Coding.IDENTITY, keyed, ""), Answer(_start(304, headers), b""))

    async def delta(self, body: bytes, coding: Coding, *, keyed: bool, since: str) -> Answer:
        """226 with the entries that whoever holds the document tagged `since` lacks."""
        small = packed(body, coding)
        headers = self._headers(keyed) | self._of_body(small, coding)
        headers |= {
            "IM": "feed",
            "Cache-Control": f"private, {_DELTA}" if keyed else _DELTA,
            "Vary": "Accept-Encoding, A-IM, If-None-Match",
        }
        return self._keep((226, coding, keyed, since), Answer(_start(226, headers), small))

    def _keep(self, key: tuple[int, Coding, bool, str], answer: Answer) -> Answer:
        self._answers[key] = answer
        return answer

    def _headers(self, keyed: bool) -> dict[str, str]:
        document = self.document
        caching = _PRIVATE if keyed else _LONG if document.archive else SOON
        # Self before hub: a common subscriber library reads the first link only.
        link = f'<{document.topic}>; rel="self"'
        if document.hub:
            link += f', <{document.hub}>; rel="hub"'
        return {
            **SAFE,
            "Access-Control-Expose-Headers": _EXPOSED,
            "ETag": self.tag,
            "Last-Modified": self.modified,
            "Cache-Control": caching,
            "Vary": "Accept-Encoding",
            "Link": link,
        }

    def _of_body(self, body: bytes, coding: Coding) -> dict[str, str]:
        found = {"Content-Type": self.document.media_type, "Content-Length": str(len(body))}
        if coding is not Coding.IDENTITY:
            found["Content-Encoding"] = coding.value
        return found


class History:
    """What the last few states of one document held, for whoever holds one of them."""

    __slots__ = ("_states",)

    _MOST: Final = 8

    def __init__(self) -> None:
        self._states: dict[str, Sequence[tuple[str, datetime]]] = {}

    def note(self, prepared: Prepared) -> None:
        """Remembers a state; the oldest is forgotten."""
        name = bare(prepared.tag)
        self._states.pop(name, None)
        self._states[name] = prepared.known()
        while len(self._states) > self._MOST:
            del self._states[next(iter(self._states))]

    def newest(self, tags: Sequence[str]) -> str | None:
        """The newest of these bare tags whose state is remembered."""
        return next((name for name in reversed(self._states) if name in tags), None)

    def of(self, name: str) -> Sequence[tuple[str, datetime]]:
        """What the state of this bare tag held."""
        return self._states[name]


def _start(status: int, headers: Mapping[str, str]) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
