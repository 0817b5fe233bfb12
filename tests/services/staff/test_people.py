from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.staff import people, tokens, units
from services.staff.caller import caller_of
from services.staff.passwords import CHEAP
from services.staff.tables import Session, Staff
from shared.clock import utc_now
from shared.errors import ConflictError, InvalidError, NotFoundError


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        await units.add(session, SYSTEM, code="BO", name="Bộ")
        yield session


async def add(session: AsyncSession, email: str, *roles: str) -> Staff:
    return await people.add(
        session, SYSTEM, email=email, name="Trần Minh Quân", roles=roles, unit_code="BO"
    )


async def is_open(session: AsyncSession, row: Session) -> bool:
    await session.refresh(row)
    return row.ended_at is None


async def add_session(session: AsyncSession, staff: Staff) -> Session:
    row = Session(
        staff_id=staff.id,
        token_hash=staff.id.bytes,
        csrf="c",
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


async def test_a_new_password_ends_all_sessions_but_the_own(session: AsyncSession) -> None:
    staff = await add(session, "a@b.vn")
    own = await add_session(session, staff)
    await people.set_password(
        session, SYSTEM, staff.id, "mot-mat-khau-dai", keep_session=own.id, cost=CHEAP
    )
    assert await is_open(session, own)
    await people.set_password(session, SYSTEM, staff.id, "mot-mat-khau-khac", cost=CHEAP)
    assert not await is_open(session, own)
    assert (await acts(session)).count("staff.password_changed") == 2


async def test_nobody_cannot_be_changed(session: AsyncSession) -> None:
    nobody = (await units.by_code(session, "BO")).id
    with pytest.raises(NotFoundError):
        await people.set_roles(session, SYSTEM, nobody, ["editor"])
    with pytest.raises(NotFoundError):
        await people.by_email(session, "khong@co.vn")
