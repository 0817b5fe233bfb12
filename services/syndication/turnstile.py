"""How much one network address is asked by this process, whatever host names lead there.

Limits by name alone would let somebody who has many names, or who moves one after it was checked,
turn our pushes against a site that never asked for them (feeds.md section 8, abuse limits).
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

from shared.addresses import wrapped
from shared.clock import steady_seconds
from shared.fetch import FetchHeldError

_REMEMBERED: Final = 10_000
_BUSY_SECONDS: Final = 1


class Turnstile:
    """Lets through to each address `at_once` calls side by side, `burst` in a row, then a few.

    Whoever is held is told when there will be room for just this call, so that a crowd comes back
    one by one. `clock` is a steady one, in seconds.
    """

    def __init__(
        self,
        *,
        at_once: int,
        burst: int,
        each_second: float,
        clock: Callable[[], float] = steady_seconds,
    ) -> None:
        self._at_once = at_once
        self._room = burst / each_second
        self._step = 1 / each_second
        self._clock = clock
        self._inside: Counter[str] = Counter()
        # When each address will have been left alone long enough: one number tells what it held.
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._promised: dict[str, float] = {}

    @contextmanager
    def through(self, address: str) -> Iterator[None]:
        """Stands around one call. Raises FetchHeldError when the address has had enough for now."""
        who = _counted(address)
        if self._inside[who] >= self._at_once:
            raise FetchHeldError(seconds=_BUSY_SECONDS)
        self._take(who)
        self._inside[who] += 1
        try:
            yield
        finally:
            self._inside[who] -= 1
            if not self._inside[who]:
                del self._inside[who]

    def _take(self, who: str) -> None:
        now = self._clock()
        full_at = max(self._full_at.get(who, now), now) + self._step
        if full_at - now > self._room:
            soonest = full_at - self._room
            promised = max(self._promised.get(who, 0.0) + self._step, soonest)
            self._promised[who] = promised
            raise FetchHeldError(seconds=ceil(promised - now))
        self._full_at[who] = full_at
        self._full_at.move_to_end(who)
        if len(self._full_at) > _REMEMBERED:
            forgotten, _ = self._full_at.popitem(last=False)
            self._promised.pop(forgotten, None)


def _counted(address: str) -> str:
    """Whom an address stands for: of IPv6 a household's network counts as one."""
    known = ip_address(address)
    if isinstance(known, IPv6Address):
        inner = wrapped(known)
        return str(inner or ip_network((known, 64), strict=False))
    return str(known)
