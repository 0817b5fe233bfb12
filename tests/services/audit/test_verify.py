"""The verifier finds every way in which somebody with all rights may tamper with the record."""

import pytest
from sqlalchemy import text

from services.audit.actor import SYSTEM
from services.audit.acts import Act
from services.audit.append import record
from services.audit.verify import Break, Verdict, verify
from services.storage.session import Opener


@pytest.fixture
async def record_of_five(open_work: Opener) -> None:
    for number in range(1, 6):
        async with open_work() as session:
            await record(session, SYSTEM, Act.ITEM_EDITED, f"item:{number}", reason="Sửa lỗi")


async def tampered(open_work: Opener, *statements: str) -> Verdict:
    """What the verifier says after an administrator of the database did this behind our back."""
    async with open_work() as session:
        await session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        for statement in statements:
            await session.execute(text(statement))
        await session.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))
    async with open_work() as session:
        return await verify(session)


async def test_an_empty_record_holds(open_work: Opener) -> None:
    assert await tampered(open_work) == Verdict(count=0, ok=True)


@pytest.mark.usefixtures("record_of_five")
async def test_an_untouched_record_holds(open_work: Opener) -> None:
    assert await tampered(open_work) == Verdict(count=5, ok=True)


@pytest.mark.usefixtures("record_of_five")
@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor = 'staff:1'",
        "act = 'item.approved'",
        "object = 'item:9'",
        "unit = ''",
        "before_hash = ''",
        "after_hash = ''",
        "reason = NULL",
        "details = '{\"a\": 1}'",
        "session = ''",
        "request = ''",
        "address = ''",
        "hash = sha256('x')",
    ],
)
async def test_a_changed_field_is_found(open_work: Opener, change: str) -> None:
    verdict = await tampered(open_work, f"UPDATE audit_entry SET {change} WHERE seq = 3")
    assert verdict == Verdict(count=2, ok=False, first_bad_seq=3, why=Break.CHANGED)


@pytest.mark.usefixtures("record_of_five")
async def test_a_removed_entry_is_found(open_work: Opener) -> None:
    verdict = await tampered(open_work, "DELETE FROM audit_entry WHERE seq = 3")
    assert verdict == Verdict(count=2, ok=False, first_bad_seq=4, why=Break.GAP)


@pytest.mark.usefixtures("record_of_five")
async def test_a_removed_entry_with_the_rest_moved_up_is_found(open_work: Opener) -> None:
    verdict = await tampered(
        open_work,
        "DELETE FROM audit_entry WHERE seq = 3",
        "UPDATE audit_entry SET seq = 3 WHERE seq = 4",
        "UPDATE audit_entry SET seq = 4 WHERE seq = 5",
        "UPDATE audit_head SET seq = 4",
    )
    assert verdict == Verdict(count=2, ok=False, first_bad_seq=3, why=Break.LINK)


@pytest.mark.usefixtures("record_of_five")
async def test_a_cut_tail_is_found_by_the_head(open_work: Opener) -> None:
    verdict = await tampered(open_work, "DELETE FROM audit_entry WHERE seq > 3")
    assert verdict == Verdict(count=3, ok=False, first_bad_seq=4, why=Break.TAIL_CUT)


@pytest.mark.usefixtures("record_of_five")
async def test_a_cut_tail_with_the_head_set_back_carelessly_is_found(open_work: Opener) -> None:
    verdict = await tampered(
        open_work, "DELETE FROM audit_entry WHERE seq > 3", "UPDATE audit_head SET seq = 3"
    )
    assert verdict == Verdict(count=3, ok=False, first_bad_seq=3, why=Break.HEAD)


@pytest.mark.usefixtures("record_of_five")
async def test_entries_beyond_the_head_are_found(open_work: Opener) -> None:
    verdict = await tampered(
        open_work,
        "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_entry WHERE seq = 3)",
    )
    assert verdict == Verdict(count=3, ok=False, first_bad_seq=3, why=Break.HEAD)


@pytest.mark.usefixtures("record_of_five")
async def test_a_missing_head_is_found(open_work: Opener) -> None:
    verdict = await tampered(open_work, "DELETE FROM audit_head")
    assert verdict == Verdict(count=0, ok=False, why=Break.HEAD)


@pytest.mark.usefixtures("record_of_five")
async def test_a_long_record_is_walked_in_batches(
    open_work: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.verify._BATCH", 2)
    assert await tampered(open_work) == Verdict(count=5, ok=True)
