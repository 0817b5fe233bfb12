"""Many callers, one statement: requests of the same few milliseconds are written together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")


class Batch(Generic[In, Out]):
    """Gathers requests for at most `wait` seconds, or `most` of them, and answers each.

    `may_come` tells how many could be waiting by now if nobody were busy elsewhere: when all of
    them are, there is nothing to wait for.
    `write` gets the requests of one batch in the order of their arrival and gives as many answers.
    When it raises, each request is written by `alone` once more, so that one bad row fails alone.
    Two batches are never written at once: what arrives meanwhile makes up the next one.
    """

    def __init__(
        self,
        write: Callable[[Sequence[In]], Awaitable[Sequence[Out]]],
        alone: Callable[[In], Awaitable[Out]],
        *,
        wait: float,
        most: int,
        may_come: Callable[[], int],
    ) -> None:
        self._write = write
        self._alone = alone
        self._wait = wait
        self._most = most
        self._may_come = may_come
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._full = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def ask(self, request: In) -> Out:
        """The answer to one request; raises what writing it alone raised."""
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._is_full():
            self._full.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if not self._is_full():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._full.wait(), self._wait)
                self._full.clear()
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(batch)
        finally:
            self._writer = None

    def _is_full(self) -> bool:
        return len(self._waiting) >= min(self._most, self._may_come())

    async def _answer(self, batch: list[tuple[In, "asyncio.Future[Out]"]]) -> None:
        try:
            answers = await self._write([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001  # each is written once more, and then told
            log.warning("batch.broke", reason=type(error).__name__, size=len(batch))
            for request, future in batch:
                await self._answer_alone(request, future)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.cancelled():
                future.set_result(answer)

    async def _answer_alone(self, request: In, future: "asyncio.Future[Out]") -> None:
        try:
            answer = await self._alone(request)
        except Exception as error:  # noqa: BLE001  # handed to whoever asked
            if not future.cancelled():
                future.set_exception(error)
            return
        if not future.cancelled():
            future.set_result(answer)
