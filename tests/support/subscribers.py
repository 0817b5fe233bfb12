"""Subscribers of a WebSub hub on loopback, which do what a test tells them and remember all."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from shared.clock import steady_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that reached a subscriber; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def path(self) -> str:
        """The path that was asked, without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters, of each the first."""
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def signed_with(self, secret: str) -> bool:
        """Whether the body carries the signature of this secret."""
        signed = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return self.headers.get("x-hub-signature") == f"sha256={signed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a subscriber answers."""

    status: int = 200
    body: bytes = b""
    location: str | None = None


Answering: TypeAlias = Callable[[Call], Awaitable[Reply]]


async def willing(call: Call) -> Reply:
    """A subscriber that means it and takes everything."""
    return Reply(body=call.query.get("hub.challenge", "").encode())


def always(reply: Reply) -> Answering:
    """A subscriber that answers everything alike."""

    async def answer(_: Call) -> Reply:
        return reply

    return answer


@dataclass(slots=True)
class Subscribers:
    """Any number of callbacks on one port; each path may answer in its own way."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, Answering] = field(default_factory=dict)
    usual: Answering = willing

    @property
    def inside(self) -> str:
        """The host and port as a guard names them."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/one") -> str:
        """A callback."""
        return f"http://{self.inside}{path}"

    def checks(self, path: str = "/one") -> list[Call]:
        """The questions that reached a callback."""
        return [one for one in self.calls if one.method == "GET" and one.path == path]

    def pushes(self, path: str = "/one") -> list[Call]:
        """The documents that reached a callback."""
        return [one for one in self.calls if one.method == "POST" and one.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request and closes."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            pairs = (line.split(":", 1) for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            call = Call(
                method=method, target=target, headers=headers, body=body, at=steady_seconds()
            )
            self.calls.append(call)
            reply = await self.answers.get(call.path, self.usual)(call)
            lines = [f"HTTP/1.1 {reply.status} -", f"Content-Length: {len(reply.body)}"]
            if reply.location:
                lines.append(f"Location: {reply.location}")
            writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + reply.body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def subscribers() -> AsyncIterator[Subscribers]:
    """Subscribers that listen while the block runs."""
    found = Subscribers()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
