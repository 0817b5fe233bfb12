"""Holding everything: the freeze."""

from fastapi import APIRouter

from services.api.forms import FreezeForm
from services.api.gate import Look, Poster, Reader, Work
from services.api.problems import documented
from services.api.route import Route
from services.api.views import FreezeOut
from services.delivery import switches
from services.delivery.tables import Switch

router = APIRouter(route_class=Route, tags=["freeze"])


@router.get("/freeze", responses=documented(401, 403, 422, 500, 503))
async def show_freeze(_: Reader, session: Look) -> FreezeOut:
    """Whether publishing is held everywhere, and why."""
    return _shown(await switches.frozen(session))


@router.post("/freeze", responses=documented(401, 403, 409, 413, 415, 422, 500, 503))
async def freeze(form: FreezeForm, caller: Poster, session: Work) -> FreezeOut:
    """Holds publish and update everywhere, within two seconds; withdrawals go on."""
    return _shown(await switches.freeze(session, caller, form.reason, form.until))


@router.post("/unfreeze", responses=documented(401, 403, 409, 422, 500, 503))
async def unfreeze(caller: Poster, session: Work) -> FreezeOut:
    """Lets publishing go on."""
    await switches.unfreeze(session, caller)
    return _shown(await switches.frozen(session))


def _shown(switch: Switch | None) -> FreezeOut:
    if switch is None:
        return FreezeOut(frozen=False, reason=None, until=None, at=None)
    return FreezeOut(frozen=True, reason=switch.reason, until=switch.until, at=switch.at)
