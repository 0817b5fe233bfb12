"""What the board says of a portal: when it fetched an item, and what its own page shows."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.content.tables import Item
from services.delivery.tables import Arrival
from services.storage.columns import new_id
from tests.support.console import Console, Visitor
from tests.support.days import within_a_day
from tests.support.hub import Team


@pytest.fixture
async def noon() -> datetime:
    """Half past twelve of a day that outlasts the test."""
    return (await within_a_day()).replace(hour=12, minute=30)


async def _live(console: Console, team: Team, at: datetime) -> tuple[Item, UUID]:
    """An item that a portal's feed holds in its second generation, unseen."""
    slug = f"cong-{new_id().hex[-10:]}"
    settings = {"slug": slug, "title": "Tin", "link": "https://cong.example/"}
    account = await console.bench.account(team, "portal_rss", settings, {})
    item = await console.bench.published(team, [account])
    async with console.hub.open_work() as session:
        for state in ("pending", "live"):
            await session.execute(
                text(
                    "UPDATE publication SET state = :state, generation = 2,"
                    " observed_generation = 2, observed_at = :now, first_observed_at = :now,"
                    " observed_revision_no = 2,"
                    " observed_rendition_id = desired_rendition_id, next_at = NULL"
                    " WHERE item_id = :item"
                ),
                {"state": state, "now": at, "item": item.id},
            )
        found = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :item"), {"item": item.id}
        )
    assert isinstance(found, UUID)
    return item, found


async def _arrived(console: Console, item: Item, publication: UUID, **facts: object) -> None:
    seen = facts.pop("seen_at", None)
    async with console.hub.open_work() as session:
        session.add(Arrival(publication_id=publication, **facts))  # type: ignore[arg-type]  # columns
        await session.execute(
            text("UPDATE publication SET seen_at = :seen WHERE item_id = :item"),
            {"seen": seen, "item": item.id},
        )


async def _page(visitor: Visitor, item: Item) -> str:
    answer = await visitor.client.get(f"/posts/{item.id}/delivery")
    assert answer.status_code == 200
    return answer.text


async def test_it_says_when_the_portal_fetched_it_and_that_it_shows(
    console: Console, team: Team, editor: Visitor, noon: datetime
) -> None:
    item, publication = await _live(console, team, noon)
    shown = noon + timedelta(minutes=3)
    await _arrived(
        console,
        item,
        publication,
        seen_at=noon,
        generation=2,
        found="shown",
        looked_at=shown,
        shown_at=shown,
    )

    page = await _page(editor, item)

    assert "Cổng đã lấy 12:30 hôm nay · đã hiện trên cổng 12:33 hôm nay." in page


async def test_it_says_that_the_portal_still_holds_the_former_version(
    console: Console, team: Team, editor: Visitor, noon: datetime
) -> None:
    item, publication = await _live(console, team, noon)
    await _arrived(console, item, publication, generation=0, fetched_revision_no=1, fetched_at=noon)

    page = await _page(editor, item)

    assert "Cổng vẫn giữ bản cũ, lấy 12:30 hôm nay." in page


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("old", "trang của cổng vẫn hiện bản cũ 12:30 hôm nay"),
        ("absent", "chưa thấy trên trang của cổng 12:30 hôm nay"),
        ("unreadable", "chưa mở được trang của cổng 12:30 hôm nay"),
    ],
)
async def test_it_says_what_the_portals_own_page_shows(
    console: Console, team: Team, editor: Visitor, noon: datetime, found: str, words: str
) -> None:
    item, publication = await _live(console, team, noon)
    await _arrived(
        console, item, publication, seen_at=noon, generation=2, found=found, looked_at=noon
    )

    assert f"Cổng đã lấy 12:30 hôm nay · {words}." in await _page(editor, item)


async def test_a_look_at_an_earlier_generation_says_nothing_of_this_one(
    console: Console, team: Team, editor: Visitor, noon: datetime
) -> None:
    item, publication = await _live(console, team, noon)
    await _arrived(
        console, item, publication, seen_at=noon, generation=1, found="shown", looked_at=noon
    )

    assert "Cổng đã lấy 12:30 hôm nay." in await _page(editor, item)


async def test_programs_are_told_the_same(
    console: Console, team: Team, editor: Visitor, noon: datetime
) -> None:
    item, publication = await _live(console, team, noon)
    await _arrived(
        console,
        item,
        publication,
        generation=2,
        fetched_revision_no=1,
        fetched_at=noon,
        found="old",
        looked_at=noon,
    )

    told = (await editor.client.get(f"/api/v1/items/{item.id}/publications")).json()

    [one] = told["data"]
    assert (one["fetched_revision"], one["found_on_portal"]) == (1, "old")
