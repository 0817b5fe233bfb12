"""A channel that needs one call per operation and cannot be read back, and the server it calls.

For tests of the loop itself and for the fan-out benchmark: real HTTP over loopback, no oddities.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import uuid4

import httpx
import uvicorn
from pydantic import BaseModel, ConfigDict, SecretStr

from shared.contract.blocks import to_plain
from shared.contract.errors import ChannelNotSentError, ChannelUncertainError
from shared.contract.messages import (
    Call,
    Done,
    Fingerprint,
    Limits,
    Outcome,
    Payload,
    Receipt,
    RemoteId,
    Rendition,
    Revision,
    Step,
)
from shared.http import Clients, classify
from tests.support.ports import free_port


class Settings(BaseModel):
    """Where the wall stands and which one it is."""

    model_config = ConfigDict(extra="forbid")
    wall: str
    base: str


class Credentials(BaseModel):
    """The key of the wall."""

    model_config = ConfigDict(extra="forbid")
    key: SecretStr = SecretStr("key")


class OneCall:
    """Posts a text to a wall: publish, update and withdraw are one call each."""

    name: ClassVar[str] = "one_call"
    pull: ClassVar[bool] = False
    limits: ClassVar[Limits] = Limits(text_chars=20_000)
    settings_form: ClassVar[type[BaseModel]] = Settings
    credentials_form: ClassVar[type[BaseModel]] = Credentials

    def __init__(self) -> None:
        self.clients = Clients()

    def remote_id_of(self, settings: BaseModel) -> str:
        assert isinstance(settings, Settings)
        return settings.wall

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        text = revision.text or to_plain(revision.blocks)
        return Rendition(
            payload={"text": f"{revision.title}\n\n{text}\n\n{revision.url}", "link": revision.url}
        )

    def fingerprint(self, payload: Payload) -> Fingerprint:
        return Fingerprint(link=str(payload["link"]), text=str(payload["text"]))

    def step(self, call: Call) -> Step:
        return Step(name=call.operation.value, repeatable=call.remote_id is not None)

    async def publish(self, call: Call) -> Outcome:
        assert call.payload is not None
        answer = await self._ask(call, "POST", "", {"text": str(call.payload["text"])})
        return Done(receipt=Receipt(remote_id=RemoteId(answer["id"])))

    async def update(self, call: Call) -> Outcome:
        assert call.payload is not None
        assert call.remote_id is not None
        await self._ask(call, "PUT", f"/{call.remote_id}", {"text": str(call.payload["text"])})
        return Done(receipt=Receipt(remote_id=call.remote_id))

    async def withdraw(self, call: Call) -> Outcome:
        assert call.remote_id is not None
        await self._ask(call, "DELETE", f"/{call.remote_id}", None)
        return Done(receipt=Receipt(remote_id=call.remote_id))

    async def _ask(
        self, call: Call, method: str, path: str, body: Mapping[str, str] | None
    ) -> Mapping[str, str]:
        settings = call.account.settings
        assert isinstance(settings, Settings)
        async with self.clients.one() as client:
            try:
                answer = await client.request(
                    method, f"{settings.base}/walls/{settings.wall}/posts{path}", json=body
                )
            except httpx.HTTPError as error:
                raise classify(error) from error
        if answer.status_code == 429:
            raise ChannelNotSentError("slow_down")
        if answer.status_code != 200:
            raise ChannelUncertainError("odd_answer", remote_code=str(answer.status_code))
        told: Mapping[str, str] = answer.json()
        return told


Scope = Mapping[str, object]
Send = Callable[[Mapping[str, object]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, object]]]


@dataclass(slots=True)
class Wall:
    """What was ever posted on one wall: id → text now (None: taken down), and every call made."""

    posts: dict[str, str | None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @property
    def visible(self) -> list[str]:
        """What a citizen sees now."""
        return [text for text in self.posts.values() if text is not None]


@dataclass(slots=True)
class WallServer:
    """All walls, as a plain ASGI application that does as little as it can."""

    walls: dict[str, Wall] = field(default_factory=dict)
    base: str = ""
    delay: float = 0.0
    before: Callable[[str, str], Awaitable[int | None]] | None = None
    next_id: str | None = None  # what the next post is called, once; None: something new

    def wall(self, name: str) -> Wall:
        """The wall of this name; made at the first look."""
        return self.walls.setdefault(name, Wall())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves `/walls/{wall}/posts[/{id}]`."""
        if scope["type"] != "http":
            return
        _, _, name, _, *rest = str(scope["path"]).split("/")
        body = b""
        while True:
            part = await receive()
            chunk = part.get("body", b"")
            body += chunk if isinstance(chunk, bytes) else b""
            if not part.get("more_body"):
                break
        status = await self.before(str(scope["method"]), name) if self.before else None
        if self.delay:
            await asyncio.sleep(self.delay)
        wall = self.wall(name)
        if rest:
            (post,) = rest
        else:
            post, self.next_id = self.next_id or uuid4().hex, None
        if status is None:
            wall.calls.append(str(scope["method"]))
            text = json.loads(body)["text"] if body else None
            wall.posts[post] = text
        await send(
            {
                "type": "http.response.start",
                "status": status or 200,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": b'{"id": "%s"}' % post.encode()})


@asynccontextmanager
async def serving(server: WallServer) -> AsyncIterator[WallServer]:
    """The wall server on a free port of this machine, until the block ends."""
    port = free_port()
    server.base = f"http://127.0.0.1:{port}"
    runner = uvicorn.Server(
        uvicorn.Config(
            server, host="127.0.0.1", port=port, log_config=None, log_level="error", lifespan="off"
        )
    )
    task = asyncio.create_task(runner.serve())
    while not runner.started:
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        runner.should_exit = True
        await task
