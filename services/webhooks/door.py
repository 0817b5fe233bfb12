"""`/hooks/{channel}/{account id}`: a channel's set-up call and its deliveries.

Statuses: reliability-security.md R68 and R70. Only a stored delivery is answered with 200 (or one
that is deliberately set aside), so whatever goes wrong on our side is sent again by the channel.
"""

from collections.abc import Mapping
from typing import Final, cast
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.delivery.hub import Hub
from services.inbox.receive import Received, handshake, receive
from shared.errors import LoaError, NotFoundError

BODY_BYTES: Final = 4 * 1024 * 1024
PATH: Final = "/hooks/{channel}/{account_id:uuid}"

_STATUS: Final[Mapping[Received, int]] = {
    Received.STORED: 200,
    Received.SEEN_BEFORE: 200,
    Received.QUARANTINED: 200,
    Received.DROPPED: 200,
    Received.REFUSED: 401,
    Received.UNCONFIGURED: 503,
}

_log = structlog.get_logger()
_deliveries = Counter(
    "loa_webhook_deliveries_total", "Deliveries of channels by outcome", ("channel", "outcome")
)


def routes(hub: Hub) -> list[Route]:
    """The routes of this door, to stand at the root of the site."""

    async def taken(request: Request) -> Response:
        return await _answer(hub, request)

    return [Route(PATH, taken, methods=["GET", "POST"])]


async def _answer(hub: Hub, request: Request) -> Response:
    channel = cast(str, request.path_params["channel"])
    account_id = cast(UUID, request.path_params["account_id"])
    try:
        if request.method == "POST":
            return await _delivery(hub, request, channel, account_id)
        return await _handshake(hub, request, channel, account_id)
    except NotFoundError as error:
        if error.code != "channel_broken":
            return _told(404, "no such hook")
        _count(hub, channel, "failed")
        return _told(503, "try again later")
    except (LoaError, SQLAlchemyError, OSError) as error:
        # Our trouble, not the channel's: a status that makes it send again.
        _count(hub, channel, "failed")
        _log.error("webhook_failed", account=str(account_id), error=type(error).__name__)
        return _told(503, "try again later")


async def _handshake(hub: Hub, request: Request, channel: str, account_id: UUID) -> Response:
    async with hub.open_work() as session:
        told = await handshake(
            session,
            hub.registry,
            hub.sealer,
            channel=channel,
            account_id=account_id,
            query=dict(request.query_params),
        )
    return _told(403, "refused") if told is None else _told(200, told)


async def _delivery(hub: Hub, request: Request, channel: str, account_id: UUID) -> Response:
    body = await _body(request)
    if body is None:
        _count(hub, channel, "too_large")
        return _told(413, "too large")
    async with hub.open_work() as session:
        received = await receive(
            session,
            hub.registry,
            hub.sealer,
            channel=channel,
            account_id=account_id,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
    _count(hub, channel, received.value)
    if received not in (Received.STORED, Received.SEEN_BEFORE):
        _log.warning("webhook_not_accepted", account=str(account_id), outcome=received.value)
    return _told(_STATUS[received], received.value)


async def _body(request: Request) -> bytes | None:
    """The raw bytes, which the signature is about; None once they exceed the limit."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY_BYTES:
                return None
            parts.append(part)
    except ClientDisconnect:
        return b""
    return b"".join(parts)


def _count(hub: Hub, channel: str, outcome: str) -> None:
    # The name comes from outside: only known ones may become a series.
    known = channel if channel in hub.registry.names() else "unknown"
    _deliveries.labels(known, outcome).inc()


def _told(status: int, words: str) -> Response:
    return PlainTextResponse(words, status_code=status, headers={"Cache-Control": "no-store"})
