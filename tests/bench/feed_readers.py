"""Readers that ask for one document again and again, as fast as they are answered.

`python -m tests.bench.feed_readers`, then lines `PORT SECONDS CONNECTIONS REQUEST` (the request in
hexadecimal); each is answered with how many answers came in how many seconds.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import cast

from pydantic import JsonValue
from typing_extensions import override

from services.worker.process import in_new_loop
from tests.bench.children import listen

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Reader(asyncio.Protocol):
    """One kept connection. Every answer has the length of the first, so only bytes are counted."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.answers = 0
        self.status = b""
        self._length = 0
        self._had = 0
        self._first = b""
        self._transport: asyncio.Transport | None = None
        self.done = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._transport.write(self.request)

    @override
    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._had += len(data)
        if not self._length:
            self._first += data
            head, found, _ = self._first.partition(b"\r\n\r\n")
            if not found:
                return
            self.status = head.split(b" ", 2)[1]
            told = _LENGTH.search(head)
            self._length = len(head) + 4 + (int(told.group(1)) if told else 0)
        while self._had >= self._length:
            self._had -= self._length
            self.answers += 1
            if self.done:
                self._transport.close()
                return
            self._transport.write(self.request)


async def read(words: Sequence[str]) -> JsonValue:
    """Reads for so many seconds over so many connections."""
    port, seconds, connections = int(words[0]), float(words[1]), int(words[2])
    request = bytes.fromhex(words[3])
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    for _ in range(connections):
        _, reader = await loop.create_connection(lambda: Reader(request), "127.0.0.1", port)
        readers.append(reader)
    await asyncio.sleep(0.2)
    before, began = sum(one.answers for one in readers), time.monotonic()
    await asyncio.sleep(seconds)
    count, took = sum(one.answers for one in readers) - before, time.monotonic() - began
    for one in readers:
        one.done = True
    await asyncio.sleep(0.2)
    return {"answers": count, "seconds": took, "status": readers[0].status.decode()}


if __name__ == "__main__":
    in_new_loop(listen(read))
