"""Lengths, cuts and comparisons of text that respect Vietnamese letters."""

import re
import unicodedata
from difflib import SequenceMatcher

# Invisible characters that a channel may add or drop without a reader seeing a difference:
# zero-width space and joiners, word joiner, byte order mark, soft hyphen, variation selectors.
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad\ufe00-\ufe0f]")
# C0 and C1 controls but tab and newline, tag characters, and the bidi overrides that can make an
# approver read another text than the public will (reliability-security.md R102).
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\U000e0000-\U000e007f]"
)
_BLANK = re.compile(r"\s+")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def clean(text: str) -> str:
    """The text as Loa stores it: NFC, Unix line ends, without characters that lie to a reader.

    Lone surrogates cannot be stored or sent as UTF-8, so they are dropped here as well.
    """
    # What can be printed, and line ends, is none of those characters: the usual text is done.
    if text.replace("\n", "").isprintable():
        return unicodedata.normalize("NFC", text)
    sound = text.encode("utf-8", "ignore").decode("utf-8")
    unix = sound.replace("\r\n", "\n").replace("\r", "\n")
    return _FORBIDDEN.sub("", unicodedata.normalize("NFC", unix))


def one_line(text: str) -> str:
    """The text with every run of white space, line ends included, as one blank; trimmed."""
    return " ".join(clean(text).split())


def fold(text: str) -> str:
    """The text as search sees it: lower case, without diacritics, `đ` as `d`."""
    bare = unicodedata.normalize("NFD", clean(text).lower().replace("đ", "d"))
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def slug(text: str, *, most: int = 80) -> str:
    """An ASCII name for a URL, at most `most` characters, cut between words where it can be."""
    whole = _NOT_SLUG.sub("-", fold(text)).strip("-")
    if len(whole) <= most:
        return whole
    return whole[:most].rsplit("-", 1)[0].strip("-") or whole[:most]


def shorten(text: str, most: int) -> str:
    """At most `most` code points of the text, ending with an ellipsis where it was cut.

    Cuts at a blank where one is near, and never between a letter and its mark (NFC first).
    """
    whole = clean(text)
    if len(whole) <= most:
        return whole
    head = whole[: most - 1]
    at = head.rfind(" ")
    if not whole[most - 1].isspace() and at >= most * 2 // 3:
        head = head[:at]
    while head and unicodedata.combining(whole[len(head)]):
        head = head[:-1]
    return head.rstrip(" ,.;:–-") + "…"


def comparable(text: str) -> str:
    """The text as two readings of one post are compared: NFC, visible letters only, one blank.

    Follows reliability-security.md R20: channels trim, collapse blanks and drop invisibles.
    """
    return _BLANK.sub(" ", _INVISIBLE.sub("", clean(text))).strip()


def similarity(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1; 1 exactly when `comparable` forms are equal.

    Long texts are compared word by word: letter by letter would take seconds.
    """
    left, right = comparable(one), comparable(other)
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    ratio = SequenceMatcher(None, left.split(" "), right.split(" "), autojunk=False).ratio()
    return min(ratio, 0.999)


def two_languages(vi: str, en: str) -> str:
    """One text that holds both: doors take it apart at its first ` · `, so neither may have one."""
    return " · ".join(told.replace(" · ", " – ") for told in (vi, en))
