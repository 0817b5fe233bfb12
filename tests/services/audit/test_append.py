import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.audit.actor import SYSTEM, Actor
from services.audit.acts import Act
from services.audit.append import record, record_refusal
from services.audit.queries import entries
from services.audit.tables import AuditEntry
from services.audit.verify import verify
from services.storage.columns import new_id
from services.storage.session import Opener
from shared.errors import InvalidError

WRITER = Actor(kind="staff", id="7", session="s-1", request="r-1", address="192.0.2.7")


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(AuditEntry)) or 0


async def newest(open_work: Opener) -> AuditEntry:
    async with open_work() as session:
        return (await entries(session, limit=1)).entries[0]


async def test_an_entry_says_who_did_what_to_what_from_where_and_when(open_work: Opener) -> None:
    unit = new_id()
    async with open_work() as session:
        await record(
            session,
            WRITER,
            Act.ITEM_APPROVED,
            "item:1",
            unit=unit,
            before={"state": "review"},
            after={"state": "approved"},
            reason="Đã kiểm tra",
            details={"accounts": [unit], "urgent": False},
        )
    entry = await newest(open_work)
    assert (entry.seq, entry.actor, entry.act, entry.object) == (
        1, "staff:7", "item.approved", "item:1",
    )  # fmt: skip
    assert (entry.session, entry.request, entry.address) == ("s-1", "r-1", "192.0.2.7")
    assert entry.unit == str(unit)
    assert entry.reason == "Đã kiểm tra"
    assert entry.details == {"accounts": [str(unit)], "urgent": False}
    assert entry.before_hash != entry.after_hash
    assert abs(entry.at - datetime.now(tz=UTC)) < timedelta(seconds=30)


async def test_an_act_that_is_rolled_back_leaves_no_entry(open_work: Opener) -> None:
    async def act_then_fail() -> None:
        async with open_work() as session:
            await record(session, WRITER, Act.ITEM_CREATED, "item:1")
            raise InvalidError("nothing_came_of_it")

    with pytest.raises(InvalidError):
        await act_then_fail()
    async with open_work() as session:
        assert await count(session) == 0


async def test_a_refusal_is_kept_although_its_request_is_rolled_back(open_work: Opener) -> None:
    await record_refusal(open_work, WRITER, Act.APPROVAL_REFUSED, "item:1", code="four_eyes")
    entry = await newest(open_work)
    assert (entry.act, entry.details) == ("approval.refused", {"code": "four_eyes"})


async def test_entries_of_a_savepoint_go_with_it(open_work: Opener) -> None:
    async def fail_inside(session: AsyncSession) -> None:
        async with session.begin_nested():
            await record(session, WRITER, Act.ITEM_CREATED, "item:lost")
            raise InvalidError("only_the_savepoint")

    async with open_work() as session:
        await record(session, WRITER, Act.ITEM_CREATED, "item:kept")
        with pytest.raises(InvalidError):
            await fail_inside(session)
        async with session.begin_nested():
            await record(session, WRITER, Act.ITEM_EDITED, "item:kept")
    async with open_work() as session:
        found = (await entries(session)).entries
        assert [entry.object for entry in found] == ["item:kept", "item:kept"]
        assert (await verify(session)).ok


async def test_a_transaction_rolled_back_by_hand_forgets_its_entries(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        await record(session, WRITER, Act.ITEM_CREATED, "item:lost")
        await session.execute(text("SELECT 1"))
        await session.rollback()
        await record(session, WRITER, Act.ITEM_CREATED, "item:kept")
        await session.commit()
        found = (await entries(session)).entries
        assert [entry.object for entry in found] == ["item:kept"]


async def test_an_act_outside_the_catalogue_cannot_be_recorded(open_work: Opener) -> None:
    async with open_work() as session:
        with pytest.raises(ValueError, match=r"item\.eaten"):
            await record(session, SYSTEM, "item.eaten", "item:1")


async def test_what_has_no_plain_form_is_refused_when_it_is_noted(open_work: Opener) -> None:
    async with open_work() as session:
        with pytest.raises(TypeError):
            await record(session, SYSTEM, Act.ITEM_CREATED, "item:1", after=object())


async def test_two_hundred_acts_at_once_stand_in_one_unbroken_line(open_work: Opener) -> None:
    async def act(number: int) -> None:
        async with open_work() as session:
            await record(session, WRITER, Act.ITEM_EDITED, f"item:{number}")
            await session.execute(text("SELECT pg_sleep(0.001)"))
            await record(session, WRITER, Act.ITEM_SUBMITTED, f"item:{number}")

    await asyncio.gather(*(act(number) for number in range(100)))
    async with open_work() as session:
        verdict = await verify(session)
    assert (verdict.ok, verdict.count) == (True, 200)


async def test_the_head_is_locked_only_when_the_act_ends(open_work: Opener) -> None:
    async with open_work() as slow:
        await record(slow, WRITER, Act.ITEM_EDITED, "item:slow")
        async with asyncio.timeout(30), open_work() as quick:
            await record(quick, WRITER, Act.ITEM_EDITED, "item:quick")
    assert (await newest(open_work)).object == "item:slow"


async def test_odd_letters_and_numbers_survive_storage_and_still_verify(open_work: Opener) -> None:
    odd = {
        "text": "đ\x00\ud800",
        "fraction": 1e22,
        "deep": {"b": 1, "a": [None, True]},
        "big": 2**80,
    }
    async with open_work() as session:
        await record(session, WRITER, Act.ITEM_EDITED, "item:\x00", reason="\ud800", details=odd)
    async with open_work() as session:
        assert (await verify(session)).ok


async def test_the_database_refuses_to_change_remove_or_empty_the_record(
    open_work: Opener,
) -> None:
    async with open_work() as session:
        await record(session, WRITER, Act.ITEM_EDITED, "item:1")

    async def attempt(statement: str) -> None:
        async with open_work() as session:
            await session.execute(text(statement))

    for statement in (
        "UPDATE audit_entry SET reason = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
    ):
        with pytest.raises(IntegrityError):
            await attempt(statement)


async def test_a_page_of_the_record_goes_on_where_the_last_one_ended(open_work: Opener) -> None:
    mine, other = new_id(), new_id()
    async with open_work() as session:
        await record(session, WRITER, Act.ITEM_CREATED, "item:1", unit=mine)
        await record(session, WRITER, Act.ITEM_CREATED, "item:2", unit=other)
        await record(session, WRITER, Act.FREEZE_ON, "switch:freeze")
        await record(session, WRITER, Act.ITEM_EDITED, "item:1", unit=mine)

    async def objects(**wanted: object) -> list[int]:
        async with open_work() as session:
            return [entry.seq for entry in (await entries(session, **wanted)).entries]  # type: ignore[arg-type]  # names as in the signature

    assert await objects(object="item:1") == [4, 1]
    assert await objects(units=[mine]) == [4, 3, 1]
    async with open_work() as session:
        first = await entries(session, limit=3)
        second = await entries(session, limit=3, cursor=first.next)
        assert ([e.seq for e in first.entries], first.next) == ([4, 3, 2], "2")
        assert ([e.seq for e in second.entries], second.next) == ([1], None)
        with pytest.raises(InvalidError):
            await entries(session, cursor="elsewhere")


async def test_the_same_state_has_the_same_hash_in_any_order(open_work: Opener) -> None:
    one, other = {"a": UUID(int=1), "b": {2, 1}}, {"b": {1, 2}, "a": UUID(int=1)}
    async with open_work() as session:
        await record(session, WRITER, Act.ITEM_EDITED, "item:1", before=one, after=other)
    entry = await newest(open_work)
    assert entry.before_hash == entry.after_hash
    async with open_work() as session:
        found = await session.scalar(
            select(col(AuditEntry.prev_hash)).where(col(AuditEntry.seq) == 1)
        )
    assert found == bytes(32)
