"""Every component in every state, in a real browser: looks hold, nothing is barred to anybody."""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from jinja2 import Environment, nodes
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

import services.console
from services.console.assets import Assets
from services.console.drawing import Drawing
from services.console.frame import Frame
from services.delivery.hub import Hub
from shared.clock import utc_now
from tests.support.browser import NARROW, WIDE

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
_LETTERS: Final = "aăâbcdđeêghiklmnoôơpqrstuưvxyfjwz0123456789"
_TONED: Final = "".join(
    one + tone for one in "aăâeêioôơuưy" for tone in "\u0300\u0309\u0303\u0301\u0323"
)


_TEMPLATES: Final = Path(services.console.__file__).parent / "templates"
# Neighbours that lie on each other although both take part in the flow of the page.
_COVERED: Final = """() => {
    const told = [];
    const flows = one => {
        const look = getComputedStyle(one), box = one.getBoundingClientRect();
        return !/absolute|fixed|sticky/.test(look.position) && !/^inline$|none|contents/.test(
            look.display) && look.visibility === 'visible' && box.width && box.height
            && !one.closest('svg *, .sr, dialog');
    };
    for (const parent of document.querySelectorAll('main, main *')) {
        const boxes = [...parent.children].filter(flows);
        boxes.forEach((one, at) => boxes.slice(at + 1).forEach(other => {
            const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (wide > 1.5 && high > 1.5) told.push(
                `${one.outerHTML.slice(0, 90)} / ${other.outerHTML.slice(0, 90)}`);
        }));
    }
    return told;
}"""
# Words that stand outside the box that holds them, or are cut off by it.
_CUT: Final = """() => {
    const told = [];
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const holder = text.parentElement;
        if (!text.data.trim()) continue;
        if (holder.closest('.sr, .menu-items, option, textarea, dialog')) continue;
        // Some words are cut after so many lines on purpose: their page has them whole.
        if (getComputedStyle(holder).webkitLineClamp !== 'none') continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const words = range.getBoundingClientRect();
        if (!words.width) continue;
        for (let box = holder; box && box.tagName !== 'MAIN'; box = box.parentElement) {
            const look = getComputedStyle(box), held = box.getBoundingClientRect();
            if (/auto|scroll/.test(look.overflowX + look.overflowY)) break;
            const cuts = /hidden|clip/.test(look.overflowX + look.overflowY);
            if (!cuts && !box.matches('.button, .chip, .card, .banner, td, li, .badge')) continue;
            if (words.right > held.right + 1 || words.left < held.left - 1
                || words.bottom > held.bottom + 2 || words.top < held.top - 2)
                told.push(`${text.data.trim().slice(0, 40)} in ${box.outerHTML.slice(0, 80)}`);
        }
    }
    return told;
}"""


@dataclass(slots=True, kw_only=True)
class Guide:
    """The style guide on a port; `undone` counts the forms that it was sent."""

    url: str
    undone: list[str] = field(default_factory=list)


def _values(request: Request) -> Mapping[str, object]:
    asked = request.query_params
    return {
        "caller": SimpleNamespace(
            name="Lê Thu Hà", roles={"editor", "approver", "admin"}, email="ha@loa.test"
        ),
        "csrf": "code",
        "frame": Frame(
            accounts=3,
            cut_off=0,
            paused=0,
            ending=0,
            slow=0,
            cut_off_name=None,
            paused_name=None,
            slow_name=None,
            frozen=None,
            fenced=None,
            to_approve=2,
            unread=2,
        ),
        "here": "/posts",
        "address": "/posts",
        "said": None,
        "preferences": {
            "text_size": asked.get("size", "100"),
            "contrast": asked.get("contrast", "normal"),
            "shortcuts": asked.get("shortcuts", "on"),
            "motion": "system",
        },
        "now": utc_now(),
        "idle": 130,
    }


@pytest.fixture(scope="module")
async def guide() -> AsyncIterator[Guide]:
    assets = Assets.load()
    # What draws pages reads three facts of a hub, and a page of samples needs no hub to read from.
    facts = SimpleNamespace(
        timezone="Asia/Ho_Chi_Minh", public_url="http://127.0.0.1", agency="Truyền thông Hoa Sen"
    )
    drawing = Drawing(cast("Hub", facts), assets)
    told = Guide(url="")

    async def page(request: Request) -> HTMLResponse:
        html = drawing.page("vi", "styleguide.html", _values(request))
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    async def undo(_: Request) -> PlainTextResponse:
        told.undone.append("undo")
        return PlainTextResponse("đã hoàn tác")

    async def elsewhere(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    app = Starlette(
        routes=[
            Route("/styleguide", page, methods=["GET"]),
            Route("/styleguide", undo, methods=["POST"]),
            *assets.routes(),
            Route("/{path:path}", elsewhere),
        ]
    )
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    told.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/styleguide"
    yield told
    server.should_exit = True
    server.force_exit = True
    await running


@asynccontextmanager
async def opened(
    browser: Browser,
    address: str,
    size: tuple[int, int] = WIDE,
    *,
    awaited: str = "",
    still: bool = False,
    **options: Any,
) -> AsyncIterator[Page]:
    """The page in a window of that size; errors fail the test, but those that are `awaited`.

    `still`: its clock stands, and goes on as the test says.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="vi-VN", **options
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "console",
        lambda said: trouble.append(said.text) if said.type == "error" else None,
    )
    if still:
        await page.clock.install()
        await page.clock.pause_at(utc_now() + timedelta(hours=1))
    await page.goto(address)
    yield page
    await context.close()
    assert [one for one in trouble if not (awaited and re.search(awaited, one))] == []


@pytest.mark.parametrize(
    ("size", "look"),
    [
        *((size, look) for size in (WIDE, NARROW) for look in ("", "?contrast=high")),
        ((900, 700), "?size=130"),
    ],
)
async def test_axe_finds_no_barrier(
    browser: Browser, guide: Guide, size: tuple[int, int], look: str
) -> None:
    async with opened(browser, guide.url + look, size) as page:
        found = await Axe().run(page)
        told = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]
        assert told == []


def test_every_component_stands_in_the_style_guide() -> None:
    reader = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
    called: dict[str, set[str]] = {}
    for path in (_TEMPLATES / "components").glob("*.html"):
        for macro in reader.parse(path.read_text("utf-8")).find_all(nodes.Macro):
            called[macro.name] = _calls(macro)
    assert len(called) > 40
    waiting = _calls(reader.parse((_TEMPLATES / "styleguide.html").read_text("utf-8")))
    for around in ("base.html", "document.html"):  # what stands about every page
        waiting |= _calls(reader.parse((_TEMPLATES / around).read_text("utf-8")))
    shown: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in called and name not in shown:
            shown.add(name)
            waiting |= called[name]
    assert sorted(set(called) - shown) == []


def _calls(node: nodes.Node) -> set[str]:
    names = (one.node for one in node.find_all(nodes.Call))
    return {name.name for name in names if isinstance(name, nodes.Name)}


@pytest.mark.parametrize("look", ["", "?contrast=high", "?size=130"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_no_part_covers_another_and_no_word_is_cut_off(
    browser: Browser, guide: Guide, size: tuple[int, int], look: str
) -> None:
    async with opened(browser, guide.url + look, size) as page:
        await page.evaluate("() => document.fonts.ready")
        await page.evaluate(
            "() => document.querySelectorAll('main details').forEach(one => { one.open = true; })"
        )
        assert await page.evaluate(_COVERED) == []
        assert await page.evaluate(_CUT) == []


@pytest.mark.parametrize("text", ["100", "130"])
async def test_nothing_sticks_out_sideways(browser: Browser, guide: Guide, text: str) -> None:
    async with opened(browser, f"{guide.url}?size={text}") as page:
        for width in (320, 390, 768, 1100, 1366, 1680):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_touch_targets_are_large_enough_on_a_phone(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url, NARROW) as page:
        small: list[str] = await page.evaluate(
            """() => [...document.querySelectorAll('main .button, .nav a, .topbar :is(a, summary)')]
            .filter(one => one.offsetParent && one.getBoundingClientRect().height < 43.5)
            .map(one => one.outerHTML.slice(0, 120))"""
        )
        assert small == []


async def test_every_vietnamese_letter_comes_from_our_fonts(browser: Browser, guide: Guide) -> None:
    letters = unicodedata.normalize("NFC", _LETTERS + _TONED)
    async with opened(browser, guide.url) as page:
        await page.evaluate(
            """async letters => {
                for (const tag of ['h2', 'p']) {
                    const made = document.createElement(tag);
                    made.id = `letters-${tag}`;
                    made.textContent = letters + letters.toUpperCase();
                    document.querySelector('main').prepend(made);
                }
                document.body.offsetTop;
                await document.fonts.ready;
            }""",
            letters,
        )
        session = await page.context.new_cdp_session(page)
        await session.send("DOM.enable")
        await session.send("CSS.enable")
        root = (await session.send("DOM.getDocument"))["root"]["nodeId"]
        used = {}
        for tag in ("h2", "p"):
            node = await session.send(
                "DOM.querySelector", {"nodeId": root, "selector": f"#letters-{tag}"}
            )
            fonts = await session.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})
            used[tag] = {
                (one["familyName"].split(" Variable")[0], one["isCustomFont"])
                for one in fonts["fonts"]
            }
        assert {custom for fonts in used.values() for _, custom in fonts} == {True}
        assert {name.startswith("Be Vietnam Pro") for name, _ in used["h2"]} == {True}
        assert {name.startswith("Inter") for name, _ in used["p"]} == {True}


async def test_a_page_is_readable_without_styles_and_script(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url, java_script_enabled=False) as page:
        sizes: list[bool] = await page.eval_on_selector_all(
            "svg", "all => all.map(one => one.hasAttribute('width') && one.hasAttribute('height'))"
        )
        assert sizes
        assert all(sizes)
        assert await page.get_by_role("heading", level=1).count() == 1


async def test_single_keys_lead_about_but_never_from_a_field(
    browser: Browser, guide: Guide
) -> None:
    async with opened(browser, guide.url) as page:
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.id") == "q"
        await page.keyboard.type("gl n?")
        assert await page.input_value("#q") == "gl n?"
        assert page.url == guide.url
        await page.locator("h1").click()
        await page.keyboard.press("g")
        await page.keyboard.press("l")
        await page.wait_for_url("**/calendar")


async def test_single_keys_can_be_switched_off(browser: Browser, guide: Guide) -> None:
    async with opened(browser, f"{guide.url}?shortcuts=off") as page:
        await page.keyboard.press("/")
        await page.keyboard.press("n")
        assert await page.evaluate("document.activeElement === document.body")
        await page.keyboard.press("Control+k")
        assert await page.evaluate("document.activeElement.id") == "q"


async def test_rows_are_walked_by_keys(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url) as page:
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        assert "Lịch tiếp công dân" in await page.evaluate("document.activeElement.textContent")
        await page.keyboard.press("k")
        assert "Tạm dừng" in await page.evaluate("document.activeElement.textContent")


async def test_a_counter_counts_letters_as_people_do(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url) as page:
        field = page.locator("#sg-summary")
        counter = page.locator("#sg-summary-count")
        # Typed as one letter, or as a base with its marks: the same to a reader.
        await field.fill("ệ" + unicodedata.normalize("NFD", "ệ"))
        assert await counter.text_content() == "2/80"
        await field.fill("a" * 72)
        assert "near" in str(await counter.get_attribute("class"))
        await field.fill("a" * 81)
        assert "over" in str(await counter.get_attribute("class"))


async def test_a_dialog_opens_from_a_menu_and_closes_by_escape(
    browser: Browser, guide: Guide
) -> None:
    async with opened(browser, guide.url) as page:
        await page.locator("main summary[title='Việc khác']").click()
        await page.get_by_role("button", name="Trả lại").first.click()
        await expect(page.locator("#sg-dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#sg-dialog")).to_be_hidden()


async def test_a_toast_goes_by_itself_but_not_while_one_is_in_it(
    browser: Browser, guide: Guide
) -> None:
    async with opened(browser, guide.url, still=True) as page:
        toast = page.locator("[data-toast]", has=page.get_by_role("button", name="Hoàn tác"))
        await toast.hover()
        # Shorter than the half minute after which a request still under way is given up, and told.
        await page.clock.run_for(20_000)
        await toast.get_by_role("button", name="Hoàn tác").click()
        await expect(page.get_by_text("đã hoàn tác")).to_be_visible()
        assert guide.undone == ["undo"]
        await page.goto(guide.url)
        await expect(toast).to_be_visible()
        await page.clock.run_for(9_000)
        await expect(toast).to_have_count(0)


async def test_the_end_of_a_session_is_told_and_put_off(browser: Browser, guide: Guide) -> None:
    # Where the button asks, this little site has no page.
    async with opened(browser, guide.url, still=True, awaited="404") as page:
        told = page.get_by_text("Phiên làm việc sắp hết")
        await page.clock.run_for(8_000)
        await expect(told).to_have_count(0)
        await page.clock.run_for(4_000)
        await expect(told).to_be_visible()
        await page.get_by_role("button", name="Ở lại").click()
        await expect(told).to_have_count(0)


async def test_going_offline_is_told_and_untold(browser: Browser, guide: Guide) -> None:
    # The page's stream breaks off, and says so.
    broken = "ERR_INTERNET_DISCONNECTED|Failed to fetch"
    async with opened(browser, guide.url, awaited=broken) as page:
        await page.context.set_offline(True)
        await page.locator("#offline").wait_for()
        await page.context.set_offline(False)
        await page.locator("#offline").wait_for(state="detached")


async def test_ready_words_are_written_into_their_field(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url) as page:
        await page.get_by_role("button", name="Thiếu nguồn").click()
        assert await page.input_value("#sg-reason") == "Thiếu nguồn"
        assert await page.evaluate("document.activeElement.id") == "sg-reason"


async def test_coming_back_finds_the_row_one_left(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url) as page:
        await page.locator("[data-row] a").nth(1).click()
        await page.wait_for_url("**/posts")
        await page.go_back()
        assert "Tạm dừng" in await page.evaluate("document.activeElement.textContent")


async def test_motion_stops_for_whoever_asks(browser: Browser, guide: Guide) -> None:
    async with opened(browser, guide.url, reduced_motion="reduce") as page:
        still = await page.eval_on_selector_all(
            ".spin",
            "all => all.every(one => getComputedStyle(one).animationIterationCount === '1')",
        )
        assert still
