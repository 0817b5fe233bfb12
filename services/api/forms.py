"""What may come in over JSON: no unknown field, clean texts, instants that know their zone."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from shared.text import clean, comparable, one_line

ACCOUNTS_NAMED: Final = 5_000


def _not_blank(text: str) -> str:
    if not comparable(text):  # nothing but invisible characters is blank to its reader
        raise PydanticCustomError("blank", "must not be blank")
    return text


def _tidy(text: str) -> str:
    return clean(text).strip()


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _sound(value: JsonValue) -> JsonValue:
    """The same JSON with clean texts: what no database can store does not get further than here."""
    match value:
        case str():
            return clean(value)
        case list():
            return [_sound(one) for one in value]
        case dict():
            return {clean(name): _sound(one) for name, one in value.items()}
        case _:
            return value


def _sound_object(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {clean(name): _sound(one) for name, one in value.items()}


Instant: TypeAlias = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
    AfterValidator(_in_utc),
]
Words: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1_000),
    AfterValidator(_tidy),
    AfterValidator(_not_blank),
]
Note: TypeAlias = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_tidy)]
Name: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
]
JsonObject: TypeAlias = Annotated[dict[str, JsonValue], AfterValidator(_sound_object)]
AccountIds: TypeAlias = Annotated[list[UUID], Field(min_length=1, max_length=ACCOUNTS_NAMED)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SessionForm(_Form):
    """What a person signs in with; `otp` once a second factor is enrolled."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=254), AfterValidator(clean)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1_000)]
    otp: Annotated[str, StringConstraints(max_length=20)] | None = None


class AccountForm(_Form):
    """An account to connect. The channel's own schemas (`GET /channels`) judge the two objects."""

    unit: Name
    channel: Name
    name: Name
    settings: JsonObject
    credentials: JsonObject = {}


class AccountChanges(_Form):
    """What changes of an account; what is absent or null stays, single secrets too."""

    name: Name | None = None
    settings: JsonObject | None = None
    credentials: JsonObject | None = None


class ReasonForm(_Form):
    """Why; the record keeps it."""

    reason: Words


class SubmitBody(_Form):
    """Where, from when until when, how urgent, and a word to the approver."""

    accounts: AccountIds
    publish_at: Instant | None = None
    expires_at: Instant | None = None
    urgent: bool = False
    note: Note = ""


class ApproveForm(_Form):
    """The revision agreed to, and the hash of each rendition as it was seen."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]
    seen: Annotated[
        dict[UUID, Annotated[str, StringConstraints(max_length=128)]],
        Field(max_length=ACCOUNTS_NAMED),
    ]


class WithdrawForm(_Form):
    """Why, and from where: all accounts when none is named."""

    reason: Words
    accounts: AccountIds | None = None


class FoundForm(_Form):
    """The post is there, under this id."""

    outcome: Literal["found"]
    remote_id: Name


class NotFoundForm(_Form):
    """The post is not there (`absent`), or nothing more shall be tried (`stop`)."""

    outcome: Literal["absent", "stop"]


DecideForm: TypeAlias = Annotated[FoundForm | NotFoundForm, Field(discriminator="outcome")]


class FreezeForm(_Form):
    """Why everything is held, and until when at most."""

    reason: Words
    until: Instant | None = None
