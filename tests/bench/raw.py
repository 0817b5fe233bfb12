"""What the same HTTP client does alone: `python -m tests.bench.raw BASE FIRST LAST` posts and tells seconds."""

import asyncio
import sys
import time

import uvloop

from shared.contract.messages import Account, Call, Operation
from tests.support.one_call import Credentials, OneCall, Settings

SLOTS = 50


async def post(base: str, first: int, last: int) -> float:
    """Posts to walls `first` up to `last` through the adapter itself, 50 at once; gives seconds."""
    channel = OneCall()
    payload = {"text": "Thông báo\n\n" + "Nội dung. " * 40, "link": "http://loa.test/tin/X"}
    todo = iter(range(first, last))

    async def slot() -> None:
        for no in todo:
            account = Account(
                id=__import__("uuid").uuid4(),
                name=f"wall-{no}",
                remote_id=f"wall-{no}",
                settings=Settings(wall=f"wall-{no}", base=base),
                credentials=Credentials(),
            )
            await channel.publish(
                Call(operation=Operation.PUBLISH, account=account, payload=payload)
            )

    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    started = time.perf_counter()
    await asyncio.gather(*(slot() for _ in range(SLOTS)))
    took = time.perf_counter() - started
    await channel.clients.aclose()
    return took


if __name__ == "__main__":
    print(uvloop.run(post(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))), flush=True)  # noqa: T201
