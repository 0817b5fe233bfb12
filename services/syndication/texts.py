"""What an entry says, the same in every format, and nothing in it that a program could run.

Source: feeds.md sections 5 (corrections, withdrawals), 10 (allow-list) and 11 (Vietnamese).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape, unescape
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import nh3

from services.delivery.portal import Entry, EntryFile, EntryPicture, Shown
from shared.text import clean, one_line, shorten

_CORRECTED: Final = "[Đính chính] "
_WITHDRAWN: Final = "[Thu hồi] "

_TAGS: Final = frozenset(
    (
        *("p", "br", "h2", "h3", "h4", "ul", "ol", "li", "a", "strong", "em", "blockquote"),
        *("table", "thead", "tbody", "tr", "th", "td", "caption", "img", "figure", "figcaption"),
    )
)
# What stands between these tags is no text for people either.
_EMPTIED: Final = frozenset(
    (
        *("script", "style", "svg", "math", "template", "iframe", "object", "embed", "noscript"),
        *("noembed", "noframes", "title", "textarea", "select", "option", "button", "form"),
        *("applet", "frameset", "audio", "video", "canvas", "xmp", "plaintext"),
    )
)
_ATTRIBUTES: Final[Mapping[str, set[str]]] = {
    "*": {"title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    # Beyond the list of section 10: without it item 4 of a decree would be shown as number 1.
    "ol": {"start"},
}
# In plain text these are no words: somebody has pasted a page. `a < b` and `<số liệu>` stay.
_MARKUP: Final = re.compile(
    r"<(script|style|svg|math|iframe|object|template|textarea|title|noscript)\b[^>]*>[^<]*</\1\s*>"
    r"|</?(?:script|style|svg|math|iframe|object|embed|form|input|button|select|textarea|template"
    r"|noscript|link|meta|base|applet|frame|frameset|audio|video|source|img|image|body|html|head"
    r"|a|p|b|i|u|s|br|hr|div|span|font|center|marquee|details|isindex|title|foreignobject|animate"
    r"|set|use|annotation-xml|h[1-6]|ul|ol|li|table|tr|td|th|tbody|thead|em|strong|blockquote"
    r"|figure|figcaption|caption|tfoot|colgroup|section|article|aside|header|footer|nav|pre|code"
    r"|small|sub|sup|mark|del|ins|dl|dt|dd|abbr|cite|picture|strike|tt)\b[^>]*>"
    r"|</[a-z][a-z0-9]*\s*>"
    r"|<[a-z!/?][^<>]*\bon[a-z]+\s*=[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
_DIGITS: Final = re.compile(r"[0-9]{1,5}")
_WITHIN_WORDS: Final = re.compile(r"</?(?:a|strong|em)\b[^>]*>")
_TAG: Final = re.compile(r"<[^>]*>")
_OPENING_LETTERS: Final = 300


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src" and not _web(value):
        return None
    if name in ("width", "height", "colspan", "rowspan", "start"):
        return value if _DIGITS.fullmatch(value) else None
    return value


_CLEANER: Final = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_EMPTIED),
    attributes=dict(_ATTRIBUTES),
    attribute_filter=_attribute,
    url_schemes={"https", "http", "mailto", "tel"},
    url_relative="deny",
    link_rel=None,
    strip_comments=True,
)
_PICTURE: Final = re.compile(r"<img[^>]*>")
# HTML that the cleaner gives back as it is, told in a tenth of its time: paragraphs, headings and
# lists of words, emphasis and plain links, each closed where it must be. Anything else is cleaned.
_SAID: Final = r"(?:[^<>&\xa0]++|&(?:amp|lt|gt);|<br>)"
_EM: Final = rf"(?:{_SAID}|<em>{_SAID}*+</em>)"
_STRONG: Final = rf"(?:{_EM}|<strong>{_EM}*+</strong>)"
_HOST: Final = r"(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)++[a-z]{2,20}"
_HREF: Final = rf"https?://{_HOST}(?:[/?#](?:[\w/.~%=?#+,;:@-]|&amp;)*+)?"
_INLINE: Final = rf'(?:{_STRONG}|<a href="{_HREF}">{_STRONG}*+</a>)*+'
_BLOCKS: Final = (
    *(f"<{tag}>{_INLINE}</{tag}>" for tag in ("p", "h2", "h3", "h4")),
    *(f"<{tag}>(?:<li>{_INLINE}</li>)++</{tag}>" for tag in ("ul", "ol")),
)
# No group of it is captured: Python 3.11 loses count of those in a possessive one.
_SOUND: Final = re.compile(f"(?:{'|'.join(_BLOCKS)})*+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What an entry is filed under: its name in addresses, and how people call it."""

    term: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What entries are told with beside their own words: the agency, its zone, its categories."""

    agency: str
    zone: ZoneInfo
    categories: Mapping[str, str]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for voices that tell an entry in the same bytes."""
        return (self.agency, self.zone.key, tuple(sorted(self.categories.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry, ready for any format: plain text but for `html`, instants in the hub's zone.

    Title, summary and html are never empty: RSS wants a description before the whole text, Atom
    words in its content (the validator of w3.org warns of either).
    """

    guid: str
    link: str
    title: str
    summary: str
    html: str
    author: str
    published_at: datetime
    changed_at: datetime
    categories: tuple[Category, ...]
    pictures: tuple[EntryPicture, ...]
    enclosure: EntryFile | None


def told(entry: Entry, shown: Shown, voice: Voice) -> Told:
    """The entry in the words that every format carries; of a withdrawn one only that it is gone."""
    title = plain(shown.title) or plain(shown.link)
    html = safe_html(shown.html)
    summary = plain_lines(shown.summary) or _opening(html) or title
    html = html or f"<p>{escape(summary, quote=False)}</p>"
    if entry.withdrawn:
        # The strongest withdrawal a reader can see: the same id, without the words and pictures.
        title = _WITHDRAWN + title.removeprefix(_CORRECTED)
        day = entry.changed_at.astimezone(voice.zone)
        summary = f"Tin này đã được thu hồi ngày {day:%d/%m/%Y}."
        if reason := plain(entry.reason):
            summary += f" Lý do: {reason}"
        html = f"<p>{escape(summary, quote=False)}</p>"
    return Told(
        guid=one_line(entry.guid),
        link=shown.link,
        title=title,
        summary=summary,
        html=html,
        author=plain(shown.author) or voice.agency,
        published_at=entry.published_at.astimezone(voice.zone).replace(microsecond=0),
        changed_at=entry.changed_at.astimezone(voice.zone).replace(microsecond=0),
        categories=() if entry.withdrawn else _categories(shown, voice),
        pictures=() if entry.withdrawn else _pictures(shown),
        enclosure=None if entry.withdrawn else _enclosure(shown),
    )


def plain(text: str) -> str:
    """One line of plain text: NFC, no forbidden character, no pasted markup."""
    return one_line(_unmarked(clean(text)))


def plain_lines(text: str) -> str:
    """The same, line ends kept."""
    return _unmarked(clean(text)).strip()


def safe_html(html: str) -> str:
    """HTML of the small allow-list; every picture has an alt and an absolute address."""
    given = clean(html)
    if _SOUND.fullmatch(given):
        return given
    # Forbidden characters may stand there by number as well: they are gone after parsing only.
    return _PICTURE.sub(_sound_picture, clean(_CLEANER.clean(given)))


def _opening(html: str) -> str:
    """The first words of sound HTML as plain text; what somebody wrote as a tag stays out."""
    words = _TAG.sub(" ", _WITHIN_WORDS.sub("", html))
    return shorten(plain(unescape(words)), _OPENING_LETTERS)


def _unmarked(text: str) -> str:
    # What was cut away may join what was apart: `<scr<b>ipt>`.
    while "<" in text and (bare := _MARKUP.sub("", text)) != text:
        text = bare
    return text


def _sound_picture(found: "re.Match[str]") -> str:
    tag = found.group()
    if ' src="' not in tag:
        return ""
    return tag if ' alt="' in tag else f'{tag[:-1]} alt="">'


def _web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc)


def _categories(shown: Shown, voice: Voice) -> tuple[Category, ...]:
    found = {
        term: Category(term=term, label=voice.categories.get(term, term))
        for term in (plain(one) for one in (shown.category, *shown.tags))
        if term
    }
    return tuple(found.values())


def _pictures(shown: Shown) -> tuple[EntryPicture, ...]:
    return tuple(
        one.model_copy(
            update={
                "alt": plain(one.alt),
                "caption": plain(one.caption),
                "credit": plain(one.credit),
                "mime": plain(one.mime),
            }
        )
        for one in shown.pictures
        if _web(one.url)
    )


def _enclosure(shown: Shown) -> EntryFile | None:
    return shown.enclosure if shown.enclosure and _web(shown.enclosure.url) else None
