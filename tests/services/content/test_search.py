"""Words among thousands of items: what is asked of the index, and that nothing is missed by it."""

from collections.abc import AsyncIterator, Callable
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import search
from services.delivery import board
from services.delivery import listing as console
from services.delivery.listing import Filters, View
from services.proof import listing as public
from services.storage.session import make_engine, opener
from tests.support.newsroom import Newsroom

ITEMS: Final = 3000  # number 1 is the newest; more than are looked through one by one

# Everywhere `chung`; in the even ones `chan`; `cu` in the oldest hundred, `hiem` in every 400th.
_WORDS: Final = (
    "'chung so' || g || CASE WHEN g % 2 = 0 THEN ' chan' ELSE '' END"
    f" || CASE WHEN g > {ITEMS - 100} THEN ' cu' ELSE '' END"
    " || CASE WHEN g % 400 = 0 THEN ' hiemco' ELSE '' END"
)
_FILL: Final = (
    f"""
    INSERT INTO item (id, code, unit_id, kind, revision_no, released_no, version, created_by,
                      created_at, updated_at, published_at, search)
    SELECT gen_random_uuid(), 'S-' || g, :unit, 'news', 1, 1, 1, :author, t.at, t.at, t.at,
           to_tsvector('simple', {_WORDS})
      FROM generate_series(1, {ITEMS}) g, LATERAL (SELECT now() - g * interval '1 hour' AS at) t
    """,
    """
    INSERT INTO revision (id, item_id, no, state, title, summary, body, author, category, tags,
                          overrides, media, correction_note, note, accounts, urgent, created_by,
                          last_editor, created_at, updated_at)
    SELECT gen_random_uuid(), id, 1, 'approved', substr(code, 3), '', '', '', '', '{}', '{}', '{}',
           '', '', '{}', false, created_by, created_by, created_at, created_at
      FROM item WHERE unit_id = :unit
    """,
    """
    INSERT INTO public_entry (item_id, revision_no, category, at, changed_at, search)
    SELECT id, 1, '', created_at, created_at, search FROM item WHERE unit_id = :unit
    """,
    "ANALYZE item",
    "ANALYZE public_entry",
)
_SOUGHT: Final[tuple[tuple[str, Callable[[int], bool]], ...]] = (
    ("chung", lambda no: True),
    ("CHƯNG chẵn", lambda no: no % 2 == 0),
    ("chung cu", lambda no: no > ITEMS - 100),
    ("hiem", lambda no: no % 400 == 0),
    ("chung chan hiem", lambda no: no % 400 == 0),
    ("hiemco cu", lambda no: no == ITEMS - 200 > ITEMS),
    ("so17", lambda no: str(no).startswith("17")),
    ("chu so17", lambda no: False),
)


@pytest.fixture(scope="module")
async def newsroom(database_url: str) -> AsyncIterator[Newsroom]:
    """A unit with so many items; the tests only read."""
    engine = make_engine(database_url, size=4)
    async with opener(engine)() as session:
        room = await Newsroom(session=session).open()
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _FILL:
            values = {"unit": room.unit, "author": room.author}
            given = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), given)
    yield room
    await engine.dispose()


@pytest.fixture
async def session(database_url: str, newsroom: Newsroom) -> AsyncIterator[AsyncSession]:
    engine = make_engine(database_url, size=2)
    async with opener(engine)() as opened:
        yield opened
    await engine.dispose()


async def five_pages(session: AsyncSession, asked: str) -> list[str]:
    """The titles on the first five pages of a search."""
    page = await public.found(session, asked)
    lines = list(page.lines)
    while page.after is not None and len(lines) < 100:
        page = await public.found(session, asked, after=page.after)
        lines += page.lines
    return [line.title for line in lines]


@pytest.mark.parametrize(("asked", "holds"), _SOUGHT)
async def test_readers_find_all_that_holds_the_words_newest_first(
    session: AsyncSession, asked: str, holds: Callable[[int], bool]
) -> None:
    found = await five_pages(session, asked)

    assert found == [str(no) for no in range(1, ITEMS + 1) if holds(no)][:100]


@pytest.mark.parametrize("view", [View.ALL, View.MINE])
@pytest.mark.parametrize(("asked", "holds"), _SOUGHT)
async def test_the_team_finds_all_that_holds_the_words_newest_first(
    session: AsyncSession,
    newsroom: Newsroom,
    asked: str,
    holds: Callable[[int], bool],
    view: View,
) -> None:
    page = await console.listed(
        session,
        view,
        staff_id=newsroom.author,
        unit_ids=[newsroom.unit],
        filters=Filters(q=asked),
        limit=60,
    )

    expected = [f"S-{no}" for no in range(1, ITEMS + 1) if holds(no)]
    assert [line.code for line in page.lines] == expected[:60]
    assert (page.next is not None) == (len(expected) > 60)


@pytest.mark.parametrize(("asked", "holds"), _SOUGHT)
async def test_programs_find_all_that_holds_the_words_newest_first(
    session: AsyncSession, newsroom: Newsroom, asked: str, holds: Callable[[int], bool]
) -> None:
    found, following = await board.wholes(session, unit_ids=[newsroom.unit], q=asked, limit=60)
    rest, _ = await board.wholes(
        session, unit_ids=[newsroom.unit], q=asked, limit=60, cursor=following
    )

    expected = [f"S-{no}" for no in range(1, ITEMS + 1) if holds(no)]
    assert [one.row.code for one in found] == expected[:60]
    assert following is None or [one.row.code for one in rest] == expected[60:120]


async def test_the_index_is_asked_for_what_is_rare(session: AsyncSession) -> None:
    plan = await search.plan(session, "public_entry", "chung chan so1700")

    assert plan == search.Plan(words="chung & chan & so1700:*", index="so1700:*", near=0)


async def test_words_of_most_items_are_looked_for_among_the_newest(session: AsyncSession) -> None:
    plan = await search.plan(session, "item", "chan chung")

    assert plan is not None
    assert plan.near > 0
    assert await search.plan(session, "item", " ?! ") is None


async def test_a_text_is_held_against_the_newest_items_that_hold_its_words(
    session: AsyncSession,
) -> None:
    common = await public.holding(session, "chung chan", most=3)
    old = await public.holding(session, "chung cu", most=500)
    titles = text("SELECT title FROM revision WHERE item_id = ANY(:items)")

    assert set(await session.scalars(titles, {"items": common})) == {"2", "4", "6"}
    assert len(old) == 50 + 50
    assert await public.holding(session, "", most=3) == []


def test_the_last_word_may_be_half_typed() -> None:
    assert search.query("Thông báo lị") == "thong & bao & li:*"
    assert search.query("?!") is None
