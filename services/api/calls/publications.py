"""Where each item stands on each account, and what a person decides when the hub cannot."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Body
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.api.forms import DecideForm, FoundForm
from services.api.gate import Look, Poster, Reader, TheHub, Work
from services.api.paging import Cursor, Limit
from services.api.problems import documented, language_of
from services.api.route import Route
from services.api.views import PublicationOut, PublicationsOut, publication_out
from services.content import queries
from services.delivery import board, decisions
from services.staff.caller import Caller
from shared.errors import NotFoundError

router = APIRouter(route_class=Route, tags=["publications"])

State: TypeAlias = Literal[
    "scheduled",
    "pending",
    "sending",
    "uncertain",
    "undecided",
    "live",
    "withdrawn",
    "failed",
    "expired",
]


@router.get("/items/{item_id}/publications", responses=documented(401, 403, 404, 422, 500, 503))
async def list_publications_of_item(
    item_id: UUID,
    request: Request,
    caller: Reader,
    session: Look,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PublicationsOut:
    """How the item stands on each account."""
    item = await queries.item(session, item_id, caller.unit_ids)
    found = await board.publications(
        session,
        item_id=item.id,
        state=state,
        unit_ids=caller.unit_ids,
        limit=limit + 1,
        cursor=cursor,
    )
    return _page(request, found, limit)


@router.get("/publications", responses=documented(401, 403, 422, 500, 503))
async def list_publications(
    request: Request,
    caller: Reader,
    session: Look,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PublicationsOut:
    """Publications of items within reach, newest first; `?state=undecided` waits for a person."""
    found = await board.publications(
        session, state=state, unit_ids=caller.unit_ids, limit=limit + 1, cursor=cursor
    )
    return _page(request, found, limit)


@router.get("/publications/{publication_id}", responses=documented(401, 403, 404, 422, 500, 503))
async def show_publication(
    publication_id: UUID, request: Request, caller: Reader, session: Look
) -> PublicationOut:
    """One publication."""
    return await _one(request, session, caller, publication_id)


@router.post(
    "/publications/{publication_id}/retry",
    responses=documented(401, 403, 404, 409, 422, 500, 503),
)
async def retry_publication(
    publication_id: UUID, request: Request, caller: Poster, session: Work
) -> PublicationOut:
    """Tries a failed publication again, after a look at the channel."""
    await decisions.retry(session, caller, publication_id)
    return await _one(request, session, caller, publication_id)


@router.post(
    "/publications/{publication_id}/repair",
    responses=documented(401, 403, 404, 409, 422, 500, 503),
)
async def repair_publication(
    publication_id: UUID, request: Request, caller: Poster, session: Work
) -> PublicationOut:
    """Puts back what was agreed to, where the channel shows something else."""
    await decisions.repair(session, caller, publication_id)
    return await _one(request, session, caller, publication_id)


@router.post(
    "/publications/{publication_id}/decide",
    responses=documented(401, 403, 404, 409, 413, 415, 422, 500, 502, 503),
)
async def decide_publication(
    publication_id: UUID,
    form: Annotated[DecideForm, Body()],
    request: Request,
    caller: Poster,
    hub: TheHub,
) -> PublicationOut:
    """What a person saw on the channel, where reading could not decide.

    `found` is read first: 422 when the post cannot be read or is another publication's.
    """
    # No transaction of ours is open meanwhile: the room reads the channel between its own.
    await decisions.decide(
        hub.open_work,
        hub,
        caller,
        publication_id,
        outcome=form.outcome,
        remote_id=form.remote_id if isinstance(form, FoundForm) else None,
    )
    async with hub.open_work() as session:
        return await _one(request, session, caller, publication_id)


def _page(request: Request, found: Sequence[board.Shown], limit: int) -> PublicationsOut:
    language = language_of(request)
    shown = found[:limit]
    return PublicationsOut(
        data=[publication_out(one, language) for one in shown],
        next=shown[-1].cursor if len(found) > limit else None,
    )


async def _one(
    request: Request, session: AsyncSession, caller: Caller, publication_id: UUID
) -> PublicationOut:
    shown = await board.publication(session, publication_id, caller.unit_ids)
    if shown is None:
        raise NotFoundError("publication_not_found")
    return publication_out(shown, language_of(request))
