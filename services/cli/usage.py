"""The words of the command line itself, Vietnamese first: its help, and what was typed wrong.

The library speaks English alone. Where it can be told otherwise was read in typer 0.29:
`rich_utils.py` (headings), `_click/core.py` (usage, `--help`), `_click/exceptions.py` and
`_click/parser.py` (what was typed wrong).
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, Protocol

import typer


class _Formatter(Protocol):
    """What a help is written with."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Writes how a command is called."""


_Command = typer.core.TyperCommand | typer.core.TyperGroup

_HEADINGS: Final[Mapping[str, str]] = {
    "ARGUMENTS_PANEL_TITLE": "Tham số · Arguments",
    "OPTIONS_PANEL_TITLE": "Tuỳ chọn · Options",
    "COMMANDS_PANEL_TITLE": "Lệnh · Commands",
    "REQUIRED_LONG_STRING": "[bắt buộc · required]",
    "DEFAULT_STRING": "[mặc định · default: {}]",
}
# How the library words it → the same in Vietnamese, with what it names.
_FAULTS: Final = (
    (re.compile(r"No such command (.+?)\.?$"), "Không có lệnh {}"),
    (re.compile(r"No such option: (\S+)"), "Không có tuỳ chọn {}"),
    (re.compile(r"Missing (?:argument|option|parameter) '?([^'. ]+)"), "Thiếu {}"),
    (re.compile(r"Invalid value for '?([^':]+)"), "Giá trị của {} không dùng được"),
    (re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)"), "Thừa: {}"),
    (re.compile(r"Option '(\S+)' does not take a value"), "Tuỳ chọn {} không nhận giá trị"),
    (re.compile(r"Option '(\S+)' requires"), "Tuỳ chọn {} cần một giá trị"),
)
_OTHERWISE: Final = "Lệnh chưa đúng"


def in_both_languages(command: object) -> None:
    """Makes the help of a command, and of all below it, begin in Vietnamese."""
    for one in _all(command):
        shown = one.get_help_option(typer.Context(one))
        if shown is not None:
            shown.help = "Xem hướng dẫn này · Show this help."
        # What usage looks like is the class's, and typer makes the classes.
        one.format_usage = partial(_write_usage, one)  # type: ignore[method-assign]


def fault(error: typer.TyperException) -> str:
    """What was typed wrong, and where to read on; empty if the help stands there already."""
    told = error.format_message().strip()
    if not told:
        return ""
    context = getattr(error, "ctx", None)
    more = f"{context.command_path if context else 'loa'} --help"
    if " · " in told:  # a sentence of ours
        return f"{told.removeprefix('Invalid value: ')} · {more}"
    return " · ".join((_vietnamese(told), told, more))


def _all(command: object) -> Iterator[_Command]:
    if isinstance(command, _Command):
        yield command
    for one in getattr(command, "commands", {}).values():
        yield from _all(one)


def _write_usage(command: _Command, context: typer.Context, formatter: _Formatter) -> None:
    # Asked for before all else whenever a help is drawn; only then is this part worth loading.
    from typer import rich_utils

    for name, words in _HEADINGS.items():
        setattr(rich_utils, name, words)
    pieces = " ".join(command.collect_usage_pieces(context))
    formatter.write_usage(context.command_path, pieces, prefix="Cách dùng · Usage: ")


def _vietnamese(told: str) -> str:
    for pattern, words in _FAULTS:
        found = pattern.match(told)
        if found is not None:
            return words.format(found[1])
    return _OTHERWISE
