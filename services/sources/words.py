"""How the last reading of a source went, and what is to be said about an entry, in two languages.

Wording: console-ux.md section 7; what happened, its effect, what to do next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Tone: TypeAlias = Literal["neutral", "amber", "blue", "green", "red"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing in words. `short` fits a chip, `long` says the effect and what to do."""

    short: str
    long: str
    tone: Tone


_Pair: TypeAlias = tuple[str, str]

_UNREACHABLE: Final[_Pair] = (
    "Chưa đọc được trang nguồn. Loa tự thử lại, thưa dần; tin đã có vẫn còn nguyên.",
    "The site could not be read. Loa tries again by itself, ever more rarely; nothing is lost.",
)

# code → (short, long, tone); placeholders are the values of `result_details`.
_RESULTS: Final[Mapping[str, tuple[_Pair, _Pair, Tone]]] = MappingProxyType(
    {
        "waiting": (
            ("Chưa đọc lần nào", "Not read yet"),
            ("Loa sẽ đọc nguồn này trong ít phút.", "Loa reads this source in a few minutes."),
            "neutral",
        ),
        "first": (
            ("Tốt", "Good"),
            (
                "Đã đọc lần đầu: {entries} tin có từ trước. Tin ra sau này sẽ hiện là tin mới.",
                "Read for the first time: {entries} entries from before. Later ones show as new.",
            ),
            "green",
        ),
        "read": (
            ("Tốt", "Good"),
            (
                "Đã đọc: {new} tin mới, {edited} tin được sửa ở nguồn.",
                "Read: {new} new entries, {edited} edited at the source.",
            ),
            "green",
        ),
        "same": (
            ("Tốt", "Good"),
            ("Đã hỏi: nguồn chưa có gì mới.", "Asked: nothing new at the source."),
            "green",
        ),
        "gone": (
            ("Nguồn đã đóng", "Closed"),
            (
                "Trang nguồn báo nguồn này đã bỏ hẳn (410), nên Loa ngừng đọc. Hãy tìm địa chỉ "
                "mới, hoặc bỏ nguồn này.",
                "The site says that this feed is gone for good (410), so Loa stopped reading it. "
                "Look for its new address, or remove it.",
            ),
            "red",
        ),
        "missing": (
            ("Không thấy nguồn", "Not found"),
            (
                "Trang nguồn báo không có địa chỉ này (404). Loa thử lại mỗi ngày, một tuần thì "
                "ngừng. Hãy kiểm tra địa chỉ.",
                "The site says that there is no such address (404). Loa tries daily and stops "
                "after a week. Check the address.",
            ),
            "amber",
        ),
        "lost": (
            ("Không thấy nguồn", "Not found"),
            (
                "Một tuần nay trang nguồn báo không có địa chỉ này (404), nên Loa ngừng đọc. Hãy "
                "tìm địa chỉ mới, hoặc bỏ nguồn này.",
                "For a week the site has said that there is no such address (404), so Loa stopped. "
                "Look for its new address, or remove it.",
            ),
            "red",
        ),
        "blocked": (
            ("Bị chặn", "Blocked"),
            (
                "Trang nguồn không cho chương trình đọc (mã {status}). Loa chỉ thử lại mỗi ngày "
                "một lần. Hãy nhờ đơn vị quản lý trang mở cho Loa đọc.",
                "The site does not let programs read it (status {status}). Loa tries once a day. "
                "Ask whoever runs the site to let Loa read.",
            ),
            "amber",
        ),
        "page": (
            ("Không phải RSS", "Not a feed"),
            (
                "Địa chỉ này trả về một trang web, không phải RSS; có thể trang đang chặn hoặc "
                "đang lỗi. Loa thử lại mỗi ngày một lần. Hãy kiểm tra địa chỉ.",
                "This address gives a web page and no feed; the site may be blocking or broken. "
                "Loa tries once a day. Check the address.",
            ),
            "amber",
        ),
        "busy": (
            ("Nguồn bận", "Busy"),
            (
                "Trang nguồn xin đợi (mã {status}). Loa đợi đúng như trang yêu cầu rồi thử lại.",
                "The site asks to wait (status {status}). Loa waits as long as it asks.",
            ),
            "amber",
        ),
        "server_error": (
            ("Nguồn đang lỗi", "Failing"),
            (
                "Trang nguồn đang lỗi (mã {status}). Loa tự thử lại, thưa dần.",
                "The site is failing (status {status}). Loa tries again, ever more rarely.",
            ),
            "amber",
        ),
        "churn": (
            ("Cần bạn xem", "Needs you"),
            (
                "Nguồn đổi mã của {count} tin cũ (thường do đổi hệ thống), nên Loa dừng để không "
                "nhập trùng. Nếu đúng là tin cũ, bấm Đọc tiếp: Loa nối mã mới với tin đã có.",
                "The source gave {count} known entries new names (after a change of its system, as "
                "a rule), so Loa stopped rather than import them twice. If they are the known "
                "ones, press Go on: Loa joins the new names to what is here.",
            ),
            "red",
        ),
        "fetch_unreachable": (("Không nối được", "Unreachable"), _UNREACHABLE, "amber"),
        "fetch_slow": (("Quá chậm", "Too slow"), _UNREACHABLE, "amber"),
        "fetch_broken": (("Đứt giữa chừng", "Broken off"), _UNREACHABLE, "amber"),
        "fetch_redirects": (("Chuyển vòng quanh", "Redirects"), _UNREACHABLE, "amber"),
        "fetch_tls": (
            ("Chứng thư hỏng", "Certificate"),
            (
                "Chứng thư bảo mật của trang nguồn không hợp lệ, nên Loa không đọc. Hãy báo đơn vị "
                "quản lý trang; Loa vẫn thử lại.",
                "The site's certificate is not valid, so Loa does not read it. Tell whoever runs "
                "the site; Loa goes on trying.",
            ),
            "amber",
        ),
        "fetch_too_large": (
            ("Quá lớn", "Too large"),
            (
                "Nguồn lớn hơn 5 MB nên Loa không đọc. Hãy chọn nguồn của một chuyên mục.",
                "The feed is larger than 5 MB, so Loa does not read it. Choose one of a section.",
            ),
            "amber",
        ),
    }
)
_UNREADABLE: Final[tuple[_Pair, _Pair, Tone]] = (
    ("Không đọc được", "Unreadable"),
    (
        "Loa chưa hiểu được nội dung của nguồn (mã {code}). Loa tự thử lại, thưa dần; hãy kiểm tra "
        "địa chỉ.",
        "Loa could not make sense of the feed (code {code}). It tries again, ever more rarely; "
        "check the address.",
    ),
    "amber",
)

# What keeps Loa from making a draft by itself.
_PROBLEMS: Final[Mapping[str, _Pair]] = MappingProxyType(
    {
        "many": (
            "Nguồn ra quá nhiều tin cùng lúc, nên Loa để bạn chọn.",
            "The source brought very many entries at once, so the choice is yours.",
        ),
        "rule_author": (
            "Người đặt quy tắc không còn soạn tin, nên Loa chưa tạo bản nháp. Hãy đặt lại quy tắc.",
            "Whoever set the rule writes no longer, so no draft was made. Set the rule anew.",
        ),
        "blocking_problems": (
            "Bản nháp đã tạo nhưng chưa gửi duyệt được: còn điểm phải sửa. Hãy mở bản nháp.",
            "A draft was made but could not be submitted: there is something to mend. Open it.",
        ),
        "refused": (
            "Loa chưa tạo được bản nháp từ tin này. Hãy bấm Tạo bản nháp để xem vì sao.",
            "Loa could not make a draft of this entry. Press Make a draft to see why.",
        ),
    }
)
# What an editor should know before they use an entry; the codes are those of `feed.ReadEntry`.
_WARNINGS: Final[Mapping[str, _Pair]] = MappingProxyType(
    {
        "no_title": (
            "Nguồn không đặt tiêu đề; Loa lấy những chữ đầu của bài.",
            "The source gives no title; Loa took the first words of the text.",
        ),
        "no_link": (
            "Nguồn không cho liên kết tới bài gốc.",
            "The source gives no link to the original.",
        ),
        "date_missing": ("Nguồn không ghi ngày đăng.", "The source gives no date."),
        "date_unreadable": (
            "Loa không hiểu ngày ghi ở nguồn: “{date}”.",
            "Loa does not understand the date given there: “{date}”.",
        ),
        "date_no_zone": (
            "Nguồn không ghi múi giờ; Loa hiểu là giờ Việt Nam.",
            "The source names no time zone; Loa took it for Vietnam's.",
        ),
        "date_no_time": (
            "Nguồn chỉ ghi ngày, không ghi giờ.",
            "The source gives a day and no time.",
        ),
        "date_too_early": (
            "Ngày ghi ở nguồn quá xa trong quá khứ nên Loa không dùng: “{date}”.",
            "The date given there lies too far back, so Loa does not use it: “{date}”.",
        ),
        "date_too_late": (
            "Ngày ghi ở nguồn nằm trong tương lai nên Loa không dùng: “{date}”.",
            "The date given there lies in the future, so Loa does not use it: “{date}”.",
        ),
        "minutes_unknown": (
            "Trang nguồn ghi sai phần phút; chỉ giờ là đúng.",
            "The site writes wrong minutes; only the hour is right.",
        ),
        "too_long": (
            "Bài quá dài nên Loa không lấy phần chữ. Hãy mở bài gốc.",
            "The text is too long, so Loa left it out. Open the original.",
        ),
        "shared_guid": (
            "Nguồn dùng chung một mã cho nhiều tin; Loa phân biệt bằng liên kết.",
            "The source gives several entries one name; Loa tells them apart by their links.",
        ),
    }
)
_LINKS: Final[Mapping[str, _Pair]] = MappingProxyType(
    {
        "missing": ("Trang báo không có địa chỉ này (404)", "The site knows no such page (404)"),
        "gone": ("Trang đã gỡ hẳn (410)", "Taken down for good (410)"),
        "server_error": ("Trang đang lỗi", "The site is failing"),
        "fetch_unreachable": ("Không nối được tới trang", "The site cannot be reached"),
        "fetch_slow": ("Trang không trả lời kịp", "The site does not answer in time"),
        "fetch_tls": ("Chứng thư của trang không hợp lệ", "The certificate is not valid"),
        "fetch_broken": ("Trang ngắt giữa chừng", "The site breaks off"),
        "fetch_redirects": ("Trang chuyển hướng vòng quanh", "The site redirects in circles"),
    }
)
_LINK_OTHERWISE: Final[_Pair] = ("Liên kết không mở được", "The link does not open")


def result(code: str, language: str, values: Mapping[str, object]) -> Told:
    """How the last reading went."""
    short, long, tone = _RESULTS.get(code, _UNREADABLE)
    told = _side(long, language).format_map(_Known(values, code))
    return Told(short=_side(short, language), long=told, tone=tone)


def problem(code: str, language: str) -> str:
    """Why Loa did not make of an entry by itself what the rule says."""
    return _side(_PROBLEMS.get(code, _PROBLEMS["refused"]), language)


def warnings(codes: Sequence[str], language: str, *, date: str) -> tuple[str, ...]:
    """What an editor should know of an entry; `date` is the date as the source wrote it."""
    known = (_WARNINGS[code] for code in codes if code in _WARNINGS)
    return tuple(_side(pair, language).replace("{date}", date) for pair in known)


def link(code: str, language: str) -> str:
    """What is wrong with a link."""
    return _side(_LINKS.get(code, _LINK_OTHERWISE), language)


def known_results() -> frozenset[str]:
    """The codes that have words of their own."""
    return frozenset(_RESULTS)


def _side(pair: _Pair, language: str) -> str:
    return pair[1] if language == "en" else pair[0]


class _Known(dict[str, object]):
    """The values of a text; what nobody told shows as a dash."""

    def __init__(self, values: Mapping[str, object], code: str) -> None:
        super().__init__({**values, "code": code})

    def __missing__(self, name: str) -> str:
        return "–"
