"""Scenario 6: learn which channel failed and why, retry it, see it succeed without reloading.

Against the real sandbox, with the real loop and a real browser (console-ux.md section 14).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from services.content.tables import Item
from services.delivery import notices
from shared.clock import steady_seconds
from tests.support.browser import LOADED, NARROW, WIDE, Window, window
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team
from tests.support.sandbox import Sandbox
from tests.support.simulated import simulated_console

_SECONDS = 10.0 * LOADED
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """A console whose Facebook Page stands in the sandbox, and whose loop is turning."""

    console: Console
    sandbox: Sandbox
    database_url: str

    async def met(self, **fault: object) -> tuple[Team, Item]:
        """An agreed item whose Facebook Page has met this fault, while the portal has it."""
        team = await self.console.bench.team()
        made = await self.sandbox.account("facebook_page")
        page = await self.console.bench.account(
            team,
            "facebook_page",
            made["settings"],
            made["credentials"],
            name=f"Facebook {team.unit_code}",
        )
        slug = f"cong-{team.unit_code.lower()}"
        portal = await self.console.bench.account(
            team,
            "portal_rss",
            {"slug": slug, "title": "Tin", "link": "https://cong.example/"},
            {},
            name=f"Cổng {team.unit_code}",
        )
        await self.sandbox.fault(made["id"], **fault)
        item = await self.console.bench.published(team, [page, portal], title="Lịch tiếp dân")
        return team, item

    async def until(self, item: Item, *wanted: str) -> None:
        """Waits until the publications of an item stand so."""
        states: list[str] = []
        end = steady_seconds() + _PATIENCE_SECONDS
        while steady_seconds() < end:
            states = sorted((await self.console.bench.states(item.id)).values())
            if states == sorted(wanted):
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{states} instead of {wanted}")


@pytest.fixture(scope="module")
async def newsroom(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Newsroom]:
    folder = Path(tmp_path_factory.mktemp("media"))
    async with simulated_console(database_url, folder) as (console, sandbox):
        yield Newsroom(console=console, sandbox=sandbox, database_url=database_url)


# A refusal before any effect: the Page certainly shows nothing, and only a person goes on.
_REFUSED = {"operation": "feed", "kind": "throttle", "code": 100}
# The Page could not be read before the call: nothing has left, Loa would try again by itself.
_UNREAD = {"operation": "list", "kind": "http_500"}


@asynccontextmanager
async def _before_the_board(
    newsroom: Newsroom, browser: Browser, item: Item, visitor: Visitor, size: tuple[int, int]
) -> AsyncIterator[Window]:
    async with window(browser, newsroom.console, visitor, size=size) as opened:
        await opened.page.goto(f"{newsroom.console.url}/posts/{item.id}/delivery")
        await opened.page.evaluate("window.untouched = true")
        await opened.listens()
        yield opened
        assert await opened.page.evaluate("window.untouched") is True  # never loaded anew
        opened.check()


async def _succeeds(opened: Window) -> None:
    """The page comes to tell it by itself."""
    await expect(opened.page.locator(".board-told").get_by_role("status")).to_contain_text(
        "2/2 kênh đã đăng.", timeout=_SECONDS * 1000
    )
    await expect(opened.page.locator(".lane.green")).to_have_count(2)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_an_approver_learns_of_a_failure_and_retries_it_in_two_clicks(
    newsroom: Newsroom, browser: Browser, size: tuple[int, int]
) -> None:
    team, item = await newsroom.met(**_REFUSED)
    await newsroom.until(item, "failed", "live")
    async with newsroom.console.hub.open_work() as session:
        await notices.collect(session)  # as the worker does every few seconds
    visitor = await newsroom.console.visitor(team.approver)
    async with window(browser, newsroom.console, visitor, size=size) as opened:
        page = opened.page
        await page.goto(f"{newsroom.console.url}/notifications?before=2020-01-01T00:00:00Z")
        began = steady_seconds()
        await page.locator("#bell").click()
        card = page.get_by_role("article").filter(has_text="Lịch tiếp dân").first
        await expect(card).to_contain_text(f"Chưa đăng được trên Facebook {team.unit_code}.")
        await expect(card).to_contain_text("Kênh không nhận một phần của bài.")
        await card.get_by_role("button", name="Thử ngay").click()
        await _succeeds(opened)
        assert steady_seconds() - began < _SECONDS
        opened.check()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_writer_sees_why_it_waits_and_has_it_tried_now_without_a_reload(
    newsroom: Newsroom, browser: Browser, size: tuple[int, int]
) -> None:
    team, item = await newsroom.met(**_UNREAD)
    await newsroom.until(item, "live", "pending")
    visitor = await newsroom.console.visitor(team.editor)
    async with _before_the_board(newsroom, browser, item, visitor, size) as opened:
        lane = opened.page.locator(".lane", has_text=f"Facebook {team.unit_code}")
        await expect(lane).to_contain_text("Sẽ tự thử lại")
        await expect(lane.locator(".cause")).to_contain_text("Loa sẽ tự thử lại")
        await lane.get_by_role("button", name="Thử ngay").click()
        await _succeeds(opened)


async def test_keys_alone_are_enough(newsroom: Newsroom, browser: Browser) -> None:
    team, item = await newsroom.met(**_REFUSED)
    await newsroom.until(item, "failed", "live")
    visitor = await newsroom.console.visitor(team.approver)
    async with _before_the_board(newsroom, browser, item, visitor, WIDE) as opened:
        await opened.page.keyboard.press("t")
        await expect(opened.page.get_by_role("button", name="Thử ngay")).to_be_focused()
        await opened.page.keyboard.press("Enter")
        await _succeeds(opened)


async def test_without_script_the_page_asks_anew_by_itself(
    newsroom: Newsroom, browser: Browser
) -> None:
    team, item = await newsroom.met(**_REFUSED)
    await newsroom.until(item, "failed", "live")
    visitor = await newsroom.console.visitor(team.approver)
    async with window(browser, newsroom.console, visitor, script=False) as opened:
        await opened.page.goto(f"{newsroom.console.url}/posts/{item.id}/delivery")
        await opened.page.get_by_role("button", name="Thử ngay").click()
        await _succeeds(opened)


async def test_what_somebody_types_and_opened_survives_a_live_change(
    newsroom: Newsroom, browser: Browser
) -> None:
    team, item = await newsroom.met(**_REFUSED)
    await newsroom.until(item, "failed", "live")
    visitor = await newsroom.console.visitor(team.approver)
    async with _before_the_board(newsroom, browser, item, visitor, WIDE) as opened:
        page = opened.page
        await page.locator("summary", has_text="Bỏ kênh này").click()
        field = page.get_by_label(re.compile("Vì sao bỏ"))
        await field.press_sequentially("Kênh đang hỏng")
        await newsroom.console.bench.withdrawn(team, item.id)
        await expect(page.locator(".journal")).to_contain_text("Yêu cầu gỡ: Thử gỡ")
        # The words are kept with their field; where it has gone, its section holds the place.
        await expect(page.locator("input:focus, section:focus")).to_have_count(1)


async def test_two_web_servers_tell_the_same_change_within_a_second(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    team, item = await newsroom.met(**_REFUSED)
    await newsroom.until(item, "failed", "live")
    approver = await newsroom.console.visitor(team.approver)
    async with open_console(newsroom.database_url, tmp_path) as second:
        urls = newsroom.console.url, second.url
        open_streams = {url: asyncio.Event() for url in urls}
        heard = [
            asyncio.create_task(_first_change(url, approver, item, opened))
            for url, opened in open_streams.items()
        ]
        for url, opened in open_streams.items():
            await asyncio.wait_for(opened.wait(), _PATIENCE_SECONDS)
            # Its reader has begun by the time that a further page is drawn.
            assert (await approver.client.get(f"{url}/help")).status_code == 200
        publication = await _one(newsroom, item)
        began = steady_seconds()
        sent = await approver.post(f"/publications/{publication}/retry")
        assert sent.status_code == 303
        told = await asyncio.wait_for(asyncio.gather(*heard), _PATIENCE_SECONDS)
    for html, at in told:
        assert "Cho thử lại trên" in html or "Bắt đầu gửi." in html
        assert at - began < 1.0 * LOADED


async def _first_change(
    url: str, visitor: Visitor, item: Item, opened: asyncio.Event
) -> tuple[str, float]:
    """The first message that carries the board, and when it came; tells when the stream is open."""
    async with (
        httpx.AsyncClient(base_url=url, timeout=60, cookies={"loa": visitor.cookie}) as client,
        client.stream("GET", "/events", params={"topics": f"board:{item.id},bell"}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines: list[str] = []
        async for line in answer.aiter_lines():
            opened.set()
            if line.startswith("data:"):
                lines.append(line)
            elif not line:
                message, lines = "\n".join(lines), []
                if f'hx-target="#board-{item.id}"' in message:
                    return message, steady_seconds()
    raise AssertionError("the stream ended")


async def _one(newsroom: Newsroom, item: Item) -> object:
    async with newsroom.console.hub.open_work() as session:
        return await session.scalar(
            text(
                "SELECT p.id FROM publication p JOIN account a ON a.id = p.account_id"
                " WHERE p.item_id = :id AND a.channel = 'facebook_page'"
            ),
            {"id": item.id},
        )
