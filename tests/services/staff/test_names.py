from services.staff.names import holders, names, unit_name
from services.storage.columns import new_id
from services.storage.session import Opener
from tests.support.people import add_person, add_unit


async def test_people_and_units_are_told_by_name(open_work: Opener) -> None:
    async with open_work() as session:
        unit = await add_unit(session, f"U{new_id().hex[-8:]}")
        one = await add_person(session, unit, "approver", "editor")
        await add_person(session, unit, "editor")
        known = await names(session, {one.staff_id, None, new_id()})
        assert known == {one.staff_id: "Lê Thu Hà"}
        assert await names(session, [None]) == {}
        assert (await unit_name(session, unit)).startswith("Đơn vị U")
        missing = new_id()
        assert await unit_name(session, missing) == str(missing)
        assert await holders(session, "approver", [unit]) == ("Lê Thu Hà",)
        assert await holders(session, "leader", [unit]) == ()
