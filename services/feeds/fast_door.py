"""The shortest way to a feed document: a request that is known byte for byte needs no parsing.

Every connection begins here. While each request on it is one whole head that asks for a feed
document, it is answered here: from memory if those very bytes have come before, else once parsed
by the parser that uvicorn uses. Anything else (another address, a body, a head in pieces, two
requests at once, HTTP/1.0, `Connection: close`) hands the connection to uvicorn for good, as
uvicorn hands one to a WebSocket. So there is one opinion on where a message begins: equal bytes
parse equally, and uvicorn is given a connection only at a message's first byte.

What is answered is decided by `serving.Feeds` for both ways, and the bytes are the same. No access
log is written. Of uvicorn (0.54) this uses what a protocol class is made with and asked for (its
`server.py`): `config`, `server_state` with `connections`, `tasks`, `default_headers` and
`total_requests`, and `shutdown()`.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeAlias, cast

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from services.feeds.serving import PREFIX, Feeds, Question, Reply
from shared.clock import steady_seconds

_Key: TypeAlias = tuple[str | None, bytes]
_Peer: TypeAlias = tuple[str, int]

_STARTS: Final = tuple(f"{method} {PREFIX}".encode() for method in ("GET", "HEAD"))
_END: Final = b"\r\n\r\n"
_LONGEST_BYTES: Final = 4096
_REMEMBERED: Final = 1024
# Whatever gives a message a body, or makes another protocol or another answer of it.
_UNUSUAL: Final = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})


class FastDoor:
    """Makes the protocol of each connection: `uvicorn.Config(site, http=door.protocol)`."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self._known: dict[_Key, Question] = {}
        self._known_before: dict[_Key, Question] = {}
        self._behind_proxy: ASGIApp | None = None

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn calls for each connection; to it, any maker of protocols is a class."""
        return cast(type[asyncio.Protocol], self._connection)

    def question(self, key: _Key) -> Question | None:
        """What these bytes ask when this peer sends them; None if they are not known."""
        found = self._known.get(key)
        if found is None and (found := self._known_before.get(key)) is not None:
            self._remember(key, found)
        return found

    async def learn(self, key: _Key, scope: Scope, config: Config) -> Question | None:
        """What a parsed request asks, known from now on; None if it is for no feed document."""
        if config.proxy_headers:
            if self._behind_proxy is None:
                self._behind_proxy = _behind_proxy(config)
            await self._behind_proxy(scope, _nothing, _nowhere)
        question = self.feeds.question(scope)
        if question is not None:
            self._remember(key, question)
        return question

    def _remember(self, key: _Key, question: Question) -> None:
        # In two halves: what was asked since the last change of halves, and what was before it.
        if len(self._known) >= _REMEMBERED:
            self._known, self._known_before = {}, self._known
        self._known[key] = question

    def _connection(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        return _Connection(self, config, server_state, app_state)


class _Connection(asyncio.Protocol):
    """One connection, for as long as it asks nothing but whole and simple questions for feeds."""

    __slots__ = (
        "_answered_at",
        "_app_state",
        "_asked",
        "_config",
        "_door",
        "_loop",
        "_may_write",
        "_peer",
        "_server",
        "_task",
        "_timer",
        "_transport",
    )

    def __init__(
        self, door: FastDoor, config: Config, server: ServerState, app_state: dict[str, object]
    ) -> None:
        self._door = door
        self._config = config
        self._server = server
        self._app_state = app_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer: _Peer | None = None
        self._may_write = True
        self._answered_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # The answer that is being made, and to which bytes. Nothing is read meanwhile.
        self._task: asyncio.Task[tuple[Question, Reply] | None] | None = None
        self._asked = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        peer = transport.get_extra_info("peername")
        self._peer = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
        self._server.connections.add(self)  # type: ignore[arg-type]  # it is asked for `shutdown` only

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    @override
    def data_received(self, data: bytes) -> None:
        key = (self._peer[0] if self._peer is not None else None, data)
        question = self._door.question(key)
        if question is not None:
            now = steady_seconds()
            reply = self._door.feeds.at_once(question, now)
            if reply is not None:
                self._give(question, reply, now)
                return
            self._begin(data, self._answered(question))
        elif (scope := _parsed(data, self._peer)) is not None:
            self._begin(data, self._learned(key, scope))
        else:
            self._hand_over(data)

    @override
    def pause_writing(self) -> None:
        self._may_write = False
        self._read_or_not()

    @override
    def resume_writing(self) -> None:
        self._may_write = True
        self._read_or_not()

    def shutdown(self) -> None:
        """Ends the connection; if an answer is being made, uvicorn gives it first."""
        if self._task is None:
            self._transport.close()
        else:
            self._task.cancel()
            self._hand_over(self._asked).shutdown()

    def _give(self, question: Question, reply: Reply, now: float) -> None:
        head, body = reply.answer.head(self._server.default_headers), reply.answer.body
        if question.head or not body:
            self._transport.write(head)
        else:
            self._transport.writelines((head, body))
        self._server.total_requests += 1
        self._answered_at = now
        if self._timer is None:
            self._timer = self._loop.call_later(self._config.timeout_keep_alive, self._end_if_idle)
        feeds = self._door.feeds
        if reply.visit is not None and feeds.counts(reply.visit, now):
            task = self._loop.create_task(feeds.note(reply.visit))
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)

    # ── What is not at hand ──────────────────────────────────────────────────────────────────────

    async def _learned(self, key: _Key, scope: Scope) -> tuple[Question, Reply] | None:
        question = await self._door.learn(key, scope, self._config)
        return None if question is None else await self._answered(question)

    async def _answered(self, question: Question) -> tuple[Question, Reply]:
        return question, await self._door.feeds.reply(question, again=True)

    def _begin(
        self, data: bytes, making: Coroutine[None, None, tuple[Question, Reply] | None]
    ) -> None:
        self._asked = data
        self._task = self._loop.create_task(making)
        self._task.add_done_callback(self._made)
        self._read_or_not()

    def _made(self, task: asyncio.Task[tuple[Question, Reply] | None]) -> None:
        if task is not self._task:
            return  # handed over, or gone
        if task.cancelled():
            self._transport.close()  # everything ends
            return
        # If anything went wrong, uvicorn asks again, and tells of it.
        made = task.result() if task.exception() is None else None
        if made is None:
            self._hand_over(self._asked)
        else:
            self._task = None
            self._read_or_not()
            self._give(*made, steady_seconds())

    # ── Coming and going ─────────────────────────────────────────────────────────────────────────

    def _read_or_not(self) -> None:
        if self._may_write and self._task is None:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _end_if_idle(self) -> None:
        left = self._answered_at + self._config.timeout_keep_alive - steady_seconds()
        if self._task is not None:
            left = self._config.timeout_keep_alive
        if left <= 0:
            self._transport.close()
        else:
            self._timer = self._loop.call_later(left, self._end_if_idle)

    def _hand_over(self, data: bytes) -> HttpToolsProtocol:
        self._leave()
        rest = HttpToolsProtocol(self._config, self._server, self._app_state)
        self._transport.set_protocol(rest)
        rest.connection_made(self._transport)
        self._transport.resume_reading()
        rest.data_received(data)
        return rest

    def _leave(self) -> None:
        self._task = None
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()


class _Head:
    """What uvicorn's parser tells of some bytes."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.began = 0
        self.ended = 0
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.lasts = False

    def on_message_begin(self) -> None:
        self.began += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        # At the end of a message the parser has forgotten this already.
        self.lasts = (
            self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )

    def on_message_complete(self) -> None:
        self.ended += 1


def _parsed(data: bytes, peer: _Peer | None) -> Scope | None:
    """The scope of one whole, simple GET or HEAD below `/feeds/`; None for all else."""
    if len(data) > _LONGEST_BYTES or not data.startswith(_STARTS) or not data.endswith(_END):
        return None
    head = _Head()
    try:
        head.parser.feed_data(data[:-1])
        ends_before = head.ended > 0
        head.parser.feed_data(data[-1:])
        url = httptools.parse_url(head.url)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    query: bytes = url.query or b""
    simple = (
        head.began == head.ended == 1
        and not ends_before
        and head.lasts
        and _UNUSUAL.isdisjoint(name for name, _ in head.headers)
        and b"#" not in head.url
        and b"%" not in url.path
        and url.path.isascii()
        and query.isascii()
    )
    if not simple:
        return None
    return {
        "type": "http",
        "method": head.parser.get_method().decode(),
        "path": url.path.decode(),
        "query_string": query,
        "headers": head.headers,
        "client": peer,
    }


def _behind_proxy(config: Config) -> ASGIApp:
    """What names the client of a scope, if a proxy that we trust speaks for it."""

    async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    # The same types under other names.
    return cast(ASGIApp, ProxyHeadersMiddleware(cast(Any, nobody), config.forwarded_allow_ips))


async def _nothing() -> Message:
    raise NotImplementedError


async def _nowhere(_: Message) -> None:
    raise NotImplementedError
