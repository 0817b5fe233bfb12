"""Every text of the pages has its English, with the same gaps to fill."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import services.console
from services.console.catalogue import Words, english

_CONSOLE = Path(services.console.__file__).parent
_GAP = re.compile(r"%\(\w+\)s")
_LETTERS = re.compile(r"[^\W\d_]")


def _texts() -> Iterator[tuple[str, str]]:
    """Every text that a template or a screen says, and where."""
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "t": None, "N_": None}
    for file in sorted(_CONSOLE.rglob("*.html")):
        for _, message, _, _ in extract_from_file("jinja2.ext:babel_extract", str(file), keywords):
            text = message if isinstance(message, str) else message[0]
            yield text, file.name
    for file in sorted(_CONSOLE.rglob("*.py")):
        for _, message, _, _ in extract_from_file("python", str(file), keywords):
            text = message if isinstance(message, str) else message[0]
            yield text, file.name


def test_every_text_has_its_english() -> None:
    missing = {text: place for text, place in _texts() if text and text not in english()}
    assert missing == {}


def test_every_entry_is_still_said_somewhere() -> None:
    said = {text for text, _ in _texts()}
    assert {text for text in english() if text not in said} == set()


def test_a_translation_has_the_same_gaps() -> None:
    wrong = {
        text: entry
        for text, entry in english().items()
        if any(
            sorted(_GAP.findall(text)) != sorted(_GAP.findall(one))
            for one in (entry.one, entry.many)
        )
    }
    assert wrong == {}


def test_no_text_has_two_translations() -> None:
    told: dict[str, set[str]] = {}
    for file in sorted((_CONSOLE / "locale" / "en").glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="en"):
                key = message.id if isinstance(message.id, str) else message.id[0]
                if key:
                    told.setdefault(key, set()).add(str(message.string))
    assert {text: ways for text, ways in told.items() if len(ways) > 1} == {}


def test_a_text_without_a_translation_stays_vietnamese() -> None:
    assert Words("en").gettext("Câu này chưa ai dịch") == "Câu này chưa ai dịch"
    assert Words("vi").gettext("Hôm nay") == "Hôm nay"
    assert Words("en").gettext("Hôm nay") == "Today"
    assert (
        Words("en").ngettext("%(num)s kênh đang tốt", "%(num)s kênh đang tốt", 2).endswith("well")
    )
