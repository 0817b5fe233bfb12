"""The public pages in a real browser: narrow and wide, light and dark, large, printed, plain."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.async_api import Browser

from services.proof import ledger
from shared.clock import utc_now
from tests.support.browser import NARROW, WIDE, Window, browser, window
from tests.support.console import Console, open_console
from tests.support.newsroom import Newsroom

pytestmark = pytest.mark.browser

SMALLEST = (320, 640)
LONG = "Nghị-quyết-liên-tịch-số-12345678901234567890/NQLT-UBTVQH-CP-ĐCTUBTWMTTQVN"
BODY = f"""Để phục vụ bà con, hệ thống **tạm dừng từ 22:00 thứ Bảy** theo {LONG}.

## Trong thời gian này

- Bà con vẫn tra cứu được kết quả;
- Việc gấp, xin gọi trực ban 028 0000 1022.
"""
COPY = (
    "Để phục vụ bà con, hệ thống tạm dừng từ 23:00 thứ Bảy theo "
    f"{LONG}. Trong thời gian này Bà con vẫn tra cứu được kết quả"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """A site with one item in each state, and a browser before it."""

    console: Console
    chromium: Browser
    item: str
    gone: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Every kind of page, in a state that has something to show."""
        return (
            *("/tin", "/tin?q=khong+co+gi+ca", "/chuyen-muc/tin-tuc"),
            *(f"/tin/{self.item}", f"/tin/{self.gone}", "/tin/KHONG-CO"),
            *("/kenh-chinh-thuc", "/kiem-tra/khoa", "/kiem-tra"),
            *(f"/kiem-tra?q={self.item}", f"/kiem-tra?q=https://gia.example/tin/{self.item}"),
        )


@pytest.fixture(scope="module")
async def public(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Public]:
    async with (
        open_console(database_url, tmp_path_factory.mktemp("media")) as console,
        browser() as chromium,
    ):
        at = utc_now() - timedelta(hours=3)
        async with console.hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            portal = await newsroom.portal("cong", title=f"Tin {LONG}")
            item, publication = await newsroom.live(
                portal,
                at=at,
                title=f"Tạm dừng nộp hồ sơ theo {LONG}",
                summary="Hệ thống được nâng cấp trong đêm.",
                category="tin-tuc",
                tags=["hồ sơ", LONG],
            )
            gone, withdrawn = await newsroom.live(portal, at=at, title="Tin sai")
            await newsroom.withdraw(gone, withdrawn, at=utc_now(), reason=f"Nhầm {LONG}.")
            item.revision_no = item.released_no = 2
            await newsroom.revise(
                item,
                no=2,
                title=f"Tạm dừng nộp hồ sơ theo {LONG}",
                summary="Hệ thống được nâng cấp trong đêm.",
                body=BODY,
                category="tin-tuc",
                correction_note="Giờ đúng là 22:00.",
                ai_made=True,
                document={"number": LONG, "issued_on": "2026-08-01", "issuer": "Bộ", "signer": ""},
            )
            session.add(publication)
        while await ledger.catch_up(console.hub):
            pass
        yield Public(console=console, chromium=chromium, item=item.code, gone=gone.code)


async def overflow(made: Window) -> int:
    return int(await made.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
async def test_no_page_has_a_barrier_breaks_its_policy_or_scrolls_sideways(
    public: Public, size: tuple[int, int], scheme: str
) -> None:
    async with window(public.chromium, public.console, size=size) as made:
        await made.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        wide = {}
        for path in public.paths:
            await made.page.goto(path)
            assert await made.barriers() == [], path
            wide[path] = await overflow(made)
        assert {path: over for path, over in wide.items() if over > 0} == {}
        # A page that is gone or never was is an error to the browser's console, and meant so.
        assert [one for one in made.trouble if "status of 4" not in one] == []


async def test_the_smallest_phone_and_letters_twice_as_large_hold_every_page(
    public: Public,
) -> None:
    wide = {}
    async with window(public.chromium, public.console, size=SMALLEST) as made:
        for path in public.paths:
            await made.page.goto(path)
            wide[path] = await overflow(made)
            await made.page.set_viewport_size({"width": 640, "height": 640})
            await made.page.evaluate("document.documentElement.style.fontSize = '200%'")
            wide[f"{path} large"] = await overflow(made)
            await made.page.set_viewport_size({"width": SMALLEST[0], "height": SMALLEST[1]})
    assert {path: over for path, over in wide.items() if over > 0} == {}


async def test_a_text_is_checked_by_keyboard_without_script(public: Public) -> None:
    async with window(public.chromium, public.console, size=NARROW, script=False) as made:
        page = made.page
        await page.goto("/kiem-tra")
        await page.get_by_label("Dán liên kết, đoạn chữ hoặc mã tin").focus()
        await page.keyboard.insert_text(COPY)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Có chỗ khác với bản của cơ quan").wait_for()

        assert await page.locator("p.differences ins").all_inner_texts() == ["23:00"]
        assert await page.locator("p.differences del").all_inner_texts() == ["22:00"]
        assert await page.locator("textarea").input_value() == COPY


async def test_a_printed_item_is_the_item_and_where_it_comes_from(public: Public) -> None:
    async with window(public.chromium, public.console) as made:
        page = made.page
        await page.goto(f"/tin/{public.item}")
        await page.emulate_media(media="print", color_scheme="dark")

        assert await page.get_by_role("heading", level=1).is_visible()
        assert await page.get_by_text("Giờ đúng là 22:00.").first.is_visible()
        assert await page.get_by_text(public.item, exact=True).is_visible()
        assert not await page.get_by_role("navigation").is_visible()
        ink = "getComputedStyle(document.querySelector('h1')).color"
        assert await page.evaluate(ink) == "rgb(0, 0, 0)"


async def test_high_contrast_has_no_barrier_either(public: Public) -> None:
    async with window(public.chromium, public.console) as made:
        for scheme in ("light", "dark"):
            await made.page.emulate_media(
                contrast="more", color_scheme="dark" if scheme == "dark" else "light"
            )
            await made.page.goto(f"/tin/{public.item}")
            assert await made.barriers("color-contrast") == []
