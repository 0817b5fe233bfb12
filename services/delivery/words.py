"""What a person reads about a code: what happened, what it means, what to do next.

Vietnamese is the source, English second; the tables are `problem_words.py` and `refusal_words.py`.
A code without words gets an honest text that names it, never a raw exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.delivery import problem_words, refusal_words

# What stands in place of a value that whoever asks does not know.
_GAP: Final = "…"

# Words of ours that errors carry as values, for a Vietnamese reader.
_TERMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "editor": "biên tập",
        "approver": "người duyệt",
        "responder": "người trả lời",
        "admin": "quản trị",
        "leader": "lãnh đạo",
        "auditor": "kiểm tra",
        "draft": "bản nháp",
        "review": "chờ duyệt",
        "returned": "cần sửa",
        "approved": "đã duyệt",
        "stopped": "đã dừng",
        "superseded": "đã có bản mới hơn",
        "scheduled": "đã lên lịch",
        "pending": "đang chờ",
        "sending": "đang gửi",
        "uncertain": "chưa rõ kết quả",
        "undecided": "chờ người quyết định",
        "live": "đang hiện",
        "withdrawn": "đã gỡ",
        "failed": "không đăng được",
        "expired": "quá hạn",
    }
)
_TERM_VALUES: Final = frozenset({"roles", "state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The three parts of every message about trouble (console-ux.md section 7)."""

    happened: str
    effect: str
    next: str


def problem(code: str, locale: str, **values: object) -> Words:
    """The words for a publication's problem or an account's pause; any `locale` but `en` is `vi`.

    For codes of `Trouble.code` and `Pause.code`, and for kinds of drift.
    """
    pair = problem_words.TABLE.get(code, problem_words.UNKNOWN)
    happened, effect, following = pair[1] if locale == "en" else pair[0]
    filled = _filled(values, locale, code)
    return Words(
        happened=happened.format_map(filled),
        effect=effect.format_map(filled),
        next=following.format_map(filled),
    )


def refusal(code: str, locale: str, **values: object) -> str:
    """The words for what a room refused: one line, what happened first, what to do last."""
    pair = refusal_words.TABLE.get(code, refusal_words.UNKNOWN)
    told = pair[1] if locale == "en" else pair[0]
    return told.format_map(_filled(values, locale, code))


class _Values(dict[str, object]):
    """Values for the placeholders; a missing one shows as a gap instead of breaking the page."""

    def __missing__(self, name: str) -> object:
        return _GAP


def _filled(values: Mapping[str, object], locale: str, code: str) -> _Values:
    told = {name: _term(name, value, locale) for name, value in values.items()}
    return _Values(told | {"code": code})


def _term(name: str, value: object, locale: str) -> object:
    if locale == "en" or name not in _TERM_VALUES:
        return value
    return ", ".join(_TERMS.get(one, one) for one in str(value).split(", "))
