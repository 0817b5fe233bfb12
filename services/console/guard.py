"""What stands before every page: who is there, did they mean it, and how a failure is told.

Sources: reliability-security.md R78, R81, R83; console-ux.md sections 4 (S27) and 13.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit
from uuid import uuid4

import structlog
from python_multipart.exceptions import MultipartParseError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from services.audit.acts import Act
from services.audit.append import record_refusal
from services.console.ask import Ask, faults_of, refusal_text
from services.console.catalogue import Language, Words, language_of
from services.console.drawing import Drawing
from services.console.packing import packed
from services.delivery.hub import Hub
from services.staff.caller import Caller
from services.staff.cookies import STRICT_TRANSPORT, cookie_name, is_https
from services.staff.preferences import preferences
from services.staff.sign_in import caller_of_session
from shared.clock import utc_now
from shared.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    LoaError,
    NotFoundError,
)

Handler: TypeAlias = Callable[[Ask], Awaitable[Response]]
Method: TypeAlias = Literal["GET", "POST"]

LANGUAGE: Final = "loa-language"
FORM_BYTES: Final = 512 * 1024
# A form's own fields; what a person typed is all the rest.
OURS: Final = frozenset({"csrf"})
_FIELDS: Final = 6_000  # without script an item's accounts come one by one: 5,000 at most
_FILES: Final = 20
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
        "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
    }
)
_STATUS: Final[Mapping[type[LoaError], int]] = MappingProxyType(
    {NotFoundError: 404, ConflictError: 409, ForbiddenError: 403, InvalidError: 422}
)
# Refusals of rights and of four eyes are acts that an auditor wants to see.
_TOLD_TO_AUDIT: Final = frozenset(
    {"role_needed", "four_eyes", "person_needed", "content_changed", "forbidden"}
)
_AWAY: Final = (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One address of the console. `roles` empty: anybody who is signed in.

    The rooms check rights too; here they decide what the navigation offers and what is refused
    before anything is read.
    """

    method: Method
    path: str
    handler: Handler
    roles: tuple[str, ...] = ()
    most_bytes: int = FORM_BYTES


def get(path: str, handler: Handler, *, roles: tuple[str, ...] = ()) -> Page:
    """A page to read."""
    return Page(method="GET", path=path, handler=handler, roles=roles)


def post(
    path: str, handler: Handler, *, roles: tuple[str, ...] = (), most_bytes: int = FORM_BYTES
) -> Page:
    """An act: a form that is sent."""
    return Page(method="POST", path=path, handler=handler, roles=roles, most_bytes=most_bytes)


class TooLargeError(InvalidError):
    """More was sent than this form takes."""

    default_code = "too_large"


class Guard:
    """Makes routes of pages: each asks who is there before its handler runs."""

    def __init__(self, hub: Hub, drawing: Drawing) -> None:
        self.hub = hub
        self.drawing = drawing

    def route(self, page: Page) -> Route:
        """The route of one page."""

        async def answer(request: Request) -> Response:
            response = await self._answer(request, page)
            return packed(self.dressed(response), request)

        return Route(page.path, answer, methods=[page.method])

    def dressed(self, response: Response) -> Response:
        """The same answer with the headers of every page."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if is_https(self.hub.public_url):
            response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        return response

    async def caller(self, request: Request, *, touch: bool = True) -> Caller | None:
        """Who is behind the cookie of a request; without `touch` the session does not look used."""
        cookie = request.cookies.get(cookie_name(self.hub.public_url))
        if not cookie:
            return None
        async with self.hub.open_work() as session:
            caller = await caller_of_session(
                session,
                cookie,
                utc_now(),
                request=request.state.request_id,
                address=request.client.host if request.client else None,
            )
            if not touch:
                await session.rollback()
            return caller

    async def lost(self, request: Request, _: Exception) -> Response:
        """The page for an address that nothing stands under; programs get a line."""
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("Không có địa chỉ này · There is no such address", 404)
        begun(request)
        language = language_of(request.cookies.get(LANGUAGE))
        response = await self._refused(request, None, NotFoundError("page_not_found"), language)
        return self.dressed(response)

    def from_here(self, request: Request) -> bool:
        """Whether a browser sends this from a page of ours; programs send neither header."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        here = urlsplit(self.hub.public_url)
        return site in ("same-origin", "none") and origin in (
            None,
            f"{here.scheme}://{here.netloc}",
        )

    async def _answer(self, request: Request, page: Page) -> Response:
        begun(request)
        language = language_of(request.cookies.get(LANGUAGE))
        ask: Ask | None = None
        form = FormData()
        try:
            caller = await self.caller(request)
            if caller is None and request.method == "GET":
                return self._to_sign_in(request)
            # Whom nobody knows may not fill the disk: of a form their words are kept, not files.
            most = page.most_bytes if caller else min(page.most_bytes, FORM_BYTES)
            form = await bounded_form(request, most)
            if caller is None:
                return self._sign_in_first(request, form, language)
            language = language_of(caller.locale)
            async with self.hub.open_work() as session:
                chosen = await preferences(session, caller.staff_id)
            ask = Ask(
                request=request,
                hub=self.hub,
                drawing=self.drawing,
                caller=caller,
                language=language,
                preferences=chosen,
                form=form,
            )
            with structlog.contextvars.bound_contextvars(
                request=request.state.request_id, actor=caller.actor.name
            ):
                if page.method == "POST":
                    self._need_meant(ask)
                if page.roles:
                    caller.need_role(*page.roles)
                return await page.handler(ask)
        except LoaError as error:
            return await self._refused(request, ask, error, language)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except HTTPException as error:
            return await self._refused(
                request, ask, InvalidError("body_unreadable", status=error.status_code), language
            )
        except _AWAY as error:
            _log.warning("console.unavailable", error=type(error).__name__)
            return await self._failed(request, ask, 503, language)
        except Exception as error:  # noqa: BLE001  # outermost: a person must get a page
            if isinstance(error, DBAPIError) and _passing(error):
                return await self._failed(request, ask, 503, language)
            _log.exception("console.bug", request=request.state.request_id)
            return await self._failed(request, ask, 500, language)
        finally:
            await form.close()

    def _need_meant(self, ask: Ask) -> None:
        if not self.from_here(ask.request):
            raise ForbiddenError("origin")
        given = ask.request.headers.get("x-csrf-token") or ask.text("csrf")
        wanted = ask.caller.csrf or ""
        if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise ForbiddenError("csrf")

    def _to_sign_in(self, request: Request) -> Response:
        """To the sign-in page, which leads back here."""
        here = request.url.path.removeprefix(self.drawing.url(""))
        if request.url.query:
            here += f"?{request.url.query}"
        after = f"?next={quote(here, safe='/')}" if here != "/" else ""
        address = self.drawing.url(f"/sign-in{after}")
        if "hx-request" in request.headers:
            return Response(status_code=200, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)

    def _sign_in_first(self, request: Request, form: FormData, language: Language) -> Response:
        """The session has ended under somebody who was writing: nothing of it may be lost.

        The sign-in page carries what they sent, and sends it again for them afterwards.
        """
        kept = [
            (name, value)
            for name, value in form.multi_items()
            if isinstance(value, str) and name not in OURS
        ]
        here = request.url.path.removeprefix(self.drawing.url(""))
        html = self.drawing.page(
            language,
            "sign_in.html",
            {
                "kept": kept,
                "kept_path": here,
                "next": here,
                "email": "",
                "fault": Words(language).gettext(
                    "Phiên làm việc đã kết thúc. Hãy đăng nhập lại: những gì bạn vừa gửi vẫn còn."
                ),
                "otp": False,
                "step": "",
                "nobody": False,
            },
        )
        return HTMLResponse(html, 401)

    async def _refused(
        self, request: Request, ask: Ask | None, error: LoaError, language: Language
    ) -> Response:
        status = next(
            (code for kind, code in _STATUS.items() if isinstance(error, kind)),
            413 if isinstance(error, TooLargeError) else 500,
        )
        if isinstance(error, TooLargeError):
            status = 413
        if status == 500:
            _log.error("console.failed", code=error.code, request=request.state.request_id)
        if ask is not None and error.code in _TOLD_TO_AUDIT:
            approving = request.url.path.endswith("/approve")
            await record_refusal(
                self.hub.open_work,
                ask.caller.actor,
                Act.APPROVAL_REFUSED if approving else Act.ACT_REFUSED,
                _object_of(request),
                code=error.code,
                unit=ask.caller.unit_id,
                details={"call": f"{request.method} {request.url.path}"},
            )
        told = refusal_text(error, language)
        faults = faults_of(error, language) if isinstance(error, InvalidError) else {}
        return await self._told(request, ask, status, language, told, tuple(faults.values()))

    async def _failed(
        self, request: Request, ask: Ask | None, status: int, language: Language
    ) -> Response:
        words = Words(language)
        told = (
            words.gettext("Loa tạm thời chưa làm được việc này. Hãy thử lại sau ít phút.")
            if status == 503
            else words.gettext("Có lỗi trong Loa. Chưa có gì bị thay đổi bởi lần gửi này.")
        )
        return await self._told(request, ask, status, language, told, ())

    async def _told(
        self,
        request: Request,
        ask: Ask | None,
        status: int,
        language: Language,
        told: str,
        faults: tuple[str, ...],
    ) -> Response:
        values: dict[str, object] = {
            "status": status,
            "told": told,
            "faults": faults,
            "code": request.state.request_id[:8].upper(),
        }
        if "hx-request" in request.headers:
            html = self.drawing.part(language, "problem.html", "notice", values)
            return HTMLResponse(html, status)
        return HTMLResponse(self.drawing.page(language, "problem.html", values), status)


def begun(request: Request) -> None:
    """Gives a request its id and its instant; safe to repeat."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = uuid4().hex
        request.state.now = utc_now()


async def bounded_form(request: Request, most: int) -> FormData:
    """What a POST carries, at most `most` bytes of it. Raises TooLargeError, InvalidError."""
    if request.method != "POST":
        return FormData()
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

    try:
        return await Request(request.scope, receive).form(
            max_fields=_FIELDS, max_files=_FILES, max_part_size=most
        )
    except MultipartParseError as error:
        raise InvalidError("body_unreadable") from error


def _object_of(request: Request) -> str:
    for name, kind in (
        ("item_id", "item"),
        ("publication_id", "publication"),
        ("account_id", "account"),
    ):
        if name in request.path_params:
            return f"{kind}:{request.path_params[name]}"
    return f"call:{request.url.path}"


# Lost connection, deadlock, serialisation, too many connections, shutting down: they pass by
# themselves.
_PASSING: Final = frozenset(
    {"08000", "08003", "08006", "40001", "40P01", "53300", "57P01", "57P02", "57P03"}
)


def _passing(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING
