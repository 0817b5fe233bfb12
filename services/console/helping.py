"""Help: shortcuts, the words of the house, and how the console looks. Source: S26."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get


async def show(ask: Ask) -> Response:
    """The page."""
    return await ask.page("help.html", shortcuts=_shortcuts(ask))


def _shortcuts(ask: Ask) -> Sequence[tuple[str, str]]:
    """Every key of the pages that this reader has, with what it does."""
    writes, approves = "editor" in ask.caller.roles, "approver" in ask.caller.roles
    manages, reads = "admin" in ask.caller.roles, "auditor" in ask.caller.roles
    told = (
        (writes, "N", ask.t("Soạn tin")),
        (True, "/", ask.t("Tìm và lệnh (cũng là Ctrl K)")),
        (True, "?", ask.t("Trang này")),
        (True, "G H", ask.t("Hôm nay")),
        (True, "G P", ask.t("Bài viết")),
        (True, "G L", ask.t("Lịch đăng")),
        (True, "G M", ask.t("Kho ảnh")),
        (writes or manages, "G R", ask.t("Nguồn tin")),
        (True, "G K", ask.t("Kênh")),
        (manages, "G A", ask.t("Quản trị")),
        (manages or reads, "G N", ask.t("Nhật ký")),
        (True, "J K", ask.t("Dòng dưới, dòng trên trong danh sách")),
        (True, "X", ask.t("Chọn hoặc bỏ chọn dòng đang đứng")),
        (True, "Enter", ask.t("Mở dòng đang chọn")),
        (approves, "A", ask.t("Đến nút Duyệt; Enter mới duyệt")),
        (approves, "R", ask.t("Mở ô Trả lại khi đang duyệt")),
        (writes or approves, "T", ask.t("Đến nút Thử ngay đầu tiên trên bảng đăng")),
        (True, "← ↑ ↓ →", ask.t("Từng ngày trong lịch đăng")),
        (True, "PgUp PgDn", ask.t("Từng tháng trong lịch đăng")),
        (writes, "M", ask.t("Dời bài đang chọn trong lịch đăng")),
        (True, "Ctrl+Enter", ask.t("Việc chính của trang: gửi duyệt, lưu …")),
        (writes, "Ctrl+S", ask.t("Lưu ngay khi đang soạn")),
        (writes, "Ctrl+B/I/K", ask.t("Đậm, nghiêng, liên kết khi đang soạn")),
        (writes, "Alt+1/2/3", ask.t("Xem trước từng kênh khi đang soạn")),
        (True, "Ctrl+Z", ask.t("Hoàn tác việc vừa làm, khi trang mời hoàn tác")),
        (True, "Esc", ask.t("Đóng")),
    )
    return [(keys, words) for has, keys, words in told if has]


PAGES: Final[tuple[Page, ...]] = (get("/help", show),)
