"""The migrations themselves, in order."""

from collections.abc import Mapping
from importlib import import_module


def load_transitions() -> Mapping[str, tuple[str, ...]]:
    """The states that a publication may go to from each state, as migration 0002 guards them."""
    table: Mapping[str, tuple[str, ...]] = import_module(f"{__name__}.0002_guards").TRANSITIONS
    return table
