"""Python's garbage collector, told what a long-lived process is like."""

import gc
from typing import Final

# New objects before a round among the young, then such rounds before one among older ones. A call
# on its way holds some hundred objects, an answer thousands: at Python's own 700 rounds come in the
# middle of every batch, and cost a worker a tenth of its time.
_ROUNDS: Final = (20_000, 20, 50)


def spare_collector() -> None:
    """Takes what the started process keeps for good out of the collector's rounds, and spaces them.

    Else every large answer sets off rounds through all modules and schemas: measured, half of the
    time that a list of items took. Call once, when everything is built; safe to repeat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_ROUNDS)
