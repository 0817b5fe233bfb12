"""Lanes: the right to call out for one account, leased under a fence that only grows.

All instants are the database's. A lane whose lease lapsed is claimed like any other due lane; what
its dead owner left open is found by `services/delivery/intent.py` on the first turn.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.wake import DUE_AT, wake


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The newest ids of a lane's account, each with its time, just read.

    None where an alert goes out though the account could not be read.
    """

    lane: Held
    ids: Mapping[str, str | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A publication that now belongs to another lane than the one in which it was worked."""

    publication_id: UUID
    account_id: UUID
    urgent: bool


# Whoever locks several lanes does it in this one order, or two would wait for each other. A lane
# that was just given back has the same fence and no owner: it must stay free.
_HOLD_ON = text(
    """
    WITH mine AS (
      SELECT lane.account_id, lane.urgent, lane.fence FROM lane
        JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                    CAST(:fences AS bigint[])) AS held(account_id, urgent, fence)
          ON lane.account_id = held.account_id AND lane.urgent = held.urgent
         AND lane.fence = held.fence AND lane.owner IS NOT NULL
       ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane)
    UPDATE lane SET until = now() + make_interval(secs => :lease) FROM mine
     WHERE lane.account_id = mine.account_id AND lane.urgent = mine.urgent
       AND lane.fence = mine.fence
    RETURNING lane.account_id, lane.urgent, lane.fence
    """
)

# Statements of their own: the lock waits for whoever is just lowering the due instant, so that what
# is then derived sees what they saw due. In one statement a wake could be overwritten.
_LOCK = text(
    """
    SELECT lane.account_id FROM lane
      JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]))
             AS mine(account_id, urgent)
        ON lane.account_id = mine.account_id AND lane.urgent = mine.urgent
     ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane
    """
)
# The time of the statement: what a call of the same transaction left due lies after its begin.
_RELEASE = text(
    f"""
    UPDATE lane SET owner = NULL, until = now(), next_due_at = found.due
      FROM (SELECT lane.account_id, lane.urgent, lane.fence, mine.resting, {DUE_AT} AS due FROM lane
              JOIN unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]),
                          CAST(:fences AS bigint[]), CAST(:restings AS boolean[]))
                     AS mine(account_id, urgent, fence, resting)
                ON lane.account_id = mine.account_id AND lane.urgent = mine.urgent
               AND lane.fence = mine.fence) AS found
     WHERE lane.account_id = found.account_id AND lane.urgent = found.urgent
       AND lane.fence = found.fence
       AND (NOT found.resting OR found.due IS NULL OR found.due > statement_timestamp())
    RETURNING lane.account_id, lane.urgent, lane.fence
    """  # noqa: S608  # DUE_AT is a constant of wake.py
)
_BASELINE = text(
    """
    UPDATE lane SET baseline = n.ids, baseline_at = now()
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
             AS n(account_id uuid, urgent boolean, fence bigint, ids jsonb)
     WHERE lane.account_id = n.account_id AND lane.urgent = n.urgent AND lane.fence = n.fence
    """
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


async def release(
    session: AsyncSession,
    leaving: Sequence[Held] = (),
    *,
    resting: Sequence[Held] = (),
    strayed: Sequence[Stray] = (),
    baselines: Sequence[Baseline] = (),
) -> set[Held]:
    """Gives back lanes that are still ours, derives when they are due next, and tells which.

    Those that are `resting` are given back only while nothing is due in them. Baselines are kept
    and lanes of strays woken on the way, since whoever locks lanes locks all of them at once, in
    one order, and as the last rows of the transaction.
    """
    held = [*leaving, *resting]
    wanted = {(lane.account_id, lane.urgent) for lane in held}
    wanted |= {(one.lane.account_id, one.lane.urgent) for one in baselines}
    wanted |= {(one.account_id, one.urgent) for one in strayed}
    if not wanted:
        return set()
    await session.execute(
        _LOCK,
        {
            "accounts": [account_id for account_id, _ in wanted],
            "urgents": [urgent for _, urgent in wanted],
        },
    )
    if baselines:
        rows = [
            {
                "account_id": str(one.lane.account_id),
                "urgent": one.lane.urgent,
                "fence": one.lane.fence,
                "ids": one.ids,
            }
            for one in baselines
        ]
        await session.execute(_BASELINE, {"rows": json.dumps(rows)})
    if strayed:
        await wake(session, [one.publication_id for one in strayed])
    if not held:
        return set()
    restings = [False] * len(leaving) + [True] * len(resting)
    found = await session.execute(_RELEASE, {**_columns(held), "restings": restings})
    return {Held(account_id=row.account_id, urgent=row.urgent, fence=row.fence) for row in found}


def _columns(lanes: Sequence[Held]) -> dict[str, list[object]]:
    return {
        "accounts": [lane.account_id for lane in lanes],
        "urgents": [lane.urgent for lane in lanes],
        "fences": [lane.fence for lane in lanes],
    }
