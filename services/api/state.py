"""What one request carries along: its hub, its id, who calls, what it is about."""

from typing import cast

from starlette.requests import Request

from services.delivery.hub import Hub
from services.staff.caller import Caller


def hub_of(request: Request) -> Hub:
    """The hub that this door was opened for."""
    return cast(Hub, request.app.state.hub)


def caller_of(request: Request) -> Caller | None:
    """Who calls, once that is known."""
    return cast("Caller | None", getattr(request.state, "caller", None))


def request_id_of(request: Request) -> str:
    """The id under which this request stands in logs and audit rows."""
    return cast(str, getattr(request.state, "request_id", ""))


def address_of(request: Request) -> str | None:
    """The address that the caller's connection comes from."""
    return request.client.host if request.client else None


def object_of(request: Request) -> str:
    """What the request is about, as the record names it: `item:<id>`, else the address called."""
    for name, kind in (
        ("item_id", "item"),
        ("publication_id", "publication"),
        ("account_id", "account"),
    ):
        if name in request.path_params:
            return f"{kind}:{request.path_params[name]}"
    return f"call:{request.url.path}"
