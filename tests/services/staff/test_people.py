import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.staff import people, tokens, units
from services.staff.caller import caller_of
from services.staff.passwords import CHEAP
from services.staff.tables import Session, Staff
from services.storage.session import Opener
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.support.people import add_person, add_unit


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        await units.add(session, SYSTEM, code="BO", name="Bộ")
        yield session


async def add(
    session: AsyncSession, email: str, *roles: str, password: str | None = "mot-mat-khau-dai"
) -> Staff:
    return await people.add(
        session, SYSTEM, email=email, name="Trần Minh Quân", roles=roles, unit_code="BO",
        password=password, cost=CHEAP,
    )  # fmt: skip


async def is_open(session: AsyncSession, row: Session) -> bool:
    await session.refresh(row)
    return row.ended_at is None


async def add_session(session: AsyncSession, staff: Staff) -> Session:
    row = Session(
        staff_id=staff.id,
        token_hash=staff.id.bytes,
        expires_at=utc_now() + timedelta(hours=1),
    )
    session.add(row)
    await session.flush()
    return row


async def acts(session: AsyncSession) -> list[str]:
    await session.commit()
    return [entry.act for entry in reversed((await entries(session)).entries)]


async def test_a_person_is_added_with_roles_and_recorded(session: AsyncSession) -> None:
    staff = await add(session, " Quan@HoaSen.example ", "approver", "editor", "editor")
    assert staff.email == "quan@hoasen.example"
    assert await people.roles_of(session, staff.id) == ("approver", "editor")
    assert (await people.by_email(session, "QUAN@hoasen.example")).id == staff.id
    assert (await acts(session))[-1] == "staff.added"


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"email": "quan"}, ["email"]),
        ({"email": "a@b@c"}, ["email"]),
        ({"name": " "}, ["name"]),
        ({"roles": ["boss"]}, ["roles"]),
        ({"locale": "fr"}, ["locale"]),
        ({"email": "", "name": "", "roles": ["x"]}, ["email", "roles", "name"]),
        ({"password": "short"}, ["password"]),
        ({"password": "x" * 129}, ["password"]),
    ],
)
async def test_a_wrong_field_is_named(
    session: AsyncSession, fields: dict[str, object], at_fault: list[str]
) -> None:
    sound: dict[str, object] = {"email": "a@b.vn", "name": "A", "roles": [], "unit_code": "BO"}
    with pytest.raises(InvalidError) as refused:
        await people.add(session, SYSTEM, **{**sound, **fields})  # type: ignore[arg-type]  # one field at a time
    assert [fault.field for fault in refused.value.fields] == at_fault


async def test_an_address_is_given_once(session: AsyncSession) -> None:
    await add(session, "a@b.vn")
    with pytest.raises(ConflictError):
        await add(session, "A@b.vn")


async def test_new_roles_count_at_once_and_end_the_sessions(session: AsyncSession) -> None:
    await add(session, "other@b.vn", "admin")
    staff = await add(session, "a@b.vn", "editor", "approver")
    open_session = await add_session(session, staff)
    await people.set_roles(session, SYSTEM, staff.id, ["responder", "editor"])
    caller = await caller_of(session, staff.id)
    assert caller is not None
    assert caller.roles == {"editor", "responder"}
    assert not await is_open(session, open_session)
    assert (await acts(session))[-1] == "staff.roles_changed"


async def test_roles_that_stay_the_same_change_nothing(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn", "editor")
    open_session = await add_session(session, staff)
    await people.set_roles(session, SYSTEM, staff.id, ["editor"])
    assert await is_open(session, open_session)
    assert (await acts(session))[-1] == "staff.added"


async def test_whoever_is_let_go_loses_sessions_and_tokens_at_once(session: AsyncSession) -> None:
    now = utc_now()
    staff = await add(session, "a@b.vn", "editor")
    open_session = await add_session(session, staff)
    token = await tokens.add(session, SYSTEM, staff.id, name="CMS", scopes=["draft:write"], now=now)
    await people.deactivate(session, SYSTEM, staff.id, reason="Chuyển công tác")
    await people.deactivate(session, SYSTEM, staff.id)
    assert not await is_open(session, open_session)
    assert await caller_of(session, staff.id) is None
    assert await tokens.caller_of_token(session, token.secret, now) is None
    assert (await acts(session)).count("staff.deactivated") == 1


async def test_the_last_admin_stays(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn", "admin")
    with pytest.raises(ConflictError):
        await people.deactivate(session, SYSTEM, staff.id)
    with pytest.raises(ConflictError):
        await people.set_roles(session, SYSTEM, staff.id, ["editor"])
    await add(session, "b@b.vn", "admin")
    await people.deactivate(session, SYSTEM, staff.id)


async def test_an_admin_who_has_not_come_yet_does_not_count(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn", "admin")
    await add(session, "b@b.vn", "admin", password=None)
    with pytest.raises(ConflictError):
        await people.deactivate(session, SYSTEM, staff.id)


async def test_two_admins_cannot_let_each_other_go_at_once(
    session: AsyncSession, open_work: Opener
) -> None:
    ids = [(await add(session, f"{name}@b.vn", "admin")).id for name in "ab"]
    await session.commit()

    async def go(staff_id: UUID) -> str:
        try:
            async with open_work() as work:
                await people.deactivate(work, SYSTEM, staff_id)
        except ConflictError as refused:
            return refused.code
        return "gone"

    assert sorted(await asyncio.gather(*map(go, ids))) == ["gone", "last_admin"]


async def test_a_new_password_ends_the_sessions(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn")
    own = await add_session(session, staff)
    await people.set_password(session, SYSTEM, staff.id, "mot-mat-khau-khac", cost=CHEAP)
    assert not await is_open(session, own)
    assert (await acts(session)).count("staff.password_changed") == 1


async def test_whoever_comes_back_has_the_roles_of_before(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn", "editor")
    await people.deactivate(session, SYSTEM, staff.id)
    await people.reactivate(session, SYSTEM, staff.id)
    await people.reactivate(session, SYSTEM, staff.id)
    caller = await caller_of(session, staff.id)
    assert caller is not None
    assert caller.roles == {"editor"}
    assert (await acts(session)).count("staff.reactivated") == 1


async def test_only_an_admin_of_the_unit_acts_on_its_people(session: AsyncSession) -> None:
    unit = (await units.by_code(session, "BO")).id
    staff = await add(session, "a@b.vn", "editor")
    editor = await add_person(session, unit, "editor")
    elsewhere = await add_person(session, await add_unit(session, "KHAC"), "admin")
    program = await add_person(session, unit, "admin", scopes=frozenset({"draft:write"}))
    for by, refusal in (
        (editor, ForbiddenError),
        (editor.actor, ForbiddenError),
        (program, ForbiddenError),
        (elsewhere, NotFoundError),
    ):
        for act in (
            people.deactivate(session, by, staff.id),
            people.reactivate(session, by, staff.id),
            people.set_roles(session, by, staff.id, ["approver"]),
            people.set_password(session, by, staff.id, "mot-mat-khau-khac", cost=CHEAP),
            people.add(session, by, email="x@b.vn", name="X", roles=[], unit_code="BO"),
        ):
            with pytest.raises(refusal):
                await act
    admin = await add_person(session, unit, "admin")
    await people.set_roles(session, admin, staff.id, ["approver"])
    with pytest.raises(ForbiddenError) as refused:
        await people.set_password(session, admin, admin.staff_id, "mot-mat-khau-khac", cost=CHEAP)
    assert refused.value.code == "own_account"


async def test_a_language_is_kept_once_and_recorded(session: AsyncSession) -> None:
    caller = await add_person(session, (await units.by_code(session, "BO")).id)
    await people.set_locale(session, caller, "en")
    await people.set_locale(session, caller, "en")
    changed = await caller_of(session, caller.staff_id)
    assert changed is not None
    assert changed.locale == "en"
    with pytest.raises(InvalidError):
        await people.set_locale(session, caller, "fr")
    assert (await acts(session)).count("staff.locale_changed") == 1


async def test_nobody_cannot_be_changed(session: AsyncSession) -> None:
    nobody = (await units.by_code(session, "BO")).id
    with pytest.raises(NotFoundError):
        await people.set_roles(session, SYSTEM, nobody, ["editor"])
    with pytest.raises(NotFoundError):
        await people.by_email(session, "khong@co.vn")
