"""What a stranger's HTML keeps, and how long cleaning may take."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sources.cleaning import clean_html, from_text, pictures, plain, too_deep

BASE = "https://donvi.gov.vn/tin/1.html"


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ("<p class=a style=b>Xin <b id=c>chào</b></p>", "<p>Xin <b>chào</b></p>"),
        ("<div><span>a</span><font color=red>b</font></div>", "<div>ab</div>"),
        ("<section><h2>a</h2></section>", "<h2>a</h2>"),
        ("a<script>x</script><style>y</style><iframe src=z>w</iframe>b", "ab"),
        ("<img src=/a.jpg alt=b>c", "c"),
        ("<table><tr><td colspan=2 rowspan=abc width=9>a", "<table><tbody><tr>"
         '<td colspan="2">a</td></tr></tbody></table>'),
        ("a</br>b</p>", "a<br>b<p></p>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("Thông báo", "Thông báo"),
        ("<a name=x>a</a>", "<a rel=\"noopener noreferrer nofollow\">a</a>"),
        ("<bao><tin>a</tin></bao>", "a"),
    ],
)  # fmt: skip
def test_what_a_reader_needs_stays(source: str, clean: str) -> None:
    assert clean_html(source, BASE).replace(
        '<a rel="noopener noreferrer nofollow"', "<a"
    ) == clean.replace('<a rel="noopener noreferrer nofollow"', "<a")


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("/a", "https://donvi.gov.vn/a"),
        ("b.html", "https://donvi.gov.vn/tin/b.html"),
        ("mailto:a@donvi.gov.vn", "mailto:a@donvi.gov.vn"),
        ("tel:+842412345678", "tel:+842412345678"),
        ("https://b.vn/", "https://b.vn/"),
        ("#x", None),
        ("javascript:alert(1)", None),
        ("mailto:a@b.vn?body=<script>", None),
        ("ftp://a.vn/", None),
    ],
)
def test_links_are_absolute_or_none(href: str, kept: str | None) -> None:
    cleaned = clean_html(f'<a href="{href}">x</a>', BASE)
    assert (f'href="{kept}"' in cleaned) if kept else ("href" not in cleaned)


def test_words_are_taken_out_of_html() -> None:
    source = "<p>Một<br>hai</p><ul><li>ba &amp; bốn</li></ul><script>x</script>"
    assert plain(source) == "Một hai ba & bốn"
    assert plain("a < b") == "a < b"


def test_plain_text_becomes_paragraphs() -> None:
    assert from_text(" a\nb\n\n<c> & d \n") == "<p>a<br>b</p><p>&lt;c&gt; &amp; d</p>"
    assert from_text(" \n ") == ""


def test_pictures_are_listed_without_those_that_count() -> None:
    source = (
        '<img src="a.jpg" alt="Cầu &gt; sông" width=640 height=480><img src=//dem.vn/1.gif width=1>'
        '<img src="data:image/png;base64,x"><img data-src="/b.jpg" src="cho.gif"><img alt="không">'
        '<script><img src="/c.jpg"></script>'
    )
    found = list(pictures(source, BASE))
    assert [(one.url, one.alt, one.width) for one in found] == [
        ("https://donvi.gov.vn/tin/a.jpg", "Cầu > sông", 640),
        ("https://donvi.gov.vn/b.jpg", "", None),
    ]
    assert list(pictures("không có ảnh", BASE)) == []
    assert len(list(pictures("<img src=a>" * 80, BASE))) == 50


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 200_000, "<b>" * 200_000, "<b></i>" * 100_000, "<a href=x>" * 100_000,
        "<!--" * 200_000, "<" * 300_000, ("<x>" * 240 + "</x>" * 240) * 80, "<li><ul>" * 90_000,
        "<table><b>" * 90_000, "<p><b><i><u>a</p>" * 2000, "&" * 300_000, "<a " + "b=c " * 100_000,
    ],
    ids=lambda source: source[:12],
)  # fmt: skip
def test_no_html_takes_long(source: str) -> None:
    began = time.process_time()
    clean_html(source, BASE)
    assert time.process_time() - began < 10


def test_the_depth_of_a_page_is_seen_whatever_its_ends_say() -> None:
    assert not too_deep("<p>" * 200)
    assert too_deep("<p>" * 300)
    assert too_deep("<b></i>" * 300)
    assert not too_deep("<b></b><br><img>" * 5000)
    assert too_deep("<br>" * 60_000)
    assert clean_html("<div>" * 300 + "Lời" + "<script>", BASE) == "<p>Lời</p>"


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing(source: str) -> None:
    once = clean_html(source, BASE)
    assert clean_html(once, BASE) == once
