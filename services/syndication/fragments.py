"""The bytes of single entries, kept: a feed of fifty is rebuilt by writing the one that changed."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from services.delivery.portal import Entry, Shown
from services.syndication.feed import Writer
from services.syndication.texts import Voice, told

_MOST_BYTES: Final = 32 * 1024 * 1024


class Fragments:
    """A bounded store of written entries, the ones used longest ago forgotten first.

    Holds nothing that could be wrong: whatever an entry's bytes depend on is part of its key.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    def known(self, writer: Writer, entries: Iterable[Entry], voice: Voice) -> list[bytes | None]:
        """What is held of these entries in a format; None for one that is to be written."""
        spoken = voice.key
        found: list[bytes | None] = []
        for one in entries:
            key = _key(writer, one, spoken)
            piece = self._kept.get(key)
            if piece is not None:
                self._kept.move_to_end(key)
            found.append(piece)
        return found

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
        spoken = voice.key
        found: list[bytes] = []
        for one, piece in zip(entries, kept, strict=True):
            whole = piece or writer.entry(told(one, words[one.rendition_id], voice))
            if piece is None and keep:
                self._keep(_key(writer, one, spoken), whole)
            found.append(whole)
        return tuple(found)

    def _keep(self, key: Hashable, piece: bytes) -> None:
        self._size += len(piece) - len(self._kept.pop(key, b""))
        self._kept[key] = piece
        while self._size > self._most:
            _, old = self._kept.popitem(last=False)
            self._size -= len(old)


def _key(writer: Writer, entry: Entry, spoken: Hashable) -> Hashable:
    return (
        writer.form,
        entry.publication_id,
        entry.rendition_id,
        entry.published_at,
        entry.changed_at,
        entry.withdrawn,
        entry.reason,
        spoken,
    )
