"""Feed readers of other makers and languages, for the tests: each reads a document we wrote.

From the Python index: feedparser. From npm: rss-parser, feedsmith, @rowanmanning/feed-parser,
@extractus/feed-extractor. From Debian: SimplePie (PHP), Ruby's own `rss`, XML::Feed (Perl).
"""

import json
import os
import shutil
import subprocess
from calendar import timegm
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import feedparser

from tests.support.missing import missing

_HERE: Final = Path(__file__).parents[1] / "readers"
_BIN: Final = Path(__file__).parents[2] / ".venv" / "bin"
_NPM: Final = ("rss-parser", "feedsmith", "@rowanmanning/feed-parser", "@extractus/feed-extractor")
_SECONDS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """One entry as a reader understood it; `published` in whole seconds since 1970."""

    id: str
    title: str
    published: int
    author: str
    pictures: tuple[str, ...]


Reader = Callable[[bytes, str], list[Understood]]


def by_feedparser(document: bytes, form: str) -> list[Understood]:
    """Python's feedparser."""
    found = feedparser.parse(document)
    assert not found.bozo
    return [
        Understood(
            id=one.id,
            title=one.title,
            published=_seconds(one.published_parsed),
            author=one.author,
            pictures=tuple(picture["url"] for picture in one.get("media_content", ())),
        )
        for one in found.entries
    ]


def by_npm(library: str) -> Reader:
    """A library of tests/readers/package.json."""

    def read(document: bytes, form: str) -> list[Understood]:
        node = _node()
        return _told([node, str(_HERE / "read.mjs"), library, form], document)

    return read


def by_program(program: str, script: str, probe: str) -> Reader:
    """A script of tests/readers; `probe` is what the program runs without a word if it can."""

    def read(document: bytes, form: str) -> list[Understood]:
        _need(program, probe)
        return _told([program, str(_HERE / script)], document)

    return read


_PHP: Final = (
    "if (!class_exists('DOMDocument')) exit(1); require '/usr/share/php/simplepie/autoloader.php';"
)
READERS: Final[Mapping[str, Reader]] = {
    "feedparser (Python)": by_feedparser,
    **{f"{name} (JavaScript)": by_npm(name) for name in _NPM},
    "SimplePie (PHP)": by_program("php", "read.php", f"-r|{_PHP}"),
    "rss (Ruby)": by_program("ruby", "read.rb", "-e|require 'rss'"),
    "XML::Feed (Perl)": by_program("perl", "read.pl", "-e|use XML::Feed"),
}
# Who reads JSON Feed too; the others know XML only.
JSON_READERS: Final = ("feedsmith (JavaScript)", "@extractus/feed-extractor (JavaScript)")


def _told(command: list[str], document: bytes) -> list[Understood]:
    done = subprocess.run(command, input=document, capture_output=True, timeout=_SECONDS)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-800:]
    return [
        Understood(**one | {"pictures": tuple(one["pictures"])}) for one in json.loads(done.stdout)
    ]


@cache
def _need(program: str, probe: str) -> None:
    flag, _, code = probe.partition("|")
    found = shutil.which(program)
    if found is None or subprocess.run([found, flag, code], capture_output=True).returncode:
        missing(f"không có {program} với thư viện của nó · no {program} with its feed library")


@cache
def _node() -> str:
    """Node with the locked libraries beside it; they are fetched at the first need."""
    folders = os.pathsep.join((os.environ.get("PATH", ""), str(_BIN)))
    node, npm = shutil.which("node", path=folders), shutil.which("npm", path=folders)
    if node is None or npm is None:
        missing("không có Node · no Node here")
    lock, ready = _HERE / "package-lock.json", _HERE / "node_modules" / ".loa-ready"
    if not ready.exists() or ready.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=_HERE,
            env=os.environ | {"PATH": folders, "NODE_USE_SYSTEM_CA": "1"},
            capture_output=True,
            timeout=_SECONDS,
        )
        if done.returncode:
            missing(f"npm không tải được · npm failed: {done.stderr.decode()[-300:]}")
        ready.touch()
    return node


def _seconds(parsed: object) -> int:
    return timegm(parsed)  # type: ignore[arg-type]  # a struct_time in UTC
