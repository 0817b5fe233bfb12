"""When a site may be asked again: never sooner than it wishes, and later the more often it fails.

Source: feeds.md section 12.4.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Final

from pydantic import BaseModel, ConfigDict

SOONEST: Final = timedelta(minutes=15)
USUAL: Final = timedelta(minutes=30)
# For a site that cannot tell whether anything is new: each look costs it the whole document.
UNCONDITIONAL: Final = timedelta(hours=1)
LONGEST: Final = timedelta(hours=24)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SPREAD: Final = 0.1


class Pace(BaseModel):
    """How often a feed is worth a look, and wants to be looked at, as its last document told.

    It is kept, since an answer that nothing is new does not tell it again. `skip_hours` are hours
    of GMT, `skip_days` English names.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    base_seconds: float = USUAL.total_seconds()
    ttl_seconds: float = 0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()


def usual(published: Sequence[datetime]) -> timedelta:
    """How often a feed is worth a look: half the usual gap between its entries, 15 to 60 minutes.

    Few entries, or entries of one instant, tell nothing: then every half hour.
    """
    times = sorted(published)
    gaps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
    if len(gaps) < 3:
        return USUAL
    return min(max(gaps[len(gaps) // 2] / 2, SOONEST), UNCONDITIONAL)


def after_success(
    now: datetime,
    *,
    pace: Pace,
    headers: Mapping[str, str],
    conditional: bool,
    spread: float = 0.0,
) -> datetime:
    """When to look again. What the site asks for only ever makes it later, by a day at most.

    `headers` have lower-case names. `spread` (0 to 1) keeps many hubs from asking in the same
    minute.
    """
    wanted = timedelta(seconds=max(pace.base_seconds, pace.ttl_seconds))
    wait = max(wanted, _fresh_for(now, headers))
    if not conditional:
        wait = max(wait, UNCONDITIONAL)
    wait = min(wait, LONGEST)
    return _not_skipped(now + wait * (1 + _SPREAD * spread), pace.skip_hours, pace.skip_days)


def after_failure(
    now: datetime, *, fail_count: int, headers: Mapping[str, str], spread: float = 0.0
) -> datetime:
    """When to try again after the `fail_count`-th failure in a row: twice as late each time."""
    wait = min(USUAL * (1 << min(max(fail_count - 1, 0), 10)), LONGEST)
    wait = min(max(wait, retry_after(now, headers)), LONGEST)
    return now + wait * (1 + _SPREAD * spread)


def retry_after(now: datetime, headers: Mapping[str, str]) -> timedelta:
    """What `Retry-After` asks for, in seconds or as a date; nothing where it says nothing."""
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return timedelta(seconds=min(int(told[:9]), int(LONGEST.total_seconds())))
    return max(_until(now, told), timedelta(0))


def _fresh_for(now: datetime, headers: Mapping[str, str]) -> timedelta:
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.strip().partition("=")
        seconds = value.strip().strip('"')
        if name == "max-age" and seconds.isascii() and seconds.isdigit():
            return timedelta(seconds=min(int(seconds[:9]), int(LONGEST.total_seconds())))
    return max(_until(now, headers.get("expires", "")), timedelta(0))


def _until(now: datetime, told: str) -> timedelta:
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return timedelta(0)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now


def _not_skipped(at: datetime, hours: Collection[int], days: Collection[str]) -> datetime:
    """The first moment from then on that the feed does not ask to leave out."""
    left_out = {day.strip().capitalize() for day in days}
    found = at.astimezone(UTC)
    for _ in range(7 * 24):
        if found.hour not in hours and _DAYS[found.weekday()] not in left_out:
            return found
        found = found.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return at  # a feed that leaves out all hours of all days asks for nothing that makes sense
