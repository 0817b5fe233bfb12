"""Where logs go and how they look: to standard error, structured, ids not texts, never a secret.

An exception is told by its class, its places in the code and its numbers. Its message is told only
if the error is ours: that of a library or of a stranger's adapter may quote an address with a token
in it, a statement's values or a citizen's words. No local variable is ever told, though both
renderers of structlog would: that of the frame which makes a call holds the token it calls with.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from shared.errors import LoaError

# A key like these holds, or might hold, what must not be written down (R93).
_SECRET = re.compile(
    r"token|secret|password|authorization|cookie|credential|(api|fetch)_?key|csrf|proof",
    re.IGNORECASE,
)
# The same inside a text that a library worded: `access_token=…`, `"app_secret": "…"`, `Bearer …`.
_SECRET_IN_TEXT = re.compile(
    rf"((?:{_SECRET.pattern})[\w-]*[\"']?\s*[=:]\s*[\"']?(?:bearer\s+)?|bearer\s+)[^\s\"'&,;)}}\]]+",
    re.IGNORECASE,
)
_DEEPEST: Final = 20
_HIDDEN: Final = "•••"
# These tell every step at "info"; only what is wrong with them is of interest here.
_TALKATIVE: Final = (
    "uvicorn",
    "alembic",
    "arq",
    "httpx",
    "httpcore",
    "asyncio",
    "sqlalchemy",
    "PIL",
)


def configure(form: Literal["text", "json"] | None, *, quiet: bool) -> None:
    """Sets up logging for this process; `quiet` keeps back everything below a warning.

    `form` None is text on a terminal, JSON elsewhere.
    """
    text = form == "text" or (form is None and sys.stderr.isatty())
    level = logging.WARNING if quiet else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide,
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.ExceptionRenderer(_in_places),
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _cut],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def take_uncaught() -> None:
    """What nothing catches, in whichever thread, is told in the same way from now on."""
    sys.excepthook = lambda _, error, __: _show(error)
    threading.excepthook = lambda told: _show(told.exc_value)


def named(error: BaseException) -> str:
    """An exception in one line: its class, and what of its own words may be told.

    That is the whole of ours, and of others a number of the system or the database.
    """
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, LoaError):
        return f"{name}: {error}"
    # SQLAlchemy keeps the database's own error in `orig`.
    for one in (error, getattr(error, "orig", None)):
        for number in (getattr(one, "errno", None), getattr(one, "sqlstate", None)):
            if isinstance(number, int | str):
                return f"{name} [{number}]"
    return name


def _hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name in event:
        if _SECRET.search(name):
            event[name] = _HIDDEN
    return event


def _cut(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a library worded: its first line (asyncio puts the exception into the next), masked."""
    lines = str(event.get("event", "")).splitlines()
    event["event"] = _SECRET_IN_TEXT.sub(rf"\1{_HIDDEN}", lines[0]) if lines else ""
    return event


def _in_places(exc_info: ExcInfo) -> str:
    """An exception as text: see above."""
    return "".join(_told(exc_info[1], _DEEPEST)).rstrip()


def _show(error: BaseException | None) -> None:
    if error is not None:
        sys.stderr.write("".join(_told(error, _DEEPEST)))


def _told(error: BaseException, deepest: int) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and deepest:
        yield from _told(before, deepest - 1)
        yield "\nThen:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{named(error)}\n"
    if isinstance(error, BaseExceptionGroup) and deepest:
        for number, part in enumerate(error.exceptions, 1):
            yield f"\nPart {number}:\n\n"
            yield from _told(part, deepest - 1)
