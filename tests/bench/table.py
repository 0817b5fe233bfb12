"""One readable table of what was measured, what was aimed at, and whether that was met."""

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure; `met` is None where nothing was aimed at."""

    name: str
    value: str
    aim: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Figures that belong together."""

    title: str
    lines: Sequence[Line]


def drawn(parts: Sequence[Part]) -> str:
    """The table as text, columns aligned."""
    lines = [line for part in parts for line in part.lines]
    name = max(_width(line.name) for line in lines)
    value = max(_width(line.value) for line in lines)
    out: list[str] = []
    for part in parts:
        out += ["", part.title]
        out += [
            f"  {_to(line.name, name)}  {_to(line.value, value)}  {_verdict(line)}".rstrip()
            for line in part.lines
        ]
    return "\n".join(out)


def _verdict(line: Line) -> str:
    if line.met is None:
        return line.aim
    return f"{'✓' if line.met else '✗'} {line.aim}"


def _to(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal."""
    return sum(2 if east_asian_width(c) in "WF" else not combining(c) for c in text)
