"""Which sources a unit has and what becomes of their entries; every act with its audit row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.channels.tables import Account
from services.sources.forms import SourceChanges, SourceForm
from services.sources.tables import Source, SourceEntry
from services.staff import agency, units
from services.staff.caller import Caller
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError
from shared.fetch import Guard, check_url

# Who looks after sources; whoever writes makes drafts of their entries.
ROLES: Final = ("editor", "admin")
# A site must say for a day that it has moved before its new address is offered.
MOVED_AFTER: Final = timedelta(days=1)
# A person may press "read now" again, but not so often that the site would mind.
_AGAIN_AFTER: Final = timedelta(seconds=10)
# What Loa does by itself: whoever changes one of these stands for what follows.
_RULED: Final = frozenset({"rule", "accounts", "makes", "kind", "category"})


async def add(
    session: AsyncSession, caller: Caller, form: SourceForm, *, guard: Guard, now: datetime
) -> Source:
    """A new source of a unit within reach, due at once. Not safe to repeat.

    Raises FetchRefusedError for an address that may not be asked, ConflictError `source_exists`,
    InvalidError with the fields at fault, NotFoundError for an unknown unit.
    """
    caller.need_role(*ROLES)
    check_url(form.url, guard)
    unit_id = caller.unit_id
    if form.unit is not None:
        unit = await units.by_code(session, form.unit)
        caller.need_unit(unit.id)
        unit_id = unit.id
    source = Source(
        unit_id=unit_id,
        url=form.url,
        title=form.title,
        whose=form.whose,
        makes=form.makes or ("draft" if form.whose == "own" else "bulletin"),
        kind=form.kind,
        category=form.category,
        rule=form.rule,
        accounts=list(dict.fromkeys(form.accounts)),
        licence=form.licence,
        next_at=now,
        added_by=caller.staff_id,
        added_at=now,
    )
    await _check(session, caller, source)
    if source.rule != "ask":
        source.rule_by, source.rule_at = caller.staff_id, now
    session.add(source)
    await _flushed(session, source)
    await _record(session, caller, Act.SOURCE_ADDED, source, {"url": source.url})
    return source


async def change(
    session: AsyncSession,
    caller: Caller,
    source_id: UUID,
    changes: SourceChanges,
    *,
    now: datetime,
) -> Source:
    """Takes the fields that were sent; what changes nothing leaves no trace.

    Whoever changes what Loa does by itself becomes the author of what follows. Raises
    NotFoundError, InvalidError.
    """
    source = await locked(session, caller, source_id)
    sent = {
        name: value
        for name, value in changes.model_dump().items()
        if name in changes.model_fields_set and getattr(source, name) != value
    }
    if not sent:
        return source
    wanted = Source.model_validate({**source.model_dump(), **sent})
    await _check(session, caller, wanted, ruled=not _RULED.isdisjoint(sent))
    for name, value in sent.items():
        setattr(source, name, value)
    if source.rule == "ask":
        source.rule_by = source.rule_at = None
    elif not _RULED.isdisjoint(sent):
        source.rule_by, source.rule_at = caller.staff_id, now
    await session.flush()
    await _record(session, caller, Act.SOURCE_CHANGED, source, {"fields": sorted(sent)})
    return source


async def pause(session: AsyncSession, caller: Caller, source_id: UUID) -> Source:
    """Reads the source no more until somebody resumes it; safe to repeat."""
    source = await locked(session, caller, source_id)
    if source.state != "paused":
        source.state = "paused"
        await session.flush()
        await _record(session, caller, Act.SOURCE_PAUSED, source, {})
    return source


async def resume(
    session: AsyncSession, caller: Caller, source_id: UUID, *, now: datetime
) -> Source:
    """Reads the source again, at once; safe to repeat.

    One that was stopped because its entries had all changed their names takes the new names.
    """
    source = await locked(session, caller, source_id)
    if source.state != "active":
        source.accept_churn = source.result == "churn"
        source.state, source.next_at, source.fail_count = "active", now, 0
        source.missing_since = source.gone_at = None
        await session.flush()
        await _record(session, caller, Act.SOURCE_RESUMED, source, {"after": source.result})
    return source


async def remove(
    session: AsyncSession, caller: Caller, source_id: UUID, *, now: datetime
) -> Source:
    """Takes a source off the list; what was made of it stays."""
    source = await locked(session, caller, source_id)
    source.removed_at = now
    await session.flush()
    await _record(session, caller, Act.SOURCE_REMOVED, source, {"url": source.url})
    return source


async def restore(
    session: AsyncSession, caller: Caller, source_id: UUID, *, now: datetime
) -> Source:
    """Puts a removed source back; safe to repeat. ConflictError `source_exists`."""
    source = await locked(session, caller, source_id, removed=True)
    if source.removed_at is not None:
        source.removed_at, source.next_at = None, now
        await _flushed(session, source)
        await _record(session, caller, Act.SOURCE_RESTORED, source, {"url": source.url})
    return source


async def follow_move(
    session: AsyncSession, caller: Caller, source_id: UUID, *, guard: Guard, now: datetime
) -> Source:
    """Reads the source at the address to which its site has moved for good.

    Raises ConflictError `source_not_moved` unless the site has said so for a day, or
    `source_exists`; FetchRefusedError.
    """
    source = await locked(session, caller, source_id)
    if not has_moved(source, now):
        raise ConflictError("source_not_moved")
    check_url(source.moved_to, guard)
    before, source.url = source.url, source.moved_to
    source.moved_to, source.moved_since = "", None
    # Validators belong to an address: the new one must be read whole once.
    source.etag = source.last_modified = source.body_hash = ""
    source.next_at = now
    await _flushed(session, source)
    await _record(session, caller, Act.SOURCE_CHANGED, source, {"fields": ["url"], "from": before})
    return source


def has_moved(source: Source, now: datetime) -> bool:
    """Whether the site has said for a day that this feed has another address."""
    return source.moved_since is not None and now - source.moved_since >= MOVED_AFTER


async def may_read_now(
    session: AsyncSession, caller: Caller, source_id: UUID, *, now: datetime
) -> Source:
    """The source, for a person who wants it read at once. ConflictError `source_just_read`."""
    source = await locked(session, caller, source_id)
    if source.asked_at is not None and now - source.asked_at < _AGAIN_AFTER:
        raise ConflictError("source_just_read")
    return source


async def dismiss(
    session: AsyncSession, caller: Caller, entry_id: UUID, *, back: bool = False
) -> SourceEntry:
    """Puts an entry aside, or takes it `back`; safe to repeat. ConflictError `entry_taken`."""
    entry = await entry_of(session, caller, entry_id)
    if entry.item_id is not None or entry.state == "ours":
        raise ConflictError("entry_taken")
    before, entry.state = entry.state, "new" if back else "dismissed"
    if entry.state != before:
        await session.flush()
        source = await session.get_one(Source, entry.source_id)
        act = Act.SOURCE_ENTRY_RESTORED if back else Act.SOURCE_ENTRY_DISMISSED
        await _record(session, caller, act, source, {"entry": str(entry.id)})
    return entry


async def entry_of(session: AsyncSession, caller: Caller, entry_id: UUID) -> SourceEntry:
    """An entry of a source within reach, locked. NotFoundError otherwise."""
    caller.need_role(*ROLES)
    entry = await session.get(SourceEntry, entry_id, with_for_update=True)
    source = None if entry is None else await session.get(Source, entry.source_id)
    if entry is None or source is None or not caller.may_see(source.unit_id):
        raise NotFoundError("entry_not_found")
    return entry


async def locked(
    session: AsyncSession, caller: Caller, source_id: UUID, *, removed: bool = False
) -> Source:
    """A source within reach that the caller may change, locked. NotFoundError otherwise."""
    caller.need_role(*ROLES)
    source = await session.get(Source, source_id, with_for_update=True)
    if source is None or not caller.may_see(source.unit_id):
        raise NotFoundError("source_not_found")
    if source.removed_at is not None and not removed:
        raise NotFoundError("source_not_found")
    return source


async def _check(
    session: AsyncSession, caller: Caller, source: Source, *, ruled: bool = True
) -> None:
    faults: list[FieldError] = []
    house = await agency.settings(session)
    if source.category and house.closed_list and house.category(source.category) is None:
        detail = "Chuyên mục không có trong danh sách · This category is not in the list"
        faults.append(FieldError(field="category", code="category_unknown", detail=detail))
    if ruled and source.rule != "ask" and "editor" not in caller.roles:
        # What is made by itself needs an author who may write; four eyes then count that person.
        detail = (
            "Người đặt quy tắc tự động là người soạn các bản nháp, nên cần vai trò Biên tập"
            " · Whoever sets the rule is the author of its drafts, so they need the role Editor"
        )
        faults.append(FieldError(field="rule", code="rule_needs_editor", detail=detail))
    if ruled and source.rule == "submit" and not source.accounts:
        detail = "Chọn ít nhất một kênh để gửi duyệt · Choose at least one channel to submit for"
        faults.append(FieldError(field="accounts", code="accounts_missing", detail=detail))
    if ruled and source.accounts and not await _accounts_within(session, caller, source):
        detail = "Không có kênh này trong phạm vi của bạn · No such account within your reach"
        faults.append(FieldError(field="accounts", code="account_unknown", detail=detail))
    if faults:
        raise InvalidError("invalid", fields=tuple(faults))


async def _accounts_within(session: AsyncSession, caller: Caller, source: Source) -> bool:
    found = await session.scalars(
        select(col(Account.id)).where(
            col(Account.id).in_(source.accounts),
            col(Account.unit_id).in_(caller.unit_ids),
            col(Account.stage) != "closed",
        )
    )
    return set(found) == set(source.accounts)


async def _flushed(session: AsyncSession, source: Source) -> None:
    url = source.url
    try:
        await session.flush()
    except IntegrityError as error:
        if "uq_source_unit_id_url" not in str(error.orig):
            raise
        raise ConflictError("source_exists", url=url) from error


async def _record(
    session: AsyncSession, caller: Caller, act: Act, source: Source, details: Mapping[str, object]
) -> None:
    await record(
        session,
        caller.actor,
        act,
        f"source:{source.id}",
        unit=source.unit_id,
        details={"title": source.title, **details},
    )
