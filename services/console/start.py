"""The one-time links: with one the first admin comes in, with others whoever was invited."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.console.ask import faults_of, refusal_text
from services.console.catalogue import Language, Words, language_of
from services.console.guard import LANGUAGE, Guard, begun, bounded_form
from services.staff import invitations
from services.staff.invitations import Invited
from shared.errors import ConflictError, FieldError, InvalidError, LoaError, NotFoundError

Done = Callable[[], Awaitable[None]]

_FORM_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What somebody typed into the form of the first admin; the password is never shown again."""

    name: str = ""
    email: str = ""
    unit_name: str = ""
    unit_code: str = ""


def routes(guard: Guard, *, first_admin: Done | None = None) -> list[Route]:
    """The routes of the first start. `first_admin` is told when the first admin has been made."""
    door = _Door(guard, first_admin)
    return [Route("/start/{secret}", door.invited, methods=["GET", "POST"])]


class _Door:
    def __init__(self, guard: Guard, done: Done | None) -> None:
        self._guard = guard
        self._hub = guard.hub
        self._done = done

    async def invited(self, request: Request) -> Response:
        """The form of the first admin, and what it sends."""
        begun(request)
        secret = request.path_params["secret"]
        if request.method == "POST":
            return self._guard.dressed(await self._accept(request, secret))
        async with self._hub.open_work() as session:
            first = await invitations.still_good(session, secret, request.state.now)
            invited = await invitations.invited_by_link(session, secret, request.state.now)
        if first:
            page = self._form(request, secret, Filled())
        elif invited is not None:
            page = self._password_form(request, secret, invited)
        else:
            page = self._over(request)
        return self._guard.dressed(page)

    async def _accept(self, request: Request, secret: str) -> Response:
        words = Words(_language(request))
        if not self._guard.from_here(request):
            told = words.gettext("Biểu mẫu đến từ một trang khác nên không được nhận.")
            return self._notice(request, 403, told)
        try:
            sent = await bounded_form(request, _FORM_BYTES)
        except LoaError as error:
            return self._notice(request, 413, refusal_text(error, _language(request)))
        form = {name: str(value).strip() for name, value in sent.items()}
        async with self._hub.open_work() as session:
            invited = await invitations.invited_by_link(session, secret, request.state.now)
        if invited is not None:
            return await self._come_in(request, secret, invited, form.get("password", ""))
        filled = Filled(
            name=form.get("name", ""),
            email=form.get("email", ""),
            unit_name=form.get("unit_name", ""),
            unit_code=form.get("unit_code", ""),
        )
        try:
            async with self._hub.open_work() as session:
                await invitations.accept(
                    session,
                    secret,
                    name=filled.name,
                    email=filled.email,
                    password=form.get("password", ""),
                    now=request.state.now,
                    unit_code=filled.unit_code,
                    unit_name=filled.unit_name,
                    address=request.client.host if request.client else None,
                )
        except InvalidError as error:
            return self._form(request, secret, filled, error.fields, 422)
        except (NotFoundError, ConflictError):
            return self._over(request)
        if self._done is not None:
            await self._done()
        return RedirectResponse(self._guard.drawing.url("/sign-in?next=%2Fsetup"), 303)

    async def _come_in(
        self, request: Request, secret: str, invited: Invited, password: str
    ) -> Response:
        """Sets the password of an invited person."""
        try:
            async with self._hub.open_work() as session:
                await invitations.accept_invitation(
                    session,
                    secret,
                    password=password,
                    now=request.state.now,
                    request=request.state.request_id,
                    address=request.client.host if request.client else None,
                )
        except InvalidError as error:
            return self._password_form(request, secret, invited, error)
        except NotFoundError:
            return self._over(request)
        return RedirectResponse(self._guard.drawing.url("/sign-in"), 303)

    def _password_form(
        self,
        request: Request,
        secret: str,
        invited: Invited,
        error: InvalidError | None = None,
    ) -> Response:
        language = language_of(request.cookies.get(LANGUAGE) or invited.locale)
        faults = faults_of(error, language) if error else {}
        if error is not None and not faults:
            faults = {"password": refusal_text(error, language)}
        html = self._guard.drawing.page(
            language, "invited.html", {"secret": secret, "invited": invited, "faults": faults}
        )
        return HTMLResponse(html, 422 if faults else 200)

    def _form(
        self,
        request: Request,
        secret: str,
        filled: Filled,
        faults: Sequence[FieldError] = (),
        status: int = 200,
    ) -> Response:
        language = _language(request)
        told = faults_of(InvalidError(fields=tuple(faults)), language)
        html = self._guard.drawing.page(
            language, "first_admin.html", {"secret": secret, "filled": filled, "faults": told}
        )
        return HTMLResponse(html, status)

    def _over(self, request: Request) -> Response:
        words = Words(_language(request))
        told = words.gettext(
            "Liên kết này không còn dùng được. Hãy xin người quản trị một liên kết mới."
        )
        return self._notice(request, 404, told)

    def _notice(self, request: Request, status: int, told: str) -> Response:
        html = self._guard.drawing.page(
            _language(request),
            "problem.html",
            {
                "status": status,
                "told": told,
                "faults": (),
                "code": request.state.request_id[:8].upper(),
            },
        )
        return HTMLResponse(html, status)


def _language(request: Request) -> Language:
    return language_of(request.cookies.get(LANGUAGE))
