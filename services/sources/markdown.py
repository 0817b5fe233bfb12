"""Clean HTML of an entry as the one Markdown in which items are written.

Pictures are left out: they are another house's, and are offered beside the text. What stands here
gives the same words when `services/content/body.py` reads it.
"""

import re
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from typing import Final

from typing_extensions import override

from services.content.body import address
from shared.text import clean, one_line

_BLANK: Final = re.compile(r"[ \t\r\n\f\u00a0]+")
_SPECIAL: Final = re.compile(r"([\\*\[\]])")
_EDGE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
# What would begin a heading, a list, a quote or a line across at the start of a paragraph.
_OPENING: Final = re.compile(r"^(?:(\d{1,9})([.)])(?=\s|$)|([#>+=-]))")
_HEADINGS: Final = {"h1": "##", "h2": "##", "h3": "###", "h4": "####", "h5": "####", "h6": "####"}
_BLOCKS: Final = frozenset(
    {
        "address", "article", "aside", "caption", "center", "dd", "details", "div", "dl", "dt",
        "figcaption", "figure", "footer", "header", "hr", "main", "p", "pre", "section",
        "summary", "table", "tbody", "tfoot", "thead",
    }
)  # fmt: skip
_SKIPPED: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
_MARKS: Final = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_DEEPEST: Final = 6
# Inside a word or beside a comma these leave nothing behind; any other tag stands between words.
_INLINE: Final = re.compile(r"</?(?:a|abbr|b|cite|code|del|em|i|ins|q|s|strong|sub|sup|u)\b[^>]*>")
_TAG: Final = re.compile(r"<[^>]*>")


def markdown(html: str) -> str:
    """The words of the HTML as Markdown; what it cannot say (tables, colours) becomes plain lines.

    Addresses that an item may not carry leave their words. Never raises, whatever the HTML.
    """
    writer = _Writer()
    writer.feed(clean(html))
    writer.close()
    return writer.told()


def plain(html: str) -> str:
    """The words of clean HTML in one line."""
    return one_line(unescape(_TAG.sub(" ", _INLINE.sub("", html))))


def paragraph(words: str) -> str:
    """Plain words of one line as a paragraph of Markdown that shows them unchanged."""
    return _sound_start(escaped(words))


def escaped(words: str) -> str:
    """Plain words as they stand inside a paragraph of Markdown."""
    told = _SPECIAL.sub(r"\\\1", words)
    return _ENTITY.sub(r"\\&", _EDGE_UNDERSCORE.sub(r"\\_", told))


class _Writer(HTMLParser):
    """Goes through the HTML once and keeps the paragraph that is being written."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []  # what stands before the first line, and the text
        self.line: list[str] = []
        self.lists: list[int | None] = []  # of each open list the last number; None: bullets
        self.marked: str | None = None  # what the next paragraph of a list entry begins with
        self.quotes = 0
        self.heading = ""
        self.skipping = 0
        self.open: list[str] = []  # emphasis in force, outermost first
        self.href: str | None = None
        self.linked: list[str] = []
        self.cells = 0

    def told(self) -> str:
        """All that was written."""
        self._end()
        parts: list[str] = []
        for number, (start, text) in enumerate(self.blocks):
            follows = number > 0 and _is_entry(start) and _is_entry(self.blocks[number - 1][0])
            if number:
                parts.append("\n" if follows else "\n\n")
            parts.append(start + text)
        return "".join(parts)

    @override
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self.skipping += 1
        elif tag in _HEADINGS:
            self._end()
            self.heading = _HEADINGS[tag]
        elif tag in ("ul", "ol"):
            self._end()
            self.lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._begin_entry()
        elif tag == "blockquote":
            self._end()
            self.quotes += 1
        elif tag == "br":
            self.line.append("\n")
        elif tag == "tr":
            self._end()
            self.cells = 0
        elif tag in ("td", "th"):
            self.line.append(" · " if self.cells else "")
            self.cells += 1
        elif tag == "a":
            self._begin_link(dict(attrs).get("href") or "")
        elif tag in _MARKS:
            self.open.append(_MARKS[tag])
        elif tag in _BLOCKS:
            self._end()

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self.skipping = max(self.skipping - 1, 0)
        elif tag in ("ul", "ol"):
            self._end()
            if self.lists:
                self.lists.pop()
            self.marked = None
        elif tag == "blockquote":
            self._end()
            self.quotes = max(self.quotes - 1, 0)
        elif tag == "a":
            self._end_link()
        elif tag in _MARKS:
            if _MARKS[tag] in self.open:
                self.open.remove(_MARKS[tag])
        elif tag in _HEADINGS or tag in ("li", "tr") or tag in _BLOCKS:
            self._end()

    @override
    def handle_data(self, data: str) -> None:
        if self.skipping:
            return
        words = _BLANK.sub(" ", data)
        core = words.strip(" ")
        if not core:
            self._say(" " if words else "")
            return
        # Emphasis holds only where it touches the words, so blanks stay outside of it.
        before, after = (
            words[: len(words) - len(words.lstrip(" "))],
            words[len(words.rstrip(" ")) :],
        )
        marks = "" if self.heading else "".join(dict.fromkeys(self.open))
        self._say(f"{before}{marks}{escaped(core)}{marks[::-1]}{after}")

    def _say(self, words: str) -> None:
        (self.line if self.href is None else self.linked).append(words)

    def _begin_link(self, href: str) -> None:
        self._end_link()
        self.href = href

    def _end_link(self) -> None:
        if self.href is None:
            return
        words, target = "".join(self.linked), address(self.href)
        self.href, self.linked = None, []
        core = words.strip()
        if not core or target is None:
            self.line.append(words)
            return
        at = words.index(core)
        sound = target.replace("(", "%28").replace(")", "%29")
        self.line.append(f"{words[:at]}[{core}]({sound}){words[at + len(core) :]}")

    def _begin_entry(self) -> None:
        self._end()
        if not self.lists:
            self.lists.append(None)  # an entry without a list is one of a list without numbers
        last = self.lists[-1]
        if last is None:
            self.marked = "- "
        else:
            self.lists[-1] = last + 1
            self.marked = f"{last + 1}. "

    def _end(self) -> None:
        """Closes the paragraph that is being written."""
        self._end_link()
        lines = [_BLANK.sub(" ", one).strip() for one in "".join(self.line).split("\n")]
        self.line = []
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        if not lines:
            self.heading = ""
            return
        quote = "> " * min(self.quotes, _DEEPEST)
        # What belongs to an entry stands as far in as the entry's own words.
        widths = ["  " if number is None else "   " for number in self.lists[:_DEEPEST]]
        depth = "".join(widths[:-1])
        if self.heading:
            self.blocks.append((f"{quote}{self.heading} ", " ".join(one for one in lines if one)))
            self.heading = ""
            return
        inner = f"{quote}{''.join(widths)}"
        start = f"{quote}{depth}{self.marked}" if self.marked else inner
        text = f"\\\n{inner}".join(_sound_start(one) for one in lines if one)
        self.blocks.append((start, text))
        self.marked = None


def _sound_start(line: str) -> str:
    """A line whose first letters begin nothing."""

    def guarded(found: re.Match[str]) -> str:
        return f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}"

    return _OPENING.sub(guarded, line)


def _is_entry(start: str) -> bool:
    return start.lstrip("> ").startswith("- ") or bool(re.match(r"[> ]*\d+\. $", start))
