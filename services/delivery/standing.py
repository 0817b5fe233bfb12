"""How each account has fared lately: its last success, its last trouble, what waits for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Of the newest calls only: a trouble that lies further back says nothing about today.
_STANDING = text(
    """
    SELECT a.id, greatest(shown.at, good.at) AS succeeded_at, bad.at AS failed_at, bad.code,
           bad.words, coalesce(waits.count, 0) AS waiting, portal.fetched_at
      FROM account a
      LEFT JOIN LATERAL (
        SELECT first_observed_at AS at FROM publication
         WHERE account_id = a.id AND first_observed_at IS NOT NULL
         ORDER BY first_observed_at DESC LIMIT 1) shown ON true
      LEFT JOIN LATERAL (
        SELECT ended_at AS at FROM (
          SELECT ended_at, outcome FROM attempt WHERE account_id = a.id
           ORDER BY started_at DESC LIMIT 40) recent
         WHERE outcome = 'done' LIMIT 1) good ON true
      LEFT JOIN LATERAL (
        SELECT ended_at AS at, code, words FROM (
          SELECT ended_at, outcome, code, words FROM attempt WHERE account_id = a.id
           ORDER BY started_at DESC LIMIT 40) recent
         WHERE outcome <> 'done' AND code IS NOT NULL LIMIT 1) bad ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS count FROM (
          SELECT 1 FROM publication WHERE account_id = a.id AND next_at IS NOT NULL LIMIT 1000
        ) due) waits ON true
      LEFT JOIN portal_fetch portal ON portal.account_id = a.id
     WHERE a.id = ANY(:ids)
    """
)


_CALLED = text(
    "SELECT max(received_at) FROM inbound_event WHERE account_id = :id AND verdict = 'ok'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One account of late. `code` is that of the last trouble, for `words.problem`.

    `waiting` counts what is due or scheduled, to 1,000. `called_at` is when the channel last called
    us (only `standing_of` looks); `fetched_at` when a portal last read its feed.
    """

    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    code: str | None = None
    remote_words: str | None = None
    waiting: int = 0
    called_at: datetime | None = None
    fetched_at: datetime | None = None


NEVER = Standing()


async def standing_of(session: AsyncSession, account_id: UUID) -> Standing:
    """How one account has fared, with the channel's last call to us."""
    found = (await standings(session, [account_id]))[account_id]
    return replace(found, called_at=await session.scalar(_CALLED, {"id": account_id}))


async def standings(
    session: AsyncSession, account_ids: Collection[UUID]
) -> Mapping[UUID, Standing]:
    """How these accounts have fared; each of them is in it."""
    if not account_ids:
        return {}
    rows = await session.execute(_STANDING, {"ids": list(account_ids)})
    found = {
        row.id: Standing(
            succeeded_at=row.succeeded_at,
            failed_at=row.failed_at,
            code=row.code,
            remote_words=row.words,
            waiting=row.waiting,
            fetched_at=row.fetched_at,
        )
        for row in rows
    }
    return {one: found.get(one, NEVER) for one in account_ids}
