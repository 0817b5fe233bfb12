"""Setting right what is published already: a correction on all channels, or taking it down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.console.ask import Ask
from services.console.dossier import Dossier, dossier
from services.console.guard import Page, get, post
from services.console.parts import FEW
from services.console.review import reason_fault
from services.content.forms import ItemChanges
from services.delivery import fan_out, tally
from services.delivery.tally import Alike
from services.staff.names import holders
from shared.contract.channel import Amender, Channel, abilities
from shared.errors import NotFoundError
from shared.text import clean

NOTE_CHARS: Final = 2_000
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an act does on accounts of one channel, in words.

    `names` are those of the accounts, on many only the first of `count`. `able` False where people
    must do it by hand.
    """

    channel: str
    names: tuple[str, ...]
    count: int
    told: str
    able: bool


# ── Correcting ───────────────────────────────────────────────────────────────────────────────────


async def correct(ask: Ask) -> Response:
    """What a correction will do on each channel, and the note that readers will see."""
    async with ask.work() as session:
        found = await dossier(session, ask.caller, ask.id("item_id"))
    if not found.tally.showing:
        return _nothing_shows(ask, found)
    return await _correct_page(ask, found, typed=_note_so_far(found))


async def open_correction(ask: Ask) -> Response:
    """Opens the next revision beside the published one, with the note; on to the composer."""
    item_id = ask.id("item_id")
    note = clean(ask.text("correction_note")).strip()
    async with ask.work() as session:
        found = await dossier(session, ask.caller, item_id)
    if not found.tally.showing:
        return _nothing_shows(ask, found)
    fault = ""
    if not note:
        fault = ask.t("Hãy viết một câu cho người đọc biết điều gì được sửa.")
    elif len(note) > NOTE_CHARS:
        fault = ask.t("Dài quá %(most)s ký tự. Hãy viết gọn hơn.", most=NOTE_CHARS)
    if fault:
        return await _correct_page(ask, found, typed=note, fault=fault, status=422)
    async with ask.work() as session:
        await fan_out.edit(
            session,
            ask.caller,
            item_id,
            ItemChanges(correction_note=note),
            version=found.item.version,
        )
    said = ask.t("Đã mở bản đính chính. Bài đang hiện giữ nguyên đến khi bản này được duyệt.")
    return ask.to(f"/posts/{item_id}/edit", said=said)


async def _correct_page(
    ask: Ask, found: Dossier, *, typed: str, fault: str = "", status: int = 200
) -> Response:
    async with ask.work() as session:
        places = await tally.alike(session, found.item.id, named=FEW)
    return await ask.page(
        "correct.html",
        status=status,
        found=found,
        effects=_effects(ask, found, places, _corrected),
        typed=typed,
        fault=fault,
        most=NOTE_CHARS,
    )


def _nothing_shows(ask: Ask, found: Dossier) -> Response:
    said = ask.t("Tin này chưa hiện ở đâu nên không cần đính chính: hãy sửa thẳng vào bản nháp.")
    return ask.to(f"/posts/{found.item.id}", said=said)


def _note_so_far(found: Dossier) -> str:
    """The note of a correction that is being written already."""
    return found.newest.correction_note if found.newest.state in ("draft", "returned") else ""


_Told: TypeAlias = tuple[str, bool]


def _effects(
    ask: Ask,
    found: Dossier,
    places: Sequence[Alike],
    tell: Callable[[Ask, Alike], _Told],
) -> list[Effect]:
    """What happens where: on a few accounts by each, on many once for all on which it is alike."""
    few = found.tally.standing <= FEW
    effects: list[Effect] = []
    for one in places:
        told, able = tell(ask, one)
        for names in [(name,) for name in one.names] if few else [one.names[:_NAMED]]:
            count = 1 if few else one.count
            effects.append(
                Effect(channel=one.channel, names=names, count=count, told=told, able=able)
            )
    return sorted(effects, key=lambda one: one.names) if few else effects


def _corrected(ask: Ask, one: Alike) -> _Told:
    channel = _channel(ask, one)
    if channel is None:
        told, able = ask.t("Kênh này đang không dùng được, nên chưa sửa được."), False
    elif channel.pull:
        told = ask.t("Sửa tại chỗ và ghi rõ là bài đã đính chính; nguồn tin cũng đổi theo.")
        able = True
    elif "update" in abilities(channel):
        told = ask.t("Sửa tại chỗ: địa chỉ của bài giữ nguyên.")
        if isinstance(channel, Amender):
            told += " " + ask.t("Phần nào kênh không cho đổi, bản xem trước sẽ nói rõ.")
        able = True
    else:
        told = ask.t("Kênh không cho sửa bài đã đăng. Muốn thay, hãy gỡ rồi đăng thành tin mới.")
        able = False
    return told, able


# ── Withdrawing ──────────────────────────────────────────────────────────────────────────────────


async def withdraw(ask: Ask) -> Response:
    """What taking it down does on each channel; the reason is asked for."""
    async with ask.work() as session:
        found = await dossier(session, ask.caller, ask.id("item_id"))
        names = await _withdrawers(session, found)
    return await _withdraw_page(ask, found, names)


async def take_down(ask: Ask) -> Response:
    """Takes it down everywhere; each channel's answer is then seen on the board."""
    item_id = ask.id("item_id")
    quick, typed = ask.text("quick").strip(), ask.text("reason").strip()
    reason = " ".join(one for one in (quick, typed) if one)
    fault = reason_fault(ask, reason)
    if fault:
        async with ask.work() as session:
            found = await dossier(session, ask.caller, item_id)
            names = await _withdrawers(session, found)
        return await _withdraw_page(ask, found, names, typed=typed, fault=fault, status=422)
    async with ask.work() as session:
        effects = await fan_out.withdraw(session, ask.caller, item_id, reason=reason)
    count = sum(one.effect != "none" for one in effects)
    said = (
        ask.t("Đang gỡ khỏi %(count)s kênh.", count=ask.moments.number(count))
        if count
        else ask.t("Đã huỷ việc đăng. Bài chưa hiện ở đâu.")
    )
    return ask.to(f"/posts/{item_id}/delivery", said=said)


async def _withdraw_page(
    ask: Ask,
    found: Dossier,
    names: tuple[str, ...],
    *,
    typed: str = "",
    fault: str = "",
    status: int = 200,
) -> Response:
    async with ask.work() as session:
        places = await tally.alike(session, found.item.id, named=FEW)
    return await ask.page(
        "withdraw.html",
        status=status,
        found=found,
        effects=_effects(ask, found, places, _withdrawn),
        withdrawers=names,
        typed=typed,
        fault=fault,
        reasons=(
            ask.t("Nội dung sai."),
            ask.t("Đăng nhầm."),
            ask.t("Thông tin đã hết hiệu lực."),
            ask.t("Theo yêu cầu của lãnh đạo."),
        ),
    )


async def _withdrawers(session: AsyncSession, found: Dossier) -> tuple[str, ...]:
    """Who may take it down, for a reader who may not."""
    return await holders(session, "approver", (found.item.unit_id,))


def _withdrawn(ask: Ask, one: Alike) -> _Told:
    channel = _channel(ask, one)
    able = True
    if one.open:
        told = ask.t("Đang có một lượt gửi dở: Loa chờ biết kết quả rồi gỡ ngay.")
    elif not one.showing:
        told = ask.t("Bài chưa hiện ở đây: chỉ huỷ việc đăng.")
    elif channel is None or "withdraw" not in abilities(channel):
        told, able = ask.t("Kênh không cho gỡ từ đây: cần người vào kênh gỡ tay."), False
    elif channel.pull:
        told = ask.t("Rút khỏi cổng và nguồn tin; địa chỉ cũ báo bài đã gỡ.")
    else:
        told = ask.t("Xoá bài trên kênh. Không khôi phục được; muốn hiện lại phải đăng mới.")
    return told, able


def _channel(ask: Ask, one: Alike) -> Channel | None:
    try:
        return ask.hub.registry.get(one.channel)
    except NotFoundError:
        return None


PAGES: Final[tuple[Page, ...]] = (
    get("/posts/{item_id}/correct", correct, roles=("editor",)),
    post("/posts/{item_id}/correct", open_correction, roles=("editor",)),
    get("/posts/{item_id}/withdraw", withdraw),
    post("/posts/{item_id}/withdraw", take_down),
)
