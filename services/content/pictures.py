"""Has foreign pictures read by a process that may break (`picture_worker`)."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from services.content.picture_worker import SECONDS, Made, Refused, Task
from shared.errors import InvalidError

# Two at once: each may take half a gigabyte.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
_Answer: TypeAdapter[Made | Refused] = TypeAdapter(Made | Refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """A picture made anew. `source` is what it was made from: jpg, png or webp."""

    data: bytes
    source: str
    ext: str
    width: int
    height: int

    @property
    def mime(self) -> str:
        """The type under which it is served."""
        return {"jpg": "image/jpeg", "png": "image/png"}[self.ext]


async def made_anew(data: bytes, task: Task) -> NewPicture:
    """What the worker makes of a picture, within ten seconds and half a gigabyte.

    Raises InvalidError: `picture_unreadable`, `picture_too_large`, `picture_too_many_frames`.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _made_anew, data, task)


def _made_anew(data: bytes, task: Task) -> NewPicture:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.content.picture_worker"],
            input=json.dumps(asdict(task)).encode() + b"\n" + data,
            capture_output=True,
            timeout=SECONDS * 2,  # its own limit counts work, this one also waiting
            check=False,
            cwd="/",
            # Nothing of ours in its environment, above all no keys; only where our code stands.
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidError("picture_too_large") from error
    head, _, made = done.stdout.partition(b"\n")
    if done.returncode != 0 or not head:
        # It was stopped, by its limits or by a fault in a decoder: whatever it was, not a picture.
        raise InvalidError("picture_too_large" if done.returncode < 0 else "picture_unreadable")
    answer = _Answer.validate_json(head)
    if isinstance(answer, Refused):
        raise InvalidError(answer.refused)
    return NewPicture(
        data=made,
        source=answer.source,
        ext=answer.ext,
        width=answer.width,
        height=answer.height,
    )
