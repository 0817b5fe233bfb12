"""One set of feeds behind two servers: the fast door, and plain uvicorn to compare it with."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.content.tables import Item
from services.delivery.hub import Hub
from services.delivery.tables import Publication
from services.feeds.fast_door import FastDoor
from services.feeds.serving import Feeds
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.support.feed_site import public_hub
from tests.support.newsroom import Newsroom

PATIENCE: Final = 60.0
FOREVER: Final = timedelta(hours=1)
_DATE: Final = re.compile(rb"\r\ndate: [^\r]*")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


@dataclass(frozen=True, slots=True)
class Client:
    """One kept connection, on which answers are read as bytes, without their dates."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> bytes:
        """The one answer to one whole request."""
        self.writer.write(request)
        return await self.answer(has_body=not request.startswith(b"HEAD"))

    async def answer(self, *, has_body: bool = True) -> bytes:
        """The next answer."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            told = _LENGTH.search(head)
            if not has_body or told is None:
                return undated(head)
            return undated(head) + await self.reader.readexactly(int(told[1]))

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(PATIENCE):
            return undated(await self.reader.read())


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is running, and where."""

    running: uvicorn.Server
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A new connection to it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    def handed_over(self) -> int:
        """How many open connections are uvicorn's own."""
        connections = self.running.server_state.connections
        return sum(isinstance(one, HttpToolsProtocol) for one in connections)


@dataclass(frozen=True, slots=True)
class TwoDoors:
    """The same feeds twice."""

    hub: Hub
    feeds: Feeds
    door: FastDoor
    fast: Server
    plain: Server


def undated(answers: bytes) -> bytes:
    """The same without `date`, the one header that may differ."""
    return _DATE.sub(b"", answers)


def request(
    path: str, *headers: tuple[str, str], method: str = "GET", version: str = "1.1"
) -> bytes:
    """A whole request without a body."""
    lines = [f"{method} {path} HTTP/{version}", "Host: hoasen.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the feeds here: it tells what it was asked, and reads all of it."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    told = f"{scope['method']} {scope['path']} {scope['query_string']!r} {body!r}".encode()
    headers = [(b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


@asynccontextmanager
async def two_doors(database_url: str, media_root: Path) -> AsyncIterator[TwoDoors]:
    """Serves until the block ends. No notification is heard, and nothing grows old by itself."""
    async with AsyncExitStack() as stack:
        engine = make_engine(database_url, size=8)
        stack.push_async_callback(engine.dispose)
        hub = public_hub(opener(engine), media_root)
        feeds = Feeds(hub, echo, recheck=FOREVER)
        door = FastDoor(feeds)
        fast = await stack.enter_async_context(server_of(feeds, door.protocol))
        plain = await stack.enter_async_context(server_of(feeds, HttpToolsProtocol))
        yield TwoDoors(hub, feeds, door, fast, plain)


@asynccontextmanager
async def server_of(
    app: ASGIApp,
    protocol: type[asyncio.Protocol],
    *,
    idle_seconds: int = 60,
    proxy: str = "127.0.0.1",
) -> AsyncIterator[Server]:
    """One server, which believes what `proxy` says of its clients."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=protocol,
        access_log=False,
        server_header=False,
        log_config=None,
        log_level="error",
        lifespan="off",
        timeout_keep_alive=idle_seconds,
        forwarded_allow_ips=proxy,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Server(server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await running


async def published(
    hub: Hub, slug: str, *, stage: str = "official", body: str = "Nội dung."
) -> tuple[Item, Publication]:
    """A portal with an old and a new item; gives the new one."""
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(slug, stage=stage)
        long_ago = utc_now() - timedelta(days=400)
        await newsroom.live(account, at=long_ago, title="Tin cũ")
        return await newsroom.live(account, at=utc_now() - timedelta(hours=1), body=body)


async def tags(doors: TwoDoors, path: str) -> tuple[str, str]:
    """Its entity tag and its last change, once that lies in the past and is told as it will be."""
    async with doors.plain.client() as plain:
        while True:
            answer = await plain.ask(request(path))
            told = dict(line.split(": ", 1) for line in answer.decode().split("\r\n")[1:12])
            since = ("If-Modified-Since", told["last-modified"])
            if b" 304 " in await plain.ask(request(path, since)):
                return told["etag"], told["last-modified"]
            await asyncio.sleep(0.05)
