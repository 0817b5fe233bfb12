"""The previews beside the writing: they follow it, show another device, and keep a picture's point.

Source: console-ux.md section 4 (S4, S13) and section 5.
"""

import io

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from services.content import library
from services.content import media as media_room
from services.content.library import MediaWords
from services.delivery import preview
from tests.services.console import outlets
from tests.support.browser import NARROW, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_BODY = "\n\n".join(
    f"Đoạn thứ {no} của thông báo. " + "Mời bà con xem kỹ. " * 6 for no in range(30)
)
_IN_SIGHT = (
    "([look, words]) => { const box = document.querySelector(look);"
    " const one = [...box.querySelectorAll('p')].find(p => p.textContent.includes(words));"
    " const at = one.getBoundingClientRect(), seen = box.getBoundingClientRect();"
    " return at.height > 0 && at.top >= seen.top - 1 && at.top < seen.bottom; }"
)


@pytest.fixture(scope="module")
async def team(console: Console) -> Team:
    made = await console.bench.team()
    await outlets.three(console.bench, made)
    return made


@pytest.fixture
async def editor(console: Console, team: Team) -> Visitor:
    return await console.visitor(team.editor)


async def _comes_into_sight(page: Page, look: str, words: str) -> None:
    handle = await page.wait_for_function(_IN_SIGHT, arg=[look, words])
    assert await handle.json_value()


async def test_the_previews_follow_what_is_being_written(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    item = await console.bench.draft(team, body=_BODY)
    async with window(browser, console, editor) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/edit")
        await page.locator(".editor-text p", has_text="Đoạn thứ 24 ").click()
        await _comes_into_sight(page, ".phone-page", "Đoạn thứ 24 ")
        await page.keyboard.press("End")
        await page.keyboard.type(" Mang theo giấy tờ")
        await expect(page.locator(".phone-page", has_text="Mang theo giấy tờ")).to_be_visible()
        await _comes_into_sight(page, ".phone-page", "Mang theo giấy tờ")
        # A look that was hidden opens where the writing is.
        await page.keyboard.press("Alt+3")
        await _comes_into_sight(page, ".portal-page", "Mang theo giấy tờ")
        await page.get_by_label("Tiêu đề", exact=True).first.focus()
        await page.wait_for_function("() => document.querySelector('.portal-page').scrollTop === 0")
        # The plain field is followed as well.
        await page.get_by_role("button", name="Soạn chữ thuần").click()
        await page.locator("#body").evaluate(
            "field => { field.focus(); const at = field.value.indexOf('Đoạn thứ 17 ');"
            " field.setSelectionRange(at, at); }"
        )
        await _comes_into_sight(page, ".portal-page", "Đoạn thứ 17 ")
        await page.get_by_role("button", name="Soạn trực quan").click()
        opened.check()


async def test_another_device_is_chosen_by_keys_and_remembered(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    item = await console.bench.draft(team, body=_BODY)
    address = f"{console.url}/posts/{item.id}/edit"
    async with window(browser, console, editor) as opened:
        page = opened.page
        await page.goto(address)
        wide = page.get_by_role("button", name="Máy tính")
        await wide.focus()
        await page.keyboard.press("Enter")
        await expect(wide).to_have_attribute("aria-pressed", "true")
        assert await page.locator(".phone").evaluate("one => one.offsetWidth") >= 600
        await opened.axe()
        await page.goto(address)
        await expect(page.locator("#looks-side")).to_have_attribute("data-device", "wide")
        # What is typed draws the looks anew; the choice stays.
        await page.get_by_label("Tiêu đề", exact=True).first.fill("Tiêu đề khác")
        await expect(page.locator(".look.shown .preview-title")).to_have_text("Tiêu đề khác")
        await expect(page.get_by_role("button", name="Máy tính")).to_have_attribute(
            "aria-pressed", "true"
        )
        opened.check()
    async with window(browser, console, editor, size=NARROW) as opened:
        page = opened.page
        await page.goto(address)
        await page.get_by_role("button", name="Xem trước", exact=True).click()
        await page.get_by_role("button", name="Máy tính").click()
        sideways = "() => document.documentElement.scrollWidth - innerWidth"
        assert await page.evaluate(sideways) <= 0
        await opened.axe()
        opened.check()


async def test_a_cover_is_cut_around_its_point_where_the_channel_has_one_shape(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    drawn, kept = Image.new("RGB", (600, 1200), "white"), io.BytesIO()
    drawn.paste((200, 30, 60), (0, 1000, 600, 1200))
    drawn.save(kept, "PNG")
    async with console.hub.open_work() as session:
        picture = await media_room.add(
            session,
            editor.caller,
            console.hub.media,
            data=kept.getvalue(),
            filename="a.png",
            alt="Vạch đỏ ở dưới",
        )
        words = MediaWords(alt=picture.alt, focal_x=50, focal_y=95)
        await library.describe(session, editor.caller, picture.id, words)
    item = await console.bench.draft(
        team, cover=picture.id, summary="Ai ở đâu làm gì.", body=f"![Cả ảnh](media:{picture.id})"
    )
    async with console.hub.open_work() as session:
        await preview.render(session, console.hub, item.id, None)
    async with window(browser, console, editor) as opened:
        page = opened.page
        await page.goto(f"{console.url}/posts/{item.id}/edit")
        cover = page.locator(".phone-cover")
        await cover.scroll_into_view_if_needed()
        await expect(cover).to_have_js_property("naturalWidth", 600)
        await expect(cover).to_have_js_property("naturalHeight", 338)
        in_text = page.locator(".phone-text figure img")
        await in_text.scroll_into_view_if_needed()
        await expect(in_text).to_have_js_property("naturalHeight", 1200)
        address = await cover.get_attribute("src")
        # The point is moved on the picture's own page; coming back, the preview has the new cut.
        async with page.context.expect_page() as opening:
            await page.get_by_role("link", name="Đặt điểm chính").click()
        other = await opening.value
        await other.locator("#focal_y").fill("0")
        await other.get_by_role("button", name="Lưu").click()
        await expect(other.get_by_text("Đã lưu thông tin tệp")).to_be_visible()
        await other.close()
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(cover).not_to_have_attribute("src", str(address))
        opened.check()
    found = await editor.client.get(str(address))
    with Image.open(io.BytesIO(found.content)) as seen:
        assert seen.size == (600, 338)
        shade = seen.convert("RGB").getpixel((300, 330))
    assert isinstance(shade, tuple)
    assert (shade[0] > 150, shade[1] < 90) == (True, True)
