"""People at the API: `python -m tests.bench.visitors API TOKEN ITEM…`; lines `start`, `stop`.

Fifty requests a second, by turns a list and a change of a draft, each at its own instant whatever
became of those before; a request's time counts from that instant, so that a stall is not hidden.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import httpx
import uvloop
from pydantic import JsonValue

from tests.bench.children import listen

PER_SECOND = 50


class Visitors:
    """Calls until told to stop; keeps how long each call took, and what was refused."""

    def __init__(self, base: str, token: str, drafts: Sequence[str]) -> None:
        self._http = httpx.AsyncClient(
            base_url=base,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        self._drafts = drafts
        self._tags: dict[str, str] = {}
        self._calling: asyncio.Task[None] | None = None
        self._took: dict[str, list[float]] = {}
        self._enough = False

    async def answer(self, words: Sequence[str]) -> JsonValue:
        """`start` begins; `stop` waits for what is under way and tells seconds by kind of call."""
        if words[0] == "start":
            for draft in self._drafts:
                answer = await self._http.get(f"/items/{draft}")
                self._tags[draft] = answer.headers["ETag"]
            self._took = {"list": [], "change": []}
            self._enough = False
            self._calling = asyncio.create_task(self._call())
            return None
        assert self._calling is not None
        self._enough = True
        await self._calling
        told: dict[str, JsonValue] = {kind: list(took) for kind, took in self._took.items()}
        return told

    async def _call(self) -> None:
        began = time.monotonic()
        no = 0
        async with asyncio.TaskGroup() as group:
            while not self._enough:
                due = began + no / PER_SECOND
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._one(no, due))
                no += 1

    async def _one(self, no: int, due: float) -> None:
        if no % 2:
            answer = await self._http.get("/items")
            kind = "list"
        else:
            draft = self._drafts[no // 2 % len(self._drafts)]
            answer = await self._http.patch(
                f"/items/{draft}",
                json={"summary": f"Tóm tắt lần {no}"},
                headers={"If-Match": self._tags[draft]},
            )
            kind = "change"
            self._tags[draft] = answer.headers.get("ETag", self._tags[draft])
        if answer.status_code != httpx.codes.PRECONDITION_FAILED:  # another visitor was faster
            answer.raise_for_status()
        self._took[kind].append(time.monotonic() - due)


if __name__ == "__main__":
    uvloop.run(listen(Visitors(sys.argv[1], sys.argv[2], sys.argv[3:]).answer))
