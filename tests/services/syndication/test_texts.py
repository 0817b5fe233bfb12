"""Nothing that runs leaves the hub, in any field, in any format; and what leaves is clean text."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from typing_extensions import override

from services.delivery.portal import EntryFile
from services.syndication import texts
from shared.text import clean
from tests.services.syndication.house import FORMS, check, read
from tests.services.syndication.paper import ENTRY, FEED, PICTURE, SHOWN, VOICE, written

HOSTILE = (
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://a.example/b.png onload=alert(1) style='x'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><a xlink:href='javascript:alert(1)'>x</a></mtext></math>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='/tuong-doi'>x</a>",
    "<a href='//evil.example/'>x</a>",
    "<form action='https://evil.example/'><input name=a><button>Gửi</button></form>",
    "<style>body{display:none}</style>",
    "<p style='position:fixed'>x</p>",
    "<iframe src='https://evil.example/'></iframe>",
    "<object data='x'></object><embed src='x'>",
    "<link rel=stylesheet href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href='https://evil.example/'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<p id=a class=b onclick=alert(1)>x</p>",
    "<video src=x onerror=alert(1)></video><audio controls></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "]]><script>alert(1)</script>",
    "<div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></div>",
    "<xss onmouseover=alert(1)>x</xss>",
    "<img src='data:image/svg+xml;base64,AAAA'>",
    "<p>a\x0b\x00b\x1f\ufffe\uffffc</p>",
    "<p>&#11;&#0;&#xfffe;x</p>",
    "\ud800x",
    "\u202eđảo\u202c",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)
ALLOWED = {
    *("p", "br", "h2", "h3", "h4", "ul", "ol", "li", "a", "strong", "em", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td", "caption", "img", "figure", "figcaption"),
}
ATTRIBUTES = {
    *("href", "src", "alt", "title", "width", "height", "colspan", "rowspan", "scope"),
    *("lang", "dir", "start"),
}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser.found


def harmless(html: str) -> None:
    """Fails for any tag, attribute or address outside the list of feeds.md section 10."""
    for tag, attributes in tags(html):
        assert tag in ALLOWED
        assert set(attributes) <= ATTRIBUTES
        if "href" in attributes:
            parts = urlsplit(attributes["href"] or "")
            assert parts.scheme in {"http", "https", "mailto", "tel"}
        if tag == "img":
            assert "alt" in attributes
            assert urlsplit(attributes["src"] or "").scheme in {"http", "https"}


def strings(value: object) -> Iterator[str]:
    """Every text of a JSON document."""
    if isinstance(value, str):
        yield value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from strings(one)


def everything(body: bytes, form: str) -> list[str]:
    """Every text and attribute of a document."""
    if form == "feed.json":
        return list(strings(json.loads(body)))
    found: list[str] = []
    for one in etree.fromstring(body).iter():
        found += [one.text or "", one.tail or "", *(str(value) for value in one.attrib.values())]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nasty", HOSTILE)
def test_nothing_runs_in_any_field_of_any_format(form: str, nasty: str) -> None:
    shown = SHOWN.model_copy(
        update={
            "title": f"Tin {nasty}",
            "summary": nasty,
            "html": f"<p>Trước</p>{nasty}<p>Sau</p>",
            "author": f"A {nasty}",
            "category": nasty,
            "tags": (nasty,),
            "pictures": (
                PICTURE.model_copy(update={"alt": nasty, "caption": nasty, "credit": nasty}),
            ),
        }
    )
    gone = replace(ENTRY, withdrawn=True, reason=nasty)

    for entry in (ENTRY, gone):
        body = written(form, shown, entry=entry)
        check(body, form)
        [one] = read(body, form)
        harmless(one.html)
        assert one.title.startswith(("Tin", "[Thu hồi] Tin"))
        for told in everything(body, form):
            assert not [tag for tag, _ in tags(told) if tag in _RUNNING]
            assert unicodedata.is_normalized("NFC", told)
            assert not set(told) & _FORBIDDEN


_RUNNING = {"script", "svg", "math", "style", "form", "iframe", "object", "embed", "input", "xss"}
_FORBIDDEN = {*map(chr, range(9)), "\x0b", "\x0c", *map(chr, range(14, 32)), "\ufffe", "\uffff"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Điều kiện a < b và c > d", "Điều kiện a < b và c > d"),
        ("Số liệu <sai>", "Số liệu <sai>"),
        ("A & B", "A & B"),
        ("<b>Đậm</b>", "Đậm"),
        ("Dán <figure><figcaption>chú thích</figcaption></figure>", "Dán chú thích"),
        ("Trước <time>7 giờ</time>", "Trước <time>7 giờ"),  # an end of a tag is never a word
        ("hai\n dòng ", "hai dòng"),
        ("tie\u0302\u0301ng Vie\u0323\u0302t", "tiếng Việt"),
    ],
)
def test_plain_text_stays_what_people_wrote(given: str, kept: str) -> None:
    assert texts.plain(given) == kept


@pytest.mark.parametrize(
    "html",
    [
        SHOWN.html,
        '<ol start="4"><li>Khoản bốn</li></ol>',
        '<p><a href="https://a.example/?x=1&amp;y=2">liên kết</a><br>dòng</p>',
        '<figure><img src="https://a.example/b.jpg" alt="a" width="16" height="9">'
        "<figcaption>c</figcaption></figure>",
        '<table><thead><tr><th scope="col">A</th></tr></thead><tbody><tr><td colspan="2">1</td>'
        "</tr></tbody></table>",
        '<p lang="en" dir="ltr">x</p><h2>a</h2><blockquote><em>b</em></blockquote>',
    ],
)
def test_what_the_house_writes_passes_unchanged(html: str) -> None:
    assert texts.safe_html(html) == html


SAID = st.text(min_size=1, max_size=9).map(
    lambda one: clean(one).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
)
BARE = st.lists(SAID | st.just("<br>"), max_size=3).map("".join)
EM = BARE | BARE.map("<em>{}</em>".format)
STRONG = EM | st.lists(EM, max_size=2).map(lambda some: f"<strong>{''.join(some)}</strong>")
HREF = st.from_regex(r"https?://[a-z]{1,4}(-[0-9]{1,3})?\.[a-z]{2,4}([/?#][a-z/.%=+;:@-]{0,9})?")
INLINE = st.lists(STRONG | st.builds('<a href="{}">{}</a>'.format, HREF, STRONG), max_size=3)
BLOCK = st.builds(
    lambda tags, some: f"{tags[0]}{''.join(some)}{tags[1]}",
    st.sampled_from([("<p>", "</p>"), ("<h3>", "</h3>"), ("<ul><li>", "</li></ul>")]),
    INLINE,
)


@given(st.lists(BLOCK, max_size=3).map("".join))
def test_what_is_not_cleaned_would_have_come_back_as_it_is(html: str) -> None:
    assert not texts._SOUND.fullmatch(html) or texts._CLEANER.clean(html) == html


@pytest.mark.parametrize(
    "html",
    [
        "<p>a & b</p>",
        "<p>&quot;a&quot;</p>",
        "<p>a</h2>",
        "<p><strong>a</p></strong>",
        "<p onclick=x>a</p>",
        "<p>a</p><script>b</script>",
        '<p><a href="javascript:a">b</a></p>',
        '<p><a href="https://1.2.3.999/">b</a></p>',
        '<p><a href="https://xn--a.vn/">b</a></p>',
        '<p><a href="/tuong-doi">b</a></p>',
        "<ul>a</ul>",
        "<p>a\xa0b</p>",
    ],
)
def test_anything_else_is_cleaned(html: str) -> None:
    assert texts._SOUND.fullmatch(html) is None


def test_a_picture_always_has_an_alt_and_an_absolute_address() -> None:
    html = '<img src="https://a.example/b.jpg"><img src="/b.jpg" alt="x"><img alt="x">'

    assert texts.safe_html(html) == '<img src="https://a.example/b.jpg" alt="">'


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("summary", "html", "told_summary", "told_html"),
    [
        ("", "", SHOWN.title, "<p>Tạm dừng nộp hồ sơ &amp; trả kết quả</p>"),
        ("Chỉ 5 < 6", "", "Chỉ 5 < 6", "<p>Chỉ 5 &lt; 6</p>"),
        ("", '<img src="https://a.example/b.jpg" alt="">', SHOWN.title, None),
        ("", "<p>&lt;script&gt;x&lt;/script&gt; R&amp;D</p><p>là</p>", "R&D là", None),
        ("", f"<p>{'chữ ' * 100}</p>", f"{'chữ ' * 74}chữ…", None),
    ],
)
def test_no_entry_is_without_a_summary_or_a_text(
    form: str, summary: str, html: str, told_summary: str, told_html: str | None
) -> None:
    body = written(form, SHOWN.model_copy(update={"summary": summary, "html": html}))
    [one] = read(body, form)

    assert (one.summary, one.html) == (told_summary, told_html or html)


@pytest.mark.parametrize("form", FORMS)
def test_a_withdrawn_entry_shows_nothing_of_what_it_was(form: str) -> None:
    shown = SHOWN.model_copy(
        update={
            "title": "[Đính chính] Tin cũ",
            "pictures": (PICTURE,),
            "html": "<p>bí mật</p>",
            "summary": "bí mật",
            "enclosure": EntryFile(url="https://a.example/v.mp4", mime="video/mp4", size_bytes=1),
        }
    )
    body = written(form, shown, entry=replace(ENTRY, withdrawn=True, reason="Số liệu <sai>."))
    [one] = read(body, form)

    assert one.title == "[Thu hồi] Tin cũ"
    assert one.summary == "Tin này đã được thu hồi ngày 20/11/2026. Lý do: Số liệu <sai>."
    assert one.html == f"<p>{one.summary.replace('<', '&lt;').replace('>', '&gt;')}</p>"
    assert (one.id, one.link, one.categories, one.pictures) == (SHOWN.guid, SHOWN.link, (), ())
    assert not [word for word in ("bí mật", "v.mp4", "a.jpg") if word in body.decode()]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(one=st.text(max_size=60), two=st.text(max_size=60), three=st.text(max_size=60))
def test_any_text_gives_a_valid_document(form: str, one: str, two: str, three: str) -> None:
    shown = SHOWN.model_copy(update={"title": one, "summary": two, "html": three, "tags": (one,)})
    feed = replace(FEED, title=texts.plain(two) or "x", voice=replace(VOICE, agency="Bộ"))

    body = written(form, shown, feed=feed)

    check(body, form)
    [found] = read(body, form)
    harmless(found.html)


def test_pasted_tags_without_an_end_cost_no_time() -> None:
    assert texts.plain("<script>" * 50_000 + "x") == "x"
    assert texts.plain("<" * 50_000) == "<" * 50_000
