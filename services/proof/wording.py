"""Words as a copy is compared with what was published: what counts, and where it differs.

White space, punctuation, letter case and how Unicode composes a letter do not count. Letters with
their marks and digits do, and so do signs that stand inside a number (`22:00`, `1,5`, `05/12`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Final, Literal, TypeAlias
from zlib import crc32

from shared.text import clean, fold

# Joiners, soft hyphens and the like, which channels add and drop without a reader seeing it.
_INVISIBLE: Final = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad\ufe00-\ufe0f]")
_TOKEN: Final = re.compile(
    r"(?P<number>\d+(?:[.,:/\-–−]\d+)*)"
    r"|(?P<word>[^\W\d_][^\W_]*)"
    r"|(?P<sign>[%‰°₫$€£¥+<>=±×÷]|(?<![\w)])[-−](?=\d))"
)
_DASHES: Final = str.maketrans("–−", "--")
_GROUP: Final = 4  # words in one shingle
_WINDOW: Final = 4  # of so many neighbours one is kept: any common run of 7 words shares one
_ASKED: Final = 256
_CHANGED: Final = 3
# Two honest texts of 4,000 words each have about half as many.
_MOST_PAIRS: Final = 200_000
# What the sites that show posts write around them; a person copies it along.
_FURNITURE: Final = (
    *("xem thêm", "ẩn bớt", "thu gọn", "thích", "bình luận", "chia sẻ", "trả lời", "theo dõi"),
    *("xem bản dịch", "see more", "see less", "like", "comment", "share", "follow", "quan tâm"),
)

PieceKind: TypeAlias = Literal["same", "added", "missing"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or sign: where it stands, on which line, and as what it is compared."""

    key: str
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text as it is compared."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def keys(self) -> list[str]:
        """What is compared, in order."""
        return [token.key for token in self.tokens]

    @property
    def compact(self) -> str:
        """Everything that counts, without a gap."""
        return "".join(token.key for token in self.tokens)

    def piece(self, first: int, last: int) -> str:
        """The text from one token up to the end of another (`last` is not included)."""
        if first >= last:
            return ""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of a copy: the `same` as published, `added` to it, or `missing` from it."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a copy relates to one published text.

    `exact`: every word of the copy stands there in this order, with nothing left out within but
    whole lines. `shared` is the part of the copy that was found there, 0 to 1, `found` its words.
    """

    exact: bool
    shared: float
    found: int
    pieces: tuple[Piece, ...]


def read(text: str) -> Reading:
    """The text cut into what counts."""
    sound = _INVISIBLE.sub("", clean(text))
    breaks = [at for at, letter in enumerate(sound) if letter == "\n"]
    tokens: list[Token] = []
    line = 0
    for match in _TOKEN.finditer(sound):
        while line < len(breaks) and breaks[line] < match.start():
            line += 1
        key = match.group().casefold().translate(_DASHES)
        tokens.append(Token(key, match.start(), match.end(), line))
    return Reading(text=sound, tokens=tuple(tokens))


def digest(text: str) -> str:
    """SHA-256 of everything that counts in a text: equal for copies that differ in nothing else."""
    return sha256(read(text).compact.encode()).hexdigest()


def compare(published: Reading, copied: Reading, asides: Sequence[str] = ()) -> Comparison:
    """How the copy relates to the published text; `asides` may have been copied along."""
    if stands_in(published, copied):
        whole = Piece(kind="same", text=copied.text)
        return Comparison(exact=True, shared=1.0, found=len(copied.tokens), pieces=(whole,))
    beside = [one for one in (read(text).compact for text in (*asides, *_FURNITURE)) if one]
    beside.sort(key=len, reverse=True)
    runs = list(_runs(published, copied))
    found = sum(b2 - b1 for same, _, _, b1, b2 in runs if same)
    counted, exact = 0, True
    pieces: list[Piece] = []
    for place, (same, a1, a2, b1, b2) in enumerate(runs):
        if same:
            counted += b2 - b1
            pieces.append(Piece(kind="same", text=copied.piece(b1, b2)))
            continue
        at_an_end = place in (0, len(runs) - 1)
        harmless = _is_beside("".join(copied.keys[b1:b2]), beside)
        # A copy may begin late, end early or leave whole lines out, but not with other words there.
        if a1 < a2 and not (harmless and (at_an_end or _whole_lines(published, a1, a2))):
            exact = False
            first, last = _opposite(place == 0, at_an_end, a1, a2, b2 - b1)
            if first < last:
                pieces.append(Piece(kind="missing", text=published.piece(first, last)))
        if b1 < b2:
            pieces.append(Piece(kind="same" if harmless else "added", text=copied.piece(b1, b2)))
            exact = exact and harmless
            counted += 0 if harmless else b2 - b1
    return Comparison(
        exact=exact and found > 0,
        shared=found / counted if counted else 0.0,
        found=found,
        pieces=tuple(pieces),
    )


def overlap(published: Reading, copied: Reading) -> float:
    """Quickly, and at most too high: which part of the copy's words stands in the other."""
    known = set(published.keys)
    return sum(key in known for key in copied.keys) / max(1, len(copied.tokens))


def shingles(text: str) -> list[int]:
    """Numbers of word groups that stand for a published text; sorted, each once."""
    numbers = _numbers(text)
    if len(numbers) <= _WINDOW:
        return sorted(set(numbers))
    kept = {min(numbers[at : at + _WINDOW]) for at in range(len(numbers) - _WINDOW + 1)}
    return sorted(kept)


def asked(text: str) -> list[int]:
    """The numbers by which published texts like this copy are looked up, spread over all of it."""
    numbers = list(dict.fromkeys(_numbers(text)))
    step = max(1, -(-len(numbers) // _ASKED))
    return numbers[::step]


def _numbers(text: str) -> list[int]:
    words = [fold(key) for key in read(text).keys]
    groups = (" ".join(words[at : at + _GROUP]) for at in range(len(words) - _GROUP + 1))
    # PostgreSQL's integers are signed.
    return [crc32(group.encode()) - 2**31 for group in groups]


def stands_in(published: Reading, copied: Reading) -> bool:
    """Whether the copy stands in the published text as it is, cut between words only."""
    wanted = copied.compact
    if not wanted:
        return False
    ends: set[int] = {0}
    length = 0
    for token in published.tokens:
        length += len(token.key)
        ends.add(length)
    whole = published.compact
    at = whole.find(wanted)
    while at >= 0:
        if at in ends and at + len(wanted) in ends:
            return True
        at = whole.find(wanted, at + 1)
    return False


def _runs(published: Reading, copied: Reading) -> Iterator[tuple[bool, int, int, int, int]]:
    """What is the same and what is not, in order; a number cut otherwise (`028 10`) is the same."""
    matcher = _matcher(published.keys, copied.keys)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        one, other = "".join(published.keys[a1:a2]), "".join(copied.keys[b1:b2])
        yield tag == "equal" or one == other, a1, a2, b1, b2


def _matcher(published: list[str], copied: list[str]) -> "SequenceMatcher[str]":
    """Compares in bounded time, whatever a stranger pastes.

    Its work grows with the pairs of equal words, and a copy of one word over and over makes
    millions. Words of too many pairs begin no run then; a run that other words begin holds them.
    """
    matcher = SequenceMatcher(None, published, copied, autojunk=False)
    often = Counter(published)
    # Documented ("b2j"), but not in the types that come with mypy.
    places: dict[str, list[int]] = matcher.b2j  # type: ignore[attr-defined]
    pairs = {key: often[key] * len(found) for key, found in places.items()}
    total = sum(pairs.values())
    for key in sorted(pairs, key=pairs.__getitem__, reverse=True):
        if total <= _MOST_PAIRS:
            break
        del places[key]
        total -= pairs[key]
    return matcher


def _opposite(
    at_the_start: bool, at_an_end: bool, first: int, last: int, words: int
) -> tuple[int, int]:
    """Which published words stood where the copy has others.

    At an end of the copy the published text goes on: a changed word or two have as many opposite
    them, a longer addition has none.
    """
    if not at_an_end:
        return first, last
    if words > _CHANGED:
        return first, first
    return (max(first, last - words), last) if at_the_start else (first, min(last, first + words))


def _whole_lines(published: Reading, first: int, last: int) -> bool:
    """Whether these words are whole lines: leaving a paragraph out shortens, it changes no word."""
    tokens = published.tokens
    starts = first == 0 or tokens[first - 1].line != tokens[first].line
    ends = last == len(tokens) or tokens[last - 1].line != tokens[last].line
    return starts and ends


def _is_beside(run: str, beside: Sequence[str]) -> bool:
    """Whether a run is made of nothing but asides, in any order."""
    while run:
        part = next((one for one in beside if run.startswith(one)), None)
        if part is None:
            return False
        run = run[len(part) :]
    return True
