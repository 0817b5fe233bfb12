"""What the HTTP client does alone: `python -m tests.bench.raw BASE`, then lines `FIRST LAST`.

The very client of the adapter, as many calls at once as a worker makes, and nothing around it.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import uvloop
from pydantic import JsonValue

from services.delivery.hub import Rules
from services.storage.columns import new_id
from shared.contract.messages import Account, Call, Operation
from tests.bench.children import listen
from tests.support.one_call import Credentials, OneCall, Settings

BODY = "Nội dung thông báo cho bà con. " * 40
SLOTS = Rules().concurrency


class Posting:
    """Posts to walls, always through the same clients."""

    def __init__(self, base: str) -> None:
        self.channel = OneCall()
        self.base = base

    async def answer(self, words: Sequence[str]) -> JsonValue:
        """Posts once to each wall from `words[0]` up to `words[1]`; tells begin and end."""
        todo = iter(range(int(words[0]), int(words[1])))
        payload = {"text": f"Thông báo lịch tiếp dân\n\n{BODY}", "link": "http://loa.test/tin/X"}

        async def slot() -> None:
            for no in todo:
                account = Account(
                    id=new_id(),
                    name=f"wall-{no}",
                    remote_id=f"wall-{no}",
                    settings=Settings(wall=f"wall-{no}", base=self.base),
                    credentials=Credentials(),
                )
                call = Call(operation=Operation.PUBLISH, account=account, payload=payload)
                await self.channel.publish(call)

        began = time.monotonic()
        await asyncio.gather(*(slot() for _ in range(SLOTS)))
        return [began, time.monotonic()]


if __name__ == "__main__":
    uvloop.run(listen(Posting(sys.argv[1]).answer))
