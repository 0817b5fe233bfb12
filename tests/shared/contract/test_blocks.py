"""Blocks as plain text and as HTML: what every channel builds on."""

from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from shared.contract.blocks import (
    Block,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Quote,
    Span,
    figures,
    html_attributes,
    html_spans,
    plain_spans,
    to_html,
    to_plain,
)

TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "a", "strong", "em", "br", "figure"}

texts = st.text(max_size=40)
spans = st.lists(
    st.builds(
        Span,
        text=texts,
        strong=st.booleans(),
        em=st.booleans(),
        href=st.none() | st.just("https://loa.example/?a=1&b=\"2'"),
    ),
    max_size=3,
).map(tuple)
leaves: st.SearchStrategy[Block] = st.one_of(
    st.builds(Paragraph, spans=spans),
    st.builds(Heading, level=st.integers(2, 4), spans=spans),
    st.builds(Figure, media_id=st.none() | st.uuids(), alt=texts),
)
blocks = st.lists(
    st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Quote, blocks=st.lists(inner, max_size=2).map(tuple)),
            st.builds(
                Listing,
                ordered=st.booleans(),
                start=st.integers(0, 99),
                entries=st.lists(st.lists(inner, max_size=2).map(tuple), max_size=3).map(tuple),
            ),
        ),
        max_leaves=6,
    ),
    max_size=4,
).map(tuple)


class Reader(HTMLParser):
    """Tags that are open and tags that were met."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: set[str] = set()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.add(tag)
        if tag != "br":
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words(text: str) -> Paragraph:
    return Paragraph(spans=(Span(text=text),))


def drawn(_: Figure) -> str:
    return "<figure></figure>"


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────


@given(blocks)
def test_html_is_whole_and_holds_only_the_allowed_tags(body: tuple[Block, ...]) -> None:
    reader = Reader()
    reader.feed(to_html(body, drawn))
    reader.close()
    assert reader.open == []
    assert reader.met <= TAGS


@given(blocks)
def test_every_figure_is_drawn_once(body: tuple[Block, ...]) -> None:
    assert to_html(body, drawn).count("<figure>") == len(figures(body))


def test_markup_in_words_stays_words() -> None:
    span = Span(text="<script>&", href='https://x.example/"><b>')
    assert html_spans((span,)) == (
        '<a href="https://x.example/&quot;&gt;&lt;b&gt;">&lt;script&gt;&amp;</a>'
    )


def test_looks_are_nested_in_one_order() -> None:
    span = Span(text="a\nb", strong=True, em=True, href="https://x.example")
    assert html_spans((span,)) == (
        '<a href="https://x.example"><strong><em>a<br>b</em></strong></a>'
    )


@pytest.mark.parametrize(
    ("listing", "html"),
    [
        (Listing(ordered=False, entries=((words("a"),),)), "<ul><li>a</li></ul>"),
        (Listing(ordered=True, entries=((words("a"),),), start=3), '<ol start="3"><li>a</li></ol>'),
        (
            Listing(ordered=True, entries=((words("a"), words("b")),)),
            "<ol><li><p>a</p><p>b</p></li></ol>",
        ),
    ],
)
def test_a_list_is_a_list(listing: Listing, html: str) -> None:
    assert to_html((listing,), drawn) == html


def test_an_attribute_without_a_value_is_left_out() -> None:
    told = html_attributes({"src": '/a"b', "width": 12, "alt": "", "loading": None})
    assert told == ' src="/a&quot;b" width="12" alt=""'


# ── Plain text ───────────────────────────────────────────────────────────────────────────────────


@given(blocks)
def test_plain_text_is_drawn_from_any_body(body: tuple[Block, ...]) -> None:
    assert isinstance(to_plain(body), str)


@given(st.lists(st.text(alphabet="aăâđ ", min_size=1, max_size=20), max_size=5))
def test_every_paragraph_stands_alone(lines: list[str]) -> None:
    assert to_plain(tuple(words(line) for line in lines)) == "\n\n".join(lines)


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (Span(text="Xem", href="https://x.example"), "Xem (https://x.example)"),
        (Span(text="https://x.example", href="https://x.example"), "https://x.example"),
        (Span(text="a@x.example", href="mailto:a@x.example"), "a@x.example"),
        (Span(text="1900", href="tel:1900"), "1900"),
        (Span(text="Gọi", href="tel:1900"), "Gọi (tel:1900)"),
    ],
)
def test_an_address_is_written_out_unless_it_is_the_words(span: Span, told: str) -> None:
    assert plain_spans((span,)) == told


def test_lists_are_marked_and_indented() -> None:
    inner = Listing(ordered=True, entries=((words("một"),), (words("hai"),)), start=2)
    outer = Listing(ordered=False, entries=((words("ngoài"), inner), (words("sau"),)))
    assert to_plain((outer,)) == "• ngoài\n  2. một\n  3. hai\n• sau"


def test_a_heading_speaks_up_and_a_quote_is_marked() -> None:
    body = (Heading(level=2, spans=(Span(text="Thời gian"),)), Quote(blocks=(words("Vâng"),)))
    assert to_plain(body) == "THỜI GIAN\n\n“Vâng”"


def test_a_figure_leaves_no_trace() -> None:
    assert to_plain((words("a"), Figure(media_id=UUID(int=1), alt="ảnh"), words("b"))) == "a\n\nb"


# ── Figures ──────────────────────────────────────────────────────────────────────────────────────


def test_figures_are_found_wherever_they_stand() -> None:
    one, two, three = (Figure(media_id=UUID(int=no), alt="") for no in (1, 2, 3))
    body = (one, Quote(blocks=(two,)), Listing(ordered=False, entries=((words("a"), three),)))
    assert figures(body) == (one, two, three)
