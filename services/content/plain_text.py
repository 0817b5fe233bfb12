"""Turns words that came from a channel into a body that reads the same."""

import re

from shared.text import clean

# What would begin or end something in the body's Markdown wherever it stands (`body.py`).
_ANYWHERE = re.compile(r"([\\*_\[\]!<&])")
# What would do so only at the head of a line.
_HEAD = re.compile(r"^(\s*)([#>+\-=]|\d{1,9}[.)])")


def as_body(text: str) -> str:
    """The text as a body: each of its lines a paragraph, no sign of it read as Markdown."""
    lines = (line.strip() for line in clean(text).splitlines())
    return "\n\n".join(_literal(line) for line in lines if line)


def _literal(line: str) -> str:
    written = _ANYWHERE.sub(r"\\\1", line)
    head = _HEAD.match(written)
    if head is None:
        return written
    sign = head.group(2)
    # A number is no sign of its own: the dot behind it is what makes a list.
    literal = f"{sign[:-1]}\\{sign[-1]}" if sign[0].isdigit() else f"\\{sign}"
    return f"{head.group(1)}{literal}{written[head.end() :]}"
