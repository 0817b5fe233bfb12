"""Who has an item open: told, relieved, forgotten after a minute of silence."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from services.content import drafting, presence
from services.content.forms import ItemForm
from services.staff.caller import Caller
from services.storage.session import Opener, make_engine, opener
from shared.clock import utc_now
from shared.errors import ForbiddenError, NotFoundError
from tests.support.people import add_person, add_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    open_work: Opener
    one: Caller
    other: Caller
    reader: Caller
    stranger: Caller

    async def item(self) -> UUID:
        async with self.open_work() as session:
            form = ItemForm.model_validate({"kind": "news", "title": "Lịch tiếp công dân"})
            return (await drafting.create(session, self.one, form)).id

    async def beat(
        self, caller: Caller, item_id: UUID, seconds: float = 0, *, take: bool = False
    ) -> str | None:
        now = utc_now() + timedelta(seconds=seconds)
        async with self.open_work() as session:
            found = await presence.beat(session, caller, item_id, now=now, take=take)
        return str(found.staff_id) if found else None


@pytest.fixture(scope="module")
async def house(database_url: str) -> AsyncIterator[House]:
    engine = make_engine(database_url, size=20)
    open_work = opener(engine)
    async with open_work() as session:
        unit, elsewhere = await add_unit(session, "PRE"), await add_unit(session, "ELS")
        made = House(
            open_work=open_work,
            one=await add_person(session, unit, "editor"),
            other=await add_person(session, unit, "editor"),
            reader=await add_person(session, unit, "auditor"),
            stranger=await add_person(session, elsewhere, "editor"),
        )
    yield made
    await engine.dispose()


async def test_the_second_to_open_an_item_is_told_of_the_first(house: House) -> None:
    item_id = await house.item()
    assert await house.beat(house.one, item_id) is None
    assert await house.beat(house.other, item_id) == str(house.one.staff_id)
    assert await house.beat(house.one, item_id) is None


async def test_a_minute_of_silence_and_the_item_is_free(house: House) -> None:
    item_id = await house.item()
    await house.beat(house.one, item_id)
    assert await house.beat(house.other, item_id, 59) == str(house.one.staff_id)
    assert await house.beat(house.other, item_id, 61) is None
    assert await house.beat(house.one, item_id, 62) == str(house.other.staff_id)


async def test_who_takes_the_item_has_it(house: House) -> None:
    item_id = await house.item()
    await house.beat(house.one, item_id)
    assert await house.beat(house.other, item_id, take=True) is None
    assert await house.beat(house.one, item_id) == str(house.other.staff_id)


async def test_who_leaves_takes_nobody_else_away(house: House) -> None:
    item_id = await house.item()
    await house.beat(house.one, item_id)
    async with house.open_work() as session:
        await presence.leave(session, house.other, item_id)
    assert await house.beat(house.other, item_id) == str(house.one.staff_id)
    async with house.open_work() as session:
        await presence.leave(session, house.one, item_id)
    assert await house.beat(house.other, item_id) is None


async def test_of_two_who_open_at_once_one_has_the_item(house: House) -> None:
    item_id = await house.item()
    told = await asyncio.gather(house.beat(house.one, item_id), house.beat(house.other, item_id))
    assert sorted(one is None for one in told) == [False, True]


async def test_only_editors_within_reach_write(house: House) -> None:
    item_id = await house.item()
    with pytest.raises(ForbiddenError):
        await house.beat(house.reader, item_id)
    with pytest.raises(NotFoundError):
        await house.beat(house.stranger, item_id)
