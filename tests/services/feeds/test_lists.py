from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree, html

from services.proof import ledger, listing
from shared.clock import utc_now
from tests.support.newsroom import PUBLIC_URL, Newsroom
from tests.support.public import Public, open_public

SITEMAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
MOST = 20


@pytest.fixture(scope="module")
async def public(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Public]:
    async with open_public(database_url, tmp_path_factory.mktemp("media")) as opened:
        async with opened.hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            portal = await newsroom.portal("cong")
            at = datetime(2026, 11, 20, tzinfo=UTC)
            for no in range(MOST + 2):
                await newsroom.live(
                    portal,
                    at=at - timedelta(days=no),
                    title="Lịch đặc biệt" if no == 7 else f"Lịch tiếp dân {no}",
                    category="tin-tuc" if no else "van-ban-chinh-sach",
                )
        while await ledger.catch_up(opened.hub):
            pass
        yield opened


async def page(public: Public, path: str, status: int = 200) -> html.HtmlElement:
    answer = await public.visitor.get(path)
    assert answer.status_code == status
    return html.fromstring(answer.text)


def texts(shown: html.HtmlElement, path: str) -> list[str]:
    found = shown.xpath(path)
    assert isinstance(found, list)
    return [str(one) for one in found]


async def test_everything_public_is_listed_page_after_page(public: Public) -> None:
    first = await page(public, "/tin")
    onward = texts(first, "//a[@rel='next']/@href")
    second = await page(public, onward[0])

    titles = [texts(one, "//ul[@class='lines']//h2/a/text()") for one in (first, second)]
    assert [len(one) for one in titles] == [MOST, 2]
    assert titles[0][0] == "Lịch tiếp dân 0"
    assert not set(titles[0]) & set(titles[1])
    assert texts(second, "//nav[@class='pager']/a/@href") == ["/tin"]
    assert texts(first, "//link[@rel='canonical']/@href") == [f"{PUBLIC_URL}/tin"]


async def test_the_menu_has_its_four_parts(public: Public) -> None:
    shown = await page(public, "/chuyen-muc/van-ban-chinh-sach")

    assert texts(shown, "//nav[@class='menu']/ul[1]//a/text()") == [
        "Tất cả",
        "Tin tức",
        "Văn bản, chính sách",
        "Bản tin cải cách hành chính",
        "Tin đa phương tiện",
    ]
    assert texts(shown, "//nav[@class='menu']//a[@aria-current]/text()") == ["Văn bản, chính sách"]
    assert texts(shown, "//ul[@class='lines']//h2/a/text()") == ["Lịch tiếp dân 0"]


async def test_an_empty_part_says_so_and_an_unknown_one_is_404(public: Public) -> None:
    empty = await page(public, "/chuyen-muc/tin-da-phuong-tien")
    await page(public, "/chuyen-muc/khong-co", 404)

    assert "Chưa có tin nào ở mục này." in empty.text_content()


async def test_search_works_without_marks_and_says_when_nothing_is_found(
    public: Public,
) -> None:
    found = await page(public, "/tin?q=LICH+dac+bi")
    nothing = await page(public, "/tin?q=%3Cscript%3E")

    assert texts(found, "//ul[@class='lines']//h2/a/text()") == ["Lịch đặc biệt"]
    assert texts(found, "//input[@name='q']/@value") == ["LICH dac bi"]
    assert "Không có tin nào" in nothing.text_content()
    assert texts(nothing, "//script") == []
    assert texts(nothing, "//meta[@name='robots']/@content") == ["noindex, follow"]


async def test_what_came_a_moment_ago_is_listed(public: Public) -> None:
    async with public.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(
            title="Vừa công bố", category="ban-tin-cai-cach-hanh-chinh", published_at=utc_now()
        )
    listed = await page(public, "/chuyen-muc/ban-tin-cai-cach-hanh-chinh")
    async with public.hub.open_work() as session:
        session.add(item)
        item.withdrawn_at = utc_now()
    after = await page(public, "/chuyen-muc/ban-tin-cai-cach-hanh-chinh")

    assert texts(listed, "//ul[@class='lines']//h2/a/text()") == ["Vừa công bố"]
    assert texts(after, "//ul[@class='lines']//h2/a/text()") == []


async def test_search_engines_find_the_sitemap_and_every_item_in_it(public: Public) -> None:
    robots = await public.visitor.get("/robots.txt")
    index = etree.fromstring((await public.visitor.get("/sitemap.xml")).content)
    places = [one.text or "" for one in index.iter(f"{SITEMAPS}loc")]
    month = await public.visitor.get(places[-1].removeprefix(PUBLIC_URL))
    listed = [one.text for one in etree.fromstring(month.content).iter(f"{SITEMAPS}loc")]

    assert f"Sitemap: {PUBLIC_URL}/sitemap.xml" in robots.text
    assert f"{PUBLIC_URL}/sitemap/2026-11.xml" in places
    assert places[-1].endswith(("2026-10.xml", "2026-11.xml"))
    assert all(str(one).startswith(f"{PUBLIC_URL}/tin/") for one in listed)
    for odd in ("2026-13", "9999-12", "x", "1999-01"):
        assert (await public.visitor.get(f"/sitemap/{odd}.xml")).status_code == 404


async def test_a_long_month_stands_in_the_index_with_all_its_parts(
    public: Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SITEMAP_MOST", 8)
    index = etree.fromstring((await public.visitor.get("/sitemap.xml")).content)
    places = [str(one.text) for one in index.iter(f"{SITEMAPS}loc")]
    listed = []
    for place in places:
        part = etree.fromstring((await public.visitor.get(place.removeprefix(PUBLIC_URL))).content)
        listed.append([one.text for one in part.iter(f"{SITEMAPS}loc")])

    assert f"{PUBLIC_URL}/sitemap/2026-11-2.xml" in places
    assert max(map(len, listed)) <= 8
    every = [one for part in listed for one in part]
    assert len(every) == len(set(every)) >= MOST + 2
    for odd in ("2026-11-1", "2026-11-0", "2026-11-99", "2026-11-x", "2026-11-99999"):
        assert (await public.visitor.get(f"/sitemap/{odd}.xml")).status_code == 404


async def test_an_unchanged_list_is_not_sent_twice(public: Public) -> None:
    first = await public.visitor.get("/tin?q=lich")
    tag = {"If-None-Match": first.headers["etag"]}

    assert (await public.visitor.get("/tin?q=lich", headers=tag)).status_code == 304
