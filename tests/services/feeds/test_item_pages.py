import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from lxml import html
from PIL import Image

from services.content.tables import Item
from services.feeds import card
from shared.clock import utc_now
from shared.contract.messages import AI_LABEL
from tests.support.missing import missing
from tests.support.newsroom import PUBLIC_URL, Newsroom
from tests.support.public import Public, open_public

BODY = "Kính gửi **bà con**.\n\n1. Một;\n2. Hai."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One item that is corrected, and one that was withdrawn."""

    public: Public
    item: Item
    gone: Item

    async def page(self, path: str = "") -> html.HtmlElement:
        answer = await self.public.visitor.get(f"/tin/{self.item.code}{path}")
        assert answer.status_code == 200
        return html.fromstring(answer.text)


@pytest.fixture(scope="module")
async def shown(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shown]:
    async with open_public(database_url, tmp_path_factory.mktemp("media")) as public:
        at = utc_now() - timedelta(hours=2)
        async with public.hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            portal = await newsroom.portal("cong")
            item, publication = await newsroom.live(portal, at=at, title="Lịch cũ", body=BODY)
            gone, withdrawn = await newsroom.live(portal, at=at, title="Tin sai")
            await newsroom.withdraw(gone, withdrawn, at=utc_now(), reason="Nhầm số liệu.")
        async with public.hub.open_work() as session:
            newsroom.session = session
            item = await session.get_one(Item, item.id)
            # A revision that was agreed to and overtaken before anybody saw it.
            await newsroom.revise(item, no=2, title="Chưa ai thấy", correction_note="Kín.")
            await newsroom.revise(
                item,
                no=3,
                title="Lịch tiếp dân",
                summary="Hằng tuần.",
                body=BODY,
                correction_note="Giờ đúng là 09:00.",
                ai_made=True,
                source_name="Báo Hoa Sen",
                source_url="https://bao.example/1",
            )
            item.revision_no = item.released_no = 3
            session.add(publication)
        yield Shown(public=public, item=item, gone=gone)


def texts(page: html.HtmlElement, path: str) -> list[str]:
    found = page.xpath(path)
    assert isinstance(found, list)
    return [" ".join(str(one).split()) for one in found]


async def test_readers_see_what_was_corrected_and_when_but_only_what_was_public(
    shown: Shown,
) -> None:
    page = await shown.page()

    told = texts(page, "//section[@class='changes']//li/p/text()")
    assert told == ["Giờ đúng là 09:00.", "Công bố lần đầu."]
    assert texts(page, "//section[@class='changes']//span/text()") == ["Bản 3", "Bản đầu"]
    assert "Kín." not in html.tostring(page, encoding="unicode")


async def test_the_label_for_artificial_intelligence_and_the_source_stand_on_the_page(
    shown: Shown,
) -> None:
    page = await shown.page()

    assert texts(page, "//p[@class='ai']/span/text()") == [AI_LABEL]
    assert texts(page, "//p[@class='credit']/a/@href") == ["https://bao.example/1"]


async def test_facts_for_search_engines_need_no_script(shown: Shown) -> None:
    page = await shown.page()

    assert texts(page, "//article/@itemtype") == ["https://schema.org/Article"]
    assert texts(page, "//*[@itemprop='headline']/text()") == ["Lịch tiếp dân"]
    assert texts(page, "//*[@itemprop='publisher']/*/@content") == ["UBND tỉnh Hoa Sen"]
    assert texts(page, "//script") == []
    offered = texts(page, "//link[@rel='alternate']/@href")
    assert f"{PUBLIC_URL}/feeds/cong/rss.xml" in offered


async def test_an_item_without_a_picture_gets_a_drawn_one_to_be_shared_with(
    shown: Shown,
) -> None:
    if not card.can_draw():
        missing("chưa dựng phông chữ · the lettering is not built: make assets")
    page = await shown.page()

    assert texts(page, "//meta[@property='og:image']/@content") == [
        f"{PUBLIC_URL}/tin/{shown.item.code}/the.png?v=3"
    ]
    answer = await shown.public.visitor.get(f"/tin/{shown.item.code}/the.png")
    picture = Image.open(io.BytesIO(answer.content))
    assert (answer.headers["content-type"], picture.size) == ("image/png", (1200, 630))
    page = await shown.public.visitor.get(f"/tin/{shown.item.code}")
    # Withdrawn, it leaves the caches with the page.
    assert answer.headers["cache-control"] == page.headers["cache-control"]


async def test_the_words_stand_alone_for_whoever_compares_them(shown: Shown) -> None:
    answer = await shown.public.visitor.get(f"/tin/{shown.item.code}/ban-chu.txt")

    assert answer.text == "Lịch tiếp dân\nHằng tuần.\nKính gửi bà con.\nMột;\nHai.\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_signed_records_are_there_before_any_job_has_run(shown: Shown) -> None:
    answer = await shown.public.visitor.get(f"/tin/{shown.item.code}/record.json")

    told = [one["record"]["event"] for one in json.loads(answer.content)["records"]]
    assert told == ["published", "corrected"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_withdrawn_item_keeps_its_records_and_loses_its_words(shown: Shown) -> None:
    ask = shown.public.visitor.get
    page, words, picture, record = [
        await ask(f"/tin/{shown.gone.code}{path}")
        for path in ("", "/ban-chu.txt", "/the.png", "/record.json")
    ]

    assert [one.status_code for one in (page, words, picture, record)] == [410, 410, 410, 200]
    assert "Nhầm số liệu." in page.text
    assert json.loads(record.content)["records"][-1]["record"]["event"] == "withdrawn"


async def test_what_is_not_there_is_404(shown: Shown) -> None:
    for path in ("", "/record.json", "/ban-chu.txt", "/the.png"):
        assert (await shown.public.visitor.get(f"/tin/KHONG-CO{path}")).status_code == 404


async def test_a_page_copied_whole_is_official(shown: Shown) -> None:
    article = (await shown.page()).xpath("//article")[0]
    copy = "\n".join(str(text) for text in article.itertext())

    asked = await shown.public.visitor.post("/kiem-tra.json", json={"text": copy})

    told = asked.json()
    assert [one for one in told["pieces"] if one["kind"] != "same"] == []
    assert told["answer"] == "official"
