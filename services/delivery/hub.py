"""What the doors pass down to the rooms: how to open a unit of work, and the rules of this hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.storage.session import Opener
from shared.fetch import Guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The numbers of delivery, as the operator set them (contract.md section 3).

    `calls_per_minute` is each account's own budget of calls, whoever makes them (R29); 0 is none.
    """

    hold: timedelta = timedelta(seconds=10)
    lane: timedelta = timedelta(seconds=60)
    runaway_per_hour: int = 60
    calls_per_minute: int = 120
    look_schedule: tuple[timedelta, ...] = tuple(
        timedelta(seconds=seconds) for seconds in (5, 20, 60, 180, 600, 1800)
    )
    absence: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "zalo_oa": timedelta(seconds=300),
            "facebook_page": timedelta(seconds=600),
        }
    )
    concurrency: int = 50

    def absence_of(self, channel: str) -> timedelta:
        """How long after an unclear call absence may count as proof; else 10 minutes."""
        return self.absence.get(channel, timedelta(seconds=600))

    @property
    def call_deadline(self) -> timedelta:
        """The longest one call may take: always well inside the lane's lease (R11)."""
        return min(timedelta(seconds=30), self.lane / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One hub: its database, its adapters, its keys, its public face."""

    open_work: Opener
    registry: Registry
    sealer: Sealer
    media: MediaStore
    public_url: str
    agency: str = "Loa"
    timezone: str = "Asia/Ho_Chi_Minh"
    rules: Rules = field(default_factory=Rules)
    guard: Guard = field(default_factory=Guard)
    websub_hubs: tuple[str, ...] = ()
    feed_deltas: bool = True  # whether `A-IM: feed` is answered with 226 (RFC 3229)

    def item_url(self, code: str) -> str:
        """The permanent public address of an item."""
        return f"{self.public_url}/tin/{code}"

    def media_url(self, sha256: str, ext: str) -> str:
        """The public address of a stored picture, video or document."""
        return f"{self.public_url}/media/{sha256}.{ext}"
