"""First visits as people have them: a real Chromium, slowed down to an office PC and to a phone.

Aims: console-ux.md section 11. Figures hold only on a machine that does nothing else meanwhile.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

from playwright.async_api import Browser, Page

from tests.bench.ground import Ground
from tests.services.console import outlets
from tests.support.browser import NARROW, WIDE, Window, window
from tests.support.browser import browser as open_browser
from tests.support.console import Console, Visitor, open_console

_BODY: Final = "\n\n".join(f"Đoạn {no}: mời bà con đến trụ sở phường đúng giờ." for no in range(12))
_QUIET_MS: Final = 1_500  # so long nothing more is fetched: then a visit is over
_OBSERVED: Final = """
    window.seen = { lcp: 0, shift: 0 };
    new PerformanceObserver(list => { for (const one of list.getEntries())
        window.seen.lcp = Math.max(window.seen.lcp, one.startTime); })
        .observe({ type: 'largest-contentful-paint', buffered: true });
    new PerformanceObserver(list => { for (const one of list.getEntries())
        if (!one.hadRecentInput) window.seen.shift += one.value; })
        .observe({ type: 'layout-shift', buffered: true });
"""
_PAINTED: Final = """() => ({ ...window.seen,
    fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0 })"""
# From the key to the first look that shows it, in the page's own time.
_ANSWERED: Final = """words => new Promise(resolve => {
    const began = performance.now(), field = document.querySelector('#title');
    const looks = document.querySelector('#looks-side');
    const done = () => {
        if (!looks.querySelector('.preview-title')?.textContent.includes(words)) return;
        watching.disconnect();
        resolve(performance.now() - began);
    };
    const watching = new MutationObserver(done);
    watching.observe(looks, { subtree: true, childList: true, characterData: true });
    field.value = words;
    field.dispatchEvent(new Event('input', { bubbles: true }));
})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How slow a reader's machine and line are. `cpu` divides the speed of this machine."""

    name: str
    size: tuple[int, int]
    cpu: int
    bits_per_second: int
    delay_ms: int
    fcp_aim_ms: int
    lcp_aim_ms: int


OFFICE: Final = Machine(
    name="máy cơ quan · office PC",
    size=WIDE,
    cpu=4,
    bits_per_second=10_000_000,
    delay_ms=40,
    fcp_aim_ms=1_500,
    lcp_aim_ms=2_000,
)
PHONE: Final = Machine(
    name="điện thoại · phone",
    size=NARROW,
    cpu=6,
    bits_per_second=4_000_000,
    delay_ms=100,
    fcp_aim_ms=2_000,
    lcp_aim_ms=2_500,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one opening of a page cost, without pictures; times in milliseconds."""

    bytes: int
    requests: int
    fcp: float
    lcp: float
    shift: float


@dataclass  # without slots: the browser's library ties its own to what it calls
class _Line:
    """Counts what comes over the line: bytes as they were sent, compressed."""

    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def asked(self, event: dict[str, Any]) -> None:
        address = str(event["request"]["url"]).partition("?")[0]
        picture = event.get("type") == "Image" and not address.endswith(".svg")
        self.kinds[event["requestId"]] = "picture" if picture else "page"

    def came(self, event: dict[str, Any]) -> None:
        if self.kinds.get(event["requestId"]) == "page":
            self.sizes[event["requestId"]] = int(event["encodedDataLength"])

    def taken(self) -> tuple[int, int]:
        """Bytes and requests since the last asking; what came from the cache costs neither."""
        paid = [size for size in self.sizes.values() if size]
        self.sizes = {}
        return sum(paid), len(paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Everything that was measured on one machine, each figure the median of all rounds."""

    machine: Machine
    page: Visit
    composer: Visit
    next_page: Visit
    typing_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A console with a draft to write on."""

    console: Console
    editor: Visitor
    draft: UUID
    browser: Browser

    async def measure(self, machine: Machine, rounds: int) -> Visits:
        """Opens the pages as whoever comes for the first time, so many times."""
        found = [await self._round(machine) for _ in range(rounds)]
        return Visits(
            machine=machine,
            page=_middle([one.page for one in found]),
            composer=_middle([one.composer for one in found]),
            next_page=_middle([one.next_page for one in found]),
            typing_ms=median(one.typing_ms for one in found),
        )

    async def _round(self, machine: Machine) -> Visits:
        async with window(self.browser, self.console, self.editor, size=machine.size) as opened:
            line = await _slowed(opened, machine)
            first = await _visited(opened.page, line, f"{self.console.url}/posts")
            after = await _visited(opened.page, line, f"{self.console.url}/calendar")
        async with window(self.browser, self.console, self.editor, size=machine.size) as opened:
            line = await _slowed(opened, machine)
            composer = f"{self.console.url}/posts/{self.draft}/edit"
            cold = await _visited(opened.page, line, composer)
            await opened.page.locator(".editor-text").wait_for()
            typing = []
            for no in range(5):
                words = f"Lịch tiếp công dân, lần gõ {no}"
                typing.append(float(await opened.page.evaluate(_ANSWERED, words)))
        return Visits(
            machine=machine, page=first, composer=cold, next_page=after, typing_ms=median(typing)
        )


async def open_site(place: Ground) -> Site:
    """A console of its own with one agency on three channels, and a browser before it."""
    stack: AsyncExitStack = place.stack
    console = await stack.enter_async_context(
        open_console(await place.database("browser"), Path(place.folder) / "browser")
    )
    team = await console.bench.team()
    await outlets.three(console.bench, team)
    cover = await console.bench.picture(team)
    draft = await console.bench.draft(team, body=_BODY, summary="Mời bà con.", cover=str(cover))
    for no in range(30):
        await console.bench.draft(team, title=f"Thông báo số {no} về lịch tiếp công dân")
    return Site(
        console=console,
        editor=await console.visitor(team.editor),
        draft=draft.id,
        browser=await stack.enter_async_context(open_browser()),
    )


async def _slowed(opened: Window, machine: Machine) -> _Line:
    """Makes the window as slow as that machine; gives what counts its traffic."""
    await opened.page.add_init_script(_OBSERVED)
    tools = await opened.page.context.new_cdp_session(opened.page)
    await tools.send("Network.enable")
    await tools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": machine.delay_ms,
            "downloadThroughput": machine.bits_per_second / 8,
            "uploadThroughput": machine.bits_per_second / 8,
        },
    )
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": machine.cpu})
    line = _Line()
    tools.on("Network.requestWillBeSent", line.asked)
    tools.on("Network.loadingFinished", line.came)
    return line


async def _visited(page: Page, line: _Line, address: str) -> Visit:
    line.taken()
    await page.goto(address, wait_until="load", timeout=60_000)
    await page.wait_for_timeout(_QUIET_MS)
    told = await page.evaluate(_PAINTED)
    size, count = line.taken()
    return Visit(bytes=size, requests=count, fcp=told["fcp"], lcp=told["lcp"], shift=told["shift"])


def _middle(visits: Sequence[Visit]) -> Visit:
    return Visit(
        bytes=round(median(one.bytes for one in visits)),
        requests=round(median(one.requests for one in visits)),
        fcp=median(one.fcp for one in visits),
        lcp=median(one.lcp for one in visits),
        shift=max(one.shift for one in visits),
    )
