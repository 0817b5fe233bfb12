"""What the README tells people to paste works as it stands there; the ledger is the judge."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from shared.clock import steady_seconds
from tests.journeys.conftest import Rehearsal

ROOT = Path(__file__).parents[2]
CHANNELS = {"zalo_oa", "facebook_page", "portal_rss"}

_SECTION = "## The journey, over HTTP"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DONE = "@@done"
_BLOCK_SECONDS = 300.0
_PATIENCE_SECONDS = 180.0


def blocks() -> list[str]:
    """The shell blocks of the README's journey, in order."""
    found: list[str] = []
    section = ""
    block: list[str] | None = None
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if block is not None:
            if line == "```":
                found.append("\n".join(block))
                block = None
            else:
                block.append(line)
        elif line.startswith("## "):
            section = line
        elif line == "```sh" and section == _SECTION:
            block = []
    return found


class Terminal:
    """A bash into which blocks are pasted one after another; the first failure ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def paste(self, block: str) -> str:
        """Runs one block to its end and gives what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\necho {_DONE}\n".encode())
        await self._process.stdin.drain()
        said: list[str] = []
        async with asyncio.timeout(_BLOCK_SECONDS):
            while line := (await self._process.stdout.readline()).decode():
                if line.strip() == _DONE:
                    return "".join(said)
                said.append(line)
        raise AssertionError("".join(said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the public sees, asked from the simulated channels and from the site itself."""

    http: httpx.AsyncClient
    at: Rehearsal

    async def posts(self, code: str) -> Mapping[str, Mapping[str, Any]]:
        """The visible post of this item on each channel; two on one channel are a failure."""
        told = (await self.http.get(f"{self.at.sandbox}/ledger.json")).json()
        found: dict[str, Mapping[str, Any]] = {}
        for account in told["accounts"]:
            for post in account["visible"]:
                if f"/tin/{code}" in f"{post['text']} {post['link']}":
                    assert account["channel"] not in found, post
                    found[account["channel"]] = post
        return found

    async def entry(self, code: str) -> Mapping[str, str]:
        """The item's entry in the RSS feed of the portal."""
        feed = (await self.http.get(f"{self.at.site}/feeds/cong-hoa-sen/rss.xml")).content
        (entry,) = _entries(feed, code)
        return entry

    async def page(self, code: str) -> httpx.Response:
        """The item's own page."""
        return await self.http.get(f"{self.at.site}/tin/{code}")


def _entries(feed: bytes, code: str) -> Iterator[Mapping[str, str]]:
    for item in ElementTree.fromstring(feed).iter("item"):
        if f"/tin/{code}" in (item.findtext("link") or ""):
            yield {part.tag: part.text or "" for part in item}


@pytest.fixture
async def terminal(rehearsal: Rehearsal, tmp_path: Path) -> Terminal:
    """A bash in this folder that knows where the rehearsal stands, and nothing else of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *("bash", "--noprofile", "--norc", "-e", "-o", "pipefail"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env={
            **kept,
            "LOA": rehearsal.site,
            "LEDGER": rehearsal.sandbox,
            "TMPDIR": str(tmp_path),
            "PYTHONUTF8": "1",
        },
    )
    return Terminal(process)


async def test_the_journey_of_the_readme_goes_as_written(
    rehearsal: Rehearsal, terminal: Terminal
) -> None:
    sign_in, write, approve, wait, correct, withdraw = blocks()
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        ledger = Ledger(http=http, at=rehearsal)

        assert "editor" in await terminal.paste(sign_in)
        code = (await terminal.paste(write)).split()[-1]
        assert re.fullmatch(r"HOASEN-\d{4}-\d{6}", code)
        assert await ledger.posts(code) == {}
        await terminal.paste(approve)

        said = await terminal.paste(wait)
        assert said.count("· live ·") == 3
        shown = await until_portal(ledger, code, "người dân nộp hồ sơ tại trụ sở mới")
        assert shown.keys() == CHANNELS
        assert {channel: len(post["pictures"]) for channel, post in shown.items()} == dict.fromkeys(
            CHANNELS, 2
        )
        assert (await ledger.page(code)).status_code == 200

        assert "page · 200" in await terminal.paste(correct)
        corrected = await until_portal(ledger, code, "Sửa giờ mở cửa ngày đầu")
        assert ids(corrected) == ids(shown)
        told = [corrected[name]["text"] for name in ("zalo_oa", "facebook_page")]
        told.append((await ledger.entry(code))[_CONTENT])
        assert ["8 giờ ngày 01/12/2026" in text for text in told] == [True] * 3
        assert ["7 giờ 30 ngày" in text for text in told] == [False] * 3

        said = await terminal.paste(withdraw)
        assert "page · 410" in said
        assert await ledger.posts(code) == {}
        stub = await ledger.entry(code)
        assert stub["title"].startswith("[Thu hồi]")
        assert "Lùi ngày chuyển trụ sở" in stub["description"]
        assert "8 giờ ngày" not in "".join(stub.values())
        gone = await ledger.page(code)
        assert gone.status_code == 410
        assert "Lùi ngày chuyển trụ sở" in gone.text


def ids(posts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    """The channels' own ids."""
    return {channel: post["remote_id"] for channel, post in posts.items()}


async def until_portal(ledger: Ledger, code: str, words: str) -> Mapping[str, Mapping[str, Any]]:
    """What is visible once the sample portal, which asks now and then, has fetched these words."""
    end = steady_seconds() + _PATIENCE_SECONDS
    while steady_seconds() < end:
        posts = await ledger.posts(code)
        if "portal_rss" in posts and words in posts["portal_rss"]["text"]:
            return posts
        await asyncio.sleep(0.2)
    raise AssertionError("the portal never fetched it")
