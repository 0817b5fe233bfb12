"""Pictures on public pages: the sizes offered for a place, made once, gone with what they show."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from lxml import html
from PIL import Image
from sqlalchemy import func, select
from sqlmodel import col

from services.content import media_sizes
from services.content.tables import Item, Media
from services.feeds import media_files
from services.proof import ledger
from services.storage.columns import new_id
from tests.support.newsroom import PUBLIC_URL, Newsroom
from tests.support.public import Public, open_public

DAY = datetime(2026, 11, 4, 1, 0, tzinfo=UTC)
SIDE = (2000, 1500)


@pytest.fixture(scope="module")
async def public(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Public]:
    async with open_public(database_url, Path(tmp_path_factory.mktemp("media"))) as opened:
        yield opened


def photograph(seed: int) -> bytes:
    """A picture like no other: its left quarter is red, the rest is blue with coarse grain."""
    grain = Image.frombytes("RGB", (40, 30), Random(seed).randbytes(40 * 30 * 3)).resize(SIDE)
    drawn = Image.blend(Image.new("RGB", SIDE, (20, 40, 220)), grain, 0.2)
    drawn.paste((220, 20, 20), (0, 0, SIDE[0] // 4, SIDE[1]))
    kept = io.BytesIO()
    drawn.save(kept, "JPEG", quality=95)
    return kept.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item with a photograph as its cover."""

    code: str
    item: Item
    media: Media
    data: bytes

    @property
    def address(self) -> str:
        """Where the photograph itself is."""
        return f"/media/{self.media.sha256}"


async def show(public: Public, *, released: bool = True, **facts: Any) -> Shown:
    """Publishes an item with a new photograph."""
    data = photograph(new_id().int)
    sha256 = public.hub.media.put(data, "jpg")
    async with public.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        media = await newsroom.picture(
            sha256=sha256, alt="Cầu Ngân Giang", size=SIDE, size_bytes=len(data), **facts
        )
        item, _ = await newsroom.item(
            cover=media.id, released=released, published_at=DAY if released else None
        )
    while await ledger.catch_up(public.hub):
        pass
    return Shown(code=item.code, item=item, media=media, data=data)


async def rows_of(public: Public, media: Media) -> int:
    """How many forms of a picture were made."""
    async with public.hub.open_work() as session:
        counted = await session.scalar(
            select(func.count()).select_from(Media).where(col(Media.made_from) == media.id)
        )
    return counted or 0


def opened(answer: httpx.Response) -> Image.Image:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    return Image.open(io.BytesIO(answer.content))


async def page(public: Public, path: str) -> html.HtmlElement:
    answer = await public.visitor.get(path)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def drawn(shown: html.HtmlElement) -> list[dict[str, str]]:
    """The attributes of each picture on a page, but for the agency's own mark."""
    found = [{str(k): str(v) for k, v in one.attrib.items()} for one in shown.iter("img")]
    return [one for one in found if one.get("class") != "mark"]


def kind_of(picture: dict[str, str]) -> str:
    return picture["src"].rpartition("-")[2]


# ── What a page offers ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "kilobytes", "mime", "offered"),
    [
        ((4000, 3000), 3_000, "image/jpeg", [("720", 720), ("1080", 1080), ("1600", 1600)]),
        ((1500, 1000), 250, "image/jpeg", [("720", 720), ("1080", 1080), (None, 1500)]),
        ((1000, 800), 900, "image/png", [("720", 720), ("1080", 1000)]),
        ((600, 2400), 900, "image/jpeg", [("720", 180), ("1080", 270), ("1600", 400)]),
        ((640, 480), 60, "image/jpeg", [(None, 640)]),
    ],
)
def test_each_picture_is_offered_in_the_sizes_that_are_less_than_itself(
    size: tuple[int, int], kilobytes: int, mime: str, offered: list[tuple[str | None, int]]
) -> None:
    media = Media(
        unit_id=new_id(), kind="image", mime=mime, ext="jpg", sha256="a" * 64,
        original_sha256="a" * 64, size_bytes=kilobytes * 1000, width=size[0], height=size[1],
        by=new_id(),
    )  # fmt: skip

    assert list(media_sizes.steps(media)) == offered


async def test_an_item_offers_its_picture_by_width_and_is_shared_with_the_whole(
    public: Public,
) -> None:
    shown = await show(public)

    opened_page = await page(public, f"/tin/{shown.code}")
    (cover,) = drawn(opened_page)
    links = [one.get("href") for one in opened_page.iter("a") if one.get("class") == "closer"]
    metas = {one.get("property"): one.get("content") for one in opened_page.iter("meta")}

    assert cover["srcset"] == ", ".join(
        f"{shown.address}-{width}.jpg {width}w" for width in (720, 1080, 1600)
    )
    assert cover["src"] == f"{shown.address}-1080.jpg"
    assert (cover["width"], cover["height"]) == ("2000", "1500")
    assert (cover["fetchpriority"], cover.get("loading")) == ("high", None)
    assert "vw" in cover["sizes"]
    # Whoever needs every point of it, a map say, opens the picture itself.
    assert links == [f"{shown.address}.jpg"]
    assert metas["og:image"] == f"{PUBLIC_URL}{shown.address}.jpg"


async def test_a_list_has_one_large_picture_at_its_head_and_small_ones_below(
    public: Public,
) -> None:
    for _ in range(5):
        await show(public)

    first, *others = drawn(await page(public, "/tin"))
    found = drawn(await page(public, "/tin?q=tam+dung"))

    assert first["fetchpriority"] == "high"
    assert len(first["srcset"].split(", ")) == 3
    assert len(others) >= 4
    assert {kind_of(one) for one in others} == {"thumb.jpg"}
    assert not any("srcset" in one for one in others)
    assert [one.get("loading") for one in others[:3]] == [None, None, "lazy"]
    assert {kind_of(one) for one in found} == {"thumb.jpg"}


# ── What is served ───────────────────────────────────────────────────────────────────────────────


async def test_a_size_is_made_by_the_first_who_asks_and_remembered(public: Public) -> None:
    shown = await show(public)

    first = await public.visitor.get(f"{shown.address}-720.jpg")
    again = await public.visitor.get(f"{shown.address}-720.jpg")
    held = await public.visitor.get(
        f"{shown.address}-720.jpg", headers={"If-None-Match": first.headers["etag"]}
    )

    assert opened(first).size == (720, 540)
    assert len(first.content) <= 72_000 < len(shown.data)
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert (held.status_code, held.content) == (304, b"")
    assert await rows_of(public, shown.media) == 1


async def test_a_small_picture_keeps_its_focal_point(public: Public) -> None:
    left = await show(public, focal_x=0)
    # A panorama of which only a part fits the shape of a list.
    async with public.hub.open_work() as session:
        row = await session.get_one(Media, left.media.id)
        wide = Image.open(io.BytesIO(left.data)).crop((0, 0, SIDE[0], SIDE[1] // 3))
        kept = io.BytesIO()
        wide.save(kept, "JPEG", quality=95)
        row.sha256 = public.hub.media.put(kept.getvalue(), "jpg")
        row.height = SIDE[1] // 3

    small = opened(await public.visitor.get(f"/media/{row.sha256}-thumb.jpg"))

    assert small.size == (384, 288)
    colours = small.getpixel((20, 144))
    assert isinstance(colours, tuple)
    assert colours[0] > 150 > colours[2]


async def test_many_who_ask_at_once_get_it_made_once(public: Public) -> None:
    shown = await show(public)

    answers = await asyncio.gather(
        *(public.visitor.get(f"{shown.address}-1080.jpg") for _ in range(10))
    )

    # Whoever would have had to wait too long was given the picture itself.
    widths = {opened(one).width for one in answers}
    assert 1080 in widths
    assert widths <= {1080, SIDE[0]}
    assert await rows_of(public, shown.media) == 1


async def test_who_would_wait_too_long_gets_the_picture_itself_and_no_cache_keeps_it(
    public: Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await show(public)
    monkeypatch.setattr(media_files, "_WAITING", 0)

    answer = await public.visitor.get(f"{shown.address}-720.jpg")

    assert answer.content == shown.data
    assert answer.headers["cache-control"] == "no-store"
    assert await rows_of(public, shown.media) == 0


async def test_nothing_is_made_of_what_no_item_shows_to_the_public(public: Public) -> None:
    drafted = await show(public, released=False)
    answers = [
        await public.visitor.get(path)
        for path in (
            f"{drafted.address}-720.jpg",
            f"{drafted.address}-721.jpg",
            f"/media/{'f' * 64}-720.jpg",
            "/media/..%2f..%2fsecret-720.jpg",
        )
    ]

    assert [one.status_code for one in answers] == [404] * 4
    assert await rows_of(public, drafted.media) == 0


async def test_every_size_of_a_withdrawn_picture_is_gone(public: Public) -> None:
    shown = await show(public)
    made = await public.visitor.get(f"{shown.address}-720.jpg")
    async with public.hub.open_work() as session:
        item = await session.get_one(Item, shown.item.id)
        item.withdrawn_at, item.withdrawn_reason = DAY, "Ảnh sai."

    answers = [await public.visitor.get(f"{shown.address}-{size}.jpg") for size in ("720", "thumb")]
    by_its_own = await public.visitor.get(f"/media/{made.headers['etag'].strip(chr(34))}.jpg")

    assert made.status_code == 200
    assert [(one.status_code, one.content) for one in (*answers, by_its_own)] == [(410, b"")] * 3
    assert await rows_of(public, shown.media) == 1
