"""Words of this door, in Vietnamese and English; the rooms' refusals have theirs in `delivery`."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from services.delivery import words

Language: TypeAlias = Literal["vi", "en"]

_BORDER: Final = " · "  # rooms write a field's fault as `Vietnamese · English`

# code → (title, what happened and what to do), Vietnamese first. Codes that this door alone uses.
_DOOR: Final[Mapping[str, tuple[str, str]]] = {
    "unauthenticated": (
        "Bạn chưa đăng nhập, hoặc phiên đã kết thúc. Hãy đăng nhập rồi làm lại.",
        "You are not signed in, or the session has ended. Sign in and try again.",
    ),
    "route_not_found": ("Không có địa chỉ này.", "There is no such address."),
    "method_not_allowed": (
        "Địa chỉ này không nhận cách gọi đó.",
        "This address does not take that method.",
    ),
    "precondition_required": (
        "Thiếu tiêu đề If-Match. Hãy đọc lại tin và gửi kèm ETag đã nhận.",
        "The If-Match header is missing. Read the item and send the ETag it came with.",
    ),
    "content_type": (
        "Kiểu nội dung không nhận được. Hãy gửi application/json.",
        "This content type is not accepted. Send application/json.",
    ),
    "idempotency_mismatch": (
        "Khoá Idempotency-Key này đã dùng cho một yêu cầu khác. Hãy dùng khoá mới.",
        "This Idempotency-Key was used for another request. Use a new one.",
    ),
    "idempotency_running": (
        "Yêu cầu cùng khoá này đang được xử lý. Hãy đợi rồi hỏi lại.",
        "A request with this key is still running. Wait, then ask again.",
    ),
    "unavailable": (
        "Loa tạm thời chưa làm được việc này. Hãy xem lại sau ít phút rồi thử lại nếu cần.",
        "Loa cannot do this at the moment. Look again in a few minutes, then try if needed.",
    ),
    "internal": (
        "Loa gặp lỗi ngoài dự tính. Hãy thử lại; nếu còn lỗi, hãy báo mã yêu cầu cho quản trị.",
        "Loa met an unexpected error. Try again; if it persists, tell an admin the request id.",
    ),
}

_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    401: ("Cần đăng nhập", "Sign-in needed"),
    403: ("Không được phép", "Not allowed"),
    404: ("Không tìm thấy", "Not found"),
    405: ("Cách gọi không nhận", "Method not allowed"),
    409: ("Chưa làm được lúc này", "Not possible now"),
    412: ("Bản đã cũ", "Stale version"),
    413: ("Quá lớn", "Too large"),
    415: ("Kiểu nội dung không nhận", "Content type not accepted"),
    422: ("Chưa nhận được", "Cannot be accepted"),
    428: ("Thiếu điều kiện", "Precondition needed"),
    429: ("Quá nhiều lần", "Too many tries"),
    500: ("Lỗi ngoài dự tính", "Unexpected error"),
    502: ("Kênh chưa trả lời", "The channel did not answer"),
    503: ("Tạm thời chưa làm được", "Not available now"),
}


def language_of(accept_language: str | None, otherwise: str = "vi") -> Language:
    """The reader's language by `Accept-Language`; the person's own setting when it says nothing."""
    best, language = 0.0, ""
    for part in (accept_language or "").split(","):
        tag, _, weight = part.strip().partition(";")
        name = tag.strip().lower().split("-")[0]
        try:
            q = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if name in ("vi", "en") and q > best:
            best, language = q, name
    return "en" if (language or otherwise) == "en" else "vi"


def title(status: int, language: Language) -> str:
    """The title of an error page of this status."""
    pair = _TITLES.get(status, _TITLES[500])
    return pair[0] if language == "vi" else pair[1]


def channel(code: str, language: Language) -> str:
    """What a channel said to a call that a person waits for, and what to do next."""
    told = words.problem(code, language)
    return f"{told.happened} {told.next}"


def detail(code: str, language: Language, values: Mapping[str, object]) -> str:
    """What happened and what to do next, for a person."""
    pair = _DOOR.get(code)
    if pair is None:
        return words.refusal(code, language, **values)
    return pair[0] if language == "vi" else pair[1]


def trouble(code: str, language: Language, **values: object) -> words.Words:
    """What is wrong with a publication: what happened, what it means, what to do next."""
    return words.problem(code, language, **values)


def side(told: str, language: Language) -> str:
    """The half of a room's `Vietnamese · English` that the reader understands, or the whole."""
    vietnamese, border, english = told.partition(_BORDER)
    return english if border and language == "en" else vietnamese


def door_codes() -> Iterable[str]:
    """The codes that have their words here, for the test that none is missing."""
    return _DOOR.keys()
