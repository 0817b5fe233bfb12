"""Who is calling, and may a browser have been tricked into it: what stands before every call.

Sources: reliability-security.md R78, R81, R83; contract.md section 4.
"""

import hmac
from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias, TypedDict
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Header
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.api import idempotency
from services.api.errors import UnauthenticatedError
from services.api.state import address_of, hub_of, request_id_of
from services.delivery.hub import Hub
from services.staff import cookies
from services.staff.caller import Caller
from services.staff.sign_in import caller_of_session
from services.staff.tokens import caller_of_token
from services.storage.session import each_alone
from shared.clock import utc_now
from shared.errors import ForbiddenError

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A program's key, made by `loa token add`"
)
_cookie = APIKeyCookie(
    name="loa",
    auto_error=False,
    scheme_name="session",
    description="Set by `POST /session`; its name is `__Host-loa` where Loa is served over HTTPS",
)


async def the_hub(request: Request) -> Hub:
    """The hub that this door was opened for. Async, or each call would wait for a thread."""
    return hub_of(request)


TheHub: TypeAlias = Annotated[Hub, Depends(the_hub)]


class _Known(TypedDict):
    request: str
    address: str | None


def cookie_name(hub: Hub) -> str:
    """The name of the session cookie: bound to this very host wherever there is HTTPS."""
    return cookies.cookie_name(hub.public_url)


def is_https(hub: Hub) -> bool:
    """Whether browsers reach this hub over HTTPS."""
    return cookies.is_https(hub.public_url)


async def work(request: Request, hub: TheHub) -> AsyncIterator[AsyncSession]:
    """One unit of work; commits before the answer leaves."""
    async with hub.open_work() as session:
        request.state.session = session
        yield session


# By default what stands behind `yield` runs when the answer is out: a failed commit would then have
# been told as success.
Work: TypeAlias = Annotated[AsyncSession, Depends(work, scope="function")]


async def look(request: Request, hub: TheHub) -> AsyncIterator[AsyncSession]:
    """The database for a call that only reads."""
    async with hub.open_work() as session:
        each_alone(session)
        yield session


Look: TypeAlias = Annotated[AsyncSession, Depends(look, scope="function")]


async def identify(request: Request, hub: Hub, session: AsyncSession) -> Caller | None:
    """Who is behind the token or the cookie of a request; a token counts before a cookie."""
    known: _Known = {"request": request_id_of(request), "address": address_of(request)}
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await caller_of_token(session, token.strip(), utc_now(), **known)
    cookie = request.cookies.get(cookie_name(hub))
    return await caller_of_session(session, cookie, utc_now(), **known) if cookie else None


async def signed_in(
    request: Request,
    hub: TheHub,
    _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    _session: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    """The person or program that calls. Raises UnauthenticatedError.

    Looks in a transaction of its own, so that "seen just now" stays also when the call is refused.
    """
    async with hub.open_work() as session:
        each_alone(session)
        caller = await identify(request, hub, session)
    if caller is None:
        raise UnauthenticatedError
    request.state.caller = caller
    structlog.contextvars.bind_contextvars(actor=caller.actor.name)
    return caller


async def need_known(request: Request) -> None:
    """Raises UnauthenticatedError for nobody, before anything of the body was read."""
    hub = hub_of(request)
    async with hub.open_work() as session:
        if await identify(request, hub, session) is None:
            raise UnauthenticatedError


SignedIn: TypeAlias = Annotated[Caller, Depends(signed_in)]


async def reading(caller: SignedIn) -> Caller:
    """Any person; a program needs a scope that lets it read."""
    if caller.is_program:
        caller.need("status:read", "draft:write")
    return caller


async def same_site(request: Request, hub: TheHub) -> None:
    """Refuses a call that a browser makes for another site; programs send neither header."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none"):
        raise ForbiddenError("origin")
    if origin is not None and origin != _origin_of(hub.public_url):
        raise ForbiddenError("origin")


async def writing(
    caller: SignedIn,
    _same_site: Annotated[None, Depends(same_site)],
    csrf: Annotated[
        str | None,
        Header(alias="X-CSRF-Token", description="Needed with a session cookie, not with a token"),
    ] = None,
) -> Caller:
    """A caller whose request changes something, and who meant to send it."""
    if not caller.is_program and not _equal(csrf or "", caller.csrf or ""):
        raise ForbiddenError("csrf")
    return caller


async def posting(
    request: Request,
    caller: Annotated[Caller, Depends(writing)],
    key: Annotated[
        str | None,
        Header(
            alias=idempotency.HEADER,
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="The same key and body get the same answer again, for 7 days",
        ),
    ] = None,
) -> Caller:
    """A caller whose request is done once, however often it comes."""
    if key is not None:
        await idempotency.claim(request, caller, key)
    return caller


Reader: TypeAlias = Annotated[Caller, Depends(reading)]
Writer: TypeAlias = Annotated[Caller, Depends(writing)]
Poster: TypeAlias = Annotated[Caller, Depends(posting)]


def _equal(given: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
