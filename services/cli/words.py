"""Words of the command line: what keeps it from doing something, and what to do next.

One line each, Vietnamese first. What the rooms refuse has its words in `delivery`.
"""

from collections.abc import Mapping
from os import PathLike
from typing import Final

from pydantic import ValidationError

from services.delivery import refusal_words, words
from shared.contract.errors import ChannelError
from shared.contract.messages import Probe
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
    "address_unusable": (
        "Không nghe được ở {host} cổng {port} ({reason}); chọn lại --host hoặc --port",
        "cannot listen there; choose another --host or --port",
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
    "database_missing": (
        "Thư mục {folder} chưa có dữ liệu của Loa; kiểm tra --data và LOA_DATA_DIR, hoặc chạy "
        "loa up",
        "the folder holds no data of Loa yet; check --data and LOA_DATA_DIR, or run loa up",
    ),
    "schema_old": (
        "Cơ sở dữ liệu ở bản {found}, cần bản {needed}; chạy loa migrate, hoặc kiểm tra "
        "LOA_DATABASE_URL và LOA_DATA_DIR",
        "the schema is not current; run loa migrate, or check LOA_DATABASE_URL and LOA_DATA_DIR",
    ),
    "schema_newer": (
        "Cơ sở dữ liệu ở bản {found}, do một Loa mới hơn tạo; Loa này chỉ biết tới {needed}. Nâng "
        "cấp Loa, hoặc kiểm tra LOA_DATABASE_URL và LOA_DATA_DIR",
        "the database was made by a newer Loa; upgrade this one, or check LOA_DATABASE_URL and "
        "LOA_DATA_DIR",
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
        "Không đọc được JSON ở đầu vào: {vi}",
        'cannot read standard input: {en}; {{"settings": {{…}}, "credentials": {{…}}}} is expected',
    ),
    "input_not_text": (
        "Đầu vào không phải chữ UTF-8; lưu lại bằng UTF-8 rồi thử lại",
        "standard input is not UTF-8 text; save it as UTF-8 and try again",
    ),
    "password_missing": (
        "Không có mật khẩu ở đầu vào; gõ một dòng, hoặc bỏ --password-stdin",
        "no password came on standard input; give one line, or leave --password-stdin away",
    ),
    "file_unreadable": (
        "Không đọc được tệp {file} ({reason}); kiểm tra tên tệp, quyền đọc và bảng mã UTF-8",
        "the file cannot be read; check its name, your right to read it, and that it is UTF-8",
    ),
    "file_unwritable": (
        "Không ghi được tệp {file} ({reason}); chọn nơi khác",
        "the file cannot be written; choose another place",
    ),
    "system_refused": (
        "Máy không cho làm: {reason}; kiểm tra đĩa và quyền rồi chạy lại",
        "the system refused; check the disk and your rights, then run it again",
    ),
    "front_matter": (
        "Phần đầu của tệp, giữa hai dòng ---, chưa đúng: {vi}",
        "the front matter between the two lines --- cannot be used: {en}",
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
    "demo_stuck": (
        "Dữ liệu mẫu chưa tới bước mong đợi: {what}",
        "the sample data did not reach the expected step",
    ),
}

# What pydantic says of a field → the same in Vietnamese and in English.
_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("cần có mục này", "this is required"),
    "extra_forbidden": ("không có mục này", "there is no such field"),
    "string_type": ("phải là chữ", "text is expected"),
    "string_too_short": ("không được để trống", "it must not be empty"),
    "string_too_long": ("dài quá {max_length} ký tự", "longer than {max_length} characters"),
    "list_type": ("cần một danh sách", "a list is expected"),
    "dict_type": ("cần các cặp tên và giá trị", "names with values are expected"),
    "model_type": ("cần các cặp tên và giá trị", "names with values are expected"),
    "enum": ("phải là một trong {expected}", "one of {expected} is expected"),
    "literal_error": ("phải là một trong {expected}", "one of {expected} is expected"),
    "bool_type": ("phải là true hoặc false", "true or false is expected"),
    "bool_parsing": ("phải là true hoặc false", "true or false is expected"),
    "datetime_from_date_parsing": (
        "cần thời điểm như 2026-12-01 08:00",
        "a time like 2026-12-01 08:00 is expected",
    ),
    "datetime_parsing": (
        "cần thời điểm như 2026-12-01 08:00",
        "a time like 2026-12-01 08:00 is expected",
    ),
    "datetime_type": (
        "cần thời điểm như 2026-12-01 08:00",
        "a time like 2026-12-01 08:00 is expected",
    ),
    "date_from_datetime_parsing": (
        "cần ngày như 2026-12-01",
        "a date like 2026-12-01 is expected",
    ),
    "date_type": ("cần ngày như 2026-12-01", "a date like 2026-12-01 is expected"),
}

_CHANNEL: Final = (
    "Kênh chưa trả lời được ({code}); chạy loa account check",
    "the channel did not answer properly; run loa account check",
)


def of_error(error: LoaError) -> str:
    """One line for people: `Vietnamese · English`, the cause and the next step."""
    values = dict(error.values)
    vietnamese, _, english = str(values.get("reason", "")).partition(" · ")
    values |= {"vi": vietnamese, "en": english or vietnamese}
    pair = _OWN.get(error.code)
    if pair is None and isinstance(error, ChannelError):
        pair, values = _CHANNEL, {"code": error.code}
    if pair is None:
        return _of_a_room(error)
    return " · ".join(part.format_map(values) for part in pair)


def of_probe(probe: Probe) -> str:
    """What a probe found; where that is a code of ours, in words."""
    if probe.detail not in refusal_words.TABLE:
        return probe.detail
    return " · ".join(words.refusal(probe.detail, locale) for locale in ("vi", "en"))


def of_fault(error: ValidationError) -> str:
    """The first field that cannot be taken, and why; the same in English after ` · `."""
    fault = error.errors(include_url=False, include_input=False)[0]
    pair = _FAULTS.get(fault["type"], ("giá trị không dùng được", fault["msg"]))
    where = "".join(f"{part}: " for part in (".".join(map(str, fault["loc"])),) if part)
    return " · ".join(f"{where}{part.format_map(fault.get('ctx', {}))}" for part in pair)


def of_system(error: OSError) -> str:
    """One line for what the system refused: a full disk, a missing right, a broken pipe."""
    file = f" ({error.filename})" if isinstance(error.filename, str | PathLike) else ""
    reason = f"{error.strerror or type(error).__name__}{file}"
    return " · ".join(part.format(reason=reason) for part in _OWN["system_refused"])


def codes() -> frozenset[str]:
    """The codes that have their words here, for the test that none is missing."""
    return frozenset(_OWN)


def _of_a_room(error: LoaError) -> str:
    told = [words.refusal(error.code, locale, **error.values) for locale in ("vi", "en")]
    return " · ".join(dict.fromkeys(told))
