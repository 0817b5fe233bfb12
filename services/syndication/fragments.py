"""The bytes of single entries, kept: a feed of fifty is rebuilt by writing the one that changed."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from services.delivery.portal import Entry, Shown
from services.syndication.feed import Writer
from services.syndication.texts import Voice, told

_MOST_BYTES: Final = 32 * 1024 * 1024


class Fragments:
    """A bounded store of written entries; what was not used for long is forgotten.

    Holds nothing that could be wrong: whatever an entry's bytes depend on is part of its key. Kept
    in two halves: when the one in use is full it takes the other's place, and what is found there
    moves over. So a hit costs one look, where a list by age would be put in order at every one.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes // 2
        self._size = 0
        self._kept: dict[Hashable, bytes] = {}
        self._before: dict[Hashable, bytes] = {}

    def known(self, writer: Writer, entries: Iterable[Entry], voice: Voice) -> list[bytes | None]:
        """What is held of these entries in a format; None for one that is to be written."""
        spoken = _spoken(writer, voice)
        kept = self._kept
        return [kept.get(key) or self._moved(key) for key in (_key(spoken, one) for one in entries)]

    def written(
        self,
        writer: Writer,
        entries: Sequence[Entry],
        voice: Voice,
        kept: Sequence[bytes | None],
        words: Mapping[UUID, Shown],
        *,
        keep: bool = True,
    ) -> tuple[bytes, ...]:
        """All of them: `kept` is what was known, `words` has the renditions of the others."""
        spoken = _spoken(writer, voice)
        found: list[bytes] = []
        for one, piece in zip(entries, kept, strict=True):
            whole = piece or writer.entry(told(one, words[one.rendition_id], voice))
            if piece is None and keep:
                self._keep(_key(spoken, one), whole)
            found.append(whole)
        return tuple(found)

    def _moved(self, key: Hashable) -> bytes | None:
        """What the other half holds, which is in use again."""
        piece = self._before.pop(key, None)
        if piece is not None:
            self._keep(key, piece)
        return piece

    def _keep(self, key: Hashable, piece: bytes) -> None:
        self._size += len(piece) - len(self._kept.get(key, b""))
        self._kept[key] = piece
        if self._size > self._most:
            self._before, self._kept, self._size = self._kept, {}, 0


def _spoken(writer: Writer, voice: Voice) -> str:
    # A string remembers its hash; that of a tuple would be reckoned anew for every entry.
    return f"{writer.form}\n{voice.key!r}"


def _key(spoken: str, entry: Entry) -> Hashable:
    # A rendition is of one item on one account, so its id stands for both.
    return (
        spoken,
        entry.rendition_id,
        entry.guid,
        entry.published_at,
        entry.changed_at,
        entry.withdrawn,
        entry.reason,
    )
