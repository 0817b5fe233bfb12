import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.zalo_oa.markup import (
    BLOCK_CHARS,
    addresses,
    block_pieces,
    joined,
    paragraph_pieces,
    plain,
    text_pieces,
)
from shared.contract.blocks import Block, Figure, Heading, Listing, Paragraph, Quote, Span
from shared.text import comparable
from tests.adapters.zalo_oa.makers import paragraph

WORD = "Thông báo "


@pytest.mark.parametrize(
    ("block", "html"),
    [
        (paragraph("A < B & C"), "<p>A &lt; B &amp; C</p>"),
        (paragraph("một\nhai"), "<p>một<br>hai</p>"),
        (Heading(level=2, spans=(Span(text="Nơi nhận"),)), "<p><strong>Nơi nhận</strong></p>"),
        (
            Paragraph(spans=(Span(text="đây", href='https://a.vn/?x=1&y="'),)),
            '<p><a href="https://a.vn/?x=1&amp;y=&quot;">đây</a></p>',
        ),
        (Quote(blocks=(paragraph("Lời"),)), "<p><em>“Lời”</em></p>"),
        (
            Listing(ordered=False, entries=((paragraph("a"),), (paragraph("b"),))),
            "<ul><li>a</li><li>b</li></ul>",
        ),
        (Listing(ordered=True, entries=((paragraph("a"),),)), "<ol><li>a</li></ol>"),
        (
            Listing(
                ordered=False,
                entries=((paragraph("a"), Listing(ordered=False, entries=((paragraph("b"),),))),),
            ),
            "<ul><li>a<br>– b</li></ul>",
        ),
        (Figure(media_id=None, alt="x", url="https://youtu.be/x"), ""),
    ],
)
def test_a_block_becomes_the_small_html_that_zalo_shows(block: Block, html: str) -> None:
    assert "".join(block_pieces(block)) == html


def test_numbers_that_do_not_begin_at_one_are_written_out() -> None:
    listing = Listing(ordered=True, entries=((paragraph("a"),), (paragraph("b"),)), start=4)
    assert list(block_pieces(listing)) == ["<p>4. a</p>", "<p>5. b</p>"]


def test_a_long_numbered_list_keeps_its_numbers() -> None:
    listing = Listing(ordered=True, entries=tuple((paragraph(WORD * 30),) for _ in range(5)))
    pieces = list(block_pieces(listing))
    assert [piece[:6] for piece in pieces] == [f"<p>{no}. " for no in range(1, 6)]


def test_a_long_bullet_list_is_cut_between_its_entries() -> None:
    listing = Listing(ordered=False, entries=tuple((paragraph(WORD * 30),) for _ in range(8)))
    pieces = list(block_pieces(listing))
    assert len(pieces) > 1
    assert all(len(piece) <= BLOCK_CHARS and piece.startswith("<ul>") for piece in pieces)
    assert "".join(pieces).count("<li>") == 8


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    pieces = list(paragraph_pieces((Span(text="Đây là một câu. " * 100, strong=True),)))
    assert len(pieces) > 1
    assert all(piece.endswith((". </strong></p>", ".</strong></p>")) for piece in pieces)


def test_a_word_longer_than_a_block_is_left_whole() -> None:
    pieces = list(paragraph_pieces((Span(text="x" * 1500),)))
    assert pieces == [f"<p>{'x' * 1500}</p>"]


def test_plain_text_is_parted_at_empty_lines() -> None:
    assert list(text_pieces("a\nb\n\n \nc\n")) == ["<p>a<br>b</p>", "<p>c</p>"]


@given(st.lists(st.text(min_size=1, max_size=1500), max_size=6))
def test_no_words_are_lost_in_cutting_and_joining(texts: list[str]) -> None:
    wanted = [comparable(unicodedata.normalize("NFC", text)) for text in texts]
    pieces = (piece for text in wanted for piece in text_pieces(text))
    read = " ".join(plain(text)[0] for text in joined(pieces))
    assert "".join(comparable(read).split()) == "".join("".join(wanted).split())


@given(st.lists(st.text(alphabet="ab .<&", max_size=300), max_size=20))
def test_short_words_always_fit_the_block(texts: list[str]) -> None:
    pieces = (piece for text in texts for piece in text_pieces(text.replace("a", "a ")))
    blocks = list(joined(pieces))
    # One run without a blank may be longer; 300 letters of five characters each are the most here.
    assert all(len(block) <= 1550 for block in blocks)


def test_html_is_read_back_as_words_and_addresses() -> None:
    words, links = plain('<div>Một &amp; hai<br/><a href="https://a.vn?x=1&amp;y=2">ba</a></div>')
    assert words == "Một & hai\nba"
    assert links == ("https://a.vn?x=1&y=2",)


def test_addresses_in_plain_words_lose_the_full_stop_behind() -> None:
    assert addresses("Xem https://a.vn/tin/1. Và (http://b.vn).") == (
        "https://a.vn/tin/1",
        "http://b.vn",
    )
