"""The words of the pages: Vietnamese is the source and the key, English stands in catalogues.

Each part of the console keeps its own file under `locale/en`; they are read once, at the start.
Format: gettext PO files, as Babel reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

from babel.messages.pofile import read_po

Language: TypeAlias = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")

_FOLDER: Final = Path(__file__).parent / "locale" / "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How one Vietnamese text is said in English, for one and for several of what it counts."""

    one: str
    many: str


@lru_cache(maxsize=1)
def english() -> Mapping[str, Entry]:
    """Every English entry by its Vietnamese text; those without a translation are left out."""
    found: dict[str, Entry] = {}
    for file in sorted(_FOLDER.glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="en"):
                key, told = message.id, message.string
                if isinstance(key, tuple | list):
                    one, many = (
                        (told[0], told[-1]) if isinstance(told, tuple | list) else (told,) * 2
                    )
                    if one and many:
                        found[str(key[0])] = Entry(one=str(one), many=str(many))
                elif key and isinstance(told, str) and told:
                    found[key] = Entry(one=told, many=told)
    return found


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: Language

    def gettext(self, text: str) -> str:
        """The text in this language; one that lacks its translation stays Vietnamese."""
        if self.language == "vi":
            return text
        entry = english().get(text)
        return entry.one if entry else text

    def ngettext(self, one: str, many: str, count: int) -> str:
        """The same for a text that counts. Vietnamese has no plural."""
        if self.language == "vi":
            return one
        entry = english().get(one)
        if entry is None:
            return one if count == 1 else many
        return entry.one if count == 1 else entry.many


def language_of(told: str | None) -> Language:
    """The language somebody wants, Vietnamese unless they clearly say English."""
    return "en" if told == "en" else "vi"
