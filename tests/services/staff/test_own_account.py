import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.channels.sealing import Sealer
from services.staff import people, units
from services.staff.own_account import change_own_password
from services.staff.passwords import CHEAP
from services.staff.sign_in import SignedIn, SignInFailedError, caller_of_session, sign_in
from services.storage.session import Opener
from shared.errors import ForbiddenError, InvalidError

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)
OLD, NEW = "mot-mat-khau-dai", "mot-mat-khau-khac"


@pytest.fixture
async def signed_in(open_work: Opener) -> SignedIn:
    async with open_work() as session:
        await units.add(session, SYSTEM, code="BO", name="Bộ")
        await people.add(
            session, SYSTEM, email="ha@b.vn", name="Hà", roles=["editor"], unit_code="BO",
            password=OLD, cost=CHEAP,
        )  # fmt: skip
    return await enter(open_work)


async def enter(open_work: Opener, password: str = OLD) -> SignedIn:
    return await sign_in(
        open_work, Sealer(b"k"), email="ha@b.vn", password=password, now=NOW, cost=CHEAP
    )


async def change(
    open_work: Opener, by: SignedIn, old: str = OLD, new: str = NEW, *, now: datetime = NOW
) -> None:
    await change_own_password(open_work, by.caller, old=old, new=new, now=now, cost=CHEAP)


async def holds(open_work: Opener, signed_in: SignedIn) -> bool:
    async with open_work() as session:
        return await caller_of_session(session, signed_in.cookie_value, NOW) is not None


async def test_a_new_password_ends_the_other_sessions_only(
    open_work: Opener, signed_in: SignedIn
) -> None:
    other = await enter(open_work)
    await change(open_work, signed_in)
    assert await holds(open_work, signed_in)
    assert not await holds(open_work, other)
    with pytest.raises(SignInFailedError):
        await enter(open_work)
    await enter(open_work, NEW)


async def test_the_old_password_must_be_right_and_cannot_be_guessed(
    open_work: Opener, signed_in: SignedIn
) -> None:
    for _ in range(10):
        with pytest.raises(InvalidError) as wrong:
            await change(open_work, signed_in, old="mot-mat-khau-sai")
        assert [fault.field for fault in wrong.value.fields] == ["old"]
    with pytest.raises(ForbiddenError) as refused:
        await change(open_work, signed_in)
    assert (refused.value.code, refused.value.values) == ("tries_limited", {"seconds": 300})
    # Whoever guesses in a stolen session keeps nobody from signing in.
    await enter(open_work)
    await change(open_work, signed_in, now=NOW + timedelta(minutes=6))
    async with open_work() as session:
        acts = [entry.act for entry in (await entries(session)).entries]
    assert acts.count("act.refused") == 11
    assert acts.count("staff.password_changed") == 1


async def test_a_short_password_is_refused_before_anything_is_counted(
    open_work: Opener, signed_in: SignedIn
) -> None:
    for _ in range(11):
        with pytest.raises(InvalidError) as refused:
            await change(open_work, signed_in, new="ngan")
        assert refused.value.code == "password_length"
    await change(open_work, signed_in)


async def test_of_two_changes_at_once_one_holds(open_work: Opener, signed_in: SignedIn) -> None:
    async def to(new: str) -> bool:
        try:
            await change(open_work, signed_in, new=new)
        except InvalidError:
            return False
        return True

    words = ["mot-mat-khau-thu-nhat", "mot-mat-khau-thu-hai"]
    done = await asyncio.gather(*map(to, words))
    assert done.count(True) >= 1
    async with open_work() as session:
        acts = [entry.act for entry in (await entries(session)).entries]
    assert acts.count("staff.password_changed") == done.count(True)


async def test_a_program_has_no_password(open_work: Opener, signed_in: SignedIn) -> None:
    from dataclasses import replace

    program = replace(signed_in.caller, scopes=frozenset({"draft:write"}))
    with pytest.raises(ForbiddenError):
        await change_own_password(open_work, program, old=OLD, new=NEW, now=NOW, cost=CHEAP)
