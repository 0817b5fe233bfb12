"""A real OAuth server on loopback: refresh tokens work once, and it keeps count.

A refresh kills the old access token and the old refresh token at once (zalo-oa-api.md 1.4). What
becomes of the next refreshes is told by `faults`.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.ports import free_port

OA_ID = "579745863508352884"


class Fault(Enum):
    """What becomes of one refresh."""

    SLOW = "answers after half a second"
    COMMIT_THEN_HANG = "gives out a new pair, which never arrives"
    HANG = "does nothing, and does not answer"
    SLOW_DOWN = "asks for fewer calls"
    WRONG_SECRET = "says that the app is not active"


@dataclass
class OAuthServer:
    """The state of one OA, and the ledger."""

    url: str
    serial: int = 1
    refreshes: int = 0
    spent_twice: int = 0  # a spent refresh token came again though its answer had been delivered
    undelivered: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    reads: int = 0
    down: bool = False
    asked: threading.Event = field(default_factory=threading.Event)  # a slow call has come
    answer: threading.Event = field(default_factory=threading.Event)  # and may be answered

    @property
    def access_token(self) -> str:
        return f"access-{self.serial}"

    @property
    def refresh_token(self) -> str:
        return f"refresh-{self.serial}"

    async def trade(self, request: Request) -> Response:
        form = await request.form()
        given = str(form["refresh_token"])
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.HANG:
            await asyncio.sleep(60)
        if fault is Fault.SLOW_DOWN:
            return JSONResponse({"error": -32, "error_name": "Rate limit"})
        if fault is Fault.WRONG_SECRET:
            return JSONResponse({"error": -14002, "error_name": "Invalid app"})
        if given != self.refresh_token:
            if given not in self.undelivered:
                self.spent_twice += 1
            return JSONResponse({"error": -14014, "error_name": "Invalid refresh token"})
        self.serial += 1
        self.refreshes += 1
        if fault is Fault.COMMIT_THEN_HANG:
            self.undelivered.add(given)
            await asyncio.sleep(60)
        if fault is Fault.SLOW:
            self.asked.set()
            while not self.answer.is_set():
                await asyncio.sleep(0.01)
        return JSONResponse(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_in": "90000",
            }
        )

    async def read(self, request: Request) -> Response:
        self.reads += 1
        if self.down:
            return Response("<html>Bad Gateway</html>", status_code=502, media_type="text/html")
        if request.headers.get("access_token") != self.access_token:
            return JSONResponse({"error": -216, "message": "Access token is invalid"})
        if request.url.path.endswith("/getoa"):
            return JSONResponse(
                {"error": 0, "message": "Success", "data": {"oa_id": OA_ID, "name": "OA"}}
            )
        return JSONResponse({"error": 0, "message": "Success", "data": {"medias": [], "total": 0}})


@contextmanager
def running() -> Iterator[OAuthServer]:
    """The server, on a port of its own, until the block ends."""
    port = free_port()
    state = OAuthServer(url=f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/v4/oa/access_token", state.trade, methods=["POST"]),
            Route("/v2.0/article/getslice", state.read),
            Route("/v2.0/oa/getoa", state.read),
        ]
    )
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        yield state
    finally:
        server.should_exit = True
        thread.join(10)
