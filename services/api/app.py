"""The JSON API as one application, to stand under `/api/v1`. Contract: contract.md section 4."""

from typing import Any, Final
from uuid import uuid4

import structlog
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api import problems
from services.api.calls import (
    accounts,
    connecting,
    events,
    items,
    media,
    publications,
    record,
    session,
    sources,
    switches,
)
from services.delivery.hub import Hub

PREFIX: Final = "/api/v1"
VERSION: Final = "1"
_DESCRIPTION: Final = (
    "Viết một lần, hai người đồng ý, mọi kênh chính thức cùng hiển thị. "
    "One item, two people, every official channel."
)


def create_app(hub: Hub) -> FastAPI:
    """The API of this hub; mount it at `PREFIX`. Its description is at `PREFIX/openapi.json`."""
    app = FastAPI(
        title="Loa",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
    )
    app.state.hub = hub
    # Routes are tried one by one: what programs ask for most comes first, and each stands in the
    # application itself, since a router within it would look for its routes twice.
    for part in (
        items,
        publications,
        session,
        accounts,
        connecting,
        media,
        sources,
        switches,
        record,
        events,
    ):
        app.router.routes.extend(part.router.routes)
    problems.install(app)
    app.add_middleware(Envelope)
    _describe(app)
    return app


class Envelope:
    """Gives every request an id, and every answer the headers that are the same for all."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # Our own, never the caller's: it stands in the record.
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
                headers["Vary"] = "Accept-Language, Authorization, Cookie"
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            await self.app(scope, receive, send_on)


def _describe(app: FastAPI) -> None:
    """Adds the problem document, which every refusal refers to, to the description."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            description = plain()
            components = description.setdefault("components", {})
            components.setdefault("schemas", {}).update(problems.schemas())
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way
