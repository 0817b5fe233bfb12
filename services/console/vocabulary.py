"""One vocabulary for states, wherever people read them: a chip is an icon, a word and a tone.

Source: console-ux.md section 3, "States"; the states a publication adds are worded in its manner.
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
    tone: Tone
    mark: str
    waits_on: str = ""


ITEM: Final[Mapping[str, Word]] = {
    "draft": Word(
        vi="Bản nháp", en="Draft", tone="neutral", mark="✎", waits_on="Người soạn · The author"
    ),
    "review": Word(
        vi="Chờ duyệt", en="In review", tone="amber", mark="◔", waits_on="Người duyệt · An approver"
    ),
    "returned": Word(
        vi="Cần sửa", en="Sent back", tone="amber", mark="↩", waits_on="Người soạn · The author"
    ),
    "scheduled": Word(
        vi="Đã lên lịch", en="Scheduled", tone="blue", mark="◷", waits_on="Giờ hẹn · Its time"
    ),
    "publishing": Word(vi="Đang đăng", en="Publishing", tone="blue", mark="↻", waits_on="Loa"),
    "published": Word(vi="Đã đăng", en="Published", tone="green", mark="✓"),
    "partial": Word(
        vi="Đăng một phần",
        en="Partly published",
        tone="amber",
        mark="!",
        waits_on="Người duyệt · An approver",
    ),
    "failed": Word(
        vi="Không đăng được",
        en="Failed",
        tone="red",
        mark="✕",
        waits_on="Người duyệt · An approver",
    ),
    "correcting": Word(
        vi="Đang đính chính", en="Correcting", tone="blue", mark="↻", waits_on="Loa"
    ),
    "withdrawing": Word(vi="Đang gỡ", en="Withdrawing", tone="blue", mark="↻", waits_on="Loa"),
    "withdrawn": Word(vi="Đã gỡ", en="Withdrawn", tone="neutral", mark="–"),
}

PUBLICATION: Final[Mapping[str, Word]] = {
    "scheduled": Word(
        vi="Đã lên lịch", en="Scheduled", tone="blue", mark="◷", waits_on="Giờ hẹn · Its time"
    ),
    "pending": Word(vi="Đang chờ", en="Waiting", tone="blue", mark="◔", waits_on="Loa"),
    "sending": Word(vi="Đang đăng", en="Sending", tone="blue", mark="↻", waits_on="Loa"),
    "uncertain": Word(
        vi="Chưa rõ kết quả",
        en="Outcome unknown",
        tone="amber",
        mark="?",
        waits_on="Loa đang đọc lại kênh · Loa reads the channel",
    ),
    "undecided": Word(
        vi="Cần người xử lý",
        en="Needs you",
        tone="amber",
        mark="!",
        waits_on="Người duyệt · An approver",
    ),
    "live": Word(vi="Đã đăng", en="Live", tone="green", mark="✓"),
    "withdrawn": Word(vi="Đã gỡ", en="Withdrawn", tone="neutral", mark="–"),
    "failed": Word(
        vi="Không đăng được",
        en="Failed",
        tone="red",
        mark="✕",
        waits_on="Người duyệt · An approver",
    ),
    "expired": Word(
        vi="Quá hạn", en="Expired", tone="red", mark="✕", waits_on="Người duyệt · An approver"
    ),
}

KIND: Final[Mapping[str, str]] = {
    "news": "Tin tức",
    "document": "Văn bản",
    "bulletin": "Bản tin",
    "multimedia": "Đa phương tiện",
    "warning": "Cảnh báo",
    "rebuttal": "Phản bác tin sai",
}

ROLE: Final[Mapping[str, tuple[str, str]]] = {
    "editor": ("Biên tập", "Editor"),
    "approver": ("Duyệt", "Approver"),
    "responder": ("Trực hộp thư", "Responder"),
    "admin": ("Quản trị", "Admin"),
    "leader": ("Lãnh đạo", "Leader"),
    "auditor": ("Thanh tra", "Auditor"),
}
