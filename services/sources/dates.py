"""Dates as feeds write them: the right instant, or None; never one that is silently hours off.

feedparser's own reading is not used: it takes `ICT` and a missing zone for UTC, which in Vietnam is
seven hours late, and gives up on `GMT+7` (feeds.md section 12.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, TypeAlias

from shared.text import fold

# Why a date is not what the feed says, or not a date at all.
Doubt: TypeAlias = Literal["", "unreadable", "no_zone", "too_early", "too_late", "no_time"]

VIETNAM: Final = timezone(timedelta(hours=7))
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(hours=24)
_CHARS: Final = 100
# 2001-09-09 to 2286: below, a number is more likely a year and a month than a time of Unix.
_UNIX: Final = re.compile(r"(\d{10})(\d{3})?")

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june",
            "jul july", "aug august", "sep sept september", "oct october", "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
# Folded, longest first: "muoi mot" must not be read as "muoi".
_MONTH_WORDS: Final = {
    "muoi hai": 12, "muoi mot": 11, "muoi": 10, "chin": 9, "tam": 8, "bay": 7, "sau": 6, "nam": 5,
    "tu": 4, "ba": 3, "hai": 2, "mot": 1, "gieng": 1, "chap": 12,
}  # fmt: skip
# Hours from UTC. Source: RFC 822 section 5.1, and what Vietnamese sites write.
_ZONES: Final = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "ict": 7, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_WEEKDAY: Final = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|thu\s*(?:hai|ba|tu|nam|sau|bay|[2-7])|t[2-7]|chu\s*nhat|cn)[\s,.]*"
)
_TIME: Final = (
    r"(?P<hour>\d{1,2})(?:[:h](?P<minute>\d{1,2})(?:[:m](?P<second>\d{1,2})(?:[.,]\d{1,9})?)?|h)"
    r"s?(?:\s*(?P<half>sa|ch|am|pm))?"
)
_ZONE: Final = r"(?P<zone>\(?(?:[a-z]{1,4})?\s*(?:[+-]\s*\d{1,2}(?::?\d{2})?)?\)?)"
_DAY_WORDS: Final = (
    r"(?:ngay\s*)?(?P<day>\d{1,2})\s*thang\s*(?P<month>\d{1,2}|"
    + "|".join(_MONTH_WORDS)
    + r")[\s,]*(?:nam\s*)?(?P<year>\d{4})"
)
_DAYS: Final = (
    # 20 Nov 2026, 20-Nov-26
    r"(?P<day>\d{1,2})[\s-]+(?P<month>[a-z]{3,9})\.?[\s,-]+(?P<year>\d{4}|\d{2})",
    # Nov 20, 2026
    r"(?P<month>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
    # 2026-11-20, 2026/11/20
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    # 20/11/2026, 20-11-2026, 20.11.2026
    r"(?:ngay\s*)?(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    _DAY_WORDS,
)
_BETWEEN: Final = r"[\s,|t-]*(?:\bluc\b[\s,]*)?"
_FORMS: Final = tuple(
    re.compile(form)
    for day in _DAYS
    for form in (
        rf"(?:{_WEEKDAY})?{day}(?:{_BETWEEN}{_TIME}\s*{_ZONE})?",
        rf"(?:luc\s*)?{_TIME}{_BETWEEN}(?:{_WEEKDAY})?{day}\s*{_ZONE}",
    )
)
# asctime, as C programs write it: Fri Nov 20 12:00:00 2026
_ASCTIME: Final = re.compile(
    rf"(?:{_WEEKDAY})?(?P<month>[a-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_TIME}\s*{_ZONE}\s*"
    r"(?P<year>\d{4})"
)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})t?(\d{2})(\d{2})(\d{2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """An instant in UTC, or None; `written` is the same in the zone that the feed wrote it in.

    `doubt` tells what was assumed (`no_zone`: Vietnam's, `no_time`: the day's beginning) or why
    there is none.
    """

    at: datetime | None
    written: datetime | None = None
    doubt: Doubt = ""


def read(text: str, *, now: datetime, vietnamese: bool = True) -> Dated:
    """The instant that a date text means. Days come before months, as Vietnam writes them.

    Without a zone it is Vietnam's if the source is `vietnamese`, else there is no instant. More
    than a day in the future or before 2000 is no date. Source: feeds.md section 12.3.
    """
    plain = " ".join(fold(text[:_CHARS]).split()).strip(" ,.")
    if not plain.isascii() or not plain:
        return Dated(at=None, doubt="unreadable")
    unix = _UNIX.fullmatch(plain)
    if unix:
        return _judged(datetime.fromtimestamp(int(unix[1]), tz=UTC), now, "")
    found = _parts(plain)
    if found is None:
        return Dated(at=None, doubt="unreadable")
    moment, zone, timed = found
    offset = _offset(zone)
    doubt: Doubt = "" if timed else "no_time"
    if offset is None:
        if zone:
            return Dated(at=None, doubt="unreadable")
        if not vietnamese:
            return Dated(at=None, doubt="no_zone")
        offset = timedelta(hours=7)
        doubt = doubt or "no_zone"
    return _judged(moment.replace(tzinfo=timezone(offset)), now, doubt)


def minutes_are_months(written: Sequence[datetime]) -> bool:
    """Whether a whole feed shows the month number where its minutes belong, as NukeViet 4 does.

    Source: feeds.md section 13 (its date format says `H:m:s`). Needs three dates to be believed,
    and not all of one hour: those may have been put out together.
    """
    hours = {(one.date(), one.hour) for one in written}
    alike = all(one.minute == one.month for one in written)
    return len(written) >= 3 and len(hours) >= 2 and alike


def _parts(plain: str) -> tuple[datetime, str, bool] | None:
    """Naive local time, the zone as written, and whether there was a time of day at all."""
    compact = _COMPACT.fullmatch(plain)
    if compact:
        year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
        moment = _moment(year, month, day, hour, minute, second)
        return None if moment is None else (moment, "", True)
    for form in (*_FORMS, _ASCTIME):
        match = form.fullmatch(plain)
        if match is None:
            continue
        told = match.groupdict()
        month = _month(told["month"])
        year, day = int(told["year"]), int(told["day"])
        if month > 12 >= day and told["month"].isdigit():
            month, day = day, month  # 11/20/2026, as American software writes it
        hour = _hour(int(told.get("hour") or 0), told.get("half"))
        minute, second = int(told.get("minute") or 0), int(told.get("second") or 0)
        year += 2000 if len(told["year"]) == 2 else 0
        moment = _moment(year, month, day, hour, minute, second)
        if moment is not None:
            return moment, (told.get("zone") or "").strip(" ()"), bool(told.get("hour"))
    return None


def _moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> datetime | None:
    # A leap second, and midnight written as 24:00, are true times that Python cannot hold.
    more = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta(0)
    try:
        naive = datetime(year, month, day, hour % 24 if more else hour, minute, min(second, 59))  # noqa: DTZ001  # its zone stands elsewhere in the text
        return naive + more if second <= 60 else None
    except (ValueError, OverflowError):
        return None


def _month(word: str) -> int:
    if word.isdigit():
        return int(word)
    return _MONTHS.get(word) or _MONTH_WORDS.get(word) or 0


def _hour(hour: int, half: str | None) -> int:
    """The hour of a day of 24: SA is the morning, CH the afternoon."""
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if half in ("ch", "pm") else 0)


def _offset(zone: str) -> timedelta | None:
    """What the zone is ahead of UTC; None for none, and for one that is not known."""
    bare = zone.replace(" ", "")
    if not bare:
        return None
    named = re.fullmatch(r"([a-z]*)(?:([+-])(\d{1,2}):?(\d{2})?)?", bare)
    if named is None:
        return None
    name, sign, hours, minutes = named.groups()
    if sign is None:
        known = _ZONES.get(name)
        return None if known is None else timedelta(hours=known)
    if name not in ("", "gmt", "utc", "ut", "ict", "z"):
        return None
    if len(hours) > 2 or int(hours) > 14 or int(minutes or 0) > 59:
        return None
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return ahead if sign == "+" else -ahead


def _judged(written: datetime, now: datetime, doubt: Doubt) -> Dated:
    try:
        at = written.astimezone(UTC)
    except OverflowError:
        return Dated(at=None, doubt="unreadable")
    if at < _EARLIEST:
        return Dated(at=None, doubt="too_early")
    if at > now + _AHEAD:
        return Dated(at=None, doubt="too_late")
    return Dated(at=at, written=written, doubt=doubt)
