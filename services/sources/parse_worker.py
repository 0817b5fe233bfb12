"""Reads strangers' documents in a process of its own, which has limits and nothing to lose.

Asked on standard input: one line of JSON, then the bytes it counts. Answers one line of JSON.
Ends by itself when nobody has asked for a while, and when whoever asks is gone.
"""

import json
import resource
import select
import sys
import traceback
from dataclasses import asdict
from datetime import datetime
from typing import BinaryIO, Final

from services.sources.feed import FeedUnreadableError, ReadFeed
from services.sources.parse_task import IDLE_SECONDS, MEMORY_BYTES, SECONDS, Answer, Task
from services.sources.parsing import parse

# A process that has grown ends after its answer, so that the next one has all its room again.
_GROWN_BYTES: Final = 128 * 1024 * 1024


def answer(task: Task, body: bytes) -> Answer:
    """Reads one document; whatever happens in doing so is an answer."""
    try:
        read = parse(
            body,
            url=task.url,
            content_type=task.content_type,
            now=datetime.fromisoformat(task.now),
        )
    except FeedUnreadableError as error:
        return Answer(refused=error.code)
    except (MemoryError, RecursionError):
        return Answer(refused="feed_too_heavy")
    except Exception as error:  # noqa: BLE001  # one document of a stranger's
        # feedparser answers some broken documents with whatever its own code fell over.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} {place.filename.rpartition('/')[2]}:{place.lineno}"
        return Answer(refused="feed_unreadable", stumbled=where)
    return Answer(feed=read) if isinstance(read, ReadFeed) else Answer(page=read)


def run(given: BinaryIO, out: BinaryIO) -> None:
    """Answers one task after the other, until there are none."""
    while select.select([given], [], [], IDLE_SECONDS)[0]:
        line = given.readline()
        if not line:
            return
        task = Task(**json.loads(line))
        _allow_more_work()
        told = json.dumps(asdict(answer(task, given.read(task.size_bytes))), default=_written)
        out.write(told.encode() + b"\n")
        out.flush()
        if _size_bytes() > _GROWN_BYTES:
            return


def _size_bytes() -> int:
    """The memory this process holds now; `ru_maxrss` begins with that of whoever started it."""
    with open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[1]) * resource.getpagesize()


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _limit_ourselves() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_more_work() -> None:
    """Seconds of work count over the life of a process: each document gets its own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, resource.RLIM_INFINITY))


if __name__ == "__main__":
    _limit_ourselves()
    run(sys.stdin.buffer, sys.stdout.buffer)
