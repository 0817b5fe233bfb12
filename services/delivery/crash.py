"""Named points of the send path at which a test may end the process.

Each stands between two lines that touch the database or the network. In service they do nothing;
the crash test lists them from the source, so a new line without a point is found.
"""

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """Says that the send path has come this far."""
    if _hook is not None:
        _hook(point)


def at_each_point(hook: Callable[[str], None] | None) -> None:
    """Calls `hook` with the name of each point from now on; None stops that. For tests."""
    global _hook
    _hook = hook
