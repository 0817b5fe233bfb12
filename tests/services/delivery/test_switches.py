from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import Actor
from services.audit.queries import entries
from services.delivery import switches
from services.storage.session import Opener, make_engine, opener
from shared.clock import utc_now
from shared.errors import ForbiddenError, InvalidError
from tests.support.people import add_account, add_person, add_unit

TERMINAL = Actor(kind="cli", id="root")


@pytest.fixture
async def open_work(fresh_database_url: str) -> AsyncIterator[Opener]:
    engine = make_engine(fresh_database_url, size=4)
    yield opener(engine)
    await engine.dispose()


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """A unit of work that is never committed."""
    engine = make_engine(database_url, size=2)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
        await session.rollback()
    await engine.dispose()


async def test_an_approver_freezes_the_hub_and_anybody_sees_why(session: AsyncSession) -> None:
    unit = await add_unit(session, "BNV")
    approver = await add_person(session, unit, "approver")

    await switches.freeze(session, approver, "  Nghi bị chiếm quyền  ")
    found = await switches.frozen(session)

    assert found is not None
    assert (found.reason, found.by) == ("Nghi bị chiếm quyền", approver.actor.name)


async def test_freezing_again_takes_the_new_reason_and_end(session: AsyncSession) -> None:
    until = utc_now() + timedelta(hours=1)

    await switches.freeze(session, TERMINAL, "lần một")
    await switches.freeze(session, TERMINAL, "lần hai", until=until)
    found = await switches.frozen(session)

    assert found is not None
    assert (found.reason, found.until) == ("lần hai", until)


async def test_a_freeze_whose_end_has_passed_holds_nothing(session: AsyncSession) -> None:
    await switches.freeze(session, TERMINAL, "x", until=utc_now() + timedelta(hours=1))
    await session.execute(text("UPDATE switch SET until = now() - interval '1 second'"))

    assert await switches.frozen(session) is None


async def test_a_freeze_into_the_past_is_refused(session: AsyncSession) -> None:
    with pytest.raises(InvalidError, match="until_past"):
        await switches.freeze(session, TERMINAL, "x", until=utc_now() - timedelta(hours=1))


async def test_a_freeze_needs_a_reason(session: AsyncSession) -> None:
    with pytest.raises(InvalidError, match="reason_missing"):
        await switches.freeze(session, TERMINAL, " \n ")


async def test_an_editor_may_not_freeze_and_a_program_may_not_either(
    session: AsyncSession,
) -> None:
    unit = await add_unit(session, "STC")
    editor = await add_person(session, unit, "editor")
    program = await add_person(session, unit, scopes=frozenset({"draft:write"}))

    with pytest.raises(ForbiddenError, match="role_needed"):
        await switches.freeze(session, editor, "x")
    with pytest.raises(ForbiddenError, match="person_needed"):
        await switches.unfreeze(session, program)


async def test_an_approver_may_not_lift_the_fence_of_a_restored_hub(session: AsyncSession) -> None:
    unit = await add_unit(session, "SYT")
    approver = await add_person(session, unit, "approver")
    admin = await add_person(session, unit, "admin")
    await switches.fence_on(session, TERMINAL, "phục hồi")

    with pytest.raises(ForbiddenError, match="role_needed"):
        await switches.fence_off(session, approver, "đã đối chiếu")
    await switches.fence_off(session, admin, "đã đối chiếu")

    assert await switches.fenced(session) is None


async def test_each_change_of_a_switch_is_recorded_once(open_work: Opener) -> None:
    async with open_work() as session:
        await switches.unfreeze(session, TERMINAL)
    async with open_work() as session:
        await switches.freeze(session, TERMINAL, "một")
    async with open_work() as session:
        await switches.unfreeze(session, TERMINAL)
    async with open_work() as session:
        await switches.unfreeze(session, TERMINAL)
        found = await entries(session, object="hub:loa")

    assert [entry.act for entry in found.entries] == ["freeze.off", "freeze.on"]
    assert found.entries[1].reason == "một"


async def test_lifting_a_freeze_makes_due_what_it_held(open_work: Opener) -> None:
    async with open_work() as session:
        unit = await add_unit(session, "BNV")
        await add_person(session, unit, "editor")
        account = await add_account(session, unit)
        await _waiting(session, account)
        await switches.freeze(session, TERMINAL, "giữ")
    async with open_work() as session:
        await switches.unfreeze(session, TERMINAL)
    async with open_work() as session:
        due = await session.scalar(
            text("SELECT next_due_at FROM lane WHERE account_id = :id AND NOT urgent"),
            {"id": account},
        )
        now = await session.scalar(select(func.now()))

    assert due is not None
    assert now is not None
    assert due <= now


async def _waiting(session: AsyncSession, account: object) -> None:
    """A withdrawal that is due, without a lane that knows of it."""
    await session.execute(
        text(
            """
            WITH i AS (
              INSERT INTO item (id, code, unit_id, kind, revision_no, version, created_by,
                                created_at, updated_at)
              SELECT gen_random_uuid(), 'BNV-2026-000001', unit_id, 'news', 1, 1, id, now(), now()
                FROM staff LIMIT 1
              RETURNING id)
            INSERT INTO publication (id, item_id, account_id, generation, observed_generation,
              state, not_before, next_at, urgent, in_urgent_lane, tries, resends, final, looks,
              absences, candidates, may_be_visible, created_at)
            SELECT gen_random_uuid(), i.id, :account, 2, 1, 'pending', now(), now(), false, false,
                   0, 0, false, 0, 0, '[]', false, now()
              FROM i
            """
        ),
        {"account": account},
    )
