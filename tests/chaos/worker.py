"""A worker that may die at any time: `python -m tests.chaos.worker`, words as `rough_hub`."""

import sys

from services.worker.process import in_new_loop
from tests.bench.worker import work
from tests.chaos.rules import rough_hub

if __name__ == "__main__":
    in_new_loop(work(rough_hub(*sys.argv[1:5], by_key=True)))
