import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.channels.sealing import Sealer
from services.staff import otp, people, sign_in, units
from services.staff.cookies import csrf_of
from services.staff.passwords import CHEAP, Cost
from services.staff.recovery import recovery_codes_left
from services.staff.sign_in import Ages, SignedIn, SignInFailedError, caller_of_session
from services.staff.tables import Session, SignInFailure, Staff
from services.staff.tries import key_of_address
from services.storage.session import Opener
from tests.services.staff.phones import enrolled

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)
PASSWORD = "loa-demo-2026"
SEALER = Sealer(b"a key for tests, thirty-two bytes")


@pytest.fixture
async def staff_id(open_work: Opener) -> UUID:
    async with open_work() as session:
        await units.add(session, SYSTEM, code="BO", name="Bộ")
        staff = await people.add(
            session,
            SYSTEM,
            email="ha@hoasen.example",
            name="Lê Thu Hà",
            roles=["editor"],
            unit_code="BO",
            password=PASSWORD,
            cost=CHEAP,
        )
        return staff.id


async def enter(
    open_work: Opener,
    password: str = PASSWORD,
    *,
    email: str = "ha@hoasen.example",
    code: str | None = None,
    now: datetime = NOW,
    address: str | None = "192.0.2.1",
) -> SignedIn:
    return await sign_in.sign_in(
        open_work, SEALER, email=email, password=password, otp=code, now=now,
        address=address, cost=CHEAP,
    )  # fmt: skip


async def refusal(
    open_work: Opener, password: str = "sai-mat-khau-roi", **more: object
) -> SignInFailedError:
    with pytest.raises(SignInFailedError) as refused:
        await enter(open_work, password, **more)  # type: ignore[arg-type]  # as `enter` takes them
    return refused.value


async def acts(open_work: Opener) -> list[str]:
    async with open_work() as session:
        return [entry.act for entry in reversed((await entries(session)).entries)]


@pytest.mark.usefixtures("staff_id")
async def test_the_right_password_opens_a_session(open_work: Opener) -> None:
    signed_in = await enter(open_work, email=" HA@hoasen.example")
    async with open_work() as session:
        caller = await caller_of_session(session, signed_in.cookie_value, NOW)
        assert caller is not None
        assert caller.roles == {"editor"}
        assert (caller.name, caller.csrf) == ("Lê Thu Hà", signed_in.csrf)
        assert caller.actor.session is not None
        row = (await session.scalars(select(Session))).one()
        assert signed_in.cookie_value.encode() not in row.token_hash
    assert (await acts(open_work))[-1] == "session.started"


@pytest.mark.usefixtures("staff_id")
async def test_wrong_unknown_and_gone_look_the_same(open_work: Opener) -> None:
    async with open_work() as session:
        await people.add(
            session, SYSTEM, email="gone@b.vn", name="X", roles=[], unit_code="BO",
            password=PASSWORD, cost=CHEAP,
        )  # fmt: skip
        gone = await people.by_email(session, "gone@b.vn")
        await people.deactivate(session, SYSTEM, gone.id)
    told = [
        await refusal(open_work),
        await refusal(open_work, PASSWORD, email="nobody@b.vn"),
        await refusal(open_work, PASSWORD, email="gone@b.vn"),
    ]
    assert [(error.code, error.values) for error in told] == [("sign_in_failed", {"left": 9})] * 3


@pytest.mark.usefixtures("staff_id")
async def test_after_ten_failures_the_address_waits_five_minutes(open_work: Opener) -> None:
    left = [(await refusal(open_work)).values["left"] for _ in range(10)]
    assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    held = await refusal(open_work, PASSWORD)
    assert (held.code, held.values) == ("sign_in_limited", {"seconds": 300, "left": 0})
    await refusal(open_work, PASSWORD, now=NOW + timedelta(minutes=4))
    await enter(open_work, now=NOW + timedelta(minutes=5, seconds=1))
    assert (await acts(open_work)).count("session.refused") == 12


@pytest.mark.usefixtures("staff_id")
async def test_many_tries_at_once_get_no_further_than_ten(open_work: Opener) -> None:
    codes = [error.code for error in await asyncio.gather(*(refusal(open_work) for _ in range(30)))]
    assert (codes.count("sign_in_failed"), codes.count("sign_in_limited")) == (10, 20)


@pytest.mark.usefixtures("staff_id")
async def test_a_success_forgets_the_failures(open_work: Opener) -> None:
    for _ in range(5):
        await refusal(open_work)
    await enter(open_work)
    assert (await refusal(open_work)).values["left"] == 9


@pytest.mark.usefixtures("staff_id")
async def test_no_try_is_spent_on_another_address(open_work: Opener) -> None:
    for _ in range(11):
        await refusal(open_work, email="nobody@b.vn")
    await enter(open_work)


@pytest.mark.usefixtures("staff_id")
async def test_what_was_typed_is_not_recorded(open_work: Opener) -> None:
    await refusal(open_work, email="my-secret-password-in-the-wrong-field")
    async with open_work() as session:
        told = repr((await entries(session, limit=1)).entries)
    assert "my-secret" not in told
    assert "staff:unknown" in told


@pytest.mark.parametrize(
    ("roles", "idle"), [(["editor"], timedelta(minutes=30)), (["approver"], timedelta(minutes=15))]
)
async def test_an_idle_session_ends(
    open_work: Opener, staff_id: UUID, roles: list[str], idle: timedelta
) -> None:
    async with open_work() as session:
        await people.set_roles(session, SYSTEM, staff_id, roles)
    signed_in = await enter(open_work)
    async with open_work() as session:
        assert await caller_of_session(session, signed_in.cookie_value, NOW + idle)
    async with open_work() as session:
        later = NOW + idle * 2 + timedelta(seconds=1)
        assert await caller_of_session(session, signed_in.cookie_value, later) is None


@pytest.mark.usefixtures("staff_id")
async def test_a_used_session_ends_after_eight_hours_all_the_same(open_work: Opener) -> None:
    signed_in = await enter(open_work)
    ages = Ages(idle=timedelta(hours=10))
    async with open_work() as session:
        just_before = NOW + timedelta(hours=8) - timedelta(seconds=1)
        assert await caller_of_session(session, signed_in.cookie_value, just_before, ages=ages)
        over = NOW + timedelta(hours=8)
        assert not await caller_of_session(session, signed_in.cookie_value, over, ages=ages)


@pytest.mark.usefixtures("staff_id")
async def test_use_is_noted_once_a_minute_without_waiting(open_work: Opener) -> None:
    signed_in = await enter(open_work)
    cookie = signed_in.cookie_value

    async def seen_at(now: datetime) -> datetime:
        async with open_work() as session:
            await caller_of_session(session, cookie, now)
        async with open_work() as session:
            return (await session.scalars(select(col(Session.last_seen_at)))).one()

    assert await seen_at(NOW + timedelta(seconds=60)) == NOW
    assert await seen_at(NOW + timedelta(seconds=61)) == NOW + timedelta(seconds=61)
    async with open_work() as busy:
        await busy.execute(text("SELECT id FROM session FOR UPDATE"))
        async with asyncio.timeout(30):
            assert await seen_at(NOW + timedelta(minutes=5)) == NOW + timedelta(seconds=61)


@pytest.mark.usefixtures("staff_id")
async def test_whoever_signs_out_is_out(open_work: Opener) -> None:
    signed_in = await enter(open_work)
    async with open_work() as session:
        await sign_in.sign_out(session, signed_in.cookie_value, NOW)
        await sign_in.sign_out(session, signed_in.cookie_value, NOW)
        await sign_in.sign_out(session, "no such cookie", NOW)
    async with open_work() as session:
        assert await caller_of_session(session, signed_in.cookie_value, NOW) is None
    assert (await acts(open_work)).count("session.ended") == 1


async def test_an_old_hash_is_made_anew_at_sign_in(open_work: Opener, staff_id: UUID) -> None:
    async with open_work() as session:
        await people.set_password(
            session, SYSTEM, staff_id, PASSWORD, cost=Cost(memory_kib=32, passes=1)
        )
    await enter(open_work)
    async with open_work() as session:
        kept = await session.scalar(select(col(Staff.password_hash)))
    assert kept is not None
    assert "m=64," in kept
    await enter(open_work)


async def test_a_phone_is_asked_for_once_it_is_enrolled(open_work: Opener, staff_id: UUID) -> None:
    secret, _ = await enrolled(open_work, SEALER, staff_id, NOW)
    assert (await refusal(open_work, PASSWORD)).code == "otp_needed"
    later = NOW + timedelta(seconds=30)
    code = otp.code_at(secret, otp.step_at(later))
    await enter(open_work, code=code, now=later)
    # Each code lets in once, also one that was just used.
    assert (await refusal(open_work, PASSWORD, code=code, now=later)).code == "sign_in_failed"
    async with open_work() as session:
        await otp.reset_otp(session, SYSTEM, staff_id)
    await enter(open_work)
    assert (await acts(open_work)).count("staff.otp_changed") == 2


async def test_codes_cannot_be_guessed_even_by_who_knows_the_password(
    open_work: Opener, staff_id: UUID
) -> None:
    secret, _ = await enrolled(open_work, SEALER, staff_id, NOW)
    used = otp.code_at(secret, otp.step_at(NOW))
    for _ in range(5):
        assert (await refusal(open_work, PASSWORD)).code == "otp_needed"
        assert (await refusal(open_work, PASSWORD, code=used)).code == "sign_in_failed"
    right = otp.code_at(secret, otp.step_at(NOW + timedelta(seconds=60)))
    late = NOW + timedelta(seconds=60)
    assert (await refusal(open_work, PASSWORD, code=right, now=late)).code == "sign_in_limited"


async def test_a_recovery_code_stands_in_for_the_phone_once(
    open_work: Opener, staff_id: UUID
) -> None:
    _, codes = await enrolled(open_work, SEALER, staff_id, NOW)
    typed = f"  {codes[0].upper().replace('-', ' ')} "
    signed_in = await enter(open_work, code=typed)
    assert signed_in.caller.staff_id == staff_id
    assert (await refusal(open_work, PASSWORD, code=codes[0])).code == "sign_in_failed"
    await enter(open_work, code=codes[1])
    assert (await acts(open_work)).count("staff.recovery_code_used") == 2
    async with open_work() as session:
        assert await recovery_codes_left(session, staff_id) == 8
        (last,) = (await entries(session, limit=1)).entries
    assert last.details["authenticator"] == "password+recovery"


async def test_a_recovery_code_at_once_from_many_lets_one_in(
    open_work: Opener, staff_id: UUID
) -> None:
    _, codes = await enrolled(open_work, SEALER, staff_id, NOW)

    async def once() -> bool:
        try:
            await enter(open_work, code=codes[0])
        except SignInFailedError:
            return False
        return True

    assert (await asyncio.gather(*(once() for _ in range(5)))).count(True) == 1


@pytest.mark.usefixtures("staff_id")
async def test_an_address_waits_after_a_hundred_failures_however_many_names_it_tries(
    open_work: Opener,
) -> None:
    async def guess(number: int, address: str) -> str:
        return (await refusal(open_work, email=f"{number}@b.vn", address=address)).code

    codes = [await guess(number, f"2001:db8::{number:x}") for number in range(101)]
    assert (codes.count("sign_in_failed"), codes[-1]) == (100, "sign_in_limited")
    held = await refusal(open_work, PASSWORD, address="2001:db8::ffff")
    assert (held.code, held.values["seconds"]) == ("sign_in_limited", 300)
    await enter(open_work, address="2001:db8:0:1::1")
    await enter(open_work, address=None)
    # The e-mail itself has lost no try by what its address could not begin.
    assert (await refusal(open_work, address="192.0.2.7")).values["left"] == 9


@pytest.mark.usefixtures("staff_id")
async def test_whoever_gets_in_costs_the_office_nothing(open_work: Opener) -> None:
    for _ in range(3):
        await asyncio.gather(*(enter(open_work) for _ in range(9)))
    async with open_work() as session:
        assert await session.scalar(select(func.count()).select_from(SignInFailure)) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unix", "unix", True),
    ],
)
def test_an_address_is_one_machine_or_one_network_of_ipv6(
    one: str, other: str, *, same: bool
) -> None:
    assert (key_of_address(one) == key_of_address(other)) == same


async def test_nobody_uses_up_anothers_codes_by_typing_a_strange_email(
    open_work: Opener, staff_id: UUID
) -> None:
    secret, _ = await enrolled(open_work, SEALER, staff_id, NOW)
    for email in ("otp|ha@hoasen.example", "otp\nha@hoasen.example"):
        for _ in range(10):
            await refusal(open_work, email=email)
    later = NOW + timedelta(seconds=30)
    await enter(open_work, code=otp.code_at(secret, otp.step_at(later)), now=later)


@pytest.mark.usefixtures("staff_id")
async def test_the_code_of_a_session_follows_from_its_cookie(open_work: Opener) -> None:
    one, other = await enter(open_work), await enter(open_work)
    assert one.csrf == csrf_of(one.cookie_value)
    assert len({one.csrf, other.csrf, one.cookie_value, other.cookie_value}) == 4
