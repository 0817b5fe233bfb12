from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import html

from services.content.tables import Item
from services.proof.records import keys_of, verify
from shared.clock import utc_now
from tests.support.newsroom import Newsroom
from tests.support.public import SOMEBODY, Public, open_public

BODY = "Bà con nộp hồ sơ trực tuyến từ 08:00 ngày 05/12, hỏi ông Nguyễn Văn An."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where people ask, and the one item that is public."""

    public: Public
    item: Item

    async def ask(self, text: str) -> html.HtmlElement:
        answer = await self.public.visitor.post("/kiem-tra", data={"q": text})
        assert answer.status_code == 200
        return html.fromstring(answer.text)


@pytest.fixture(scope="module")
async def desk(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_public(database_url, tmp_path_factory.mktemp("media")) as public:
        async with public.hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            item, _ = await newsroom.item(title="Nộp hồ sơ", body=BODY, published_at=utc_now())
        yield Desk(public=public, item=item)


def heading(page: html.HtmlElement) -> str:
    found = page.xpath("string(//h2[@id='ket-qua'])")
    assert isinstance(found, str)
    return found


async def test_a_posted_text_is_judged_and_its_changes_are_marked(desk: Desk) -> None:
    same = await desk.ask(BODY.replace(" ", "\n"))
    altered = await desk.ask(BODY.replace("08:00", "09:00").replace("Văn An", "Văn Anh"))

    assert heading(same) == "Đúng là tin của cơ quan"
    assert heading(altered) == "Có chỗ khác với bản của cơ quan"
    marks = altered.xpath("//p[@class='differences']")[0]
    assert marks.xpath("./del/text()") == ["08:00", "An"]
    assert marks.xpath("./ins/text()") == ["09:00", "Anh"]


async def test_what_is_not_ours_comes_with_what_to_do(desk: Desk) -> None:
    page = await desk.ask("Bạn trúng thưởng một chiếc xe máy, chuyển ngay 2.000.000 đồng phí")

    assert heading(page) == "Không tìm thấy trong hồ sơ công bố của cơ quan"
    assert len(page.xpath("//ul[@class='care']/li")) >= 3


async def test_a_code_may_be_asked_in_an_address_and_is_not_told_on(desk: Desk) -> None:
    answer = await desk.public.visitor.get(f"/kiem-tra?q={desk.item.code}")

    assert heading(html.fromstring(answer.text)) == "Đúng là tin của cơ quan"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


async def test_what_is_asked_is_shown_again_as_text(desk: Desk) -> None:
    nasty = "<script>alert(1)</script> & “ngoặc” </textarea>"

    page = await desk.ask(nasty)

    assert page.xpath("//script") == []
    assert page.xpath("//textarea/text()") == [nasty]


async def test_too_much_is_refused_with_words(desk: Desk) -> None:
    visitor = desk.public.visitor
    long = await visitor.post("/kiem-tra", data={"q": "ế " * 10_001})
    huge = await visitor.post("/kiem-tra", content=b"q=" + b"x" * 400_000)
    address = await visitor.get("/kiem-tra", params={"q": "a" * 501})
    most = await visitor.post("/kiem-tra", data={"q": "ế " * 9_999})

    assert [one.status_code for one in (long, huge, address, most)] == [413, 413, 413, 200]
    assert "20.000 ký tự" in long.text


async def test_programs_ask_by_json(desk: Desk) -> None:
    visitor = desk.public.visitor
    told = (await visitor.post("/kiem-tra.json", json={"text": BODY.replace("An", "Anh")})).json()
    known = (await visitor.get("/kiem-tra.json", params={"q": desk.item.code})).json()
    odd = [
        await visitor.post("/kiem-tra.json", content=body)
        for body in (b"", b"[]", b"\xff", b'{"text": 1}')
    ]

    assert (told["answer"], told["item"]["code"]) == ("altered", desk.item.code)
    assert {"kind": "added", "text": "Anh"} in told["pieces"]
    assert known["answer"] == "official"
    assert {one.json()["answer"] for one in odd} == {"too_short"}


async def test_whoever_asks_without_end_has_to_wait(database_url: str, tmp_path: Path) -> None:
    async with open_public(database_url, tmp_path, address=SOMEBODY) as public:
        answers = [await public.visitor.get("/kiem-tra?q=X-2026-000001") for _ in range(32)]

    assert {one.status_code for one in answers[:30]} == {200}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_published_keys_verify_the_published_records(desk: Desk) -> None:
    visitor = desk.public.visitor
    record = await visitor.get(f"/tin/{desk.item.code}/record.json")
    keys = await visitor.get("/.well-known/loa-keys.json")
    page = await visitor.get("/kiem-tra/khoa")

    assert verify(record.content, keys_of(keys.content)).ok
    one = keys.json()["keys"][0]
    assert (one["kty"], one["crv"]) == ("OKP", "Ed25519")
    shown = html.fromstring(page.text)
    assert one["pem"] in "".join(str(part) for part in shown.itertext())
    # HTML lets no name stand on what has no role, as a `pre` has none of its own.
    assert {part.get("role") for part in shown.iter("pre") if part.get("aria-label")} == {"region"}
