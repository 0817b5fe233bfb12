"""HTML of an entry becomes Markdown that reads as the same words."""

import pytest

from services.content.body import parse, problems
from services.sources.markdown import markdown, paragraph
from shared.contract.blocks import to_html, to_plain


def shown(html: str) -> str:
    """What a reader sees of the HTML once it has gone through our Markdown."""
    return to_html(parse(markdown(html)), lambda _: "")


@pytest.mark.parametrize(
    "html",
    [
        "<p>Kính gửi <strong>bà con</strong>, xin <em>đọc kỹ</em>.</p>",
        "<h2>Lịch tiêm</h2><p>Một</p><h3>Đợt 1</h3><p>Hai</p>",
        "<ul><li>Một</li><li>Hai</li></ul>",
        "<ol><li>Một</li><li>Hai</li></ol>",
        '<p>Xem <a href="https://a.vn/b?c=1&amp;d=%281%29">tại đây</a>.</p>',
        "<blockquote><p>Lời dẫn</p></blockquote>",
        "<p>Dòng một<br>dòng hai</p>",
        "<ul><li><p>Một</p><ul><li>trong</li></ul></li></ul>",
        "<ol><li><p>Một</p><ol><li>trong</li></ol></li></ol>",
    ],
)
def test_what_an_item_can_say_stays_as_it_is(html: str) -> None:
    assert shown(html) == html


@pytest.mark.parametrize(
    "words",
    [
        "1. không phải danh sách",
        "12) cũng không",
        "- gạch đầu dòng",
        "+ cộng",
        "# thẻ",
        "> lớn hơn",
        "=== bằng",
        "*sao* và **hai sao**",
        "_gạch dưới_ và a_b_c",
        "[chữ](https://a.vn) và ![ảnh](media:x)",
        "\\ và &amp;lt; và &copy;",
        "5 * 3 = 15; a*b",
    ],
)
def test_plain_words_stay_plain(words: str) -> None:
    html = f"<p>{words.replace('&', '&amp;').replace('>', '&gt;')}</p>"
    assert to_plain(parse(markdown(html))) == words
    assert to_plain(parse(paragraph(words))) == words


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<script>alert(1)</script><p>Chữ</p><style>p{}</style>", "Chữ"),
        ('<a href="javascript:alert(1)">bấm</a>', "bấm"),
        ('<a href="/tuong-doi">bấm</a>', "bấm"),
        (
            "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "A · B\n\n1 · 2",
        ),
        ("<div>một<div>hai</div>ba</div>", "một\n\nhai\n\nba"),
        ('<p><img src="https://x.vn/a.jpg" alt="ảnh"></p>', ""),
        ("<p>&nbsp;</p><p> </p>", ""),
        ("<li>lẻ</li>", "• lẻ"),
        ("<b>đậm<p>hở", "đậm\n\nhở"),
    ],
)
def test_what_it_cannot_say_becomes_plain_lines(html: str, plain: str) -> None:
    found = markdown(html)
    assert to_plain(parse(found)) == plain
    assert problems(found) == ()


def test_deep_nesting_neither_fails_nor_grows() -> None:
    html = "<ul><li>" * 2_000 + "đáy" + "<blockquote>" * 2_000 + "nữa"
    assert "đáy" in markdown(html)
    assert len(markdown(html)) < 10_000
