"""`python -m services.sandbox --port P`: the simulated channels as a program of their own."""

import argparse

import uvicorn

from services.sandbox.app import create_app


def main() -> None:
    """Serves until it is told to end."""
    arguments = argparse.ArgumentParser(prog="python -m services.sandbox", description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8090)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument(
        "--no-media-fetch", action="store_true", help="take picture addresses on trust"
    )
    given = arguments.parse_args()
    app = create_app(seed=given.seed, public_media_fetch=not given.no_media_fetch)
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        # A call that hangs on purpose must not hold up the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
