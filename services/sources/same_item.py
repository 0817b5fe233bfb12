"""Which entries of a feed are known already, under whatever name they come this time.

Pure. Source: feeds.md section 12.5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# A handful of entries proves nothing about a whole feed.
_LEAST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """By what an entry is told from others: its name, where it leads, what it is called."""

    key: str
    canonical_link: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An entry that was read before, under the names it had then."""

    id: UUID
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Place in the feed → the known entry; places that say again what an earlier one said.

    `churned` counts known entries that came under new names, where that is most of the feed.
    """

    known: Mapping[int, UUID]
    doubled: frozenset[int]
    churned: int


def match(known: Sequence[Known], entries: Sequence[Names]) -> Matched:
    """Joins entries to those known: by name, else by link.

    By title only where most of the feed has new names: many a site calls every week's notice alike.
    """
    by_key = {one.names.key: one.id for one in reversed(known)}
    by_link = {one.names.canonical_link: one.id for one in reversed(known)}
    by_title = {one.names.title: one.id for one in reversed(known)}
    found: dict[int, UUID] = {}
    titled: dict[int, UUID] = {}
    taken = {by_key[one.key] for one in entries if one.key in by_key}
    seen: set[str] = set()
    doubled: set[int] = set()
    renamed = fresh = 0
    for place, entry in enumerate(entries):
        if entry.key in seen:
            doubled.add(place)
            continue
        seen.add(entry.key)
        if entry.key in by_key:
            found[place] = by_key[entry.key]
            continue
        fresh += 1
        by_its_link = by_link.get(entry.canonical_link) if entry.canonical_link else None
        by_its_title = by_title.get(entry.title) if entry.title else None
        if by_its_link is not None and by_its_link not in taken:
            taken.add(by_its_link)
            found[place] = by_its_link
            renamed += 1
        elif by_its_title is not None and by_its_title not in taken:
            taken.add(by_its_title)
            titled[place] = by_its_title
            renamed += 1
    if renamed < _LEAST or fresh * 2 <= len(entries):
        return Matched(known=found, doubled=frozenset(doubled), churned=0)
    return Matched(known=found | titled, doubled=frozenset(doubled), churned=renamed)
