from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import comments, drafting
from services.content.forms import ItemForm
from services.content.tables import Item
from services.staff.caller import Caller
from services.storage.session import make_engine
from shared.errors import ForbiddenError, InvalidError, NotFoundError
from tests.support.people import add_person, add_unit


@pytest.fixture
async def session(fresh_database_url: str) -> AsyncIterator[AsyncSession]:
    engine = make_engine(fresh_database_url)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()


@pytest.fixture
async def editor(session: AsyncSession) -> Caller:
    return await add_person(session, await add_unit(session, "SO"), "editor")


@pytest.fixture
async def item(session: AsyncSession, editor: Caller) -> Item:
    return await drafting.create(session, editor, ItemForm(kind="news", title="Thông báo"))


async def test_remarks_come_newest_first_and_by_pages(
    session: AsyncSession, editor: Caller, item: Item
) -> None:
    approver = await add_person(session, editor.unit_id, "approver")
    made = [
        await comments.add(session, editor if no % 2 else approver, item.id, f"Ý {no}\r\nhai dòng")
        for no in range(5)
    ]
    first = await comments.remarks(session, item.id, limit=3)
    assert [one.text for one in first] == [f"Ý {no}\nhai dòng" for no in (4, 3, 2)]
    assert {one.by for one in first} == {editor.staff_id, approver.staff_id}
    assert (first[0].name, first[0].revision_no) == ("Lê Thu Hà", 1)
    rest = await comments.remarks(session, item.id, limit=3, before=first[-1].id)
    assert [one.id for one in rest] == [made[1].id, made[0].id]


async def test_what_would_mislead_a_reader_is_not_kept(
    session: AsyncSession, editor: Caller, item: Item
) -> None:
    made = await comments.add(session, editor, item.id, "  a\u202eb\u0000c  ")
    assert made.text == "abc"


@pytest.mark.parametrize(
    ("text", "code"), [("  \n ", "comment_empty"), ("a" * 2_001, "comment_too_long")]
)
async def test_an_empty_or_endless_remark_is_refused_beside_its_field(
    session: AsyncSession, editor: Caller, item: Item, text: str, code: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        await comments.add(session, editor, item.id, text)
    assert refused.value.code == code
    assert [one.field for one in refused.value.fields] == ["text"]


async def test_only_the_team_of_the_unit_may_remark(
    session: AsyncSession, editor: Caller, item: Item
) -> None:
    auditor = await add_person(session, editor.unit_id, "auditor")
    with pytest.raises(ForbiddenError):
        await comments.add(session, auditor, item.id, "Tôi chỉ đọc")
    stranger = await add_person(session, await add_unit(session, "KHAC"), "editor")
    with pytest.raises(NotFoundError):
        await comments.add(session, stranger, item.id, "Không phải việc của tôi")
