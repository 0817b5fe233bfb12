"""The token service: the only one who ever spends a refresh token (R54 to R58).

A refresh token works once. So whoever wants to spend it first takes a lease in the account's row
and commits that; a second one, in whatever process, finds the lease and waits. What came back is
stored before anyone uses it. A call whose end we do not know leaves the account `uncertain`: then
the old access token is tried with a read, and the old refresh token once more, and never again.

`token_state` and `token_until` together:

  ok         until None or past: may be renewed      until ahead: not before then (back-off)
  renewing   until ahead: somebody is at it          until past: they died, so it is uncertain
  uncertain  until None or past: may be settled      until ahead: not before then (back-off)
  consent    until ahead: the last try is under way  else: the chain is lost, an admin must consent
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Interval, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.channels.accounts import (
    NEEDS_CONSENT,
    locked,
    opened,
    pause,
    resume,
    sealed_credentials,
)
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account, OldCredentials
from services.storage.session import AWAY, Opener
from shared.clock import steady_seconds
from shared.contract import messages
from shared.contract.channel import Lister, Renewer
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    Remedy,
)
from shared.contract.messages import RenewedCredentials
from shared.errors import LoaError

# A lease shorter than the call led to tokens spent twice in a Zalo integration (R54).
DEADLINE: Final = timedelta(seconds=20)
LEASE: Final = timedelta(seconds=60)
_BACK_OFF: Final = timedelta(seconds=10)
_STORE_TRIES: Final = 8
_ACTOR: Final = Actor(kind="system", id="tokens")

_log = structlog.get_logger()


class Renewal(StrEnum):
    """What became of a wish for a new access token."""

    FRESH = "fresh"  # a newer one than you have seen is there already: use it
    RENEWED = "renewed"  # a new one has been stored: use it
    BUSY = "busy"  # somebody is renewing it: ask again in a second
    LATER = "later"  # nothing was spent, and now is no time to try again
    UNCERTAIN = "uncertain"  # the call's end is unknown; a later pass settles it
    CONSENT = "consent"  # the chain is lost: the account waits for an admin


class _State(StrEnum):
    OK = "ok"
    RENEWING = "renewing"
    UNCERTAIN = "uncertain"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An account whose token should be renewed, and the version it has now."""

    account_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lease:
    """The right to spend one refresh token; `last`: it may have been spent before."""

    account: messages.Account
    renewer: Renewer
    lister: Lister | None  # who can try the old access token
    version: int
    until: datetime  # as it stands in the row: whoever takes over writes another
    taken_at: float  # steady seconds
    last: bool = False


# ── What others call ─────────────────────────────────────────────────────────────────────────────


async def renew(
    open_work: Opener,
    registry: Registry,
    sealer: Sealer,
    account_id: UUID,
    *,
    seen_version: int,
    deadline: timedelta = DEADLINE,
    lease: timedelta = LEASE,
    not_again_within: timedelta = timedelta(seconds=5),
) -> Renewal:
    """Makes sure that there is a newer access token than the one of `seen_version`.

    For the worker whose call was refused with that version, and for the timer. Any number may ask
    at once, in any processes: one of them calls. Never raises for what the channel says, nor for an
    account that is gone (CONSENT). No transaction is open during the call. Once the call has begun
    it is seen through to its storing, even if the asking task is cancelled. A token that is refused
    right after it was renewed is not renewed again at once (`not_again_within`).
    """
    claimed = await _claim(
        open_work, registry, sealer, account_id, seen_version, lease, not_again_within
    )
    if isinstance(claimed, Renewal):
        return claimed
    work = asyncio.create_task(_see_through(open_work, sealer, claimed, deadline, lease))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def due(session: AsyncSession, registry: Registry) -> list[Due]:
    """The accounts whose token has lived half its life, or whose last renewal is unclear.

    A token of unknown end is taken to live one hour (zalo-oa-api.md 1.4). Half of a life of sixteen
    hours or more ends at least eight hours before its end, as R54 asks. Paused accounts too: a
    pause must not cost the chain.
    """
    since = func.coalesce(col(Account.token_renewed_at), col(Account.created_at))
    ends = func.coalesce(
        col(Account.token_expires_at), since + literal(timedelta(hours=1), Interval)
    )
    free = func.coalesce(col(Account.token_until), func.now()) <= func.now()
    old = func.now() - since >= ends - func.now()  # as much behind it as ahead
    rows = await session.execute(
        select(col(Account.id), col(Account.credentials_version))
        .where(
            # One that is still being connected has nothing to renew before its consent.
            (col(Account.stage) == "official")
            | ((col(Account.stage) == "trial") & col(Account.token_expires_at).is_not(None)),
            col(Account.channel).in_(_renewing_channels(registry)),
            free,
            (col(Account.token_state) == _State.OK) & old
            | col(Account.token_state).in_((_State.RENEWING, _State.UNCERTAIN)),
        )
        .order_by(col(Account.token_expires_at).nulls_first())
    )
    return [Due(account_id=id_, version=version) for id_, version in rows]


async def renew_due(
    open_work: Opener, registry: Registry, sealer: Sealer, *, at_once: int = 4
) -> dict[UUID, Renewal]:
    """Renews what is due; for a timer, about once a minute, in any number of processes.

    Not while the restore fence stands: the tokens of a restored database are not ours to spend.
    """
    async with open_work() as session:
        wanted = await due(session, registry)
    slots = asyncio.Semaphore(at_once)

    async def one(item: Due) -> tuple[UUID, Renewal]:
        async with slots:
            outcome = await renew(
                open_work, registry, sealer, item.account_id, seen_version=item.version
            )
        return item.account_id, outcome

    return dict(await asyncio.gather(*(one(item) for item in wanted)))


async def distrust_all(session: AsyncSession) -> None:
    """After a restore: every chain may have been spent since the backup was taken (R62)."""
    await session.execute(
        update(Account)
        .where(
            col(Account.stage) != "closed",
            col(Account.token_state).in_((_State.OK, _State.RENEWING)),
        )
        .values(token_state=_State.UNCERTAIN, token_until=None)
    )


# ── Taking the lease ─────────────────────────────────────────────────────────────────────────────


async def _claim(
    open_work: Opener,
    registry: Registry,
    sealer: Sealer,
    account_id: UUID,
    seen_version: int,
    lease: timedelta,
    not_again_within: timedelta,
) -> Renewal | tuple[_Lease, _State]:
    """The lease, committed, and the state it was taken in; or why there is none."""
    async with open_work() as session:
        row = await session.get(Account, account_id, with_for_update=True)
        if row is None or row.stage == "closed":
            return Renewal.CONSENT
        if row.credentials_version != seen_version:
            return Renewal.FRESH
        # Asked only now that the row is ours: the wait for it may have been long.
        now = await _database_now(session)
        state = _State(row.token_state)
        if row.token_until is not None and row.token_until > now:
            held = state in (_State.RENEWING, _State.CONSENT)
            return Renewal.BUSY if held else Renewal.LATER
        if row.token_renewed_at is not None and now - row.token_renewed_at < not_again_within:
            return Renewal.LATER
        try:
            adapter, account = registry.get(row.channel), opened(registry, sealer, row)
        except LoaError as error:
            _log.error("token_account_unusable", account=str(account_id), code=error.code)
            return Renewal.LATER
        if state is _State.CONSENT or not isinstance(adapter, Renewer):
            await _give_up(session, row)
            return Renewal.CONSENT
        row.token_state = _State.RENEWING
        row.token_until = now + lease
        taken = _Lease(
            account=account,
            renewer=adapter,
            lister=adapter if isinstance(adapter, Lister) else None,
            version=row.credentials_version,
            until=row.token_until,
            taken_at=steady_seconds(),
        )
    return taken, state


async def _see_through(
    open_work: Opener,
    sealer: Sealer,
    claimed: tuple[_Lease, _State],
    deadline: timedelta,
    lease: timedelta,
) -> Renewal:
    taken, state = claimed
    alive: bool | None = None
    if state is not _State.OK:
        alive = await _lives(taken, deadline)
        if alive is None:
            # The channel cannot be asked at all: no time to spend the last try.
            return await _put_back(open_work, taken, _State.UNCERTAIN)
        last = await _take_last_try(open_work, taken, lease)
        if last is None:
            return Renewal.BUSY
        taken = last
    return await _spend(open_work, sealer, taken, deadline, lease, alive=bool(alive))


async def _take_last_try(open_work: Opener, taken: _Lease, lease: timedelta) -> _Lease | None:
    """Notes, before the call, that the old refresh token is tried once more and never again.

    Should we die now, the account stays in `consent`; None if somebody else has taken over.
    """
    taken_at = steady_seconds()
    async with open_work() as session:
        row = await _still_ours(session, taken)
        if row is None or row.token_until != taken.until:
            return None
        row.token_state = _State.CONSENT
        row.token_until = until = await _database_now(session) + lease
    return replace(taken, until=until, taken_at=taken_at, last=True)


# ── The call ─────────────────────────────────────────────────────────────────────────────────────


async def _lives(taken: _Lease, deadline: timedelta) -> bool | None:
    """Whether the old access token still opens the channel; None if that cannot be found out."""
    if taken.lister is None:
        return False
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            await taken.lister.newest(taken.account)
    except ChannelRejectedError as error:
        return False if error.remedy in (Remedy.RENEW, Remedy.CONSENT) else None
    except (ChannelError, TimeoutError):
        return None
    except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
        _log.warning(
            "token_probe_failed", account=str(taken.account.id), error=type(error).__name__
        )
        return None
    return True


async def _spend(
    open_work: Opener,
    sealer: Sealer,
    taken: _Lease,
    deadline: timedelta,
    lease: timedelta,
    *,
    alive: bool,
) -> Renewal:
    """The one call that spends the refresh token, and what follows from its answer."""
    before = _State.UNCERTAIN if taken.last else _State.OK
    log = _log.bind(account=str(taken.account.id), version=taken.version, last=taken.last)
    if steady_seconds() - taken.taken_at > (lease - deadline).total_seconds() / 2:
        # We were held up, and could still be calling when the lease is over.
        log.warning("token_renewal_held_up")
        return await _put_back(open_work, taken, before)
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            renewed = await taken.renewer.renew(taken.account)
    except ChannelNotSentError as error:
        log.info("token_renewal_not_sent", code=error.code)
        return await _put_back(open_work, taken, before, error.retry_after)
    except ChannelRejectedError as error:
        log.warning("token_renewal_refused", code=error.code, remote_code=error.remote_code)
        if error.remedy in (Remedy.SLOW, Remedy.QUOTA):
            return await _put_back(open_work, taken, before, error.retry_after)
        if error.remedy in (Remedy.HUMAN, Remedy.EDIT):
            return await _need_somebody(open_work, taken, before, error.code)
        return await _lose(open_work, taken, alive=alive)
    except Exception as error:  # noqa: BLE001  # anything else leaves the outcome open (R56)
        log.warning("token_renewal_uncertain", error=type(error).__name__)
        if taken.last:
            return await _lose(open_work, taken, alive=alive)
        return await _put_back(open_work, taken, _State.UNCERTAIN)
    return await _store(open_work, sealer, taken, renewed)


# ── Keeping what came of it ──────────────────────────────────────────────────────────────────────


async def _store(
    open_work: Opener, sealer: Sealer, taken: _Lease, renewed: RenewedCredentials
) -> Renewal:
    """Stores the new pair. It exists nowhere else, so a database that is away is waited for."""
    sealed = sealed_credentials(sealer, taken.account.id, renewed.credentials)
    for tries in range(1, _STORE_TRIES + 1):
        try:
            async with open_work() as session:
                return await _store_once(session, taken, sealed, renewed.expires_at)
        except AWAY as error:
            if tries == _STORE_TRIES:
                raise
            _log.warning(
                "token_store_retried", account=str(taken.account.id), error=type(error).__name__
            )
            await asyncio.sleep(min(0.25 * 2**tries, 10))
    raise AssertionError("the last try has returned or raised")


async def _store_once(
    session: AsyncSession, taken: _Lease, sealed: bytes, expires_at: datetime
) -> Renewal:
    # Only the version counts, not the lease: if ours is over and nothing newer is there, then this
    # pair is the only one that works.
    row = await _still_ours(session, taken)
    if row is None:
        _log.warning("token_renewal_overtaken", account=str(taken.account.id))
        return Renewal.FRESH
    session.add(
        OldCredentials(account_id=row.id, version=taken.version, sealed=row.sealed_credentials)
    )
    row.sealed_credentials = sealed
    row.credentials_version = taken.version + 1
    row.token_state = _State.OK
    row.token_until = None
    row.token_expires_at = expires_at
    row.token_renewed_at = await _database_now(session)
    await session.flush()
    await record(
        session,
        _ACTOR,
        Act.ACCOUNT_CREDENTIALS_RENEWED,
        f"account:{row.id}",
        unit=row.unit_id,
        details={"version": row.credentials_version, "expires_at": expires_at},
    )
    if row.state == "paused" and row.pause_code == NEEDS_CONSENT:
        await resume(session, _ACTOR, row.id)
    return Renewal.RENEWED


async def _put_back(
    open_work: Opener, taken: _Lease, state: _State, wait: timedelta | None = None
) -> Renewal:
    """Gives the lease back; nobody tries again before a short while."""
    async with open_work() as session:
        row = await _still_ours(session, taken)
        if row is None:
            return Renewal.FRESH
        if row.token_until != taken.until:
            return Renewal.BUSY
        row.token_state = state
        row.token_until = await _database_now(session) + (wait or _BACK_OFF)
    return Renewal.UNCERTAIN if state is _State.UNCERTAIN else Renewal.LATER


async def _need_somebody(open_work: Opener, taken: _Lease, state: _State, code: str) -> Renewal:
    """The chain is whole, but the app or the account has a fault that only a person can mend."""
    async with open_work() as session:
        row = await _still_ours(session, taken)
        if row is None:
            return Renewal.FRESH
        if row.token_until != taken.until:
            return Renewal.BUSY
        row.token_state = state
        row.token_until = await _database_now(session) + _BACK_OFF
        reason = "Kênh từ chối làm mới quyền · The channel refuses to renew the rights"
        await pause(session, _ACTOR, row.id, reason, code)
    return Renewal.LATER


async def _lose(open_work: Opener, taken: _Lease, *, alive: bool) -> Renewal:
    """The chain is lost. An access token that lives is used to its end; then, or now, the pause."""
    async with open_work() as session:
        row = await _still_ours(session, taken)
        if row is None:
            return Renewal.FRESH
        if row.token_until != taken.until:
            return Renewal.BUSY
        row.token_state = _State.CONSENT
        row.token_until = None
        await session.flush()
        await record(
            session,
            _ACTOR,
            Act.ACCOUNT_CONSENT_LOST,
            f"account:{row.id}",
            unit=row.unit_id,
            details={"version": row.credentials_version, "still_usable": alive},
        )
        if not alive:
            await _give_up(session, row)
    return Renewal.CONSENT


async def _give_up(session: AsyncSession, row: Account) -> None:
    """Pauses an account that nothing but a person's consent can help; once."""
    reason = "Cần cấp quyền lại cho kênh này · This account must be connected again"
    row.token_state = _State.CONSENT
    row.token_until = None
    await session.flush()
    await pause(session, _ACTOR, row.id, reason, NEEDS_CONSENT)


# ── Details ──────────────────────────────────────────────────────────────────────────────────────


async def _still_ours(session: AsyncSession, taken: _Lease) -> Account | None:
    """The account's row, locked; None if its credentials were replaced or it was closed."""
    row = await locked(session, taken.account.id)
    if row.stage == "closed" or row.credentials_version != taken.version:
        return None
    return row


async def _database_now(session: AsyncSession) -> datetime:
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now


def _renewing_channels(registry: Registry) -> Sequence[str]:
    return [name for name in registry.names() if isinstance(registry.get(name), Renewer)]
