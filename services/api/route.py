"""The route of every call: bounds the body, insists on its type, keeps the answer."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message
from typing_extensions import override

from services.api import idempotency
from services.api.errors import MediaTypeError, TooLargeError
from services.api.gate import need_known

JSON_BYTES = 1024 * 1024
MEDIA_BYTES = 55 * 1024 * 1024


class Route(APIRoute):
    """A call with a JSON body of at most 1 MiB, or none."""

    body_bytes: ClassVar[int] = JSON_BYTES
    body_type: ClassVar[str] = "application/json"
    asks_first: ClassVar[bool] = False

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            bounded = _bounded(request, self.body_bytes)
            if self.asks_first:
                await need_known(bounded)
            if self.body_field is not None:
                _check_type(bounded, self.body_type)
            # Read here, where too much of it is told as such; kept, so that it can be hashed.
            await bounded.body()
            response = await handle(bounded)
            await idempotency.keep(bounded, response)
            return response

        return guarded


class MediaRoute(Route):
    """A call that brings a file."""

    body_bytes: ClassVar[int] = MEDIA_BYTES
    body_type: ClassVar[str] = "multipart/form-data"
    # The framework reads a body before it asks who calls: a stranger's must not get that far.
    asks_first: ClassVar[bool] = True


def _bounded(request: Request, most: int) -> Request:
    """The same request; reading more than `most` bytes of its body raises TooLargeError."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told) > most:
        raise TooLargeError
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > most:
            raise TooLargeError
        return message

    return Request(request.scope, receive)


def _check_type(request: Request, wanted: str) -> None:
    """Refuses a body of another type: a page of another site can send forms, but no JSON (R81)."""
    told = request.headers.get("content-type", "").split(";")[0].strip().lower()
    empty = request.headers.get("content-length") == "0" or (
        "content-length" not in request.headers and "transfer-encoding" not in request.headers
    )
    if told != wanted and not (empty and not told):
        raise MediaTypeError
