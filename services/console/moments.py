"""Instants as people here say them: in the hub's time zone, in words where words are clearer.

Source: console-ux.md section 7, "Wording".
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.console.catalogue import Language

_DAYS: Final = (
    ("Thứ Hai", "Mon"),
    ("Thứ Ba", "Tue"),
    ("Thứ Tư", "Wed"),
    ("Thứ Năm", "Thu"),
    ("Thứ Sáu", "Fri"),
    ("Thứ Bảy", "Sat"),
    ("Chủ nhật", "Sun"),
)
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Says instants in one language and zone; `now` is always given, never asked for."""

    zone: ZoneInfo
    language: Language

    def local(self, at: datetime) -> datetime:
        """The same instant on the wall clock here."""
        return at.astimezone(self.zone)

    def weekday(self, at: datetime) -> str:
        """`Thứ Sáu`, `Fri`."""
        return _DAYS[self.local(at).weekday()][self.language == "en"]

    def day(self, at: datetime) -> str:
        """`04/12/2026`, `4 Dec 2026`."""
        here = self.local(at)
        if self.language == "en":
            return f"{here.day} {_MONTHS[here.month - 1]} {here.year}"
        return f"{here:%d/%m/%Y}"

    def month(self, day: date) -> str:
        """`11`, `Nov`: the month of a calendar's day."""
        return _MONTHS[day.month - 1] if self.language == "en" else f"{day:%m}"

    def clock(self, at: datetime, *, seconds: bool = False) -> str:
        """`08:00`, or `08:00:05`."""
        return f"{self.local(at):%H:%M:%S}" if seconds else f"{self.local(at):%H:%M}"

    def whole(self, at: datetime) -> str:
        """`Thứ Sáu, 04/12/2026, 08:00`."""
        return f"{self.weekday(at)}, {self.day(at)}, {self.clock(at)}"

    def short(self, at: datetime, now: datetime) -> str:
        """`08:00 hôm nay`, `08:00 mai`, else `04/12, 08:00`, with the year if not this one."""
        here, today = self.local(at), self.local(now)
        near = {
            0: ("hôm nay", "today"),
            1: ("mai", "tomorrow"),
            -1: ("hôm qua", "yesterday"),
        }.get((here.date() - today.date()).days)
        if near is not None:
            return f"{self.clock(at)} {near[self.language == 'en']}"
        if here.year != today.year:
            return f"{self.day(at)}, {self.clock(at)}"
        if self.language == "en":
            return f"{here.day} {_MONTHS[here.month - 1]}, {self.clock(at)}"
        return f"{here:%d/%m}, {self.clock(at)}"

    def span(self, length: timedelta) -> str:
        """`12 ngày 18 giờ`, `5 phút`, `40 giây`: the two largest parts, never negative."""
        seconds = max(0, int(length.total_seconds()))
        parts: list[str] = []
        names = (
            (86_400, "ngày", "day"),
            (3_600, "giờ", "hour"),
            (60, "phút", "minute"),
            (1, "giây", "second"),
        )
        for size, vi, en in names:
            count, seconds = divmod(seconds, size)
            if count and not (size == 1 and parts):
                word = vi if self.language == "vi" else en if count == 1 else f"{en}s"
                parts.append(f"{count} {word}")
            elif parts:
                break
            if len(parts) == 2:
                break
        return " ".join(parts) or ("dưới 1 giây" if self.language == "vi" else "under a second")

    def away(self, at: datetime, now: datetime) -> str:
        """`còn 12 ngày 18 giờ`, `5 phút trước`."""
        if at > now:
            left = self.span(at - now)
            return f"còn {left}" if self.language == "vi" else f"in {left}"
        if now - at < timedelta(minutes=1):
            return "vừa xong" if self.language == "vi" else "just now"
        gone = self.span(now - at).split(" ")
        past = " ".join(gone[:2])
        return f"{past} trước" if self.language == "vi" else f"{past} ago"

    def field(self, at: datetime | None) -> str:
        """What a `datetime-local` field holds: the wall clock here, to the minute."""
        return f"{self.local(at):%Y-%m-%dT%H:%M}" if at is not None else ""

    def read(self, typed: str) -> datetime | None:
        """An instant from what a `datetime-local` field sent; None for an empty one.

        Raises ValueError for what is no such instant.
        """
        if not typed.strip():
            return None
        told = datetime.fromisoformat(typed.strip())
        return told.replace(tzinfo=self.zone) if told.tzinfo is None else told

    def number(self, value: float, digits: int = 0) -> str:
        """`18.240` and `1,4` here; `18,240` and `1.4` in English."""
        told = f"{value:,.{digits}f}"
        return told if self.language == "en" else told.translate(str.maketrans(",.", ".,"))

    def size(self, count_bytes: int) -> str:
        """`640 KB`, `1,4 MB`."""
        if count_bytes < 1_000_000:
            return f"{self.number(max(1, round(count_bytes / 1000)))} KB"
        return f"{self.number(count_bytes / 1_000_000, 1)} MB"
