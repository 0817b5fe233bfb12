"""Bytes from a stranger as text: the right letters, no declarations that do harm, small repairs."""

import codecs
import html
import re
from collections.abc import Iterator
from typing import Final

from services.sources.feed import FeedUnreadableError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How `<?` or `<r` begins where no mark says it.
_WIDE: Final = (
    (re.compile(rb"<\x00\x00\x00"), "utf-32-le"),
    (re.compile(rb"\x00\x00\x00<"), "utf-32-be"),
    (re.compile(rb"<\x00[^\x00]\x00"), "utf-16-le"),
    (re.compile(rb"\x00<\x00[^\x00]"), "utf-16-be"),
)
# One byte, one letter: any bytes can be read so, which is why UTF-8 is tried before them.
_NARROW: Final = frozenset(
    {"ascii", "latin-1", "cp1252", "cp1258", "koi8-r", "koi8-u", "mac-roman", "cp874", "tis-620"}
    | {f"cp{number}" for number in range(1250, 1258)}
    | {f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))}
)
# UTF-16 and UTF-32 are known by their look; who is told of them in vain sends something else.
_BROAD: Final = frozenset(
    {
        "utf-8", "utf-8-sig", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_jp",
        "shift_jis", "euc_kr", "cp949", "cp932",
    }
)  # fmt: skip
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_META: Final = re.compile(rb"""(?i)<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})""")
_HEAD_BYTES: Final = 2048

_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_OPENING: Final = re.compile(r"<!--|<!\[CDATA\[|<\?|<![a-zA-Z]")
_DECLARES: Final = re.compile(r"<!(?:DOCTYPE|ENTITY|ATTLIST|ELEMENT|NOTATION)", re.IGNORECASE)
# An ampersand with what may make it a reference.
_AMPERSAND: Final = re.compile(r"&(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|(\w{1,32});)?")
_XML_NAMES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})


def decoded(body: bytes, content_type: str) -> tuple[str, bool]:
    """The text in these bytes, and whether its encoding was not what was declared.

    A mark at the beginning wins, then what HTTP says, then what the document says; UTF-8 that is
    sound beats any one-byte encoding, as servers lie about it. Never raises.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), False
    for look, name in _WIDE:
        if look.match(body):
            return body.decode(name, "replace"), False
    head = body[:_HEAD_BYTES]
    told = _CHARSET.search(content_type)
    inside = _DECLARED.search(head) or _META.search(head)
    names = (told[1] if told else "", inside[1].decode("ascii", "ignore") if inside else "")
    declared = next((codec for name in names if (codec := _codec(name))), "")
    narrow = declared in _NARROW or not declared
    for codec in ("utf-8", declared) if narrow else (declared, "utf-8"):
        if codec in ("ascii", "latin-1", "iso8859-1"):
            codec = "cp1252"  # what browsers read under these names
        try:
            text = body.decode(codec) if codec else ""
        except UnicodeDecodeError:
            continue
        if codec:
            return text, not body.isascii() and bool(declared) and codec != declared
    return body.decode("cp1252", "replace"), True


def controls_dropped(text: str) -> tuple[str, bool]:
    """The text without characters that XML forbids, and whether there were any."""
    sound = _CONTROLS.sub("", text)
    return sound, len(sound) != len(text)


def bare_xml(text: str) -> str:
    """The XML from its first element on, without comments and instructions.

    Raises FeedUnreadableError (`feed_dangerous`) where it declares a document type or entities:
    nothing that is needed is ever declared there, and bombs are.
    """
    return "".join(part for _, part in _parts(text)).lstrip()


def references_mended(text: str) -> str:
    """The XML with named letters of HTML written out, and every other bare `&` made harmless.

    Feeds of the whole world carry `&nbsp;` and `?a=1&b=2`, and XML knows neither.
    """
    return "".join(
        part if is_cdata else _AMPERSAND.sub(_mended, part) for is_cdata, part in _parts(text)
    )


def _mended(match: re.Match[str]) -> str:
    code, name = match[1], match[2]
    if code is not None:
        point = int(code[1:], 16) if code[0] in "xX" else int(code)
        allowed = point in (9, 10, 13) or 32 <= point < 0xD800 or 0xE000 <= point < 0xFFFE
        return match[0] if allowed or 0x10000 <= point <= 0x10FFFF else ""
    if name is None:
        return "&amp;"
    if name in _XML_NAMES:
        return match[0]
    letters = html.unescape(match[0])
    if letters == match[0] or (not letters.isprintable() and letters != "\u00a0"):
        return f"&amp;{match[0][1:]}"
    return letters if letters not in "<>&\"'" else html.escape(letters)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Text and CDATA in turn, the latter marked; comments and instructions are left out.

    One walk from left to right: an open comment without an end takes the rest, as in a parser.
    """
    at = 0
    while match := _OPENING.search(text, at):
        yield False, text[at : match.start()]
        opening = match[0]
        if opening == "<![CDATA[":
            end = text.find("]]>", match.end())
            at = len(text) if end < 0 else end + 3
            yield True, text[match.start() : at]
            continue
        if opening == "<!--" or opening == "<?":
            closing = "-->" if opening == "<!--" else "?>"
            end = text.find(closing, match.end())
            at = len(text) if end < 0 else end + len(closing)
            continue
        if _DECLARES.match(text, match.start()):
            raise FeedUnreadableError("feed_dangerous")
        yield False, "&lt;!"  # "<!b>" is nothing at all
        at = match.start() + 2
    yield False, text[at:]


def _codec(name: str) -> str:
    """Python's name for an encoding of text that we read, or nothing."""
    try:
        known = codecs.lookup(name).name if name else ""
    except (LookupError, ValueError):
        return ""
    return known if known in _NARROW or known in _BROAD else ""
