"""What is asked of the process that reads strangers' documents, what it answers, and its limits."""

from dataclasses import dataclass
from typing import Final

from services.sources.feed import ReadFeed, ReadPage

MEMORY_BYTES: Final = 256 * 1024 * 1024
# Of work on one document; waiting for a busy machine comes on top.
SECONDS: Final = 6
IDLE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One document: `size_bytes` bytes follow. `now` in ISO 8601."""

    url: str
    content_type: str
    now: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was read; or the code of why not, and for our log what the code stumbled upon."""

    feed: ReadFeed | None = None
    page: ReadPage | None = None
    refused: str | None = None
    stumbled: str | None = None
