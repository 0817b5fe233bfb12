"""Strangers' HTML made harmless: an allow-list, absolute links, no pictures, no style, no scripts.

Pictures are listed beside the text and never shown from where they are: each would tell its owner
who reads what in this house (reliability-security.md R100).
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import nh3

from services.sources.feed import Attachment
from services.sources.links import absolute, tidy
from shared.text import clean, one_line

_TAGS: Final = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl", "dt",
    "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "li", "ol",
    "p", "pre", "q", "s", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "u", "ul",
}  # fmt: skip
# Dropped after cleaning, where they are plain signs: the sanitiser takes time by the square of
# their depth to drop them itself (200,000 of them took four minutes).
_DROPPED: Final = {
    "article", "aside", "center", "font", "footer", "header", "label", "main", "nav", "picture",
    "section", "small", "span",
}  # fmt: skip
_DROPPED_TAG: Final = re.compile(rf"</?(?:{'|'.join(sorted(_DROPPED))})>")
_ATTRIBUTES: Final = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
# Their inside goes with them: none of it was meant to be read.
_WHOLE: Final = {
    "script", "style", "template", "noscript", "iframe", "object", "embed", "applet", "noembed",
    "noframes", "svg", "math", "textarea", "select", "title", "head",
}  # fmt: skip
# Left in while looking for pictures; nothing of this is ever shown.
_PICTURE_ATTRIBUTES: Final = {"img": {"src", "data-src", "data-original", "alt", "width", "height"}}
_PICTURE: Final = re.compile(r'<img((?: [a-z-]+="[^"]*")*)\s*/?>')
_ATTRIBUTE: Final = re.compile(r' ([a-z-]+)="([^"]*)"')
_HAS_PICTURE: Final = re.compile(r"(?i)<img\b")
_SPAN: Final = re.compile(r"[1-9]\d?")
_BREAKS: Final = re.compile(r"(?i)<(?:br|/p|/div|/li|/h[1-6]|/tr)[^<>]{0,40}>")
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_ANY_TAG: Final = re.compile(r"<[^<>]*>")
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
# The sanitiser's time grows with the square of the depth. No article comes near either number.
_DEEPEST: Final = 250
_MOST_TAGS: Final = 50_000
_PICTURES: Final = 50
_ALT_CHARS: Final = 500


def clean_html(source: str, base: str) -> str:
    """The HTML with only what a reader needs: text, lists, tables, links of the web, all absolute.

    Safe to show and safe to repeat. `base` is the address that relative links stand on.
    """

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "href":
            return _link(value, base)
        return value if _SPAN.fullmatch(value) else None

    tamed = _tamed(source)
    if tamed is None:
        return from_text(_bare(source))
    clean_one = nh3.clean(
        tamed,
        tags=_TAGS | _DROPPED,
        clean_content_tags=_WHOLE,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    return _DROPPED_TAG.sub("", clean_one).strip()


def plain(source: str) -> str:
    """The words of the HTML on one line."""
    spaced = _BREAKS.sub(" ", clean_html(source, ""))
    return one_line(html.unescape(_ANY_TAG.sub("", spaced)))


def from_text(text: str) -> str:
    """Plain text as clean HTML: a paragraph for each run of lines."""
    paragraphs = re.split(r"\n\s*\n", clean(text).strip())
    return "".join(
        f"<p>{html.escape(one, quote=False).replace(chr(10), '<br>')}</p>"
        for one in paragraphs
        if one.strip()
    )


def pictures(source: str, base: str) -> Iterator[Attachment]:
    """The pictures inside the HTML, in order, at most fifty, without those that only count."""
    tamed = _tamed(source) if _HAS_PICTURE.search(source) else None
    if tamed is None:
        return
    bare = nh3.clean(
        tamed,
        tags={"img"},
        clean_content_tags=_WHOLE,
        attributes=_PICTURE_ATTRIBUTES,
    )
    count = 0
    for match in _PICTURE.finditer(bare):
        told = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[1])}
        # Pages that load pictures late keep a stand-in in `src`.
        later = told.get("data-src") or told.get("data-original")
        url = absolute(later or told.get("src"), base)
        width, height = number(told.get("width")), number(told.get("height"))
        if url is None or (width is not None and width < 3) or (height is not None and height < 3):
            continue
        yield Attachment(
            url=url, alt=one_line(told.get("alt", ""))[:_ALT_CHARS], width=width, height=height
        )
        count += 1
        if count >= _PICTURES:
            return


def too_deep(source: str) -> bool:
    """Whether there are more elements, or more inside each other, than anybody would write."""
    stack: list[str] = []
    standing: Counter[str] = Counter()
    for count, match in enumerate(_TAG.finditer(source)):
        name = match[2].lower()
        if count >= _MOST_TAGS or len(stack) > _DEEPEST:
            return True
        if not match[1]:
            if name not in _VOID:
                stack.append(name)
                standing[name] += 1
        elif standing[name]:  # what closes nothing closes nothing: "<b></i><b></i>" goes deeper
            while (top := stack.pop()) != name:
                standing[top] -= 1
            standing[name] -= 1
    return False


def _tamed(source: str) -> str | None:
    """The HTML as it may be handed to the sanitiser, or None for what would keep it too long."""
    return None if too_deep(source) else clean(source)


def _bare(source: str) -> str:
    return html.unescape(_ANY_TAG.sub(" ", clean(source)))


def number(text: object) -> int | None:
    """A whole number of up to ten digits, or None."""
    told = str(text or "").strip().removesuffix("px")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= 10 else None


def _link(value: str, base: str) -> str | None:
    text = tidy(value)
    if text.startswith("#"):
        return None  # leads nowhere outside the page it stood on
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        return None
    if scheme in ("mailto", "tel"):
        return text if len(text) <= 300 and re.fullmatch(r"[\w@.+%:?=&;,-]+", text) else None
    return absolute(text, base)
