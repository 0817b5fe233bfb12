"""A simulated Facebook Page: its tokens, photos, videos and posts."""

from dataclasses import dataclass, field
from datetime import datetime

from services.sandbox import naming
from services.sandbox.posts import Account
from services.sandbox.traits import FacebookTraits


@dataclass(slots=True, kw_only=True)
class Photo:
    """An uploaded picture; `post_id` empty while no post shows it."""

    id: str
    url: str
    sha256: str
    alt: str
    at: datetime
    caption: str = ""
    published: bool = False
    post_id: str = ""


@dataclass(slots=True, kw_only=True)
class Video:
    """An uploaded video; its post carries a story id of its own."""

    id: str
    post_id: str
    at: datetime
    ready_at: datetime
    title: str
    size_bytes: int
    published: bool
    polls_left: int


@dataclass(slots=True, kw_only=True)
class Page(Account):
    """One Page with all that the sandbox knows of it."""

    traits: FacebookTraits
    app_id: str
    app_secret: str
    page_token: str
    user_token: str
    verify_token: str
    photos: dict[str, Photo] = field(default_factory=dict)
    videos: dict[str, Video] = field(default_factory=dict)
    sent: list[dict[str, object]] = field(default_factory=list)
    proof: str = ""

    def new_id(self, seed: int) -> str:
        """A story, photo or video id: digits that no other object of this Page has."""
        return f"{naming.number(seed, 'story', self.id, digits=9)}{self.next_number():06d}"
