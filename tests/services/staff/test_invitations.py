import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.channels.sealing import Sealer
from services.staff import invitations, people, units
from services.staff.caller import Caller
from services.staff.passwords import CHEAP
from services.staff.sign_in import SignedIn, SignInFailedError, caller_of_session, sign_in
from services.staff.tables import Staff
from services.storage.session import Opener
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.support.people import add_person, add_unit

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)


async def accept(session: AsyncSession, secret: str, **fields: object) -> Staff:
    given: dict[str, object] = {
        "name": "Nguyễn Văn Bình",
        "email": "binh@hoasen.example",
        "password": "mot-mat-khau-dai",
        "now": NOW,
        "cost": CHEAP,
    }
    return await invitations.accept(session, secret, **{**given, **fields})  # type: ignore[arg-type]  # as `accept` takes them


async def test_the_first_admin_comes_in_by_a_link_that_works_once(open_work: Opener) -> None:
    async with open_work() as session:
        secret = await invitations.create_first(session, now=NOW)
    async with open_work() as session:
        assert await invitations.still_good(session, secret, NOW)
        staff = await accept(session, secret)
        assert await people.roles_of(session, staff.id) == ("admin",)
        assert (await units.by_code(session, "GOC")).parent_id is None
    async with open_work() as session:
        assert not await invitations.still_good(session, secret, NOW)
        with pytest.raises(NotFoundError):
            await accept(session, secret, email="another@hoasen.example")
        with pytest.raises(ConflictError):
            await invitations.create_first(session, now=NOW)


async def test_a_wrong_field_leaves_the_link_good(open_work: Opener) -> None:
    async with open_work() as session:
        secret = await invitations.create_first(session, now=NOW)

    async def accept_badly() -> None:
        async with open_work() as session:
            await accept(session, secret, password="short")

    with pytest.raises(InvalidError):
        await accept_badly()
    async with open_work() as session:
        await accept(session, secret)


async def test_an_old_link_a_replaced_one_and_a_guess_open_nothing(open_work: Opener) -> None:
    async with open_work() as session:
        replaced = await invitations.create_first(session, now=NOW)
        secret = await invitations.create_first(session, now=NOW)
        for over, now in (
            (replaced, NOW),
            ("guess", NOW),
            (secret, NOW + timedelta(days=7)),
        ):
            with pytest.raises(NotFoundError):
                await accept(session, over, now=now)


async def test_a_root_unit_that_is_there_is_taken(open_work: Opener) -> None:
    async with open_work() as session:
        root = await units.add(session, SYSTEM, code="HOASEN", name="UBND tỉnh Hoa Sen")
        secret = await invitations.create_first(session, now=NOW)
        assert (await accept(session, secret)).unit_id == root.id


@pytest.fixture
async def admin(open_work: Opener) -> Caller:
    async with open_work() as session:
        return await add_person(session, await add_unit(session, "BO"), "admin")


async def invite(open_work: Opener, admin: Caller, *roles: str, email: str = "an@b.vn") -> str:
    async with open_work() as session:
        return await invitations.invite(
            session, admin, name="Đỗ An", email=email, roles=roles, unit_code="BO", now=NOW
        )


async def come(
    open_work: Opener, secret: str, *, password: str = "mot-mat-khau-dai", now: datetime = NOW
) -> Staff:
    async with open_work() as session:
        return await invitations.accept_invitation(
            session, secret, password=password, now=now, cost=CHEAP
        )


async def enter(open_work: Opener, password: str = "mot-mat-khau-dai") -> SignedIn:
    return await sign_in(
        open_work, Sealer(b"k"), email="an@b.vn", password=password, now=NOW, cost=CHEAP
    )


async def test_who_is_invited_signs_in_with_the_password_they_set(
    open_work: Opener, admin: Caller
) -> None:
    secret = await invite(open_work, admin, "editor")
    with pytest.raises(SignInFailedError) as refused:
        await enter(open_work)
    assert refused.value.code == "sign_in_failed"
    async with open_work() as session:
        invited = await invitations.invited_by_link(session, secret, NOW)
        assert not await invitations.still_good(session, secret, NOW)
    assert invited is not None
    assert (invited.name, invited.email, invited.pending) == ("Đỗ An", "an@b.vn", True)
    with pytest.raises(InvalidError):
        await come(open_work, secret, password="ngan")
    staff = await come(open_work, secret)
    signed_in = await enter(open_work)
    assert signed_in.caller.staff_id == staff.id
    assert signed_in.caller.roles == {"editor"}
    with pytest.raises(NotFoundError):
        await come(open_work, secret)
    async with open_work() as session:
        assert await invitations.invited_by_link(session, secret, NOW) is None
        acts = [entry.act for entry in reversed((await entries(session)).entries)]
    assert acts[:2] == ["staff.added", "invitation.created"]
    assert acts[-3:] == ["staff.password_changed", "invitation.accepted", "session.started"]


async def test_an_invitation_ends_after_seven_days_and_by_a_new_one(
    open_work: Opener, admin: Caller
) -> None:
    first = await invite(open_work, admin)
    async with open_work() as session:
        staff = await people.by_email(session, "an@b.vn")
        second = await invitations.reinvite(session, admin, staff.id, now=NOW)
    for over, now in ((first, NOW), (second, NOW + timedelta(days=7)), ("guess", NOW)):
        with pytest.raises(NotFoundError):
            await come(open_work, over, now=now)
    await come(open_work, second)


async def test_who_forgot_the_password_keeps_it_until_the_link_is_used(
    open_work: Opener, admin: Caller
) -> None:
    staff = await come(open_work, await invite(open_work, admin))
    async with open_work() as session:
        secret = await invitations.reinvite(session, admin, staff.id, now=NOW)
        invited = await invitations.invited_by_link(session, secret, NOW)
        assert invited is not None
        assert not invited.pending
    signed_in = await enter(open_work)
    await come(open_work, secret, password="mot-mat-khau-khac")
    async with open_work() as session:
        assert await caller_of_session(session, signed_in.cookie_value, NOW) is None
    await enter(open_work, "mot-mat-khau-khac")


async def test_a_link_is_used_once_however_many_come_at_once(
    open_work: Opener, admin: Caller
) -> None:
    secret = await invite(open_work, admin)

    async def try_it(number: int) -> bool:
        try:
            await come(open_work, secret, password=f"mot-mat-khau-dai-{number}")
        except NotFoundError:
            return False
        return True

    assert (await asyncio.gather(*map(try_it, range(5)))).count(True) == 1


async def test_a_link_opens_nothing_for_who_was_let_go(open_work: Opener, admin: Caller) -> None:
    secret = await invite(open_work, admin)
    async with open_work() as session:
        staff = await people.by_email(session, "an@b.vn")
        await people.deactivate(session, admin, staff.id)
        with pytest.raises(ConflictError) as refused:
            await invitations.reinvite(session, admin, staff.id, now=NOW)
        assert refused.value.code == "staff_inactive"
    with pytest.raises(NotFoundError):
        await come(open_work, secret)
    async with open_work() as session:
        await people.reactivate(session, admin, staff.id)
    with pytest.raises(NotFoundError):
        await come(open_work, secret)


async def test_only_an_admin_of_the_unit_invites(open_work: Opener, admin: Caller) -> None:
    secret = await invite(open_work, admin)
    async with open_work() as session:
        editor = await add_person(session, admin.unit_id, "editor")
        elsewhere = await add_person(session, await add_unit(session, "KHAC"), "admin")
        staff = await people.by_email(session, "an@b.vn")
        for caller, refusal in ((editor, ForbiddenError), (elsewhere, NotFoundError)):
            with pytest.raises(refusal):
                await invitations.reinvite(session, caller, staff.id, now=NOW)
        with pytest.raises(ForbiddenError):
            await invitations.reinvite(session, admin, admin.staff_id, now=NOW)
    for caller, refusal in ((editor, ForbiddenError), (elsewhere, NotFoundError)):
        with pytest.raises(refusal):
            await invite(open_work, caller, email="khac@b.vn")
    with pytest.raises(ConflictError):
        await invite(open_work, admin)
    await come(open_work, secret)
