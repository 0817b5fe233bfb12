"""Links of published items are asked politely, and called broken only when they fail for a day."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.content.tables import Item
from services.delivery import notices
from services.sources import checking_links
from services.sources.checking_links import DAY, WEEK, links_of
from services.storage.columns import new_id
from services.worker import sourcing
from shared.clock import utc_now
from tests.services.sources.conftest import Desk
from tests.support.sister_site import Answer, Asked


async def published(desk: Desk, body: str, **fields: object) -> Item:
    """An item that a portal shows."""
    slug = f"cong-{new_id().hex[-12:]}"
    settings = {"slug": slug, "title": "Cổng", "link": "https://cong.example/"}
    account = await desk.bench.account(desk.team, "portal_rss", settings, {})
    item = await desk.bench.published(desk.team, [account], body=body, **fields)
    async with desk.bench.hub.open_work() as session:
        # What the loop does at the first call, which a portal never gets.
        await session.execute(
            text("UPDATE item SET released_no = 1, published_at = now() WHERE id = :id"),
            {"id": item.id},
        )
    return item


async def state_of(desk: Desk, url: str) -> str:
    async with desk.bench.hub.open_work() as session:
        asked = text("SELECT state FROM link_check WHERE url = :url")
        return str(await session.scalar(asked, {"url": url}))


async def later(desk: Desk, by: timedelta) -> None:
    """Makes every look at a link as long ago as that."""
    async with desk.bench.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE link_check SET next_at = next_at - CAST(:by AS interval),"
                " failing_since = failing_since - CAST(:by AS interval)"
            ),
            {"by": by},
        )


def test_links_are_found_wherever_they_stand() -> None:
    body = (
        "Xem [một](https://a.vn/x#phan) và [hai](http://b.vn/).\n\n- [ba](https://c.vn/?q=1)\n\n"
        "> [bốn](https://d.vn)\n\n[thư](mailto:a@b.vn) [lại](https://a.vn/x)"
    )
    assert links_of(body, "https://nguon.vn/tin") == (
        "https://a.vn/x",
        "http://b.vn/",
        "https://c.vn/?q=1",
        "https://d.vn",
        "https://nguon.vn/tin",
    )


async def test_a_link_is_broken_after_two_failures_a_day_apart(desk: Desk) -> None:
    url = f"{desk.site.url}/mat"
    item = await published(desk, f"Xem [trang]({url}).")
    await sourcing.check_links(desk.bench.hub)
    assert await state_of(desk, url) == "suspect"
    assert [one.method for one in desk.site.asked_for("/mat")] == ["HEAD", "GET"]
    assert await _broken(desk) == {}
    await sourcing.check_links(desk.bench.hub)
    assert len(desk.site.asked_for("/mat")) == 2, "not asked again before its time"
    await later(desk, DAY + timedelta(minutes=1))
    await sourcing.check_links(desk.bench.hub)
    assert await state_of(desk, url) == "broken"
    assert await _broken(desk) == {url: [item.id]}
    async with desk.bench.hub.open_work() as session:
        counts = await checking_links.counts(session, [desk.team.unit_id])
    assert (counts.broken, counts.unknown, counts.some) == (1, 0, True)


async def test_people_who_wrote_the_item_are_told_once(desk: Desk) -> None:
    item = await published(desk, f"Xem [trang]({desk.site.url}/mat).")
    await sourcing.check_links(desk.bench.hub)
    await later(desk, DAY + timedelta(minutes=1))
    await sourcing.check_links(desk.bench.hub)
    for _ in range(2):
        async with desk.bench.hub.open_work() as session:
            await notices.collect(session)
    async with desk.bench.hub.open_work() as session:
        told = await notices.notices(session, desk.team.editor, limit=10)
        others = await notices.notices(session, desk.team.admin, limit=10)
    assert [(one.cause, one.item_id, one.open) for one in told] == [("links", item.id, True)]
    assert others == []


async def test_a_link_that_opens_again_is_good_at_once(desk: Desk) -> None:
    url = f"{desk.site.url}/lai"
    await published(desk, f"Xem [trang]({url}).")
    await sourcing.check_links(desk.bench.hub)
    desk.site.pages["/lai"] = Answer(body=b"<p>Xin loi, da lai</p>")
    await later(desk, DAY + timedelta(minutes=1))
    await sourcing.check_links(desk.bench.hub)
    assert await state_of(desk, url) == "good"
    async with desk.bench.hub.open_work() as session:
        asked = text("SELECT next_at - now() FROM link_check WHERE url = :url")
        wait = await session.scalar(asked, {"url": url})
    assert timedelta(days=6) < wait <= WEEK


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "good"), (204, "good"), (401, "unknown"), (403, "unknown"), (404, "failing"),
     (410, "failing"), (429, "unknown"), (500, "failing"), (503, "unknown"), (999, "unknown")],
)  # fmt: skip
async def test_a_site_that_refuses_programs_is_not_called_broken(
    desk: Desk, status: int, verdict: str
) -> None:
    desk.site.pages["/x"] = Answer(status=status)
    answer = await checking_links.ask(f"{desk.site.url}/x", desk.site.guard)
    assert answer.verdict == verdict


async def test_head_that_is_not_known_is_asked_by_get(desk: Desk) -> None:
    def says(asked: Asked) -> Answer:
        return Answer(status=405 if asked.method == "HEAD" else 200, body=b"x")

    desk.site.pages["/x"] = says
    answer = await checking_links.ask(f"{desk.site.url}/x", desk.site.guard)
    assert answer.verdict == "good"


async def test_an_inner_address_is_never_asked(desk: Desk) -> None:
    answer = await checking_links.ask("http://127.0.0.1:1/x", desk.site.guard)
    assert (answer.verdict, answer.problem[:7]) == ("unknown", "address")


async def test_a_few_links_of_one_host_are_asked_at_a_time(desk: Desk) -> None:
    links = " ".join(f"[x]({desk.site.url}/tin-{number})" for number in range(12))
    await published(desk, links)
    await sourcing.check_links(desk.bench.hub)
    asked = {one.path for one in desk.site.asked}
    assert len(asked) == 5


async def test_links_of_withdrawn_items_are_let_go(desk: Desk) -> None:
    url = f"{desk.site.url}/go"
    item = await published(desk, f"Xem [trang]({url}).")
    await sourcing.check_links(desk.bench.hub)
    await desk.bench.withdrawn(desk.team, item.id)
    async with desk.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET withdrawn_at = now() WHERE id = :id"), {"id": item.id}
        )
    before = len(desk.site.asked)
    await later(desk, DAY * 2)
    await sourcing.check_links(desk.bench.hub)
    assert len(desk.site.asked) == before


async def test_an_item_is_searched_for_links_once_for_each_time_it_becomes_public(
    desk: Desk,
) -> None:
    hub = desk.bench.hub

    async def gathered() -> int:
        async with hub.open_work() as session:
            return await checking_links.gather(session, public_url="https://x", now=utc_now())

    await gathered()
    item = await published(desk, "Không có gì.")
    assert [await gathered(), await gathered()] == [1, 0]
    async with hub.open_work() as session:
        for released in (None, 1):
            change = text("UPDATE item SET released_no = :released WHERE id = :id")
            await session.execute(change, {"released": released, "id": item.id})
    assert [await gathered(), await gathered()] == [1, 0]


async def test_our_own_pages_are_not_asked(desk: Desk) -> None:
    await published(desk, f"Xem [bài]({desk.bench.hub.public_url}/tin/A-2026-000001).")
    async with desk.bench.hub.open_work() as session:
        await checking_links.gather(session, public_url=desk.bench.hub.public_url, now=utc_now())
        asked = text("SELECT count(*) FROM link_check WHERE url LIKE 'http://loa.test%'")
        assert await session.scalar(asked) == 0


async def _broken(desk: Desk) -> dict[str, list[UUID]]:
    async with desk.bench.hub.open_work() as session:
        found = await checking_links.broken(session, [desk.team.unit_id])
    return {one.url: [item.item_id for item in one.items] for one in found}
