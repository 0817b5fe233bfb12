"""The ways to narrow a feed: one category, kind or unit, what it is called, and where it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.delivery.portal import Portal
from services.staff.agency import Agency
from services.staff.tables import OldCategory, Unit
from services.syndication.address import EVERYTHING, By, Scope
from services.syndication.reading import Part

KINDS: Final[Mapping[str, str]] = {
    "news": "Tin tức",
    "document": "Văn bản",
    "bulletin": "Bản tin",
    "multimedia": "Đa phương tiện",
    "warning": "Cảnh báo",
    "rebuttal": "Thông tin chính thức",
}
_NOUNS: Final[Mapping[By, str]] = {
    By.CATEGORY: "Chuyên mục",
    By.KIND: "Loại tin",
    By.UNIT: "Đơn vị",
}

# The distinct values of a column, each found by one step into the index; a million rows or ten.
_VALUES: Final = {
    by: text(
        f"""
        WITH RECURSIVE found AS (
          (SELECT {column} AS name FROM feed_entry WHERE account_id = :account
            ORDER BY {column} LIMIT 1)
          UNION ALL
          SELECT (SELECT {column} FROM feed_entry
                   WHERE account_id = :account AND {column} > found.name
                   ORDER BY {column} LIMIT 1)
            FROM found WHERE found.name IS NOT NULL)
        SELECT name::text FROM found WHERE name IS NOT NULL
        """  # noqa: S608  # constants of this file
    )
    for by, column in ((By.CATEGORY, "category"), (By.KIND, "kind"), (By.UNIT, "unit_id"))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A scope that answers: the entries that belong to it, and what it is called (empty: all)."""

    scope: Scope
    part: Part
    label: str = ""

    @property
    def noun(self) -> str:
        """What kind of scope it is, in words; empty for all entries."""
        return _NOUNS.get(self.scope.by, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A scope whose name has changed for good."""

    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A scope that was there and has been taken away."""


async def narrowed(
    session: AsyncSession, portal: Portal, house: Agency, scope: Scope
) -> Narrowed | Renamed | Ended | None:
    """What a scope of a portal's feed is now; None for one that never was."""
    account_id = portal.account.id
    match scope.by:
        case By.ALL:
            return Narrowed(scope=EVERYTHING, part=Part(account_id=account_id))
        case By.CATEGORY:
            return await _category(session, account_id, house, scope)
        case By.KIND:
            return await _kind(session, portal, scope)
        case By.UNIT:
            return await _unit(session, portal, scope)


async def every(session: AsyncSession, account_id: UUID, house: Agency) -> list[Narrowed]:
    """All entries, then every category, kind and unit that has one; each once, by its name now."""
    found = [Narrowed(scope=EVERYTHING, part=Part(account_id=account_id))]
    old = await _old_categories(session)
    terms = {old.get(one) or one for one in await _values(session, account_id, By.CATEGORY)}
    order = {one.slug: place for place, one in enumerate(house.categories)}
    found += [
        _of_category(account_id, house, term, old)
        for term in sorted(terms, key=lambda one: (order.get(one, len(order)), one))
        # An entry without a category is found under its kind; a retired one has no feed any more.
        if term and not (term in old or (house.closed_list and house.category(term) is None))
    ]
    kinds = await _values(session, account_id, By.KIND)
    found += [_of_kind(account_id, kind) for kind in KINDS if kind in kinds]
    ids = [UUID(one) for one in await _values(session, account_id, By.UNIT)]
    units = await session.scalars(
        select(Unit).where(col(Unit.id).in_(ids)).order_by(col(Unit.name), col(Unit.code))
    )
    found += [_of_unit(account_id, unit) for unit in units]
    return found


async def _category(
    session: AsyncSession, account_id: UUID, house: Agency, scope: Scope
) -> Narrowed | Renamed | Ended | None:
    listed = house.category(scope.name) is not None
    old = await _old_categories(session)
    if listed:
        return _of_category(account_id, house, scope.name, old)
    if scope.name in old:
        now = old[scope.name]
        return Renamed(scope=Scope(by=By.CATEGORY, name=now)) if now else Ended()
    if scope.name not in await _values(session, account_id, By.CATEGORY):
        return None
    # Where the house keeps a list, what is not in it any more has been taken away.
    return Ended() if house.closed_list else _of_category(account_id, house, scope.name, old)


def _of_category(
    account_id: UUID, house: Agency, name: str, old: Mapping[str, str | None]
) -> Narrowed:
    kept = house.category(name)
    names = (name, *sorted(former for former, now in old.items() if now == name))
    return Narrowed(
        scope=Scope(by=By.CATEGORY, name=name),
        part=Part(account_id=account_id, by=By.CATEGORY, names=names),
        label=kept.name if kept else name,
    )


async def _kind(session: AsyncSession, portal: Portal, scope: Scope) -> Narrowed | None:
    if scope.name not in KINDS:
        return None
    carried = portal.account.settings.get("kinds")
    account_id = portal.account.id
    refused = isinstance(carried, Sequence) and carried and scope.name not in carried
    # A portal that takes other kinds only may have taken this one before.
    if refused and scope.name not in await _values(session, account_id, By.KIND):
        return None
    return _of_kind(account_id, scope.name)


def _of_kind(account_id: UUID, kind: str) -> Narrowed:
    return Narrowed(
        scope=Scope(by=By.KIND, name=kind),
        part=Part(account_id=account_id, by=By.KIND, names=(kind,)),
        label=KINDS[kind],
    )


async def _unit(session: AsyncSession, portal: Portal, scope: Scope) -> Narrowed | None:
    found = await session.scalars(
        select(Unit).where(func.lower(col(Unit.code)) == scope.name).order_by(col(Unit.code))
    )
    unit = found.first()
    if unit is None:
        return None
    account = portal.account
    if unit.id != account.unit_id and str(unit.id) not in await _values(
        session, account.id, By.UNIT
    ):
        return None
    return _of_unit(account.id, unit)


def _of_unit(account_id: UUID, unit: Unit) -> Narrowed:
    return Narrowed(
        scope=Scope(by=By.UNIT, name=unit.code.lower()),
        part=Part(account_id=account_id, by=By.UNIT, names=(str(unit.id),)),
        label=unit.name,
    )


async def _values(session: AsyncSession, account_id: UUID, by: By) -> set[str]:
    return set(await session.scalars(_VALUES[by], {"account": account_id}))


async def _old_categories(session: AsyncSession) -> dict[str, str | None]:
    """Former names and what each became in the end; None for what was taken away."""
    rows = await session.execute(select(col(OldCategory.slug), col(OldCategory.now)))
    steps: dict[str, str | None] = {row.slug: row.now for row in rows}
    return {slug: _end(slug, steps) for slug in steps}


def _end(slug: str, steps: Mapping[str, str | None]) -> str | None:
    seen = {slug}
    now = steps[slug]
    while now is not None and now in steps:
        if now in seen:
            return None
        seen.add(now)
        now = steps[now]
    return now
