"""Two thousand accounts: pages count them all, show a part, and ask the database for no more."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from services.delivery import board, news
from tests.services.console import outlets
from tests.support.browser import NARROW, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.wide import MANY, Asked, all_live, asked, copies, some_lost

_SHOWN = 50  # accounts of one item that a page names
_FAILED = 300
_NAME = "Ước mơ xa"  # of the last account


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """An item on two thousand accounts, one on a single account, and one that failed on many.

    `waiting` is yet to be agreed to, for all of the accounts.
    """

    wide: UUID
    narrow: UUID
    failed: UUID
    waiting: UUID
    accounts: tuple[UUID, ...]


@pytest.fixture(scope="module")
async def items(console: Console, team: Team) -> Items:
    bench = console.bench
    portal = await outlets.portal(bench, team)
    async with bench.hub.open_work() as session:
        many = await copies(session, portal)
        await session.execute(
            text("UPDATE account SET name = :name WHERE id = :id"), {"name": _NAME, "id": many[-1]}
        )
    made = [
        (await bench.published(team, accounts, title="Lịch nghỉ lễ")).id
        for accounts in (many, [portal], many)
    ]
    waiting = await bench.draft(team, title="Chờ duyệt")
    await bench.submitted(team, waiting.id, many)
    async with bench.hub.open_work() as session:
        await some_lost(session, made[2], _FAILED)
        for one in made:
            await all_live(session, one)
    return Items(
        wide=made[0], narrow=made[1], failed=made[2], waiting=waiting.id, accounts=tuple(many)
    )


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
    assert told.rows <= 2 * _SHOWN + 200
    assert "2.000/2.000 kênh đã đăng." in page
    assert "Đang hiện 1–50 trong 2.000 kênh." in page
    assert page.count('<span class="green"></span>') <= 50


@pytest.mark.parametrize("tab", ["", "?tab=channels", "?tab=log"])
async def test_an_items_page_asks_as_little_as_for_one_account(
    approver: Visitor, items: Items, tab: str
) -> None:
    _, wide = await look(approver, f"/posts/{items.wide}{tab}")
    _, narrow = await look(approver, f"/posts/{items.narrow}{tab}")
    assert len(wide.statements) == len(narrow.statements)
    assert wide.rows <= MANY + 2 * _SHOWN + 100


async def test_what_failed_leads_and_all_of_it_is_counted(approver: Visitor, items: Items) -> None:
    page, _ = await look(approver, f"/posts/{items.failed}/delivery")
    assert "1.700/2.000 kênh đã đăng." in page
    assert "300 kênh: không đăng được." in page
    assert page.count('class="card lane red') == 24
    assert "Thử lại cả 300 kênh không đăng được" in page
    needs, _ = await look(approver, f"/posts/{items.failed}/delivery?show=needs&page=6")
    assert "Đang hiện 251–300 trong 300 kênh." in needs
    assert 'rel="next"' not in needs


async def test_every_account_of_an_item_can_be_come_to(approver: Visitor, items: Items) -> None:
    path = f"/posts/{items.wide}?tab=channels"
    seen: set[str] = set()
    for number in (1, 2, 39, 40):
        page, _ = await look(approver, f"{path}&page={number}")
        names = set(re.findall(r'class="outlet">.*?<strong>([^<]+)</strong>', page, re.DOTALL))
        assert len(names) == _SHOWN
        assert not seen & names
        seen |= names
    page, _ = await look(approver, f"/posts/{items.wide}/delivery?q=uoc+mo")
    assert page.count('class="card lane') == 1
    assert f">{_NAME}</h2>" in page
    beyond, _ = await look(approver, f"{path}&page=99")
    assert "Đang hiện 1–50 trong 2.000 kênh." in beyond


async def test_what_a_stream_carries_of_a_wide_item_is_bounded(
    approver: Visitor, items: Items
) -> None:
    part = await approver.client.get(
        f"/posts/{items.failed}/delivery",
        headers={"HX-Request": "true", "HX-Request-Type": "partial"},
    )
    assert part.text.startswith(f'<div id="board-{items.failed}"')
    assert len(part.content) < 200_000


async def test_taking_down_speaks_of_all_accounts_at_once(approver: Visitor, items: Items) -> None:
    page, told = await look(approver, f"/posts/{items.wide}/withdraw")
    assert "Gỡ khỏi 2.000 kênh" in page
    assert page.count("Rút khỏi cổng và nguồn tin") == 1
    assert told.rows <= 100


async def test_all_that_failed_is_tried_again_not_only_what_is_shown(
    console: Console, approver: Visitor, editor: Visitor, items: Items
) -> None:
    path = f"/posts/{items.failed}/delivery/retry"
    assert (await editor.post(path)).status_code == 403
    assert (await approver.post(path)).status_code == 303
    states = Counter((await console.bench.states(items.failed)).values())
    assert states["failed"] == 0
    assert states["live"] == MANY - _FAILED
    assert "Đang thử lại trên 300 kênh." in (await approver.client.get("/")).text


async def test_two_thousand_looks_are_agreed_to_with_one_press(
    console: Console, approver: Visitor, items: Items
) -> None:
    page, _ = await look(approver, f"/posts/{items.waiting}/review")
    assert "Sẽ hiện trên 2.000 kênh" in page
    seen = re.findall(r'name="seen" value="([^"]+)"', page)
    answer = await approver.post(f"/posts/{items.waiting}/approve", revision="1", seen=seen)
    assert answer.status_code == 303
    assert len(await console.bench.states(items.waiting)) == MANY


async def test_a_text_for_two_thousand_accounts_is_written_and_kept(
    console: Console, editor: Visitor, items: Items
) -> None:
    page, _ = await look(editor, "/posts/new")
    assert page.count('type="checkbox" name="accounts"') == MANY + 1
    accounts = [str(one) for one in items.accounts]
    fields = {"title": "Lịch tiếp dân", "body": "Nội dung.", "when": "now"}
    # Script sends one field, a browser without it one for each.
    for told in (",".join(accounts), accounts):
        looked = await editor.post("/posts/new/preview", **fields, accounts=told)
        assert "xem trước 100 trong 2.000 kênh đã chọn" in looked.text
    kept = await editor.post("/posts/new", **fields, accounts=accounts, do="save")
    assert kept.status_code == 303
    again, _ = await look(editor, kept.headers["location"])
    assert again.count(" checked>") == MANY


async def test_a_long_list_of_accounts_is_narrowed_and_ticked(
    console: Console, editor: Visitor, items: Items, browser: Browser
) -> None:
    async with window(browser, console, editor, size=NARROW) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/new")
        told = page.locator("[data-choice-told]")
        await expect(told).to_have_text("Đã chọn 2.001 trong 2.001 kênh; đang hiện 2.001.")
        await page.get_by_role("button", name="Bỏ hết").click()
        await expect(told).to_have_text("Đã chọn 0 trong 2.001 kênh; đang hiện 2.001.")
        await page.locator("[data-narrows]").fill("uoc xa")
        await expect(told).to_have_text("Đã chọn 0 trong 2.001 kênh; đang hiện 1.")
        await page.get_by_role("button", name="Chọn hết").click()
        await expect(told).to_have_text("Đã chọn 1 trong 2.001 kênh; đang hiện 1.")
        await page.goto(f"{console.url}/posts/{items.wide}/delivery?page=2")
        await opened.axe()


async def test_all_accounts_of_a_house_are_counted_and_come_to(
    console: Console, admin: Visitor, items: Items
) -> None:
    last = items.accounts[-1]
    async with console.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE account SET state = 'paused' WHERE id = :id"), {"id": last}
        )
    page, told = await look(admin, "/channels")
    assert page.count('class="card lane') == 48
    assert told.rows <= MANY + 200
    assert "Đang hiện 1–48 trong 2.001 kênh." in page
    assert page.index("Cần xem trước") < page.index('id="channel-')
    assert page.index('id="channel-') == page.index(f'id="channel-{last}"')
    beyond, _ = await look(admin, "/channels?page=42")
    assert "Đang hiện 1.969–2.001 trong 2.001 kênh." in beyond
    found, _ = await look(admin, "/channels?q=uoc+mo")
    assert found.count('class="card lane') == 1
    searched, _ = await look(admin, "/search?q=uoc+mo")
    assert f"/channels/{last}" in searched
    today, _ = await look(admin, "/")
    assert "Và 1.989 kênh nữa, 2.000 kênh đang tốt." in today


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
