"""The one table from a channel's answer to what happens next.

Delays follow reliability-security.md R27 and R28; every delay is spread by a fifth, so that a
channel which comes back is not met by everybody at once.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.text import clean

_ORDINARY = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 120, 480, 1800, 7200, 21600, 43200)
)
_URGENT = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 15, 30, 60))
_ASKED_TO_SLOW = timedelta(seconds=60)
_ALLOWANCE_GONE = timedelta(hours=6)
_AFTER_RENEWAL = timedelta(seconds=1)
_AFTER_DELAY = timedelta(seconds=1)

# A step that may be repeated is not repeated for ever: then the channel is read, and a person
# asked.
REPEATS = 8
# A dead token is renewed once or twice; if the channel still says no, somebody must look.
RENEWALS = 3


class LeaseShortError(ChannelNotSentError):
    """We were held up between intent and call until the call could have outlived the lease.

    Others may hold the lane by then, and may have sent something newer. Nobody is at fault: it is
    no try of the item's, and says nothing about the channel.
    """

    default_code = "lease_short"


class Verdict(StrEnum):
    """What becomes of the publication after an answer that is not success."""

    AGAIN = "again"  # certainly nothing happened: the same step, later
    REPEAT = "repeat"  # the step may be run twice: run it again, later
    FAILED = "failed"  # certainly nothing happened, and it would not the next time either
    UNCERTAIN = "uncertain"  # nobody knows: read the channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What an answer does to the publication, and to its whole account.

    `counts` is whether this was a try of this item's own: a throttled account uses up nobody's
    tries.
    """

    verdict: Verdict
    delay: timedelta
    counts: bool
    pause: str | None = None
    rate: timedelta | None = None
    quota: timedelta | None = None
    renew: bool = False
    breaker: bool = False
    final: bool = False


def effects_of(error: BaseException, *, tries: int, urgent: bool, repeatable: bool) -> Effects:
    """What to do about this error; `tries` counts those before it for this generation.

    Whatever is not a `ChannelError` is uncertain (R16): code that broke may have broken after the
    call left.
    """
    own = spread(_delay(tries, urgent=urgent))
    if isinstance(error, LeaseShortError):
        return Effects(verdict=Verdict.AGAIN, delay=_AFTER_DELAY, counts=False)
    if isinstance(error, ChannelNotSentError):
        return Effects(
            verdict=Verdict.AGAIN,
            delay=max(own, error.retry_after or own),
            counts=True,
            breaker=True,
        )
    if isinstance(error, ChannelRejectedError):
        return _refused(error, own=own, tries=tries)
    final, asked = False, None
    if isinstance(error, ChannelUncertainError):
        final, asked = error.final, error.retry_after
    if repeatable and tries < REPEATS and not final:
        return Effects(
            verdict=Verdict.REPEAT, delay=max(own, asked or own), counts=True, breaker=True
        )
    return Effects(
        verdict=Verdict.UNCERTAIN,
        delay=timedelta(0),
        counts=True,
        breaker=True,
        final=final,
    )


def _refused(error: ChannelRejectedError, *, own: timedelta, tries: int) -> Effects:
    match error.remedy:
        case Remedy.EDIT:
            return Effects(verdict=Verdict.FAILED, delay=timedelta(0), counts=True)
        case Remedy.SLOW:
            delay = spread(max(error.retry_after or _ASKED_TO_SLOW, timedelta(seconds=1)))
            return Effects(verdict=Verdict.AGAIN, delay=delay, counts=False, rate=delay)
        case Remedy.QUOTA:
            delay = spread(error.retry_after or _ALLOWANCE_GONE)
            return Effects(verdict=Verdict.AGAIN, delay=delay, counts=False, quota=delay)
        case Remedy.RENEW if tries < RENEWALS:
            return Effects(verdict=Verdict.AGAIN, delay=_AFTER_RENEWAL, counts=True, renew=True)
        case Remedy.RENEW:
            return Effects(verdict=Verdict.AGAIN, delay=own, counts=False, pause="token_refused")
        case Remedy.CONSENT | Remedy.HUMAN:
            return Effects(verdict=Verdict.AGAIN, delay=own, counts=False, pause=error.code)


def _delay(tries: int, *, urgent: bool) -> timedelta:
    table = _URGENT if urgent else _ORDINARY
    return table[min(tries, len(table) - 1)]


def spread(delay: timedelta) -> timedelta:
    """The delay, a fifth more or less."""
    return delay * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, not a secret


def _sound(words: str | None) -> str | None:
    """A stranger's words without what a database or a screen cannot take."""
    return None if words is None else clean(words)


def told(error: BaseException) -> tuple[str, str | None, str | None]:
    """Our code, the channel's code and its words, as they are kept and shown."""
    if isinstance(error, ChannelError):
        return error.code, _sound(error.remote_code), _sound(error.remote_message)
    return "adapter_broke", None, type(error).__name__
