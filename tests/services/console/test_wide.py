"""Pages about items on two thousand accounts: what they ask of the database is bounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text

from services.delivery import board, news
from tests.services.console import outlets
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.wide import MANY, Asked, all_live, asked, copies

_SHOWN = 500  # accounts of one item that a page names


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """An item on two thousand accounts, and one on a single account."""

    wide: UUID
    narrow: UUID


@pytest.fixture(scope="module")
async def items(console: Console, team: Team) -> Items:
    bench = console.bench
    portal = await outlets.portal(bench, team)
    async with bench.hub.open_work() as session:
        many = await copies(session, portal)
    made = [
        (await bench.published(team, accounts, title="Lịch nghỉ lễ")).id
        for accounts in (many, [portal])
    ]
    async with bench.hub.open_work() as session:
        for one in made:
            await all_live(session, one)
    return Items(wide=made[0], narrow=made[1])


async def look(visitor: Visitor, path: str) -> tuple[str, Asked]:
    await visitor.client.get(path)  # notes that somebody is here, at most once a minute
    with asked() as told:
        answer = await visitor.client.get(path)
    assert answer.status_code == 200
    return answer.text, told


async def test_a_list_counts_two_thousand_accounts_in_one_row(
    approver: Visitor, items: Items
) -> None:
    page, told = await look(approver, "/posts?view=all")
    assert "×2.000" in page
    assert told.rows <= 50
    assert len(told.statements) <= 12, told.statements


async def test_a_board_reads_what_it_shows(approver: Visitor, items: Items) -> None:
    page, told = await look(approver, f"/posts/{items.wide}/delivery")
    _, narrow = await look(approver, f"/posts/{items.narrow}/delivery")
    assert page.count('class="card lane') == 24
    assert len(told.statements) == len(narrow.statements)
    assert told.rows <= 2 * _SHOWN + 100


@pytest.mark.parametrize("tab", ["", "?tab=channels", "?tab=log"])
async def test_an_items_page_asks_as_little_as_for_one_account(
    approver: Visitor, items: Items, tab: str
) -> None:
    _, wide = await look(approver, f"/posts/{items.wide}{tab}")
    _, narrow = await look(approver, f"/posts/{items.narrow}{tab}")
    assert len(wide.statements) == len(narrow.statements)
    assert wide.rows <= MANY + 2 * _SHOWN + 100


async def read(console: Console, statement: str, values: Mapping[str, object], of: str) -> int:
    """How many rows of a table PostgreSQL looks at to answer."""
    async with console.bench.hub.open_work() as session:
        await session.execute(text(f"ANALYZE {of}"))
        # So few rows as a test has are read faster without an index, millions are not.
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"), values)
    return _rows(plan[0]["Plan"], of)


def _rows(node: Mapping[str, object], of: str) -> int:
    below = node.get("Plans", [])
    assert isinstance(below, list)
    own = 0.0
    if node.get("Relation Name") == of:
        seen = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        own = sum(float(str(node.get(name, 0))) for name in seen) * int(str(node["Actual Loops"]))
    return int(own) + sum(_rows(one, of) for one in below)


async def test_where_an_item_stands_is_told_by_a_few_of_its_publications(
    console: Console, items: Items
) -> None:
    looked = await read(console, board._STANDING.text, {"ids": [items.wide]}, "publication")
    assert looked <= 3


async def test_news_are_found_without_reading_what_is_old(console: Console, items: Items) -> None:
    async with console.bench.hub.open_work() as session:
        last = await session.scalar(text("SELECT max(id) FROM publication_event"))
    assert last > MANY
    values = {"after": last - 10, "holes": [1, 2], "most": 500}
    assert await read(console, news._PUBLICATIONS.text, values, "publication_event") <= 12
