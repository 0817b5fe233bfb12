"""What a Facebook Page account is told when it is connected: its settings and its secrets."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from shared.contract.messages import Account

DEFAULT_VERSION = "v25.0"

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


def _trimmed(value: object) -> object:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else value


def _header_safe(secret: SecretStr) -> SecretStr:
    # A secret travels in a header and in a query: a pasted line break must not get that far.
    if not _VISIBLE_ASCII.fullmatch(secret.get_secret_value()):
        raise ValueError("Chỉ gồm chữ, số và dấu ASCII, không có khoảng trắng · visible ASCII only")
    return secret


Secret = Annotated[SecretStr, BeforeValidator(_trimmed), AfterValidator(_header_safe)]
# Graph ids are strings of digits (facebook-pages-api.md 1, "Ids"); a Page's @name is not its id.
GraphId = Annotated[str, BeforeValidator(_trimmed), Field(pattern=r"^[0-9]{1,32}$")]
GraphVersion = Annotated[str, BeforeValidator(_trimmed), Field(pattern=r"^v[0-9]{1,3}\.0$")]


class FacebookSettings(BaseModel):
    """Which Page is ours, through which app, and in which version of the Graph API.

    The version is pinned because an expired one does not fail: it is answered by another
    (facebook-pages-api.md section 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, title="Trang Facebook")

    page_id: GraphId = Field(
        title="Mã trang",
        description="Dãy số của trang, ở mục Giới thiệu › Tính minh bạch của trang.",
    )
    app_id: GraphId = Field(
        title="Mã ứng dụng",
        description="App ID trên developers.facebook.com; bài do ứng dụng này đăng là bài của ta.",
    )
    graph_version: GraphVersion = Field(
        default=DEFAULT_VERSION,
        title="Phiên bản Graph API",
        description="Để nguyên nếu không có lý do; dạng v25.0.",
    )


class FacebookCredentials(BaseModel):
    """The Page's token, the app's secret that signs each call, and the word of the webhook."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, title="Khoá của trang Facebook"
    )

    page_token: Secret = Field(
        title="Mã truy cập trang",
        description=(
            "Page token lấy từ người dùng hệ thống (System User) hoặc từ mã người dùng dài hạn; "
            "cần quyền pages_manage_posts và pages_read_engagement."
        ),
    )
    app_secret: Secret = Field(
        title="Khoá bí mật ứng dụng",
        description="App Secret: ký mỗi lần gọi và kiểm tra chữ ký webhook.",
    )
    verify_token: Secret = Field(
        title="Từ xác minh webhook",
        description="Chuỗi tự đặt, nhập giống hệt ở mục Webhooks của ứng dụng.",
    )


def settings_of(account: Account) -> FacebookSettings:
    """The settings of an account of this channel; anything else is a wiring error of ours."""
    if not isinstance(account.settings, FacebookSettings):
        raise TypeError("not the settings of a Facebook Page")
    return account.settings


def credentials_of(account: Account) -> FacebookCredentials:
    """The secrets of an account of this channel; anything else is a wiring error of ours."""
    if not isinstance(account.credentials, FacebookCredentials):
        raise TypeError("not the credentials of a Facebook Page")
    return account.credentials
