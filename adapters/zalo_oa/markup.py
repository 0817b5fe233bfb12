"""Body text as the small HTML that Zalo shows, in pieces that fit one text block; and back.

Tags that production clients are known to send: p, br, strong, em, a, ul, ol, li; blocks of at most
about 1000 characters, cut at paragraph boundaries (zalo-oa-api.md section 3.2).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Literal

from typing_extensions import override

from shared.contract.blocks import (
    Block,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Quote,
    Span,
    html_spans,
)
from shared.text import clean

BLOCK_CHARS = 1000

_SENTENCE = re.compile(r".+?(?:[.!?…;:]\s+|\n+|$)", re.DOTALL)
_WORD = re.compile(r"\S+\s*|\s+")
_GAP = re.compile(r"\n\s*\n")
_ADDRESS = re.compile(r"https?://[^\s<>\"“”]+")


def block_pieces(block: Block) -> Iterator[str]:
    """One block as pieces of HTML, each small enough for a text block. Figures leave no trace."""
    match block:
        case Paragraph(spans=spans):
            yield from paragraph_pieces(spans)
        case Heading(spans=spans):
            yield from paragraph_pieces(tuple(replace(span, strong=True) for span in spans))
        case Quote(blocks=inner):
            for one in inner:
                yield from _quoted(one)
        case Listing():
            yield from _list_pieces(block)
        case Figure():
            return


def text_pieces(text: str) -> Iterator[str]:
    """Plain text as paragraphs: an empty line parts them, a single line end stays a break."""
    for paragraph in _GAP.split(clean(text).strip()):
        if paragraph.strip():
            yield from paragraph_pieces((Span(text=paragraph.strip()),))


def paragraph_pieces(spans: tuple[Span, ...]) -> Iterator[str]:
    """One paragraph as `<p>`, or as several where it is too long: between sentences, then words.

    A single word (an address, say) that is longer than a block is left whole.
    """
    for part in _parts(spans, BLOCK_CHARS - len("<p></p>")):
        yield f"<p>{html_spans(part)}</p>"


def joined(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces put together into as few texts as fit the limit, in order."""
    text = ""
    for piece in pieces:
        if text and len(text) + len(piece) > BLOCK_CHARS:
            yield text
            text = ""
        text += piece
    if text:
        yield text


def plain(html: str) -> tuple[str, tuple[str, ...]]:
    """HTML as the words a reader sees, and the addresses its links lead to."""
    if "<" not in html and "&" not in html:
        return html, ()
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.words).strip(), tuple(reader.links)


def addresses(text: str) -> tuple[str, ...]:
    """The web addresses written out in plain text."""
    return tuple(found.rstrip(".,;:)") for found in _ADDRESS.findall(text))


class _Reader(HTMLParser):
    """Collects words and link targets; a tag that starts a line becomes a line end."""

    _LINES = frozenset({"p", "br", "li", "ul", "ol", "div", "h1", "h2", "h3", "h4", "tr"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._LINES:
            self.words.append("\n")
        for name, value in attrs:
            if tag == "a" and name == "href" and value:
                self.links.append(value)

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)


# ── Cutting ──────────────────────────────────────────────────────────────────────────────────────


def _parts(spans: tuple[Span, ...], room: int) -> Iterator[tuple[Span, ...]]:
    if len(html_spans(spans)) <= room:
        yield spans
        return
    part: tuple[Span, ...] = ()
    for token in _tokens(spans, room):
        longer = _with(part, token)
        if part and len(html_spans(longer)) > room:
            yield part
            longer = (token,)
        part = longer
    if part:
        yield part


def _tokens(spans: tuple[Span, ...], room: int) -> Iterator[Span]:
    """Sentences, or the words of a sentence that is itself too long."""
    for span in spans:
        for sentence in _SENTENCE.findall(span.text):
            whole = replace(span, text=sentence)
            if len(html_spans((whole,))) <= room:
                yield whole
            else:
                for word in _WORD.findall(sentence):
                    yield replace(span, text=word)


def _with(part: tuple[Span, ...], token: Span) -> tuple[Span, ...]:
    if part and replace(part[-1], text="") == replace(token, text=""):
        return (*part[:-1], replace(token, text=part[-1].text + token.text))
    return (*part, token)


# ── Lists and quotes ─────────────────────────────────────────────────────────────────────────────


def _quoted(block: Block) -> Iterator[str]:
    if not isinstance(block, Paragraph):
        yield from block_pieces(block)
        return
    spans: tuple[Span, ...] = ()
    for span in (Span(text="“"), *block.spans, Span(text="”")):
        spans = _with(spans, replace(span, em=True))
    yield from paragraph_pieces(spans)


def _list_pieces(listing: Listing) -> Iterator[str]:
    """A list in one piece if it fits; else bullets in several lists, numbers as paragraphs.

    A second `<ol>` would count from 1 again, and whether Zalo keeps `start` is unknown.
    """
    entries = [_entry_spans(entry) for entry in listing.entries]
    rows = [f"<li>{html_spans(spans)}</li>" for spans in entries]
    tag: Literal["ol", "ul"] = "ol" if listing.ordered else "ul"
    frame = len(f"<{tag}></{tag}>")
    fits = frame + sum(map(len, rows)) <= BLOCK_CHARS
    if listing.ordered and not (fits and listing.start == 1):
        for no, spans in enumerate(entries, listing.start):
            yield from paragraph_pieces((Span(text=f"{no}. "), *spans))
        return
    kept: list[str] = []
    for row, spans in zip(rows, entries, strict=True):
        if kept and frame + sum(map(len, kept)) + len(row) > BLOCK_CHARS:
            yield f"<{tag}>{''.join(kept)}</{tag}>"
            kept = []
        if frame + len(row) > BLOCK_CHARS:
            yield from paragraph_pieces((Span(text="• "), *spans))
        else:
            kept.append(row)
    if kept:
        yield f"<{tag}>{''.join(kept)}</{tag}>"


def _entry_spans(entry: tuple[Block, ...], mark: str = "") -> tuple[Span, ...]:
    """One entry as running text; a list inside it becomes lines with a dash."""
    spans: list[Span] = []
    for block in entry:
        inner: tuple[Span, ...] = ()
        match block:
            case Paragraph(spans=words) | Heading(spans=words):
                inner = words
            case Quote(blocks=blocks):
                inner = (Span(text="“"), *_entry_spans(blocks), Span(text="”"))
            case Listing(ordered=ordered, entries=entries, start=start):
                for no, nested in enumerate(entries, start):
                    head = f"{mark}{no}. " if ordered else f"{mark}– "
                    gap = "\n" if inner or spans else ""
                    inner += (Span(text=gap + head), *_entry_spans(nested, f"{mark}– "))
            case Figure():
                continue
        if spans and not isinstance(block, Listing):
            spans.append(Span(text="\n"))
        spans.extend(inner)
    return tuple(spans)
