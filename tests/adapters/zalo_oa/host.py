"""A real host on loopback that gives prepared answers, byte for byte, and keeps what it was asked.

The sandbox behaves; this one misbehaves in ways that a polite server cannot.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        read: dict[str, object] = json.loads(self.body)
        return read


@dataclass(slots=True)
class ScriptedHost:
    """Answers in order; an empty answer closes the connection, None says nothing for a while."""

    url: str = ""
    answers: list[bytes | None] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def will(self, *answers: bytes | None) -> None:
        """Prepares the next answers."""
        self.answers.extend(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads one request, gives one answer, closes."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {
                name.lower(): value
                for name, value in (line.split(": ", 1) for line in lines if ": " in line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.asked.append(Asked(method, target, headers, body))
            answer = self.answers.pop(0) if self.answers else b""
            if answer is None:
                await asyncio.sleep(1)
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.asked.append(Asked("BROKEN", "", {}, b""))
        finally:
            writer.close()


@asynccontextmanager
async def scripted_host() -> AsyncIterator[ScriptedHost]:
    """A host for the length of one test."""
    host = ScriptedHost()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield host


def raw(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode() + body


def said(body: object, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A JSON answer."""
    typed = f"Content-Type: application/json\r\n{headers}"
    return raw(json.dumps(body).encode(), status=status, headers=typed)


def good(data: object = None, *, headers: str = "") -> bytes:
    """Zalo's success."""
    return said({"error": 0, "message": "Success", "data": data}, headers=headers)


def refused(error: int, message: str = "no", *, headers: str = "") -> bytes:
    """Zalo's refusal: HTTP 200 with a code in the body."""
    return said({"error": error, "message": message}, headers=headers)
