"""Signing in and out, and the language of whoever is not signed in."""

import base64
import json
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.console.ask import Ask, refusal_text, safe_path
from services.console.catalogue import Language, Words, language_of
from services.console.frame import brand_of
from services.console.guard import LANGUAGE, Guard, Page, begun, bounded_form, post
from services.staff.cookies import cookie_name, is_https
from services.staff.people import set_locale
from services.staff.sign_in import Ages, SignedIn, SignInFailedError, sign_in, sign_out
from services.staff.tables import Staff
from shared.clock import utc_now
from shared.errors import LoaError

_BYTES: Final = 512 * 1024
_STEP_SECONDS: Final = 300
_KEPT: Final = "kept."  # what somebody was sending when their session ended
_YEAR: Final = timedelta(days=365)


def routes(guard: Guard) -> list[Route]:
    """The sign-in page, which anybody may see."""
    door = _Door(guard)
    return [
        Route("/sign-in", door.show, methods=["GET"]),
        Route("/sign-in", door.enter, methods=["POST"]),
        Route("/language", door.language, methods=["GET"]),
    ]


class _Door:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._hub = guard.hub

    async def show(self, request: Request) -> Response:
        """The empty form; whoever is signed in already goes on."""
        begun(request)
        after = safe_path(request.query_params.get("next", "/"))
        if await self._guard.caller(request) is not None:
            return RedirectResponse(self._guard.drawing.url(after), 303)
        return await self._form(request, after=after)

    async def enter(self, request: Request) -> Response:
        """Tries what was typed: a session, or the form again with what is wrong."""
        begun(request)
        words = Words(_language(request))
        if not self._guard.from_here(request):
            fault = words.gettext("Biểu mẫu đến từ một trang khác nên không được nhận.")
            return await self._form(request, fault=fault, status=403)
        try:
            form = await bounded_form(request, _BYTES)
        except LoaError as error:
            fault = refusal_text(error, _language(request))
            return await self._form(request, fault=fault, status=422)
        told = {name: value for name, value in form.items() if isinstance(value, str)}
        kept = [
            (name.removeprefix(_KEPT), value)
            for name, value in form.multi_items()
            if name.startswith(_KEPT) and isinstance(value, str)
        ]
        kept_path = safe_path(told["kept_path"]) if told.get("kept_path") else ""
        after = safe_path(told.get("next", "/"))
        email = told.get("email", "").strip()
        password = told.get("password", "") or self._password(told.get("step", ""), email)
        try:
            signed_in = await sign_in(
                self._hub.open_work,
                self._hub.sealer,
                email=email,
                password=password,
                otp=told.get("otp", "").strip() or None,
                now=request.state.now,
                request=request.state.request_id,
                address=request.client.host if request.client else None,
            )
        except SignInFailedError as error:
            second = error.code == "otp_needed" or bool(told.get("otp") and told.get("step"))
            return await self._form(
                request,
                after=after,
                email=email,
                kept=kept,
                kept_path=kept_path,
                fault="" if error.code == "otp_needed" else _fault(error, words),
                step=self._step(password, email) if second else "",
                status=200 if error.code == "otp_needed" else 401,
            )
        if kept_path:
            return self._welcomed(self._resend(signed_in, kept_path, kept), signed_in)
        return self._welcomed(RedirectResponse(self._guard.drawing.url(after), 303), signed_in)

    async def language(self, request: Request) -> Response:
        """Changes the language of this browser, and of the person if they are signed in."""
        begun(request)
        chosen = language_of(request.query_params.get("to"))
        caller = await self._guard.caller(request)
        if caller is not None:
            async with self._hub.open_work() as session:
                await set_locale(session, caller, chosen)
        after = safe_path(request.query_params.get("next", "/"))
        response = RedirectResponse(self._guard.drawing.url(after), 303)
        response.set_cookie(
            LANGUAGE,
            chosen,
            max_age=int(_YEAR.total_seconds()),
            path="/",
            secure=is_https(self._hub.public_url),
            httponly=True,
            samesite="lax",
        )
        return self._guard.dressed(response)

    async def _form(
        self,
        request: Request,
        *,
        after: str = "/",
        email: str = "",
        fault: str = "",
        step: str = "",
        kept: list[tuple[str, str]] | None = None,
        kept_path: str = "",
        status: int = 200,
    ) -> Response:
        async with self._hub.open_work() as session:
            nobody = await session.scalar(select(col(Staff.id)).limit(1)) is None
            house = await brand_of(session)
        html = self._guard.drawing.page(
            _language(request),
            "sign_in.html",
            {
                "next": after,
                "email": email,
                "fault": fault,
                "otp": bool(step),
                "step": step,
                "kept": kept or [],
                "kept_path": kept_path,
                "nobody": nobody,
                "house": house,
            },
        )
        return self._guard.dressed(HTMLResponse(html, status))

    def _step(self, password: str, email: str) -> str:
        """The password on its way from the first form to the second: sealed, for five minutes."""
        until = utc_now().timestamp() + _STEP_SECONDS
        plain = json.dumps([password, until]).encode()
        return base64.urlsafe_b64encode(self._hub.sealer.seal(plain, _context(email))).decode()

    def _password(self, step: str, email: str) -> str:
        try:
            sealed = base64.urlsafe_b64decode(step)
            password, until = json.loads(self._hub.sealer.open(sealed, _context(email)))
        except (ValueError, LoaError):
            return ""
        return str(password) if float(until) > utc_now().timestamp() else ""

    def _resend(self, signed_in: SignedIn, path: str, kept: list[tuple[str, str]]) -> Response:
        """A page that sends on what was kept: by itself with script, by a button without."""
        html = self._guard.drawing.page(
            language_of(signed_in.caller.locale),
            "resend.html",
            {"path": path, "kept": kept, "csrf": signed_in.csrf},
        )
        return HTMLResponse(html)

    def _welcomed(self, response: Response, signed_in: SignedIn) -> Response:
        response.set_cookie(
            cookie_name(self._hub.public_url),
            signed_in.cookie_value,
            max_age=int(Ages().absolute.total_seconds()),
            path="/",
            secure=is_https(self._hub.public_url),
            httponly=True,
            samesite="lax",
        )
        return self._guard.dressed(response)


async def leave(ask: Ask) -> Response:
    """Ends the session, here and on the server."""
    name = cookie_name(ask.hub.public_url)
    async with ask.work() as session:
        await sign_out(session, ask.request.cookies.get(name, ""), ask.now)
    response = ask.to("/sign-in", said=ask.t("Bạn đã đăng xuất."))
    response.delete_cookie(
        name, path="/", secure=is_https(ask.hub.public_url), httponly=True, samesite="lax"
    )
    return response


PAGES: Final[tuple[Page, ...]] = (post("/sign-out", leave),)


def _language(request: Request) -> Language:
    return language_of(request.cookies.get(LANGUAGE))


def _context(email: str) -> str:
    return f"sign-in|{email.strip().lower()}"


def _fault(error: SignInFailedError, words: Words) -> str:
    """What went wrong, never which part of it."""
    if error.code == "sign_in_limited":
        minutes = max(1, round(int(str(error.values.get("seconds", 300))) / 60))
        told = words.gettext("Đã thử quá nhiều lần. Hãy đợi %(minutes)s phút rồi thử lại.")
        return told % {"minutes": minutes}
    told = words.gettext("Địa chỉ thư, mật khẩu hoặc mã chưa đúng. Còn %(left)s lần thử.")
    return told % {"left": error.values.get("left", "…")}
