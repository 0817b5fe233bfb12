"""The picture that stands for an item where its link is shared and it has no picture of its own."""

import io
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

import services

WIDTH: Final = 1200
HEIGHT: Final = 630
_MARGIN: Final = 80
_INK: Final = (19, 32, 47)
_QUIET: Final = (60, 75, 94)
_RED: Final = (179, 19, 27)
_GOLD: Final = (255, 205, 31)
_PAPER: Final = (255, 255, 255)
_LINES: Final = 4
_SIZES: Final = (64, 56, 48, 42)
_KEPT: Final = 64
# The hub's own lettering, made by `make assets`: one file for each of the two sets of letters.
_BUILT: Final = Path(services.__file__ or "").parent / "console" / "built"
_FILES: Final = ("be-vietnam-vietnamese.*.woff2", "be-vietnam-latin.*.woff2")

# What the Vietnamese set holds, as its stylesheet declares it, beside the ranges in `_runs`.
_OWN_LETTERS: Final = frozenset(
    (0x102, 0x103, 0x110, 0x111, 0x128, 0x129, 0x168, 0x169, 0x1A0, 0x1A1, 0x1AF, 0x1B0, 0x20AB)
)

_Font = ImageFont.FreeTypeFont


class Cards:
    """Drawn cards, the last ones kept: a link that spreads is asked for by many at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()

    def draw(self, title: str, section: str, agency: str) -> bytes | None:
        """A PNG of 1200 × 630 points; None where the lettering was never built."""
        key = (title, section, agency)
        made = self._kept.get(key)
        if made is None:
            drawn = _drawn(title, section, agency)
            if drawn is None:
                return None
            made = self._kept[key] = drawn
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return made


def can_draw() -> bool:
    """Whether the lettering is there."""
    return _fonts(_SIZES[0]) is not None


def _drawn(title: str, section: str, agency: str) -> bytes | None:
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH, 20), fill=_RED)
    draw.rectangle((0, 20, WIDTH, 28), fill=_GOLD)
    small = _fonts(34)
    if small is None:
        return None
    room = WIDTH - 2 * _MARGIN
    if section:
        draw.rectangle((_MARGIN, 92, _MARGIN + 10, 132), fill=_RED)
        _write(draw, (_MARGIN + 30, 92), _cut(section, small, room - 30), small, _QUIET)
    size, lines = _SIZES[-1], [title]
    for size in _SIZES:
        fonts = _fonts(size)
        lines = _broken(title, fonts, room) if fonts else [title]
        if len(lines) <= _LINES:
            break
    fonts = _fonts(size)
    if fonts is None:
        return None
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], _cut(" ".join(lines[_LINES - 1 :]), fonts, room)]
    top = 170
    for line in lines:
        _write(draw, (_MARGIN, top), line, fonts, _INK)
        top += round(size * 1.34)
    draw.rectangle((_MARGIN, HEIGHT - 112, WIDTH - _MARGIN, HEIGHT - 110), fill=(217, 224, 232))
    _write(draw, (_MARGIN, HEIGHT - 88), _cut(agency, small, room), small, _RED)
    written = io.BytesIO()
    picture.quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


@lru_cache(maxsize=16)
def _fonts(size: int) -> tuple[_Font, _Font] | None:
    found = [next(iter(sorted(_BUILT.glob(name))), None) for name in _FILES]
    if found[0] is None or found[1] is None:
        return None
    basic = ImageFont.Layout.BASIC
    vietnamese, latin = (ImageFont.truetype(str(one), size, layout_engine=basic) for one in found)
    return vietnamese, latin


def _runs(text: str) -> list[tuple[bool, str]]:
    """The text cut where the set of letters changes; True for the Vietnamese one."""
    runs: list[tuple[bool, str]] = []
    for letter in text:
        code = ord(letter)
        own = code in _OWN_LETTERS or 0x1EA0 <= code <= 0x1EF9 or 0x300 <= code <= 0x323
        if runs and runs[-1][0] == own:
            runs[-1] = (own, runs[-1][1] + letter)
        else:
            runs.append((own, letter))
    return runs


def _length(text: str, fonts: tuple[_Font, _Font]) -> float:
    return sum(fonts[0 if own else 1].getlength(run) for own, run in _runs(text))


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    fonts: tuple[_Font, _Font],
    fill: tuple[int, int, int],
) -> None:
    left = float(at[0])
    base = at[1] + fonts[1].getmetrics()[0]
    for own, run in _runs(text):
        font = fonts[0 if own else 1]
        draw.text((left, base), run, font=font, fill=fill, anchor="ls")
        left += font.getlength(run)


def _broken(text: str, fonts: tuple[_Font, _Font], room: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _length(longer, fonts) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(word, fonts, room))
    return [line for line in lines if line]


def _cut(text: str, fonts: tuple[_Font, _Font], room: float) -> str:
    if _length(text, fonts) <= room:
        return text
    while text and _length(text + "…", fonts) > room:
        text = text[:-1]
    return text.rstrip() + "…"
