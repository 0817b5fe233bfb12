"""The sample sister site, read by our own reader: life for the page of sources."""

import httpx
import pytest

from services.sandbox.app import create_app
from services.sandbox.sister import STORIES
from services.sources.feed import ReadFeed, ReadPage
from services.sources.reading import read
from shared.clock import utc_now


@pytest.fixture
async def visitor() -> httpx.AsyncClient:
    app = create_app(public_media_fetch=False)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sister.test")


async def look(visitor: httpx.AsyncClient, path: str) -> ReadFeed | ReadPage:
    answer = await visitor.get(path)
    kind = answer.headers["content-type"]
    url = f"http://sister.test{path}"
    return await read(answer.content, url=url, content_type=kind, now=utc_now())


async def test_its_page_names_its_feed(visitor: httpx.AsyncClient) -> None:
    page = await look(visitor, "/sister")
    assert isinstance(page, ReadPage)
    assert [one.url for one in page.feeds] == ["http://sister.test/sister/rss.xml"]
    assert (await visitor.get("/sister/tin/412")).status_code == 200
    assert (await visitor.get("/sister/tin/1")).status_code == 404


async def test_news_comes_after_the_first_reading(visitor: httpx.AsyncClient) -> None:
    first = await look(visitor, "/sister/rss.xml")
    second = await look(visitor, "/sister/rss.xml")
    assert isinstance(first, ReadFeed)
    assert isinstance(second, ReadFeed)
    assert (len(first.entries), len(second.entries)) == (9, len(STORIES))
    told = await visitor.get("/sister/rss.xml")
    same = await visitor.get("/sister/rss.xml", headers={"If-None-Match": told.headers["etag"]})
    assert same.status_code == 304


async def test_its_oddities_are_read_right(visitor: httpx.AsyncClient) -> None:
    await look(visitor, "/sister/rss.xml")
    feed = await look(visitor, "/sister/rss.xml")
    assert isinstance(feed, ReadFeed)
    by_key = {one.key: one for one in feed.entries}
    assert "news_412" in by_key, "names are wrapped in line ends"
    assert by_key["news_412"].published_text.endswith("GMT+7")
    assert all(one.published_at for key, one in by_key.items() if key != "news_404")
    assert by_key["news_404"].published_at is None
    assert by_key["news_406"].legacy == "tcvn3"
    assert by_key["news_412"].pictures
