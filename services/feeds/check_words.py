"""What is said to whoever asks “is it the agency's own?”: Vietnamese, then English."""

from dataclasses import dataclass
from typing import Final, Literal

from services.proof.checking import MOST_CHARS, Answer, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer in words; `care` is what a person should do now."""

    tone: Literal["ok", "warn", "bad", "plain"]
    heading: str
    detail: str
    english: str
    care: tuple[str, ...] = ()


_CARE: Final = (
    "Chưa chuyển tiền, chưa bấm liên kết, chưa gửi giấy tờ hay mã OTP cho ai vì nội dung này.",
    "Đừng chia sẻ tiếp khi chưa chắc chắn.",
    "Hỏi cơ quan qua số điện thoại hoặc kênh trong danh mục kênh chính thức.",
    "Nếu nghi ngờ lừa đảo, chụp lại màn hình và báo cơ quan công an nơi gần nhất.",
)
TOO_LONG: Final = Told(
    tone="plain",
    heading="Đoạn này dài quá",
    detail=f"Chỉ so được tối đa {MOST_CHARS:,} ký tự một lần (500 ký tự khi nằm trong địa chỉ). "
    "Hãy dán phần quan trọng nhất.".replace(",", "."),
    english=f"At most {MOST_CHARS:,} characters can be compared at a time (500 in an address). "
    "Paste the part that matters most.",
)
TOO_OFTEN: Final = Told(
    tone="plain",
    heading="Bạn hỏi hơi nhanh",
    detail="Vui lòng đợi ít giây rồi bấm lại; chữ bạn dán vẫn còn ở dưới.",
    english="Please wait a few seconds and ask again; your text is still below.",
)
_TOO_SHORT: Final = Told(
    tone="plain",
    heading="Chưa đủ chữ để kết luận",
    detail="Vài chữ có thể nằm trong nhiều tin khác nhau. Hãy dán cả đoạn, tiêu đề hoặc mã tin.",
    english="So few words may stand in many items. Paste a whole passage, a title or a code.",
)
_CURRENT: Final = Told(
    tone="ok",
    heading="Đúng là tin của cơ quan",
    detail="Tin dưới đây đang có hiệu lực. Chỉ mã hoặc liên kết được kiểm: hãy đọc bản gốc, hoặc "
    "dán cả đoạn chữ bạn nhận được để so từng chữ.",
    english="This is the agency's item, as it stands now. Only the code or link was checked: read "
    "the original, or paste the text you received.",
)
_CURRENT_TEXT: Final = Told(
    tone="ok",
    heading="Đúng là tin của cơ quan",
    detail="Từng chữ và con số trong đoạn này khớp với tin đang công bố.",
    english="Every word and figure of this text stands in the item as it is published now.",
)
_OUTDATED: Final = Told(
    tone="warn",
    heading="Đúng bản cũ, nhưng tin đã được đính chính",
    detail="Đoạn này khớp với một bản trước của tin. Nội dung hiện hành đã khác: hãy đọc bản mới.",
    english="This is an earlier wording of the item, which has been corrected since. Read it anew.",
)
_ALTERED: Final = Told(
    tone="bad",
    heading="Có chỗ khác với bản của cơ quan",
    detail="Đoạn này giống một tin của cơ quan nhưng đã bị thêm, bớt hoặc đổi. Chỗ khác được đánh "
    "dấu bên dưới; chỉ tin nội dung ở bản gốc.",
    english="This resembles an item of the agency, but words or figures differ, as marked. Trust "
    "only the original.",
)
_WITHDRAWN: Final = Told(
    tone="bad",
    heading="Tin này đã bị thu hồi",
    detail="Cơ quan từng công bố tin này và đã thu hồi. Xin không dùng và không chia sẻ tiếp.",
    english="The agency published this once and has withdrawn it. Please do not use or share it.",
)
_CHANNEL: Final = Told(
    tone="ok",
    heading="Đúng là địa chỉ chính thức",
    detail="Địa chỉ này thuộc cơ quan. Để kiểm một bài cụ thể, hãy dán liên kết hoặc chữ của bài.",
    english="This address belongs to the agency. To check one post, paste its link or its text.",
)
_CLOSED: Final = Told(
    tone="bad",
    heading="Không còn là kênh chính thức",
    detail="Kênh này từng thuộc cơ quan và đã đóng. Nội dung mới trên kênh này không phải của "
    "cơ quan.",
    english="This channel was the agency's once. What it shows now is not the agency's.",
    care=_CARE,
)
_UNKNOWN: Final = Told(
    tone="warn",
    heading="Không tìm thấy trong hồ sơ công bố của cơ quan",
    detail="Nội dung hoặc địa chỉ này không có trong những gì cơ quan đã công bố. Có thể nó không "
    "phải của cơ quan, hoặc đã bị viết lại quá nhiều.",
    english="This was not found in anything the agency has published. It may not be the agency's, "
    "or may have been rewritten. Do not send money, documents or codes because of it.",
    care=_CARE,
)
_IMITATES: Final = Told(
    tone="bad",
    heading="Địa chỉ này không phải của cơ quan",
    detail="Địa chỉ dùng mã của một tin có thật nhưng dẫn tới trang khác. Bản gốc ở liên kết dưới "
    "đây.",
    english="This address borrows the code of a real item but leads to a site that is not the "
    "agency's. The original is linked below.",
    care=_CARE,
)
_ONLY_LINKS: Final = Told(
    tone="bad",
    heading="Chữ này không phải của tin mà nó dẫn tới",
    detail="Đoạn chữ có liên kết hoặc mã của tin dưới đây, nhưng nội dung không có trong tin đó "
    "hay trong tin nào khác của cơ quan.",
    english="The text links to the item below or gives its code, but its words are not that "
    "item's, nor any other's.",
    care=_CARE,
)


def told(finding: Finding) -> Told:
    """The answer in words."""
    match finding.answer:
        case Answer.CURRENT:
            return _CURRENT_TEXT if finding.comparison else _CURRENT
        case Answer.OUTDATED:
            return _OUTDATED
        case Answer.ALTERED:
            return _ALTERED
        case Answer.WITHDRAWN:
            return _WITHDRAWN
        case Answer.CHANNEL:
            return _CHANNEL
        case Answer.CLOSED_CHANNEL:
            return _CLOSED
        case Answer.TOO_SHORT:
            return _TOO_SHORT
        case Answer.UNKNOWN:
            if finding.imitates:
                return _IMITATES
            return _ONLY_LINKS if finding.item else _UNKNOWN
