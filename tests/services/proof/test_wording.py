import unicodedata
from time import process_time

import pytest

from services.proof.wording import asked, compare, digest, read, shingles

PUBLISHED = (
    "Tạm dừng nộp hồ sơ trực tuyến từ 22:00 ngày 05/12\n"
    "Hệ thống được nâng cấp trong đêm, chi phí 1,5 tỷ đồng.\n"
    "Việc gấp, xin gọi trực ban: 028 0000 1022.\n"
    "Ông Nguyễn Văn An ký."
)


def compared(copy: str, *asides: str) -> tuple[bool, list[tuple[str, str]]]:
    told = compare(read(PUBLISHED), read(copy), asides)
    return told.exact, [(one.kind, one.text) for one in told.pieces if one.kind != "same"]


@pytest.mark.parametrize(
    "copy",
    [
        PUBLISHED,
        PUBLISHED.replace("\n", "\n\n   "),
        PUBLISHED.replace(" ", "\u00a0").upper(),
        unicodedata.normalize("NFD", PUBLISHED),
        PUBLISHED.replace(":", " –").replace("22 –00", "22:00"),
        PUBLISHED.replace("nâng", "n\u200bâng\u00ad"),
        "Việc gấp xin gọi trực ban 02800001022",
        "• Hệ thống được nâng cấp trong đêm",
        PUBLISHED.replace("Việc gấp, xin gọi trực ban: 028 0000 1022.\n", ""),
    ],
    ids=["same", "lines", "case", "nfd", "marks", "invisible", "number", "part", "line left out"],
)
def test_what_no_reader_would_call_a_change_is_none(copy: str) -> None:
    assert compared(copy) == (True, [])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("22:00", "23:00", [("missing", "22:00"), ("added", "23:00")]),
        ("1,5", "15", [("missing", "1,5"), ("added", "15")]),
        ("1022", "1023", [("missing", "1022"), ("added", "1023")]),
        ("Văn An", "Văn Anh", [("missing", "An"), ("added", "Anh")]),
        ("Ông Nguyễn", "Ông Nguyên", [("missing", "Nguyễn"), ("added", "Nguyên")]),
        ("được nâng", "không được nâng", [("added", "không")]),
        ("trong đêm, ", "", [("missing", "trong đêm")]),
    ],
)
def test_a_changed_word_or_figure_is_shown(old: str, new: str, told: list[tuple[str, str]]) -> None:
    assert compared(PUBLISHED.replace(old, new)) == (False, told)


def test_what_is_added_at_the_end_is_shown() -> None:
    assert compared(f"{PUBLISHED} Gọi ngay 0900 123 456") == (
        False,
        [("added", "Gọi ngay 0900 123 456")],
    )


def test_a_number_cut_at_the_edge_is_another_number() -> None:
    exact, told = compared("2:00 ngày 05/12 Hệ thống được nâng cấp trong đêm")

    assert not exact
    assert ("added", "2:00") in told


def test_what_stands_beside_a_text_may_be_copied_along() -> None:
    first, rest = PUBLISHED.split("\n", 1)
    copy = f"{first}\nChủ nhật, ngày 06 tháng 12 năm 2026, 08:00\nXem thêm\n{rest}"

    assert compared(copy)[0] is False
    assert compared(copy, "Chủ nhật, ngày 06 tháng 12 năm 2026, 08:00") == (True, [])


def test_a_copy_shares_a_shingle_with_what_it_was_copied_from() -> None:
    kept = set(shingles(PUBLISHED))

    assert kept & set(asked("hệ thống được nâng cấp trong đêm"))
    assert kept & set(asked("HE THONG DUOC NANG CAP TRONG DEM CHI PHI"))
    assert not kept & set(asked("Một câu chuyện hoàn toàn khác về con mèo"))


def test_equal_digests_mean_equal_words() -> None:
    assert digest("Giá:  1,5 tỷ") == digest("giá 1,5 TỶ.")
    assert digest("Giá 1,5 tỷ") != digest("Giá 15 tỷ")
    assert digest("5 độ") != digest("-5 độ")


def test_long_texts_are_compared_in_time() -> None:
    words = [f"từ{number % 300}" for number in range(4_000)]
    changed = [word if no % 40 else "khác" for no, word in enumerate(words)]

    told = compare(read(" ".join(words)), read(" ".join(changed)))

    assert not told.exact
    assert told.shared > 0.9


def test_a_word_pasted_thousands_of_times_keeps_nobody_waiting() -> None:
    published = read("Giá nước sạch " + "là 5.000 đồng mỗi khối nước sạch " * 300)
    began = process_time()

    told = compare(published, read("Giá nước sạch " + "nước " * 4_000))

    assert process_time() - began < 2  # every pair of equal words looked at: over ten seconds
    assert not told.exact
