"""Word-level differences: exact in both directions, readable, and fast for the longest texts."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.differences import Piece, stretches, words

_SENTENCE = """
Để phục vụ bà con nhanh hơn hệ thống tiếp nhận hồ sơ trực tuyến của phường sẽ tạm dừng từ thứ Bảy
đến Chủ nhật trong thời gian này bà con vẫn tra cứu được kết quả đã nộp
"""
_TEXT = st.text(alphabet="ab đĐộờ12.,\n /:", max_size=60)


def _old(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind != "added")


def _new(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind != "removed")


def _told(old: str, new: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in words(old, new)]


@given(old=_TEXT, new=_TEXT)
def test_both_texts_can_be_read_from_the_pieces(old: str, new: str) -> None:
    pieces = words(old, new)
    assert (_old(pieces), _new(pieces)) == (old, new)
    assert all(piece.text for piece in pieces)


@given(text=_TEXT)
def test_equal_texts_have_no_difference(text: str) -> None:
    assert all(piece.kind == "same" for piece in words(text, text))
    assert stretches(text, text) == ()


@given(old=_TEXT, new=_TEXT)
def test_every_changed_word_is_in_a_stretch_that_is_not_folded(old: str, new: str) -> None:
    shown = [one for one in stretches(old, new) if not one.folded]
    changed = [
        piece.text
        for one in shown
        for paragraph in one.paragraphs
        for piece in paragraph
        if piece.kind != "same"
    ]
    expected = [
        line
        for piece in words(old, new)
        if piece.kind != "same"
        for line in piece.text.split("\n")
        if line
    ]
    assert changed == expected
    folded = [one for one in stretches(old, new) if one.folded]
    assert all(
        piece.kind == "same"
        for one in folded
        for paragraph in one.paragraphs
        for piece in paragraph
    )


def test_a_number_is_one_word_with_what_joins_its_digits() -> None:
    assert _told("ngày 05/12/2026, 08:00", "ngày 06/12/2026, 08:00") == [
        ("same", "ngày "),
        ("removed", "05/12/2026"),
        ("added", "06/12/2026"),
        ("same", ", 08:00"),
    ]


def test_a_syllable_is_one_word_with_its_marks() -> None:
    assert _told("Kính gửi bà con", "Kính gửi bả con") == [
        ("same", "Kính gửi "),
        ("removed", "bà"),
        ("added", "bả"),
        ("same", " con"),
    ]


def test_neighbouring_changes_read_as_one() -> None:
    assert _told("Một thông báo mới.", "Một thông cáo đỏ.") == [
        ("same", "Một thông "),
        ("removed", "báo mới"),
        ("added", "cáo đỏ"),
        ("same", "."),
    ]


def test_a_change_of_blanks_alone_is_seen() -> None:
    told = words("một  hai", "một hai")
    assert {piece.kind for piece in told} > {"same"}


def test_unchanged_paragraphs_far_from_a_change_are_folded() -> None:
    paragraphs = [f"Đoạn số {no} nói về việc {no * 7}." for no in range(12)]
    old = "\n\n".join(paragraphs)
    new = old.replace("Đoạn số 6 nói", "Đoạn số 6 viết")
    found = stretches(old, new)
    assert [(one.folded, len(one.paragraphs)) for one in found] == [
        (True, 5),
        (False, 3),
        (True, 4),
    ]


def _long(seed: int, paragraph: int) -> str:
    chosen = random.Random(seed)
    text = ""
    while len(text) < 20_000:
        text += " ".join(chosen.choices(_SENTENCE.split(), k=paragraph)) + ".\n\n"
    return text[:20_000]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_long(1, 60), _long(2, 60)),
        (_long(1, 10_000), _long(2, 10_000)),
        (_long(1, 60), _long(1, 60).replace("hồ sơ", "giấy tờ")),
        ("có không " * 2222, "không có " * 2222),
        ("a " * 10_000, "a " * 9_000 + "b " * 1_000),
    ],
    ids=["paragraphs", "one paragraph", "many small edits", "two words", "one word"],
)
def test_twenty_thousand_letters_take_at_most_fifty_milliseconds(old: str, new: str) -> None:
    # Of processor time, and the best of ten: what runs beside this test slows it down, never up.
    took: list[float] = []
    while len(took) < 10 and min(took, default=1.0) > 0.05:
        took.append(_seconds(old, new))
    assert min(took) <= 0.05, took


def _seconds(old: str, new: str) -> float:
    began = time.process_time()
    assert _new(words(old, new)) == new
    return time.process_time() - began
