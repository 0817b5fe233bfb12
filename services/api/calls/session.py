"""Signing in and out, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response, status
from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request

from services.api.forms import SessionForm
from services.api.gate import Look, SignedIn, TheHub, Work, Writer, cookie_name, is_https, same_site
from services.api.problems import documented
from services.api.route import Route
from services.api.state import address_of, request_id_of
from services.api.views import MeOut, SessionOut, UnitOut, staff_out
from services.staff.sign_in import Ages, sign_in, sign_out
from services.staff.tables import Unit
from shared.clock import utc_now

router = APIRouter(route_class=Route, tags=["session"])


@router.post(
    "/session",
    status_code=status.HTTP_200_OK,
    responses=documented(401, 403, 413, 415, 422, 429, 500, 503),
)
async def start_session(
    form: SessionForm,
    request: Request,
    response: Response,
    hub: TheHub,
    _same_site: Annotated[None, Depends(same_site)],
) -> SessionOut:
    """Signs a person in and sets the cookie. 401 `otp_needed` asks for the second factor."""
    ages = Ages()
    signed_in = await sign_in(
        hub.open_work,
        hub.sealer,
        email=form.email,
        password=form.password.get_secret_value(),
        otp=form.otp,
        now=utc_now(),
        request=request_id_of(request),
        address=address_of(request),
        ages=ages,
    )
    response.set_cookie(
        cookie_name(hub),
        signed_in.cookie_value,
        max_age=int(ages.absolute.total_seconds()),
        path="/",
        secure=is_https(hub),
        httponly=True,
        samesite="lax",
    )
    return SessionOut(staff=staff_out(signed_in.caller), csrf=signed_in.csrf)


@router.delete(
    "/session",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(401, 403, 422, 500, 503),
)
async def end_session(
    request: Request, response: Response, hub: TheHub, _: Writer, session: Work
) -> None:
    """Signs the person out on the server and takes the cookie away."""
    name = cookie_name(hub)
    await sign_out(session, request.cookies.get(name, ""), utc_now())
    response.delete_cookie(name, path="/", secure=is_https(hub), httponly=True, samesite="lax")


@router.get("/me", responses=documented(401, 422, 500, 503))
async def who_am_i(caller: SignedIn, session: Look) -> MeOut:
    """The person or program that calls, with roles, scopes and units."""
    rows = await session.execute(
        select(col(Unit.code), col(Unit.name))
        .where(col(Unit.id).in_(caller.unit_ids))
        .order_by(col(Unit.code))
    )
    return MeOut(
        kind="token" if caller.is_program else "staff",
        staff=staff_out(caller),
        roles=sorted(caller.roles),
        scopes=sorted(caller.scopes) if caller.scopes is not None else None,
        unit=caller.unit_code,
        units=[UnitOut(code=row.code, name=row.name) for row in rows],
        csrf=caller.csrf,
    )
