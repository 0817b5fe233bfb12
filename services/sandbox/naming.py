"""Ids, tokens and secrets, all derived from the seed: the same sandbox twice names the same.

A token tells its account and generation and carries a mark of the seed, so a sandbox that was
started anew recognises the tokens that it gave out before.
"""

import hashlib
import re

_TOKEN = re.compile(r"([A-Z]{2}|EAAsim)([0-9]+)\.([0-9A-Za-z_-]{1,64})\.([0-9a-f]{32})")

ACCESS, REFRESH, PAGE, USER = "AT", "RT", "EAAsim", "US"


def mark(seed: int, *parts: object) -> str:
    """64 hex digits that only this seed gives for these parts."""
    words = "\x1f".join(str(part) for part in (seed, *parts))
    return hashlib.blake2b(words.encode(), digest_size=32).hexdigest()


def number(seed: int, *parts: object, digits: int) -> str:
    """A decimal number of exactly so many digits, not beginning with 0."""
    low = 10 ** (digits - 1)
    return str(low + int(mark(seed, *parts), 16) % (9 * low))


def token(seed: int, kind: str, account_id: str, generation: int) -> str:
    """A token of one account; each generation has another."""
    return f"{kind}{generation}.{account_id}.{mark(seed, kind, account_id, generation)[:32]}"


def read_token(seed: int, text: str) -> tuple[str, str, int] | None:
    """Kind, account and generation of a token of ours; None for any other text."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    kind, generation, account_id, _ = found.groups()
    if token(seed, kind, account_id, int(generation)) != text:
        return None
    return kind, account_id, int(generation)
