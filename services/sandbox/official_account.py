"""A simulated Zalo Official Account: its tokens, the articles in the works, what was sent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.sandbox import naming
from services.sandbox.posts import Account
from services.sandbox.traits import ZaloTraits

REFRESH_LIFE = timedelta(days=90)  # zalo-oa-api.md section 1.4


@dataclass(slots=True, kw_only=True)
class Pair:
    """One access and refresh token; `delivered` once the answer that carried them went out whole.

    `successor_delivered`: somebody has the pair that replaced this one.
    """

    access: str
    refresh: str
    expires_at: datetime
    issued_at: datetime
    access_dead: bool = False
    refresh_spent: bool = False
    revoked: bool = False
    delivered: bool = False
    successor: "Pair | None" = None


@dataclass(slots=True, kw_only=True)
class Job:
    """An article that Zalo works on after `create` or `update` answered (section 3.4)."""

    article: dict[str, object]
    article_id: str
    new: bool
    polls_left: int
    base: str
    lag: timedelta
    state: Literal["working", "done", "failed"] = "working"
    code: int = 0
    message: str = ""


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file for messages, or a video for articles."""

    kind: str
    at: datetime
    video_id: str = ""
    name: str = ""
    size_bytes: int = 0
    polls_left: int = 0


@dataclass(slots=True, kw_only=True)
class Consent:
    """A code that an admin's consent gave; works once."""

    at: datetime
    challenge: str
    used: bool = False


@dataclass(slots=True, kw_only=True)
class OfficialAccount(Account):
    """One OA with all that the sandbox knows of it."""

    traits: ZaloTraits
    app_id: str
    app_secret: str
    oa_secret_key: str
    pairs: list[Pair] = field(default_factory=list)
    generation: int = 0
    awaiting_consent: bool = False
    consents: dict[str, Consent] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    sent: list[dict[str, object]] = field(default_factory=list)
    chats: dict[str, datetime] = field(default_factory=dict)
    minute: int = 0
    calls_this_minute: int = 0

    def issue(self, seed: int, now: datetime, *, generation: int | None = None) -> Pair:
        """A new pair; the one before keeps what it is."""
        self.generation = self.generation + 1 if generation is None else generation
        pair = Pair(
            access=naming.token(seed, naming.ACCESS, self.id, self.generation),
            refresh=naming.token(seed, naming.REFRESH, self.id, self.generation),
            expires_at=now + timedelta(seconds=self.traits.expires_in),
            issued_at=now,
        )
        if self.pairs:
            self.pairs[-1].successor = pair
        self.pairs.append(pair)
        return pair

    @property
    def pair(self) -> Pair:
        """The newest pair."""
        return self.pairs[-1]
