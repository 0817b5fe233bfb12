"""Signs people in and out, and tells who is behind a session cookie.

Wrong password, unknown address, somebody who has left: outside they look and last the same (R75).
After ten failures in five minutes an address has to wait, after five wrong codes too (R79); each
try is counted before it is looked at, so that trying many at once gains nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record, record_refusal
from services.staff import otp as otps
from services.staff import passwords
from services.staff.caller import Caller, caller_of
from services.staff.passwords import FULL, Cost
from services.staff.people import tidy_email
from services.staff.tables import Session, SignInFailure, Staff
from services.storage.columns import new_id
from services.storage.session import Opener
from shared.errors import ForbiddenError

TRIES: Final = 10
# How many tries within how long (R79): of passwords, and of codes by whoever knows the password.
_PASSWORD_LIMITS: Final = ((TRIES, timedelta(minutes=5)),)
_OTP_LIMITS: Final = (
    (5, timedelta(minutes=5)),
    (20, timedelta(hours=1)),
    (50, timedelta(days=1)),
)
_TOUCH_EVERY: Final = timedelta(minutes=1)
_EMAIL_CHARS: Final = 254
_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long a session lives unused, and at most (R78)."""

    idle: timedelta = timedelta(minutes=30)
    idle_approver: timedelta = timedelta(minutes=15)
    absolute: timedelta = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new session. `cookie_value` goes to the browser once and is kept nowhere."""

    caller: Caller
    cookie_value: str
    csrf: str
    expires_at: datetime


class SignInFailedError(ForbiddenError):
    """Nobody was let in; `left` is how many tries remain before the address has to wait.

    Codes: `sign_in_failed`; `otp_needed`, the password was right and a code is asked for;
    `sign_in_limited`, too many tries, with the `seconds` to wait.
    """

    default_code = "sign_in_failed"


async def sign_in(
    open_work: Opener,
    seals: otps.Seals,
    *,
    email: str,
    password: str,
    otp: str | None = None,
    now: datetime,
    request: str | None = None,
    address: str | None = None,
    ages: Ages | None = None,
    cost: Cost = FULL,
) -> SignedIn:
    """Opens a session for whoever knows the password (and has the phone, if one was enrolled).

    Works in transactions of its own: what was refused stays counted, and none is open while the
    password is hashed. Raises SignInFailedError.
    """
    person = tidy_email(email)[:_EMAIL_CHARS]
    actor = Actor(kind="staff", id="unknown", request=request, address=address)
    async with open_work() as session:
        left = await _count_try(session, person, _PASSWORD_LIMITS, now)
        staff = await session.scalar(
            select(Staff).where(col(Staff.email) == person, col(Staff.active))
        )
    if left is None:
        await _refused(open_work, actor, staff, "sign_in_limited")
        raise _limited(_PASSWORD_LIMITS)
    checked = await passwords.check(password, staff.password_hash if staff else None, cost=cost)
    if staff is None or not checked.ok:
        await _refused(open_work, actor, staff, "sign_in_failed")
        raise SignInFailedError(left=left)
    async with open_work() as session:
        await _forget_tries(session, person)
        if staff.otp_secret is not None and otp:
            left = await _count_try(session, _otp_key(person), _OTP_LIMITS, now)
    if staff.otp_secret is not None and not otp:
        raise SignInFailedError("otp_needed", left=left)
    if left is None:
        await _refused(open_work, actor, staff, "sign_in_limited")
        raise _limited(_OTP_LIMITS)
    fresh = await passwords.hashed(password, cost=cost) if checked.outdated else None
    async with open_work() as session:
        signed_in = await _begin(session, seals, staff, otp, now, actor=actor, ages=ages or Ages())
        if signed_in is not None:
            await _forget_tries(session, _otp_key(person))
            if fresh is not None:
                await session.execute(
                    update(Staff).where(col(Staff.id) == staff.id).values(password_hash=fresh)
                )
            return signed_in
    await _refused(open_work, actor, staff, "otp_wrong")
    raise SignInFailedError(left=left)


async def caller_of_session(
    session: AsyncSession,
    cookie: str,
    now: datetime,
    *,
    request: str | None = None,
    address: str | None = None,
    ages: Ages | None = None,
) -> Caller | None:
    """Who is behind the cookie, with the roles they have now; None if nobody is (any more).

    Notes that the session is in use, at most once a minute and never waiting for another request.
    """
    found = await session.scalar(
        select(Session).where(
            col(Session.token_hash) == _kept_form(cookie),
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > now,
        )
    )
    if found is None:
        return None
    actor = Actor(
        kind="staff",
        id=str(found.staff_id),
        session=str(found.id),
        request=request,
        address=address,
    )
    caller = await caller_of(session, found.staff_id, actor=actor, csrf=found.csrf)
    if caller is None:
        return None
    limits = ages or Ages()
    idle = limits.idle_approver if "approver" in caller.roles else limits.idle
    if now - found.last_seen_at > idle:
        return None
    if now - found.last_seen_at > _TOUCH_EVERY:
        free = (
            select(col(Session.id))
            .where(col(Session.id) == found.id)
            .with_for_update(skip_locked=True)
        )
        await session.execute(
            update(Session)
            .where(col(Session.id).in_(free))
            .values(last_seen_at=now)
            .execution_options(synchronize_session=False)
        )
    return caller


async def sign_out(session: AsyncSession, cookie: str, now: datetime) -> None:
    """Ends the session behind the cookie; does nothing for one that is over."""
    ended = (
        await session.execute(
            update(Session)
            .where(col(Session.token_hash) == _kept_form(cookie), col(Session.ended_at).is_(None))
            .values(ended_at=now)
            .returning(col(Session.id), col(Session.staff_id))
        )
    ).one_or_none()
    if ended is None:
        return
    session_id, staff_id = ended
    unit_id = await session.scalar(select(col(Staff.unit_id)).where(col(Staff.id) == staff_id))
    await record(
        session,
        Actor(kind="staff", id=str(staff_id), session=str(session_id)),
        Act.SESSION_ENDED,
        f"session:{session_id}",
        unit=unit_id,
    )


async def sweep(session: AsyncSession, now: datetime) -> None:
    """Removes refused tries older than a day and sessions that ended 30 days ago (R67)."""
    await session.execute(delete(SignInFailure).where(col(SignInFailure.at) < now - _KEPT))
    await session.execute(delete(Session).where(col(Session.expires_at) < now - timedelta(days=30)))


async def _count_try(
    session: AsyncSession, key: str, limits: tuple[tuple[int, timedelta], ...], now: datetime
) -> int | None:
    """Counts this try as failed until it proves otherwise; gives how many are left, None for none.

    One beyond the limit is not kept: else a stranger's flood would lock the address for ever.
    """
    # One try of an address at a time, so that each sees those before it.
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 79))"), {"key": key}
    )
    left = []
    for most, within in limits:
        before = await session.scalar(
            select(func.count()).where(
                col(SignInFailure.email) == key, col(SignInFailure.at) > now - within
            )
        )
        left.append(most - (before or 0) - 1)
    if min(left) < 0:
        return None
    session.add(SignInFailure(email=key, at=now))
    await session.flush()
    return min(left)


async def _forget_tries(session: AsyncSession, key: str) -> None:
    await session.execute(delete(SignInFailure).where(col(SignInFailure.email) == key))


def _otp_key(email: str) -> str:
    """Under which tries of codes are counted; no address holds this sign."""
    return f"otp|{email}"


def _limited(limits: tuple[tuple[int, timedelta], ...]) -> SignInFailedError:
    seconds = int(limits[0][1].total_seconds())
    return SignInFailedError("sign_in_limited", seconds=seconds, left=0)


async def _begin(
    session: AsyncSession,
    seals: otps.Seals,
    staff: Staff,
    otp: str | None,
    now: datetime,
    *,
    actor: Actor,
    ages: Ages,
) -> SignedIn | None:
    """The new session; None for a wrong code, or a person who has just been let go."""
    # Locked, so that a deactivation either ends this session too or is seen here.
    active = await session.scalar(
        select(col(Staff.active)).where(col(Staff.id) == staff.id).with_for_update(key_share=True)
    )
    if not active:
        return None
    if staff.otp_secret is not None and not await otps.spend(session, seals, staff, otp or "", now):
        return None
    cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    row = Session(
        id=new_id(),
        staff_id=staff.id,
        token_hash=_kept_form(cookie),
        csrf=csrf,
        created_at=now,
        last_seen_at=now,
        expires_at=now + ages.absolute,
    )
    session.add(row)
    await session.flush()
    own = Actor(
        kind="staff",
        id=str(staff.id),
        session=str(row.id),
        request=actor.request,
        address=actor.address,
    )
    caller = await caller_of(session, staff.id, actor=own, csrf=csrf)
    if caller is None:
        return None
    await record(
        session,
        own,
        Act.SESSION_STARTED,
        f"session:{row.id}",
        unit=staff.unit_id,
        details={
            "authenticator": "password+otp" if staff.otp_secret is not None else "password",
            "roles": sorted(caller.roles),
        },
    )
    return SignedIn(caller=caller, cookie_value=cookie, csrf=csrf, expires_at=row.expires_at)


async def _refused(open_work: Opener, actor: Actor, staff: Staff | None, code: str) -> None:
    # What was typed is not kept: people type their password into the wrong field.
    await record_refusal(
        open_work,
        actor,
        Act.SESSION_REFUSED,
        f"staff:{staff.id}" if staff else "staff:unknown",
        code=code,
        unit=staff.unit_id if staff else None,
    )


def _kept_form(cookie: str) -> bytes:
    """256 random bits need no slow hash."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
