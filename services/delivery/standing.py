"""How each account has fared lately: its last success, its last trouble, what waits for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels import accounts
from services.channels.accounts import Health

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
          SELECT 1 FROM publication WHERE account_id = a.id AND next_at IS NOT NULL LIMIT 1001
        ) due) waits ON true
      LEFT JOIN portal_fetch portal ON portal.account_id = a.id
     WHERE a.id = ANY(:ids)
    """
)


# As `channels.accounts.health` says it, in its order: a test holds one against the other. When
# something last worked there is only asked where a check has failed.
_ROSTER = text(
    """
    SELECT a.id, a.name, a.channel, unit.code AS unit_code,
           CASE
             WHEN a.stage = 'trial' THEN 'trial'
             WHEN a.state = 'paused' AND a.pause_code IS NULL THEN 'paused'
             WHEN a.state = 'paused' OR a.token_state = 'consent' THEN 'cut_off'
             WHEN a.check_ok IS FALSE AND NOT coalesce(a.checked_at < greatest(
               (SELECT p.first_observed_at FROM publication p
                 WHERE p.account_id = a.id AND p.first_observed_at IS NOT NULL
                 ORDER BY p.first_observed_at DESC LIMIT 1),
               (SELECT recent.ended_at FROM (
                  SELECT x.ended_at, x.outcome FROM attempt x WHERE x.account_id = a.id
                   ORDER BY x.started_at DESC LIMIT 40) recent
                 WHERE recent.outcome = 'done' LIMIT 1)), false) THEN 'cut_off'
             WHEN a.token_expires_at < CAST(:now AS timestamptz) + :soon
                  AND a.token_renewed_at IS NULL THEN 'ending'
             WHEN greatest(a.rate_until, a.breaker_until) > :now THEN 'slow'
             ELSE 'good' END AS health
      FROM account a JOIN unit ON unit.id = a.unit_id
     WHERE a.unit_id = ANY(:units) AND a.stage <> 'closed'
    """
)

_CALLED = text(
    "SELECT max(received_at) FROM inbound_event WHERE account_id = :id AND verdict = 'ok'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One account of late. `code` is that of the last trouble, for `words.problem`.

    `waiting` counts what is due or scheduled, and stops at 1,001. `called_at` is when the channel
    last called us (only `standing_of` looks); `fetched_at` when a portal last read its feed.
    """

    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    code: str | None = None
    remote_words: str | None = None
    waiting: int = 0
    called_at: datetime | None = None
    fetched_at: datetime | None = None


NEVER = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An account among all, with its health in one word."""

    id: UUID
    name: str
    channel: str
    unit_code: str
    health: Health


async def roster(
    session: AsyncSession, unit_ids: Collection[UUID], *, now: datetime
) -> tuple[Listed, ...]:
    """Every account of these units that is not closed, with no more than a list needs of each."""
    rows = await session.execute(
        _ROSTER, {"units": list(unit_ids), "now": now, "soon": accounts.ENDS_SOON}
    )
    return tuple(
        Listed(id=row[0], name=row[1], channel=row[2], unit_code=row[3], health=row[4])
        for row in rows
    )


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
