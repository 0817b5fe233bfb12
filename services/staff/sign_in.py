"""Signs people in and out, and tells who is behind a session cookie.

Wrong password, unknown e-mail, somebody who has left: outside they look and last the same (R75).
After ten failures in five minutes an e-mail has to wait, after five wrong codes too, and so has the
IP address from which a hundred came (R79; `tries.py`).
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record, record_refusal
from services.staff import otp as otps
from services.staff import passwords, tries
from services.staff.caller import Caller, caller_of
from services.staff.cookies import csrf_of
from services.staff.passwords import FULL, Cost
from services.staff.people import tidy_email
from services.staff.tables import Session, Staff
from services.staff.tries import Counted
from services.storage.columns import new_id
from services.storage.session import Opener
from shared.errors import ForbiddenError

_TOUCH_EVERY: Final = timedelta(minutes=1)
_EMAIL_CHARS: Final = 254
# Asked by every request of a browser; plain text, as it is cheapest to ask.
_OPEN: Final = text(
    "SELECT id, staff_id, last_seen_at FROM session"
    " WHERE token_hash = :hash AND ended_at IS NULL AND expires_at > :now"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long a session lives unused, and at most (R78)."""

    idle: timedelta = timedelta(minutes=30)
    idle_approver: timedelta = timedelta(minutes=15)
    absolute: timedelta = timedelta(hours=8)

    def idle_of(self, roles: Collection[str]) -> timedelta:
        """How long it lives unused for a person with these roles."""
        return self.idle_approver if "approver" in roles else self.idle


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new session. `cookie_value` goes to the browser once and is kept nowhere."""

    caller: Caller
    cookie_value: str
    csrf: str
    expires_at: datetime


class SignInFailedError(ForbiddenError):
    """Nobody was let in; `left` is how many tries remain before the e-mail has to wait.

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

    `otp` is the code that the phone shows, or one of the recovery codes. `address` is the IP
    address of who asks; None counts against none.

    Works in transactions of its own: what was refused stays counted, and none is open while the
    password is hashed. Raises SignInFailedError.
    """
    person = tidy_email(email)[:_EMAIL_CHARS]
    actor = Actor(kind="staff", id="unknown", request=request, address=address)
    against = [(person, tries.OF_PASSWORDS)]
    if address is not None:
        against.append((tries.key_of_address(address), tries.OF_ADDRESSES))
    async with open_work() as session:
        counted = await tries.count(session, now, *against)
        staff = await session.scalar(
            select(Staff).where(col(Staff.email) == person, col(Staff.active))
        )
    if counted.over is not None:
        await _refused(open_work, actor, staff, "sign_in_limited")
        raise _limited(counted)
    checked = await passwords.check(password, staff.password_hash if staff else None, cost=cost)
    if staff is None or not checked.ok:
        await _refused(open_work, actor, staff, "sign_in_failed")
        raise SignInFailedError(left=counted.left)
    async with open_work() as session:
        # All of the e-mail's rows first, which everybody takes in one order: no two can then hold
        # what the other waits for.
        await tries.forget(session, [person])
        await tries.forgive(session, counted)
        if staff.otp_secret is not None and otp:
            counted = await tries.count(session, now, (tries.key_of_code(person), tries.OF_CODES))
    if staff.otp_secret is not None and not otp:
        raise SignInFailedError("otp_needed", left=counted.left)
    if counted.over is not None:
        await _refused(open_work, actor, staff, "sign_in_limited")
        raise _limited(counted)
    fresh = await passwords.hashed(password, cost=cost) if checked.outdated else None
    async with open_work() as session:
        signed_in = await _begin(session, seals, staff, otp, now, actor=actor, ages=ages or Ages())
        if signed_in is not None:
            await tries.forget(session, [tries.key_of_code(person)])
            if fresh is not None:
                await session.execute(
                    update(Staff).where(col(Staff.id) == staff.id).values(password_hash=fresh)
                )
            return signed_in
    await _refused(open_work, actor, staff, "otp_wrong")
    raise SignInFailedError(left=counted.left)


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
    await session.flush()
    found = (await session.execute(_OPEN, {"hash": _kept_form(cookie), "now": now})).one_or_none()
    if found is None:
        return None
    actor = Actor(
        kind="staff",
        id=str(found.staff_id),
        session=str(found.id),
        request=request,
        address=address,
    )
    caller = await caller_of(session, found.staff_id, actor=actor, csrf=csrf_of(cookie))
    if caller is None:
        return None
    limits = ages or Ages()
    if now - found.last_seen_at > limits.idle_of(caller.roles):
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


def _limited(counted: Counted) -> SignInFailedError:
    return SignInFailedError("sign_in_limited", seconds=counted.seconds, left=0)


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
    cookie = secrets.token_urlsafe(32)
    # Locked, so that a deactivation, a new password or a new phone either ends this session too or
    # is seen here.
    present = await session.get(Staff, staff.id, with_for_update={"key_share": True})
    if present is None or not present.active or present.password_hash != staff.password_hash:
        return None
    row = Session(
        id=new_id(),
        staff_id=staff.id,
        token_hash=_kept_form(cookie),
        created_at=now,
        last_seen_at=now,
        expires_at=now + ages.absolute,
    )
    own = Actor(
        kind="staff",
        id=str(staff.id),
        session=str(row.id),
        request=actor.request,
        address=actor.address,
    )
    factor: otps.Factor | None = None
    if present.otp_secret is not None:
        factor = await otps.second_factor(session, seals, present, otp or "", now, actor=own)
        if factor is None:
            return None
    session.add(row)
    present.signed_in_at = now
    await session.flush()
    csrf = csrf_of(cookie)
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
            "authenticator": "password" if factor is None else f"password+{factor}",
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
