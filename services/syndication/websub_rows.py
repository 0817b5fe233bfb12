"""What is owed to subscribers, as rows: noticed, claimed under a fence, and settled.

The same habits as the lanes of `services/delivery/lanes.py`: all instants are the database's, a
lease that lapsed is claimed again, and whoever comes back late with an old fence changes nothing.
So a push is made at least once, always of the newest document; and unsent changes collapse.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import TextClause, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.sealing import Sealer
from services.storage.columns import new_id
from services.syndication.tables import WebSubPing, WebSubRequest, WebSubSubscription
from services.syndication.websub import context, deny, pair_of, tell_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A document that is owed to a subscriber, and that this worker may now send."""

    id: UUID
    fence: int
    host: str
    tries: int
    topic: str
    callback: str
    account_id: UUID
    sealed_secret: bytes | None
    wanted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A callback that this worker may now ask, or tell that it is over (`denied`)."""

    id: UUID
    fence: int
    host: str
    tries: int
    mode: str
    pair: bytes
    topic: str
    callback: str
    account_id: UUID
    lease_seconds: int
    sealed_secret: bytes | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Another hub that this worker may now tell of a change."""

    id: UUID
    fence: int
    host: str
    tries: int
    hub: str
    topic: str
    wanted_at: datetime


Due: TypeAlias = Push | Check | Ping


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic of an account, and the newest version of its document once that is known."""

    account_id: UUID
    topic: str
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Whether there is anything to do at all: calls that are due, or changes to watch for."""

    due: bool
    watched: bool


_WORK = text(
    """
    SELECT EXISTS (SELECT 1 FROM web_sub_subscription WHERE next_at <= now())
             OR EXISTS (SELECT 1 FROM web_sub_request WHERE next_at <= now())
             OR EXISTS (SELECT 1 FROM web_sub_ping WHERE next_at <= now()) AS due,
           EXISTS (SELECT 1 FROM web_sub_subscription WHERE ended_at IS NULL) AS watched
    """
)
_TOPICS = text(
    """
    SELECT DISTINCT account_id, topic FROM web_sub_subscription
     WHERE ended_at IS NULL AND lease_until > now()
       AND (CAST(:accounts AS uuid[]) IS NULL OR account_id = ANY(:accounts))
    """
)
# Rows are locked in one order, or two workers that notice the same change would wait in a ring.
_OWE = text(
    """
    WITH news AS (
      SELECT s.id, n.changed_at FROM web_sub_subscription s
        JOIN unnest(CAST(:accounts AS uuid[]), CAST(:topics AS text[]),
                    CAST(:versions AS timestamptz[])) AS n(account_id, topic, changed_at)
          ON s.account_id = n.account_id AND s.topic = n.topic
       WHERE s.ended_at IS NULL AND (s.wanted_at IS NULL OR s.wanted_at < n.changed_at)
       ORDER BY s.id FOR UPDATE OF s)
    UPDATE web_sub_subscription s
       SET wanted_at = news.changed_at, next_at = coalesce(s.next_at, now())
      FROM news WHERE s.id = news.id
    """
)
_OWE_PINGS = text(
    """
    INSERT INTO web_sub_ping
           (id, pair, hub, host, topic, account_id, wanted_at, next_at, tries, held_until, fence)
    SELECT n.id, n.pair, n.hub, n.host, n.topic, n.account_id, n.changed_at, now(), 0, now(), 0
      FROM unnest(CAST(:ids AS uuid[]), CAST(:pairs AS bytea[]), CAST(:hubs AS text[]),
                  CAST(:hosts AS text[]), CAST(:topics AS text[]), CAST(:accounts AS uuid[]),
                  CAST(:versions AS timestamptz[]))
             AS n(id, pair, hub, host, topic, account_id, changed_at)
     ORDER BY n.pair
    ON CONFLICT (pair) DO UPDATE
       SET wanted_at = excluded.wanted_at, next_at = coalesce(web_sub_ping.next_at, now())
     WHERE web_sub_ping.wanted_at < excluded.wanted_at
    """
)


def _claiming(table: str, live: str = "true") -> TextClause:
    # Of one host only so many side by side, and what has failed before never takes the last slots:
    # a dead subscriber must not make a living one wait. A restored hub is silent until its fence is
    # lifted.
    return text(
        f"""
        WITH ranked AS (
          SELECT id, row_number() OVER (PARTITION BY host ORDER BY next_at) AS place FROM {table}
           WHERE next_at <= now() AND held_until <= now() AND {live}
             AND host <> ALL(CAST(:busy AS text[])) AND (tries = 0 OR NOT :fresh_only)),
        due AS (
          SELECT t.id FROM {table} t JOIN ranked ON ranked.id = t.id
           WHERE ranked.place <= :each AND t.next_at <= now() AND t.held_until <= now()
           ORDER BY t.tries > 0, t.next_at LIMIT :most FOR UPDATE OF t SKIP LOCKED)
        UPDATE {table} t
           SET fence = t.fence + 1, held_until = now() + make_interval(secs => :lease)
          FROM due WHERE t.id = due.id
           AND NOT EXISTS (SELECT 1 FROM switch WHERE name = 'fence')
        RETURNING t.*
        """  # noqa: S608  # names of this file
    )


_CLAIM_PUSHES = _claiming("web_sub_subscription", "ended_at IS NULL AND lease_until > now()")
_CLAIM_CHECKS = _claiming("web_sub_request", "ended_at IS NULL")
_CLAIM_PINGS = _claiming("web_sub_ping")

_PUSHED = text(
    """
    UPDATE web_sub_subscription
       SET sent_at = greatest(sent_at, :version), pushed_at = now(), last_status = :status,
           tries = 0, failing_since = NULL, held_until = now(),
           next_at = CASE WHEN wanted_at > :version THEN now() END
     WHERE id = :id AND fence = :fence
    """
)
_PUSH_FAILED = text(
    """
    UPDATE web_sub_subscription
       SET tries = tries + 1, last_status = :status, held_until = now(),
           failing_since = coalesce(failing_since, now()),
           next_at = now() + make_interval(secs => :wait)
     WHERE id = :id AND fence = :fence
    RETURNING failing_since <= now() - make_interval(secs => :patience) AS hopeless
    """
)
_END = text(
    """
    UPDATE web_sub_subscription
       SET ended_at = now(), ended_why = :why, last_status = coalesce(:status, last_status),
           next_at = NULL, held_until = now(), sealed_secret = NULL
     WHERE id = :id AND fence = :fence
    """
)
_PINGED = text(
    """
    UPDATE web_sub_ping
       SET sent_at = greatest(sent_at, :version), pinged_at = now(), last_status = :status,
           tries = 0, held_until = now(),
           next_at = CASE WHEN wanted_at > :version THEN now() END
     WHERE id = :id AND fence = :fence
    """
)
# After the last try the next change begins anew.
_PING_FAILED = text(
    """
    UPDATE web_sub_ping
       SET tries = CASE WHEN :over THEN 0 ELSE tries + 1 END, last_status = :status,
           held_until = now(),
           next_at = CASE WHEN :over THEN NULL ELSE now() + make_interval(secs => :wait) END
     WHERE id = :id AND fence = :fence
    """
)
_CHECK_AGAIN = text(
    """
    UPDATE web_sub_request
       SET tries = tries + 1, held_until = now(), next_at = now() + make_interval(secs => :wait)
     WHERE id = :id AND fence = :fence AND ended_at IS NULL
    """
)
_HELD = {
    kind: text(
        f"UPDATE {table}"  # noqa: S608  # names of this file
        " SET held_until = now(), next_at = now() + make_interval(secs => :wait)"
        " WHERE id = :id AND fence = :fence AND next_at IS NOT NULL"
    )
    for kind, table in ((Push, "web_sub_subscription"), (Check, "web_sub_request"))
}
_FAILED: Final = "Không gửi được trong {days} ngày. No delivery for {days} days."
_KEPT: Final = (
    "DELETE FROM web_sub_subscription WHERE lease_until <= now() AND ended_at IS NULL",
    "DELETE FROM web_sub_subscription WHERE ended_at <= now() - interval '30 days'",
    "DELETE FROM web_sub_request WHERE ended_at <= now() - interval '1 day'",
)


async def work(session: AsyncSession) -> Work:
    """Whether anything is due, and whether anybody is to be pushed to."""
    row = (await session.execute(_WORK)).one()
    return Work(due=row.due, watched=row.watched)


async def topics(session: AsyncSession, account_ids: Collection[UUID] | None = None) -> list[Topic]:
    """The topics somebody is subscribed to; of these accounts, or of all."""
    chosen = list(account_ids) if account_ids is not None else None
    rows = await session.execute(_TOPICS, {"accounts": chosen})
    return [Topic(account_id=row.account_id, topic=row.topic) for row in rows]


async def owe(session: AsyncSession, found: Sequence[Topic]) -> None:
    """Notes the newest versions of documents; who has an older one is owed a push. May repeat."""
    known = [one for one in found if one.changed_at is not None]
    if known:
        await session.execute(
            _OWE,
            {
                "accounts": [one.account_id for one in known],
                "topics": [one.topic for one in known],
                "versions": [one.changed_at for one in known],
            },
        )


async def owe_pings(session: AsyncSession, hubs: Mapping[str, str], found: Sequence[Topic]) -> None:
    """The same for the hubs that the operator named; `hubs` gives the host of each."""
    wanted = [
        (hub, host, one)
        for hub, host in hubs.items()
        for one in found
        if one.changed_at is not None
    ]
    if wanted:
        await session.execute(
            _OWE_PINGS,
            {
                "ids": [new_id() for _ in wanted],
                "pairs": [pair_of(one.topic, hub) for hub, _, one in wanted],
                "hubs": [hub for hub, _, _ in wanted],
                "hosts": [host for _, host, _ in wanted],
                "topics": [one.topic for _, _, one in wanted],
                "accounts": [one.account_id for _, _, one in wanted],
                "versions": [one.changed_at for _, _, one in wanted],
            },
        )


async def claim(
    session: AsyncSession,
    *,
    most: int,
    each: int,
    busy: Collection[str],
    fresh_only: bool,
    lease: timedelta,
) -> list[Due]:
    """Takes at most `most` calls that are due, `each` of one host; pushes first."""
    found: list[Due] = []
    for statement in (_CLAIM_PUSHES, _CLAIM_CHECKS, _CLAIM_PINGS):
        if len(found) >= most:
            break
        rows = await session.execute(
            statement,
            {
                "most": most - len(found),
                "each": each,
                "busy": list(busy),
                "fresh_only": fresh_only,
                "lease": lease.total_seconds(),
            },
        )
        for row in rows:
            about = {"id": row.id, "fence": row.fence, "host": row.host, "tries": row.tries}
            if statement is _CLAIM_PUSHES:
                found.append(
                    Push(
                        **about,
                        topic=row.topic,
                        callback=row.callback,
                        account_id=row.account_id,
                        sealed_secret=row.sealed_secret,
                        wanted_at=row.wanted_at,
                    )
                )
            elif statement is _CLAIM_PINGS:
                found.append(Ping(**about, hub=row.hub, topic=row.topic, wanted_at=row.wanted_at))
            else:
                found.append(
                    Check(
                        **about,
                        mode=row.mode,
                        pair=row.pair,
                        topic=row.topic,
                        callback=row.callback,
                        account_id=row.account_id,
                        lease_seconds=row.lease_seconds,
                        sealed_secret=row.sealed_secret,
                        reason=row.reason,
                    )
                )
    return found


async def held(session: AsyncSession, due: Push | Check, wait: timedelta) -> None:
    """Nothing was sent, and that was nobody's failure: the same call is due again after a while."""
    await session.execute(
        _HELD[type(due)], {"id": due.id, "fence": due.fence, "wait": wait.total_seconds()}
    )


async def pushed(session: AsyncSession, push: Push, version: datetime, status: int) -> None:
    """The subscriber has taken this version."""
    await session.execute(
        _PUSHED, {"id": push.id, "fence": push.fence, "version": version, "status": status}
    )


async def push_failed(
    session: AsyncSession,
    push: Push,
    status: int | None,
    *,
    wait: timedelta,
    patience: timedelta,
) -> bool:
    """The subscriber has not taken it: later again, or never when it has failed for too long.

    Gives whether the subscription has ended by this.
    """
    hopeless = await session.scalar(
        _PUSH_FAILED,
        {
            "id": push.id,
            "fence": push.fence,
            "status": status,
            "wait": wait.total_seconds(),
            "patience": patience.total_seconds(),
        },
    )
    if hopeless:
        await end(session, push, "failed", status)
        await tell_end(
            session,
            topic=push.topic,
            callback=push.callback,
            host=push.host,
            account_id=push.account_id,
            reason=_FAILED.format(days=patience.days),
        )
    return bool(hopeless)


async def end(session: AsyncSession, push: Push, why: str, status: int | None) -> None:
    """Ends the subscription: `gone` as the subscriber said (410), `failed` after too many days."""
    await session.execute(_END, {"id": push.id, "fence": push.fence, "why": why, "status": status})


async def refuse(session: AsyncSession, push: Push, reason: str) -> None:
    """Ends the subscription of a topic that is no more; its callback is told."""
    row = await _locked(session, pair_of(push.topic, push.callback))
    if row is not None and row.id == push.id and row.fence == push.fence:
        await deny(session, row, reason)


async def refuse_topic(session: AsyncSession, topic: Topic, reason: str) -> None:
    """The same for all subscriptions of a topic."""
    rows = await session.scalars(
        select(WebSubSubscription)
        .where(
            col(WebSubSubscription.account_id) == topic.account_id,
            col(WebSubSubscription.topic) == topic.topic,
            col(WebSubSubscription.ended_at).is_(None),
        )
        .order_by(col(WebSubSubscription.id))
        .with_for_update(skip_locked=True)
    )
    for row in rows.all():
        await deny(session, row, reason)


async def meant(
    session: AsyncSession, sealer: Sealer, check: Check, version: datetime | None
) -> bool:
    """The callback has repeated the challenge: the subscription begins, is renewed, or ends.

    Only now do a new secret and lease replace the old ones. `version` is that of the document
    before the callback was asked: whoever subscribes has just read it. False when the request was
    overtaken meanwhile.
    """
    row = await _locked(session, check.pair)
    if not await _close(session, check, "verified"):
        return False
    if check.mode == "unsubscribe":
        if row is not None:
            await session.delete(row)
        return True
    now = await session.scalar(select(func.now()))
    if now is None:
        raise RuntimeError("a database without a clock")
    fresh = row is None
    if row is None:
        row = WebSubSubscription(
            pair=check.pair,
            topic=check.topic,
            callback=check.callback,
            host=check.host,
            account_id=check.account_id,
            lease_until=now,
            created_at=now,
        )
    if fresh or row.ended_at is not None:
        row.wanted_at = row.sent_at = version
    row.sealed_secret = _moved(sealer, check, row.id)
    row.lease_until = now + timedelta(seconds=check.lease_seconds)
    row.verified_at = now
    row.ended_at = row.ended_why = row.failing_since = None
    row.tries = 0
    owed = row.wanted_at is not None and (row.sent_at is None or row.wanted_at > row.sent_at)
    row.next_at = now if owed else None
    session.add(row)
    await session.flush()
    return True


async def not_meant(session: AsyncSession, check: Check, outcome: str) -> None:
    """The request has come to nothing; a subscription that there was goes on as it is."""
    await _close(session, check, outcome)


async def check_later(session: AsyncSession, check: Check, wait: timedelta) -> None:
    """The callback could not be asked; it is asked again after a while."""
    await session.execute(
        _CHECK_AGAIN, {"id": check.id, "fence": check.fence, "wait": wait.total_seconds()}
    )


async def pinged(session: AsyncSession, ping: Ping, status: int) -> None:
    """The other hub has been told of this version."""
    await session.execute(
        _PINGED,
        {"id": ping.id, "fence": ping.fence, "version": ping.wanted_at, "status": status},
    )


async def ping_failed(
    session: AsyncSession, ping: Ping, status: int | None, wait: timedelta | None
) -> None:
    """The other hub was not told; None for `wait` leaves it at that until the next change."""
    await session.execute(
        _PING_FAILED,
        {
            "id": ping.id,
            "fence": ping.fence,
            "status": status,
            "over": wait is None,
            "wait": wait.total_seconds() if wait else 0.0,
        },
    )


async def tidy(session: AsyncSession, hubs: Collection[str]) -> None:
    """Deletes leases that are over, what ended long ago, and hubs that are named no more."""
    for statement in _KEPT:
        await session.execute(text(statement))
    await session.execute(delete(WebSubPing).where(col(WebSubPing.hub).not_in(list(hubs))))


async def _locked(session: AsyncSession, pair: bytes) -> WebSubSubscription | None:
    # Always before the request of the same pair: two transactions must not wait for each other.
    found = await session.scalars(
        select(WebSubSubscription).where(col(WebSubSubscription.pair) == pair).with_for_update()
    )
    return found.one_or_none()


async def _close(session: AsyncSession, check: Check, outcome: str) -> bool:
    closed = await session.scalar(
        update(WebSubRequest)
        .where(
            col(WebSubRequest.id) == check.id,
            col(WebSubRequest.fence) == check.fence,
            col(WebSubRequest.ended_at).is_(None),
        )
        .values(ended_at=func.now(), outcome=outcome, next_at=None, sealed_secret=None)
        .returning(col(WebSubRequest.id))
    )
    return closed is not None


def _moved(sealer: Sealer, check: Check, row_id: UUID) -> bytes | None:
    """The secret of the request, sealed for the subscription: it opens in its own row alone."""
    if check.sealed_secret is None:
        return None
    return sealer.seal(sealer.open(check.sealed_secret, context(check.id)), context(row_id))
