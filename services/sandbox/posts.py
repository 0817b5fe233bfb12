"""What readers see on a simulated account, and every moment at which they saw it."""

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

_ADDRESS = re.compile(r"https?://[^\s<>\"“”]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture as shown; `sha256` names the copy that the sandbox keeps, empty without one."""

    url: str
    sha256: str = ""
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What a reader sees of a post. `title` is empty where the channel has none."""

    title: str = ""
    text: str = ""
    pictures: tuple[Picture, ...] = ()
    link: str = ""
    kind: str = "post"

    @property
    def text_hash(self) -> str:
        """SHA-256 of title and text in NFC, joined by a line end."""
        words = unicodedata.normalize("NFC", f"{self.title}\n{self.text}")
        return hashlib.sha256(words.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of what readers saw."""

    at: datetime
    text_hash: str


@dataclass(slots=True, kw_only=True)
class Interval:
    """One unbroken time in which a post could be seen; `visible_to` None while it still can."""

    face: Face
    visible_from: datetime
    visible_to: datetime | None = None
    edits: list[Edit] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Post:
    """A post, article or video on an account; `raw` is the channel's own form of it.

    `listed_from`: before that instant lists leave it out, though readers see it already. `number`
    grows with each post of an account.
    """

    remote_id: str
    face: Face
    at: datetime
    updated_at: datetime
    listed_from: datetime
    app_id: str = ""
    url: str = ""
    foreign: bool = False
    number: int = 0
    gone_at: datetime | None = None
    raw: dict[str, object] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)

    def show(self, at: datetime) -> None:
        """Readers see it from `at` on, which may lie ahead; no effect while it is shown."""
        if self.open_interval is None:
            self.intervals.append(Interval(face=self.face, visible_from=at))

    def hide(self, at: datetime) -> None:
        """Readers see it no more; one that was never seen leaves no trace."""
        shown = self.open_interval
        if shown is not None:
            if shown.visible_from > at:
                self.intervals.remove(shown)
            else:
                shown.visible_to = at

    def change(self, face: Face, at: datetime) -> None:
        """Replaces what readers see; an equal face is no edit."""
        shown = self.open_interval
        if shown is not None and face != self.face:
            shown.edits.append(Edit(at=at, text_hash=face.text_hash))
        self.face = face
        self.updated_at = at

    def remove(self, at: datetime) -> None:
        """Takes it away for good."""
        self.hide(at)
        self.gone_at = at

    @property
    def open_interval(self) -> Interval | None:
        """The last interval if it has no end."""
        last = self.intervals[-1] if self.intervals else None
        return last if last is not None and last.visible_to is None else None

    def visible(self, now: datetime) -> bool:
        """Whether a reader sees it at this moment."""
        shown = self.open_interval
        return shown is not None and shown.visible_from <= now


@dataclass(slots=True, kw_only=True)
class Account:
    """A simulated outlet; `counts` says how often things happened on it."""

    channel: str
    id: str
    name: str
    posts: dict[str, Post] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    made: int = 0

    def next_number(self) -> int:
        """A number that this account has not given before."""
        self.made += 1
        return self.made

    def living(self) -> list[Post]:
        """The posts that exist, hidden ones too, oldest first."""
        return [post for post in self.posts.values() if post.gone_at is None]

    def listed(self, now: datetime) -> list[Post]:
        """The posts that lists tell of at this moment, oldest first."""
        return [post for post in self.living() if post.listed_from <= now]


def first_address(text: str) -> str:
    """The first web address in a text, or nothing."""
    found = _ADDRESS.search(text)
    return found.group().rstrip(".,;:!?)") if found else ""
