"""Every error of ours has a status and words (house-style.md section 8, "Errors")."""

import importlib
import inspect
from collections.abc import Iterator

import pytest

from services.api import words
from services.api.problems import STATUS, status_of
from shared.contract.errors import Remedy
from shared.errors import LoaError
from tests.house.tree import ROOTS, modules

# A fault of ours or of our machine, whoever asks: 500 is the truth.
OUR_FAULT = frozenset({"SealError", "EmbeddedPostgresError", "AssetsMissingError"})


def _all_kinds(kind: type[LoaError]) -> Iterator[type[LoaError]]:
    yield kind
    for lower in kind.__subclasses__():
        yield from _all_kinds(lower)


def _ours() -> list[type[LoaError]]:
    for name, tree in modules():
        if any(getattr(node, "name", "").endswith("Error") for node in tree.body):
            importlib.import_module(name.removesuffix(".py").replace("/", "."))
    kinds = {
        kind
        for kind in _all_kinds(LoaError)
        # What the command line raises is told on standard error, before any door is open.
        if kind.__module__.startswith(ROOTS) and not kind.__module__.startswith("services.cli.")
    }
    return sorted(kinds, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", _ours(), ids=lambda kind: kind.__name__)
def test_an_error_has_a_status(kind: type[LoaError]) -> None:
    needs = [
        one
        for one in inspect.signature(kind.__init__).parameters.values()
        if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ][1:]
    error = kind(**{one.name: _some(one.name) for one in needs})
    assert 400 <= status_of(error) <= 599
    # Whatever is not named in the table must stand below a named class that is not the root.
    named = [one for one in kind.__mro__ if one in STATUS and one is not LoaError]
    ours = kind is LoaError or kind.__name__ in OUR_FAULT
    assert named or ours, f"{kind.__name__} would be answered as a bug of ours"


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_status_has_a_title_in_both_languages(
    kind: type[LoaError], language: words.Language
) -> None:
    assert words.title(STATUS[kind], language).strip()


def _some(name: str) -> object:
    return Remedy.EDIT if name == "remedy" else "x"
