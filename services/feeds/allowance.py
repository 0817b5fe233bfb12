"""How often one address may ask: generous to readers and portals, a wall to a flood."""

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

# Nobody polls twenty times a second; a reader that opens every feed of a hub at once may.
_EACH_SECOND: Final = 20.0
_AT_ONCE: Final = 200.0
_REMEMBERED: Final = 10_000


class Allowance:
    """A bucket of requests for each address, kept in this process only.

    Addresses that are not public pass freely: there stands a proxy of the operator's that speaks
    for everybody, and would be shut out for everybody. Of IPv6 a household's network counts as one.
    """

    def __init__(self, *, each_second: float = _EACH_SECOND, at_once: float = _AT_ONCE) -> None:
        self._each_second = each_second
        self._at_once = at_once
        # When each bucket would be full again: one number says how much it holds.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Takes one request and gives 0; or takes none, and gives how many seconds to wait.

        `now` is a steady clock's.
        """
        who = _counted(address)
        if who is None:
            return 0.0
        full_at = max(self._full_at.get(who, now), now)
        over = full_at + 1 / self._each_second - (now + self._at_once / self._each_second)
        if over > 0:
            return over
        self._full_at[who] = full_at + 1 / self._each_second
        self._full_at.move_to_end(who)
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
        return 0.0


@lru_cache(maxsize=4096)
def _counted(address: str) -> str | None:
    """Whom an address stands for; None when it is not counted."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if not found.is_global:
        return None
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)
