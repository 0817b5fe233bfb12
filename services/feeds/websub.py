"""`/websub`: where portals subscribe to be pushed to, and a page that says how.

Statuses: 202 for what is taken on (the worker asks the callback later), 4xx with plain words else.
Source: W3C Recommendation WebSub, section 5; feeds.md section 8.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.delivery import words
from services.delivery.hub import Hub
from services.feeds.allowance import Allowance
from services.feeds.page import Pages
from services.staff import agency
from services.syndication.websub import PATH, ask, wish_of
from shared.clock import steady_seconds
from shared.errors import ConflictError, InvalidError, LoaError, NotFoundError

BODY_BYTES: Final = 16 * 1024
_FIELDS: Final = 50
_FORM: Final = "application/x-www-form-urlencoded"
# A portal subscribes to all its feeds at once, and then not for days.
_EACH_SECOND: Final = 0.5
_AT_ONCE: Final = 60.0
_PAGE: Final[Mapping[str, str]] = {
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
# Refusals for now, not for good: whoever asks may come back.
_STATUS: Final[Mapping[str, int]] = {
    "websub_asked_often": 429,
    "websub_host_full": 429,
    "websub_busy": 503,
    "websub_full": 503,
}
_RETRY_AFTER: Final[Mapping[str, str]] = {"websub_asked_often": "3600", "websub_busy": "300"}

_log = structlog.get_logger()
_requests = Counter(
    "loa_websub_requests_total", "Requests of WebSub subscribers by outcome", ("outcome",)
)


def routes(hub: Hub) -> list[Route]:
    """The routes of this file, to stand at the root of the site."""
    pages = Pages(hub)
    allowance = Allowance(each_second=_EACH_SECOND, at_once=_AT_ONCE)

    async def shown(_: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
        return HTMLResponse(pages.websub(house), headers=_PAGE)

    async def asked(request: Request) -> Response:
        who = request.client.host if request.client else ""
        wait = allowance.wait(who, steady_seconds())
        if wait > 0:
            return _told("limited", 429, _OFTEN, {"Retry-After": str(int(wait) + 1)})
        return await _answer(hub, request)

    return [
        Route(PATH, shown, methods=["GET"]),
        Route(PATH, asked, methods=["POST"]),
    ]


_OFTEN: Final = (
    "Địa chỉ của bạn gửi quá nhiều yêu cầu. Hãy thử lại sau ít phút.",
    "Your address sends too many requests. Try again in a few minutes.",
)
_UNREADABLE: Final = (
    "Không đọc được biểu mẫu, nên chưa nhận. Hãy gửi application/x-www-form-urlencoded, UTF-8.",
    "The form cannot be read, so nothing was taken. Send application/x-www-form-urlencoded, UTF-8.",
)
_LARGE: Final = (
    "Yêu cầu quá dài, nên chưa nhận.",
    "The request is too long, so nothing was taken.",
)
_LATER: Final = (
    "Loa đang gặp trục trặc, nên chưa nhận. Hãy thử lại sau ít phút.",
    "Loa has a fault of its own, so nothing was taken. Try again in a few minutes.",
)
_TAKEN: Final = (
    "Đã nhận. Nếu là đăng ký, Loa sẽ gọi địa chỉ nhận để xác nhận.",
    "Taken. A subscription is confirmed by a call to its callback.",
)


async def _answer(hub: Hub, request: Request) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        return _told("unreadable", 415, _UNREADABLE)
    body = await _body(request)
    if body is None:
        return _told("too_large", 413, _LARGE)
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
        )
    except ValueError:
        return _told("unreadable", 400, _UNREADABLE)
    try:
        wish = wish_of(fields)
        async with hub.open_work() as session:
            await ask(session, hub, wish)
    except (InvalidError, NotFoundError, ConflictError) as error:
        return _refused(error)
    except (LoaError, SQLAlchemyError, OSError) as error:
        _log.error("websub.request_failed", error=type(error).__name__)
        return _told("failed", 503, _LATER, {"Retry-After": "60"})
    return _told(wish.mode, 202, _TAKEN)


def _refused(error: LoaError) -> Response:
    usual = 404 if isinstance(error, NotFoundError) else 400
    status = _STATUS.get(error.code, usual)
    later = _RETRY_AFTER.get(error.code)
    both = tuple(words.refusal(error.code, language, **error.values) for language in ("vi", "en"))
    return _told("refused", status, both, {"Retry-After": later} if later else {})


async def _body(request: Request) -> bytes | None:
    """The whole body; None once it exceeds the limit."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _told(
    outcome: str, status: int, both: tuple[str, ...], more: Mapping[str, str] | None = None
) -> Response:
    _requests.labels(outcome).inc()
    return PlainTextResponse(
        " · ".join(both) + "\n",
        status_code=status,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(more or {})},
    )
