"""Writing: a new item gets its permanent code, a change finds the revision that may take it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.audit.tables import AuditEntry
from services.channels.accounts import one_of
from services.channels.tables import Account
from services.content import own_pictures, search
from services.content.body import media_ids
from services.content.forms import ItemChanges, ItemForm, OverrideForm, override_rows
from services.content.hashing import content_hash
from services.content.queries import media as media_by_id
from services.content.tables import Item, ItemCode, Revision
from services.content.workflow import lock_item, newest_revision, touch
from services.staff import agency
from services.staff.caller import Caller
from services.staff.tables import Unit
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.errors import ConflictError, FieldError, InvalidError

# Between two saves of one sitting at most.
_SITTING = timedelta(minutes=10)
_HANOI = ZoneInfo("Asia/Ho_Chi_Minh")

# What a new revision takes over from the one before it; the rest of the row starts afresh.
_COPIED = (
    "title",
    "summary",
    "body",
    "author",
    "category",
    "tags",
    "cover",
    "media",
    "document",
    "overrides",
    "correction_note",
    "source_name",
    "source_url",
    "ai_made",
    "accounts",
    "publish_at",
    "expires_at",
    "urgent",
)


async def create(
    session: AsyncSession,
    caller: Caller,
    form: ItemForm,
    *,
    zone: ZoneInfo = _HANOI,
    item_id: UUID | None = None,
) -> Item:
    """A new item with its first revision as a draft. Not safe to repeat: each call makes one.

    With an `item_id` of the caller's own choice a second call raises ConflictError `item_exists`.
    The code is `UNIT-YEAR-000123`, its year that of `zone`. InvalidError names the fields that
    cannot be: an unknown unit, a picture or account that the caller may not use.
    """
    caller.need("editor", "draft:write")
    unit = await _unit(session, caller, form.unit)
    form = form.model_copy(update={"body": await own_pictures.by_id(session, caller, form.body)})
    shown = media_ids(form.body)
    await _check_media(session, caller, cover=form.cover, body=shown)
    await _check_accounts(session, caller, form.overrides)
    await _check_category(session, form.category)
    if item_id is not None and await session.get(Item, item_id) is not None:
        raise ConflictError("item_exists")
    now = utc_now()
    item = Item(
        id=item_id or new_id(),
        code=await _next_code(session, unit, now.astimezone(zone).year),
        unit_id=unit.id,
        kind=form.kind,
        created_by=caller.staff_id,
        created_at=now,
        updated_at=now,
    )
    revision = Revision(
        item_id=item.id,
        no=1,
        title=form.title,
        summary=form.summary,
        body=form.body,
        author=form.author,
        category=form.category,
        tags=form.tags,
        cover=form.cover,
        media=list(shown),
        document=form.document.facts() if form.document else None,
        overrides=override_rows(form.overrides),
        correction_note=form.correction_note,
        source_name=form.source_name,
        source_url=form.source_url,
        ai_made=form.ai_made,
        created_by=caller.staff_id,
        last_editor=caller.staff_id,
        created_at=now,
        updated_at=now,
    )
    session.add(item)
    await session.flush()
    session.add(revision)
    await _index(session, item, revision)
    await record(
        session,
        caller.actor,
        Act.ITEM_CREATED,
        f"item:{item.id}",
        unit=unit.id,
        after=await content_hash(session, item, revision),
        details={"code": item.code, "revision": revision.no},
    )
    return item


async def take_over(
    session: AsyncSession,
    actor: Actor,
    unit_id: UUID,
    *,
    title: str,
    body: str,
    shown_at: datetime,
    by: UUID,
    zone: ZoneInfo = _HANOI,
) -> tuple[Item, Revision]:
    """An item for what a channel showed before it was connected, and its one revision.

    Nobody agreed to it here, so it has no approval, and no page of its own: it only makes known
    what is public already. `by` is the admin who asked. Not safe to repeat: each call makes one.
    """
    unit = await session.get_one(Unit, unit_id)
    now = utc_now()
    item = Item(
        code=await _next_code(session, unit, now.astimezone(zone).year),
        unit_id=unit.id,
        kind="news",
        created_by=by,
        created_at=now,
        updated_at=now,
        published_at=shown_at,
    )
    revision = Revision(
        item_id=item.id,
        no=1,
        state="approved",
        title=title,
        body=body,
        created_by=by,
        last_editor=by,
        created_at=now,
        updated_at=now,
    )
    session.add(item)
    await session.flush()
    session.add(revision)
    revision.content_hash = await content_hash(session, item, revision)
    await _index(session, item, revision)
    await record(
        session,
        actor,
        Act.ITEM_TAKEN_OVER,
        f"item:{item.id}",
        unit=unit.id,
        after=revision.content_hash,
        details={"code": item.code, "revision": revision.no},
    )
    return item, revision


async def edit(
    session: AsyncSession,
    caller: Caller,
    item_id: UUID,
    changes: ItemChanges,
    *,
    version: int,
    typing: bool = False,
) -> Item:
    """Takes a writer's changes into the open draft, or into a new revision beside what is closed.

    `version` is the item's version that the writer had read: ConflictError `stale_version` when
    somebody was faster. Fields that were not sent stay; changes that change nothing leave no trace.
    A revision waiting for approval is superseded: nobody may agree to a text that has a successor.

    `typing` says that a page saved by itself while its writer went on. One sitting is one act, and
    stands in the record once, at its first save: it goes on as long as the same person changes the
    same draft at most ten minutes apart and nothing else is recorded of the item. What the sitting
    ended with is bound by the hash of whatever follows it: a save that a person asked for, the
    submission, another's change.
    """
    caller.need("editor", "draft:write")
    item = await lock_item(session, caller, item_id)
    newest = await newest_revision(session, item)
    return await change(session, caller, item, newest, changes, version=version, typing=typing)


async def change(
    session: AsyncSession,
    caller: Caller,
    item: Item,
    newest: Revision,
    changes: ItemChanges,
    *,
    version: int,
    typing: bool = False,
) -> Item:
    """As `edit`, of an item that the caller has locked, with its newest revision."""
    caller.need("editor", "draft:write")
    if item.version != version:
        raise ConflictError("stale_version", version=item.version)
    if "body" in changes.model_fields_set:
        told = await own_pictures.by_id(session, caller, changes.body)
        changes = changes.model_copy(update={"body": told})
    kind, sent = changes.kind if "kind" in changes.model_fields_set else item.kind, _sent(changes)
    if kind == item.kind and all(getattr(newest, name) == value for name, value in sent.items()):
        return item
    if kind != item.kind:
        await _check_kind_may_change(session, item)
    await _check_media(
        session,
        caller,
        cover=changes.cover,
        body=media_ids(changes.body),
        known={*newest.media, newest.cover},
    )
    await _check_accounts(session, caller, changes.overrides, known=newest.overrides)
    if "category" in changes.model_fields_set and changes.category != newest.category:
        await _check_category(session, changes.category)
    before = await content_hash(session, item, newest)
    goes_on = typing and await _goes_on(session, caller, item, newest)
    revision = newest
    if newest.state != "draft":
        revision = await open_next(session, caller, item, newest)
    for name, value in sent.items():
        setattr(revision, name, value)
    revision.last_editor = caller.staff_id
    revision.updated_at = utc_now()
    item.kind = kind
    touch(item)
    await _index(session, item, revision)
    if goes_on:
        return item
    await record(
        session,
        caller.actor,
        Act.ITEM_EDITED,
        f"item:{item.id}",
        unit=item.unit_id,
        before=before,
        after=await content_hash(session, item, revision),
        details={"revision": revision.no, "fields": sorted(changes.model_fields_set)},
    )
    return item


async def _goes_on(session: AsyncSession, caller: Caller, item: Item, newest: Revision) -> bool:
    """Whether a change belongs to a sitting of this person that is on record already."""
    if newest.state != "draft" or newest.last_editor != caller.staff_id:
        return False
    if utc_now() - newest.updated_at > _SITTING:
        return False
    last = (
        await session.scalars(
            select(AuditEntry)
            .where(col(AuditEntry.object) == f"item:{item.id}")
            .order_by(col(AuditEntry.seq).desc())
            .limit(1)
        )
    ).one_or_none()
    return (
        last is not None
        and (last.act, last.actor) == (Act.ITEM_EDITED, caller.actor.name)
        and last.details.get("revision") == newest.no
    )


async def open_next(
    session: AsyncSession, caller: Caller, item: Item, newest: Revision
) -> Revision:
    """The next revision of a locked item, as a draft copy of its closed newest one.

    The last editor stays who wrote the words: opening a copy must not make them a stranger to it.
    """
    if newest.state == "draft":
        raise ConflictError("draft_open")
    if newest.state == "review":
        newest.state = "superseded"
        # Only one revision of an item may be open, so the old one leaves before the new one comes.
        await session.flush()
    copied = {name: getattr(newest, name) for name in _COPIED}
    if newest.state == "approved":
        # The note told readers what that correction changed; the next one must speak for itself.
        copied["correction_note"] = ""
    now = utc_now()
    revision = Revision(
        item_id=item.id,
        no=item.revision_no + 1,
        created_by=caller.staff_id,
        last_editor=newest.last_editor,
        created_at=now,
        updated_at=now,
        **copied,
    )
    session.add(revision)
    item.revision_no = revision.no
    await session.flush()
    return revision


def _sent(changes: ItemChanges) -> dict[str, object]:
    """The changes as column values of a revision; the kind stands on the item."""
    values: dict[str, object] = {
        name: getattr(changes, name)
        for name in changes.model_fields_set - {"kind", "document", "overrides"}
    }
    if "document" in changes.model_fields_set:
        values["document"] = changes.document.facts() if changes.document else None
    if "overrides" in changes.model_fields_set:
        values["overrides"] = override_rows(changes.overrides)
    if "body" in changes.model_fields_set:
        values["media"] = list(media_ids(changes.body))
    return values


async def _unit(session: AsyncSession, caller: Caller, code: str | None) -> Unit:
    asked = select(Unit).where(col(Unit.id).in_(caller.unit_ids))
    asked = asked.where(col(Unit.id) == caller.unit_id if code is None else col(Unit.code) == code)
    unit = (await session.scalars(asked)).one_or_none()
    if unit is None:
        raise _invalid(
            "unit",
            "unit_unknown",
            "Không có đơn vị này trong phạm vi của bạn · No such unit within your reach",
        )
    return unit


async def _next_code(session: AsyncSession, unit: Unit, year: int) -> str:
    # The row lock that the upsert takes is held until commit: numbers follow without a double.
    given = await session.execute(
        insert(ItemCode)
        .values(unit_id=unit.id, year=year, last=1)
        .on_conflict_do_update(
            index_elements=["unit_id", "year"], set_={"last": col(ItemCode.last) + 1}
        )
        .returning(col(ItemCode.last))
    )
    return f"{unit.code.upper()}-{year}-{given.scalar_one():06d}"


async def _check_kind_may_change(session: AsyncSession, item: Item) -> None:
    # The kind stands on the item, so it would change under a revision that was agreed to.
    agreed = await session.execute(
        select(col(Revision.id))
        .where(col(Revision.item_id) == item.id, col(Revision.state) == "approved")
        .limit(1)
    )
    if agreed.first() is not None:
        raise _invalid(
            "kind",
            "kind_fixed",
            "Đã có bản được duyệt nên loại tin giữ nguyên · A revision was approved",
        )


async def _check_media(
    session: AsyncSession,
    caller: Caller,
    *,
    cover: UUID | None,
    body: Sequence[UUID],
    known: Collection[UUID | None] = (),
) -> None:
    """Refuses pictures that do not exist or belong to another agency; earlier ones may stay."""
    wanted = {*body} | ({cover} if cover else set())
    library = await media_by_id(session, wanted)
    usable = {one.id for one in library.values() if one.id in known or caller.may_see(one.unit_id)}
    errors: list[FieldError] = []
    if cover and cover not in usable:
        detail = "Không có ảnh bìa này trong kho, hãy tải lên · No such picture, upload it"
        errors.append(FieldError(field="cover", code="media_unknown", detail=detail))
    elif cover and library[cover].kind != "image":
        detail = "Ảnh bìa phải là một tấm ảnh · The cover must be a picture"
        errors.append(FieldError(field="cover", code="cover_not_a_picture", detail=detail))
    errors.extend(
        FieldError(
            field="body",
            code="media_unknown",
            detail=f"Không có tệp “{one}” trong kho, hãy tải lên · No such file, upload it",
        )
        for one in body
        if one not in usable
    )
    if errors:
        raise InvalidError("invalid", fields=tuple(errors))


async def _check_accounts(
    session: AsyncSession,
    caller: Caller,
    overrides: Mapping[UUID, OverrideForm],
    *,
    known: Collection[str] = (),
) -> None:
    """Refuses overrides for accounts that the caller cannot see; earlier ones may stay."""
    asked = [one for one in overrides if str(one) not in known]
    if not asked:
        return
    found = set(
        await session.scalars(
            select(col(Account.id)).where(
                one_of(asked),
                col(Account.unit_id).in_(caller.unit_ids),
                col(Account.stage) != "closed",
            )
        )
    )
    errors = tuple(
        FieldError(
            field=f"overrides.{one}",
            code="account_unknown",
            detail="Không có kênh này trong phạm vi của bạn · No such account within your reach",
        )
        for one in asked
        if one not in found
    )
    if errors:
        raise InvalidError("invalid", fields=errors)


async def _check_category(session: AsyncSession, category: str) -> None:
    """Refuses one that is not in the house's list; what was taken before the list may stay."""
    house = await agency.settings(session)
    if category and house.closed_list and house.category(category) is None:
        detail = "Chuyên mục không có trong danh sách · This category is not in the list"
        raise _invalid("category", "category_unknown", detail)


async def _index(session: AsyncSession, item: Item, revision: Revision) -> None:
    # With the item's other changes, in one statement; it is read by searches alone.
    item.search = search.vector(item, revision)  # type: ignore[assignment]  # made by the database
    await session.flush()


def _invalid(field: str, code: str, detail: str) -> InvalidError:
    return InvalidError("invalid", fields=(FieldError(field=field, code=code, detail=detail),))
