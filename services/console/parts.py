"""Which part of an item's publications a page shows, and how to come to the others.

On a few accounts that is all of them. On thousands what needs a person leads, and the rest is found
by its group, by name, or page by page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.finding import named_like
from services.console.ask import Ask, whole_number
from services.delivery import board
from services.delivery.board import Shown
from services.delivery.tally import Tally
from shared.errors import NotFoundError

PER_PAGE: Final = 50
# Up to so many accounts a page shows all, in the order in which they were chosen.
FEW: Final = 12
_GROUPS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "needs": board.NEEDS,
        "moving": board.MOVES,
        "live": ("live",),
        "gone": ("withdrawn", "skipped"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A group of publications with its address and how many there are."""

    label: str
    address: str
    current: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The publications of one page, `first` to `last` of `total` that fit, of `count` in all.

    `kept` is the query that leads to this very part, empty for the first one; `one` tells that a
    single publication was asked for.
    """

    shown: tuple[Shown, ...]
    count: int
    total: int
    first: int
    kept: str
    q: str
    show: str
    one: bool
    tabs: tuple[Tab, ...]
    whole: str
    newer: str | None
    older: str | None

    @property
    def last(self) -> int:
        """The place of the last one that is shown."""
        return self.first + len(self.shown) - 1

    @property
    def many(self) -> bool:
        """Whether there are too many for one page to show as they are."""
        return self.count > FEW


async def part_of(
    ask: Ask, session: AsyncSession, item_id: UUID, tally: Tally, path: str, **more: str
) -> Part:
    """The part that the address asks for; `more` is what else the page's address carries.

    Beyond the end, which moves as publications do, the first page is shown.
    """
    show = ask.query("show") if ask.query("show") in _GROUPS else ""
    q, one, page = ask.query("q")[:200], _id(ask.query("one")), _page(ask.query("page"))

    async def read(page: int) -> board.Placed:
        return await board.placed(
            session,
            item_id,
            looks=_GROUPS[show] if show else None,
            account_ids=accounts,
            publication_id=one,
            led=tally.count > FEW,
            skip=(page - 1) * PER_PAGE,
            limit=PER_PAGE,
        )

    accounts = await named_like(session, q) if q else None
    found = await read(page)
    if page > 1 and not found.shown:
        page, found = 1, await read(1)

    def address(**query: object) -> str:
        return ask.url(path, **more, **query)

    kept = {"show": show, "q": q, "one": one, "page": page if page > 1 else None}
    following = page * PER_PAGE < found.total
    return Part(
        shown=found.shown,
        count=tally.count,
        total=found.total,
        first=(page - 1) * PER_PAGE + 1,
        kept=ask.url("", **kept).rpartition("?")[2] if any(kept.values()) else "",
        q=q,
        show=show,
        one=one is not None,
        tabs=_tabs(ask, tally, show, address(), {name: address(show=name) for name in _GROUPS}),
        whole=address(),
        newer=address(show=show, q=q) if page > 1 else None,
        older=address(show=show, q=q, page=page + 1) if following else None,
    )


def _tabs(
    ask: Ask, tally: Tally, show: str, every: str, addresses: Mapping[str, str]
) -> tuple[Tab, ...]:
    labels = {
        "needs": ask.t("Cần xem"),
        "moving": ask.t("Đang làm"),
        "live": ask.t("Đã đăng"),
        "gone": ask.t("Đã gỡ, bỏ qua"),
    }
    found = [
        Tab(label=labels[name], address=addresses[name], current=name == show, count=count)
        for name, looks in _GROUPS.items()
        if (count := tally.of(*looks)) or name == show
    ]
    first = Tab(label=ask.t("Tất cả"), address=every, current=not show, count=tally.count)
    return (first, *found)


def _id(told: str) -> UUID | None:
    try:
        return UUID(told) if told else None
    except ValueError:
        raise NotFoundError from None


def _page(told: str) -> int:
    return max(1, whole_number(told) or 1)
