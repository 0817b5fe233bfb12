"""Lanes: the right to call out for one account, leased under a fence that only grows.

All instants are the database's. A lane whose lease lapsed is claimed like any other due lane; what
its dead owner left open is found by `services/delivery/intent.py` on the first turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.wake import DUE_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lane that this worker holds: writes count only while its fence is the newest."""

    account_id: UUID
    urgent: bool
    fence: int


# The account is asked in a scalar subquery: an EXISTS would be joined before the LIMIT, with every
# due lane of the house.
_CLAIM = text(
    """
    WITH due AS (
      SELECT lane.account_id, lane.urgent FROM lane
       WHERE lane.next_due_at <= now() AND lane.until <= now()
         AND (SELECT account.state = 'active' AND account.stage <> 'closed'
                FROM account WHERE account.id = lane.account_id)
         AND (lane.urgent OR NOT :urgent_only)
       ORDER BY lane.urgent DESC, lane.next_due_at
       LIMIT :most
       FOR UPDATE OF lane SKIP LOCKED)
    UPDATE lane SET fence = lane.fence + 1, owner = :owner,
                    until = now() + make_interval(secs => :lease)
      FROM due WHERE lane.account_id = due.account_id AND lane.urgent = due.urgent
    RETURNING lane.account_id, lane.urgent, lane.fence
    """
)

# Whoever locks several lanes does it in this one order, or two would wait for each other.
_HOLD_ON = text(
    """
    WITH mine AS (
      SELECT lane.account_id, lane.urgent, lane.fence FROM lane
        JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                    CAST(:fences AS bigint[])) AS held(account_id, urgent, fence)
          ON lane.account_id = held.account_id AND lane.urgent = held.urgent
         AND lane.fence = held.fence
       ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane)
    UPDATE lane SET until = now() + make_interval(secs => :lease) FROM mine
     WHERE lane.account_id = mine.account_id AND lane.urgent = mine.urgent
       AND lane.fence = mine.fence
    RETURNING lane.account_id, lane.urgent, lane.fence
    """
)

# Two statements: the first waits for whoever is just lowering the due instant, so that the second
# sees what they saw due. In one statement a wake could be overwritten.
_LOCK = text(
    """
    SELECT lane.account_id FROM lane
      JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                  CAST(:fences AS bigint[])) AS mine(account_id, urgent, fence)
        ON lane.account_id = mine.account_id AND lane.urgent = mine.urgent
       AND lane.fence = mine.fence
     ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane
    """
)
_RELEASE_IDLE = text(
    f"""
    UPDATE lane SET owner = NULL, until = now(), next_due_at = found.due
      FROM (SELECT lane.account_id, lane.urgent, lane.fence, {DUE_AT} AS due FROM lane
              JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                          CAST(:fences AS bigint[])) AS mine(account_id, urgent, fence)
                ON lane.account_id = mine.account_id AND lane.urgent = mine.urgent
               AND lane.fence = mine.fence) AS found
     WHERE lane.account_id = found.account_id AND lane.urgent = found.urgent
       AND lane.fence = found.fence AND (found.due IS NULL OR found.due > now())
    RETURNING lane.account_id, lane.urgent, lane.fence
    """  # noqa: S608  # DUE_AT is a constant of wake.py
)
_RELEASE = text(
    f"""
    UPDATE lane SET owner = NULL, until = now(), next_due_at = {DUE_AT}
      FROM unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]), CAST(:fences AS bigint[]))
             AS mine(account_id, urgent, fence)
     WHERE lane.account_id = mine.account_id AND lane.urgent = mine.urgent
       AND lane.fence = mine.fence
    """  # noqa: S608  # DUE_AT is a constant of wake.py
)


async def claim(
    session: AsyncSession, *, owner: str, most: int, lease: timedelta, urgent_only: bool
) -> list[Held]:
    """Takes at most `most` due lanes, urgent ones first; each gets a new fence."""
    rows = await session.execute(
        _CLAIM,
        {
            "owner": owner,
            "most": most,
            "lease": lease.total_seconds(),
            "urgent_only": urgent_only,
        },
    )
    return [Held(account_id=row.account_id, urgent=row.urgent, fence=row.fence) for row in rows]


async def hold_on(session: AsyncSession, lanes: Sequence[Held], *, lease: timedelta) -> set[Held]:
    """Renews the leases of these lanes and gives those that are still ours."""
    rows = await session.execute(_HOLD_ON, {**_columns(lanes), "lease": lease.total_seconds()})
    return {Held(account_id=row.account_id, urgent=row.urgent, fence=row.fence) for row in rows}


async def release(session: AsyncSession, lanes: Sequence[Held]) -> None:
    """Gives back the lanes that are still ours, and derives when they are due next."""
    columns = _columns(lanes)
    await session.execute(_LOCK, columns)
    await session.execute(_RELEASE, columns)


async def release_idle(session: AsyncSession, lanes: Sequence[Held]) -> set[Held]:
    """Gives back those of these lanes in which nothing is due now, and tells which."""
    columns = _columns(lanes)
    await session.execute(_LOCK, columns)
    rows = await session.execute(_RELEASE_IDLE, columns)
    return {Held(account_id=row.account_id, urgent=row.urgent, fence=row.fence) for row in rows}


def _columns(lanes: Sequence[Held]) -> dict[str, list[object]]:
    return {
        "accounts": [lane.account_id for lane in lanes],
        "urgents": [lane.urgent for lane in lanes],
        "fences": [lane.fence for lane in lanes],
    }
