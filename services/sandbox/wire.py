"""One call to a simulated channel: read, understood, met by a fault or not, answered, logged.

Plain ASGI without a framework in between, since a fan-out sends thousands of calls a second.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from services.sandbox.faults import Fault
from services.sandbox.posts import Account
from services.sandbox.world import World

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"
_MOST_BYTES = 80 * 1024 * 1024
_BAD_GATEWAY = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>"
)


@dataclass(slots=True, kw_only=True)
class Request:
    """A request as it arrived; `path` without the part where the channel is mounted."""

    method: str
    path: str
    full_path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    scheme: str

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; the last of equal names counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def base(self) -> str:
        """This sandbox's own address, as the caller knows it."""
        return f"{self.scheme}://{self.headers.get('host', '127.0.0.1')}"

    @property
    def content_type(self) -> str:
        """The media type of the body, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer to send; `delivered` is called once it has gone out to a client still there."""

    status: int = 200
    body: bytes = b""
    content_type: bytes | None = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    code: int = 0
    delivered: Callable[[], None] | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that is understood: whose, and what for. `lag` keeps what it makes off lists."""

    world: World
    request: Request
    operation: str
    account: Account | None
    act: Callable[["Call"], Awaitable[Answer]]
    lag: timedelta = field(default_factory=timedelta)


class Dialect(Protocol):
    """How one channel understands a request, and how it words what goes wrong."""

    channel: str

    def understand(self, world: World, request: Request) -> Call:
        """Whose call it is and what it would do; nothing has happened yet."""
        ...

    def throttled(self, call: Call, fault: Fault) -> Answer:
        """Too many calls."""
        ...

    def dead_token(self, call: Call, fault: Fault) -> Answer:
        """The token is refused."""
        ...

    def broken(self, call: Call) -> Answer:
        """HTTP 500 as this channel has it."""
        ...

    def refused(self, call: Call, fault: Fault) -> Answer:
        """A refusal of what in truth took effect."""
        ...


def as_json(value: object) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Wire:
    """The ASGI application of one channel."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self._world = world
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request is None:
            return
        world, dialect = self._world, self._dialect
        call = dialect.understand(world, request)
        account = call.account
        account_id = account.id if account is not None else ""
        if account is not None:
            account.counts["calls"] += 1
        fault = world.faults.for_call(dialect.channel, account_id, call.operation)
        if fault is None:
            answer: Answer | None = await call.act(call)
        else:
            if account is not None:
                account.counts["faults_applied"] += 1
            answer = await _met(dialect, call, fault)
        world.record(
            request.method,
            request.full_path,
            channel=dialect.channel,
            account=account_id,
            operation=call.operation,
            fault=fault.form.kind if fault else "",
            status=answer.status if answer else 0,
            code=answer.code if answer else 0,
        )
        if answer is None:
            assert fault is not None  # noqa: S101  # only a fault leaves a call without an answer
            await _silence(fault, receive)
            return
        if fault is not None and fault.form.kind == "slow":
            await asyncio.sleep(2.0 if fault.form.seconds is None else fault.form.seconds)
        await _send(answer, receive, send)


async def _met(dialect: Dialect, call: Call, fault: Fault) -> Answer | None:
    """What a call under a fault is answered; None for no answer at all."""
    kind = fault.form.kind
    if kind == "late_in_lists":
        seconds = 30.0 if fault.form.seconds is None else fault.form.seconds
        call.lag = timedelta(seconds=seconds)
    answer = await call.act(call) if fault.commits else None
    match kind:
        case "slow" | "late_in_lists":
            return answer
        case "throttle":
            return dialect.throttled(call, fault)
        case "token_dead":
            return dialect.dead_token(call, fault)
        case "http_500":
            return dialect.broken(call)
        case "html":
            return Answer(status=502, body=_BAD_GATEWAY, content_type=HTML)
        case "empty_body":
            return Answer(content_type=None)
        case "redirect":
            elsewhere = f"{call.request.base}/elsewhere".encode()
            return Answer(status=302, headers=((b"location", elsewhere),), content_type=None)
        case "no_content_type":
            body = answer.body if answer else b"{}"
            return Answer(body=body, content_type=None)
        case "commit_then_refuse":
            # A call that failed by itself has its own refusal.
            return answer if answer is None or answer.code else dialect.refused(call, fault)
        case _:
            return None


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; None when the client went away or sent far too much."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > _MOST_BYTES:
            return None
        if not message.get("more_body", False):
            break
    full_path: str = scope["path"]
    return Request(
        method=scope["method"],
        path=full_path.removeprefix(scope.get("root_path", "")),
        full_path=full_path,
        query_string=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]},
        body=chunks[0] if len(chunks) == 1 else b"".join(chunks),
        scheme=scope.get("scheme", "http"),
    )


async def _send(answer: Answer, receive: Receive, send: Send) -> None:
    headers = [(b"content-length", str(len(answer.body)).encode()), *answer.headers]
    if answer.content_type is not None:
        headers.append((b"content-type", answer.content_type))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    # uvicorn drops what is sent to a client that has gone; only then nobody read the answer.
    gone = getattr(getattr(receive, "__self__", None), "disconnected", False)
    if answer.delivered is not None and not gone:
        answer.delivered()


async def _silence(fault: Fault, receive: Receive) -> None:
    """Leaves the client without an answer: at once with a reset, or closed after a long wait."""
    # uvicorn hands out a bound method of the exchange that owns the connection. Typed loosely:
    # uvloop's transports are no subclasses of asyncio's.
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    hangs = fault.form.kind in ("commit_then_hang", "hang_without_commit")
    if hangs:
        seconds = 60.0 if fault.form.seconds is None else fault.form.seconds
        try:
            async with asyncio.timeout(seconds):
                await _until_gone(receive)
        except TimeoutError:
            pass
        else:
            return
    if transport is None:
        # Served without a socket (in-process): the nearest thing to a dropped connection.
        raise ConnectionResetError("the sandbox drops this connection on purpose")
    if hangs:
        transport.close()
    else:
        link = transport.get_extra_info("socket")
        if link is not None:
            # Linger for no time: what the client gets is RST, not a polite end.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
