"""Scenario 2 and what belongs to it: writing, pasting and dropping in the visual editor."""

import base64
import re
from typing import Final

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browser import NARROW, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.pictures import jpeg

pytestmark = pytest.mark.browser

# What Word 2019 puts on the clipboard for a short notice; shortened, its habits kept.
WORD: Final = """<html xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40">
<head><meta charset="utf-8"><meta name=Generator content="Microsoft Word 15">
<style><!-- p.MsoNormal {margin:0cm;font-size:14.0pt;font-family:"Times New Roman",serif;}
@list l0:level1 {mso-level-number-format:bullet;} --></style></head>
<body lang=VI link="#0563C1" vlink="#954F72" style='tab-interval:36.0pt'>
<!--StartFragment-->
<h2 style='margin-top:2.0pt'><span style='font-size:13.0pt;color:#2F5496'>Lịch tiếp
công dân<o:p></o:p></span></h2>
<p class=MsoNormal style='text-align:justify'><span style='font-size:14.0pt;color:red'>Ủy ban
nhân dân phường thông báo <b style='mso-bidi-font-weight:normal'>tạm dừng tiếp dân</b> ngày
<i>05/12/2026</i>.<o:p></o:p></span></p>
<p class=MsoNormal><span lang=EN-US><o:p>&nbsp;</o:p></span></p>
<p class=MsoListParagraphCxSpFirst style='margin-left:36.0pt;text-indent:-18.0pt;mso-list:l0 level1
lfo1'><![if !supportLists]><span style='font-family:Symbol;mso-list:Ignore'>·<span
style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp; </span></span><![endif]>Nhận hồ sơ:
<b>08:00</b><o:p></o:p></p>
<p class=MsoListParagraphCxSpMiddle style='margin-left:72.0pt;mso-list:l0 level2 lfo1'>
<![if !supportLists]><span style='mso-list:Ignore'>o<span>&nbsp;&nbsp; </span></span><![endif]>Quầy
số 3<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='margin-left:36.0pt;mso-list:l0 level1 lfo1'>
<![if !supportLists]><span style='mso-list:Ignore'>·<span>&nbsp;&nbsp; </span></span><![endif]>Trả
kết quả: 16:30<o:p></o:p></p>
<p class=MsoNormal>Xem thêm tại <a href="https://hoasen.gov.vn/lich"><span
style='color:#0563C1'>trang của phường</span></a><span style='mso-spacerun:yes'>  </span>hoặc
<a name="_Toc1"></a>gọi trực ban.<o:p></o:p></p>
<table class=MsoTableGrid border=1><tr><td width=120><p class=MsoNormal>Bộ phận một cửa</p></td>
<td>028 0000 1022</td></tr></table>
<!--EndFragment--></body></html>"""

CLEAN: Final = """## Lịch tiếp công dân

Ủy ban nhân dân phường thông báo **tạm dừng tiếp dân** ngày *05/12/2026*.

- Nhận hồ sơ: **08:00**
  - Quầy số 3
- Trả kết quả: 16:30

Xem thêm tại [trang của phường](https://hoasen.gov.vn/lich) hoặc gọi trực ban.

Bộ phận một cửa

028 0000 1022"""

_PASTE: Final = """(box, told) => {
  const carried = new DataTransfer();
  for (const [type, text] of Object.entries(told)) carried.setData(type, text);
  box.dispatchEvent(new ClipboardEvent("paste",
    { clipboardData: carried, bubbles: true, cancelable: true }));
}"""
_DROP: Final = """(box, told) => {
  const bytes = Uint8Array.from(atob(told.data), one => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], told.name, { type: told.type }));
  const at = box.getBoundingClientRect();
  for (const kind of ["dragover", "drop"]) box.dispatchEvent(new DragEvent(kind,
    { dataTransfer: carried, bubbles: true, cancelable: true,
      clientX: at.left + 40, clientY: at.top + Math.min(at.height, 400) - 20 }));
}"""


@pytest.fixture(scope="module")
async def team(console: Console) -> Team:
    return await console.bench.team()


@pytest.fixture(scope="module")
async def editor(console: Console, team: Team) -> Visitor:
    return await console.visitor(team.editor)


async def _open(page: Page, console: Console) -> Locator:
    """A new item in the composer, with its editor awake."""
    await page.goto(f"{console.url}/posts/new")
    await page.locator("#title").fill("Lịch tiếp công dân")
    box = page.get_by_role("textbox", name="Nội dung")
    await page.locator(".editor-text").wait_for()
    await box.click()
    return box


async def _writes(page: Page, markdown: str | re.Pattern[str]) -> None:
    """Waits until this is what the form would send."""
    await expect(page.locator("textarea#body")).to_have_value(markdown)


async def test_scenario_2_a_word_notice_and_a_photo_need_no_clean_up(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    async with window(browser, console, editor) as seen:
        page = seen.page
        box = await _open(page, console)
        await box.evaluate(_PASTE, {"text/html": WORD, "text/plain": "Lịch tiếp công dân"})
        await _writes(page, CLEAN)

        photo = base64.b64encode(jpeg(1200, 800)).decode()
        await box.evaluate(_DROP, {"data": photo, "name": "a.jpg", "type": "image/jpeg"})
        await page.get_by_role("textbox", name="Mô tả ảnh").fill("Bà con chờ ở bộ phận một cửa")
        await page.get_by_role("button", name="Chèn vào bài").click()
        await page.locator(".figure img").wait_for()
        await _writes(page, re.compile(r"!\[Bà con chờ ở bộ phận một cửa\]\(media:[0-9a-f-]{36}\)"))
        assert await page.locator(".editor-text [style]").count() == 0
        await seen.axe()
        seen.check()


async def test_a_failed_upload_keeps_the_text_and_can_be_tried_again(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    async with window(browser, console, editor) as seen:
        page = seen.page
        box = await _open(page, console)
        await page.keyboard.type("Chữ đã viết.")
        await page.route("**/media", lambda route: route.abort())
        photo = base64.b64encode(jpeg(120, 80)).decode()
        await box.evaluate(_DROP, {"data": photo, "name": "a.jpg", "type": "image/jpeg"})
        await page.get_by_role("button", name="Chèn vào bài").click()
        await expect(page.get_by_text("Cần mô tả cho người không nhìn thấy.")).to_be_visible()
        await page.get_by_role("textbox", name="Mô tả ảnh").fill("Sân ủy ban")
        await page.get_by_role("button", name="Chèn vào bài").click()
        await page.get_by_text("Mất kết nối khi đang tải lên.").wait_for()
        await _writes(page, "Chữ đã viết.")
        await page.unroute("**/media")
        await page.get_by_role("button", name="Thử lại").click()
        await page.locator(".figure img").wait_for()
        await _writes(page, re.compile(r"^Chữ đã viết\.\n\n!\[Sân ủy ban\]\(media:"))
        assert [one for one in seen.trouble if "Failed to load resource" not in one] == []


async def test_vietnamese_arrives_whole_however_it_is_typed(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    sentence = "Đường Nguyễn Huệ ngập, bà con đi chậm."
    async with window(browser, console, editor) as seen:
        page = seen.page
        box = await _open(page, console)
        # UniKey: the plain letter first, then it is taken back and the marked one put in its place.
        for letter in sentence:
            if letter.isascii():
                await page.keyboard.type(letter)
            else:
                await page.keyboard.type("x")
                await page.keyboard.press("Backspace")
                await page.keyboard.insert_text(letter)
        await _writes(page, sentence)

        # Composition: the word grows under the cursor until it is settled.
        await page.keyboard.press("Enter")
        session = await page.context.new_cdp_session(page)
        for so_far in ("t", "ti", "tie", "tiê", "tiêp", "tiếp"):
            await session.send(
                "Input.imeSetComposition",
                {"text": so_far, "selectionStart": len(so_far), "selectionEnd": len(so_far)},
            )
        await session.send("Input.insertText", {"text": "tiếp"})
        await page.keyboard.type(" dân")
        await _writes(page, f"{sentence}\n\ntiếp dân")
        await expect(box.locator("p")).to_have_count(2)
        seen.check()


async def test_keys_and_toolbar_do_what_they_say(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    async with window(browser, console, editor) as seen:
        page = seen.page
        await _open(page, console)
        await page.keyboard.press("Control+b")
        await page.keyboard.type("Đậm")
        bold = page.get_by_role("button", name="Đậm")
        await expect(bold).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Control+b")
        await page.keyboard.type(" thường")
        await page.keyboard.press("Enter")
        await page.keyboard.type("- một")
        await page.keyboard.press("Enter")
        await page.keyboard.type("hai")
        await page.keyboard.press("Control+]")
        await _writes(page, "**Đậm** thường\n\n- một\n  - hai")
        await page.keyboard.press("Control+[")
        await page.keyboard.press("Control+k")
        await page.get_by_label("Địa chỉ").fill("hoasen.gov.vn/lich")
        await page.get_by_label("Chữ hiện ra").fill("lịch")
        await page.keyboard.press("Enter")
        await _writes(page, re.compile(r"- hai\[lịch\]\(https://hoasen\.gov\.vn/lich\)$"))
        for _ in range(60):  # whoever types slowly takes back letter by letter
            await page.keyboard.press("Control+z")
        await _writes(page, "")
        await page.keyboard.press("Control+y")
        await _writes(page, re.compile("."))

        await page.keyboard.press("Escape")
        await expect(page.locator('[data-tool="heading"]')).to_be_focused()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator('[data-tool="strong"]')).to_be_focused()
        await page.keyboard.press("Escape")
        # Tab leaves: the editor is no trap.
        await page.keyboard.press("Tab")
        assert await page.evaluate("() => !document.activeElement.closest('.editor-text')")
        seen.check()


async def test_plain_text_and_back_keeps_every_word(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    text = "## Mục\n\nMột *hai* **ba**.\n\n1. a\n2. b\n\n> Lời"
    async with window(browser, console, editor, size=NARROW) as seen:
        page = seen.page
        await _open(page, console)
        await page.get_by_role("button", name="Soạn chữ thuần").click()
        await page.locator("textarea#body").fill(text)
        await page.get_by_role("button", name="Soạn trực quan").click()
        await expect(page.locator(".editor-text h2")).to_have_text("Mục")
        await _writes(page, text)
        await page.locator(".editor-text ol li").last.click()
        await page.keyboard.press("End")
        await page.keyboard.type("!")
        await _writes(page, text.replace("2. b", "2. b!"))
        await seen.axe()
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        seen.check()


async def test_taking_over_moves_nothing_and_long_texts_stay_quick(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    body = "\n\n".join(f"Đoạn {no} của bài viết rất dài về **nước sạch**." for no in range(450))
    item = await console.bench.draft(team, body=body)
    async with window(browser, console, editor) as seen:
        page = seen.page
        await page.add_init_script(
            "window.shifted = 0; new PerformanceObserver(list => list.getEntries().forEach(one =>"
            " { window.shifted += one.value; })).observe({ type: 'layout-shift', buffered: true });"
        )
        await page.goto(f"{console.url}/posts/{item.id}/edit")
        await page.locator(".editor-text").wait_for()
        assert await page.evaluate("window.shifted") < 0.05
        await page.locator(".editor-text p").first.click()
        took = await page.evaluate(
            """() => {
              const took = [];
              for (let n = 0; n < 20; n += 1) {
                const begun = performance.now();
                document.execCommand("insertText", false, "ă");
                took.push(performance.now() - begun);
              }
              return took;
            }"""
        )
        # The median: whatever else runs on this machine holds up a few of them, not half.
        assert sorted(took)[10] < 50, took
        await _writes(page, re.compile("ă{20}"))
        seen.check()


async def test_a_picture_of_the_library_is_chosen_in_the_dialog(
    console: Console, team: Team, editor: Visitor, browser: Browser
) -> None:
    kept = await console.bench.picture(team)
    other = await editor.client.post(
        "/media",
        data={"csrf": editor.csrf, "alt": "Sân vận động"},
        files={"file": ("san.jpg", jpeg(90, 60))},
        headers={"Accept": "application/json"},
    )
    assert other.status_code == 201
    async with window(browser, console, editor) as seen:
        page = seen.page
        await _open(page, console)
        await page.get_by_role("button", name="Ảnh", exact=True).click()
        dialog = page.locator("#media-dialog")
        await dialog.get_by_role("button", name="Sân vận động").wait_for()
        await dialog.get_by_label("Tìm trong kho").fill("tru so")
        await expect(dialog.get_by_role("button", name="Sân vận động")).to_have_count(0)
        await dialog.get_by_role("button", name="Trụ sở tiếp công dân").first.wait_for()
        await seen.axe()
        await dialog.locator(f'[data-media*="{kept}"]').click()
        await page.locator(".figure img").wait_for()
        await _writes(page, f"![Trụ sở tiếp công dân](media:{kept})")
        seen.check()
