"""What an admin gives to connect an Official Account; titles and hints feed the connect form."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from shared.contract.messages import Account
from shared.text import one_line

_ID = r"^[0-9A-Za-z_-]{1,64}$"
_HEADER_SAFE = re.compile(r"[\x21-\x7e]*")
_ADVANCED: JsonDict = {"advanced": True}


def _sealed(secret: SecretStr) -> SecretStr:
    """A secret without the blanks of a hasty paste; it travels in a header, so ASCII only."""
    value = secret.get_secret_value().strip()
    if not _HEADER_SAFE.fullmatch(value):
        raise ValueError("chỉ gồm chữ, số và dấu không có khoảng trắng")
    return SecretStr(value)


Secret = Annotated[SecretStr, AfterValidator(_sealed)]
Line = Annotated[str, AfterValidator(one_line)]


class ZaloSettings(BaseModel):
    """What is not secret about one connected OA."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        coerce_numbers_to_str=True,  # ids exceed 2^53, and people paste them without quotes
        title="Zalo Official Account",
    )

    oa_id: str = Field(
        pattern=_ID,
        title="Mã OA (OA ID)",
        description="Dãy số ở trang quản lý OA (oa.zalo.me), mục Thông tin tài khoản.",
    )
    app_id: str = Field(
        pattern=_ID,
        title="Mã ứng dụng (App ID)",
        description="Dãy số của ứng dụng ở developers.zalo.me đã liên kết với OA này.",
    )
    author: Line = Field(
        default="",
        max_length=50,
        title="Tên tác giả",
        description="Hiển thị dưới tiêu đề bài viết, tối đa 50 ký tự. Để trống: tên cơ quan.",
    )
    comments: Literal["show", "hide"] = Field(
        default="show",
        title="Bình luận",
        description="show: người đọc được bình luận dưới bài; hide: tắt. "
        "Zalo chỉ cho kiểm duyệt bình luận ở trang quản lý OA.",
    )
    pkce: Literal["per_request", "none"] = Field(
        default="per_request",
        title="PKCE khi uỷ quyền",
        description="none: chỉ khi Zalo từ chối uỷ quyền vì code_challenge.",
        json_schema_extra=_ADVANCED,
    )
    appsecret_proof: bool = Field(
        default=False,
        title="Gửi appsecret_proof",
        description="Bật khi ứng dụng bắt buộc appsecret_proof cho mọi lời gọi.",
        json_schema_extra=_ADVANCED,
    )
    poll_seconds: float = Field(
        default=3.0,
        ge=0,
        le=60,
        title="Nhịp hỏi lại (giây)",
        description="Khoảng chờ đầu tiên khi Zalo đang xử lý bài; các lần sau giãn dần.",
        json_schema_extra=_ADVANCED,
    )


class ZaloCredentials(BaseModel):
    """The secrets of one OA. The two tokens may be empty until an OA admin has consented.

    `issued_at` is when the refresh token was made (it lives about three months), `expires_at` when
    the access token ends; both None for tokens typed in by hand.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_secret: Secret = Field(
        min_length=1,
        title="Khoá bí mật của ứng dụng (Secret Key)",
        description="Ở developers.zalo.me, trang Cài đặt của ứng dụng.",
    )
    access_token: Secret = Field(
        default=SecretStr(""),
        title="Access token",
        description="Tự có sau khi uỷ quyền; hoặc lấy ở API Explorer.",
    )
    refresh_token: Secret = Field(
        default=SecretStr(""),
        title="Refresh token",
        description="Đi cùng access token. Mỗi mã chỉ dùng được một lần, Loa tự thay mã mới.",
    )
    oa_secret_key: Secret = Field(
        default=SecretStr(""),
        title="OA Secret Key",
        description="Hiện ra sau khi lưu địa chỉ webhook; dùng để kiểm tra chữ ký sự kiện.",
    )
    oa_secret_key_previous: Secret = Field(
        default=SecretStr(""),
        title="OA Secret Key cũ",
        description="Chỉ điền trong lúc đổi khoá.",
        json_schema_extra=_ADVANCED,
    )
    issued_at: AwareDatetime | None = Field(
        default=None, title="Lúc cấp refresh token", json_schema_extra=_ADVANCED
    )
    expires_at: AwareDatetime | None = Field(
        default=None, title="Lúc access token hết hạn", json_schema_extra=_ADVANCED
    )


def settings_of(account: Account) -> ZaloSettings:
    """The account's settings in our own form; anything else is a mistake of the caller."""
    if not isinstance(account.settings, ZaloSettings):
        raise TypeError("not the settings of a Zalo OA")
    return account.settings


def credentials_of(account: Account) -> ZaloCredentials:
    """The account's secrets in our own form; anything else is a mistake of the caller."""
    if not isinstance(account.credentials, ZaloCredentials):
        raise TypeError("not the credentials of a Zalo OA")
    return account.credentials
