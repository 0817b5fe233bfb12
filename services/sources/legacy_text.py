"""Vietnamese from before Unicode: found by its look, converted when a person says so.

TCVN3 (ABC) and VNI are encodings of fonts: the text is sound Unicode and reads `Th«ng b¸o` or
`Thoâng baùo`. No library can know, so it is offered and never done silently (feeds.md section 11).
"""

import re
import unicodedata
from typing import Final

from services.sources.feed import Legacy

# Source: TCVN 5712:1993 (VN3), code points above 0x7F as Latin-1 shows them. Toned capitals do not
# exist there: fonts of capitals draw the small letters' codes.
_TCVN3: Final = str.maketrans(
    "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u00adõøö÷ùúýûüþ¡¢§£¤¥¦",
    "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĂÂĐÊÔƠƯ",
)
# VNI writes a plain vowel and then its marks as a letter of their own.
_VNI_PAIRS: Final = {
    "aâ": "â", "aê": "ă", "eâ": "ê", "oâ": "ô",
    "aà": "ầ", "aá": "ấ", "aå": "ẩ", "aã": "ẫ", "aä": "ậ",
    "aè": "ằ", "aé": "ắ", "aú": "ẳ", "aü": "ẵ", "aë": "ặ",
    "eà": "ề", "eá": "ế", "eå": "ể", "eã": "ễ", "eä": "ệ",
    "oà": "ồ", "oá": "ố", "oå": "ổ", "oã": "ỗ", "oä": "ộ",
    **{
        vowel + mark: unicodedata.normalize("NFC", plain + tone)
        for vowel, plain in zip("aeouyôö", "aeouyơư", strict=True)
        for mark, tone in zip("øùûõï", "\u0300\u0301\u0309\u0303\u0323", strict=True)
    },
}  # fmt: skip
_VNI_ALONE: Final = {
    "ì": "ì", "í": "í", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "ñ": "đ", "ô": "ơ", "ö": "ư", "î": "ỵ",
}  # fmt: skip
_VNI: Final = _VNI_PAIRS | _VNI_ALONE
_VNI_TOKEN: Final = re.compile(
    "|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)), re.IGNORECASE
)
# Signs beside letters, and capitals in the middle of a word: "ViÖt", "h¹nh", "®Þnh".
_TCVN3_TELLS: Final = re.compile(
    "[a-zA-Z][¸µ¶·¹¨©ª«¬\u00ad®]|[®§][a-zA-Z¸µ¶·¹À-ÿ]|[«ª©¬¨][a-z]|[a-zµ-ÿ][À-ÖØ-Þ]"
)
_WORD: Final = re.compile(r"[^\s\d.,;:!?()\[\]{}/\\|\"“”‘’'…–—<>=+*&%$#@_~`-]+")
# What only real Vietnamese in Unicode has.
_REAL: Final = re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9\u0300\u0301\u0303\u0309\u0323]")
_SYLLABLE: Final = re.compile(
    r"(?:ngh?|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnprstvx])?"
    r"(?:[aeiouyăâêôơư]|[iuưo][aeêâăôơơuyi]|[aâăeêoôơư][iuyo]|uyê|iê[u]|ươ[iu]|uô[i]|yê[u]?|"
    r"oa[iyo]|oe[o]|uy[aêu]|uâ[y]|uê[u]?|uơ)"
    r"(?:ng|nh|ch|[cmnpt])?"
)
_TONES: Final = "\u0300\u0301\u0303\u0309\u0323"
_LOOKED_AT: Final = 4000


def detect(text: str) -> Legacy | None:
    """The font encoding that the text seems to be in, or None for sound text.

    A guess is believed only if reading it so makes Vietnamese syllables of most odd words.
    """
    sample = unicodedata.normalize("NFC", text[:_LOOKED_AT])
    if sample.isascii() or len(_REAL.findall(sample)) > len(sample) / 200:
        return None
    words = _WORD.findall(sample)
    odd = [word for word in words if not word.isascii()]
    if not odd or len(odd) * 5 < len(words):
        return None
    best: tuple[float, Legacy | None] = (0.0, None)
    kinds: tuple[Legacy, ...] = ("tcvn3", "vni")
    for kind in kinds:
        # A word that would not change proves nothing: French has é and ô as well.
        telling = [word for word in odd if _tells(word, kind)]
        if len(telling) < 2 and len(words) > 2:
            continue
        sound = sum(1 for word in odd if _is_syllable(convert(word, kind)))
        share = sound / len(odd) if telling else 0.0
        if share > best[0]:
            best = (share, kind)
    return best[1] if best[0] >= 0.7 else None


def convert(text: str, kind: Legacy) -> str:
    """The text in Unicode (NFC), read as this encoding. Not to be done twice to one text."""
    if kind == "tcvn3":
        return unicodedata.normalize("NFC", text.translate(_TCVN3))
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", _VNI_TOKEN.sub(_of_vni, composed))


def _of_vni(match: re.Match[str]) -> str:
    token = match[0]
    letter = _VNI[token.lower()]
    return letter.upper() if token[0].isupper() else letter


def _tells(word: str, kind: Legacy) -> bool:
    """Whether the word holds a sign that sound text in another language would hardly hold."""
    if kind == "tcvn3":
        return _TCVN3_TELLS.search(word) is not None
    return any(pair[1] in "øùûõïâêåäëü" for pair in _pairs(word)) or "ñ" in word.lower()


def _pairs(word: str) -> list[str]:
    return [
        match[0].lower() for match in _VNI_TOKEN.finditer(word) if match[0].lower() in _VNI_PAIRS
    ]


def _is_syllable(word: str) -> bool:
    apart = unicodedata.normalize("NFD", word.lower())
    tones = [mark for mark in apart if mark in _TONES]
    plain = unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in _TONES))
    return len(tones) <= 1 and _SYLLABLE.fullmatch(plain) is not None
