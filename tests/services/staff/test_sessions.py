from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.channels.sealing import Sealer
from services.staff import people, units
from services.staff.passwords import CHEAP
from services.staff.sessions import end_session, sessions_of
from services.staff.sign_in import SignedIn, caller_of_session, sign_in
from services.storage.session import Opener
from shared.errors import NotFoundError
from tests.support.people import add_person, add_unit

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)
PASSWORD = "mot-mat-khau-dai"


@pytest.fixture
async def unit(open_work: Opener) -> UUID:
    async with open_work() as session:
        unit = await units.add(session, SYSTEM, code="BO", name="Bộ")
        for name, role in (("ha", "editor"), ("quan", "approver"), ("son", "admin")):
            await people.add(
                session, SYSTEM, email=f"{name}@b.vn", name=name, roles=[role], unit_code="BO",
                password=PASSWORD, cost=CHEAP,
            )  # fmt: skip
        return unit.id


async def enter(
    open_work: Opener, name: str, *, address: str = "192.0.2.1", now: datetime = NOW
) -> SignedIn:
    return await sign_in(
        open_work, Sealer(b"k"), email=f"{name}@b.vn", password=PASSWORD, now=now,
        address=address, cost=CHEAP,
    )  # fmt: skip


def id_of(signed_in: SignedIn) -> UUID:
    assert signed_in.caller.actor.session is not None
    return UUID(signed_in.caller.actor.session)


async def holds(open_work: Opener, signed_in: SignedIn) -> bool:
    async with open_work() as session:
        return await caller_of_session(session, signed_in.cookie_value, NOW) is not None


@pytest.mark.usefixtures("unit")
async def test_open_sessions_are_listed_with_where_they_came_from(open_work: Opener) -> None:
    first = await enter(open_work, "ha")
    second = await enter(open_work, "ha", address="192.0.2.9", now=NOW + timedelta(minutes=5))
    over = await enter(open_work, "ha")
    async with open_work() as session:
        await end_session(session, over.caller, id_of(over))
    await enter(open_work, "quan")
    async with open_work() as session:
        found = await sessions_of(session, first.caller.staff_id, now=NOW + timedelta(minutes=20))
    assert [(one.id, one.address, one.created_at) for one in found] == [
        (id_of(second), "192.0.2.9", NOW + timedelta(minutes=5)),
        (id_of(first), "192.0.2.1", NOW),
    ]


@pytest.mark.usefixtures("unit")
async def test_an_idle_session_is_not_listed(open_work: Opener) -> None:
    editor, approver = await enter(open_work, "ha"), await enter(open_work, "quan")
    later = NOW + timedelta(minutes=16)
    async with open_work() as session:
        assert len(await sessions_of(session, editor.caller.staff_id, now=later)) == 1
        assert await sessions_of(session, approver.caller.staff_id, now=later) == []
        late = NOW + timedelta(hours=9)
        assert await sessions_of(session, editor.caller.staff_id, now=late) == []


@pytest.mark.usefixtures("unit")
async def test_a_session_is_ended_by_its_person_or_by_an_admin(open_work: Opener) -> None:
    own, other = await enter(open_work, "ha"), await enter(open_work, "ha")
    admin = await enter(open_work, "son")
    async with open_work() as session:
        await end_session(session, own.caller, id_of(other))
        await end_session(session, own.caller, id_of(other))
    assert not await holds(open_work, other)
    assert await holds(open_work, own)
    async with open_work() as session:
        await end_session(session, admin.caller, id_of(own))
    assert not await holds(open_work, own)
    async with open_work() as session:
        found = (await entries(session)).entries
    assert [entry.act for entry in found].count("session.ended") == 2
    assert found[0].details == {"owner": str(own.caller.staff_id)}
    assert found[0].actor == admin.caller.actor.name


async def test_anothers_session_looks_as_if_there_were_none(open_work: Opener, unit: UUID) -> None:
    approver = await enter(open_work, "quan")
    async with open_work() as session:
        colleague = await add_person(session, unit, "editor", "approver")
        elsewhere = await add_person(session, await add_unit(session, "KHAC"), "admin")
        for caller, wanted in (
            (colleague, id_of(approver)),
            (elsewhere, id_of(approver)),
            (elsewhere, unit),
        ):
            with pytest.raises(NotFoundError) as refused:
                await end_session(session, caller, wanted)
            assert refused.value.code == "session_not_found"
    assert await holds(open_work, approver)
