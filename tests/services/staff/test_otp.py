"""Against the published vectors of RFC 6238 appendix B (SHA-1), cut to six digits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.audit.queries import entries
from services.channels.sealing import Sealer
from services.staff import otp, recovery
from services.staff.caller import Caller
from services.staff.recovery import recovery_codes_left
from services.staff.tables import RecoveryCode, Session, Staff
from services.storage.session import Opener
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.services.staff.phones import enrolled, secret_of
from tests.support.people import add_person, add_unit

SECRET = b"12345678901234567890"
SEALER = Sealer(b"a key for tests, thirty-two bytes")
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


async def person(open_work: Opener, *roles: str, unit: str = "BO") -> Caller:
    async with open_work() as session:
        return await add_person(session, await add_unit(session, unit), *roles)


async def kept(open_work: Opener, caller: Caller) -> Staff:
    async with open_work() as session:
        staff = await session.get(Staff, caller.staff_id)
        assert staff is not None
        return staff


async def acts(open_work: Opener) -> list[str]:
    async with open_work() as session:
        return [entry.act for entry in reversed((await entries(session)).entries)]


async def test_a_secret_is_sealed_and_sealed_anew_after_a_rotation(open_work: Opener) -> None:
    old, rotated = Sealer(b"old"), Sealer(b"new", b"old")
    caller = await person(open_work)
    secret, _ = await enrolled(open_work, old, caller.staff_id, NOW)
    async with open_work() as session:
        assert await otp.reseal(session, rotated) == 1
        assert await otp.reseal(session, rotated) == 0
    sealed = (await kept(open_work, caller)).otp_secret
    assert sealed is not None
    assert secret not in sealed
    assert Sealer(b"new").open(sealed, otp.context(caller.staff_id)) == secret


async def test_a_phone_counts_only_once_it_has_shown_a_code(open_work: Opener) -> None:
    caller = await person(open_work)
    async with open_work() as session:
        shown = await otp.begin_enrolment(session, SEALER, caller, now=NOW)
    assert shown.secret in shown.address
    assert shown.secret not in repr(shown)
    async with open_work() as session:
        later = NOW + timedelta(minutes=59)
        assert await otp.begin_enrolment(session, SEALER, caller, now=later) == shown
        with pytest.raises(InvalidError) as refused:
            await otp.finish_enrolment(session, SEALER, caller, code="000000", now=NOW)
    assert [fault.field for fault in refused.value.fields] == ["otp"]
    staff = await kept(open_work, caller)
    assert staff.otp_secret is None
    assert staff.otp_pending is not None
    assert secret_of(shown) not in staff.otp_pending
    assert await acts(open_work) == []


async def test_a_begun_enrolment_is_over_after_an_hour(open_work: Opener) -> None:
    caller = await person(open_work)
    late = NOW + timedelta(minutes=61)
    async with open_work() as session:
        with pytest.raises(ConflictError) as refused:
            await otp.finish_enrolment(session, SEALER, caller, code="1", now=NOW)
        assert refused.value.code == "otp_not_begun"
        secret = secret_of(await otp.begin_enrolment(session, SEALER, caller, now=NOW))
        code = otp.code_at(secret, otp.step_at(late))
        with pytest.raises(ConflictError):
            await otp.finish_enrolment(session, SEALER, caller, code=code, now=late)
        fresh = await otp.begin_enrolment(session, SEALER, caller, now=late)
    assert secret_of(fresh) != secret


async def test_ten_recovery_codes_are_kept_as_hashes(open_work: Opener) -> None:
    caller = await person(open_work)
    _, codes = await enrolled(open_work, SEALER, caller.staff_id, NOW)
    assert len(set(codes)) == 10
    assert {len(code) for code in codes} == {19}
    async with open_work() as session:
        rows = (await session.scalars(select(RecoveryCode))).all()
        assert await recovery_codes_left(session, caller.staff_id) == 10
        assert not await recovery.spend(session, caller.unit_id, codes[0], NOW)
        misread = codes[0].replace("0", "O").replace("1", "l").replace("-", "")
        assert await recovery.spend(session, caller.staff_id, misread, NOW)
    assert not [row for row in rows for code in codes if code.encode() in row.code_hash]


async def test_another_phone_needs_a_code_of_the_first(open_work: Opener) -> None:
    caller = await person(open_work)
    secret, codes = await enrolled(open_work, SEALER, caller.staff_id, NOW)
    async with open_work() as session:
        with pytest.raises(ConflictError) as refused:
            await otp.begin_enrolment(session, SEALER, caller, now=NOW)
        assert refused.value.code == "otp_on"
    with pytest.raises(InvalidError):
        await otp.remove_own_otp(open_work, SEALER, caller, code="000000", now=NOW)
    later = NOW + timedelta(seconds=30)
    code = otp.code_at(secret, otp.step_at(later))
    await otp.remove_own_otp(open_work, SEALER, caller, code=code, now=later)
    assert (await kept(open_work, caller)).otp_secret is None
    with pytest.raises(ConflictError) as refused:
        await otp.remove_own_otp(open_work, SEALER, caller, code=codes[0], now=later)
    assert refused.value.code == "otp_off"
    async with open_work() as session:
        assert await recovery_codes_left(session, caller.staff_id) == 0
    await enrolled(open_work, SEALER, caller.staff_id, later)
    assert await acts(open_work) == ["staff.otp_changed", "act.refused", *["staff.otp_changed"] * 2]


async def test_recovery_codes_are_made_anew_and_the_old_ones_end(open_work: Opener) -> None:
    caller = await person(open_work)
    _, codes = await enrolled(open_work, SEALER, caller.staff_id, NOW)
    fresh = await otp.renew_recovery_codes(open_work, SEALER, caller, code=codes[0], now=NOW)
    assert not set(fresh) & set(codes)
    with pytest.raises(InvalidError):
        await otp.renew_recovery_codes(open_work, SEALER, caller, code=codes[1], now=NOW)
    async with open_work() as session:
        assert await recovery_codes_left(session, caller.staff_id) == 10
    assert "staff.recovery_codes_made" in await acts(open_work)


async def test_whoever_holds_a_session_cannot_guess_the_code(open_work: Opener) -> None:
    caller = await person(open_work)
    _, codes = await enrolled(open_work, SEALER, caller.staff_id, NOW)
    for _ in range(5):
        with pytest.raises(InvalidError):
            await otp.remove_own_otp(open_work, SEALER, caller, code="000000", now=NOW)
    with pytest.raises(ForbiddenError) as refused:
        await otp.remove_own_otp(open_work, SEALER, caller, code=codes[0], now=NOW)
    assert (refused.value.code, refused.value.values) == ("tries_limited", {"seconds": 300})
    assert (await kept(open_work, caller)).otp_secret is not None


async def test_an_admin_resets_anothers_phone_and_never_the_own(open_work: Opener) -> None:
    caller = await person(open_work, "editor")
    async with open_work() as session:
        admin = await add_person(session, caller.unit_id, "admin")
        row = Session(
            staff_id=caller.staff_id, token_hash=b"x", expires_at=utc_now() + timedelta(hours=1)
        )
        session.add(row)
    await enrolled(open_work, SEALER, admin.staff_id, NOW)
    elsewhere = await person(open_work, "admin", unit="KHAC")
    async with open_work() as session:
        await otp.reset_otp(session, admin, caller.staff_id)
    assert await acts(open_work) == ["staff.otp_changed"]
    await enrolled(open_work, SEALER, caller.staff_id, NOW)
    async with open_work() as session:
        for by, refusal in (
            (caller, ForbiddenError),
            (elsewhere, NotFoundError),
        ):
            with pytest.raises(refusal):
                await otp.reset_otp(session, by, admin.staff_id)
        with pytest.raises(ForbiddenError) as refused:
            await otp.reset_otp(session, admin, admin.staff_id)
        assert refused.value.code == "own_account"
        await otp.reset_otp(session, admin, caller.staff_id)
        assert await recovery_codes_left(session, caller.staff_id) == 0
        await session.refresh(row := await session.get_one(Session, row.id))
        assert row.ended_at is not None
    assert (await kept(open_work, caller)).otp_secret is None
    assert (await kept(open_work, admin)).otp_secret is not None
