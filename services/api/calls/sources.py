"""Sources: feeds of other sites, what stood in them, and the drafts made of it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, JsonValue
from starlette.requests import Request

from services.api.calls.items import shown_item
from services.api.gate import Look, Poster, SignedIn, TheHub, Work, Writer
from services.api.paging import Cursor, Limit, page, unknown_cursor
from services.api.problems import documented, language_of
from services.api.route import Route
from services.api.views import ItemOut
from services.sources import making, managing, polling, queries
from services.sources import words as source_words
from services.sources.forms import Makes, SourceChanges, SourceForm
from services.sources.queries import Entry, Place, Shown
from shared.clock import utc_now

router = APIRouter(route_class=Route, tags=["sources"])

View: TypeAlias = Literal["new", "drafted", "edited", "history", "dismissed", "all"]

_READ = documented(401, 403, 404, 422, 500, 503)
_ACT = documented(401, 403, 404, 409, 413, 415, 422, 500, 503)


class ResultOut(BaseModel):
    """How the last reading went: a stable code, and the same in the reader's words."""

    code: str
    words: str
    details: dict[str, JsonValue]
    at: datetime | None


class SourceOut(BaseModel):
    """A source, and how it is. `moved_to` is where its site says it now is, for a day and more."""

    id: UUID
    unit: str
    url: str
    title: str
    site: str
    whose: str
    makes: str
    kind: str
    category: str
    rule: str
    rule_by: UUID | None
    accounts: list[UUID]
    licence: str
    state: str
    result: ResultOut
    new: int
    drafted: int
    edited: int
    read_at: datetime | None
    next_at: datetime | None
    moved_to: str | None
    added_at: datetime


class SourcesOut(BaseModel):
    """A page of sources."""

    data: list[SourceOut]
    next: str | None


class EntryOut(BaseModel):
    """One entry as the source has it. `published_text` is the date as it was written there.

    `edited`: the source has changed its words since the draft took them. `gone_at`: it said twice
    that it took the entry back.
    """

    id: UUID
    source: UUID
    state: str
    title: str
    summary: str
    link: str
    author: str
    published_at: datetime | None
    published_text: str
    first_seen_at: datetime
    last_seen_at: datetime
    edited: bool
    edited_at: datetime | None
    gone_at: datetime | None
    item: UUID | None
    pictures: list[str]
    warnings: list[str]
    legacy: str | None


class EntriesOut(BaseModel):
    """A page of entries."""

    data: list[EntryOut]
    next: str | None


class DraftBody(BaseModel):
    """What is made of the entry; null: what the source says."""

    model_config = {"extra": "forbid"}

    makes: Makes | None = None


@router.get("/sources", responses=documented(401, 403, 422, 500, 503))
async def list_sources(
    request: Request, caller: SignedIn, session: Look, limit: Limit = 50, cursor: Cursor = None
) -> SourcesOut:
    """The sources within reach; those that need somebody first."""
    caller.need_role(*managing.ROLES)
    found = await queries.listed(session, caller)
    shown, following = page(found, limit, cursor)
    return SourcesOut(data=[_source(request, one) for one in shown], next=following)


@router.post("/sources", status_code=status.HTTP_201_CREATED, responses=_ACT)
async def add_source(
    request: Request, form: SourceForm, caller: Poster, hub: TheHub, session: Work
) -> SourceOut:
    """A new source; it is read within a minute."""
    made = await managing.add(session, caller, form, guard=hub.guard, now=utc_now())
    return _source(request, await queries.one(session, caller, made.id))


@router.get("/sources/{source_id}", responses=_READ)
async def show_source(
    request: Request, source_id: UUID, caller: SignedIn, session: Look
) -> SourceOut:
    """One source within reach."""
    caller.need_role(*managing.ROLES)
    return _source(request, await queries.one(session, caller, source_id))


@router.patch("/sources/{source_id}", responses=_ACT)
async def change_source(
    request: Request, source_id: UUID, form: SourceChanges, caller: Writer, session: Work
) -> SourceOut:
    """Changes what is sent; the rest stays. Whoever sets a rule is the author of its drafts."""
    await managing.change(session, caller, source_id, form, now=utc_now())
    return _source(request, await queries.one(session, caller, source_id))


@router.post("/sources/{source_id}/fetch", responses=_ACT)
async def fetch_source(request: Request, source_id: UUID, caller: Poster, hub: TheHub) -> SourceOut:
    """Reads the source now, and says how that went."""
    async with hub.open_work() as session:
        await managing.may_read_now(session, caller, source_id, now=utc_now())
    # No transaction is open while the site answers.
    await polling.read_source(hub.open_work, hub.guard, source_id, public_url=hub.public_url)
    async with hub.open_work() as session:
        return _source(request, await queries.one(session, caller, source_id))


@router.post("/sources/{source_id}/pause", responses=_ACT)
async def pause_source(
    request: Request, source_id: UUID, caller: Poster, session: Work
) -> SourceOut:
    """Reads the source no more until it is resumed."""
    await managing.pause(session, caller, source_id)
    return _source(request, await queries.one(session, caller, source_id))


@router.post("/sources/{source_id}/resume", responses=_ACT)
async def resume_source(
    request: Request, source_id: UUID, caller: Poster, session: Work
) -> SourceOut:
    """Reads the source again, also one that Loa had stopped."""
    await managing.resume(session, caller, source_id, now=utc_now())
    return _source(request, await queries.one(session, caller, source_id))


@router.get("/sources/{source_id}/entries", responses=_READ)
async def list_entries(
    source_id: UUID,
    caller: SignedIn,
    session: Look,
    view: Annotated[View, Query(description="Which of them")] = "all",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EntriesOut:
    """Entries of a source, the newest first."""
    caller.need_role(*managing.ROLES)
    source = await queries.one(session, caller, source_id)
    found = await queries.entries(
        session, source.source.id, view=view, limit=limit + 1, after=_place(cursor)
    )
    shown = found[:limit]
    return EntriesOut(
        data=[_entry(one) for one in shown],
        next=_at(shown[-1]) if len(found) > limit else None,
    )


@router.post(
    "/source-entries/{entry_id}/draft",
    status_code=status.HTTP_201_CREATED,
    response_model=ItemOut,
    responses=_ACT,
)
async def draft_entry(
    entry_id: UUID,
    caller: Poster,
    hub: TheHub,
    session: Work,
    form: DraftBody | None = None,
) -> Response:
    """A draft of the entry with its source's credit; the same one again where there is one."""
    item = await making.draft(
        session,
        caller,
        entry_id,
        zone=ZoneInfo(hub.timezone),
        makes=form.makes if form else None,
    )
    return await shown_item(session, hub, item.id, code=status.HTTP_201_CREATED)


def _source(request: Request, shown: Shown) -> SourceOut:
    source = shown.source
    told = source_words.result(source.result, language_of(request), source.result_details)
    moved = managing.has_moved(source, utc_now())
    return SourceOut(
        id=source.id,
        unit=shown.unit_code,
        url=source.url,
        title=source.title,
        site=source.site,
        whose=source.whose,
        makes=source.makes,
        kind=source.kind,
        category=source.category,
        rule=source.rule,
        rule_by=source.rule_by,
        accounts=source.accounts,
        licence=source.licence,
        state=source.state,
        result=ResultOut.model_validate(
            {
                "code": source.result,
                "words": told.long,
                "details": source.result_details,
                "at": source.result_at,
            }
        ),
        new=shown.tally.new,
        drafted=shown.tally.drafted,
        edited=shown.tally.edited,
        read_at=source.read_at,
        next_at=source.next_at if source.state == "active" else None,
        moved_to=source.moved_to if moved else None,
        added_at=source.added_at,
    )


def _entry(shown: Entry) -> EntryOut:
    entry = shown.entry
    return EntryOut(
        id=entry.id,
        source=entry.source_id,
        state=entry.state,
        title=entry.title,
        summary=entry.summary,
        link=entry.link,
        author=entry.author,
        published_at=entry.published_at,
        published_text=entry.date_text,
        first_seen_at=entry.first_seen_at,
        last_seen_at=entry.last_seen_at,
        edited=shown.edited,
        edited_at=entry.edited_at,
        gone_at=entry.gone_at,
        item=entry.item_id,
        pictures=[one["url"] for one in entry.pictures],
        warnings=entry.warnings,
        legacy=entry.legacy or None,
    )


def _at(shown: Entry) -> str:
    entry = shown.entry
    told = f"{entry.first_seen_at.isoformat()}|{entry.position}|{entry.id}"
    return urlsafe_b64encode(told.encode()).decode()


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        at, position, entry_id = urlsafe_b64decode(cursor.encode()).decode().split("|")
        place = Place(at=datetime.fromisoformat(at), position=int(position), id=UUID(entry_id))
    except ValueError:
        raise unknown_cursor() from None
    if place.at.tzinfo is None or not 0 <= place.position < 2**31:
        raise unknown_cursor()
    return place
