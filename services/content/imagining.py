"""An item as it would be if what stands in a form were saved: for previews, never stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.content import queries
from services.content.tables import Item, Revision
from services.staff.caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a writer has typed so far: clean, but not judged; a title may be missing or too long.

    `overrides` is account id → fields, as a revision stores them; `document` the same.
    """

    kind: str = "news"
    title: str = ""
    summary: str = ""
    body: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    cover: UUID | None = None
    document: Mapping[str, str] | None = None
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    correction_note: str = ""
    source_name: str = ""
    source_url: str = ""
    ai_made: bool = False
    publish_at: datetime | None = None
    urgent: bool = False


async def imagined(
    session: AsyncSession, caller: Caller, typed: Typed, *, item_id: UUID | None, now: datetime
) -> tuple[Item, Revision]:
    """The item and its revision with these words. None: an item that has no code yet.

    The rows belong to no session, so nothing of them is ever written. Raises NotFoundError.
    """
    item = Item(
        code=f"{caller.unit_code}-{now.year}",
        unit_id=caller.unit_id,
        kind=typed.kind,
        created_by=caller.staff_id,
    )
    revision = Revision(
        item_id=item.id,
        no=1,
        title=typed.title,
        summary=typed.summary,
        body=typed.body,
        category=typed.category,
        tags=list(typed.tags),
        cover=typed.cover,
        document=dict(typed.document) if typed.document is not None else None,
        overrides={account: dict(own) for account, own in typed.overrides.items()},
        correction_note=typed.correction_note,
        source_name=typed.source_name,
        source_url=typed.source_url,
        ai_made=typed.ai_made,
        publish_at=typed.publish_at,
        urgent=typed.urgent,
        created_by=caller.staff_id,
        last_editor=caller.staff_id,
        updated_at=now,
    )
    if item_id is None:
        return item, revision
    stored = await queries.item(session, item_id, caller.unit_ids)
    newest = (await queries.newest(session, (stored,)))[stored.id]
    for name in ("id", "code", "unit_id", "released_no", "published_at"):
        setattr(item, name, getattr(stored, name))
    revision.item_id, revision.author = stored.id, newest.author
    revision.no = newest.no if newest.state == "draft" else newest.no + 1
    # What was taken in before may stay, also from a unit that the writer cannot see.
    revision.media = [*newest.media, *([newest.cover] if newest.cover else [])]
    return item, revision
