"""Abilities asked at every call, so that the answer is remembered: checking a protocol is slow."""

from functools import cache

from shared.contract.channel import Channel, Lister


def reads_back(channel: Channel) -> bool:
    """Whether the channel can be read back."""
    return _lists(type(channel))


@cache
def _lists(kind: type) -> bool:
    return issubclass(kind, Lister)
