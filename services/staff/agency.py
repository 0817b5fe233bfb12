"""How this house works: a closed list of settings, each checked before it is kept and recorded.

Rooms read them where they act, in the transaction of the act, so a change holds from the next one.
What was never chosen has the value that Loa always had.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.staff.caller import Caller
from services.staff.tables import AgencySetting, OldCategory, Staff, Unit
from shared.clock import utc_now
from shared.errors import FieldError, ForbiddenError, InvalidError
from shared.text import one_line

# The menu of four utilities that readers know from the ministries' official accounts.
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tin-tuc": "Tin tức",
        "van-ban-chinh-sach": "Văn bản, chính sách",
        "ban-tin-cai-cach-hanh-chinh": "Bản tin cải cách hành chính",
        "tin-da-phuong-tien": "Tin đa phương tiện",
    }
)
MOST_HOLD: Final = timedelta(minutes=10)
_CATEGORIES: Final = 60

_OBJECT: Final = "hub:loa"

Part: TypeAlias = Literal[
    "tin-tuc", "van-ban-chinh-sach", "ban-tin-cai-cach-hanh-chinh", "tin-da-phuong-tien"
]


_SetupMark: TypeAlias = Literal["agency", "people", "channels", "rules", "item", "closed"]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _some(text: str) -> str:
    tidy = one_line(text)
    if not tidy:
        raise ValueError("blank")
    return tidy


class Category(_Kept):
    """One category: how it stands in addresses and feeds, how people call it, its part of the menu.

    `slug` never changes for what was published under it, so a category is renamed by its `name`.
    """

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
    name: Annotated[str, Field(max_length=80), AfterValidator(_some)]
    part: Part


class Logo(_Kept):
    """The agency's mark as it stands in the media store."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    ext: Literal["png", "jpg"]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class QuietHours(_Kept):
    """From when until when people are left in peace, on the wall clock here; may span midnight."""

    start: time
    end: time

    def covers(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant falls into them."""
        clock = at.astimezone(zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


_Line: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(one_line)]


class Imprint(_Kept):
    """Who answers for the agency's pages and how to reach it: what their foot has to say.

    Source: government-rules.md section 5 (Decree 174/2026, article 93). Empty: not told yet.
    """

    superior: _Line = ""
    address: _Line = ""
    phone: _Line = ""
    email: Annotated[_Line, Field(pattern=r"^\s*([^@\s]+@[^@\s]+\.[^@\s]+)?\s*$")] = ""
    responsible: _Line = ""


NO_IMPRINT: Final = Imprint()
FOUR_PARTS: Final = tuple(Category(slug=slug, name=name, part=slug) for slug, name in PARTS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """The settings as they hold now.

    `name` empty: the name the hub has anyway. `hold` None: what the operator set. `accounts` None:
    every account of a unit is chosen for its new items. `closed_list` tells whether an item's
    category must be one of `categories`; until somebody has chosen them, any may be used.
    `setup`: what admins said of the first steps: those passed over, and `closed` for all of them.
    """

    name: str = ""
    imprint: Imprint = NO_IMPRINT
    logo: Logo | None = None
    mark_pictures: bool = False
    hold: timedelta | None = None
    urgent_waits: bool = False
    quiet_hours: QuietHours | None = None
    accounts: frozenset[UUID] | None = None
    categories: tuple[Category, ...] = FOUR_PARTS
    closed_list: bool = False
    withdraw_by_editor: bool = False
    setup: frozenset[str] = frozenset()

    @property
    def picture_mark(self) -> Logo | None:
        """What is drawn onto pictures for the channels; None for nothing."""
        return self.logo if self.mark_pictures else None

    def holds(self, usual: timedelta, *, urgent: bool) -> timedelta:
        """How long an agreed item waits for a last "stop" before its first call."""
        if urgent and not self.urgent_waits:
            return timedelta(0)
        return usual if self.hold is None else self.hold

    def is_quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant falls into the quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.covers(at, zone)

    def withdrawers(self) -> tuple[str, ...]:
        """The roles that may take an item back alone."""
        return ("approver", "editor") if self.withdraw_by_editor else ("approver",)

    def category(self, slug: str) -> Category | None:
        """A category by what stands in addresses; None for one that is not in the list."""
        return next((one for one in self.categories if one.slug == slug), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed a setting last, and when."""

    by: str
    at: datetime


def _unique(categories: list[Category]) -> list[Category]:
    if len({one.slug for one in categories}) != len(categories):
        raise ValueError("twice")
    return categories


def _not_empty_span(hours: QuietHours | None) -> QuietHours | None:
    if hours is not None and hours.start == hours.end:
        raise ValueError("empty")
    return hours


_KINDS: Final[Mapping[str, TypeAdapter[object]]] = MappingProxyType(
    {
        "name": TypeAdapter(Annotated[str, Field(max_length=120), AfterValidator(one_line)]),
        "imprint": TypeAdapter(Imprint),
        "logo": TypeAdapter(Logo | None),
        "mark_pictures": TypeAdapter(bool),
        "hold_seconds": TypeAdapter(
            Annotated[int, Field(ge=0, le=int(MOST_HOLD.total_seconds()))] | None
        ),
        "urgent_waits": TypeAdapter(bool),
        "quiet_hours": TypeAdapter(Annotated[QuietHours | None, AfterValidator(_not_empty_span)]),
        "accounts": TypeAdapter(Annotated[list[UUID], Field(max_length=2_000)] | None),
        "categories": TypeAdapter(
            Annotated[list[Category], Field(max_length=_CATEGORIES), AfterValidator(_unique)] | None
        ),
        "withdraw_by_editor": TypeAdapter(bool),
        "setup": TypeAdapter(Annotated[frozenset[_SetupMark], PlainSerializer(sorted)]),
    }
)
_CATEGORIES_KIND: Final = TypeAdapter(list[Category])
NAMES: Final = tuple(_KINDS)

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "Tên dài tối đa 120 ký tự · The name has at most 120 characters",
        "imprint": "Thư điện tử có dạng ten@coquan.gov.vn, mỗi ô tối đa 200 ký tự"
        " · An e-mail address like name@agency.gov.vn; at most 200 characters each",
        "logo": "Cần một ảnh PNG hoặc JPEG · A PNG or JPEG picture is needed",
        "hold_seconds": "Chọn từ 0 đến 600 giây · From 0 to 600 seconds",
        "quiet_hours": "Giờ bắt đầu và giờ kết thúc phải khác nhau, dạng 21:00"
        " · The start and the end must differ, in the form 21:00",
        "accounts": "Có kênh không tồn tại · An account does not exist",
        "categories": "Mỗi chuyên mục cần tên và đường dẫn riêng (chữ thường không dấu, số, gạch "
        "nối), tối đa 60 chuyên mục · Each category needs a name and an address of its own "
        "(lower-case letters, digits, hyphens), at most 60",
    }
)
_OTHERWISE: Final = "Giá trị không hợp lệ · This value cannot be used"


async def settings(session: AsyncSession) -> Agency:
    """The settings as they hold in this transaction."""
    rows = await session.execute(select(col(AgencySetting.name), col(AgencySetting.value)))
    stored = {name: _KINDS[name].validate_python(value) for name, value in rows if name in _KINDS}
    hold = stored.pop("hold_seconds", None)
    accounts = stored.pop("accounts", None)
    categories = stored.pop("categories", None)
    return Agency(
        hold=timedelta(seconds=hold) if isinstance(hold, int) else None,
        accounts=frozenset(accounts) if isinstance(accounts, list) else None,
        categories=tuple(categories) if isinstance(categories, list) else FOUR_PARTS,
        closed_list=isinstance(categories, list),
        **stored,  # type: ignore[arg-type]  # each was checked by its own adapter above
    )


async def changes(session: AsyncSession) -> Mapping[str, Change]:
    """Who changed each setting last; one that was never chosen is not in it."""
    rows = await session.execute(
        select(col(AgencySetting.name), col(Staff.name), col(AgencySetting.at)).join(
            Staff, col(Staff.id) == col(AgencySetting.by)
        )
    )
    return {name: Change(by=by, at=at) for name, by, at in rows}


async def need_top_admin(session: AsyncSession, caller: Caller) -> None:
    """Raises ForbiddenError unless this is an admin of a unit that has none above it."""
    caller.need_role("admin")
    above = await session.scalar(select(col(Unit.parent_id)).where(col(Unit.id) == caller.unit_id))
    if above is not None:
        raise ForbiddenError("top_unit_needed")


async def change(session: AsyncSession, caller: Caller, name: str, value: JsonValue) -> bool:
    """Keeps a setting from now on; gives whether it differs from what was kept.

    For an admin of a unit at the top: it holds for everybody (ForbiddenError `top_unit_needed`).
    Raises InvalidError with the setting's name as the field for a value that cannot be, also for a
    name that is none.
    """
    await need_top_admin(session, caller)
    kept = _checked(name, value)
    before = await session.get(AgencySetting, name, with_for_update=True)
    if before is not None and before.value == kept:
        return False
    old = None if before is None else before.value
    if name == "categories":
        await _keep_addresses(session, _listed(old), _listed(kept))
    await session.execute(
        insert(AgencySetting)
        .values(name=name, value=kept, by=caller.staff_id, at=utc_now())
        .on_conflict_do_update(
            index_elements=["name"],
            set_={"value": kept, "by": caller.staff_id, "at": utc_now()},
        )
    )
    await record(
        session,
        caller.actor,
        Act.AGENCY_CHANGED,
        _OBJECT,
        before={"value": old},
        after={"value": kept},
        details={"setting": name},
    )
    return True


def _listed(value: JsonValue) -> tuple[Category, ...]:
    return FOUR_PARTS if value is None else tuple(_CATEGORIES_KIND.validate_python(value))


async def _keep_addresses(
    session: AsyncSession, before: tuple[Category, ...], after: tuple[Category, ...]
) -> None:
    """Remembers what became of the addresses of categories: whoever follows one must not lose it.

    A new address in the place of a name or a row that lost its own is that category's new address.
    """
    stay = {one.slug for one in after}
    lost = [(place, one) for place, one in enumerate(before) if one.slug not in stay]
    came = [one for one in after if one.slug not in {old.slug for old in before}]
    await session.execute(delete(OldCategory).where(col(OldCategory.slug).in_(stay)))
    for place, one in lost:
        same_name = next((new for new in came if new.name == one.name), None)
        same_row = after[place] if len(before) == len(after) and after[place] in came else None
        successor = same_name or same_row
        now = None if successor is None else successor.slug
        await session.execute(
            insert(OldCategory)
            .values(slug=one.slug, now=now, at=utc_now())
            .on_conflict_do_update(index_elements=["slug"], set_={"now": now, "at": utc_now()})
        )


def _checked(name: str, value: JsonValue) -> JsonValue:
    """The value as it is stored; raises InvalidError."""
    detail = _WORDS.get(name, _OTHERWISE)
    fault = FieldError(field=name, code="setting_invalid", detail=detail)
    kind = _KINDS.get(name)
    if kind is None:
        raise InvalidError("setting_invalid", fields=(fault,))
    try:
        kept: JsonValue = json.loads(kind.dump_json(kind.validate_json(json.dumps(value))))
    except (ValidationError, ValueError) as error:
        raise InvalidError("setting_invalid", fields=(fault,)) from error
    return kept
