"""Connecting an account by the channel's own consent page."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.api.gate import Poster, SignedIn, TheHub, Work
from services.api.problems import documented
from services.api.route import Route
from services.api.views import ConnectedOut, ConsentOut
from services.channels import accounts, consents
from services.delivery.hub import Hub
from shared.clock import utc_now
from shared.errors import LoaError

router = APIRouter(route_class=Route, tags=["accounts"])


@router.post(
    "/accounts/{account_id}/connect", responses=documented(401, 403, 404, 409, 422, 500, 503)
)
async def begin_consent(account_id: UUID, caller: Poster, hub: TheHub, session: Work) -> ConsentOut:
    """The address of the channel's consent page for this admin's browser; good for 15 minutes."""
    view = await accounts.view(session, account_id)
    url = await consents.begin(
        session,
        caller,
        hub.registry,
        hub.sealer,
        account_id,
        redirect_uri=_callback(hub, view.channel),
        now=utc_now(),
    )
    return ConsentOut(url=url)


@router.get(
    "/connect/{channel}/callback",
    response_model=ConnectedOut,
    responses={
        **documented(401, 403, 404, 409, 422, 500, 502, 503),
        status.HTTP_303_SEE_OTHER: {"description": "A browser goes on to the account's page"},
    },
)
async def end_consent(
    channel: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")],
    state: Annotated[str, Query(min_length=1, max_length=200)],
    request: Request,
    caller: SignedIn,
    hub: TheHub,
) -> ConnectedOut | Response:
    """Where the channel sends the admin back to: trades the code, seals what it gives."""
    by_browser = "text/html" in request.headers.get("accept", "")
    try:
        account_id = await consents.finish(
            hub.open_work,
            caller,
            hub.registry,
            hub.sealer,
            channel=channel,
            state=state,
            query=dict(request.query_params),
            now=utc_now(),
        )
    except LoaError as error:
        # Who stands at a browser goes back to the page they left from, which says what went wrong.
        async with hub.open_work() as session:
            left_from = await consents.account_of(session, caller, state)
        if not by_browser or left_from is None:
            raise
        return _back(hub, left_from, refused=error.code)
    if by_browser:
        return _back(hub, account_id)
    return ConnectedOut(account=account_id)


def _back(hub: Hub, account_id: UUID, **told: str) -> Response:
    query = f"?{urlencode(told)}" if told else ""
    return RedirectResponse(
        f"{hub.public_url}/channels/{account_id}{query}", status_code=status.HTTP_303_SEE_OTHER
    )


def _callback(hub: Hub, channel: str) -> str:
    return f"{hub.public_url}/api/v1/connect/{channel}/callback"
