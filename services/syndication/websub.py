"""Our WebSub hub: who may ask to be pushed to, within which limits, and what the team sees of it.

A request is only noted here; the worker asks the callback (`websub_push.py`). Topics are our own
feeds alone. Source: W3C Recommendation WebSub, sections 5 to 8; feeds.md section 8.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.channels.accounts import view
from services.channels.sealing import Sealer
from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.queue.bell import ring
from services.staff.caller import Caller
from services.syndication.address import FeedAddress, parse
from services.syndication.documents import addresses_of
from services.syndication.tables import WebSubRequest, WebSubSubscription
from shared.errors import ConflictError, InvalidError, NotFoundError
from shared.fetch import WEB, Guard, check_url

PATH: Final = "/websub"
MODES: Final = ("subscribe", "unsubscribe", "publish")
SECRET_BYTES: Final = 199  # "less than 200 bytes"
# The check appends to it, and the whole must stay an address that may be asked.
CALLBACK_CHARS: Final = 1000
_DAY: Final = 86_400
_SECONDS = re.compile(r"-?[0-9]{1,12}")
_ANSWER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the hub takes on itself. `per_host` counts the callbacks of one host.

    `asked` is how often the callbacks of one host may be asked for in an hour, by whoever: without
    it our checks could be turned against somebody else's site.
    """

    subscriptions: int = 5_000
    per_host: int = 200
    asked: int = 120
    waiting: int = 500
    lease: timedelta = timedelta(days=10)
    shortest: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(days=30)

    def lease_of(self, seconds: int | None) -> int:
        """The lease that is granted, in seconds: clamped, never refused, never without an end."""
        if seconds is None or seconds <= 0:
            return int(self.lease.total_seconds())
        low, high = self.shortest.total_seconds(), self.longest.total_seconds()
        return int(min(max(seconds, low), high))


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks of the hub, well formed; `callback` is empty for `publish`."""

    mode: str
    topic: str
    callback: str = ""
    lease_seconds: int | None = None
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One subscription as the team sees it: where it goes, how it is, and why it ended (if).

    `feed` is the part of the topic that tells the portal's feeds apart: `chuyen-muc/…/rss.xml`.
    """

    id: UUID
    host: str
    feed: str
    signed: bool
    created_at: datetime
    lease_until: datetime
    pushed_at: datetime | None
    failing_since: datetime | None
    ended_at: datetime | None
    ended_why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The subscriptions of one portal account, the newest first; ended ones follow for a while."""

    live: tuple[Pushed, ...] = ()
    ended: tuple[Pushed, ...] = ()

    @property
    def pushed_at(self) -> datetime | None:
        """When anybody was last pushed to."""
        return max((one.pushed_at for one in self.live if one.pushed_at), default=None)


def guard_of(hub: Hub) -> Guard:
    """What may be asked for a subscriber: like any foreign address, never over a redirect."""
    return replace(
        hub.guard,
        schemes=WEB,
        redirects=0,
        connect=timedelta(seconds=5),
        deadline=timedelta(seconds=10),
        packed_bytes=_ANSWER_BYTES,
        body_bytes=_ANSWER_BYTES,
        kinds=None,
    )


def hub_address(hub: Hub) -> str:
    """Where subscribers find this hub."""
    return hub.public_url + PATH


def wish_of(fields: Sequence[tuple[str, str]]) -> Wish:
    """The wish in a form's fields; those that are not of WebSub are ignored, as the text demands.

    Raises InvalidError: a field is missing, comes twice, or is not what it should be.
    """
    given: dict[str, str] = {}
    for name, value in fields:
        if not name.startswith("hub."):
            continue
        if given.setdefault(name, value) != value:
            raise InvalidError("websub_field_twice", field=name)
    mode = given.get("hub.mode", "")
    if mode not in MODES:
        raise InvalidError("websub_mode")
    # Publishers send the topic by either name (feeds.md section 8).
    topic = given.get("hub.topic", "") or (given.get("hub.url", "") if mode == "publish" else "")
    if not topic:
        raise InvalidError("websub_topic_missing")
    if mode == "publish":
        return Wish(mode=mode, topic=topic)
    callback = given.get("hub.callback", "")
    if not callback or len(callback) > CALLBACK_CHARS or "#" in callback:
        raise InvalidError("websub_callback", most=CALLBACK_CHARS)
    lease = given.get("hub.lease_seconds", "")
    if lease and not _SECONDS.fullmatch(lease):
        raise InvalidError("websub_lease")
    secret = given.get("hub.secret", "")
    if len(secret.encode()) > SECRET_BYTES:
        raise InvalidError("websub_secret", most=SECRET_BYTES)
    return Wish(
        mode=mode,
        topic=topic,
        callback=callback,
        lease_seconds=int(lease) if lease else None,
        secret=secret,
    )


async def ask(session: AsyncSession, hub: Hub, wish: Wish, limits: Limits = LIMITS) -> None:
    """Takes a wish on and rings for the worker; of one topic and callback the newest counts.

    `publish` only rings: what has changed is known here anyway. Raises NotFoundError for a topic
    that is not ours, InvalidError for a callback that is never asked, ConflictError when a limit is
    reached. Safe to repeat.
    """
    account_id = await own_topic(session, hub, wish.topic)
    if account_id is None:
        raise NotFoundError("websub_topic")
    if wish.mode == "publish":
        await ring(session)
        return
    host = check_url(wish.callback, guard_of(hub)).host
    pair = pair_of(wish.topic, wish.callback)
    # One after the other: the limits below are counted, and of a pair only one request may be open.
    await session.execute(_ALONE)
    if wish.mode == "unsubscribe" and not await _known(session, pair):
        return  # nothing to end, and nobody learns whether there was
    await _within(session, pair, host, wish.mode, limits)
    await end_requests(session, pair)
    request = WebSubRequest(
        pair=pair,
        mode=wish.mode,
        topic=wish.topic,
        callback=wish.callback,
        host=host,
        account_id=account_id,
        lease_seconds=limits.lease_of(wish.lease_seconds),
        next_at=await session.scalar(select(func.now())),
    )
    if wish.secret:
        request.sealed_secret = hub.sealer.seal(wish.secret.encode(), context(request.id))
    session.add(request)
    await session.flush()
    await ring(session)


async def own_topic(session: AsyncSession, hub: Hub, topic: str) -> UUID | None:
    """The account whose feed stands at exactly this address; None if none can be subscribed to."""
    address = address_of(hub, topic)
    if address is None:
        return None
    portal = await portals.find(session, address.slug)
    if portal is None or not portal.listed:
        return None
    found = await addresses_of(session, portal.account.id)
    return portal.account.id if address in found else None


def address_of(hub: Hub, topic: str) -> FeedAddress | None:
    """The feed address that a topic names, letter by letter; None for what is none of ours."""
    if not topic.startswith(hub.public_url + "/"):
        return None
    address = parse(topic.removeprefix(hub.public_url))
    return address if address and address.slug and hub.public_url + address.path == topic else None


def pair_of(topic: str, target: str) -> bytes:
    """One key for a topic and whoever is told of it; both may be too long for an index."""
    return hashlib.sha256(f"{topic}\n{target}".encode()).digest()


def context(row_id: UUID) -> str:
    """What a secret is sealed for."""
    return f"websub|{row_id}|secret"


async def end_requests(session: AsyncSession, pair: bytes) -> None:
    """Overtakes the open request of this pair; an answer to it counts no more."""
    await session.execute(
        update(WebSubRequest)
        .where(col(WebSubRequest.pair) == pair, col(WebSubRequest.ended_at).is_(None))
        .values(ended_at=func.now(), outcome="overtaken", next_at=None, sealed_secret=None)
    )


async def standing_of(session: AsyncSession, account_id: UUID) -> Standing:
    """Who is pushed to when this account's feeds change."""
    rows = await session.scalars(
        select(WebSubSubscription)
        .where(col(WebSubSubscription.account_id) == account_id)
        .order_by(col(WebSubSubscription.id).desc())
        .limit(_SHOWN)
    )
    found = [_pushed(one) for one in rows]
    return Standing(
        live=tuple(one for one in found if one.ended_at is None),
        ended=tuple(one for one in found if one.ended_at is not None),
    )


async def remove(
    session: AsyncSession, caller: Caller, account_id: UUID, subscription_id: UUID
) -> None:
    """Ends a subscription and lets the subscriber know. For admins; on the record.

    Raises ForbiddenError, NotFoundError; a second call finds nothing.
    """
    caller.need_role("admin")
    account = await view(session, account_id)
    caller.need_unit(account.unit_id)
    row = await session.get(WebSubSubscription, subscription_id, with_for_update=True)
    if row is None or row.account_id != account_id:
        raise NotFoundError("websub_subscription_not_found")
    await record(
        session,
        caller.actor,
        Act.ACCOUNT_SUBSCRIBER_REMOVED,
        f"account:{account_id}",
        unit=account.unit_id,
        details={"host": row.host, "topic": row.topic},
    )
    if row.ended_at is None:
        await deny(session, row, "Cơ quan đã thôi gửi tới địa chỉ này. The agency has ended this.")
    else:
        await session.delete(row)


async def deny(session: AsyncSession, row: WebSubSubscription, reason: str) -> None:
    """Ends a live subscription; the worker tells its callback why. The row must be locked."""
    await session.delete(row)
    await tell_end(
        session,
        topic=row.topic,
        callback=row.callback,
        host=row.host,
        account_id=row.account_id,
        reason=reason,
    )


async def tell_end(
    session: AsyncSession,
    *,
    topic: str,
    callback: str,
    host: str,
    account_id: UUID,
    reason: str,
) -> None:
    """Has the worker tell a callback that nothing more will come, and why (`hub.mode=denied`)."""
    await session.execute(_ALONE)
    pair = pair_of(topic, callback)
    await end_requests(session, pair)
    session.add(
        WebSubRequest(
            pair=pair,
            mode="denied",
            topic=topic,
            callback=callback,
            host=host,
            account_id=account_id,
            reason=reason,
            next_at=await session.scalar(select(func.now())),
        )
    )
    await session.flush()
    await ring(session)


async def reseal(session: AsyncSession, sealer: Sealer, *, most: int = 100) -> int:
    """Seals secrets anew that an older key has sealed, at most `most`; gives how many."""
    rows = await session.execute(
        select(col(WebSubSubscription.id), col(WebSubSubscription.sealed_secret)).where(
            col(WebSubSubscription.sealed_secret).is_not(None)
        )
    )
    count = 0
    for id_, kept in rows.all():
        if count == most:
            break
        stale = kept is not None and sealer.needs_reseal(kept)
        fresh = sealer.resealed(kept, context(id_)) if kept is not None and stale else None
        if fresh is None:
            continue
        await session.execute(
            update(WebSubSubscription)
            .where(col(WebSubSubscription.id) == id_, col(WebSubSubscription.sealed_secret) == kept)
            .values(sealed_secret=fresh)
        )
        count += 1
    return count


async def numbers(session: AsyncSession) -> Mapping[str, int]:
    """How many subscriptions are `live`, `failing` and `ended`, and how many checks wait."""
    rows = await session.execute(_NUMBERS)
    return {"live": 0, "failing": 0, "ended": 0, "waiting": 0} | Counter(
        {row.what: row.count for row in rows}
    )


_SHOWN: Final = 200
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('loa.websub', 0))")
_NUMBERS = text(
    """
    SELECT CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN tries > 0 THEN 'failing' ELSE 'live' END
             AS what, count(*) AS count
      FROM web_sub_subscription GROUP BY 1
    UNION ALL SELECT 'waiting', count(*) FROM web_sub_request WHERE ended_at IS NULL
    """
)
_COUNTS = text(
    """
    SELECT (SELECT count(*) FROM web_sub_subscription WHERE ended_at IS NULL) AS subscriptions,
           (SELECT count(*) FROM web_sub_subscription
             WHERE ended_at IS NULL AND host = :host) AS of_host,
           (SELECT count(*) FROM web_sub_request
             WHERE ended_at IS NULL AND mode <> 'denied') AS waiting,
           (SELECT count(*) FROM web_sub_request
             WHERE host = :host AND created_at > now() - interval '1 hour') AS asked,
           EXISTS (SELECT 1 FROM web_sub_subscription
                    WHERE pair = :pair AND ended_at IS NULL) AS renews
    """
)


async def _known(session: AsyncSession, pair: bytes) -> bool:
    live = select(col(WebSubSubscription.id)).where(
        col(WebSubSubscription.pair) == pair, col(WebSubSubscription.ended_at).is_(None)
    )
    open_ = select(col(WebSubRequest.id)).where(
        col(WebSubRequest.pair) == pair, col(WebSubRequest.ended_at).is_(None)
    )
    return bool(await session.scalar(live) or await session.scalar(open_))


async def _within(session: AsyncSession, pair: bytes, host: str, mode: str, limits: Limits) -> None:
    counts = (await session.execute(_COUNTS, {"pair": pair, "host": host})).one()
    if counts.asked >= limits.asked:
        raise ConflictError("websub_asked_often")
    if counts.waiting >= limits.waiting:
        raise ConflictError("websub_busy")
    if mode == "unsubscribe" or counts.renews:
        return
    if counts.subscriptions >= limits.subscriptions:
        raise ConflictError("websub_full")
    if counts.of_host >= limits.per_host:
        raise ConflictError("websub_host_full", most=limits.per_host)


def _pushed(row: WebSubSubscription) -> Pushed:
    return Pushed(
        id=row.id,
        host=urlsplit(row.callback).netloc,
        feed=row.topic.partition("/feeds/")[2].partition("/")[2],
        signed=row.sealed_secret is not None,
        created_at=row.created_at,
        lease_until=row.lease_until,
        pushed_at=row.pushed_at,
        failing_since=row.failing_since,
        ended_at=row.ended_at,
        ended_why=row.ended_why,
    )
