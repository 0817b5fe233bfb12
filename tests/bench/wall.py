"""The endpoint of the one-call channel, as a process of its own: `python -m tests.bench.wall PORT`.

`GET /arrivals` gives, by wall, when the first byte of each post had arrived; `DELETE` forgets all.
Instants are of the monotonic clock, which all processes of one machine share.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import uvicorn
import uvloop

from tests.bench.children import incoming, say_ready
from tests.support.one_call import Receive, Scope, Send, WallServer


@dataclass(slots=True)
class TimedWalls:
    """The walls, and when posts arrived at them."""

    walls: WallServer = field(default_factory=WallServer)
    arrivals: dict[str, list[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Notes the instant, then lets the walls answer."""
        if scope["type"] != "http":
            return
        path = str(scope["path"])
        if path != "/arrivals":
            self.arrivals.setdefault(path.split("/")[2], []).append(time.monotonic())
            await self.walls(scope, receive, send)
            return
        told = json.dumps(self.arrivals).encode()
        if scope["method"] == "DELETE":
            self.arrivals.clear()
            self.walls.walls.clear()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told})


async def serve(port: int) -> None:
    """Serves until the parent has gone."""
    server = uvicorn.Server(
        uvicorn.Config(
            TimedWalls(),
            host="127.0.0.1",
            port=port,
            loop="none",
            log_level="error",
            lifespan="off",
            access_log=False,
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    lines = await incoming()
    say_ready()
    await lines.read()
    server.should_exit = True
    await task


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
