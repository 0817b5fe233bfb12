"""Lets people change their own password, against the one they have."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record_refusal
from services.staff import passwords, tries
from services.staff.caller import Caller, session_of
from services.staff.passwords import FULL, Cost
from services.staff.people import locked, put_password
from services.staff.tables import Staff
from services.storage.session import Opener
from shared.errors import FieldError, InvalidError


async def change_own_password(
    open_work: Opener,
    caller: Caller,
    *,
    old: str,
    new: str,
    now: datetime,
    cost: Cost = FULL,
) -> None:
    """Gives the caller a new password, and ends their other sessions.

    Works in transactions of its own: a wrong old password stays counted, and none is open while
    passwords are hashed. Raises InvalidError("password_length"), InvalidError("password_wrong"),
    ForbiddenError("tries_limited") with the `seconds` to wait.
    """
    caller.need_person()
    passwords.need_length(new)
    key = tries.key_of_own_password(caller.email)
    async with open_work() as session:
        counted = await tries.count(session, now, (key, tries.OF_PASSWORDS))
        kept = await session.scalar(
            select(col(Staff.password_hash)).where(col(Staff.id) == caller.staff_id)
        )
    if counted.over is not None:
        await _refused(open_work, caller, "tries_limited")
        raise tries.limited(counted)
    if not (await passwords.check(old, kept, cost=cost)).ok:
        await _refused(open_work, caller, "password_wrong")
        raise _wrong()
    fresh = await passwords.hashed(new, cost=cost)
    async with open_work() as session:
        staff = await locked(session, caller.staff_id)
        # Somebody else may have set another one meanwhile, or let this person go.
        if not staff.active or staff.password_hash != kept:
            raise _wrong()
        await put_password(session, caller.actor, staff, fresh, keep_session=session_of(caller))
        await tries.forget(session, [key])


def _wrong() -> InvalidError:
    detail = "Mật khẩu hiện tại chưa đúng · The present password is not right"
    fault = FieldError(field="old", code="password_wrong", detail=detail)
    return InvalidError("password_wrong", fields=(fault,))


async def _refused(open_work: Opener, caller: Caller, code: str) -> None:
    await record_refusal(
        open_work,
        caller.actor,
        Act.ACT_REFUSED,
        f"staff:{caller.staff_id}",
        code=code,
        unit=caller.unit_id,
    )
