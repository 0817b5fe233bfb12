from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.staff import units
from services.staff.caller import caller_of
from services.staff.tables import Unit
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.support.people import add_person, add_unit


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


async def test_a_caller_sees_the_own_unit_and_what_is_below_it(session: AsyncSession) -> None:
    ministry = await add_unit(session, "BO")
    province = await add_unit(session, "TINH", ministry)
    commune = await add_unit(session, "XA", province)
    other = await add_unit(session, "KHAC", ministry)
    caller = await add_person(session, province, "editor")
    assert caller.unit_ids == {province, commune}
    assert caller.may_see(commune)
    assert not caller.may_see(ministry)
    with pytest.raises(NotFoundError):
        caller.need_unit(other)
    assert await units.subtree_ids(session, ministry) == {ministry, province, commune, other}


async def test_a_circle_of_units_comes_to_an_end(session: AsyncSession) -> None:
    one = await add_unit(session, "A")
    other = await add_unit(session, "B", one)
    await session.execute(update(Unit).where(col(Unit.id) == one).values(parent_id=other))
    assert await units.subtree_ids(session, one) == {one, other}


async def test_a_person_is_asked_for_a_role(session: AsyncSession) -> None:
    caller = await add_person(session, await add_unit(session, "BO"), "editor")
    caller.need_role("editor", "approver")
    caller.need("editor", "draft:write")
    with pytest.raises(ForbiddenError) as refused:
        caller.need_role("approver")
    assert refused.value.code == "role_needed"
    with pytest.raises(ForbiddenError) as refused:
        caller.need("admin", "draft:write")
    assert refused.value.code == "role_needed"


async def test_a_program_has_scopes_and_never_a_role(session: AsyncSession) -> None:
    unit = await add_unit(session, "BO")
    program = await add_person(
        session, unit, "editor", "approver", scopes=frozenset({"draft:write"})
    )
    assert program.roles == frozenset()
    program.need("editor", "draft:write")
    with pytest.raises(ForbiddenError) as refused:
        program.need("editor", "media:write")
    assert refused.value.code == "scope_needed"
    with pytest.raises(ForbiddenError) as refused:
        program.need_role("approver")
    assert refused.value.code == "person_needed"
    with pytest.raises(ForbiddenError) as refused:
        program.need("approver")
    assert refused.value.code == "person_needed"


async def test_a_person_without_any_role_is_still_a_caller(session: AsyncSession) -> None:
    caller = await add_person(session, await add_unit(session, "BO"))
    assert caller.roles == frozenset()
    assert await caller_of(session, caller.unit_id) is None


async def test_a_unit_is_added_below_another_and_recorded(session: AsyncSession) -> None:
    await units.add(session, SYSTEM, code="HOASEN", name="UBND tỉnh  Hoa Sen")
    child = await units.add(session, SYSTEM, code="HOASEN-YT", name="Sở Y tế", parent_code="HOASEN")
    assert child.parent_id == (await units.by_code(session, "HOASEN")).id
    await session.commit()
    assert [entry.act for entry in (await entries(session)).entries] == ["unit.added"] * 2


@pytest.mark.parametrize("code", ["", "Hoa Sen", "HOA_SEN", "-A", "ĐỒNG", "A" * 41])
async def test_a_code_that_cannot_stand_in_an_address_is_refused(
    session: AsyncSession, code: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        await units.add(session, SYSTEM, code=code, name="Sở")
    assert [fault.field for fault in refused.value.fields] == ["code"]


async def test_a_unit_is_added_once(session: AsyncSession) -> None:
    await units.add(session, SYSTEM, code="BO", name="Bộ")
    # The codes of items are capitals: one of a unit `Bo` would be another's already.
    for code in ("BO", "Bo"):
        with pytest.raises(ConflictError):
            await units.add(session, SYSTEM, code=code, name="Bộ khác")
    with pytest.raises(NotFoundError):
        await units.add(session, SYSTEM, code="SO", name="Sở", parent_code="KHONG-CO")
