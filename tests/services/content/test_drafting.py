import asyncio
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from sqlalchemy import Text, cast, select, text, update
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.tables import AuditEntry
from services.content import drafting, queries, search
from services.content.forms import ItemChanges, ItemForm
from services.content.hashing import content_hash
from services.content.tables import Item, Media, Revision
from services.content.workflow import newest_revision
from services.staff.caller import Caller
from services.storage.columns import new_id
from services.storage.session import Opener, make_engine, opener
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.support.people import add_account, add_person, add_picture, add_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    open_work: Opener
    editor: Caller
    colleague: Caller
    stranger: Caller
    auditor: Caller


@pytest.fixture(scope="module")
async def house(database_url: str) -> AsyncIterator[House]:
    engine = make_engine(database_url, size=20)
    open_work = opener(engine)
    async with open_work() as session:
        ministry = await add_unit(session, "BNV")
        other = await add_unit(session, "BYT")
        yield_house = House(
            open_work=open_work,
            editor=await add_person(session, ministry, "editor"),
            colleague=await add_person(session, ministry, "editor"),
            stranger=await add_person(session, other, "editor"),
            auditor=await add_person(session, ministry, "auditor"),
        )
    yield yield_house
    await engine.dispose()


@pytest.fixture
async def session(house: House) -> AsyncIterator[AsyncSession]:
    async with house.open_work() as opened:
        yield opened


async def make(session: AsyncSession, caller: Caller, **more: object) -> Item:
    form = ItemForm.model_validate({"kind": "news", "title": "Thông báo", **more})
    return await drafting.create(session, caller, form)


async def change(session: AsyncSession, caller: Caller, item: Item, **changes: object) -> Item:
    form = ItemChanges.model_validate(changes)
    return await drafting.edit(session, caller, item.id, form, version=item.version)


async def move(session: AsyncSession, item: Item, state: str) -> None:
    revision = await newest_revision(session, item)
    revision.state = state
    await session.flush()


async def found(session: AsyncSession, asked: str) -> list[UUID]:
    query = search.query(asked)
    rows = await session.scalars(
        select(col(Item.id)).where(col(Item.search).op("@@")(cast(cast(query, Text), TSQUERY)))
    )
    return list(rows)


async def test_a_new_item_is_a_draft_with_a_permanent_code(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor)
    revision = await newest_revision(session, item)
    year = item.created_at.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).year
    assert item.code.startswith(f"BNV-{year}-0000")
    assert (item.version, item.revision_no, revision.state) == (1, 1, "draft")
    assert revision.last_editor == house.editor.staff_id


async def test_numbers_follow_each_other_without_a_double(house: House) -> None:
    async def one() -> str:
        async with house.open_work() as session:
            return (await make(session, house.editor)).code

    codes = await asyncio.gather(*(one() for _ in range(20)))
    numbers = sorted(int(code.rsplit("-", 1)[1]) for code in codes)
    assert numbers == list(range(numbers[0], numbers[0] + 20))


async def test_the_year_of_a_code_is_that_of_the_zone(house: House, session: AsyncSession) -> None:
    form = ItemForm(kind="news", title="Chúc mừng năm mới")
    first = await drafting.create(session, house.editor, form, zone=ZoneInfo("Etc/GMT+12"))
    told = first.created_at.astimezone(ZoneInfo("Etc/GMT+12"))
    assert int(first.code.split("-")[1]) == told.year


async def test_text_is_stored_composed_and_without_characters_that_lie(
    house: House, session: AsyncSession
) -> None:
    item = await make(
        session, house.editor, title=unicodedata.normalize("NFD", "Tiếng  Việt\u202e")
    )
    assert (await newest_revision(session, item)).title == "Tiếng Việt"


async def test_a_blank_title_and_an_unknown_field_are_refused() -> None:
    with pytest.raises(ValidationError, match="blank"):
        ItemForm.model_validate({"kind": "news", "title": "\u202e \n"})
    with pytest.raises(ValidationError, match="extra_forbidden"):
        ItemForm.model_validate({"kind": "news", "title": "Tin", "state": "published"})


async def test_a_reader_may_not_write(house: House, session: AsyncSession) -> None:
    with pytest.raises(ForbiddenError, match="role_needed"):
        await make(session, house.auditor)


async def test_a_unit_out_of_reach_looks_unknown(house: House, session: AsyncSession) -> None:
    with pytest.raises(InvalidError) as told:
        await make(session, house.editor, unit="BYT")
    assert told.value.fields[0].code == "unit_unknown"


async def test_pictures_must_exist_and_be_ones_own(house: House, session: AsyncSession) -> None:
    foreign = await add_picture(session, house.stranger)
    with pytest.raises(InvalidError) as told:
        await make(session, house.editor, cover=foreign, body=f"![Ảnh](media:{new_id()})")
    assert [(one.field, one.code) for one in told.value.fields] == [
        ("cover", "media_unknown"),
        ("body", "media_unknown"),
    ]


async def test_a_cover_is_a_picture(house: House, session: AsyncSession) -> None:
    video = await add_picture(session, house.editor, kind="video")
    with pytest.raises(InvalidError) as told:
        await make(session, house.editor, cover=video)
    assert told.value.fields[0].code == "cover_not_a_picture"


async def test_the_body_tells_which_media_it_shows(house: House, session: AsyncSession) -> None:
    picture = await add_picture(session, house.editor)
    item = await make(session, house.editor, body=f"Mở đầu.\n\n![Ảnh](media:{picture})")
    assert (await newest_revision(session, item)).media == [picture]


async def test_overrides_name_accounts_in_reach(house: House, session: AsyncSession) -> None:
    mine = await add_account(session, house.editor.unit_id)
    theirs = await add_account(session, house.stranger.unit_id)
    item = await make(session, house.editor, overrides={str(mine): {"title": "Riêng"}})
    assert (await newest_revision(session, item)).overrides == {str(mine): {"title": "Riêng"}}
    with pytest.raises(InvalidError) as told:
        await change(session, house.editor, item, overrides={str(theirs): {"title": "Lạ"}})
    assert told.value.fields[0].field == f"overrides.{theirs}"


async def test_a_draft_changes_in_place_and_keeps_what_was_not_sent(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor, summary="Tóm tắt", tags=["a", "a", "b"])
    changed = await change(session, house.editor, item, title="Đề mới")
    revision = await newest_revision(session, changed)
    assert (changed.version, revision.no) == (2, 1)
    assert (revision.title, revision.summary, revision.tags) == ("Đề mới", "Tóm tắt", ["a", "b"])


async def test_null_takes_a_cover_away(house: House, session: AsyncSession) -> None:
    item = await make(session, house.editor, cover=await add_picture(session, house.editor))
    await change(session, house.editor, item, cover=None)
    assert (await newest_revision(session, item)).cover is None


async def test_a_change_that_changes_nothing_leaves_no_trace(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor)
    changed = await change(session, house.editor, item, title="Thông báo")
    assert changed.version == 1


async def test_the_slower_writer_is_told(house: House, session: AsyncSession) -> None:
    item = await make(session, house.editor)
    with pytest.raises(ConflictError, match="stale_version"):
        await drafting.edit(session, house.editor, item.id, ItemChanges(title="Mới"), version=7)


async def test_an_item_of_another_unit_looks_unknown(house: House, session: AsyncSession) -> None:
    item = await make(session, house.editor)
    with pytest.raises(NotFoundError):
        await change(session, house.stranger, item, title="Lạ")
    with pytest.raises(NotFoundError):
        await queries.item(session, item.id, house.stranger.unit_ids)


@pytest.mark.parametrize("state", ["returned", "approved", "stopped", "superseded"])
async def test_a_closed_revision_gets_a_successor(
    house: House, session: AsyncSession, state: str
) -> None:
    item = await make(session, house.editor, body="Thân bài")
    await move(session, item, state)
    changed = await change(session, house.editor, item, title="Bản sau")
    first, second = reversed(await queries.revisions(session, item.id, limit=10))
    assert changed.revision_no == 2
    assert (first.state, first.title) == (state, "Thông báo")
    assert (second.state, second.title, second.body) == ("draft", "Bản sau", "Thân bài")


async def test_a_revision_in_review_is_superseded(house: House, session: AsyncSession) -> None:
    item = await make(session, house.editor)
    await move(session, item, "review")
    await change(session, house.editor, item, title="Bản sau")
    assert (await queries.revision(session, item.id, 1)).state == "superseded"


async def test_a_correction_starts_without_the_last_ones_note(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor, correction_note="Sửa số điện thoại")
    await move(session, item, "approved")
    await change(session, house.editor, item, title="Đính chính tiếp")
    assert (await newest_revision(session, item)).correction_note == ""


async def test_opening_a_copy_does_not_hide_who_wrote_it(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor)
    await move(session, item, "returned")
    other = await add_person(session, house.editor.unit_id, "editor")
    copy = await drafting.open_next(session, other, item, await newest_revision(session, item))
    assert (copy.created_by, copy.last_editor) == (other.staff_id, house.editor.staff_id)


async def test_the_kind_is_fixed_once_something_was_agreed(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor)
    await change(session, house.editor, item, kind="warning")
    assert item.kind == "warning"
    await move(session, item, "approved")
    with pytest.raises(InvalidError) as told:
        await change(session, house.editor, item, kind="news")
    assert told.value.fields[0].code == "kind_fixed"


async def test_writing_is_recorded_with_hashes_of_the_content(house: House) -> None:
    async with house.open_work() as session:
        item = await make(session, house.editor)
    async with house.open_work() as session:
        await change(session, house.editor, item, title="Sửa")
    async with house.open_work() as session:
        rows = await session.scalars(
            select(AuditEntry)
            .where(col(AuditEntry.object) == f"item:{item.id}")
            .order_by(col(AuditEntry.seq))
        )
        created, edited = rows
    assert (created.act, edited.act) == ("item.created", "item.edited")
    assert edited.before_hash == created.after_hash != edited.after_hash
    assert edited.actor == house.editor.actor.name


async def test_a_sitting_at_the_keyboard_is_one_line_of_the_record(house: House) -> None:
    async with house.open_work() as session:
        item = await make(session, house.editor)

    async def type_on(caller: Caller, title: str, *, typing: bool = True) -> None:
        async with house.open_work() as session:
            version = (await session.get_one(Item, item.id)).version
            changes = ItemChanges(title=title)
            await drafting.edit(session, caller, item.id, changes, version=version, typing=typing)

    async def edits() -> list[str]:
        async with house.open_work() as session:
            rows = await session.scalars(
                select(col(AuditEntry.actor)).where(
                    col(AuditEntry.object) == f"item:{item.id}",
                    col(AuditEntry.act) == "item.edited",
                )
            )
            return list(rows)

    for title in ("L", "Lị", "Lịch"):
        await type_on(house.editor, title)
    assert len(await edits()) == 1
    await type_on(house.editor, "Lịch tiếp dân", typing=False)  # asked for: an act of its own
    assert len(await edits()) == 2
    await type_on(house.editor, "Lịch tiếp dân tháng 12")
    assert len(await edits()) == 2
    await type_on(house.colleague, "Lịch mới")
    await type_on(house.editor, "Lịch cũ")
    assert len(await edits()) == 4
    async with house.open_work() as session:
        await session.execute(
            update(Revision)
            .where(col(Revision.item_id) == item.id)
            .values(updated_at=utc_now() - timedelta(minutes=11))
        )
    await type_on(house.editor, "Sau giờ nghỉ")
    assert len(await edits()) == 5


async def test_what_was_read_before_the_lock_does_not_hide_a_change(house: House) -> None:
    async with house.open_work() as session:
        item = await make(session, house.editor)
    async with house.open_work() as early:
        seen = await newest_revision(early, await early.get_one(Item, item.id))
        async with house.open_work() as session:
            await drafting.edit(
                session, house.editor, item.id, ItemChanges(title="Của người kia"), version=1
            )
        with pytest.raises(ConflictError, match="stale_version"):
            await drafting.edit(
                early, house.editor, item.id, ItemChanges(title="Của mình"), version=1
            )
        assert seen.title == "Của người kia"


async def test_search_finds_words_without_their_marks(house: House, session: AsyncSession) -> None:
    item = await make(session, house.editor, title="Lễ hội đền Hùng", body="Khai mạc ở Phú Thọ")
    assert await found(session, "den hung") == [item.id]
    assert await found(session, "phú th") == [item.id]
    assert await found(session, item.code) == [item.id]
    assert item.id not in await found(session, "đền Hương")


# What PostgreSQL's own parser would take for a number and a word, or for no letters at all.
@pytest.mark.parametrize("word", ["4e10134dd17c", "5e3k", "12m²", "a½b", "漢" * 900])
async def test_search_takes_a_word_as_it_is(house: House, session: AsyncSession, word: str) -> None:
    item = await make(session, house.editor, title=f"Văn bản {word[:200]}", body=f"Số {word}.")
    assert await found(session, word) == [item.id]
    assert await found(session, f"{word} văn bản") == [item.id]
    assert await found(session, word[:-1]) == [item.id]


@pytest.mark.parametrize("asked", ["' | !x", "qz:b & (", "\\", "1e5 -3 <-> *:", "đ" * 600])
async def test_search_takes_any_text(session: AsyncSession, asked: str) -> None:
    assert await found(session, asked) == []


def test_nothing_to_search_for_is_no_query() -> None:
    assert search.query(" \n-_!") is None


async def test_the_longest_text_of_any_script_can_be_searched(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor, title="각" * 500, body="각 " * 50_000)
    assert item.version == 1


async def test_equal_content_has_equal_hashes_and_any_change_another(
    house: House, session: AsyncSession
) -> None:
    item = await make(session, house.editor)
    revision = await newest_revision(session, item)
    same = await content_hash(session, item, revision)
    picture = await add_picture(session, house.editor)
    await session.execute(text("SELECT 1"))
    hashes = {same}
    for name, value in {
        "title": "x",
        "summary": "x",
        "body": "x",
        "author": "x",
        "category": "x",
        "tags": ["x"],
        "cover": picture,
        "media": [picture],
        "document": {"number": "1"},
        "overrides": {str(new_id()): {"title": "x"}},
        "correction_note": "x",
        "accounts": [new_id()],
        "publish_at": datetime(2026, 12, 1, tzinfo=UTC),
        "expires_at": datetime(2026, 12, 2, tzinfo=UTC),
        "urgent": True,
    }.items():
        other = Revision(**{**revision.model_dump(exclude={"id"}), name: value})
        hashes.add(await content_hash(session, item, other))
    note = Revision(**{**revision.model_dump(exclude={"id"}), "note": "x", "state": "review"})
    assert len(hashes) == 16
    assert await content_hash(session, item, note) == same


async def test_the_mark_for_artificial_intelligence_is_part_of_what_is_agreed_to(
    session: AsyncSession, house: House
) -> None:
    item = await make(session, house.editor, ai_made=True)
    revision = await newest_revision(session, item)
    marked = await content_hash(session, item, revision)
    revision.ai_made = False

    assert await content_hash(session, item, revision) != marked


async def test_a_picture_named_by_its_public_address_is_the_one_of_the_library(
    house: House, session: AsyncSession
) -> None:
    picture = await add_picture(session, house.editor)
    digest = (await session.get_one(Media, picture)).sha256
    written = (
        f"![Cầu mới](https://loa.bnv.gov.vn/media/{digest}.jpg)\n\n"
        f'![Cầu mới](/media/{digest}.jpg "Cầu mới")\n\n![Lạ](/media/{"0" * 64}.jpg)'
    )
    item = await make(session, house.editor, body=written)
    revision = await newest_revision(session, item)
    assert revision.media == [picture]
    assert revision.body == (
        f"![Cầu mới](media:{picture})\n\n"
        f'![Cầu mới](media:{picture} "Cầu mới")\n\n![Lạ](/media/{"0" * 64}.jpg)'
    )
    version = item.version
    assert (await change(session, house.editor, item, body=written)).version == version
    stranger = await make(session, house.stranger, body=written)
    assert (await newest_revision(session, stranger)).body == written
