"""Vietnamese words and forms of the public pages: kinds, sections, long dates, sizes."""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo

KINDS = {
    "news": "Tin tức",
    "document": "Văn bản",
    "bulletin": "Bản tin",
    "multimedia": "Đa phương tiện",
    "warning": "Cảnh báo",
    "rebuttal": "Thông tin chính thức",
}
CATEGORIES = {
    "tin-tuc": "Tin tức",
    "van-ban-chinh-sach": "Văn bản, chính sách",
    "ban-tin-cai-cach-hanh-chinh": "Bản tin cải cách hành chính",
    "tin-da-phuong-tien": "Tin đa phương tiện",
}
CHANNELS = {"zalo_oa": "Zalo", "facebook_page": "Facebook", "portal_rss": "Cổng thông tin"}
_WEEKDAYS = ("Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy")


def section(kind: str, category: str, names: Mapping[str, str] = CATEGORIES) -> tuple[str, ...]:
    """The kind, unless the category says it too, and the category; both only with a name."""
    shown, within = KINDS.get(kind, ""), names.get(category, "")
    if shown.lower() in within.lower():
        shown = ""
    return tuple(name for name in (shown, within) if name)


def weekday(day: date) -> str:
    """`Thứ Sáu`, `Chủ nhật`."""
    return "Chủ nhật" if day.weekday() == 6 else f"Thứ {_WEEKDAYS[day.weekday()]}"


def long_day(day: date) -> str:
    """`ngày 05 tháng 02 năm 2026`: days to 9 and months to 2 take a zero.

    Source: government-rules.md section 10.
    """
    month = f"{day.month:02}" if day.month <= 2 else str(day.month)
    return f"ngày {day.day:02} tháng {month} năm {day.year}"


def long_time(at: datetime, zone: tzinfo) -> str:
    """`Thứ Sáu, ngày 04 tháng 12 năm 2026, 08:00`, in the zone of the readers."""
    local = at.astimezone(zone)
    return f"{weekday(local.date())}, {long_day(local.date())}, {local:%H:%M}"


def issued(written: str) -> str:
    """The day on a legal document in words; what is no ISO date stays as it was typed."""
    try:
        return long_day(date.fromisoformat(written)).capitalize()
    except ValueError:
        return written


def size(size_bytes: int) -> str:
    """`640 KB`, `1,4 MB`."""
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1000))} KB"
    return f"{size_bytes / 1_000_000:.1f} MB".replace(".", ",")
