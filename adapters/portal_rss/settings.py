"""What an admin fills in to open a feed for a web portal."""

import unicodedata
from typing import Annotated, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
)

_HTTP = TypeAdapter(AnyHttpUrl)


def _composed(value: object) -> object:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else value


def _http_if_any(value: object) -> object:
    return _http(value) if isinstance(value, str) and value.strip() else value


def _http(value: object) -> object:
    if isinstance(value, str):
        _HTTP.validate_python(value)
    return value


Words = Annotated[str, BeforeValidator(_composed)]

Kind = Literal["news", "document", "bulletin", "multimedia", "warning", "rebuttal"]


class PortalSettings(BaseModel):
    """One feed of ours: its address and name, and which items may enter it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: Annotated[Words, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)] = Field(
        title="Tên trong địa chỉ",
        description="Chữ thường không dấu, số và gạch nối; ví dụ: cong-thong-tin. "
        "Nguồn tin sẽ nằm ở /feeds/cong-thong-tin/rss.xml.",
    )
    title: Annotated[Words, Field(min_length=1, max_length=200)] = Field(
        title="Tên nguồn tin",
        description="Tên mà cổng và người đọc nhìn thấy; ví dụ: Tin từ UBND tỉnh Hoa Sen.",
    )
    link: Annotated[Words, BeforeValidator(_http), Field(max_length=500)] = Field(
        title="Địa chỉ cổng",
        description="Trang chủ của cổng đọc nguồn tin này, bắt đầu bằng https://.",
    )
    look_at: Annotated[Words, BeforeValidator(_http_if_any), Field(max_length=500)] = Field(
        default="",
        title="Trang để xem lại",
        description="Không bắt buộc. Trang (hoặc nguồn tin) của cổng nơi tin mới hiện ra. Vài phút "
        "sau mỗi lần đăng, Loa mở trang này như một người đọc để biết tin đã hiện hay chưa.",
    )
    categories: tuple[Words, ...] = Field(
        default=(),
        title="Chỉ nhận chuyên mục",
        description="Để trống nếu cổng nhận mọi chuyên mục.",
    )
    kinds: tuple[Kind, ...] = Field(
        default=(),
        title="Chỉ nhận loại tin",
        description="Để trống nếu cổng nhận mọi loại tin.",
    )


class PortalCredentials(BaseModel):
    """A feed is public; the key only tells a portal's own fetches from everybody else's."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    fetch_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        max_length=200,
        title="Khoá đọc",
        description="Không bắt buộc. Khi có, chỉ lần đọc kèm ?key=… mới được tính là cổng đã lấy "
        "tin. Ít nhất 16 ký tự ngẫu nhiên.",
    )
