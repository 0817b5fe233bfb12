"""Reads the body of an item: one small Markdown, parsed once into blocks that channels render.

CommonMark without what an official notice does not need: no raw HTML (it is shown as text), no
code, no tables, no footnotes, no autolinks, no link definitions (`[1]: Theo …` would vanish), no
underlined headings (a row of dashes under a paragraph is a separator to most people).
Source: console-ux.md, "The body text"; addresses allowed by feeds.md section 10.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias
from urllib.parse import unquote, urlsplit
from uuid import UUID

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token

from shared.contract.blocks import (
    Block,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Quote,
    Span,
    figures,
)
from shared.text import clean, one_line

Media: TypeAlias = Callable[[str], UUID | None]
"""Finds a picture or video by the name behind `media:`; None when the item has no such file."""

_Run: TypeAlias = tuple[str, bool, bool, str | None]  # text, strong, em, href

_MEDIA_SCHEME = "media:"
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_VIDEO_HOSTS = frozenset(
    {
        "youtube.com",
        "www.youtube.com",
        "m.youtube.com",
        "youtu.be",
        "www.youtube-nocookie.com",
        "facebook.com",
        "www.facebook.com",
        "m.facebook.com",
        "web.facebook.com",
        "fb.watch",
    }
)
_OFF = (
    "html_block",
    "html_inline",
    "code",
    "fence",
    "backticks",
    "autolink",
    "reference",
    "lheading",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyProblem:
    """Something in the body that a person should mend; `line` counts from 1.

    Codes: `alt_missing`, `media_unknown`, `picture_foreign` (blocking), `link_refused` (only its
    words will be shown). `detail` is Vietnamese, with the next step. `media_id` names the file
    that has no description here, if it is one of the library.
    """

    code: str
    blocking: bool
    line: int
    detail: str
    media_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body as blocks, and what a person should mend in it, in reading order."""

    blocks: tuple[Block, ...]
    problems: tuple[BodyProblem, ...]


def media_id(name: str) -> UUID | None:
    """The id that a `media:` address carries, or None when it is not a UUID."""
    try:
        return UUID(name)
    except ValueError:
        return None


def parse(markdown: str, media: Media = media_id) -> tuple[Block, ...]:
    """The body as blocks; never raises, whatever the text.

    A single line break is a blank, as in CommonMark; two blanks or a backslash before it make a
    real one. A picture always stands as a block of its own, so text around it becomes paragraphs.
    Pictures that `media` does not know, or that stand on a foreign site, are left out, and an
    address of a refused scheme leaves its words: `problems` tells the editor.
    """
    return _Reader(media).read(markdown)


def read(markdown: str, media: Media = media_id) -> Body:
    """Both in one reading: what `parse` and `problems` give."""
    reader = _Reader(media)
    blocks = reader.read(markdown)
    return Body(blocks=blocks, problems=tuple(reader.problems))


def problems(markdown: str, media: Media = media_id) -> tuple[BodyProblem, ...]:
    """What a person should mend in the body, in reading order."""
    reader = _Reader(media)
    reader.read(markdown)
    return tuple(reader.problems)


def media_ids(markdown: str, media: Media = media_id) -> tuple[UUID, ...]:
    """The media that the body shows, each once, in reading order."""
    found = (figure.media_id for figure in figures(parse(markdown, media)))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def address(written: str) -> str | None:
    """The address as it may be published, percent-encoded; None when it is refused.

    Only absolute http, https, mailto and tel: a relative address would point into the console.
    """
    try:
        parts = urlsplit(written)
        if parts.scheme.lower() not in _SCHEMES:
            return None
        if parts.scheme.lower() in {"http", "https"} and not parts.hostname:
            return None
        encoded = normalizeLink(written)
    except ValueError:
        return None
    return encoded if encoded.isascii() and encoded.isprintable() and " " not in encoded else None


def _video(address_written: str) -> bool:
    parts = urlsplit(address_written)
    return parts.scheme == "https" and (parts.hostname or "") in _VIDEO_HOSTS


def _parser(nesting: int) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": nesting}).disable(list(_OFF))
    # Addresses are judged by `address`; the library would show a refused one as raw Markdown.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # its documented hook
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]  # the same
    return parser


# Blocks nested deeper than the parser's limit would be dropped, so it is far beyond any notice;
# inside a line the limit bounds the time that thousands of open brackets can take.
_BLOCKS = _parser(100).disable("inline")
_INLINE = _parser(6)


class _Reader:
    """One pass over the tokens of one body, keeping open quotes and lists on two stacks."""

    def __init__(self, media: Media) -> None:
        self.media = media
        self.problems: list[BodyProblem] = []
        self.line = 1
        self.open: list[list[Block]] = [[]]
        self.lists: list[list[tuple[Block, ...]]] = []
        self.starts: list[int] = []

    def read(self, markdown: str) -> tuple[Block, ...]:
        level = 0
        for token in _BLOCKS.parse(clean(markdown)):
            if token.map:
                self.line = token.map[0] + 1
            match token.type:
                case "heading_open":
                    level = min(max(int(token.tag[1:]), 2), 4)
                case "heading_close":
                    level = 0
                case "inline":
                    self._text(token, level)
                case "blockquote_open" | "list_item_open":
                    self.open.append([])
                case "blockquote_close":
                    self._close_quote()
                case "list_item_close":
                    self._close_entry()
                case "bullet_list_open" | "ordered_list_open":
                    self.lists.append([])
                    self.starts.append(int(token.attrs.get("start", 1)))
                case "bullet_list_close" | "ordered_list_close":
                    self._close_list(ordered=token.type == "ordered_list_close")
                case _:
                    pass  # paragraph borders say nothing new, and a separator carries no words
        return tuple(self.open[0])

    def _close_quote(self) -> None:
        blocks = self.open.pop()
        if blocks:
            self.open[-1].append(Quote(blocks=tuple(blocks)))

    def _close_entry(self) -> None:
        entry = self.open.pop()
        if entry:
            self.lists[-1].append(tuple(entry))

    def _close_list(self, *, ordered: bool) -> None:
        entries, start = self.lists.pop(), self.starts.pop()
        if entries:
            listing = Listing(ordered=ordered, entries=tuple(entries), start=start)
            self.open[-1].append(listing)

    def _text(self, inline: Token, level: int) -> None:
        """Adds one run of text as a paragraph or heading, split where pictures stand."""
        line = self.line
        runs: list[_Run] = []
        strong = em = 0
        href: str | None = None
        linked_from = 0
        tokens: list[Token] = []
        _INLINE.inline.parse(inline.content, _INLINE, {}, tokens)
        for token in tokens:
            match token.type:
                case "softbreak" | "hardbreak":
                    line += 1
                    broken = " " if token.type == "softbreak" else "\n"
                    runs.append((broken, strong > 0, em > 0, href))
                case "strong_open" | "strong_close":
                    strong += token.nesting
                case "em_open" | "em_close":
                    em += token.nesting
                case "link_open":
                    href = self._href(str(token.attrs.get("href", "")), line)
                    linked_from = len(runs)
                case "link_close":
                    if href and len(runs) == linked_from:
                        runs.append((href, strong > 0, em > 0, href))
                    href = None
                case "image":
                    self._add(runs, level)
                    runs, linked_from = [], 0
                    self._figure(token, line)
                case _:
                    runs.append((token.content, strong > 0, em > 0, href))
        self._add(runs, level)

    def _add(self, runs: Sequence[_Run], level: int) -> None:
        spans = _spans(runs)
        if spans:
            block = Heading(level=level, spans=spans) if level else Paragraph(spans=spans)
            self.open[-1].append(block)

    def _href(self, written: str, line: int) -> str | None:
        found = address(written)
        if found is None:
            self._tell(
                "link_refused",
                line,
                f"Liên kết “{written[:80]}” không dùng được, chỉ phần chữ sẽ hiện ra. Hãy ghi đủ "
                "địa chỉ bắt đầu bằng https://, mailto: hoặc tel:.",
                blocking=False,
            )
        return found

    def _figure(self, image: Token, line: int) -> None:
        written = str(image.attrs.get("src", ""))
        alt = one_line(image.content)
        caption = one_line(str(image.attrs.get("title", "") or ""))
        target = address(written)
        name = unquote(written.removeprefix(_MEDIA_SCHEME))
        found = self.media(name) if target is None else None
        if not alt:
            self._tell(
                "alt_missing",
                line,
                "Ảnh hoặc video này chưa có mô tả. Hãy viết mô tả trong dấu ngoặc vuông để người "
                "khiếm thị biết trong đó có gì.",
                media_id=found,
            )
        if target is None:
            if found is not None:
                self._show(Figure(media_id=found, alt=alt, caption=caption))
                return
            self._tell(
                "media_unknown",
                line,
                f"Không tìm thấy tệp “{name[:80]}” trong kho. Hãy tải ảnh lên rồi chèn lại.",
            )
        elif _video(target):
            self._show(Figure(media_id=None, alt=alt, caption=caption, url=target))
        else:
            self._tell(
                "picture_foreign",
                line,
                "Ảnh nằm trên trang khác nên không đăng được. Hãy tải ảnh đó lên kho rồi chèn lại; "
                "video thì dùng địa chỉ YouTube hoặc Facebook.",
            )

    def _show(self, figure: Figure) -> None:
        self.open[-1].append(figure)

    def _tell(
        self,
        code: str,
        line: int,
        detail: str,
        *,
        blocking: bool = True,
        media_id: UUID | None = None,
    ) -> None:
        self.problems.append(
            BodyProblem(code=code, blocking=blocking, line=line, detail=detail, media_id=media_id)
        )


def _spans(runs: Sequence[_Run]) -> tuple[Span, ...]:
    """Neighbours of one look joined, and no white space at either end; empty when nothing stays."""
    joined = [
        ("".join(run[0] for run in group), look)
        for look, group in groupby((run for run in runs if run[0]), key=lambda run: run[1:])
    ]
    while joined and not joined[0][0].strip():
        joined.pop(0)
    while joined and not joined[-1][0].strip():
        joined.pop()
    if joined:
        joined[0] = (joined[0][0].lstrip(), joined[0][1])
        joined[-1] = (joined[-1][0].rstrip(), joined[-1][1])
    return tuple(
        Span(text=text, strong=strong, em=em, href=href) for text, (strong, em, href) in joined
    )
