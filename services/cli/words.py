"""Words of the command line: what keeps it from doing something, and what to do next.

One line each, Vietnamese first. What the rooms refuse has its words in `delivery`.
"""

from collections.abc import Mapping
from typing import Final

from services.delivery import words
from shared.contract.errors import ChannelError
from shared.errors import LoaError

# code → what happened and what to do, in Vietnamese and in English.
_OWN: Final[Mapping[str, tuple[str, str]]] = {
    "settings": ("{variable}: {vi}", "{en}"),
    "data_folder": (
        "Không dùng được thư mục dữ liệu {folder} ({reason}); chọn thư mục khác bằng --data",
        "the data folder cannot be used; choose another with --data",
    ),
    "already_running": (
        "Thư mục {folder} đã có một Loa đang chạy ở {address}; mở địa chỉ đó, dừng Loa ấy, "
        "hoặc chọn --data khác",
        "already running with this folder; open that address, stop it, or choose another --data",
    ),
    "holds_real_data": (
        "Thư mục {folder} có dữ liệu thật nên không thêm dữ liệu mẫu; thêm --data THƯ-MỤC-KHÁC",
        "the folder holds real data, sample data is not mixed in; choose another --data",
    ),
    "holds_sample_data": (
        "Thư mục {folder} là dữ liệu mẫu; thêm --demo để mở lại, hoặc --data THƯ-MỤC-KHÁC "
        "để bắt đầu thật",
        "the folder holds sample data; add --demo to open it again, or choose another --data",
    ),
    "port_taken": (
        "Cổng {port} đang có chương trình khác dùng; thêm --port {other}",
        "the port is in use by another program; choose another with --port",
    ),
    "part_failed": (
        "Không khởi động được {part}; xem {log}",
        "a part did not start; see that log",
    ),
    "not_ready": (
        "Sau {seconds} giây Loa vẫn chưa sẵn sàng; xem {log}",
        "not ready in time; see that log",
    ),
    "embedded_only": (
        "Lệnh này dùng cơ sở dữ liệu đi kèm; bỏ LOA_DATABASE_URL, hoặc chạy loa web và loa worker",
        "this command runs the embedded database; unset LOA_DATABASE_URL, or run loa web and "
        "loa worker",
    ),
    "database_unreachable": (
        "Không kết nối được cơ sở dữ liệu ({reason}); kiểm tra LOA_DATABASE_URL và máy chủ",
        "the database cannot be reached; check LOA_DATABASE_URL and the server",
    ),
    "database_not_running": (
        "Cơ sở dữ liệu trong {folder} chưa chạy; chạy loa up",
        "the database of this folder does not run; run loa up",
    ),
    "schema_old": (
        "Cơ sở dữ liệu ở bản {found}, cần bản {needed}; chạy loa migrate",
        "the schema is not current; run loa migrate",
    ),
    "embedded_postgres_missing": (
        "Thiếu PostgreSQL {major} đi kèm; chạy lại make setup",
        "the packaged PostgreSQL is missing; run make setup again",
    ),
    "embedded_postgres_owner": (
        "Thư mục {folder} thuộc người dùng khác; chạy bằng người dùng đã tạo ra nó",
        "the folder belongs to another user; run as the user who made it",
    ),
    "embedded_postgres_busy": (
        "Cơ sở dữ liệu trong {folder} đang được chương trình khác dùng; đợi rồi thử lại",
        "the database of this folder is in use by another program; wait and try again",
    ),
    "embedded_postgres_version": (
        "Dữ liệu thuộc PostgreSQL {found}, cần {needed}; chuyển bằng loa backup và loa restore",
        "the data belongs to another PostgreSQL; move it with loa backup and loa restore",
    ),
    "embedded_postgres_secret_lost": (
        "Mất tệp mật khẩu {file} của cơ sở dữ liệu; lấy lại từ bản sao lưu",
        "the password file of the database is lost; take it from a backup",
    ),
    "embedded_postgres_failed": (
        "Không khởi động được cơ sở dữ liệu: {reason}",
        "the database did not start; the reason stands before this",
    ),
    "input_unreadable": (
        "Không đọc được JSON ở đầu vào: {reason}",
        'cannot read standard input; {{"settings": {{…}}, "credentials": {{…}}}} is expected',
    ),
    "password_missing": (
        "Không có mật khẩu ở đầu vào; gõ một dòng, hoặc bỏ --password-stdin",
        "no password came on standard input; give one line, or leave --password-stdin away",
    ),
    "file_unreadable": (
        "Không đọc được tệp {file} ({reason})",
        "the file cannot be read",
    ),
    "front_matter": (
        "Phần đầu của tệp chưa đúng: {reason}",
        "the front matter between the two lines --- cannot be used; see the reason before this",
    ),
    "picture_missing": (
        "Không thấy ảnh {file} cạnh tệp tin bài; đặt ảnh vào đó rồi chạy lại",
        "the picture is not beside the item's file; put it there and run again",
    ),
    "unit_unclear": (
        "Cần nêu đơn vị bằng --unit CODE; đơn vị gốc hiện có: {codes}",
        "say which unit with --unit CODE; add one with loa unit add",
    ),
    "no_editor": (
        "Chưa có ai giữ vai trò biên tập; chạy loa user add … --roles editor",
        "nobody is an editor yet; run loa user add … --roles editor",
    ),
    "accounts_unclear": (
        "Không có kênh tên {names}; xem loa account list",
        "there are no accounts of these names; see loa account list",
    ),
    "backup_unreadable": (
        "{file} không phải bản sao lưu của Loa ({reason})",
        "the file is no backup of Loa",
    ),
    "backup_exists": (
        "Đã có tệp {file}; chọn tên khác",
        "the file exists already; choose another name",
    ),
    "backup_program": (
        "{program} không làm được: {reason}",
        "the program named before this failed",
    ),
    "restore_not_empty": (
        "Cơ sở dữ liệu đích đã có dữ liệu; phục hồi vào thư mục hoặc cơ sở dữ liệu trống",
        "the database is not empty; restore into an empty folder or database",
    ),
    "restore_newer": (
        "Bản sao lưu thuộc bản Loa mới hơn ({found}); nâng cấp Loa rồi phục hồi",
        "the backup was made by a newer Loa; upgrade first",
    ),
    "restore_usage": (
        "Cần nêu một: tệp sao lưu, hoặc --lift",
        "give either a backup file or --lift",
    ),
    "demo_stuck": (
        "Dữ liệu mẫu chưa tới bước mong đợi: {what}",
        "the sample data did not reach the expected step",
    ),
}

_CHANNEL: Final = (
    "Kênh chưa trả lời được ({code}); chạy loa account check",
    "the channel did not answer properly; run loa account check",
)


def of_error(error: LoaError) -> str:
    """One line for people: `Vietnamese · English`, the cause and the next step."""
    values = dict(error.values)
    if error.code == "settings":
        vietnamese, _, english = str(values["reason"]).partition(" · ")
        values |= {"vi": vietnamese, "en": english or vietnamese}
    pair = _OWN.get(error.code)
    if pair is None and isinstance(error, ChannelError):
        pair, values = _CHANNEL, {"code": error.code}
    if pair is None:
        return _of_a_room(error)
    return " · ".join(part.format_map(values) for part in pair)


def codes() -> frozenset[str]:
    """The codes that have their words here, for the test that none is missing."""
    return frozenset(_OWN)


def _of_a_room(error: LoaError) -> str:
    told = [words.refusal(error.code, locale, **error.values) for locale in ("vi", "en")]
    return " · ".join(dict.fromkeys(told))
