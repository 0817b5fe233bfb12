"""How a command speaks: tables for people, JSON for programs, errors in one line."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import words
from shared.errors import InvalidError, LoaError

Data: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Thư mục dữ liệu · The data folder (LOA_DATA_DIR)."),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="In JSON cho chương trình · JSON for programs.")
]


def say(line: str) -> None:
    """One line for whoever sits at the terminal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(data: object, *, as_json: bool, line: str) -> None:
    """What a command did: one line for people, the data for programs."""
    if as_json:
        tell_json(data)
    else:
        say(line)


def tell_json(data: object) -> None:
    """Data as JSON: ids and instants as the API writes them."""
    say(json.dumps(data, ensure_ascii=False, indent=2, default=_plain))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table for people; wide texts are broken, never cut."""
    drawn = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console().print(drawn)


def console() -> Console:
    """Where tables and panels are drawn; broad enough where no terminal says how broad it is."""
    width = None if sys.stdout.isatty() else 110
    return Console(width=width, highlight=False, soft_wrap=False)


def typed(*, line: bool = False) -> str:
    """All that comes on standard input, or its first line. Raises InvalidError `input_not_text`."""
    if sys.stdin is None:  # closed by whoever started us
        return ""
    try:
        text = sys.stdin.readline() if line else sys.stdin.read()
        # Where the language is C, bytes that are no text come through in disguise.
        text.encode()
    except UnicodeError as error:
        raise InvalidError("input_not_text") from error
    return text


def complain(error: LoaError) -> None:
    """An error in one line on standard error: the cause and the next step."""
    told = words.of_error(error)
    if isinstance(error, InvalidError) and error.fields:
        told += " — " + "; ".join(f"{one.field}: {one.detail}" for one in error.fields)
    complain_in(told)


def complain_in(line: str) -> None:
    """One line on standard error, whatever it holds."""
    sys.stderr.write("loa: " + " ".join(line.split()) + "\n")


def local(at: datetime | None, zone: str) -> str:
    """An instant as people read it here: `20/11/2026 14:05`; a dash for none."""
    if at is None:
        return "–"
    return at.astimezone(ZoneInfo(zone)).strftime("%d/%m/%Y %H:%M")


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | UUID() | Path():
            return str(value)
        case Enum():
            return value.value
        case frozenset() | set():
            return sorted(value, key=str)
        case Mapping():
            return dict(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        case _:
            return str(value)
