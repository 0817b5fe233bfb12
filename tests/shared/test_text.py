"""Lengths, cuts and comparisons that respect Vietnamese letters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text import clean, comparable, fold, one_line, shorten, similarity, slug

# Any text that a person, a program or an attacker may send; half surrogates included.
ANY = st.text(max_size=200)
VIETNAMESE = st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậ ,.–\n", max_size=300)


@given(ANY)
def test_a_cleaned_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANY)
def test_a_cleaned_text_can_be_stored_and_sent(text: str) -> None:
    kept = clean(text)
    assert unicodedata.is_normalized("NFC", kept)
    assert kept.encode("utf-8").decode("utf-8") == kept
    assert not set("\x00\r\u202e\u2066\U000e0041") & set(kept)


def test_line_ends_become_those_of_unix() -> None:
    assert clean("a\r\nb\rc") == "a\nb\nc"


def test_a_half_surrogate_is_dropped() -> None:
    assert clean("a\ud800b") == "ab"


def test_letters_and_marks_become_one() -> None:
    assert clean("Tie\u0302\u0301ng Vie\u0323\u0302t") == "Tiếng Việt"


def test_what_would_show_an_approver_another_text_is_dropped() -> None:
    assert clean("chi \u202e000.1\u202c đồng") == "chi 000.1 đồng"


def test_nothing_forbidden_passes_among_letters() -> None:
    chars = "\x00\x08\x0b\x1f\x7f\x85\x9f\u202a\u202e\u2066\u2069\ufffe\uffff\U000e0001\U000e007f"

    assert {clean(f"ô{one}n") for one in chars} == {"ôn"}


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert line == line.strip()
    assert "\n" not in line
    assert "  " not in line
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Đính chính", "dinh chinh"), ("ƯỚC LƯỢNG", "uoc luong"), ("Nghỉ lễ", "nghi le")],
)
def test_search_sees_no_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(VIETNAMESE)
def test_search_finds_a_text_however_it_is_typed(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(text) == fold(text.upper())


@given(ANY, st.integers(min_value=1, max_value=80))
def test_a_slug_fits_into_an_address(text: str, most: int) -> None:
    name = slug(text, most=most)
    assert len(name) <= most
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not name.startswith("-")
    assert not name.endswith("-")


def test_a_slug_is_cut_between_words() -> None:
    assert slug("Thông báo về việc tiếp công dân", most=15) == "thong-bao-ve"


@given(VIETNAMESE, st.integers(min_value=1, max_value=200))
def test_a_shortened_text_fits(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert short == clean(text) or short.endswith("…")


@given(VIETNAMESE)
def test_a_text_that_fits_is_not_touched(text: str) -> None:
    assert shorten(text, len(clean(text))) == clean(text)


def test_a_text_is_cut_at_a_blank_where_one_is_near() -> None:
    assert shorten("Thông báo lịch tiếp công dân", 18) == "Thông báo lịch…"


def test_a_cut_takes_no_mark_away_from_its_letter() -> None:
    assert shorten("abcx\u0331\u0332defgh", 6) == "abc…"


@given(ANY)
def test_what_compares_stays_as_it_is(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


@pytest.mark.parametrize(
    "read_back",
    ["Lịch tiếp dân ", "Lịch  tiếp\ndân", "Lịch\u200b tiếp dân\ufeff", "Li\u0323ch tiếp dân"],
)
def test_what_a_channel_does_to_blanks_and_invisibles_is_no_difference(read_back: str) -> None:
    assert similarity("Lịch tiếp dân", read_back) == 1.0


def test_a_changed_accent_is_a_difference() -> None:
    assert similarity("bán đất", "ban đất") < 1.0


@given(ANY, ANY)
def test_likeness_is_between_none_and_whole(one: str, other: str) -> None:
    alike = similarity(one, other)
    assert 0.0 <= alike <= 1.0
    assert (alike == 1.0) == (comparable(one) == comparable(other))


def test_nothing_is_not_like_something() -> None:
    assert similarity("", "Thông báo") == 0.0


def test_long_texts_are_compared_soon() -> None:
    words = [f"từ{number % 977}" for number in range(4_000)]
    assert similarity(" ".join(words), " ".join([*words[:-1], "khác"])) > 0.9
