"""Instants as the public pages write them: a copy is recognised with the dates that stood in it."""

from datetime import date, datetime, tzinfo

_WEEKDAYS = ("Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy")


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
