"""Nothing is lost between the body's Markdown and the visual editor, whatever the text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser

import services.console
from services.console.assets import Assets
from services.content.body import parse
from shared.contract.blocks import Block, Figure, Heading, Listing, Paragraph, Quote, Span
from tests.support.browser import window
from tests.support.console import Console

pytestmark = pytest.mark.browser

_PICTURE: Final = "media:0190f3c2-1111-7000-8000-000000000001"
_AT_ONCE: Final = 200

# ── Texts as the editor writes them ─────────────────────────────────────────────────────────

_WORDS: Final = (
    *("Kính", "gửi", "bà", "con", "đường", "Nguyễn", "Huệ", "ngập,", "08:00", "A&B"),
    "snake_case",
)
_ODD: Final = ("5 * 3 = 15", "[1]", "(24/7)", "#1", "2.", "> 10%", "- vừa xong", "AT&T;")
_LOOKS: Final = (
    *("{}", "{}", "**{}**", "*{}*", "***{}***", "[{}](https://hoasen.gov.vn/tin?x=1&y=2)"),
    "[**{}**](tel:02800001022)",
)
_FIGURES: Final = (
    f"![Bà con ở một cửa]({_PICTURE})",
    f'![Bà con (24/7) & "một cửa"]({_PICTURE} "Ảnh: \\"Lan\\" & Quân")',
    "![Phóng sự](https://www.youtube.com/watch?v=abc_def*)",
)
_LISTED: Final = "-0123456789"


@st.composite
def _line(draw: st.DrawFn) -> str:
    told = ["Thông báo"]
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.integers(0, 3)) == 0:
            told.append(draw(st.sampled_from(_ODD)))
        else:
            words = draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4))
            told.append(draw(st.sampled_from(_LOOKS)).format(" ".join(words)))
    return " ".join(told)


@st.composite
def _block(draw: st.DrawFn, depth: int) -> str:
    """A block as the editor writes it; the deeper, the simpler."""
    match draw(st.integers(0, 3 if depth == 0 else 6)):
        case 0:
            return f"{'#' * draw(st.integers(2, 4))} {draw(_line())}"
        case 1:
            return draw(st.sampled_from(_FIGURES))
        case 2 | 3:
            return "\\\n".join(draw(st.lists(_line(), min_size=1, max_size=3)))
        case 4:
            text = _stack(draw(st.lists(_block(depth - 1), min_size=1, max_size=3)))
            return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))
        case 5:
            return _listed(draw(_entries(depth)), None)
        case _:
            return _listed(draw(_entries(depth)), draw(st.sampled_from([1, 1, 3, 9])))


@st.composite
def _entries(draw: st.DrawFn, depth: int) -> list[str]:
    """Entries of a list: words, words with a list close below, words with another block."""
    told = []
    for _ in range(draw(st.integers(1, 4))):
        words, more = draw(_line()), draw(st.integers(0, 3))
        if more == 0:
            words += "\n" + _listed(draw(st.lists(_line(), min_size=1, max_size=3)), None)
        elif more == 1:
            other = draw(_block(depth - 1))
            words += f"\n\n{other}" if other[0] not in _LISTED else ""
        told.append(words)
    return told


def _listed(entries: Sequence[str], start: int | None) -> str:
    """The entries behind their marks; `start` None for bullets."""
    told = []
    for no, entry in enumerate(entries, start or 1):
        mark = "- " if start is None else f"{no}. "
        first, *rest = entry.split("\n")
        told += [mark + first, *(" " * len(mark) + line if line else "" for line in rest)]
    return "\n".join(told)


def _stack(blocks: Sequence[str]) -> str:
    """Blocks below each other; between two lists stands a word, or they would be one list."""
    told: list[str] = []
    for block in blocks:
        if told and told[-1][0] in _LISTED and block[0] in _LISTED:
            told.append("Và")
        told.append(block)
    return "\n\n".join(told)


_WRITTEN: Final = st.lists(_block(2), max_size=6).map(_stack)

# ── Texts as anybody may type them ──────────────────────────────────────────────────────────

_SIGNS: Final = (
    *("#", "## ", "> ", ">", "- ", "* ", "+ ", "1. ", "2) ", "10. ", "**", "*", "_", "__", "***"),
    *("[", "]", "(", ")", "![", "](https://a.vn)", f"![ảnh]({_PICTURE})", "[x](https://a.vn)"),
    *(f'![ảnh]({_PICTURE} "chú thích")', "[](x)", "\\", "&amp;", "&#32;", "&aacute;", "<", "!"),
    *("\n", "\n\n", "\n", "  ", "    ", " ", "a", "b ", "đậm: ", ";", ".", ",", '"', "`", "---"),
    *("\t", "🎉", "e\u0301", "1", "snake_case", "**đậm**", "*nghiêng*", "  \n", "\\\n", "\u202e"),
)
_TYPED: Final = st.lists(st.sampled_from(_SIGNS), max_size=16).map("".join)


def _some(texts: st.SearchStrategy[str], count: int) -> list[str]:
    """That many texts of Hypothesis's choosing: the browser then reads them all at once."""
    found: list[str] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(texts)
    def gather(text: str) -> None:
        found.append(text)

    gather()
    return found


async def _through(browser: Browser, console: Console, texts: Sequence[str]) -> list[str]:
    """What the editor writes after it has read each text."""
    written: list[str] = []
    assets = Assets.load()
    async with window(browser, console) as seen:
        await seen.page.goto(f"{console.url}/sign-in")
        for name in ("media.js", "editor.js"):
            await seen.page.add_script_tag(url=console.url + assets.url(name))
        for at in range(0, len(texts), _AT_ONCE):
            written += await seen.page.evaluate(
                "texts => texts.map(one => loaEditor.write(loaEditor.parse(one)))",
                list(texts[at : at + _AT_ONCE]),
            )
        seen.check()
    return written


async def test_what_the_editor_wrote_it_reads_and_writes_the_same(
    console: Console, browser: Browser
) -> None:
    texts = _some(_WRITTEN, 500)
    written = await _through(browser, console, texts)
    assert [
        (text, after) for text, after in zip(texts, written, strict=True) if text != after
    ] == []


async def test_whatever_was_typed_means_the_same_after_the_editor(
    console: Console, browser: Browser
) -> None:
    texts = _some(_TYPED, 1_500)
    written = await _through(browser, console, texts)
    assert [
        (text, after)
        for text, after in zip(texts, written, strict=True)
        if _meaning(parse(text)) != _meaning(parse(after))
    ] == []


def test_the_editor_stays_within_its_budget() -> None:
    built = Path(services.console.__file__).parent / "built"
    assets = Assets.load()
    assert (built / f"{assets.files['editor.js']}.gz").stat().st_size <= 75_000


def _meaning(blocks: Sequence[Block]) -> list[object]:
    """Blocks without what nobody sees: whether a blank between words is bold."""
    told: list[object] = []
    for block in blocks:
        match block:
            case Paragraph(spans=spans):
                told.append(("p", _letters(spans)))
            case Heading(level=level, spans=spans):
                told.append((level, _letters(spans)))
            case Quote(blocks=inner):
                told.append(("q", _meaning(inner)))
            case Listing(ordered=ordered, entries=entries, start=start):
                told.append((ordered, start, [_meaning(entry) for entry in entries]))
            case Figure(media_id=media_id, alt=alt, caption=caption, url=url):
                told.append((media_id, alt, caption, url))
    return told


def _letters(spans: Sequence[Span]) -> list[tuple[str, bool, bool, str | None]]:
    return [
        (letter, span.strong and not blank, span.em and not blank, span.href)
        for span in spans
        for letter in span.text
        for blank in (letter.isspace(),)
    ]
