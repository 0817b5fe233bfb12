"""Is this post ours? Pure judgement over what a channel gives back (R18 to R25)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contract.messages import Fingerprint, Seen
from shared.text import comparable, similarity

# A channel's clock may differ from ours by minutes; a post made before this much ahead of our call
# is not the one we ask about.
SKEW = timedelta(minutes=5)
# Above this a text that carries our link is ours though the channel changed it; above the lower
# one a post is too alike to be ignored.
SAME_ENOUGH = 0.9
ALIKE = 0.5


class Likeness(StrEnum):
    """How a post relates to what we sent."""

    EQUAL = "equal"  # ours, and it shows exactly what was sent
    OURS = "ours"  # ours by its link, but the channel shows something else
    CANDIDATE = "candidate"  # may be ours: blocks a proof of absence
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A post that is ours, and how exactly."""

    seen: Seen
    equal: bool
    similarity: float


def likeness(mark: Fingerprint, seen: Seen, *, since: datetime | None) -> tuple[Likeness, float]:
    """How a post relates to a fingerprint, and how alike the texts are (0 to 1).

    `since` is when the call could first have left; an older post by more than the skew is another.
    """
    if since is not None and seen.at is not None and seen.at < since - SKEW:
        return Likeness.OTHER, 0.0
    if not seen.readable:
        return Likeness.CANDIDATE, 0.0
    marked = carries(mark.link, seen)
    alike = similarity(mark.text, seen.text)
    if alike == 1.0 and (marked or not mark.link):
        return Likeness.EQUAL, alike
    if marked and alike >= SAME_ENOUGH:
        return Likeness.OURS, alike
    if marked or seen.ours or alike >= ALIKE:
        return Likeness.CANDIDATE, alike
    return Likeness.OTHER, alike


def carries(link: str, seen: Seen) -> bool:
    """Whether the post leads to this address, in its links or written out in its text."""
    if not link:
        return False
    return any(one.startswith(link) for one in seen.links) or link in comparable(seen.text)


def shows(mark: Fingerprint, seen: Seen) -> bool:
    """Whether a post of ours shows what this fingerprint was drawn from."""
    return similarity(mark.text, seen.text) == 1.0


def sift(
    marks: Sequence[Fingerprint], posts: Iterable[Seen], *, since: datetime | None
) -> tuple[list[Match], list[Match]]:
    """Posts that are ours, earliest first, and candidates that keep us from saying "absent"."""
    ours: list[Match] = []
    candidates: list[Match] = []
    for post in posts:
        judged = [likeness(mark, post, since=since) for mark in marks]
        alike = max((one for _, one in judged), default=0.0)
        kinds = {kind for kind, _ in judged}
        if Likeness.EQUAL in kinds or Likeness.OURS in kinds:
            ours.append(Match(seen=post, equal=Likeness.EQUAL in kinds, similarity=alike))
        elif Likeness.CANDIDATE in kinds:
            candidates.append(Match(seen=post, equal=False, similarity=alike))
    ours.sort(key=lambda match: (match.seen.at is None, match.seen.at, match.seen.remote_id))
    return ours, candidates
