"""Items on their way: written, previewed, submitted, agreed to, taken back."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Path, Query, Response, status
from pydantic import StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request

from services.api.errors import PreconditionRequiredError
from services.api.forms import ApproveForm, ReasonForm, SubmitBody, WithdrawForm
from services.api.gate import Look, Poster, Reader, TheHub, Work, Writer
from services.api.paging import Cursor, Limit, at, position
from services.api.problems import Responses, documented, language_of
from services.api.route import Route
from services.api.views import (
    EffectOut,
    ItemOut,
    ItemsOut,
    PreviewOut,
    RevisionOut,
    RevisionsOut,
    WithdrawalOut,
    item_json,
    items_json,
    preview_json,
    revision_out,
)
from services.channels import accounts as accounts_room
from services.content import drafting, queries, workflow
from services.content.forms import ItemChanges, ItemForm, Kind
from services.content.tables import Approval, Item
from services.delivery import board, fan_out, preview
from services.delivery.board import Whole
from services.delivery.hub import Hub
from services.staff.caller import Caller
from services.staff.tables import Unit
from services.staff.units import subtree
from shared.errors import ConflictError, NotFoundError
from shared.text import clean

_ID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

router = APIRouter(route_class=Route, tags=["items"])

State: TypeAlias = Literal[
    "draft",
    "review",
    "returned",
    "scheduled",
    "publishing",
    "published",
    "partial",
    "failed",
    "correcting",
    "withdrawing",
    "withdrawn",
]
RevisionNo: TypeAlias = Annotated[int, Path(ge=1, le=2**31 - 1)]
IdList: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{_ID}(,{_ID}){{0,199}}$")]
IfMatch: TypeAlias = Annotated[
    str | None, Header(max_length=200, description="The `ETag` that the item came with")
]

_READ = documented(401, 403, 404, 422, 500, 503)
_ACT = documented(401, 403, 404, 409, 412, 413, 415, 422, 500, 503)
_TAGGED: Responses = {
    status.HTTP_200_OK: {
        "headers": {"ETag": {"description": "For `If-Match`", "schema": {"type": "string"}}}
    }
}


@router.post(
    "/items",
    status_code=status.HTTP_201_CREATED,
    response_model=ItemOut,
    responses={
        **documented(401, 403, 409, 413, 415, 422, 500, 503),
        201: _TAGGED[200],
    },
)
async def create_item(form: ItemForm, caller: Poster, hub: TheHub, session: Work) -> Response:
    """A new item as a draft."""
    item = await drafting.create(session, caller, form, zone=ZoneInfo(hub.timezone))
    return await shown_item(session, hub, item.id, code=status.HTTP_201_CREATED)


@router.get("/items", response_model=ItemsOut, responses=documented(401, 403, 422, 500, 503))
async def list_items(
    caller: Reader,
    hub: TheHub,
    session: Work,  # a search tells the planner, for its transaction, how to go about it
    state: State | None = None,
    kind: Kind | None = None,
    unit: Annotated[str | None, Query(max_length=60, description="With everything below")] = None,
    q: Annotated[str | None, Query(max_length=500, description="Finds without diacritics")] = None,
    tag: Annotated[str | None, Query(max_length=80)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Items within reach, newest first."""
    found, following = await board.wholes(
        session,
        state=state,
        kind=kind,
        unit_ids=await _units(session, caller, unit),
        q=clean(q) if q is not None else None,
        tag=clean(tag) if tag is not None else None,
        limit=limit,
        cursor=cursor,
    )
    return Response(items_json(hub, found, following), media_type="application/json")


@router.get("/items/{item_id}", response_model=ItemOut, responses={**_READ, **_TAGGED})
async def show_item(item_id: UUID, caller: Reader, hub: TheHub, session: Look) -> Response:
    """One item, with the `ETag` that a change needs."""
    found = await board.whole(session, item_id)
    if found is None or not caller.may_see(found.row.unit_id):
        raise NotFoundError("item_not_found")
    return _answer(hub, found)


@router.patch(
    "/items/{item_id}",
    response_model=ItemOut,
    responses={**documented(401, 403, 404, 409, 412, 413, 415, 422, 428, 500, 503), **_TAGGED},
)
async def change_item(
    item_id: UUID,
    form: ItemChanges,
    caller: Writer,
    hub: TheHub,
    session: Work,
    if_match: IfMatch = None,
) -> Response:
    """Changes the draft; on a live item opens the next revision beside the live one."""
    if if_match is None:
        raise PreconditionRequiredError
    item = await workflow.lock_item(session, caller, item_id)
    _check_match(item, if_match)
    await fan_out.change(session, caller, item, form, version=item.version)
    return await shown_item(session, hub, item.id)


@router.get("/items/{item_id}/revisions", responses=_READ)
async def list_revisions(
    item_id: UUID, caller: Reader, session: Look, limit: Limit = 50, cursor: Cursor = None
) -> RevisionsOut:
    """Every numbered state of the item, newest first."""
    item = await queries.item(session, item_id, caller.unit_ids)
    before = position(cursor) if cursor is not None else None
    found = await queries.revisions(session, item.id, limit=limit + 1, before=before)
    approvals = await _approvals(session, [one.id for one in found])
    shown = found[:limit]
    return RevisionsOut(
        data=[revision_out(one, approvals.get(one.id)) for one in shown],
        next=at(shown[-1].no) if len(found) > limit else None,
    )


@router.get("/items/{item_id}/revisions/{no}", responses=_READ)
async def show_revision(
    item_id: UUID, no: RevisionNo, caller: Reader, session: Look
) -> RevisionOut:
    """One numbered state of the item."""
    item = await queries.item(session, item_id, caller.unit_ids)
    revision = await queries.revision(session, item.id, no)
    return revision_out(revision, (await _approvals(session, [revision.id])).get(revision.id))


@router.get("/items/{item_id}/preview", response_model=PreviewOut, responses=_READ)
async def preview_item(
    item_id: UUID,
    request: Request,
    caller: Reader,
    hub: TheHub,
    session: Work,
    accounts: Annotated[
        list[IdList] | None,
        Query(
            max_length=200,
            description="Ids, repeated or with commas; without any, those chosen at submit, else"
            " all of the item's unit",
        ),
    ] = None,
) -> Response:
    """The newest revision exactly as each account would show it, with what is to be mended."""
    item = await queries.item(session, item_id, caller.unit_ids)
    asked = [UUID(one) for ids in accounts for one in ids.split(",")] if accounts else None
    if asked is not None:
        await _need_accounts(session, caller, asked)
    language = language_of(request)
    # What is stored speaks Vietnamese.
    stored = await preview.stored_json(session, item.id, asked) if language == "vi" else None
    if stored is None:
        told = preview_json(await preview.render(session, hub, item.id, asked), language)
    else:
        told = f'{{"revision":{stored.revision_no},"renditions":{stored.renditions}}}'.encode()
    return Response(told, media_type="application/json")


@router.post("/items/{item_id}/submit", response_model=ItemOut, responses={**_ACT, **_TAGGED})
async def submit_item(
    item_id: UUID,
    form: SubmitBody,
    caller: Poster,
    hub: TheHub,
    session: Work,
    if_match: IfMatch = None,
) -> Response:
    """Freezes the draft for approval. Refused while a blocking problem stands."""
    await _match(session, caller, item_id, if_match)
    item = await fan_out.submit(
        session,
        hub,
        caller,
        item_id,
        fan_out.SubmitForm(
            accounts=tuple(form.accounts),
            publish_at=form.publish_at,
            expires_at=form.expires_at,
            urgent=form.urgent,
            note=form.note,
        ),
    )
    return await shown_item(session, hub, item.id)


@router.post("/items/{item_id}/approve", response_model=ItemOut, responses={**_ACT, **_TAGGED})
async def approve_item(
    item_id: UUID,
    form: ApproveForm,
    caller: Poster,
    hub: TheHub,
    session: Work,
    if_match: IfMatch = None,
) -> Response:
    """A second person's yes to exactly what was seen; from here on it goes out."""
    await _match(session, caller, item_id, if_match)
    item = await fan_out.approve(
        session, hub, caller, item_id, revision=form.revision, seen=form.seen
    )
    return await shown_item(session, hub, item.id)


@router.post("/items/{item_id}/return", response_model=ItemOut, responses={**_ACT, **_TAGGED})
async def return_item(
    item_id: UUID,
    form: ReasonForm,
    caller: Poster,
    hub: TheHub,
    session: Work,
    if_match: IfMatch = None,
) -> Response:
    """Sends the submitted revision back to its author."""
    await _match(session, caller, item_id, if_match)
    item = await fan_out.send_back(session, caller, item_id, reason=form.reason)
    return await shown_item(session, hub, item.id)


@router.post("/items/{item_id}/withdraw", responses=_ACT)
async def withdraw_item(
    item_id: UUID,
    form: WithdrawForm,
    caller: Poster,
    session: Work,
    if_match: IfMatch = None,
) -> WithdrawalOut:
    """Nothing of the item should be seen any more, everywhere or on the accounts named."""
    await _match(session, caller, item_id, if_match)
    effects = await fan_out.withdraw(
        session, caller, item_id, reason=form.reason, account_ids=form.accounts
    )
    return WithdrawalOut(
        item=item_id,
        accounts=[
            EffectOut(account=one.account_id, publication=one.publication_id, effect=one.effect)
            for one in effects
        ],
    )


@router.post("/items/{item_id}/stop", response_model=ItemOut, responses={**_ACT, **_TAGGED})
async def stop_item(
    item_id: UUID,
    caller: Poster,
    hub: TheHub,
    session: Work,
    if_match: IfMatch = None,
) -> Response:
    """Takes an agreed revision back before its first call: of it nothing appears, ever."""
    await _match(session, caller, item_id, if_match)
    item = await fan_out.stop(session, caller, item_id)
    return await shown_item(session, hub, item.id)


async def _match(
    session: AsyncSession, caller: Caller, item_id: UUID, if_match: str | None
) -> None:
    """Where a caller says which version it means, another one is refused."""
    if if_match is not None:
        _check_match(await workflow.lock_item(session, caller, item_id), if_match)


def _check_match(item: Item, if_match: str) -> None:
    # A proxy that compresses weakens a tag on its way; the version behind it is the same.
    given = [tag.strip().removeprefix("W/") for tag in if_match.split(",")]
    if "*" not in given and _tag(item.version) not in given:
        raise ConflictError("stale_version", version=item.version)


def _tag(version: int) -> str:
    return f'"{version}"'


async def shown_item(
    session: AsyncSession, hub: Hub, item_id: UUID, *, code: int = status.HTTP_200_OK
) -> Response:
    """An item as it stands now; the answer carries the `ETag` that a change needs."""
    await session.flush()
    found = await board.whole(session, item_id)
    if found is None:
        raise NotFoundError("item_not_found")
    return _answer(hub, found, code)


def _answer(hub: Hub, found: Whole, code: int = status.HTTP_200_OK) -> Response:
    return Response(
        item_json(hub, found),
        code,
        headers={"ETag": _tag(found.row.version)},
        media_type="application/json",
    )


async def _need_accounts(session: AsyncSession, caller: Caller, asked: Sequence[UUID]) -> None:
    if set(asked) - await accounts_room.open_ones(session, asked, caller.unit_ids):
        raise NotFoundError("account_not_found")


async def _approvals(session: AsyncSession, revision_ids: Sequence[UUID]) -> dict[UUID, Approval]:
    rows = await session.scalars(
        select(Approval)
        .where(col(Approval.revision_id).in_(revision_ids))
        .order_by(col(Approval.at))
    )
    return {row.revision_id: row for row in rows}


async def _units(session: AsyncSession, caller: Caller, code: str | None) -> frozenset[UUID]:
    """The units to look in: all within reach, or one of them with everything below."""
    if code is None:
        return caller.unit_ids
    start = select(col(Unit.id)).where(col(Unit.code) == clean(code)).scalar_subquery()
    return caller.unit_ids & frozenset(await session.scalars(select(subtree(start).c.id)))
