"""Every refusal as a problem document: one table from class to status, one shape for all.

Source: RFC 9457 (`application/problem+json`); contract.md section 4.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from services.api import idempotency, words
from services.api.errors import (
    MediaTypeError,
    PreconditionRequiredError,
    TooLargeError,
    UnauthenticatedError,
)
from services.api.state import caller_of, hub_of, object_of, request_id_of
from services.audit.acts import Act
from services.audit.append import record_refusal
from services.delivery import field_words, rendition_words
from shared.contract.errors import ChannelError
from shared.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    LoaError,
    NotFoundError,
)
from shared.text import clean

MEDIA_TYPE: Final = "application/problem+json"
FIELDS_TOLD: Final = 50

_log = structlog.get_logger()

STATUS: Final[Mapping[type[LoaError], int]] = {
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    MediaTypeError: 415,
    InvalidError: 422,
    PreconditionRequiredError: 428,
    ChannelError: 502,
    LoaError: 500,
}
# Codes for which HTTP has a word of its own.
STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "stale_version": 412,
    "sign_in_failed": 401,
    "otp_needed": 401,
    "sign_in_limited": 429,
    "tries_limited": 429,
    "channel_broken": 503,
}
# Refusals that say something about the person who tried (R64): they are written down.
_TOLD_TO_AUDIT: Final = frozenset(
    {"four_eyes", "content_changed", "person_needed", "role_needed", "scope_needed"}
)
_HTTP_CODES: Final[Mapping[int, str]] = {
    400: "body_unreadable",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "too_large",
}
# PostgreSQL: connection lost, serialization failure, deadlock, too many connections, lock not
# available, statement cancelled, shutdown.
_PASSING: Final = frozenset(
    {"08000", "08003", "08006", "40001", "40P01", "53300", "55P03", "57014"}
    | {"57P01", "57P02", "57P03"}
)

Responses: TypeAlias = dict[int | str, dict[str, object]]


class FieldProblem(BaseModel):
    """One field that cannot be accepted."""

    field: str
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """What went wrong, for people (`title`, `detail`) and for programs (`code`, `errors`)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]


def schemas() -> dict[str, object]:
    """The schemas that refusals refer to, for the description of the API."""
    found = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**found.pop("$defs"), ProblemDocument.__name__: found}


def documented(*statuses: int) -> Responses:
    """Error answers of an operation for its OpenAPI entry."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {
            "description": words.title(status, "en"),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted(statuses)
    }


def status_of(error: LoaError) -> int:
    """The status that a refusal is answered with."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(request: Request, error: LoaError) -> JSONResponse:
    """The problem document of a refusal, in the reader's language."""
    status = status_of(error)
    language = language_of(request)
    document = ProblemDocument(
        type=f"urn:loa:problem:{error.code}",
        title=words.title(status, language),
        status=status,
        detail=words.channel(error.code, language)
        if isinstance(error, ChannelError)
        else words.detail(error.code, language, error.values),
        code=error.code,
        errors=[
            FieldProblem(
                field=one.field,
                code=one.code,
                detail=rendition_words.told(one.code, one.detail, language)
                if error.code == "blocking_problems"
                else words.side(one.detail, language),
            )
            for one in (error.fields if isinstance(error, InvalidError) else ())
        ],
    )
    headers: dict[str, str] = {"Content-Language": language}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="loa"'
    if status == 429:
        headers["Retry-After"] = str(error.values.get("seconds", 60))
    if status == 503:
        headers["Retry-After"] = "5"
    return JSONResponse(
        document.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def language_of(request: Request) -> words.Language:
    """The language in which this reader is answered."""
    caller = caller_of(request)
    own = caller.locale if caller else "vi"
    return words.language_of(request.headers.get("accept-language"), own)


def install(app: FastAPI) -> None:
    """Makes every way to fail answer with a problem document."""
    app.add_exception_handler(LoaError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for kind in (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError):
        app.add_exception_handler(kind, _on_unavailable)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(idempotency.ReplayError, _on_replay)
    app.add_exception_handler(Exception, _on_bug)


async def _on_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answers a refusal. By now the refused transaction is rolled back, so it can be recorded."""
    assert isinstance(error, LoaError)  # noqa: S101  # registered for this class alone
    response = answer(request, error)
    caller = caller_of(request)
    if caller is not None and error.code in _TOLD_TO_AUDIT:
        approving = request.url.path.endswith("/approve")
        await record_refusal(
            hub_of(request).open_work,
            caller.actor,
            Act.APPROVAL_REFUSED if approving else Act.ACT_REFUSED,
            object_of(request),
            code=error.code,
            unit=caller.unit_id,
            details={"call": f"{request.method} {request.url.path}"},
        )
    if response.status_code >= 500:
        _log.error("api_failed", code=error.code, request=request_id_of(request))
        await idempotency.release(request)
    else:
        await idempotency.keep_refusal(request, response)
    return response


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it alone
    language = language_of(request)
    fields = tuple(_field_errors(error.errors(), language))
    return await _on_refusal(request, InvalidError("invalid_request", fields=fields[:FIELDS_TOLD]))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: no such route, no such method, an unreadable body."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    code = _HTTP_CODES.get(error.status_code, "invalid_request")
    known: dict[int, type[LoaError]] = {404: NotFoundError, 413: TooLargeError}
    response = answer(request, known.get(error.status_code, InvalidError)(code))
    if error.status_code == 405:
        response = answer_as(request, 405, code)
        response.headers["Allow"] = ", ".join(_methods(request))
    await idempotency.release(request)
    return response


def _methods(request: Request) -> list[str]:
    """What may be done at an address. The framework names the methods of one of its calls only."""
    return sorted(
        {
            method
            for route in request.app.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in getattr(route, "methods", None) or ()
        }
    )


def answer_as(request: Request, status: int, code: str) -> JSONResponse:
    """A problem document for a status that no error of ours stands for."""
    language = language_of(request)
    document = ProblemDocument(
        type=f"urn:loa:problem:{code}",
        title=words.title(status, language),
        status=status,
        detail=words.detail(code, language, {}),
        code=code,
        errors=[],
    )
    return JSONResponse(
        document.model_dump(),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, **({"Retry-After": "5"} if status == 503 else {})},
    )


async def _on_unavailable(request: Request, error: Exception) -> JSONResponse:
    _log.warning("api_unavailable", error=type(error).__name__, request=request_id_of(request))
    await idempotency.release(request)
    return answer_as(request, 503, "unavailable")


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    """A database error: some pass by themselves, every other one is a bug of ours."""
    assert isinstance(error, DBAPIError)  # noqa: S101  # registered for this class alone
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING:
        return await _on_unavailable(request, error)
    _log.error(
        "api_bug", request=request_id_of(request), error=type(error).__name__, exc_info=error
    )
    await idempotency.release(request)
    return answer_as(request, 500, "internal")


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    # The server logs the traceback: the framework raises the error again behind this answer.
    _log.error("api_bug", request=request_id_of(request), error=type(error).__name__)
    await idempotency.release(request)
    return answer_as(request, 500, "internal")


async def _on_replay(request: Request, error: Exception) -> idempotency.Replayed:
    assert isinstance(error, idempotency.ReplayError)  # noqa: S101  # registered for it alone
    return error.response


def _field_errors(
    found: Iterable[Mapping[str, object]], language: words.Language
) -> Iterable[FieldError]:
    for one in found:
        place = one.get("loc")
        parts = [str(part) for part in place] if isinstance(place, tuple | list) else []
        # The first part only says body, query, path or header: people know the field by its name.
        code = str(one.get("type", "invalid"))
        # Behind that part stands the name, but the place in the text where this is no JSON.
        named = len(parts) > 1 and code != "json_invalid"
        name = ".".join(parts[1:] if named else parts[:1])
        yield FieldError(
            field=clean(name)[:200], code=code, detail=field_words.fault(code, language)
        )
