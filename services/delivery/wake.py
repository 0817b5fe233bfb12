"""Waking lanes: a due instant in the table, and a bell that rings when the unit of work commits.

A lost, doubled or stale wake is harmless: the sweep derives every lane's due instant anew.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.queue.bell import ring

# What a lane could work on now, ignoring what a freeze or the restore fence holds; what a freeze
# holds is due when it is too late for it. One text, used by release, by the sweep and by every act
# that lifts a hold.
DUE_AT = """
(SELECT min(due) FROM (
   SELECT min(p.next_at) AS due FROM publication p
    WHERE p.account_id = lane.account_id AND p.in_urgent_lane = lane.urgent
      AND p.next_at IS NOT NULL
      AND (p.state = 'uncertain' OR NOT EXISTS (SELECT 1 FROM switch WHERE name = 'fence'))
      AND (p.desired_rendition_id IS NULL OR p.state = 'uncertain'
           OR NOT EXISTS (SELECT 1 FROM switch
                           WHERE name = 'freeze' AND (until IS NULL OR until > now()))
           OR EXISTS (SELECT 1 FROM attempt
                       WHERE publication_id = p.id AND ended_at IS NULL
                         AND operation = 'withdraw' AND phase IS NOT NULL))
   UNION ALL
   SELECT min(greatest(p.next_at, p.expires_at)) FROM publication p
    WHERE p.account_id = lane.account_id AND p.in_urgent_lane = lane.urgent
      AND p.next_at IS NOT NULL AND p.expires_at IS NOT NULL AND p.observed_rendition_id IS NULL
      AND p.desired_rendition_id IS NOT NULL
      AND EXISTS (SELECT 1 FROM switch
                   WHERE name = 'freeze' AND (until IS NULL OR until > now()))
      AND NOT EXISTS (SELECT 1 FROM switch WHERE name = 'fence')
   UNION ALL
   SELECT min(p.look_at) FROM publication p
    WHERE p.account_id = lane.account_id AND NOT lane.urgent AND p.look_at IS NOT NULL
 ) AS dues)
"""

# Without a condition on the present value: a row that looks low enough may belong to a holder
# who is just releasing it, and only the row's lock makes one wait for the other. Locked in the
# order in which every holder locks its lanes, or two would wait for each other.
_LOWER = text(
    """
    WITH p AS (
      SELECT account_id, in_urgent_lane, min(next_at) AS due FROM publication
       WHERE id = ANY(:ids) AND next_at IS NOT NULL GROUP BY 1, 2),
    mine AS (
      SELECT lane.account_id, lane.urgent, p.due FROM lane
        JOIN p ON lane.account_id = p.account_id AND lane.urgent = p.in_urgent_lane
       ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane)
    UPDATE lane SET next_due_at = least(coalesce(lane.next_due_at, 'infinity'), mine.due)
      FROM mine WHERE lane.account_id = mine.account_id AND lane.urgent = mine.urgent
    """
)

# Two statements, as for a release: what is derived must see what the lock was waited for.
_FREE = text(
    """
    SELECT account_id, urgent FROM lane
     WHERE until <= now() AND (CAST(:accounts AS uuid[]) IS NULL OR account_id = ANY(:accounts))
     ORDER BY account_id, urgent FOR UPDATE SKIP LOCKED
    """
)
_DERIVE = text(
    f"""
    UPDATE lane SET next_due_at = {DUE_AT}
      FROM unnest(CAST(:accounts AS uuid[]), CAST(:urgents AS boolean[]))
             AS free(account_id, urgent)
     WHERE lane.account_id = free.account_id AND lane.urgent = free.urgent
       AND lane.next_due_at IS DISTINCT FROM {DUE_AT}
    """  # noqa: S608  # DUE_AT is a constant of this file
)


# Also lanes that are held: their holder may just be deriving a due instant from before the change.
_NUDGE = text(
    """
    WITH waiting AS (
      SELECT DISTINCT account_id, in_urgent_lane FROM publication WHERE next_at <= now()),
    mine AS (
      SELECT lane.account_id, lane.urgent FROM lane JOIN waiting
          ON lane.account_id = waiting.account_id AND lane.urgent = waiting.in_urgent_lane
       ORDER BY lane.account_id, lane.urgent FOR UPDATE OF lane)
    UPDATE lane SET next_due_at = least(coalesce(lane.next_due_at, 'infinity'), now())
      FROM mine WHERE lane.account_id = mine.account_id AND lane.urgent = mine.urgent
    """
)


async def wake(session: AsyncSession, publication_ids: Sequence[UUID]) -> None:
    """Lowers the due instants of the lanes of these publications, and rings at commit."""
    await session.flush()
    await session.execute(_LOWER, {"ids": list(publication_ids)})
    await ring(session)


async def wake_all(session: AsyncSession) -> None:
    """Wakes every lane in which something waits, held or free, and rings at commit."""
    await session.flush()
    await session.execute(_NUDGE)
    await ring(session)


async def derive(
    session: AsyncSession | AsyncConnection, accounts: Sequence[UUID] | None = None
) -> None:
    """Derives the due instants of free lanes anew; all of them, or those of some accounts."""
    chosen = list(accounts) if accounts is not None else None
    free = (await session.execute(_FREE, {"accounts": chosen})).all()
    if free:
        await session.execute(
            _DERIVE,
            {
                "accounts": [row.account_id for row in free],
                "urgents": [row.urgent for row in free],
            },
        )
