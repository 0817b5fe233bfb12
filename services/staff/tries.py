"""How often somebody may be wrong within a while (R79), as rows that outlive the refusal.

Each try is counted before it is looked at, so that trying many at once gains nothing; what was
right is forgotten afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.staff.tables import SignInFailure
from shared.errors import ForbiddenError

# How many tries within how long; the first is the one that people are told of.
Limits: TypeAlias = tuple[tuple[int, timedelta], ...]

PASSWORDS: Final = 10
OF_PASSWORDS: Final[Limits] = ((PASSWORDS, timedelta(minutes=5)),)
# R79 gives an address ten as well. Whole offices stand behind one address, and ten slips of a
# morning must not lock them out: it gets what ten people get, and gets back what was right.
OF_ADDRESSES: Final[Limits] = ((10 * PASSWORDS, timedelta(minutes=5)),)
OF_CODES: Final[Limits] = (
    (5, timedelta(minutes=5)),
    (20, timedelta(hours=1)),
    (50, timedelta(days=1)),
)
_IPV6_PREFIX: Final = 64  # what one household or office is given; within it addresses are free


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came of counting: how many tries are left, or the limit that is reached (`over`)."""

    left: int
    ids: tuple[UUID, ...] = ()
    over: Limits | None = None

    @property
    def seconds(self) -> int:
        """How long to wait, at most, before the next try."""
        return int(self.over[0][1].total_seconds()) if self.over else 0


def key_of_code(email: str) -> str:
    """Under what tries of one-time codes count. An e-mail address holds no line break."""
    return f"otp\n{email}"


def key_of_own_password(email: str) -> str:
    """Under what somebody counts who is signed in and must tell the password once more."""
    return f"password\n{email}"


def key_of_address(address: str) -> str:
    """Under what tries from an IP address count; of IPv6 the network of 64 bits."""
    try:
        asker = ip_address(address)
    except ValueError:
        return f"address\n{address}"
    if isinstance(asker, IPv4Address):
        return f"address\n{asker}"
    # A socket that takes both kinds tells an IPv4 address within one of IPv6.
    if asker.ipv4_mapped is not None:
        return f"address\n{asker.ipv4_mapped}"
    return f"address\n{ip_network((int(asker), _IPV6_PREFIX), strict=False)}"


async def count(session: AsyncSession, now: datetime, *against: tuple[str, Limits]) -> Counted:
    """Counts one try against each key until it proves right.

    One beyond a limit is kept against none: else a stranger's flood would lock it for ever. Give
    the keys always in the same order of kinds, for each is locked until the transaction ends.
    """
    left = []
    for key, limits in against:
        # One try of a key at a time, so that each sees those before it.
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 79))"), {"key": key}
        )
        for most, within in limits:
            before = await session.scalar(
                select(func.count()).where(
                    col(SignInFailure.email) == key, col(SignInFailure.at) > now - within
                )
            )
            left.append(most - (before or 0) - 1)
        if min(left) < 0:
            return Counted(left=0, over=limits)
    rows = [SignInFailure(email=key, at=now) for key, _ in against]
    session.add_all(rows)
    await session.flush()
    return Counted(left=min(left), ids=tuple(row.id for row in rows))


def limited(counted: Counted) -> ForbiddenError:
    """The refusal of somebody who is signed in and was wrong too often."""
    return ForbiddenError("tries_limited", seconds=counted.seconds)


async def forgive(session: AsyncSession, counted: Counted) -> None:
    """Takes back this one try, which was right."""
    await session.execute(delete(SignInFailure).where(col(SignInFailure.id).in_(counted.ids)))


async def forget(session: AsyncSession, keys: Iterable[str]) -> None:
    """Takes back every try against these keys."""
    await session.execute(delete(SignInFailure).where(col(SignInFailure.email).in_(list(keys))))
