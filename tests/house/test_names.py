"""Our three plain names mean this repository and nothing else (house-style.md section 7)."""

import importlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.tree import ROOT, ROOTS


@pytest.mark.parametrize("name", ROOTS)
def test_our_name_is_imported_from_this_repository(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).parent == ROOT / name


@pytest.mark.parametrize("name", ROOTS)
def test_no_other_distribution_provides_our_name(name: str) -> None:
    assert set(packages_distributions().get(name, ())) <= {"loa-hub"}
