"""What the operator set: every LOA_ variable of contract.md section 3, read once, at the door.

A start is refused, with one line that names the variable and why, rather than run on a guess.
"""

import itertools
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.delivery.hub import Rules
from shared.errors import LoaError

PREFIX: Final = "LOA_"
_ABSENCE_SECONDS: Final = {"zalo_oa": 300.0, "facebook_page": 600.0}
_KEY_CHARS: Final = 32
_KEY_LETTERS: Final = 8
# What people write into a file to be changed later, and then do not change.
_PLACEHOLDER = re.compile(
    r"change.?me|change.?this|replace.?(me|this)|placeholder|(your|my).{0,8}(secret|key)"
    r"|^(secret|password|test|x+|0+|\*+|1234567890+)$|mat.?khau|doi.?(khoa|toi)"
    # These words may also name a real key, if enough stands beside them.
    r"|^.{0,12}(secret.?key|example).{0,23}$",
    re.IGNORECASE,
)
_DATABASE_SCHEMES: Final = ("postgresql", "postgres")
_HOST_AND_PORT = re.compile(r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}")
_REDIS_SCHEMES: Final = ("redis", "rediss", "unix")


class SettingsError(LoaError):
    """A variable keeps Loa from starting; `variable` and `reason` say which one and why."""

    default_code = "settings"

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__("settings", variable=variable, reason=reason)
        self.variable = variable
        self.reason = reason


def _refused(reason: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


def _numbers(value: object) -> object:
    """`5,20,60` as numbers of seconds that grow."""
    if not isinstance(value, str):
        return value
    try:
        seconds = tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise _refused(
            "cần các số giây, cách nhau bằng dấu phẩy · numbers of seconds, separated by commas"
        ) from error
    if any(now <= before for before, now in itertools.pairwise(seconds)):
        raise _refused("các số phải tăng dần · the numbers must grow")
    return seconds


def _by_channel(value: object) -> object:
    """`zalo_oa=300,facebook_page=600` as seconds by channel."""
    if not isinstance(value, str):
        return value
    found: dict[str, float] = {}
    for part in value.split(","):
        channel, sign, seconds = part.strip().partition("=")
        try:
            found[channel.strip()] = float(seconds)
        except ValueError:
            sign = ""
        if not sign or not channel.strip():
            raise _refused(
                "cần dạng kênh=giây,kênh=giây · channel=seconds,channel=seconds is expected"
            )
    return found


def hosts(value: str) -> frozenset[str]:
    """`127.0.0.1:8081,[::1]:8081` as hosts with their ports, the way a Guard compares them."""
    told = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
    if not all(_HOST_AND_PORT.fullmatch(host) for host in told):
        raise _refused("cần dạng máy:cổng,máy:cổng · host:port,host:port is expected")
    return frozenset(host.replace("[", "").replace("]", "") for host in told)


def _hosts(value: object) -> object:
    return hosts(value) if isinstance(value, str) else value


def _web_addresses(value: object) -> object:
    """`https://hub.one/,https://hub.two/` as addresses of the web."""
    if not isinstance(value, str):
        return value
    told = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    parts = [urlsplit(one) for one in told]
    if any(one.scheme not in ("http", "https") or not one.hostname for one in parts):
        raise _refused("cần dạng https://máy/…,https://máy/… · https addresses, with commas")
    return told


def _ports_are_numbers(netloc: str) -> bool:
    """Whether each of the servers, separated by commas, has a port that can be or none."""
    try:
        return all(urlsplit(f"//{one}").port != 0 for one in netloc.rpartition("@")[2].split(","))
    except ValueError:
        return False


Seconds: TypeAlias = Annotated[float, Field(gt=0, le=7 * 86400)]


class Settings(BaseSettings):
    """The LOA_ variables of this process. Secrets print as stars."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("loa-data")
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    secret_key: SecretStr | None = None
    secret_key_previous: SecretStr | None = None
    public_url: str | None = None
    publish_hold_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    lane_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    runaway_per_hour: Annotated[int, Field(ge=0)] = 60
    calls_per_minute: Annotated[int, Field(ge=0)] = 120
    look_schedule: Annotated[
        tuple[Seconds, ...], NoDecode, BeforeValidator(_numbers), Field(min_length=1, max_length=20)
    ] = (5, 20, 60, 180, 600, 1800)
    absence_seconds: Annotated[Mapping[str, Seconds], NoDecode, BeforeValidator(_by_channel)] = (
        Field(default_factory=lambda: dict(_ABSENCE_SECONDS))
    )
    timezone: str = "Asia/Ho_Chi_Minh"
    log_format: Literal["text", "json"] | None = None
    worker_concurrency: Annotated[int, Field(ge=1, le=2000)] = 50
    feed_deltas: bool = True
    fetch_inside: Annotated[frozenset[str], NoDecode, BeforeValidator(_hosts)] = frozenset()
    websub_hubs: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_web_addresses)] = ()

    @field_validator("secret_key", "secret_key_previous")
    @classmethod
    def _key_is_real(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return None
        text = key.get_secret_value().strip()
        placeholder = _PLACEHOLDER.search(text)
        if len(text) < _KEY_CHARS and not placeholder:
            raise _refused(
                f"quá ngắn, cần từ {_KEY_CHARS} ký tự · too short, {_KEY_CHARS} characters needed"
            )
        if placeholder or len(set(text)) < _KEY_LETTERS:
            raise _refused("còn là giá trị mẫu · it is still a placeholder")
        return SecretStr(text)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        parts = urlsplit(url.get_secret_value())
        if (
            parts.scheme not in _DATABASE_SCHEMES
            or not parts.path.strip("/")
            or not _ports_are_numbers(parts.netloc)
        ):
            raise _refused("cần dạng postgresql://user:password@host/name · that form is expected")
        return SecretStr(parts._replace(scheme="postgresql").geturl())

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in _REDIS_SCHEMES:
            raise _refused("cần dạng redis://máy:cổng/0 · redis://host:port/0 is expected")
        return url

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            raise _refused("cần dạng https://tên-miền · https://your-domain is expected")
        return url.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise _refused("không có múi giờ này · there is no such time zone") from error
        return name

    @property
    def embedded(self) -> bool:
        """Whether the database is the one in the data folder."""
        return self.database_url is None

    def rules(self) -> Rules:
        """The numbers of delivery, as the loop takes them."""
        return Rules(
            hold=timedelta(seconds=self.publish_hold_seconds),
            lane=timedelta(seconds=self.lane_seconds),
            runaway_per_hour=self.runaway_per_hour,
            calls_per_minute=self.calls_per_minute,
            look_schedule=tuple(timedelta(seconds=seconds) for seconds in self.look_schedule),
            absence={
                channel: timedelta(seconds=seconds)
                # Whoever names one channel alone has said nothing of the others.
                for channel, seconds in {**_ABSENCE_SECONDS, **self.absence_seconds}.items()
            },
            concurrency=self.worker_concurrency,
        )


def read() -> Settings:
    """The settings of this process. Raises SettingsError for the first variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        variable = f"{PREFIX}{fault['loc'][0]}".upper()
        reason = (
            fault["msg"]
            if fault["type"] == "refused"
            else f"giá trị không dùng được · {fault['msg']}"
        )
        raise SettingsError(variable, reason) from None


def environment() -> Mapping[str, str]:
    """The LOA_ variables of this process, for the adapters to take theirs from."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def check_names(variables: Mapping[str, str]) -> None:
    """Raises SettingsError for a LOA_ name that neither Loa nor an adapter knows.

    `variables` are those of the adapters. A mistyped name would otherwise leave a default in force
    that nobody wanted.
    """
    own = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(set(environment()) - own - set(variables))
    if unknown:
        raise SettingsError(unknown[0], "Loa không có biến này · there is no such variable")
