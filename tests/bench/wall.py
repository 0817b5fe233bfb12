"""The endpoint of the fan-out benchmark, as a process of its own: `python -m tests.bench.wall PORT`."""

import sys

import uvicorn

from tests.support.one_call import WallServer

if __name__ == "__main__":
    uvicorn.run(
        WallServer(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="off",
        access_log=False,
    )
