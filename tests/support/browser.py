"""Real browser windows before the console: what must never happen in one is noted and checked."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.support.console import Console, Visitor
from tests.support.missing import missing

WIDE: Final = (1366, 768)
NARROW: Final = (390, 844)
# The limits of console-ux.md are those of people before a machine of their own. Here the browser,
# the server, the database and the channels' worlds share one with whatever else it does.
LOADED: Final = 6
# Bounds for a machine that is busy, no timings: what holds is seen as soon as it holds.
_PATIENCE_MS: Final = 60_000
expect.set_options(timeout=_PATIENCE_MS)
_NOTES: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.noteViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`));
document.addEventListener("htmx:after:swap", ({ detail }) => {
  (window.drawnFor ??= []).push(String(detail.ctx?.request?.action)); });
document.addEventListener("htmx:sse:after:connection", () => { window.streams = true; });
"""
_DRAWN_FOR: Final = """(words) => (window.drawnFor ?? []).some((address) =>
  new URL(address, location.href).searchParams.get("q") === words)"""
_BARRIERS: Final = (
    "async (options) => (await axe.run(document, options)).violations.map("
    "one => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`)"
)


@dataclass(slots=True, kw_only=True)
class Window:
    """One browser window of one visitor. `trouble` gathers what must never be: see `check`."""

    page: Page
    trouble: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Fails on any violation of the policy, script error or failed request so far."""
        assert self.trouble == [], self.trouble

    def taken(self) -> list[str]:
        """What was noted so far; noting begins anew."""
        told, self.trouble = self.trouble, []
        return told

    async def listens(self) -> None:
        """Waits until the page hears of whatever happens from now on."""
        await self.page.wait_for_function("() => window.streams")
        # The reader behind all streams has begun by the time that a further page is drawn.
        assert (await self.page.request.get("/help")).ok

    async def barriers(self, *rules: str) -> list[str]:
        """What axe finds on the page as it is now; of these rules alone where some are named."""
        options: dict[str, object] = {
            # Of what passes nothing is read: neither named nor sent over.
            "resultTypes": ["violations"],
            "ancestry": False,
            "xpath": False,
        }
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(AXE_SCRIPT)
        found: list[str] = await self.page.evaluate(_BARRIERS, options)
        return found

    async def axe(self) -> None:
        """Fails on any barrier that axe finds on the page as it is now."""
        assert await self.barriers() == []


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium of the system's; without one the test is skipped, in CI it fails."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=_program(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield opened
        await opened.close()


@asynccontextmanager
async def window(
    opened: Browser,
    console: Console,
    visitor: Visitor | None = None,
    *,
    size: Sequence[int] = WIDE,
    script: bool = True,
) -> AsyncIterator[Window]:
    """A window of that size, signed in as the visitor; everything that must not be is noted."""
    cookie = visitor.cookie if visitor else None
    async with bare_window(
        opened, url=console.url, cookie=cookie, size=size, script=script
    ) as made:
        yield made


@asynccontextmanager
async def bare_window(
    opened: Browser,
    *,
    url: str,
    cookie: str | None,
    size: Sequence[int] = WIDE,
    script: bool = True,
) -> AsyncIterator[Window]:
    """The same before a site that runs elsewhere; paths are below `url`."""
    context = await opened.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=script,
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        has_touch=size[0] < 600,
    )
    context.set_default_timeout(_PATIENCE_MS)
    if cookie is not None:
        await context.add_cookies([{"name": "loa", "value": cookie, "url": url, "httpOnly": True}])
    made = Window(page=await context.new_page())
    await _watch(context, made)
    yield made
    await context.close()


async def answered(page: Page, words: str) -> None:
    """Waits until the page shows what was found for the whole of these words.

    While they were typed it asked for their beginnings as well, and drew what was found for those.
    """
    await page.wait_for_function(_DRAWN_FOR, arg=words)


async def _watch(context: BrowserContext, made: Window) -> None:
    def note(told: str) -> None:
        made.trouble.append(told)

    made.page.on("pageerror", lambda error: note(f"script: {error}"))
    made.page.on(
        "console",
        lambda message: note(f"console: {message.text}") if message.type == "error" else None,
    )
    await context.expose_function("noteViolation", note)
    await context.add_init_script(_NOTES)


def _program() -> str:
    """The system's Chromium; its absence skips a test, and fails it where CI=true."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing("không có Chromium · no Chromium here: install the package chromium")
    return found
