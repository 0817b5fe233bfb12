"""One effect per `Idempotency-Key`, however often the request comes (reliability-security.md R14).

A request first claims its key in a transaction of its own, so a second one sees that it runs. The
answer is written in the transaction of the effect, on the condition that the claim is still ours:
either both exist or neither. A claim whose request died may be taken over after a minute; should
the dead one wake up, its condition fails and its effect is rolled back.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, cast

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from services.api.state import hub_of
from services.staff.caller import Caller
from shared.errors import ConflictError, InvalidError

HEADER: Final = "Idempotency-Key"
_KEPT_HEADERS: Final = ("content-type", "content-language", "etag", "location")
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)', re.IGNORECASE)

_log = structlog.get_logger()

Replayed: TypeAlias = Response

_CLAIM = text(
    """
    INSERT INTO idempotent_answer AS a (caller, route, key, request_hash, headers, started_at)
    VALUES (:caller, :route, :key, :hash, '{}', clock_timestamp())
    ON CONFLICT (caller, route, key) DO UPDATE SET
      request_hash = excluded.request_hash, status = NULL, headers = '{}', body = NULL,
      started_at = excluded.started_at, ended_at = NULL
    WHERE a.started_at < now() - interval '7 days'
       OR (a.ended_at IS NULL AND a.started_at < now() - interval '60 seconds'
           AND a.request_hash = excluded.request_hash)
    RETURNING started_at
    """
)
_READ = text(
    "SELECT request_hash, status, headers, body FROM idempotent_answer"
    " WHERE caller = :caller AND route = :route AND key = :key"
)
_FINISH = text(
    """
    UPDATE idempotent_answer
       SET status = :status, headers = CAST(:headers AS jsonb), body = :body, ended_at = now()
     WHERE caller = :caller AND route = :route AND key = :key
       AND started_at = :started_at AND ended_at IS NULL
    RETURNING key
    """
)
_RELEASE = text(
    "DELETE FROM idempotent_answer WHERE caller = :caller AND route = :route AND key = :key"
    " AND started_at = :started_at AND ended_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key that this request has claimed; `started_at` tells it from earlier claims."""

    caller: str
    route: str
    key: str
    started_at: datetime


class ReplayError(Exception):
    """Not an error: the request was answered before, and this is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


async def claim(request: Request, caller: Caller, key: str) -> None:
    """Claims the key for this request, or raises what a repeated request gets.

    ReplayError with the first answer; InvalidError `idempotency_mismatch` for another body;
    ConflictError `idempotency_running` while the first one has not ended.
    """
    named = {
        "caller": caller.actor.name,
        "route": f"{request.method} {request.url.path}",
        "key": key,
    }
    hashed = _request_hash(request, await request.body())
    async with hub_of(request).open_work() as session:
        started_at = (await session.execute(_CLAIM, {**named, "hash": hashed})).scalar_one_or_none()
        if started_at is None:
            earlier = (await session.execute(_READ, named)).one_or_none()
            if earlier is None:  # released between the two statements: the client may ask again
                raise ConflictError("idempotency_running")
            if earlier.request_hash != hashed:
                raise InvalidError("idempotency_mismatch")
            if earlier.status is None:
                raise ConflictError("idempotency_running")
            raise ReplayError(
                Response(
                    content=earlier.body,
                    status_code=earlier.status,
                    headers={**earlier.headers, "Idempotency-Replayed": "true"},
                )
            )
    request.state.claim = Claim(**named, started_at=started_at)


async def keep(request: Request, response: Response) -> None:
    """Writes the answer into the transaction of the effect; nothing to do without a claim.

    Raises ConflictError when the claim was taken over meanwhile, which rolls the effect back.
    """
    claimed = _claim_of(request)
    if claimed is None:
        return
    session: AsyncSession | None = getattr(request.state, "session", None)
    if session is not None:
        await session.flush()
        await _finish(session, claimed, response)
        return
    async with hub_of(request).open_work() as own:
        await _finish(own, claimed, response)


async def keep_refusal(request: Request, response: Response) -> None:
    """Writes a refusal as the answer, in a transaction of its own: its effect was rolled back."""
    claimed = _claim_of(request)
    if claimed is None:
        return
    async with hub_of(request).open_work() as session:
        await session.execute(_FINISH, _values(claimed, response))


async def release(request: Request) -> None:
    """Gives the key back after a failure of ours, so that the same request may be tried again.

    An answer that was committed all the same stays: then the effect happened.
    """
    claimed = _claim_of(request)
    if claimed is None:
        return
    try:
        async with hub_of(request).open_work() as session:
            await session.execute(
                _RELEASE,
                {
                    "caller": claimed.caller,
                    "route": claimed.route,
                    "key": claimed.key,
                    "started_at": claimed.started_at,
                },
            )
    except (SQLAlchemyError, OSError) as error:
        # The claim lapses by itself after a minute.
        _log.warning("idempotency_not_released", error=type(error).__name__)


async def _finish(session: AsyncSession, claimed: Claim, response: Response) -> None:
    kept = (await session.execute(_FINISH, _values(claimed, response))).one_or_none()
    if kept is None:
        raise ConflictError("idempotency_running")


def _values(claimed: Claim, response: Response) -> dict[str, object]:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return {
        "caller": claimed.caller,
        "route": claimed.route,
        "key": claimed.key,
        "started_at": claimed.started_at,
        "status": response.status_code,
        "headers": json.dumps(headers),
        "body": bytes(response.body),
    }


def _claim_of(request: Request) -> Claim | None:
    return cast("Claim | None", getattr(request.state, "claim", None))


def _request_hash(request: Request, body: bytes) -> bytes:
    """What makes two requests the same: query, media type and body.

    A client that builds a form anew chooses another boundary between its parts; that alone makes no
    other request, nor does another parameter of the type.
    """
    kind = request.headers.get("content-type", "")
    boundary = _BOUNDARY.search(kind)
    if boundary is not None:
        body = body.replace(boundary[1].encode(), b"")
    kind = kind.split(";")[0].strip().lower()
    seal = hashlib.sha256()
    for part in (request.url.query.encode(), kind.encode(), body):
        seal.update(len(part).to_bytes(8, "big"))
        seal.update(part)
    return seal.digest()
