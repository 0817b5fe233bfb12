from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content.approvers import ApprovalMatrix, approval_matrix
from services.staff.tables import Staff
from services.storage.session import make_engine
from tests.support.people import add_person, add_unit


@pytest.fixture
async def session(fresh_database_url: str) -> AsyncIterator[AsyncSession]:
    engine = make_engine(fresh_database_url)
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()


async def person(session: AsyncSession, unit: UUID, *roles: str) -> UUID:
    """Somebody with a password, as whoever has come to the team."""
    caller = await add_person(session, unit, *roles)
    await session.execute(
        update(Staff).where(col(Staff.id) == caller.staff_id).values(password_hash="x")
    )
    return caller.staff_id


def told(matrix: ApprovalMatrix) -> dict[tuple[UUID, UUID], str | None]:
    return {
        (row.author.id, approver.id): refusal
        for row in matrix.rows
        for approver, refusal in zip(matrix.approvers, row.refusals, strict=True)
    }


async def test_an_approver_of_the_unit_or_above_it_approves_all_but_the_own_work(
    session: AsyncSession,
) -> None:
    province = await add_unit(session, "TINH")
    commune = await add_unit(session, "XA", province)
    other = await add_unit(session, "XAB", province)
    writer = await person(session, commune, "editor")
    both = await person(session, commune, "editor", "approver")
    above = await person(session, province, "approver", "leader")
    beside = await person(session, other, "approver")
    alone = await person(session, other, "editor")
    await person(session, other, "leader", "admin")
    matrix = await approval_matrix(session, [commune, other])
    assert told(matrix) == {
        (writer, both): None,
        (writer, above): None,
        (writer, beside): "other_unit",
        (both, both): "four_eyes",
        (both, above): None,
        (both, beside): "other_unit",
        (alone, both): "other_unit",
        (alone, above): None,
        (alone, beside): None,
    }
    assert all(row.covered for row in matrix.rows)


async def test_who_has_left_or_not_come_yet_covers_nobody(session: AsyncSession) -> None:
    unit = await add_unit(session, "BO")
    writer = await person(session, unit, "editor", "approver")
    gone = await person(session, unit, "approver")
    await session.execute(update(Staff).where(col(Staff.id) == gone).values(active=False))
    pending = (await add_person(session, unit, "approver")).staff_id
    matrix = await approval_matrix(session, [unit])
    assert told(matrix) == {(writer, writer): "four_eyes", (writer, pending): None}
    assert [row.covered for row in matrix.rows] == [False]
    assert await approval_matrix(session, []) == ApprovalMatrix(approvers=(), rows=())
