"""One vocabulary for states, wherever people read them: a chip is an icon, a word and a tone.

Source: console-ux.md section 3, "States"; the states a publication adds are worded in its manner.
Icons are names of Lucide's; `mark` stands for them in a terminal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Tone: TypeAlias = Literal["neutral", "amber", "blue", "green", "red"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """How a state is shown: Vietnamese, English, its tone, and who or what acts next."""

    vi: str
    en: str
    tone: Tone = "neutral"
    mark: str = ""
    icon: str = ""
    waits_on: str = ""
    waits_on_en: str = ""


_AUTHOR: Final = ("Người soạn", "The author")
_APPROVER: Final = ("Người duyệt", "An approver")
_LOA: Final = ("Loa", "Loa")
_TIME: Final = ("Giờ hẹn", "Its time")
_NOBODY: Final = ("", "")


def _state(
    vi: str,
    en: str,
    tone: Tone,
    mark: str,
    icon: str,
    waits_on: tuple[str, str] = _NOBODY,
) -> Word:
    return Word(
        vi=vi,
        en=en,
        tone=tone,
        mark=mark,
        icon=icon,
        waits_on=waits_on[0],
        waits_on_en=waits_on[1],
    )


ITEM: Final[Mapping[str, Word]] = {
    "draft": _state("Bản nháp", "Draft", "neutral", "✎", "pencil", _AUTHOR),
    "review": _state("Chờ duyệt", "In review", "amber", "◔", "user-check", _APPROVER),
    "returned": _state("Cần sửa", "Sent back", "amber", "↩", "undo-2", _AUTHOR),
    "scheduled": _state("Đã lên lịch", "Scheduled", "blue", "◷", "calendar-clock", _TIME),
    "publishing": _state("Đang đăng", "Publishing", "blue", "↻", "loader", _LOA),
    "published": _state("Đã đăng", "Published", "green", "✓", "circle-check"),
    "partial": _state(
        "Đăng một phần", "Partly published", "amber", "!", "triangle-alert", _APPROVER
    ),
    "failed": _state("Không đăng được", "Failed", "red", "✕", "circle-x", _APPROVER),
    "correcting": _state("Đang đính chính", "Correcting", "blue", "↻", "rotate-cw", _LOA),
    "withdrawing": _state("Đang gỡ", "Withdrawing", "blue", "↻", "loader", _LOA),
    "withdrawn": _state("Đã gỡ", "Withdrawn", "neutral", "–", "archive-x"),
}

PUBLICATION: Final[Mapping[str, Word]] = {
    "scheduled": _state("Đã lên lịch", "Scheduled", "blue", "◷", "calendar-clock", _TIME),
    "pending": _state("Đang chờ", "Waiting", "blue", "◔", "clock", _LOA),
    "sending": _state("Đang đăng", "Sending", "blue", "↻", "loader", _LOA),
    "uncertain": _state(
        "Chưa rõ kết quả",
        "Outcome unknown",
        "amber",
        "?",
        "circle-question-mark",
        ("Loa đang đọc lại kênh", "Loa reads the channel"),
    ),
    "undecided": _state("Cần người xử lý", "Needs you", "amber", "!", "triangle-alert", _APPROVER),
    "live": _state("Đã đăng", "Live", "green", "✓", "circle-check"),
    "withdrawn": _state("Đã gỡ", "Withdrawn", "neutral", "–", "archive-x"),
    "failed": _state("Không đăng được", "Failed", "red", "✕", "circle-x", _APPROVER),
    "expired": _state("Quá hạn", "Expired", "red", "✕", "calendar-x", _APPROVER),
}

KIND: Final[Mapping[str, Word]] = {
    "news": Word(vi="Tin tức", en="News", icon="newspaper"),
    "document": Word(vi="Văn bản", en="Document", icon="file-text"),
    "bulletin": Word(vi="Bản tin", en="Bulletin", icon="link"),
    "multimedia": Word(vi="Đa phương tiện", en="Multimedia", icon="image"),
    "warning": Word(vi="Cảnh báo", en="Warning", icon="megaphone"),
    "rebuttal": Word(vi="Phản bác tin sai", en="Rebuttal", icon="shield-alert"),
}

ROLE: Final[Mapping[str, Word]] = {
    "editor": Word(vi="Biên tập", en="Editor", icon="pencil"),
    "approver": Word(vi="Duyệt", en="Approver", icon="user-check"),
    "responder": Word(vi="Trực hộp thư", en="Responder", icon="inbox"),
    "admin": Word(vi="Quản trị", en="Admin", icon="settings"),
    "leader": Word(vi="Lãnh đạo", en="Leader", icon="chart-column"),
    "auditor": Word(vi="Thanh tra", en="Auditor", icon="shield-check"),
}
