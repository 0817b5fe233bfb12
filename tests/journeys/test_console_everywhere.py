"""The whole console as `make run` starts it: every page that anybody can reach is walked through.

Also scenario 11 (a storm warning by two phones) and the audit half of 12 (console-ux.md section
14), which need the hub with all its parts.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect

from services.sandbox.demo.people import PEOPLE
from shared.clock import steady_seconds
from tests.journeys.conftest import Rehearsal
from tests.support.browser import LOADED, NARROW, WIDE, Window, bare_window
from tests.support.browser import browser as open_browser
from tests.support.pictures import jpeg

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LINK: Final = re.compile(r'href="(/[^"#]*)')
# No pages: a table for a spreadsheet, what others see, what leads out of the console.
_ELSEWHERE: Final = re.compile(
    r"\.(csv|xml|json|svg|css|js)|^/(static|media/[0-9a-f]{64}|api|language|tin/|feeds)"
)
# A Vietnamese page says none of these; names of things (Facebook, RSS, OA) are no words.
_ENGLISH: Final = re.compile(
    r"\b(the|and|error|submit|save|cancel|delete|loading|undefined|null|None|NaN|Traceback|draft"
    r"|review|published|failed|pending|channel|account|approver|editor)\b"
)
_SIDEWAYS: Final = (
    "() => { const page = document.documentElement;"
    " return page.scrollWidth > page.clientWidth + 1 }"
)
# What a finger presses is 44 px high (section 10); the pixel's rest is the letters' own.
_SMALL: Final = """() => [...document.querySelectorAll(
    "button, .button, summary, select, a.chip, .seg a, .tabs a, .crumbs a, label:has(input)")]
  .filter((one) => !one.closest(".look, .sr, .skip") && one.getClientRects().length
    && one.getBoundingClientRect().height < 43.5)
  .map((one) => `small: ${one.outerHTML.slice(0, 120)}`)"""
_WALKERS: Final = ("son", "ha", "quan", "oanh")
SIZES: Final = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One page, and a person who can reach it."""

    who: str
    path: str


def _sign_in(rehearsal: Rehearsal, who: str) -> httpx.Client:
    person = next(one for one in PEOPLE if one.email.startswith(f"{who}@"))
    client = httpx.Client(base_url=rehearsal.site, timeout=60)
    entered = client.post("/sign-in", data={"email": person.email, "password": person.password})
    assert entered.status_code == 303, entered.text
    return client


def _pattern(path: str) -> str:
    """A page with its ids and values left out: one of each kind is looked at."""
    parts = urlsplit(path)
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    tab = re.search(r"(tab|view)=\w+", parts.query)
    return _UUID.sub("…", parts.path) + (f"?{tab[0]}" if tab else "?" + "&".join(names))


def _reach(client: httpx.Client, who: str) -> Iterator[Walk]:
    """Every kind of page that this person finds by following links."""
    seen, waiting = set[str](), ["/"]
    while waiting:
        path = waiting.pop(0)
        if _pattern(path) in seen:
            continue
        seen.add(_pattern(path))
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"{who} {path}: {answer.status_code}"
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        yield Walk(who=who, path=path)
        for found in _LINK.findall(answer.text):
            link = urljoin(path, found.replace("&amp;", "&"))
            if not _ELSEWHERE.search(link):
                waiting.append(link)


@pytest.fixture(scope="module")
async def opened() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@asynccontextmanager
async def _window(
    opened: Browser, rehearsal: Rehearsal, client: httpx.Client, size: tuple[int, int]
) -> AsyncIterator[Window]:
    async with bare_window(
        opened, url=rehearsal.site, cookie=client.cookies["loa"], size=size
    ) as window:
        yield window


async def test_every_page_holds_at_both_widths(rehearsal: Rehearsal, opened: Browser) -> None:
    """No barrier, no sideways scroll, no raw id, no English word, nothing refused by the policy."""
    wrong: list[str] = []
    walked: set[str] = set()
    for who in _WALKERS:
        client = _sign_in(rehearsal, who)
        walks = [one for one in _reach(client, who) if _pattern(one.path) not in walked]
        walked |= {_pattern(one.path) for one in walks}
        async with asyncio.TaskGroup() as both:
            looked = [
                both.create_task(_walk(opened, rehearsal, client, walks, size))
                for size in (WIDE, NARROW)
            ]
        wrong += [told for one in looked for told in one.result()]
        client.close()
    assert len(walked) > 30, sorted(walked)
    assert not wrong, "\n".join(wrong)


async def _walk(
    opened: Browser,
    rehearsal: Rehearsal,
    client: httpx.Client,
    walks: Sequence[Walk],
    size: tuple[int, int],
) -> list[str]:
    """What is wrong on these pages in a window of this size."""
    async with _window(opened, rehearsal, client, size) as window:
        return [
            f"{size[0]} {one.who} {one.path}: {told}"
            for one in walks
            for told in await _look(window, one, size)
        ]


async def _look(window: Window, walk: Walk, size: tuple[int, int]) -> list[str]:
    page = window.page
    await page.goto(walk.path)
    found = await window.barriers()
    text = await page.locator("main").inner_text()
    if _UUID.search(text):
        found.append("an id instead of a name")
    # What people wrote may be in any language; it stands where scripts leave it alone.
    ours = await page.evaluate(
        "() => { const copy = document.querySelector('main').cloneNode(true);"
        " copy.querySelectorAll('[hx-ignore], textarea, input, code, pre, .look, .prose')"
        ".forEach(one => one.remove()); return copy.textContent; }"
    )
    if size == NARROW:
        found += (await page.evaluate(_SMALL))[:3]
    if english := _ENGLISH.search(ours):
        found.append(f"English: {english[0]}")
    # Reflow at 320 px, and larger letters where there is room for them (section 10).
    for width, scale in ((320, "100"), (size[0], "130" if size == WIDE else "115")):
        await page.set_viewport_size({"width": width, "height": size[1]})
        await page.evaluate("(size) => document.documentElement.dataset.size = size", scale)
        if await page.evaluate(_SIDEWAYS):
            found.append(f"sideways at {width} px, {scale} %")
    await page.evaluate("() => document.documentElement.dataset.contrast = 'high'")
    found += [f"high contrast: {one}" for one in await window.barriers("color-contrast")]
    return found + window.taken()


@SIZES
async def test_a_storm_warning_is_out_by_four_and_two_taps(
    rehearsal: Rehearsal, opened: Browser, size: tuple[int, int]
) -> None:
    """Scenario 11: at most four taps of the editor and two of the approver."""
    storm = f"Bão số {size[0]}"
    editor, approver = _sign_in(rehearsal, "ha"), _sign_in(rehearsal, "quan")
    async with _window(opened, rehearsal, editor, size) as hers:
        page = hers.page
        await page.goto(f"{rehearsal.site}/")
        await page.get_by_role("link", name="Tin khẩn").first.click()
        await page.get_by_label("Tiêu đề").fill(f"{storm} vào bờ đêm nay, bà con không ra khỏi nhà")
        await page.get_by_label("Nội dung").fill("Gọi 114 khi cần cứu hộ.")
        await page.get_by_label("Tệp ảnh").set_input_files(
            {"name": "bao.jpg", "mimeType": "image/jpeg", "buffer": jpeg(1280, 720)}
        )
        await page.get_by_label("Mô tả ảnh").fill("Bản đồ đường đi của bão")
        await page.get_by_role("button", name="Gửi khẩn").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(storm)
        hers.check()
    async with _window(opened, rehearsal, approver, size) as his:
        page = his.page
        await page.goto(f"{rehearsal.site}/notifications")
        urgent = page.locator(".notice.urgent", has_text=storm)
        await urgent.get_by_role("link").last.click()
        await page.get_by_role("button", name="Duyệt", exact=True).click()
        await expect(page.get_by_text("Đã duyệt.")).to_be_visible()
        his.check()
    shown, until = 0, steady_seconds() + 60 * LOADED
    while steady_seconds() < until:
        shown = httpx.get(f"{rehearsal.sandbox}/ledger", timeout=30).text.count(storm)
        if shown >= 2:
            break
        await asyncio.sleep(0.5)
    assert shown >= 2
    editor.close()
    approver.close()


@SIZES
async def test_who_approved_an_item_and_exactly_what_is_found_in_three_clicks(
    rehearsal: Rehearsal, opened: Browser, size: tuple[int, int]
) -> None:
    """The audit half of scenario 12."""
    auditor = _sign_in(rehearsal, "oanh")
    async with _window(opened, rehearsal, auditor, size) as window:
        page = window.page
        await page.goto(f"{rehearsal.site}/")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Nhật ký")
        await page.get_by_label("Việc").select_option(label="Bài viết")
        await page.wait_for_url(re.compile(r"[?&]group=\w"))
        line = page.locator("tbody tr", has_text="Duyệt").first
        await expect(line).to_contain_text("Trần Minh Quân")
        await line.get_by_role("link").click()
        await page.wait_for_url(re.compile("tab=revisions"))
        await expect(page.locator("main")).to_contain_text("Trần Minh Quân")
        window.check()
    auditor.close()
