import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.content.body import media_ids, parse, problems
from shared.contract.blocks import (
    Block,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Quote,
    Span,
    to_html,
    to_plain,
)

PICTURE = UUID("0190f3c2-1111-7000-8000-000000000001")
OTHER = UUID("0190f3c2-1111-7000-8000-000000000002")

# Letters out of which Markdown, HTML and Vietnamese are made, so that random texts hit the syntax.
_LETTERS = st.sampled_from(
    list("#>-*_+![]()<>\"'\\&`~|:/=.019aăđệ \n\t\x00\x0b\u202e\ud800🎉e\u0301")
)
_TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "a", "strong", "em", "br"}
TEXTS = st.one_of(st.text(_LETTERS, max_size=300), st.text(max_size=300))


def html(markdown: str) -> str:
    return to_html(parse(markdown), lambda figure: f"[{figure.alt}]")


def paragraph(text: str) -> Paragraph:
    return Paragraph(spans=(Span(text=text),))


def test_a_notice_becomes_blocks() -> None:
    blocks = parse(
        "Kính gửi **bà con**.\n\n## Trong thời gian này\n\n- tra cứu;\n- *chưa* nộp\n\n"
        "3. ba\n4. bốn\n\n> Lời dặn"
    )

    assert blocks == (
        Paragraph(spans=(Span(text="Kính gửi "), Span(text="bà con", strong=True), Span(text="."))),
        Heading(level=2, spans=(Span(text="Trong thời gian này"),)),
        Listing(
            ordered=False,
            entries=(
                (paragraph("tra cứu;"),),
                (Paragraph(spans=(Span(text="chưa", em=True), Span(text=" nộp"))),),
            ),
        ),
        Listing(ordered=True, entries=((paragraph("ba"),), (paragraph("bốn"),)), start=3),
        Quote(blocks=(paragraph("Lời dặn"),)),
    )


def test_lists_may_nest() -> None:
    assert html("- một\n  1. hai\n  2. ba\n") == (
        "<ul><li><p>một</p><ol><li>hai</li><li>ba</li></ol></li></ul>"
    )


def test_headings_stay_between_two_and_four() -> None:
    assert html("# a\n\n###### b") == "<h2>a</h2><h4>b</h4>"


def test_a_single_line_break_is_a_blank_and_a_forced_one_stays() -> None:
    assert html("một\nhai  \nba\\\nbốn") == "<p>một hai<br>ba<br>bốn</p>"


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("    bốn dấu cách", "<p>bốn dấu cách</p>"),
        ("`mã`", "<p>`mã`</p>"),
        ("```\nmã\n```", "<p>``` mã ```</p>"),
        ("a | b\n--|--\n1 | 2", "<p>a | b --|-- 1 | 2</p>"),
        ("[1]: Theo Nghị định", "<p>[1]: Theo Nghị định</p>"),
        ("đoạn\n---\nđoạn", "<p>đoạn</p><p>đoạn</p>"),
        ("https://gov.vn", "<p>https://gov.vn</p>"),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>"),
    ],
)
def test_what_is_switched_off_is_shown_as_text(markdown: str, shown: str) -> None:
    assert html(markdown) == shown


@pytest.mark.parametrize(
    ("written", "href"),
    [
        ("https://hoasen.example/tin", "https://hoasen.example/tin"),
        ("mailto:a@hoasen.example", "mailto:a@hoasen.example"),
        ("tel:+842800001022", "tel:+842800001022"),
        ("https://hoasen.example/tệp", "https://hoasen.example/t%E1%BB%87p"),
    ],
)
def test_an_allowed_address_is_kept_percent_encoded(written: str, href: str) -> None:
    assert parse(f"[xem]({written})") == (Paragraph(spans=(Span(text="xem", href=href),)),)
    assert problems(f"[xem]({written})") == ()


@pytest.mark.parametrize(
    "written",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "/admin",
        "//evil.example",
        "ftp://a.example",
        "https://",
        "www.gov.vn",
        "https://[::1",
        "#x",
    ],
)
def test_a_refused_address_leaves_its_words_and_is_told(written: str) -> None:
    assert parse(f"xin [xem]({written})") == (paragraph("xin xem"),)
    assert [(one.code, one.blocking) for one in problems(f"[xem]({written})")] == [
        ("link_refused", False)
    ]


def test_a_link_without_words_shows_its_address() -> None:
    assert html("[](https://a.example/)") == (
        '<p><a href="https://a.example/">https://a.example/</a></p>'
    )


def test_a_picture_alone_on_its_line_is_a_figure() -> None:
    assert parse(f'![Đội trực đêm](media:{PICTURE} "Trực suốt đêm 05/12")') == (
        Figure(media_id=PICTURE, alt="Đội trực đêm", caption="Trực suốt đêm 05/12"),
    )


def test_text_around_a_picture_becomes_paragraphs_of_its_own() -> None:
    assert parse(f"trước\n![ảnh](media:{PICTURE})\nsau **đó**") == (
        paragraph("trước"),
        Figure(media_id=PICTURE, alt="ảnh"),
        Paragraph(spans=(Span(text="sau "), Span(text="đó", strong=True))),
    )


def test_a_picture_may_be_named_by_what_the_caller_knows() -> None:
    def by_name(name: str) -> UUID | None:
        return PICTURE if name == "ảnh sen.jpg" else None

    assert parse("![ao sen](<ảnh sen.jpg>)", by_name) == (Figure(media_id=PICTURE, alt="ao sen"),)


@pytest.mark.parametrize(
    "url",
    ["https://www.youtube.com/watch?v=abc", "https://youtu.be/abc", "https://fb.watch/abc/"],
)
def test_a_video_elsewhere_is_a_figure_with_its_address(url: str) -> None:
    assert parse(f'![Phóng sự]({url} "Năm phút")') == (
        Figure(media_id=None, alt="Phóng sự", caption="Năm phút", url=url),
    )
    assert problems(f"![Phóng sự]({url})") == ()


@pytest.mark.parametrize(
    ("markdown", "codes"),
    [
        (f"![](media:{PICTURE})", ["alt_missing"]),
        ("![ảnh](media:khong-co)", ["media_unknown"]),
        ("![ảnh](https://kẻ-lạ.example/a.png)", ["picture_foreign"]),
        ("![ảnh](http://youtu.be/abc)", ["picture_foreign"]),
        ("![ảnh](https://youtu.be.evil.example/abc)", ["picture_foreign"]),
    ],
)
def test_what_blocks_a_picture_is_told(markdown: str, codes: list[str]) -> None:
    found = problems(markdown)

    assert [one.code for one in found] == codes
    assert all(one.blocking for one in found)


def test_a_problem_names_its_line() -> None:
    text = f"một\n\nhai\n![](media:{PICTURE})\n\n- ba\n- [x](y:z)"

    assert [(one.code, one.line) for one in problems(text)] == [
        ("alt_missing", 4),
        ("link_refused", 7),
    ]


def test_media_are_listed_once_in_reading_order() -> None:
    text = f"![a](media:{OTHER})\n\n> ![b](media:{PICTURE})\n\n![c](media:{OTHER})"

    assert media_ids(text) == (OTHER, PICTURE)


def test_text_deep_inside_quotes_is_not_lost() -> None:
    assert "abc" in to_plain(parse("> " * 40 + "abc"))


def test_decomposed_letters_are_composed() -> None:
    assert parse("Vie\u0302\u0323t") == (paragraph("Việt"),)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_no_text_makes_it_raise_and_no_markup_gets_through(text: str) -> None:
    blocks: tuple[Block, ...] = parse(text)
    shown = to_html(blocks, lambda figure: "")

    assert "<script" not in shown.lower()
    assert set(_tags(shown)) <= _TAGS
    to_plain(blocks)
    problems(text)
    media_ids(text)


def test_twenty_thousand_characters_take_under_200_ms() -> None:
    part = (
        "## Những điểm mới\n\nNgười dân nộp **hồ sơ** tại [Cổng dịch vụ công](https://a.example) "
        "từ ngày 16/11/2026.\n\n- không phụ thuộc địa giới;\n- đặt lịch *từ xa*.\n\n> Cam kết.\n\n"
    )
    text = (part * 200)[:20_000]

    # The best of three: a neighbour on the same core must not decide this.
    assert min(_seconds(text), _seconds(text), _seconds(text)) < 0.2


@pytest.mark.parametrize(
    "pattern",
    ["[", "![", "*a_", "> ", "- ", "[a](", "**a *b ", "a\n", "- a\n", "<", "[[]()", "x\n\n", "&#"],
)
def test_no_pattern_of_twenty_thousand_characters_keeps_it_busy(pattern: str) -> None:
    # About 0.1 s each when nobody else works here; a quadratic one would take many seconds.
    assert _seconds((pattern * 20_000)[:20_000]) < 1.5


def _seconds(text: str) -> float:
    started = time.process_time()
    to_html(parse(text), lambda figure: "")
    return time.process_time() - started


def _tags(shown: str) -> list[str]:
    return [part.split(">")[0].split()[0].strip("/") for part in shown.split("<")[1:]]
