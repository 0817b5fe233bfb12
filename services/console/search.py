"""Tìm & lệnh: items, people, media and commands, with and without diacritics (S21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get
from services.content import library
from services.content.tables import Media
from services.delivery import listing, standing
from services.delivery.listing import Filters, Line, View
from services.staff.queries import Person, list_people
from shared.text import fold

_FEW: Final = 6  # of a sort, while somebody types
_MANY: Final = 20  # of a sort, on the page
_CHARS: Final = 200
_BAD: Final = frozenset({"cut_off", "paused", "ending"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something to do, or a place. `also` are more words that lead here; `roles` empty: all."""

    label: str
    path: str
    icon: str
    also: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of each sort; `part`: of one of them only the first are told."""

    commands: Sequence[Command] = ()
    items: Sequence[Line] = ()
    people: Sequence[Person] = ()
    media: Sequence[Media] = ()
    part: bool = False

    @property
    def nothing(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.commands or self.items or self.people or self.media)


async def show(ask: Ask) -> Response:
    """What is found for the words: whole as a page, the first of each sort while somebody types."""
    asked = ask.query("q")[:_CHARS]
    few = ask.partial
    found = await _find(ask, asked, _FEW if few else _MANY)
    whole = ask.url("/search", q=asked)
    if few:
        return ask.part("search.html", "found", asked=asked, found=found, whole=whole)
    return await ask.page("search.html", asked=asked, found=found, whole=whole, most=_MANY)


PAGES: Final[tuple[Page, ...]] = (get("/search", show),)


async def _find(ask: Ask, asked: str, most: int) -> Found:
    words = fold(asked).split()
    if not words:
        return Found()
    async with ask.work() as session:
        commands = [one for one in _commands(ask) if _fits(words, f"{one.label} {one.also}")]
        if len(commands) < most:
            commands += await _outlets(ask, session, words, most - len(commands))
        items = await listing.listed(
            session,
            View.ALL,
            staff_id=ask.caller.staff_id,
            unit_ids=ask.caller.unit_ids,
            filters=Filters(q=asked),
            limit=most,
        )
        people = await _people(ask, session, words)
        media = await library.search(session, ask.caller.unit_ids, asked=asked, limit=most)
    return Found(
        part=any(len(one) >= most for one in (commands, items.lines, people, media)),
        commands=commands[:most],
        items=items.lines,
        people=people[:most],
        media=media,
    )


async def _people(ask: Ask, session: AsyncSession, words: Sequence[str]) -> list[Person]:
    """People, for those who look after them."""
    if "admin" not in ask.caller.roles:
        return []
    everybody = await list_people(session, ask.caller.unit_ids)
    return [one for one in everybody if _fits(words, f"{one.name} {one.email}")]


async def _outlets(
    ask: Ask, session: AsyncSession, words: Sequence[str], most: int
) -> list[Command]:
    """A way to each channel account that is meant, and to sign it in again for who may."""
    found: list[Command] = []
    every = await standing.roster(session, ask.caller.unit_ids, now=ask.now)
    for one in sorted(every, key=lambda one: (one.health not in _BAD, one.name)):
        again = "admin" in ask.caller.roles and one.health in _BAD
        name = one.name
        label = ask.t("Nối lại %(name)s", name=name) if again else ask.t("Kênh %(name)s", name=name)
        if _fits(words, f"{label} {one.channel}"):
            found.append(Command(label=label, path=f"/channels/{one.id}", icon="plug"))
            if len(found) == most:
                break
    return found


def _fits(words: Sequence[str], told: str) -> bool:
    """Whether every word asked for begins some word of what is told."""
    bare = f" {fold(told)}".replace("-", " ").replace("_", " ").replace("@", " ")
    return all(f" {word}" in bare for word in words)


def _commands(ask: Ask) -> list[Command]:
    """What this reader may do; words that people also use stand beside it, in both languages."""
    t = ask.t
    offered = (
        Command(
            label=t("Soạn tin mới"),
            path="/posts/new",
            icon="plus",
            also="viet bai tao new write compose",
            roles=("editor",),
        ),
        Command(
            label=t("Tin khẩn"),
            path="/urgent",
            icon="siren",
            also="canh bao gap emergency urgent",
            roles=("editor",),
        ),
        Command(
            label=t("Duyệt bài đang chờ"),
            path="/posts?view=review",
            icon="user-check",
            also="cho duyet approve review",
        ),
        Command(
            label=t("Bài của tôi"),
            path="/posts?view=mine",
            icon="pencil",
            also="nhap draft mine",
            roles=("editor",),
        ),
        Command(
            label=t("Bài sắp đăng"),
            path="/posts?view=upcoming",
            icon="calendar-clock",
            also="hen gio scheduled upcoming",
        ),
        Command(
            label=t("Bài có lỗi"),
            path="/posts?view=trouble",
            icon="triangle-alert",
            also="khong dang duoc failed trouble",
        ),
        Command(
            label=t("Mọi bài viết"), path="/posts?view=all", icon="file-text", also="tat ca all"
        ),
        Command(
            label=t("Lịch đăng tháng này"),
            path="/calendar",
            icon="calendar",
            also="doi gio calendar month",
        ),
        Command(
            label=t("Lịch đăng tuần này"),
            path="/calendar?view=week",
            icon="calendar",
            also="calendar week",
        ),
        Command(
            label=t("Nguồn tin"),
            path="/sources",
            icon="rss",
            also="rss trang khac nguon sources feeds",
            roles=("editor", "admin"),
        ),
        Command(
            label=t("Liên kết hỏng"),
            path="/sources/links",
            icon="unlink",
            also="lien ket chet 404 broken links",
            roles=("editor", "admin"),
        ),
        Command(label=t("Kho ảnh và tệp"), path="/media", icon="images", also="hinh video media"),
        Command(
            label=t("Mẫu tin"),
            path="/templates",
            icon="layout-template",
            also="soan tu mau template",
            roles=("editor",),
        ),
        Command(
            label=t("Các kênh"),
            path="/channels",
            icon="plug",
            also="noi kenh zalo facebook cong channels connect",
        ),
        Command(
            label=t("Người dùng và vai trò"),
            path="/admin/users",
            icon="users",
            also="moi nhan su phan quyen users roles invite",
            roles=("admin",),
        ),
        Command(
            label=t("Quy trình và cài đặt"),
            path="/admin/workflow",
            icon="settings",
            also="thiet lap gio yen tinh settings workflow",
            roles=("admin",),
        ),
        Command(
            label=t("Nhật ký"),
            path="/audit",
            icon="shield-check",
            also="ai da lam gi audit log",
            roles=("admin", "auditor"),
        ),
        Command(label=t("Thông báo"), path="/notifications", icon="bell", also="notifications"),
        Command(
            label=t("Tài khoản của tôi"),
            path="/account",
            icon="user",
            also="mat khau ma mot lan password account",
        ),
        Command(
            label=t("Trợ giúp và hiển thị"),
            path="/help",
            icon="life-buoy",
            also="phim tat co chu tuong phan help shortcuts",
        ),
    )
    held = ask.caller.roles
    return [one for one in offered if not one.roles or not held.isdisjoint(one.roles)]
