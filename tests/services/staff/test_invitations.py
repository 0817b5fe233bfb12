from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import SYSTEM
from services.staff import invitations, people, units
from services.staff.passwords import CHEAP
from services.staff.tables import Staff
from services.storage.session import Opener
from shared.errors import ConflictError, InvalidError, NotFoundError

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)


async def accept(session: AsyncSession, secret: str, **fields: object) -> Staff:
    given: dict[str, object] = {
        "name": "Nguyễn Văn Bình",
        "email": "binh@hoasen.example",
        "password": "mot-mat-khau-dai",
        "now": NOW,
        "cost": CHEAP,
    }
    return await invitations.accept(session, secret, **{**given, **fields})  # type: ignore[arg-type]  # as `accept` takes them


async def test_the_first_admin_comes_in_by_a_link_that_works_once(open_work: Opener) -> None:
    async with open_work() as session:
        secret = await invitations.create_first(session, now=NOW)
    async with open_work() as session:
        assert await invitations.still_good(session, secret, NOW)
        staff = await accept(session, secret)
        assert await people.roles_of(session, staff.id) == ("admin",)
        assert (await units.by_code(session, "GOC")).parent_id is None
    async with open_work() as session:
        assert not await invitations.still_good(session, secret, NOW)
        with pytest.raises(NotFoundError):
            await accept(session, secret, email="another@hoasen.example")
        with pytest.raises(ConflictError):
            await invitations.create_first(session, now=NOW)


async def test_a_wrong_field_leaves_the_link_good(open_work: Opener) -> None:
    async with open_work() as session:
        secret = await invitations.create_first(session, now=NOW)

    async def accept_badly() -> None:
        async with open_work() as session:
            await accept(session, secret, password="short")

    with pytest.raises(InvalidError):
        await accept_badly()
    async with open_work() as session:
        await accept(session, secret)


async def test_an_old_link_a_replaced_one_and_a_guess_open_nothing(open_work: Opener) -> None:
    async with open_work() as session:
        replaced = await invitations.create_first(session, now=NOW)
        secret = await invitations.create_first(session, now=NOW)
        for over, now in (
            (replaced, NOW),
            ("guess", NOW),
            (secret, NOW + timedelta(days=7)),
        ):
            with pytest.raises(NotFoundError):
                await accept(session, over, now=now)


async def test_a_root_unit_that_is_there_is_taken(open_work: Opener) -> None:
    async with open_work() as session:
        root = await units.add(session, SYSTEM, code="HOASEN", name="UBND tỉnh Hoa Sen")
        secret = await invitations.create_first(session, now=NOW)
        assert (await accept(session, secret)).unit_id == root.id
