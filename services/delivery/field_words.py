"""What a person reads about one field of a form that cannot be accepted, Vietnamese and English.

The codes are those of pydantic, which checks every form.
"""

from collections.abc import Mapping
from typing import Final

# What the form library calls a fault → what a person reads.
TABLE: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("Cần có mục này", "This is required"),
    "extra_forbidden": ("Không có mục này", "There is no such field"),
    "blank": ("Không được để trống", "Must not be blank"),
    "json_invalid": ("Không phải JSON đúng", "Not valid JSON"),
    "string_type": ("Phải là chữ", "Text is expected"),
    "string_too_short": ("Quá ngắn", "Too short"),
    "string_too_long": ("Quá dài", "Too long"),
    "string_pattern_mismatch": ("Sai dạng", "Not in the expected form"),
    "too_short": ("Quá ít", "Too few"),
    "too_long": ("Quá nhiều", "Too many"),
    "literal_error": ("Không có lựa chọn này", "Not one of the choices"),
    "enum": ("Không có lựa chọn này", "Not one of the choices"),
    "uuid_parsing": ("Không phải mã đúng", "Not a valid id"),
    "web_address": (
        "Phải là địa chỉ web, bắt đầu bằng https://",
        "Must be a web address that begins with https://",
    ),
    "timezone_aware": ("Thiếu múi giờ, ví dụ Z", "The time zone is missing, for instance Z"),
    "bool_type": ("Phải là true hoặc false", "true or false is expected"),
    "int_type": ("Phải là số nguyên", "A whole number is expected"),
    "int_parsing": ("Phải là số nguyên", "A whole number is expected"),
}
_OTHER: Final = ("Giá trị không dùng được", "This value cannot be used")


def fault(code: str, language: str) -> str:
    """What is wrong with one field of a request."""
    pair = TABLE.get(code, _OTHER)
    return pair[1] if language == "en" else pair[0]
