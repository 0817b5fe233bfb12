"""The register of adapters: what the entry points of `loa.channels` name, loaded once at start."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Protocol, cast, runtime_checkable

import structlog

from shared.contract.channel import Channel, Configurable
from shared.errors import LoaError, NotFoundError

GROUP = "loa.channels"

_log = structlog.get_logger()
# What every adapter must have before the hub relies on it; abilities are looked at one by one.
_NEEDED = (
    "pull",
    "limits",
    "settings_form",
    "credentials_form",
    "remote_id_of",
    "render",
    "fingerprint",
)


@runtime_checkable
class _KeepsOpen(Protocol):
    """An adapter that holds connections between its calls."""

    async def aclose(self) -> None: ...


class Registry:
    """The channels of this process by name, and those that could not be loaded, with the reason.

    `variables` gives each LOA_ variable that some adapter reads, with its default.
    """

    def __init__(
        self, channels: Mapping[str, Channel], *, broken: Mapping[str, str] | None = None
    ) -> None:
        self._channels = dict(channels)
        self.broken: Mapping[str, str] = MappingProxyType(dict(broken or {}))

    @classmethod
    def of(cls, *channels: Channel) -> "Registry":
        """A register of these channels, configured as they are."""
        return cls({channel.name: channel for channel in channels})

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Registry":
        """Loads every adapter that is installed and tells it where to call from `environ`.

        One that fails is left out and kept in `broken`; the others go on. Raises LoaError when two
        claim one name: then nobody can say which of them would publish.
        """
        return cls._loaded(tuple(entry_points(group=GROUP)), environ)

    @classmethod
    def _loaded(cls, points: tuple[EntryPoint, ...], environ: Mapping[str, str]) -> "Registry":
        channels: dict[str, Channel] = {}
        broken: dict[str, str] = {}
        claimed: dict[str, str] = {}
        for point in points:
            if claimed.setdefault(point.name, point.value) != point.value:
                raise LoaError(
                    "channel_claimed_twice",
                    channel=point.name,
                    first=claimed[point.name],
                    second=point.value,
                )
            try:
                channels[point.name] = _load_one(point, environ)
            except Exception as error:  # noqa: BLE001  # a stranger's package may raise anything
                broken[point.name] = f"{type(error).__name__}: {error}"[:300]
                _log.warning("channel_broken", channel=point.name, error=type(error).__name__)
        return cls(channels, broken=broken)

    def get(self, name: str) -> Channel:
        """The channel of this name.

        Raises NotFoundError: `channel_broken` or `channel_not_found`.
        """
        channel = self._channels.get(name)
        if channel is not None:
            return channel
        if name in self.broken:
            raise NotFoundError("channel_broken", channel=name, reason=self.broken[name])
        raise NotFoundError("channel_not_found", channel=name)

    def names(self) -> tuple[str, ...]:
        """The names of the channels that work, sorted."""
        return tuple(sorted(self._channels))

    @property
    def variables(self) -> Mapping[str, str]:
        """Each LOA_ variable that an adapter reads, with its default."""
        found: dict[str, str] = {}
        for channel in self._channels.values():
            if isinstance(channel, Configurable):
                found.update(channel.variables)
        return found

    async def aclose(self) -> None:
        """Closes what the adapters keep open in the running loop; a later call opens it anew.

        For the end of a process or of a hub: adapters outlive hubs, and one that is configured anew
        drops the connections it had.
        """
        for channel in self._channels.values():
            if isinstance(channel, _KeepsOpen):
                await channel.aclose()


def _load_one(point: EntryPoint, environ: Mapping[str, str]) -> Channel:
    loaded: object = point.load()
    missing = [name for name in _NEEDED if not hasattr(loaded, name)]
    if missing:
        raise TypeError(f"not a channel, lacks {', '.join(missing)}")
    channel = cast(Channel, loaded)
    if channel.name != point.name:
        raise TypeError(f"calls itself {channel.name!r}, its entry point {point.name!r}")
    if isinstance(channel, Configurable):
        channel.configure(
            {name: environ.get(name) or default for name, default in channel.variables.items()}
        )
    return channel
