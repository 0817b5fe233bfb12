"""Real browser windows before the console: what must never happen in one is noted and checked."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.support.console import Console, Visitor

WIDE: Final = (1366, 768)
NARROW: Final = (390, 844)


@dataclass(slots=True, kw_only=True)
class Window:
    """One browser window of one visitor. `trouble` gathers what must never be: see `check`."""

    page: Page
    trouble: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Fails on any violation of the policy, script error or failed request so far."""
        assert self.trouble == []

    async def axe(self) -> None:
        """Fails on any barrier that axe finds on the page as it is now."""
        found = await Axe().run(self.page)
        told = [
            f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found.response["violations"]
        ]
        assert told == []


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
    context = await opened.new_context(
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=script,
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        has_touch=size[0] < 600,
    )
    context.set_default_timeout(10_000)
    if visitor is not None:
        await context.add_cookies(
            [{"name": "loa", "value": visitor.cookie, "url": console.url, "httpOnly": True}]
        )
    made = Window(page=await context.new_page())
    await _watch(context, made)
    yield made
    await context.close()


async def _watch(context: BrowserContext, made: Window) -> None:
    def note(told: str) -> None:
        made.trouble.append(told)

    made.page.on("pageerror", lambda error: note(f"script: {error}"))
    made.page.on(
        "console",
        lambda message: note(f"console: {message.text}") if message.type == "error" else None,
    )
    await context.expose_function("noteViolation", note)
    await context.add_init_script(
        "document.addEventListener('securitypolicyviolation', e =>"
        " window.noteViolation(`policy: ${e.violatedDirective} ${e.blockedURI}`))"
    )


def _program() -> str:
    """The system's Chromium; its absence skips a test, and fails it where CI=true."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "không có Chromium · no Chromium here: install the package chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found
