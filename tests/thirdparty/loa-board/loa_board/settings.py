"""What an admin gives to connect a notice board."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from shared.contract.messages import Account


class BoardSettings(BaseModel):
    """Which board is ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    board: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = Field(
        title="Tên bảng", description="Tên trong địa chỉ của bảng tin; ví dụ: thon-dong."
    )


class BoardCredentials(BaseModel):
    """The key that opens the board."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[SecretStr, Field(min_length=8)] = Field(
        title="Khoá bảng", description="Do người giữ bảng cấp."
    )


def settings_of(account: Account) -> BoardSettings:
    """The account's settings in our own form."""
    if not isinstance(account.settings, BoardSettings):
        raise TypeError("not the settings of a notice board")
    return account.settings


def key_of(account: Account) -> str:
    """The account's key."""
    if not isinstance(account.credentials, BoardCredentials):
        raise TypeError("not the credentials of a notice board")
    return account.credentials.key.get_secret_value()
