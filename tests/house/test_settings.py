"""Every LOA_ setting is known to whoever sets Loa up (contract.md section 3)."""

import ast
import re

from services.channels.registry import Registry
from services.cli.settings import PREFIX, Settings
from tests.house.tree import ROOT, modules

VARIABLE = re.compile(r"LOA_[A-Z0-9]+(?:_[A-Z0-9]+)*")
# How one process of ours tells another where to look: never set by a person.
BETWEEN_OURSELVES: frozenset[str] = frozenset()


def _settings() -> set[str]:
    own = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    return own | set(Registry.load({}).variables)


def _spoken_of() -> set[str]:
    """Every LOA_ name that stands in the code as a text of its own."""
    return {
        node.value
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and VARIABLE.fullmatch(node.value)
    }


def test_every_setting_stands_in_the_example() -> None:
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(LOA_\w+)=", example, re.M))
    assert named == _settings()


def test_every_setting_stands_in_the_readme() -> None:
    words = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(VARIABLE.findall(words))
    assert shown - _settings() - BETWEEN_OURSELVES == set(), "the README names unknown settings"
    assert _settings() - shown == set() or "deploy/env.example" in words


def test_the_code_speaks_of_no_unknown_setting() -> None:
    assert _spoken_of() - _settings() - BETWEEN_OURSELVES == set()
