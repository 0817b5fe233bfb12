"""Serves one application until it is asked to stop; the same way for the site and the sandbox."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from types import FrameType

import uvicorn
import uvloop
from starlette.types import ASGIApp

from shared.collector import spare_collector


def in_new_loop(main: Callable[[], Coroutine[object, object, None]]) -> None:
    """Runs a coroutine that serves, on a fast event loop; SIGTERM and SIGINT let it end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def serve(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    grace_seconds: int,
    lifespan: bool,
    protocol: type[asyncio.Protocol] | None = None,
) -> None:
    """Serves until a signal; requests under way get `grace_seconds` to end.

    `protocol` is what each connection begins with, None for uvicorn's own. uvicorn raises the
    signal again when it is done, for whoever had a handler before it: without one the process would
    be killed before it has tidied up. Until it serves, a signal ends the process as ever.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        http=protocol or "auto",
        lifespan="on" if lifespan else "off",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=grace_seconds,
    )
    spare_collector()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _no_more)
    await uvicorn.Server(config).serve()


def _no_more(_: int, __: FrameType | None) -> None:
    return None
