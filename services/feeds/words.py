"""Vietnamese words and forms of the public pages: kinds, sections, long dates, sizes."""

from collections.abc import Mapping
from datetime import date

from services.proof.dates import long_day, long_time, weekday
from services.proof.page_words import KINDS

__all__ = [
    "CATEGORIES",
    "CHANNELS",
    "KINDS",
    "issued",
    "long_day",
    "long_time",
    "section",
    "size",
    "weekday",
]

CATEGORIES = {
    "tin-tuc": "Tin tức",
    "van-ban-chinh-sach": "Văn bản, chính sách",
    "ban-tin-cai-cach-hanh-chinh": "Bản tin cải cách hành chính",
    "tin-da-phuong-tien": "Tin đa phương tiện",
}
CHANNELS = {"zalo_oa": "Zalo", "facebook_page": "Facebook", "portal_rss": "Cổng thông tin"}


def section(kind: str, category: str, names: Mapping[str, str] = CATEGORIES) -> tuple[str, ...]:
    """The kind, unless the category says it too, and the category; both only with a name."""
    shown, within = KINDS.get(kind, ""), names.get(category, "")
    if shown.lower() in within.lower():
        shown = ""
    return tuple(name for name in (shown, within) if name)


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
