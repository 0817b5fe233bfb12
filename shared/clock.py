"""The only place that asks the time. Leases and due times go by the database's clock instead."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(tz=UTC)  # noqa: TID251  # the one permitted call


def steady_seconds() -> float:
    """Seconds on a clock that never jumps; only differences mean anything."""
    return time.monotonic()
