"""A second, strict reading of a feed's XML for what feedparser mixes up or drops.

Several tombstones collapse into one there, and of the hours to skip only the last is kept
(feeds.md section 12.2). It also tells exactly where and why a document ends too soon.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from services.sources.feed import FeedUnreadableError

_DEEPEST: Final = 250  # elements inside each other; no feed comes near
_ATTRIBUTES: Final = 200
_MOST: Final = 2000
_TEXT_CHARS: Final = 2000
_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_ENTRY_NAMES: Final = frozenset({"item", "entry"})
_CUT_OFF: Final = frozenset(
    {
        expat.errors.codes[message]
        for message in (
            expat.errors.XML_ERROR_NO_ELEMENTS,
            expat.errors.XML_ERROR_UNCLOSED_TOKEN,
            expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
            expat.errors.XML_ERROR_PARTIAL_CHAR,
        )
    }
)


@dataclass(slots=True)
class Deleted:
    """One `at:deleted-entry`, as written."""

    ref: str
    when: str
    comment: str = ""


@dataclass(slots=True)
class Outline:
    """What stands outside the entries. `fault` is empty for well-formed XML."""

    root: str = ""
    fault: str = ""
    cut_off: bool = False
    ttl: str = ""
    skip_hours: list[str] = field(default_factory=list)
    skip_days: list[str] = field(default_factory=list)
    links: list[Mapping[str, str]] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    entry_count: int = 0


def outline(xml: bytes) -> Outline:
    """Reads UTF-8 once. What stood before a fault is kept. Raises FeedUnreadableError."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _refuse
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        reader.found.fault = expat.ErrorString(error.code) or "fault"
        reader.found.cut_off = error.code in _CUT_OFF
    return reader.found


def _refuse(*_: object) -> None:
    raise FeedUnreadableError("feed_dangerous")


class _Reader:
    """Keeps the path of open elements and takes down what is wanted."""

    def __init__(self) -> None:
        self.found = Outline()
        self._path: list[str] = []
        self._inside = 0  # entries stand inside each other in no format, but in broken ones
        self._words: list[str] = []
        self._size = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if len(self._path) >= _DEEPEST or len(attributes) > _ATTRIBUTES:
            raise FeedUnreadableError("feed_too_heavy")
        if not self._path:
            self.found.root = local.lower()
        self._path.append(local)
        self._words, self._size = [], 0
        if local in _ENTRY_NAMES:
            self._inside += 1
            self.found.entry_count += 1
        elif space == _TOMBSTONES and local == "deleted-entry":
            if len(self.found.deleted) < _MOST:
                told = Deleted(attributes.get("ref", ""), attributes.get("when", ""))
                self.found.deleted.append(told)
        elif local == "link" and not self._inside and attributes.get("href"):
            atom = space == _ATOM or self.found.root == "feed"
            if atom and len(self.found.links) < _MOST:
                self.found.links.append(attributes)

    def end(self, name: str) -> None:
        local = self._path.pop()
        words = "".join(self._words).strip()
        self._words, self._size = [], 0
        if local in _ENTRY_NAMES:
            self._inside -= 1
        elif self._inside:
            return
        elif local == "hour" and "skipHours" in self._path:
            self.found.skip_hours.append(words)
        elif local == "day" and "skipDays" in self._path:
            self.found.skip_days.append(words)
        elif local == "ttl":
            self.found.ttl = words
        elif local == "comment" and "deleted-entry" in self._path and self.found.deleted:
            self.found.deleted[-1].comment = words

    def text(self, words: str) -> None:
        if not self._inside and self._size < _TEXT_CHARS:
            self._words.append(words)
            self._size += len(words)
