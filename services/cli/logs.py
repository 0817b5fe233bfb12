"""Where logs go and how they look: to standard error, structured, ids not texts, never a secret."""

import logging
import re
import sys
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

# A key like these holds, or might hold, what must not be written down (R93).
_SECRET = re.compile(
    r"token|secret|password|authorization|cookie|credential|api_?key", re.IGNORECASE
)
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
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if text
        else [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name in event:
        if _SECRET.search(name):
            event[name] = _HIDDEN
    return event
