import pytest
from pydantic import JsonValue

from services.staff.preferences import prefer, preferences
from services.storage.session import Opener
from shared.errors import InvalidError
from tests.support.people import add_person, add_unit


async def test_who_never_chose_has_what_holds_for_all(open_work: Opener) -> None:
    async with open_work() as session:
        caller = await add_person(session, await add_unit(session, "BO"))
        assert await preferences(session, caller.staff_id) == {
            "text_size": 100,
            "contrast": "normal",
            "motion": "system",
            "shortcuts": "on",
            "notify": {},
            "tour": [],
        }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text_size", 130),
        ("contrast", "high"),
        ("motion", "off"),
        ("shortcuts", "off"),
        ("notify", {"failed": ["browser"], "approved": False}),
        ("tour", ["soạn tin", "duyệt"]),
    ],
)
async def test_a_choice_is_kept_for_one_person_and_the_last_one_holds(
    open_work: Opener, name: str, value: JsonValue
) -> None:
    async with open_work() as session:
        unit = await add_unit(session, "BO")
        caller, other = await add_person(session, unit), await add_person(session, unit)
        before = (await preferences(session, caller.staff_id))[name]
        await prefer(session, caller.staff_id, name, before)
        await prefer(session, caller.staff_id, name, value)
    async with open_work() as session:
        assert (await preferences(session, caller.staff_id))[name] == value
        assert (await preferences(session, other.staff_id))[name] == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("text_size", 120),
        ("text_size", "100"),
        ("text_size", 100.0),
        ("contrast", True),
        ("motion", None),
        ("notify", []),
        ("notify", {"a": "x" * 4001}),
        ("notify", {"a": "\x00"}),
        ("notify", {"a": "\ud800"}),
        ("notify", {"a": float("nan")}),
        ("tour", [1]),
        ("tour", ["x"] * 101),
        ("tour", ["x" * 61]),
        ("tour", ["\ud800"]),
    ],
)
async def test_what_nobody_knows_is_refused(open_work: Opener, name: str, value: JsonValue) -> None:
    async with open_work() as session:
        caller = await add_person(session, await add_unit(session, "BO"))
        with pytest.raises(InvalidError) as refused:
            await prefer(session, caller.staff_id, name, value)
    assert [fault.field for fault in refused.value.fields] == [name]
