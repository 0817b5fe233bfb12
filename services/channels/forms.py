"""Checks what an admin gives to connect an account, and turns it into what is kept."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, JsonValue, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import FieldError, InvalidError

_WORDS: Final[Mapping[str, str]] = {
    "missing": "Cần điền mục này · This is required",
    "extra_forbidden": "Không có mục này · There is no such field",
    "string_too_short": "Quá ngắn · Too short",
    "string_too_long": "Quá dài · Too long",
    "too_short": "Quá ngắn · Too short",
    "too_long": "Quá dài · Too long",
    "string_pattern_mismatch": "Sai dạng · Not in the expected form",
    "string_type": "Phải là chữ · Text is expected",
}
_OTHERWISE: Final = "Giá trị không hợp lệ · This value cannot be used"


def checked(form: type[BaseModel], values: object, *, part: str) -> BaseModel:
    """The values as the channel's form; raises InvalidError with one FieldError for each fault.

    `part` (`settings`, `credentials`) begins the name of each field. No message repeats a value:
    it may be a secret.
    """
    try:
        return form.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    raise InvalidError(
        f"{part}_invalid", fields=tuple(_field_error(fault, part) for fault in faults)
    )


def kept_settings(settings: BaseModel) -> dict[str, JsonValue]:
    """The settings as they stand in the table."""
    kept: dict[str, JsonValue] = settings.model_dump(mode="json", by_alias=True)
    return kept


def kept_credentials(credentials: BaseModel) -> bytes:
    """The credentials as they are sealed: JSON with secrets in clear, for `Sealer.seal` only."""
    return json.dumps(credentials.model_dump(by_alias=True), default=_bare).encode()


def secrets_of(credentials: BaseModel) -> dict[str, JsonValue]:
    """The secrets of a form in clear, by the names under which the form takes them."""
    return {
        field.alias or name: _bare(value)
        for name, field in type(credentials).model_fields.items()
        if isinstance(value := getattr(credentials, name), SecretStr | SecretBytes)
    }


def _bare(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case SecretBytes():
            return value.get_secret_value().decode()
        case datetime() | date():
            return value.isoformat()
        case _:
            return str(value)


def _field_error(fault: ErrorDetails, part: str) -> FieldError:
    return FieldError(
        field=".".join((part, *map(str, fault["loc"]))),
        code=fault["type"],
        detail=_WORDS.get(fault["type"], _OTHERWISE),
    )
