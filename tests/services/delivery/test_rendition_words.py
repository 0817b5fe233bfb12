"""Every problem of a rendition that we know has words in English."""

import ast
from collections.abc import Iterator
from pathlib import Path

from services.delivery import rendition_words
from services.delivery.rendition_words import ENGLISH

_ROOT = Path(__file__).parents[3]
_TELLERS = (
    *sorted(_ROOT.glob("adapters/*/render.py")),
    _ROOT / "services/content/body.py",
    _ROOT / "services/delivery/preview.py",
)
# `_measure` of Zalo puts these together from the name of a field.
_MEASURED = {f"{field}_{fault}" for field in ("title", "summary") for fault in ("long", "too_long")}


def codes(file: Path) -> Iterator[str]:
    """The codes that a file gives to problems, as it writes them."""
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        place = {"_problem": 1, "self._tell": 0}.get(name)
        given = [one.value for one in call.keywords if one.arg == "code" and name == "Problem"]
        given += call.args[place : place + 1] if place is not None else []
        for one in given:
            if isinstance(one, ast.Constant):
                yield str(one.value)


def test_every_problem_of_a_rendition_has_its_english() -> None:
    found = {code for file in _TELLERS for code in codes(file)} | _MEASURED
    assert found == ENGLISH.keys()


def test_a_reader_is_told_in_one_language() -> None:
    told = rendition_words.told
    assert told("title_missing", "Hãy viết tiêu đề.", "vi") == "Hãy viết tiêu đề."
    assert told("title_missing", "Hãy viết tiêu đề.", "en") == "Write a title."
    assert told("own", "Quá dài · Too long", "vi") == "Quá dài"
    assert told("own", "Quá dài · Too long", "en") == "Too long"
    assert told("own", "Quá dài", "en") == "Quá dài"
