"""Channels and the accounts connected to them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.api import words
from services.api.forms import AccountChanges, AccountForm, ReasonForm
from services.api.gate import Look, Poster, SignedIn, TheHub, Work, Writer
from services.api.paging import Cursor, Limit, unknown_cursor
from services.api.problems import documented, language_of
from services.api.route import Route
from services.api.views import (
    AccountOut,
    AccountsOut,
    AdoptedPostOut,
    AdoptedPostsOut,
    AdoptionOut,
    ChannelOut,
    ChannelsOut,
    CheckOut,
    LimitsOut,
    ProbeOut,
    account_out,
)
from services.channels import accounts, checks
from services.delivery import adopting
from services.staff.caller import Caller
from shared.contract.channel import Channel, abilities

router = APIRouter(route_class=Route, tags=["accounts"])


@router.get("/channels", responses=documented(401, 422, 500, 503))
async def list_channels(_: SignedIn, hub: TheHub) -> ChannelsOut:
    """Every adapter with its abilities, its limits and the schemas of what connects an account."""
    return ChannelsOut(
        data=[_channel(hub.registry.get(name)) for name in hub.registry.names()],
        broken=dict(hub.registry.broken),
    )


@router.get("/accounts", responses=documented(401, 403, 422, 500, 503))
async def list_accounts(
    caller: SignedIn,
    session: Look,
    limit: Limit = 50,
    cursor: Cursor = None,
    channel: Annotated[str | None, Query(max_length=80)] = None,
) -> AccountsOut:
    """The accounts within reach, by name, without their credentials."""
    caller.need_role("admin")
    found = await accounts.page(
        session,
        unit_ids=caller.unit_ids,
        channel=channel,
        after=_place(cursor),
        most=limit + 1,
    )
    shown = found[:limit]
    return AccountsOut(
        data=[account_out(one) for one in shown],
        next=str(shown[-1].id) if len(found) > limit else None,
    )


@router.post(
    "/accounts",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 500, 503),
)
async def connect_account(
    form: AccountForm, caller: Poster, hub: TheHub, session: Work
) -> AccountOut:
    """Connects an account. Its credentials are sealed and never come back."""
    account = await accounts.add(
        session,
        caller,
        hub.registry,
        hub.sealer,
        unit_code=form.unit,
        channel=form.channel,
        name=form.name,
        settings=form.settings,
        credentials=form.credentials,
    )
    return account_out(await accounts.view(session, account.id))


@router.get("/accounts/{account_id}", responses=documented(401, 403, 404, 422, 500, 503))
async def show_account(account_id: UUID, caller: SignedIn, session: Look) -> AccountOut:
    """One account within reach."""
    caller.need_role("admin")
    view = await accounts.view(session, account_id)
    caller.need_unit(view.unit_id)
    return account_out(view)


@router.patch(
    "/accounts/{account_id}",
    responses=documented(401, 403, 404, 409, 413, 415, 422, 500, 503),
)
async def change_account(
    account_id: UUID, form: AccountChanges, caller: Writer, hub: TheHub, session: Work
) -> AccountOut:
    """Changes name, single settings or single secrets; the rest stays."""
    await accounts.change(
        session,
        caller,
        hub.registry,
        hub.sealer,
        account_id,
        name=form.name,
        settings=form.settings,
        credentials=form.credentials,
    )
    return account_out(await accounts.view(session, account_id))


@router.post(
    "/accounts/{account_id}/check",
    responses=documented(401, 403, 404, 409, 422, 500, 502, 503),
)
async def check_account(
    account_id: UUID, request: Request, caller: Poster, hub: TheHub
) -> CheckOut:
    """Asks the channel, without changing anything there, whether the connection works."""
    caller.need_role("admin")
    async with hub.open_work() as session:
        caller.need_unit((await accounts.view(session, account_id)).unit_id)
    # No transaction is open while the channel is asked.
    probes = await checks.check(hub.open_work, hub.registry, hub.sealer, account_id)
    language = language_of(request)
    return CheckOut(
        ok=all(probe.ok for probe in probes),
        probes=[
            ProbeOut(
                name=probe.name,
                ok=probe.ok,
                detail=words.side(probe.detail, language),
                ms=probe.ms,
            )
            for probe in probes
        ],
    )


@router.post(
    "/accounts/{account_id}/adopt",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(401, 403, 404, 409, 422, 500, 503),
)
async def adopt_posts(account_id: UUID, caller: Poster, hub: TheHub, session: Work) -> AdoptionOut:
    """Has the posts read that were there before. Nothing is published; asking again reads on."""
    await adopting.ask(session, hub, caller, account_id)
    return _adoption(await adopting.reading(session, account_id))


@router.get("/accounts/{account_id}/adopt", responses=documented(401, 403, 404, 422, 500, 503))
async def show_adoption(account_id: UUID, caller: SignedIn, session: Look) -> AdoptionOut:
    """How far that is."""
    await _within_reach(session, caller, account_id)
    return _adoption(await adopting.reading(session, account_id))


@router.get("/accounts/{account_id}/posts", responses=documented(401, 403, 404, 422, 500, 503))
async def list_adopted_posts(
    account_id: UUID,
    caller: SignedIn,
    session: Look,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AdoptedPostsOut:
    """The posts that were there before, newest first, each with the item that stands for it."""
    await _within_reach(session, caller, account_id)
    found = await adopting.posts(session, account_id, after=_place(cursor), most=limit + 1)
    shown = found[:limit]
    return AdoptedPostsOut(
        data=[
            AdoptedPostOut(
                remote_id=one.remote_id,
                remote_url=one.remote_url,
                title=one.title,
                at=one.at,
                views=one.views,
                shares=one.shares,
                item=one.item_id,
                matched_by=one.matched_by,
                skipped=one.skipped,
            )
            for one in shown
        ],
        next=str(shown[-1].id) if len(found) > limit else None,
    )


@router.post(
    "/accounts/{account_id}/pause",
    responses=documented(401, 403, 404, 409, 413, 415, 422, 500, 503),
)
async def pause_account(
    account_id: UUID, form: ReasonForm, caller: Poster, session: Work
) -> AccountOut:
    """Holds every call for the account, within two seconds."""
    await accounts.pause(session, caller, account_id, form.reason)
    return account_out(await accounts.view(session, account_id))


@router.post(
    "/accounts/{account_id}/resume",
    responses=documented(401, 403, 404, 409, 422, 500, 503),
)
async def resume_account(account_id: UUID, caller: Poster, session: Work) -> AccountOut:
    """Lets the account's calls go on."""
    await accounts.resume(session, caller, account_id)
    return account_out(await accounts.view(session, account_id))


@router.post(
    "/accounts/{account_id}/close",
    responses=documented(401, 403, 404, 409, 413, 415, 422, 500, 503),
)
async def close_account(
    account_id: UUID, form: ReasonForm, caller: Poster, session: Work
) -> AccountOut:
    """Disconnects the account for good and destroys its credentials; what it published stays."""
    await accounts.close(session, caller, account_id, reason=form.reason)
    return account_out(await accounts.view(session, account_id))


def _place(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError as error:
        raise unknown_cursor() from error


async def _within_reach(session: AsyncSession, caller: Caller, account_id: UUID) -> None:
    caller.need_role("admin")
    caller.need_unit((await accounts.view(session, account_id)).unit_id)


def _adoption(reading: adopting.Reading) -> AdoptionOut:
    return AdoptionOut(
        state=reading.state or "never",
        asked_at=reading.asked_at,
        ended_at=reading.ended_at,
        problem=reading.problem_code,
        read=reading.read,
        made=reading.made,
        matched=reading.matched,
        skipped=reading.skipped,
        views=reading.views,
    )


def _channel(channel: Channel) -> ChannelOut:
    limits = channel.limits
    return ChannelOut(
        name=channel.name,
        pull=channel.pull,
        abilities=list(abilities(channel)),
        limits=LimitsOut(
            title_chars=limits.title_chars,
            summary_chars=limits.summary_chars,
            text_chars=limits.text_chars,
            picture_count=limits.picture_count,
            picture_bytes=limits.picture.max_bytes if limits.picture else None,
            video_bytes=limits.video_bytes,
        ),
        settings_schema=channel.settings_form.model_json_schema(),
        credentials_schema=channel.credentials_form.model_json_schema(),
    )
