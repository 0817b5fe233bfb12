"""Templates: words to begin an item with, and in them gaps like `{{ngày}}` that each use fills.

Everybody in a unit and below it may begin with its templates; the unit itself, and those above it,
change them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.content import drafting
from services.content.forms import (
    Body,
    Category,
    ItemForm,
    Kind,
    Line,
    Paragraph,
    Tags,
    Title,
)
from services.content.tables import Item, ItemTemplate
from services.staff import agency
from services.staff.caller import Caller
from services.staff.tables import Staff, Unit
from shared.errors import NotFoundError

# Who looks after templates; whoever writes may use them.
ROLES: Final = ("editor", "admin")
NAME_CHARS: Final = 120
ACCOUNTS: Final = 200
# What a list holds: more would be no list to choose from.
MOST: Final = 200
_GAP: Final = re.compile(r"\{\{[ \t]*([^{}\n]{1,60}?)[ \t]*\}\}")

_NAMED: Final = re.compile(r"[^\W\d_][\w ,.:/()%-]*")

Name: TypeAlias = Annotated[Title, StringConstraints(max_length=NAME_CHARS)]


class TemplateForm(BaseModel):
    """A template as a person fills it in. An empty title means that the name becomes the title."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Kind = "news"
    title: Line = ""
    summary: Paragraph = ""
    body: Body = ""
    category: Category = ""
    tags: Tags = []
    accounts: Annotated[list[UUID], Field(max_length=ACCOUNTS)] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A template with what a list tells of it. `own`: whoever asks may change it."""

    template: ItemTemplate
    unit: str
    by: str
    own: bool
    gaps: tuple[str, ...]


def gaps(*texts: str) -> tuple[str, ...]:
    """The names of the gaps in these texts, each once, in the order in which they come."""
    return tuple(dict.fromkeys(one for text in texts for one in _GAP.findall(text)))


def gaps_left(text: str) -> tuple[str, ...]:
    """The gaps that a text still has, by what people name things: words, not signs of a program.

    An item may well show braces as they stand in code, and that is no gap.
    """
    return tuple(one for one in gaps(text) if _NAMED.fullmatch(one))


def gaps_of(template: ItemTemplate) -> tuple[str, ...]:
    """The names of the gaps of a template, each once."""
    return gaps(_title(template), template.summary, template.body)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its gaps filled; one without a value, or with a blank one, stays a gap."""

    def told(found: re.Match[str]) -> str:
        return values.get(found[1], "").strip() or found[0]

    return _GAP.sub(told, text)


async def listed(session: AsyncSession, caller: Caller) -> tuple[Shown, ...]:
    """The templates that the caller may begin with, those used last first; at most `MOST`."""
    rows = await session.execute(
        _asked(await _reach(session, caller))
        .order_by(
            col(ItemTemplate.used_at).desc().nulls_last(),
            col(ItemTemplate.at).desc(),
            col(ItemTemplate.id),
        )
        .limit(MOST)
    )
    return tuple(_shown(caller, row) for row in rows)


async def one(session: AsyncSession, caller: Caller, template_id: UUID) -> Shown:
    """One template that the caller may begin with. NotFoundError otherwise."""
    asked = _asked(await _reach(session, caller)).where(col(ItemTemplate.id) == template_id)
    row = (await session.execute(asked)).one_or_none()
    if row is None:
        raise NotFoundError("template_not_found")
    return _shown(caller, row)


async def add(session: AsyncSession, caller: Caller, form: TemplateForm) -> ItemTemplate:
    """A new template of the caller's unit. Not safe to repeat: each call makes one."""
    caller.need_role(*ROLES)
    template = ItemTemplate(unit_id=caller.unit_id, by=caller.staff_id, **form.model_dump())
    session.add(template)
    await session.flush()
    await _record(session, caller, Act.TEMPLATE_ADDED, template)
    return template


async def add_ready(
    session: AsyncSession, caller: Caller, forms: Sequence[TemplateForm]
) -> tuple[ItemTemplate, ...]:
    """Adds those whose name the caller's unit has not yet; safe to repeat."""
    caller.need_role(*ROLES)
    known = set(
        await session.scalars(
            select(col(ItemTemplate.name)).where(
                col(ItemTemplate.unit_id) == caller.unit_id, col(ItemTemplate.removed_at).is_(None)
            )
        )
    )
    return tuple([await add(session, caller, form) for form in forms if form.name not in known])


async def change(
    session: AsyncSession, caller: Caller, template_id: UUID, form: TemplateForm
) -> ItemTemplate:
    """Replaces what a template holds; what changes nothing leaves no trace. NotFoundError."""
    template = await _own(session, caller, template_id)
    values = form.model_dump()
    if all(getattr(template, name) == value for name, value in values.items()):
        return template
    for name, value in values.items():
        setattr(template, name, value)
    await session.flush()
    await _record(session, caller, Act.TEMPLATE_CHANGED, template)
    return template


async def remove(
    session: AsyncSession, caller: Caller, template_id: UUID, *, now: datetime
) -> ItemTemplate:
    """Takes a template off the list; what was begun with it stays. NotFoundError."""
    template = await _own(session, caller, template_id)
    template.removed_at = now
    await session.flush()
    await _record(session, caller, Act.TEMPLATE_REMOVED, template)
    return template


async def restore(session: AsyncSession, caller: Caller, template_id: UUID) -> ItemTemplate:
    """Puts a removed template back on the list; safe to repeat. NotFoundError."""
    template = await _own(session, caller, template_id, removed=True)
    if template.removed_at is not None:
        template.removed_at = None
        await session.flush()
        await _record(session, caller, Act.TEMPLATE_RESTORED, template)
    return template


async def begin(
    session: AsyncSession,
    caller: Caller,
    template_id: UUID,
    values: Mapping[str, str],
    *,
    zone: ZoneInfo,
    now: datetime,
) -> Item:
    """A new item with the template's words, its gaps filled with `values` (gap → text).

    Not safe to repeat: each call makes an item, of the caller's own unit. A category that the house
    no longer has is left out. Raises NotFoundError, ForbiddenError; ValidationError where filling a
    gap makes a text too long.
    """
    template = (await one(session, caller, template_id)).template
    form = ItemForm.model_validate(
        {
            "kind": template.kind,
            "title": filled(_title(template), values),
            "summary": filled(template.summary, values),
            "body": filled(template.body, values),
            "category": await _category(session, template.category),
            "tags": template.tags,
        }
    )
    item = await drafting.create(session, caller, form, zone=zone)
    template.used_at = now
    await session.flush()
    return item


def _title(template: ItemTemplate) -> str:
    return template.title or template.name


async def _category(session: AsyncSession, told: str) -> str:
    house = await agency.settings(session)
    return "" if house.closed_list and house.category(told) is None else told


async def _own(
    session: AsyncSession, caller: Caller, template_id: UUID, *, removed: bool = False
) -> ItemTemplate:
    """The row of a template that the caller may change."""
    caller.need_role(*ROLES)
    template = await session.get(ItemTemplate, template_id, with_for_update=True)
    if template is None or not caller.may_see(template.unit_id):
        raise NotFoundError("template_not_found")
    if template.removed_at is not None and not removed:
        raise NotFoundError("template_not_found")
    return template


async def _reach(session: AsyncSession, caller: Caller) -> frozenset[UUID]:
    """The caller's units, and every unit above their own."""
    above = (
        select(col(Unit.parent_id).label("id"))
        .where(col(Unit.id) == caller.unit_id)
        .cte("above", recursive=True)
    )
    # UNION, not UNION ALL: a circle of units, which nobody should make, comes to an end.
    above = above.union(select(col(Unit.parent_id)).where(col(Unit.id) == above.c.id))
    ids = await session.scalars(select(above.c.id).where(above.c.id.is_not(None)))
    return caller.unit_ids.union(ids)


def _asked(unit_ids: Collection[UUID]) -> Select[ItemTemplate, str, str]:
    return (
        select(ItemTemplate, col(Unit.name), col(Staff.name))
        .join(Unit, col(Unit.id) == col(ItemTemplate.unit_id))
        .join(Staff, col(Staff.id) == col(ItemTemplate.by))
        .where(col(ItemTemplate.unit_id).in_(unit_ids), col(ItemTemplate.removed_at).is_(None))
    )


def _shown(caller: Caller, row: Row[ItemTemplate, str, str]) -> Shown:
    template, unit, by = row
    own = caller.may_see(template.unit_id) and not caller.roles.isdisjoint(ROLES)
    return Shown(template=template, unit=unit, by=by, own=own, gaps=gaps_of(template))


async def _record(session: AsyncSession, caller: Caller, act: Act, template: ItemTemplate) -> None:
    await record(
        session,
        caller.actor,
        act,
        f"template:{template.id}",
        unit=template.unit_id,
        after=template,
        details={"name": template.name},
    )
