"""The body of an item as blocks, and the two shapes that every channel can use.

`services/content/body.py` parses Markdown into these once; adapters only read them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of text with one look. `href` is an absolute http, https, mailto or tel address."""

    text: str
    strong: bool = False
    em: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text. A newline inside a span is a line break that the author wanted."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading inside the body; `level` is 2, 3 or 4 (1 is the item's title)."""

    level: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Bullets, or numbers counting from `start`; each entry is a tuple of blocks (may nest)."""

    ordered: bool
    entries: tuple[tuple["Block", ...], ...]
    start: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Somebody's words, set apart."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture or video of the item's media, or (`url` set) a video that stands elsewhere."""

    media_id: UUID | None
    alt: str
    caption: str = ""
    url: str | None = None


Block: TypeAlias = Paragraph | Heading | Listing | Quote | Figure


def plain_spans(spans: tuple[Span, ...]) -> str:
    """Spans as plain text; an address is written out behind its words unless it is the words."""
    parts: list[str] = []
    for span in spans:
        parts.append(span.text)
        if span.href and span.href.removeprefix("mailto:").removeprefix("tel:") != span.text:
            parts.append(f" ({span.href})")
    return "".join(parts)


def to_plain(blocks: tuple[Block, ...], *, indent: str = "") -> str:
    """Blocks as plain text with sensible line breaks: `• ` bullets, numbers, addresses written out.

    Figures leave no trace: a plain-text channel shows pictures beside the text, not inside it.
    """
    return "\n\n".join(part for part in (_plain(block, indent) for block in blocks) if part)


def _plain(block: Block, indent: str) -> str:
    match block:
        case Paragraph(spans=spans):
            return indent + plain_spans(spans).replace("\n", "\n" + indent)
        case Heading(spans=spans):
            return indent + plain_spans(spans).upper()
        case Quote(blocks=inner):
            return "\n".join(f"{indent}“{to_plain((one,))}”" for one in inner)
        case Listing(ordered=ordered, entries=entries, start=start):
            lines: list[str] = []
            for no, entry in enumerate(entries, start):
                mark = f"{no}. " if ordered else "• "
                text = "\n".join(_plain(one, indent + "  ").strip("\n") for one in entry)
                lines.append(f"{indent}{mark}{text.strip()}")
            return "\n".join(lines)
        case Figure():
            return ""


def html_spans(spans: tuple[Span, ...]) -> str:
    """Spans as HTML of `a`, `strong`, `em` and `br` only; everything else is escaped."""
    parts: list[str] = []
    for span in spans:
        text = escape(span.text, quote=False).replace("\n", "<br>")
        if span.em:
            text = f"<em>{text}</em>"
        if span.strong:
            text = f"<strong>{text}</strong>"
        if span.href:
            text = f'<a href="{escape(span.href)}">{text}</a>'
        parts.append(text)
    return "".join(parts)


def to_html(blocks: tuple[Block, ...], figure: Callable[[Figure], str]) -> str:
    """Blocks as semantic HTML of a small allow-list; `figure` draws one picture or video.

    Tags used: p h2 h3 h4 ul ol li blockquote a strong em br, and what `figure` gives.
    """
    return "".join(_html(block, figure) for block in blocks)


def _html(block: Block, figure: Callable[[Figure], str]) -> str:
    match block:
        case Paragraph(spans=spans):
            return f"<p>{html_spans(spans)}</p>"
        case Heading(level=level, spans=spans):
            return f"<h{level}>{html_spans(spans)}</h{level}>"
        case Quote(blocks=inner):
            return f"<blockquote>{to_html(inner, figure)}</blockquote>"
        case Listing(ordered=ordered, entries=entries, start=start):
            tag = "ol" if ordered else "ul"
            first = f' start="{start}"' if ordered and start != 1 else ""
            rows = "".join(f"<li>{_entry_html(entry, figure)}</li>" for entry in entries)
            return f"<{tag}{first}>{rows}</{tag}>"
        case Figure():
            return figure(block)


def _entry_html(entry: tuple[Block, ...], figure: Callable[[Figure], str]) -> str:
    if len(entry) == 1 and isinstance(entry[0], Paragraph):
        return html_spans(entry[0].spans)
    return to_html(entry, figure)


def figures(blocks: tuple[Block, ...]) -> tuple[Figure, ...]:
    """Every figure of the body in reading order, also those inside lists and quotes."""
    found: list[Figure] = []
    for block in blocks:
        match block:
            case Figure():
                found.append(block)
            case Quote(blocks=inner):
                found.extend(figures(inner))
            case Listing(entries=entries):
                for entry in entries:
                    found.extend(figures(entry))
            case Paragraph() | Heading():
                pass
    return tuple(found)


def html_attributes(values: Mapping[str, object]) -> str:
    """Attributes as text, with a leading blank each; None leaves one out."""
    return "".join(f' {k}="{escape(str(v))}"' for k, v in values.items() if v is not None)
