"""Phones for tests: the same steps that a person takes."""

import base64
from datetime import datetime
from uuid import UUID

from services.staff import otp
from services.staff.caller import caller_of
from services.storage.session import Opener


def secret_of(shown: otp.Enrolment) -> bytes:
    """The secret, as a phone reads it off the page."""
    return base64.b32decode(shown.secret)


async def enrolled(
    open_work: Opener, seals: otp.Seals, staff_id: UUID, now: datetime
) -> tuple[bytes, tuple[str, ...]]:
    """The secret of a phone that is asked for from now on, and the recovery codes."""
    async with open_work() as session:
        caller = await caller_of(session, staff_id)
        assert caller is not None
        secret = secret_of(await otp.begin_enrolment(session, seals, caller, now=now))
        code = otp.code_at(secret, otp.step_at(now))
        return secret, await otp.finish_enrolment(session, seals, caller, code=code, now=now)
