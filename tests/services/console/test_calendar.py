"""Lịch đăng over HTTP: a day of many items is told by its first, with the rest page by page."""

from datetime import UTC, datetime

import pytest
from lxml import html
from sqlalchemy import text

from tests.support.console import Console, Visitor
from tests.support.hub import Team

MANY = 1_130
DAY = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)  # nine in the morning here
LIST = f"/calendar?view=list&day={DAY:%Y-%m-%d}"
_ITEMS = text(
    """
    WITH made AS (
      INSERT INTO item (id, code, unit_id, kind, revision_no, released_no, version, created_by,
                        created_at, updated_at, published_at)
      SELECT gen_random_uuid(), 'LICH-' || lpad(g::text, 4, '0'), :unit, 'news', 1, 1, 1, :by,
             :at, :at, CAST(:at AS timestamptz) + g * interval '20 seconds'
        FROM generate_series(1, :many) g
      RETURNING id, code)
    INSERT INTO revision (id, item_id, no, state, title, summary, body, author, category, tags,
                          overrides, media, correction_note, note, accounts, urgent, created_by,
                          last_editor, created_at, updated_at)
    SELECT gen_random_uuid(), id, 1, 'approved', code, '', '', '', '', '{}', '{}', '{}', '', '',
           '{}', false, :by, :by, :at, :at FROM made
    """
)


@pytest.fixture(scope="module")
async def full(console: Console, team: Team, editor: Visitor) -> Visitor:
    """An editor before a calendar with a day of many items."""
    given = {"unit": team.unit_id, "by": team.editor, "at": DAY, "many": MANY}
    async with console.hub.open_work() as session:
        await session.execute(_ITEMS, given)
    return editor


async def seen(visitor: Visitor, path: str) -> html.HtmlElement:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def titles(page: html.HtmlElement) -> list[str]:
    main = page.get_element_by_id("calendar")
    found = (" ".join(one.text_content().split()) for one in main.iter("a"))
    return [one for one in found if one.startswith("LICH-")]


def following(page: html.HtmlElement) -> str | None:
    return next((str(one.get("href")) for one in page.iter("a") if one.get("rel") == "next"), None)


def link(page: html.HtmlElement, words: str) -> str:
    (found,) = {
        str(one.get("href"))
        for one in page.iter("a")
        if " ".join(one.text_content().split()) == words
    }
    return found


@pytest.mark.parametrize(
    ("view", "shown", "more"),
    [
        (f"view=month&month={DAY:%Y-%m}", 3, "+1.127 bài nữa"),
        (f"view=week&day={DAY:%Y-%m-%d}", 12, "+1.118 bài nữa"),
        (f"view=list&month={DAY:%Y-%m}", 6, "Còn 1.124 bài nữa"),
    ],
)
async def test_of_a_full_day_the_first_are_shown_and_the_rest_is_one_press_away(
    full: Visitor, view: str, shown: int, more: str
) -> None:
    page = await seen(full, f"/calendar?{view}")

    assert sorted(set(titles(page))) == [f"LICH-{no:04}" for no in range(1, shown + 1)]
    assert link(page, more) == LIST


async def test_every_item_of_a_full_day_stands_on_one_of_its_pages(full: Visitor) -> None:
    pages = [await seen(full, LIST)]
    while further := following(pages[-1]):
        pages.append(await seen(full, further))

    told = [title for page in pages for title in titles(page)]
    assert told == [f"LICH-{no:04}" for no in range(1, MANY + 1)]
    assert len(pages) == 12
    assert "Bài 1.101–1.130 trong 1.130" in pages[-1].text_content()
    assert link(pages[-1], "Trang đầu") == LIST


async def test_a_place_behind_the_end_or_before_the_start_breaks_nothing(full: Visitor) -> None:
    behind = await seen(full, f"{LIST}&from=5000")
    before = await seen(full, f"{LIST}&from=-7")

    assert "Không có bài nào." in behind.text_content()
    assert titles(before)[0] == "LICH-0001"


async def test_a_day_that_fits_has_no_pages(full: Visitor) -> None:
    page = await seen(full, "/calendar?view=list&day=2026-03-17")

    assert following(page) is None
    assert "Bài 1–" not in page.text_content()
