"""Which item of the demo ends in which state, by whose hands, and with which words."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias

Channel: TypeAlias = Literal["zalo_oa", "facebook_page", "portal_rss"]

_EVERYWHERE: Final[tuple[Channel, ...]] = ("zalo_oa", "facebook_page", "portal_rss")
_HA: Final = "ha@hoasen.example"
_QUAN: Final = "quan@hoasen.example"
_YEN: Final = "yen@hoasen.example"
_MAI: Final = "mai@hoasen.example"


class Outcome(StrEnum):
    """How an item of the demo ends; `corrected` is published, and then published again."""

    DRAFT = "draft"
    REVIEW = "review"
    RETURNED = "returned"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoItem:
    """One file of `items/` and its way.

    `note` is what people read: the reason of a return or withdrawal, the dated note of a
    correction, the message at submission otherwise; it may be empty. `publish_in` counts from the
    start of the demo. `refused_by` are the channels that must refuse this item for its outcome.
    `replace` is a correction: this text of the body becomes that. `approver_email` is whoever
    approves, returns and withdraws; None where it does not come to that.
    """

    file: str
    outcome: Outcome
    author_email: str
    approver_email: str | None
    note: str = ""
    channels: tuple[Channel, ...] = _EVERYWHERE
    refused_by: tuple[Channel, ...] = ()
    publish_in: timedelta | None = None
    replace: tuple[str, str] | None = None


# In the order in which they are driven, so that the newest on the channels is the urgent one.
ITEMS: Final[tuple[DemoItem, ...]] = (
    DemoItem(
        file="02-quy-che-tra-loi-phan-anh.md",
        outcome=Outcome.PUBLISHED,
        author_email=_YEN,
        approver_email=_QUAN,
        note="Đã đối chiếu số, ký hiệu và ngày hiệu lực với bản ký số.",
    ),
    DemoItem(
        file="09-lich-tiem-vac-xin-soi.md",
        outcome=Outcome.WITHDRAWN,
        author_email=_HA,
        approver_email=_QUAN,
        note="Lịch tiêm thay đổi do tránh bão; lịch mới sẽ được thông báo sau ngày 24/11/2026.",
    ),
    DemoItem(
        file="01-trung-tam-hanh-chinh-cong.md",
        outcome=Outcome.PUBLISHED,
        author_email=_HA,
        approver_email=_QUAN,
    ),
    DemoItem(
        file="03-ban-tin-cai-cach-hanh-chinh-so-11.md",
        outcome=Outcome.PARTIAL,
        author_email=_HA,
        approver_email=_YEN,
        refused_by=("facebook_page",),
    ),
    DemoItem(
        file="06-canh-bao-gia-danh-can-bo.md",
        outcome=Outcome.CORRECTED,
        author_email=_HA,
        approver_email=_QUAN,
        note="Đính chính số đường dây nóng: số đúng là 0200 3900 113.",
        replace=("0200 3900 131", "0200 3900 113"),
    ),
    DemoItem(
        file="10-truyen-thanh-thong-minh.md",
        outcome=Outcome.FAILED,
        author_email=_YEN,
        approver_email=_QUAN,
        channels=("zalo_oa",),
        refused_by=("zalo_oa",),
    ),
    DemoItem(
        file="08-phan-bac-thu-phi-doi-giay-to.md",
        outcome=Outcome.PUBLISHED,
        author_email=_HA,
        approver_email=_YEN,
        note="Văn thư đã xác nhận số hiệu trong hình chụp không có trong sổ văn bản.",
    ),
    DemoItem(
        file="05-tin-khan-bao.md",
        outcome=Outcome.PUBLISHED,
        author_email=_YEN,
        approver_email=_QUAN,
        note="Tin khẩn, đăng ngay trên mọi kênh.",
    ),
    DemoItem(
        file="07-nang-cap-cong-dich-vu-cong.md",
        outcome=Outcome.SCHEDULED,
        author_email=_HA,
        approver_email=_QUAN,
        publish_in=timedelta(days=2),
    ),
    DemoItem(
        file="11-phan-luong-cau-ngan-giang.md",
        outcome=Outcome.RETURNED,
        author_email=_HA,
        approver_email=_QUAN,
        note="Thiếu lộ trình cho xe tải trên 10 tấn và số điện thoại trực; đề nghị bổ sung.",
    ),
    DemoItem(
        file="04-phong-su-anh-mua-gat.md",
        outcome=Outcome.REVIEW,
        author_email=_HA,
        approver_email=None,
        note="Nhờ anh Quân xem giúp chú thích ảnh trước khi đăng sáng mai.",
    ),
    DemoItem(
        file="12-kham-suc-khoe-nguoi-cao-tuoi.md",
        outcome=Outcome.DRAFT,
        author_email=_MAI,
        approver_email=None,
    ),
)
