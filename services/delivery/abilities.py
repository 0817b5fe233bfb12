"""Abilities asked at every call, so that the answer is remembered: checking a protocol is slow."""

from functools import cache
from typing import TypeGuard

from shared.contract.channel import Channel, Lister, Publisher


def reads_back(channel: Channel) -> bool:
    """Whether the channel can be read back."""
    return _lists(type(channel))


def publishes(channel: Channel) -> TypeGuard[Publisher]:
    """Whether the channel can be published to."""
    return _posts(type(channel))


@cache
def _posts(kind: type) -> bool:
    return issubclass(kind, Publisher)


@cache
def _lists(kind: type) -> bool:
    return issubclass(kind, Lister)
