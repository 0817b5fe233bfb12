"""What changed between two texts, word by word, so that an approver reads only what is new.

A Vietnamese word is written in syllables; each stands as one unit with its marks, and so does a
number with what is inside it (`05/12/2026`, `08:00`, `1,4`). Runs of three units that occur once in
both texts are taken as fixed points, and only what lies between two of them is matched closely: the
effort grows with the length of a text, not with its square.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["same", "removed", "added"]

# White space before it; then a number with what joins its digits, a run of letters with their
# marks, a line end, or one other sign.
_UNITS: Final = re.compile(r"([^\S\n]*)(\d+(?:[.,:/–-]\d+)*|(?:[^\W\d_]|[\u0300-\u036f])+|\n|\S|$)")
_RUN: Final = 3
# Between two fixed points: below this share of common units, one text went and another came.
_ALIKE: Final = 0.3
# Units of the one times units of the other; beyond, what lies between is not matched closely.
_MOST_PAIRS: Final = 160_000
# Unchanged paragraphs on either side of a change that are shown with it.
_AROUND: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of text that stayed, went or came."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring paragraphs: with changes and what is around them, or (`folded`) all unchanged.

    Each paragraph is a tuple of pieces; an empty one is a blank line.
    """

    folded: bool
    paragraphs: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A text in units: `words` without the blank before each, `starts` with it, and the end."""

    whole: str
    words: tuple[str, ...]
    starts: tuple[int, ...]

    def part(self, start: int, end: int) -> str:
        """The units from `start` up to `end` as they stand in the text."""
        return self.whole[self.starts[start] : self.starts[end]]


def words(old: str, new: str) -> tuple[Piece, ...]:
    """How the one text became the other; a single `same` piece when nothing changed.

    What is not `removed`, put together, is `new`; what is not `added` is `old`.
    """
    if old == new:
        return (Piece(kind="same", text=new),) if new else ()
    before, after = _read(old), _read(new)
    return _joined(_pieces(before, after, _blocks(_matches(before.words, after.words))))


def stretches(old: str, new: str) -> tuple[Stretch, ...]:
    """The same by paragraphs, with long unchanged parts folded; empty when nothing changed."""
    if old == new:
        return ()
    paragraphs = _by_paragraph(words(old, new))
    changed = [any(piece.kind != "same" for piece in one) for one in paragraphs]
    told = [no for no, one in enumerate(paragraphs) if one]
    near = set()
    for place, no in enumerate(told):
        if any(changed[other] for other in told[max(0, place - _AROUND) : place + _AROUND + 1]):
            near.add(no)
    found: list[Stretch] = []
    for no in told:
        folded = no not in near
        if found and found[-1].folded == folded:
            found[-1] = Stretch(folded=folded, paragraphs=(*found[-1].paragraphs, paragraphs[no]))
        else:
            found.append(Stretch(folded=folded, paragraphs=(paragraphs[no],)))
    return tuple(found)


def _read(text: str) -> _Text:
    found = list(_UNITS.finditer(text))
    return _Text(
        whole=text,
        words=tuple(one[2] for one in found),
        starts=(*(one.start() for one in found), len(text)),
    )


# ── Matching ─────────────────────────────────────────────────────────────────────────────────────


def _matches(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places in both texts that hold the same unit, ascending."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    yield from ((no, no) for no in range(head))
    i, j = head, head
    ends = (len(old) - tail, len(new) - tail)
    for p, q in (*_fixed_points(old, new, head, ends), ends):
        if p < i or q < j:
            continue  # inside the run that was just taken
        yield from _between(old, new, (i, p), (j, q))
        i, j = p, q
        while i < ends[0] and j < ends[1] and old[i] == new[j]:
            yield i, j
            i, j = i + 1, j + 1
    yield from ((ends[0] + no, ends[1] + no) for no in range(tail))


def _fixed_points(
    old: Sequence[str], new: Sequence[str], start: int, ends: tuple[int, int]
) -> list[tuple[int, int]]:
    """Where a run of units begins that occurs once here and once there, in an order both share."""
    there = _once(new, start, ends[1])
    pairs = [(i, there[run]) for run, i in _once(old, start, ends[0]).items() if run in there]
    return _rising(sorted(pairs))


def _once(units: Sequence[str], start: int, end: int) -> dict[tuple[str, ...], int]:
    places = range(start, end - _RUN + 1)
    runs = [tuple(units[no : no + _RUN]) for no in places]
    often = Counter(runs)
    return {run: no for run, no in zip(runs, places, strict=True) if often[run] == 1}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs in which both numbers rise: what was moved falls out."""
    lowest: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for no, (_, j) in enumerate(pairs):
        at = bisect_left(lowest, j)
        before.append(last[at - 1] if at else -1)
        lowest[at : at + 1] = [j]
        last[at : at + 1] = [no]
    found: list[tuple[int, int]] = []
    no = last[-1] if last else -1
    while no >= 0:
        found.append(pairs[no])
        no = before[no]
    return found[::-1]


def _between(
    old: Sequence[str], new: Sequence[str], here: tuple[int, int], there: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    gone, come = old[slice(*here)], new[slice(*there)]
    if not gone or not come or len(gone) * len(come) > _MOST_PAIRS:
        return
    matcher = SequenceMatcher(None, gone, come, autojunk=False)
    if matcher.quick_ratio() < _ALIKE:
        return
    for i, j, size in matcher.get_matching_blocks():
        yield from ((here[0] + i + no, there[0] + j + no) for no in range(size))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    most = min(len(one), len(other))
    return next((no for no in range(most) if one[no] != other[no]), most)


# ── Telling ──────────────────────────────────────────────────────────────────────────────────────


def _blocks(matches: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Matches that follow each other in both texts as one: where it begins, and its length."""
    start, size = (-1, -1), 0
    for i, j in matches:
        if size and (i, j) == (start[0] + size, start[1] + size):
            size += 1
            continue
        if size:
            yield *start, size
        start, size = (i, j), 1
    if size:
        yield *start, size


def _pieces(
    before: _Text, after: _Text, blocks: Iterator[tuple[int, int, int]]
) -> Iterator[tuple[Kind, str]]:
    i = j = 0
    for p, q, size in (*blocks, (len(before.words), len(after.words), 0)):
        yield "removed", before.part(i, p)
        yield "added", after.part(j, q)
        i, j = p + size, q + size
        if before.part(p, i) == after.part(q, j):
            yield "same", after.part(q, j)
        else:
            for no in range(size):
                yield from _blank_and_word(before, after, p + no, q + no)


def _blank_and_word(before: _Text, after: _Text, p: int, q: int) -> Iterator[tuple[Kind, str]]:
    word = after.words[q]
    gone, come = before.part(p, p + 1).removesuffix(word), after.part(q, q + 1).removesuffix(word)
    if gone == come:
        yield "same", come
    else:
        yield "removed", gone
        yield "added", come
    yield "same", word


def _joined(pieces: Iterator[tuple[Kind, str]]) -> tuple[Piece, ...]:
    """Neighbours of one kind as one; the blank that both sides of a change begin with is kept."""
    found: list[Piece] = []
    runs = {"same": "", "removed": "", "added": ""}

    def tell_change() -> None:
        gone, come = runs["removed"], runs["added"]
        shared = len(gone) - len(gone.lstrip(" "))
        if shared and come[:shared] == gone[:shared]:
            runs["same"] += gone[:shared]
            gone, come = gone[shared:], come[shared:]
        tell_same()
        if gone:
            found.append(Piece(kind="removed", text=gone))
        if come:
            found.append(Piece(kind="added", text=come))
        runs["removed"] = runs["added"] = ""

    def tell_same() -> None:
        if runs["same"]:
            found.append(Piece(kind="same", text=runs["same"]))
        runs["same"] = ""

    for kind, text in pieces:
        if text and kind == "same" and (runs["removed"] or runs["added"]):
            tell_change()
        runs[kind] += text
    tell_change()
    tell_same()
    return tuple(found)


def _by_paragraph(pieces: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """The pieces cut at line ends."""
    paragraphs: list[list[Piece]] = [[]]
    for piece in pieces:
        for no, line in enumerate(piece.text.split("\n")):
            if no:
                paragraphs.append([])
            if line:
                paragraphs[-1].append(Piece(kind=piece.kind, text=line))
    return [tuple(one) for one in paragraphs]
