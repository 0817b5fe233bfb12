"""Keeps passwords as argon2id hashes (R75).

Hashing takes 64 MiB and a tenth of a second, so it runs in threads, and never more than two at
once: a flood of sign-ins must not use up the machine's memory.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import FieldError, InvalidError

SHORTEST: Final = 12
LONGEST: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one hash costs whoever makes it."""

    memory_kib: int
    passes: int


FULL: Final = Cost(memory_kib=64 * 1024, passes=3)
CHEAP: Final = Cost(memory_kib=64, passes=1)  # for tests, where nobody guesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Whether a password is right, and if so whether its hash should be made anew (`outdated`)."""

    ok: bool
    outdated: bool = False


_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hashed(password: str, *, cost: Cost = FULL) -> str:
    """The hash to keep. Raises InvalidError for a password outside 12 to 128 characters."""
    need_length(password)
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher(cost).hash, password)


async def check(password: str, kept: str | None, *, cost: Cost = FULL) -> Checked:
    """Whether this is the password of the kept hash.

    Takes as long when there is no such person (`kept` None): the answer's time tells nothing.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _check, password, kept, cost)


def need_length(password: str) -> None:
    """Raises InvalidError for a password that is too short or too long; nothing else is asked."""
    if SHORTEST <= len(password) <= LONGEST:
        return
    detail = (
        f"Mật khẩu dài từ {SHORTEST} đến {LONGEST} ký tự"
        f" · A password has {SHORTEST} to {LONGEST} characters"
    )
    fault = FieldError(field="password", code="password_length", detail=detail)
    raise InvalidError("password_length", fields=(fault,))


def _check(password: str, kept: str | None, cost: Cost) -> Checked:
    hasher = _hasher(cost)
    # A longer one cannot be right, and hashing it would let a stranger choose the work.
    given = password if len(password) <= LONGEST else ""
    try:
        hasher.verify(kept or _nobodys_hash(cost), given)
    except (VerificationError, InvalidHashError):
        return Checked(ok=False)
    if kept is None:
        return Checked(ok=False)
    return Checked(ok=True, outdated=hasher.check_needs_rehash(kept))


@lru_cache
def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(
        time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=1, type=Type.ID
    )


@lru_cache
def _nobodys_hash(cost: Cost) -> str:
    return _hasher(cost).hash("a password that nobody has")
