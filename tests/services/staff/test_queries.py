from datetime import UTC, datetime, timedelta

from services.audit.actor import SYSTEM
from services.channels.sealing import Sealer
from services.staff import invitations, people, units
from services.staff.passwords import CHEAP
from services.staff.queries import list_people
from services.staff.sign_in import caller_of_session, sign_in
from services.storage.session import Opener
from tests.services.staff.phones import enrolled
from tests.support.people import add_person, add_unit

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)
SEALER = Sealer(b"k")


async def test_people_are_listed_with_what_an_admin_needs_to_see(open_work: Opener) -> None:
    async with open_work() as session:
        unit = await units.add(session, SYSTEM, code="BO", name="Bộ Ngoại vụ")
        staff = await people.add(
            session, SYSTEM, email="ha@b.vn", name="Lê Thu Hà", roles=["editor", "approver"],
            unit_code="BO", password="mot-mat-khau-dai", cost=CHEAP,
        )  # fmt: skip
        admin = await add_person(session, unit.id, "admin")
        await invitations.invite(
            session, admin, name="Đỗ An", email="an@b.vn", roles=[], unit_code="BO", now=NOW
        )
        await add_person(session, await add_unit(session, "KHAC"), "editor")
        left = await add_person(session, unit.id, "editor")
        await people.deactivate(session, admin, left.staff_id)
    signed_in = await sign_in(
        open_work, SEALER, email="ha@b.vn", password="mot-mat-khau-dai", now=NOW, cost=CHEAP
    )
    await enrolled(open_work, SEALER, staff.id, NOW)
    later = NOW + timedelta(minutes=10)
    async with open_work() as session:
        assert await caller_of_session(session, signed_in.cookie_value, later) is None
        found = await list_people(session, {unit.id})
        assert await list_people(session, ()) == []
    assert [one.name for one in found] == ["Đỗ An", "Lê Thu Hà", "Lê Thu Hà", "Lê Thu Hà"]
    assert [one.active for one in found] == [True, True, True, False]
    invited, ha = found[0], next(one for one in found if one.id == staff.id)
    assert (invited.pending, invited.roles, invited.last_seen_at) == (True, (), None)
    assert invited.invited_until == NOW + timedelta(days=7)
    assert (ha.pending, ha.invited_until, ha.has_otp) == (False, None, True)
    assert ha.roles == ("approver", "editor")
    assert (ha.unit_code, ha.unit_name, ha.email) == ("BO", "Bộ Ngoại vụ", "ha@b.vn")
    assert ha.last_seen_at == NOW


async def test_the_last_sign_in_outlives_its_session(open_work: Opener) -> None:
    from sqlalchemy import delete

    from services.staff.tables import Session

    async with open_work() as session:
        unit = await units.add(session, SYSTEM, code="BO", name="Bộ")
        await people.add(
            session, SYSTEM, email="ha@b.vn", name="Hà", roles=[], unit_code="BO",
            password="mot-mat-khau-dai", cost=CHEAP,
        )  # fmt: skip
    signed_in = await sign_in(
        open_work, SEALER, email="ha@b.vn", password="mot-mat-khau-dai", now=NOW, cost=CHEAP
    )
    async with open_work() as session:
        seen = NOW + timedelta(minutes=10)
        assert await caller_of_session(session, signed_in.cookie_value, seen)
        (one,) = await list_people(session, {unit.id})
        assert one.last_seen_at == seen
        await session.execute(delete(Session))
        (one,) = await list_people(session, {unit.id})
        assert one.last_seen_at == NOW
