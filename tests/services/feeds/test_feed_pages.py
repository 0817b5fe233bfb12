"""The pages about feeds: every address of a feed, what came last, and what a page's head offers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import html

from services.channels.tables import Account
from services.staff import agency
from services.storage.columns import new_id
from services.syndication import catalogue
from shared.clock import utc_now
from tests.support.feed_site import FeedSite, feed_site
from tests.support.newsroom import PUBLIC_URL, Newsroom


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[FeedSite]:
    """A public door."""
    async with feed_site(database_url, tmp_path, listens=False) as opened:
        yield opened


async def portal(site: FeedSite, *, items: int = 1, stage: str = "official") -> Account:
    """A portal with so many live items in one category."""
    async with site.open_work() as session:
        room = await Newsroom(session=session).open()
        account = await room.portal(f"cong-{new_id().hex}", stage=stage)
        for no in range(items):
            await room.live(account, at=utc_now(), title=f"Tin số {no}", category="tin-tuc")
    return account


async def page(site: FeedSite, path: str) -> html.HtmlElement:
    """A page that is there."""
    answer = await site.outside.get(path)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def values(found: html.HtmlElement, path: str) -> list[str]:
    """What an XPath selects, as texts."""
    selected = found.xpath(path)
    assert isinstance(selected, list)
    return [str(one) for one in selected]


async def test_a_feed_has_a_page_with_every_address_to_copy(site: FeedSite) -> None:
    account = await portal(site, items=12)
    place = f"{PUBLIC_URL}/feeds/{account.remote_id}"

    found = await page(site, f"/feeds/{account.remote_id}")

    copies = values(found, "//input[@readonly]/@value")
    assert copies[:3] == [f"{place}/{form}" for form in ("rss.xml", "atom.xml", "feed.json")]
    assert f"{place}/chuyen-muc/tin-tuc/atom.xml" in copies
    assert f"{place}/loai/news/rss.xml" in copies
    assert len(set(values(found, "//input/@aria-label"))) == len(copies)
    assert values(found, "//ul[@class='newest']//a/text()") == [
        f"Tin số {no}" for no in range(11, 1, -1)
    ]
    assert values(found, "//link[@rel='canonical']/@href") == [place]


async def test_programs_find_the_feeds_in_the_head(site: FeedSite) -> None:
    account = await portal(site)
    place = f"{PUBLIC_URL}/feeds/{account.remote_id}"

    found = await page(site, f"/feeds/{account.remote_id}")

    offered = values(found, "//link[@rel='alternate']/@href")
    titles = values(found, "//link[@rel='alternate']/@title")
    assert values(found, "//link[@rel='alternate']/@type")[:3] == [
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
    ]
    assert f"{place}/rss.xml" in offered
    assert len(set(titles)) == len(titles) == len(offered)


async def test_the_list_shows_every_open_feed_and_the_list_for_programs(site: FeedSite) -> None:
    account = await portal(site)
    closed = await portal(site, stage="closed")

    found = await page(site, "/feeds")

    addresses = values(found, "//p[@class='address']/a/@href")
    assert f"{PUBLIC_URL}/feeds/{account.remote_id}/rss.xml" in addresses
    assert not [one for one in addresses if closed.remote_id in one]
    assert f"{PUBLIC_URL}/feeds/opml.xml" in values(found, "//a/@href")
    assert f"{PUBLIC_URL}/feeds/{account.remote_id}" in values(found, "//h2/a/@href")


async def test_what_is_still_being_connected_is_listed_nowhere(site: FeedSite) -> None:
    async with site.open_work() as session:
        room = await Newsroom(session=session).open()
        # As `connecting.begin` leaves it: no address stands behind such a name.
        half = await room.portal(f"trial:{new_id()}", title="Cổng nháp", stage="trial")

    answers = [await site.outside.get(path) for path in ("/feeds", "/feeds/opml.xml", "/tin")]

    assert [one.status_code for one in answers] == [200, 200, 200]
    assert not any(half.remote_id in one.text or "Cổng nháp" in one.text for one in answers)


async def test_a_portal_with_an_address_that_is_still_being_connected_has_no_page(
    site: FeedSite,
) -> None:
    half = await portal(site, items=0, stage="trial")

    found = await site.outside.get(f"/feeds/{half.remote_id}")

    assert found.status_code == 404


async def test_pages_of_feeds_that_are_not_there_say_so(site: FeedSite) -> None:
    closed = await portal(site, stage="closed")
    account = await portal(site, items=0)

    answers = [
        await site.outside.get(f"/feeds/{slug}")
        for slug in ("khong-co", closed.remote_id, account.remote_id.upper(), account.remote_id)
    ]

    assert [one.status_code for one in answers] == [404, 410, 301, 200]
    assert answers[2].headers["location"] == f"{PUBLIC_URL}/feeds/{account.remote_id}"
    assert "Chưa có tin nào" in answers[3].text


async def test_a_page_offers_the_feed_of_its_category_first(site: FeedSite) -> None:
    await portal(site)

    async with site.open_work() as session:
        house = await agency.settings(session)
        with_one = await catalogue.offers(session, site.hub, house, category="tin-tuc")
        without = await catalogue.offers(session, site.hub, house)

    assert "/chuyen-muc/tin-tuc/rss.xml" in with_one[0].address
    assert not [one for one in without if "/chuyen-muc/" in one.address]
    assert len({one.title for one in with_one}) > 3
