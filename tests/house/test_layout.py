"""How the folders are named and captioned (house-style.md section 3)."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, ROOTS, modules

PACKAGES = sorted({name.rpartition("/")[0] for name, _ in modules()})


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_holds_its_caption_and_nothing_else(package: str) -> None:
    caption = ROOT / package / "__init__.py"
    tree = ast.parse(caption.read_text(encoding="utf-8"))
    words = ast.get_docstring(tree) or ""
    sentences = re.findall(r"[.!?](?:\s|$)", words)
    assert len(tree.body) == 1, "an __init__.py holds its docstring only"
    assert 1 <= len(sentences) <= 2, words


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name for name, _ in modules() if Path(name).stem in drawers] == []


@pytest.mark.parametrize("root", ROOTS)
def test_our_types_are_told_to_others(root: str) -> None:
    assert (ROOT / root / "py.typed").is_file()
