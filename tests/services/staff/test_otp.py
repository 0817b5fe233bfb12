"""Against the published vectors of RFC 6238 appendix B (SHA-1), cut to six digits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from services.audit.actor import SYSTEM
from services.channels.sealing import Sealer
from services.staff import otp
from services.staff.tables import Staff
from services.storage.session import Opener
from shared.errors import InvalidError, NotFoundError
from tests.support.people import add_person, add_unit

SECRET = b"12345678901234567890"
NOW = datetime(2026, 8, 1, 8, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, digits: str) -> None:
    step = otp.step_at(datetime.fromtimestamp(seconds, tz=UTC))
    assert otp.code_at(SECRET, step) == digits


@pytest.mark.parametrize(("late", "holds"), [(0, True), (30, True), (60, False), (-30, False)])
def test_the_present_code_and_the_one_before_hold(late: int, *, holds: bool) -> None:
    code = otp.code_at(SECRET, otp.step_at(NOW))
    step = otp.matching_step(SECRET, code, NOW + timedelta(seconds=late))
    assert (step is not None) == holds


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    assert otp.matching_step(SECRET, typed, NOW) is None


def test_blanks_in_a_code_do_not_matter() -> None:
    code = otp.code_at(SECRET, otp.step_at(NOW))
    assert otp.matching_step(SECRET, f" {code[:3]} {code[3:]}", NOW) is not None


def test_the_address_for_the_phone_holds_the_secret_and_the_name() -> None:
    address = otp.setup_address(SECRET, email="ha@hoasen.example")
    assert address == (
        "otpauth://totp/Loa:ha@hoasen.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Loa"
    )


async def test_a_secret_is_sealed_and_sealed_anew_after_a_rotation(open_work: Opener) -> None:
    old, rotated = Sealer(b"old"), Sealer(b"new", b"old")
    code = otp.code_at(SECRET, otp.step_at(NOW))
    async with open_work() as session:
        person = await add_person(session, await add_unit(session, "BO"))
        await otp.enrol(session, SYSTEM, old, person.staff_id, secret=SECRET, code=code, now=NOW)
        assert await otp.reseal(session, rotated) == 1
        assert await otp.reseal(session, rotated) == 0
    async with open_work() as session:
        sealed = await session.scalar(select(col(Staff.otp_secret)))
        assert sealed is not None
        assert SECRET not in sealed
        assert Sealer(b"new").open(sealed, otp.context(person.staff_id)) == SECRET


async def test_a_wrong_first_code_enrols_nothing(open_work: Opener) -> None:
    async with open_work() as session:
        person = await add_person(session, await add_unit(session, "BO"))
        with pytest.raises(InvalidError):
            await otp.enrol(
                session, SYSTEM, Sealer(b"k"), person.staff_id, secret=SECRET, code="0", now=NOW
            )
        with pytest.raises(NotFoundError):
            await otp.remove(session, SYSTEM, person.unit_id)
