"""A simulated notice board over real HTTP, which can be told to misbehave. Standard library only.

A server of its own and not a web framework: it must cut a connection in the middle of an answer.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from shared.clock import utc_now
from shared.contract.conformance_live import Fault

_CHANGING = frozenset({"POST", "PUT", "DELETE"})
_PAGE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived."""

    method: str
    parts: tuple[str, ...]
    query: dict[str, list[str]]
    key: str
    body: dict[str, str]


@dataclass(slots=True)
class BoardServer:
    """Boards by name, each notice by id in the order of putting up; None: taken down."""

    key: str
    url: str = ""
    boards: dict[str, dict[str, dict[str, str] | None]] = field(default_factory=dict)
    changes: int = 0
    fault: Fault | None = None

    _NO_EFFECT: ClassVar[frozenset[Fault]] = frozenset({Fault.SILENCE})

    def visible(self, board: str) -> dict[str, str]:
        """What hangs on the board: id → title."""
        notices = self.boards.get(board, {})
        return {name: one["title"] for name, one in notices.items() if one is not None}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers requests on one connection until the other side closes it."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                if not await self._answer(request, writer):
                    break
        writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """False when the connection is not to be used again."""
        fault = None
        if request.method in _CHANGING:
            self.changes += 1
            fault, self.fault = self.fault, None
        status, body = (500, {}) if fault in self._NO_EFFECT else self._act(request)
        match fault:
            case None:
                writer.write(_response(status, json.dumps(body).encode()))
            case Fault.HANG | Fault.SILENCE:
                await asyncio.sleep(3)
                return False
            case Fault.RESET:
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case Fault.SERVER_ERROR:
                writer.write(_response(500, b'{"error": "broken"}'))
            case Fault.HTML:
                writer.write(_response(502, b"<html>Bad gateway</html>", kind="text/html"))
            case Fault.EMPTY:
                writer.write(_response(200, b""))
            case Fault.REDIRECT:
                writer.write(_response(307, b"", more=f"Location: {self.url}/elsewhere\r\n"))
        await writer.drain()
        return True

    def _act(self, request: Request) -> tuple[int, dict[str, object]]:
        if request.key != self.key:
            return 401, {"error": "wrong key"}
        match (request.method, request.parts):
            case ("GET", ("boards", board)):
                return 200, {"name": board}
            case ("GET", ("boards", board, "notices")):
                return 200, self._list(board, request.query)
            case ("POST", ("boards", board, "notices")):
                name = f"{board}-{len(self.boards.setdefault(board, {})) + 1}"
                return 201, self._put(board, name, request.body)
            case (method, ("boards", board, "notices", name)):
                return self._one(method, board, name, request.body)
        return 404, {"error": "no such address"}

    def _one(
        self, method: str, board: str, name: str, body: dict[str, str]
    ) -> tuple[int, dict[str, object]]:
        notice = self.boards.get(board, {}).get(name)
        if notice is None:
            return 404, {"error": "no such notice"}
        if method == "GET":
            return 200, {**notice}
        if method == "PUT":
            return 200, self._put(board, name, body | {"at": notice["at"]})
        self.boards[board][name] = None
        return 200, {"id": name}

    def _put(self, board: str, name: str, body: dict[str, str]) -> dict[str, object]:
        url = f"{self.url}/{board}/{name}"
        kept = {"at": utc_now().isoformat()} | body | {"id": name, "url": url}
        self.boards[board][name] = kept
        return {**kept}

    def _list(self, board: str, query: dict[str, list[str]]) -> dict[str, object]:
        since, skip = query.get("since", [""])[0], int(query.get("cursor", ["0"])[0])
        notices = [one for one in self.boards.get(board, {}).values() if one is not None]
        young = [one for one in reversed(notices) if one["at"] >= since]
        following = str(skip + _PAGE) if skip + _PAGE < len(young) else None
        return {"notices": young[skip : skip + _PAGE], "next": following}


@asynccontextmanager
async def serving(key: str) -> AsyncIterator[BoardServer]:
    """The server on a free port of this machine, until the block ends."""
    server = BoardServer(key)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    address = urlsplit(target)
    return Request(
        method=method,
        parts=tuple(address.path.strip("/").split("/")),
        query=parse_qs(address.query),
        key=headers.get("x-board-key", ""),
        body=json.loads(body) if body else {},
    )


def _response(status: int, body: bytes, *, kind: str = "application/json", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body
