import io
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from lxml import etree, html
from PIL import Image
from sqlalchemy import text

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content import brand
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.feeds.dress import PIECES
from services.feeds.router import create_router
from services.staff.tables import AgencySetting
from services.storage.columns import new_id
from services.storage.session import Opener, make_engine, opener
from shared.clock import utc_now
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL, Newsroom

PORTAL_AGENT = {"User-Agent": "SamplePortal/1.0"}
DAY = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The door over a real database, and a client that stands outside."""

    open_work: Opener
    outside: httpx.AsyncClient
    media: Path
    slug: str

    @property
    def feed(self) -> str:
        return f"/feeds/{self.slug}/rss.xml"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    engine = make_engine(database_url, size=4)
    hub = Hub(
        open_work=opener(engine),
        registry=Registry.of(channel),
        sealer=Sealer(KEY),
        media=MediaStore(tmp_path),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
    app = FastAPI()
    app.include_router(create_router(hub))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1", headers=PORTAL_AGENT
    ) as outside:
        yield House(
            open_work=hub.open_work, outside=outside, media=tmp_path, slug=f"cong-{new_id().hex}"
        )
    await engine.dispose()


def found(page: html.HtmlElement, path: str) -> list[str]:
    """What an XPath selects on a page, as texts; elements by their names."""
    selected = page.xpath(path)
    assert isinstance(selected, list)
    return [str(one.tag) if isinstance(one, etree._Element) else str(one) for one in selected]


async def publish(house: House) -> None:
    """A portal with one live item."""
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(house.slug)
        await newsroom.live(account, at=utc_now())


# ── The list of feeds ─────────────────────────────────────────────────────────────────────────────


async def test_people_find_the_feeds_on_a_page(house: House) -> None:
    await publish(house)

    page = html.fromstring((await house.outside.get("/feeds")).text)

    assert f"{PUBLIC_URL}{house.feed}" in found(page, "//p[@class='address']/a/@href")
    assert f"{PUBLIC_URL}{house.feed}" in found(
        page, "//link[@rel='alternate'][@type='application/rss+xml']/@href"
    )


# ── Item pages ───────────────────────────────────────────────────────────────────────────────────


async def item_page(
    house: House, *, body: str = "Kính gửi **bà con**.", released: bool = True, **facts: Any
) -> str:
    """An item with a cover; gives the address of its page."""
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        cover = await newsroom.picture(
            sha256="c" * 64, alt="Ao sen", caption="Ao sen sớm mai", credit="Lê Thu Hà"
        )
        item, _ = await newsroom.item(
            body=body, released=released, published_at=DAY, cover=cover.id, **facts
        )
    return f"/tin/{item.code}"


async def test_an_items_page_is_plain_accessible_html(house: House) -> None:
    path = await item_page(house, tags=["hồ sơ"], category="tin-tuc")

    response = await house.outside.get(path)
    page = html.fromstring(response.text)

    assert response.status_code == 200
    assert page.get("lang") == "vi"
    assert found(page, "//h1/text()") == ["Tạm dừng nộp hồ sơ trực tuyến"]
    assert found(page, "//main | //body/header | //body/footer") == ["header", "main", "footer"]
    assert found(page, "//body/a[1]/@href") == ["#noi-dung"]
    assert found(page, "//main//img/@alt") == ["Ao sen"]
    assert found(page, "//figcaption//text()") == ["Ao sen sớm mai ", "Ảnh: Lê Thu Hà"]
    assert "Thứ Sáu, ngày 04 tháng 12 năm 2026, 08:00" in response.text
    assert not re.search(r"<script|<style|style=|\son\w+=", response.text)
    assert "script-src" not in response.headers["content-security-policy"]
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


async def test_the_address_of_an_item_is_ours_whatever_the_slug_or_host(house: House) -> None:
    path = await item_page(house)

    response = await house.outside.get(f"{path}/ten-gi-cung-duoc", headers={"Host": "evil.example"})
    page = html.fromstring(response.text)

    assert found(page, "//link[@rel='canonical']/@href") == [f"{PUBLIC_URL}{path}"]
    assert found(page, "//meta[@property='og:url']/@content") == [f"{PUBLIC_URL}{path}"]
    assert found(page, "//meta[@property='og:image']/@content") == [
        f"{PUBLIC_URL}/media/{'c' * 64}.jpg"
    ]
    assert "evil.example" not in response.text


async def test_a_correction_and_the_facts_of_a_document_are_shown(house: House) -> None:
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(kind="document", published_at=DAY)
        item.revision_no = item.released_no = 2
        await newsroom.revise(
            item,
            no=2,
            title="Thông tư",
            correction_note="Ngày hiệu lực đúng là 01/01/2027.",
            approved_at=DAY + timedelta(days=1),
            document={
                "number": "15/2026/TT-HS",
                "issued_on": "2026-08-01",
                "issuer": "Bộ",
                "signer": "",
            },
        )

    shown = (await house.outside.get(f"/tin/{item.code}")).text

    assert "Ngày hiệu lực đúng là 01/01/2027." in shown
    assert "Thứ Bảy, ngày 05 tháng 12 năm 2026, 08:00" in shown
    assert "Ngày 01 tháng 8 năm 2026" in shown
    assert "Người ký" not in shown


async def test_only_the_released_revision_is_public(house: House) -> None:
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(title="Bản một")
        item.revision_no = 2
        await newsroom.revise(item, no=2, title="Bản hai", state="review")
        hidden, _ = await newsroom.item(title="Nháp", released=False)

    shown = await house.outside.get(f"/tin/{item.code.lower()}")
    draft = await house.outside.get(f"/tin/{hidden.code}")

    assert "Bản một" in shown.text
    assert "Bản hai" not in shown.text
    assert "Đính chính" not in shown.text
    assert draft.status_code == 404
    assert "Nháp" not in draft.text


async def test_a_withdrawn_item_is_gone_with_reason_and_date(house: House) -> None:
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(title="Tin sai", summary="Nội dung sai")
        item.withdrawn_at, item.withdrawn_reason = DAY, "Số liệu chưa được kiểm chứng."

    response = await house.outside.get(f"/tin/{item.code}")

    assert response.status_code == 410
    assert "Số liệu chưa được kiểm chứng." in response.text
    assert "Thứ Sáu, ngày 04 tháng 12 năm 2026, 08:00" in response.text
    assert "sai" not in response.text.replace("Số liệu", "")


async def test_official_posts_are_linked_while_they_are_live(house: House) -> None:
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal(house.slug)
        item, live = await newsroom.live(portal, at=DAY)
        await newsroom.change(live, remote_url="https://www.facebook.com/hoasen/posts/1")
        other = await newsroom.portal(f"{house.slug}-2")
        gone = await newsroom.show(item, other, None, at=DAY)
        await newsroom.change(gone, remote_url="https://gone.example/1")

    page = html.fromstring((await house.outside.get(f"/tin/{item.code}")).text)

    assert found(page, "//ul[@class='posts']//a/@href") == [
        "https://www.facebook.com/hoasen/posts/1"
    ]


async def test_videos_and_files_are_drawn_for_what_they_are(house: House) -> None:
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        film = await newsroom.picture(sha256="d" * 64, alt="Phim", kind="video", ext="mp4")
        paper = await newsroom.picture(
            sha256="e" * 64, alt="Phụ lục", kind="document", ext="pdf", size_bytes=1_400_000
        )
        item, _ = await newsroom.item(
            body=f"![Phim](media:{film.id})\n\n![Phụ lục](media:{paper.id})\n\n"
            "![Toạ đàm](https://youtu.be/abc)"
        )

    page = html.fromstring((await house.outside.get(f"/tin/{item.code}")).text)

    assert found(page, "//video/@src") == [f"/media/{'d' * 64}.mp4"]
    assert "".join(found(page, "//p[@class='file']//text()")) == "Phụ lục (PDF, 1,4 MB)"
    assert found(page, "//figure[@class='elsewhere']/a/@href") == ["https://youtu.be/abc"]


async def test_a_page_is_packed_and_answered_304_until_it_changes(house: House) -> None:
    path = await item_page(house)

    first = await house.outside.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await house.outside.get(path, headers={"Accept-Encoding": "identity"})
    asks = {"If-None-Match": first.headers["etag"]}
    same = await house.outside.get(path, headers=asks)
    async with house.open_work() as session:
        await session.execute(text("UPDATE unit SET name = 'Sở Nội vụ'"))
    changed = await house.outside.get(path, headers=asks)

    assert first.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert first.text == plain.text
    assert first.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["cache-control"] == first.headers["cache-control"]
    assert "content-security-policy" in same.headers
    assert changed.status_code == 200


# ── Media and styles ─────────────────────────────────────────────────────────────────────────────


def store(house: House, ext: str, body: bytes) -> tuple[str, bytes]:
    """Bytes in the media store; gives their name."""
    return MediaStore(house.media).put(body, ext), body


async def test_media_are_served_for_an_hour_and_cannot_run(house: House) -> None:
    digest, body = store(house, "jpg", b"\xff\xd8\xff" + os.urandom(100))

    response = await house.outside.get(f"/media/{digest}.jpg")

    assert (response.status_code, response.content) == (200, body)
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "public, max-age=3600"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


async def test_who_holds_a_picture_is_not_sent_it_again(house: House) -> None:
    digest, _ = store(house, "jpg", b"\xff\xd8\xff" + os.urandom(100))

    asks = {"If-None-Match": f'"{digest}"'}
    same = await house.outside.get(f"/media/{digest}.jpg", headers=asks)

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == f'"{digest}"'


async def test_the_picture_of_a_withdrawn_item_is_gone(house: House) -> None:
    digest, _ = store(house, "jpg", b"\xff\xd8\xff" + os.urandom(100))
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        cover = await newsroom.picture(sha256=digest, alt="Ao sen")
        item, _ = await newsroom.item(cover=cover.id)
        item.withdrawn_at, item.withdrawn_reason = DAY, "Ảnh sai."

    response = await house.outside.get(f"/media/{digest}.jpg")

    assert (response.status_code, response.content) == (410, b"")


async def test_a_document_is_saved_not_shown(house: House) -> None:
    digest, _ = store(house, "pdf", b"%PDF-1.7")

    response = await house.outside.get(f"/media/{digest}.pdf")

    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("points", "shown"),
    [((1_000, 500), (240, 120)), ((1_600, 100), (336, 21)), ((96, 96), (96, 96))],
)
async def test_the_agencys_mark_stands_on_pages_as_small_as_it_is_shown(
    house: House, points: tuple[int, int], shown: tuple[int, int]
) -> None:
    drawn, transparent = io.BytesIO(), Image.effect_noise(points, 90).convert("RGBA")
    transparent.putalpha(128)
    transparent.save(drawn, "PNG")
    logo = await brand.keep(MediaStore(house.media), drawn.getvalue())
    async with house.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        value = logo.model_dump(mode="json")
        session.add(AgencySetting(name="logo", value=value, by=newsroom.author, at=utc_now()))
    try:
        page = html.fromstring((await house.outside.get("/tin")).text)
        [address] = found(page, "//img[@class='mark']/@src")
        sent = await house.outside.get(address)
        same = await house.outside.get(address, headers={"If-None-Match": sent.headers["etag"]})
    finally:
        async with house.open_work() as session:
            await session.execute(text("DELETE FROM agency_setting WHERE name = 'logo'"))

    assert (sent.status_code, sent.headers["content-type"]) == (200, "image/png")
    assert sent.headers["cache-control"] == "public, max-age=3600"
    assert "sandbox" in sent.headers["content-security-policy"]
    picture = Image.open(io.BytesIO(sent.content))
    assert (picture.size, picture.mode) == (shown, "RGBA")
    assert len(sent.content) < 100_000
    assert (same.status_code, same.content) == (304, b"")


async def test_only_the_mark_of_the_agency_is_made_small(house: House) -> None:
    digest, _ = store(house, "png", b"\x89PNG" + os.urandom(100))

    assert (await house.outside.get(f"/media/{digest}-mark.png")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/tin/%00",
        "/tin/a%00b/record.json",
        "/tin/%00/ban-chu.txt",
        "/tin/%00/the.png",
        "/media/%00-720.jpg",
        "/media/%00-mark.png",
        "/chuyen-muc/%00",
    ],
)
async def test_an_address_that_no_database_can_look_for_is_404(house: House, path: str) -> None:
    assert (await house.outside.get(path)).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        f"{'a' * 64}.jpg",
        f"{'a' * 64}.html",
        f"{'a' * 63}.jpg",
        "..%2f..%2fsecret",
        f"{'A' * 64}.jpg",
    ],
)
async def test_what_is_no_media_of_ours_is_404(house: House, name: str) -> None:
    assert (await house.outside.get(f"/media/{name}")).status_code == 404


async def test_the_styles_of_a_page_are_cached_for_ever(house: House) -> None:
    page = html.fromstring((await house.outside.get("/feeds")).text)
    [address] = found(page, "//link[@rel='stylesheet']/@href")

    versioned = await house.outside.get(str(address))
    bare = await house.outside.get("/static/public/public.css")

    assert versioned.headers["content-type"].startswith("text/css")
    assert "immutable" in versioned.headers["cache-control"]
    assert bare.headers["cache-control"] == "no-cache"


async def test_lettering_is_cached_for_ever_and_allowed_by_the_page(house: House) -> None:
    page = await house.outside.get("/tin")
    font = next(name for name in PIECES if name.endswith(".woff2"))

    served = await house.outside.get(f"/static/public/{font}", headers={"Accept-Encoding": "gzip"})

    assert "font-src 'self'" in page.headers["content-security-policy"]
    assert served.headers["content-type"] == "font/woff2"
    assert "immutable" in served.headers["cache-control"]
    assert "content-encoding" not in served.headers
    assert served.content.startswith(b"wOF2")
