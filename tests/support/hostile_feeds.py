"""Several hundred documents as strangers send them: to break us, or because their site is old."""

import gzip
import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

URL: Final = "https://donvi.gov.vn/rss/tin.xml"
TITLE: Final = "Thông báo nghỉ Tết Nguyên đán: ấm, đượm, khuỷu, ngoằn ngoèo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """One document; `titles` are what must be read from it, `code` how it must be refused.

    With neither, anything is right that is safe, short and quick.
    """

    name: str
    body: bytes
    content_type: str = "text/xml"
    titles: tuple[str, ...] | None = None
    code: str | None = None


def rss(inner: str, *, head: str = "", declaration: str = '<?xml version="1.0"?>') -> str:
    """A channel with these items."""
    return (
        f'{declaration}\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Cổng</title>'
        f"<link>https://donvi.gov.vn/</link><description>d</description>{head}{inner}"
        "</channel></rss>"
    )


def item(title: str = TITLE, more: str = "", *, number: int = 1) -> str:
    """An item; `more` is XML."""
    return (
        f"<item><title>{title}</title><guid>https://donvi.gov.vn/tin/{number}</guid>"
        f"<link>https://donvi.gov.vn/tin/{number}</link>{more}</item>"
    )


def atom(inner: str, *, declaration: str = '<?xml version="1.0"?>') -> str:
    """A feed with these entries."""
    return (
        f'{declaration}\n<feed xmlns="http://www.w3.org/2005/Atom"><title>Cổng</title><id>tag:a</id>'
        f"<updated>2026-11-20T05:00:00Z</updated>{inner}</feed>"
    )


def entry(title: str = TITLE, more: str = "", *, number: int = 1) -> str:
    """An entry; `more` is XML."""
    return (
        f'<entry><title>{title}</title><id>tag:donvi.gov.vn,2026:{number}</id><link href="/tin/'
        f'{number}"/><updated>2026-11-20T05:00:00Z</updated>{more}</entry>'
    )


def json_feed(*items: object, **more: object) -> bytes:
    """A JSON Feed with these items."""
    told = {"version": "https://jsonfeed.org/version/1.1", "title": "Cổng", "items": items, **more}
    return json.dumps(told, ensure_ascii=False).encode()


GOOD_RSS: Final = rss(
    "".join(
        item(
            f"Tin {number}",
            "<pubDate>Fri, 20 Nov 2026 12:00:00 GMT+7</pubDate><description>&lt;p&gt;Tóm tắt&lt;/p"
            "&gt;</description><content:encoded><![CDATA[<p>Nội dung <b>đậm</b></p>]]>"
            '</content:encoded><enclosure url="/a.pdf" type="application/pdf" length="1"/>',
            number=number,
        )
        for number in range(1, 6)
    )
)
GOOD_ATOM: Final = atom(
    "".join(
        entry(
            f"Tin {number}",
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Nội dung</p></div>'
            "</content>",
            number=number,
        )
        for number in range(1, 6)
    )
)
GOOD_JSON: Final = json_feed(
    *(
        {"id": str(number), "title": f"Tin {number}", "content_html": "<p>a</p>"}
        for number in (1, 2)
    )
)

# What tries to run in a reader's page. Collected from how sanitisers were passed before.
SCRIPTS: Final = (
    "<script>alert(1)</script>", "<SCRIPT SRC=//x.vn/x.js></SCRIPT>", "<scr<script>ipt>alert(1)",
    "<script\x20type='text/javascript'>alert(1)", "<<script>alert(1)//<</script>",
    "<img src=x onerror=alert(1)>", "<img src='x'onerror='alert(1)'>", "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><style><img src=x "
    "onerror=alert(1)>", "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<math><a xlink:href=javascript:alert(1)>x", "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>", "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>", "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A;avascript&colon;alert(1)'>x</a>", "<a href=' javascript:alert(1)'>x</a>",
    "<a href='\u0001javascript:alert(1)'>x</a>", "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>", "<a href='livescript:x'>x</a>",
    "<a href='//evil.vn/'>x</a>", "<a href='/\\evil.vn'>x</a>", "<a href='https:evil.vn'>x</a>",
    "<a href='blob:https://x.vn/1'>x</a>", "<a href='file:///etc/passwd'>x</a>",
    "<a href=x style=position:fixed>x</a>", "<a href=x target=_top onclick=alert(1)>x</a>",
    "<p style='background:url(javascript:alert(1))'>x</p>", "<style>@import'//x.vn';</style>",
    "<link rel=stylesheet href=//x.vn>", "<base href=//evil.vn/>", "<meta http-equiv=refresh "
    "content='0;url=javascript:alert(1)'>", "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=javascript:alert(1)></object>",
    "<embed src=//x.vn/x.swf>", "<applet code=x>", "<form action=javascript:alert(1)><button>x",
    "<input autofocus onfocus=alert(1)>", "<button formaction=javascript:alert(1)>x",
    "<isindex action=javascript:alert(1)>", "<video src=x onerror=alert(1)>",
    "<video><source onerror=alert(1)></video>", "<audio autoplay src=//x.vn>", "<details open "
    "ontoggle=alert(1)>x", "<body onload=alert(1)>", "<html><head><script>alert(1)",
    "<marquee onstart=alert(1)>x", "<table background=javascript:alert(1)>", "<td background=x "
    "onmouseover=alert(1)>", "<div id=x class=y data-z=1 onwheel=alert(1)>x</div>",
    "<template><script>alert(1)</script></template>", "<noscript><p title='</noscript><img src=x "
    "onerror=alert(1)>'>", "<textarea><img src=x onerror=alert(1)></textarea>",
    "<title><img src=x onerror=alert(1)></title>", "<xmp><img src=x onerror=alert(1)></xmp>",
    "<!--><img src=x onerror=alert(1)>-->", "<!-- --!><img src=x onerror=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]", "<?xml-stylesheet href='javascript:alert(1)'?>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
    "onerror=alert(1)&gt;'>", "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<svg><a><animate attributeName=href values=javascript:alert(1)></a>", "<a/href=javascript:"
    "alert(1)>x", "<a\x0chref=javascript:alert(1)>x", "<\x00script>alert(1)",
    "<x onclick=alert(1)>x",
    "<img src='https://dem.vn/1.gif' width=1 height=1>", "<img srcset='x 1x' src=x>",
    "<p>{{constructor.constructor('alert(1)')()}}</p>", "<b hx-get=/x hx-trigger=load>x</b>",
)  # fmt: skip


@cache
def documents() -> tuple[Odd, ...]:
    """All of them, each under a name of its own; the same ones every time."""
    return (
        *_bombs(), *_heavy(), *_lively(), *_encoded(), *_cut(), *_broken(), *_no_feeds(),
        *_strange_json(), *_strange_names(), *_mutated(),
    )  # fmt: skip


def _odd(
    name: str,
    body: str | bytes,
    *titles: str,
    code: str | None = None,
    content_type: str = "text/xml",
) -> Odd:
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return Odd(name=name, body=raw, titles=titles or None, code=code, content_type=content_type)


def _bombs() -> Iterator[Odd]:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    inside = {
        "billion laughs": f'<!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}]>',
        "quadratic": f'<!DOCTYPE rss [<!ENTITY l9 "{"a" * 50_000}">]>',
        "a file": '<!DOCTYPE rss [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        "a site": '<!DOCTYPE rss [<!ENTITY l9 SYSTEM "http://127.0.0.1:1/x">]>',
        "parameters": '<!DOCTYPE rss [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;]>',
        "a dtd": '<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/x.dtd">',
        "netscape": '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1:1/r">',
        "attributes": "<!DOCTYPE rss [<!ATTLIST rss a CDATA 'x'>]>",
        "small letters": '<!doctype rss [<!entity l9 "x">]>',
        "behind a comment": '<!-- a --><!DOCTYPE rss [<!ENTITY l9 "x">]>',
        "behind an instruction": '<?a <!-- ?><!DOCTYPE rss [<!ENTITY l9 "x">]>',
        "bare": '<!ENTITY l9 "x">',
    }
    many = item("&l9;", "<description>" + "&l9;" * 1000 + "</description>")
    for name, declared in inside.items():
        yield Odd(name=f"bomb {name}", body=_declaring(declared, many), code="feed_dangerous")
        text = _declaring(declared, many).decode()
        for encoding in ("utf-16", "utf-16-le", "utf-32"):
            body = text.encode(encoding)
            yield Odd(name=f"bomb {name} {encoding}", body=body, code="feed_dangerous")
    late = rss(item().replace("<title>", '<!DOCTYPE x [<!ENTITY l9 "x">]><title>'))
    yield Odd(name="bomb late", body=late.encode(), code="feed_dangerous")
    seven = rss(item("+ADwAIQ-DOCTYPE"), declaration='<?xml version="1.0" encoding="utf-7"?>')
    yield Odd(name="bomb utf-7", body=seven.encode(), titles=("+ADwAIQ-DOCTYPE",))
    told = rss(item("<![CDATA[Nói về <!DOCTYPE và <!ENTITY]]>"))
    yield Odd(
        name="words about bombs", body=told.encode(), titles=("Nói về <!DOCTYPE và <!ENTITY",)
    )


def _declaring(declared: str, inner: str) -> bytes:
    return rss(inner, declaration=f'<?xml version="1.0"?>{declared}').encode()


def _heavy() -> Iterator[Odd]:
    def of(name: str, text: str, *titles: str, code: str | None = None) -> Odd:
        described = f"<description>{text}</description>"
        return _odd(name, rss(item("Nặng", described)), *titles, code=code)

    depth, width = 50_000, 30_000
    twins = " ".join(f"a{number}='1'" for number in range(9000))
    spaces = " ".join(f"xmlns:a{number}='b'" for number in range(5000))
    links = "".join(f"&lt;a href='/{number}'&gt;a&lt;/a&gt;" for number in range(3000))
    images = "".join(f"&lt;img src='/{number}.jpg'&gt;" for number in range(3000))
    yield of("deep xml", "<a>" * depth, code="feed_too_heavy")
    yield of("deep closed", "<a>" * depth + "</a>" * depth, code="feed_too_heavy")
    yield of("deep html", "&lt;div&gt;" * depth, "Nặng")
    yield of("deep cdata", f"<![CDATA[{'<b><i>' * depth}]]>", "Nặng")
    yield of("crossed", f"<![CDATA[{'<b></i>' * depth}]]>", "Nặng")
    yield of("waves", f"<![CDATA[{('<x>' * 200 + '</x>' * 200) * 50}]]>", "Nặng")
    yield of("tables", f"<![CDATA[{'<table><tr><td>' * width}]]>", "Nặng")
    yield of("comments", "<!-- -->" * width, "Nặng")
    yield of("comments open", "<!--" * width)
    yield of("comments in html", "&lt;!--" * width, "Nặng")
    yield of("instructions", "<?a " * width)
    yield of("cdata in cdata", "<![CDATA[" * width)
    yield of("declarations", "<!a " * width)
    yield of("signs", "<" * 150_000, code="feed_too_heavy")
    yield of("half tags", "<a" * 10_000)
    yield of("ampersands", "&" * 60_000, "Nặng")
    yield of("letters by name", "&nbsp;&eacute;" * 20_000, "Nặng")
    yield of("quotes", "<a b='" * width)
    yield of("attributes", f"<a {twins}/>", code="feed_too_heavy")
    yield of("attributes in html", f"&lt;a {'a=b ' * 40_000}&gt;", "Nặng")
    yield of("spaces of names", f"<a {spaces}/>")
    yield of("one long word", "a" * 900_000, "Nặng")
    yield of("one too long", "a " * 600_000, "Nặng")
    yield of("a long name of a tag", f"<{'a' * 300_000}>")
    yield of("many links", links, "Nặng")
    yield of("many pictures", images, "Nặng")
    yield _odd("a long title", rss(item("Dài " * 50_000)))
    yield _odd("a long link", rss(item("Dài", f"<link>{'/a' * 50_000}</link>")), "Dài")
    many = "".join(f"<item><title>Tin {n}</title><guid>{n}</guid></item>" for n in range(2500))
    yield _odd("many items", rss(many), *(f"Tin {number}" for number in range(2000)))
    # Half a gigabyte in memory, were it kept.
    empty = b'{"version":"https://jsonfeed.org/version/1.1","items":[' + b"[]," * 6_000_000 + b"0]}"
    yield _odd("memory", empty, code="feed_too_heavy")
    yield _odd("deep json", b'{"a":' * 100_000, code="feed_unreadable")
    yield _odd("deep lists", b"[" * 100_000, code="feed_unreadable")
    yield _odd("a packed file", gzip.compress(GOOD_RSS.encode()), code="feed_unreadable")


def _lively() -> Iterator[Odd]:
    for number, script in enumerate(SCRIPTS):
        safe = script.replace("]]>", "]]&gt;").replace("\x00", "").replace("\x01", "")
        wrapped = f"<![CDATA[Trước {safe} sau]]>"
        yield Odd(
            name=f"script {number} rss",
            body=rss(
                item(wrapped, f"<description>{wrapped}</description><content:encoded>{wrapped}"
                     f"</content:encoded><author>{wrapped}</author><category>{wrapped}</category>"
                     f"<dc:creator>{wrapped}</dc:creator>")
            ).encode("utf-8", "ignore"),
        )  # fmt: skip
        yield Odd(
            name=f"script {number} json",
            body=json_feed(
                {"id": "1", "url": "https://donvi.gov.vn/1", "title": script, "summary": script,
                 "content_html": script, "authors": [{"name": script}], "tags": [script]}
            ),
        )  # fmt: skip
        if number % 3 == 0:
            escaped = safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield Odd(
                name=f"script {number} atom",
                body=atom(
                    entry(f"<![CDATA[{safe}]]>",
                          f'<summary type="html">{escaped}</summary><content type="html">{escaped}'
                          f"</content>")
                ).encode("utf-8", "ignore"),
            )  # fmt: skip
    tricks = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script><p onclick="x">a</p>'
    )
    xhtml = f'<content type="xhtml">{tricks}<a href="javascript:alert(1)">b</a></div></content>'
    yield Odd(name="script in xhtml", body=atom(entry(TITLE, xhtml)).encode(), titles=(TITLE,))
    based = entry(TITLE, '<content type="html" xml:base="javascript:alert(1)//">&lt;a href="x"&gt;'
                  "a&lt;/a&gt;</content>")  # fmt: skip
    yield Odd(name="script as base", body=atom(based).encode(), titles=(TITLE,))
    for scheme in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x y"):
        body = rss(
            f"<item><title>{TITLE}</title><link>{scheme}</link><guid>{scheme}</guid>"
            f'<enclosure url="{scheme}" type="image/png"/><media:content url="{scheme}"/></item>'
        )
        yield Odd(name=f"link {scheme}", body=body.encode(), titles=(TITLE,))


def _encoded() -> Iterator[Odd]:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        for mark in ("", f' encoding="{encoding.removesuffix("-sig")}"', ' encoding="iso-8859-1"'):
            text = rss(item(), declaration=f'<?xml version="1.0"{mark}?>')
            yield Odd(name=f"{encoding} as{mark}", body=text.encode(encoding), titles=(TITLE,))
    text = rss(item(), declaration="<?xml version='1.0'?>")
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        yield Odd(name=f"{encoding} unmarked", body=text.encode(encoding), titles=(TITLE,))
    for told in ("windows-1252", "us-ascii", "latin1", "windows-1258", "utf-16", "no-such", "hex",
                 "rot13", "idna", "utf8\x00", "'", "utf-7"):  # fmt: skip
        yield Odd(name=f"utf-8 called {told!r}", body=text.encode(), titles=(TITLE,),
                  content_type=f"text/xml; charset={told}")  # fmt: skip
        lying = rss(item(), declaration=f'<?xml version="1.0" encoding="{told}"?>')
        yield Odd(name=f"utf-8 declared {told!r}", body=lying.encode(), titles=(TITLE,))
    yield Odd(name="windows-1258", body=_windows_1258(), titles=(TITLE,))
    yield Odd(name="windows-1258 by http", body=_windows_1258(declared=False), titles=(TITLE,),
              content_type='application/rss+xml; charset="windows-1258"')  # fmt: skip
    yield Odd(name="windows-1258 undeclared", body=_windows_1258(declared=False))
    apart = rss(item("Thông báo"))
    yield Odd(name="nfd", body=apart.encode(), titles=("Thông báo",))
    for name, old in {"tcvn3": "Th«ng b¸o nghØ TÕt", "vni": "Thoâng baùo nghæ Teát"}.items():
        yield Odd(name=name, body=rss(item(old)).encode(), titles=(old,))
        narrow = rss(item(old), declaration='<?xml version="1.0" encoding="iso-8859-1"?>')
        body = narrow.replace("Cổng", "Cong").encode("latin-1")
        yield Odd(name=f"{name} latin-1", body=body, titles=(old,))
    half = text.encode().replace("ấ".encode(), b"\xe1\xba")
    yield Odd(name="half a letter", body=half)
    yield Odd(name="two encodings", body=text.encode() + "ấ".encode("utf-16"))
    yield Odd(name="lone surrogates", body=text.encode().replace(b"Th", b"\xed\xa0\x80Th"))
    yield Odd(name="overlong", body=text.encode().replace(b"Th", b"\xc0\xbcTh"))
    yield Odd(name="utf-16 odd", body=text.encode("utf-16")[:-1])
    yield Odd(name="invisible", body=rss(item("\u202eTin\u200b \u2066a\u2069\ufeff")).encode())


def _windows_1258(*, declared: bool = True) -> bytes:
    """The title as old Windows keyboards stored it: letters, and their tones behind them."""
    marked = ' encoding="windows-1258"' if declared else ""
    text = rss(item("{}"), declaration=f'<?xml version="1.0"{marked}?>').replace("Cổng", "Cong")
    tones = {"\u0300": 0xCC, "\u0301": 0xEC, "\u0309": 0xD2, "\u0303": 0xDE, "\u0323": 0xF2}
    told = bytearray()
    for letter in TITLE:
        apart = unicodedata.normalize("NFD", letter)
        tone = next((mark for mark in apart if mark in tones), "")
        told += unicodedata.normalize("NFC", apart.replace(tone, "") if tone else apart).encode(
            "cp1258"
        )
        if tone:
            told.append(tones[tone])
    return text.encode("ascii").replace(b"{}", bytes(told))


def _cut() -> Iterator[Odd]:
    for name, text in (("rss", GOOD_RSS), ("atom", GOOD_ATOM)):
        body = text.encode()
        for part in range(1, 13):
            yield _odd(f"{name} cut at {part}/13", body[: len(body) * part // 13])
    for part in range(1, 5):
        cut = GOOD_JSON[: len(GOOD_JSON) * part // 5]
        yield _odd(f"json cut at {part}/5", cut, code="feed_unreadable")


def _broken() -> Iterator[Odd]:
    query = "<description>x?a=1&b=2</description>"
    yield _odd("a bare ampersand", rss(item("A & B", query)), "A & B")
    yield _odd("letters of html", rss(item("A&nbsp;B &ndash; C&eacute;&cop")), "A B – Cé&cop")
    yield _odd("an unknown letter", rss(item("A &khong; B")), "A &khong; B")
    yield _odd("forbidden numbers", rss(item("A&#0;&#x1F;&#xFFFE;&#xD800; B")), "A B")
    yield _odd("huge numbers", rss(item("A&#99999999999; &#x110000; B")))
    yield _odd("control characters", rss(item("A\x0b\x1f\x00B")), "AB")
    yield _odd("text before", "Warning: mysql_connect()\n" + rss(item()), TITLE)
    yield _odd("blank lines before", "\n\n \t" + rss(item()), TITLE)
    yield _odd("a mark before", "\ufeff\ufeff" + rss(item()), TITLE)
    yield _odd("text behind", rss(item()) + "<!-- page generated in 0.1 s -->\n</html>", TITLE)
    yield _odd("two declarations", '<?xml version="1.0"?>' + rss(item()), TITLE)
    yield _odd("an unclosed br", rss(item(TITLE, "<description>a<br>b</description>")), TITLE)
    yield _odd("a stray end", rss(item(TITLE, "<description>a</br>b</p></description>")), TITLE)
    yield _odd("an unknown prefix", rss(item(TITLE, "<itunes:author>a</itunes:author>")), TITLE)
    yield _odd("a doubled attribute", rss(item(TITLE, '<enclosure url="a" url="b"/>')), TITLE)
    yield _odd("no quotes", rss(item(TITLE, "<enclosure url=a type=b />")), TITLE)
    yield _odd("no channel", f"<rss version='2.0'>{item()}</rss>", TITLE)
    yield _odd("no version", rss(item()).replace(' version="2.0"', ""), TITLE)
    yield _odd("capitals", f"<RSS version='2.0'><CHANNEL>{item()}</CHANNEL></RSS>")
    yield _odd("rss 0.91", rss(item()).replace('"2.0"', '"0.91"'), TITLE)
    yield _odd("rss 1.0", _RSS_1, TITLE)
    old = atom(entry()).replace("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#")
    yield _odd("atom 0.3", old, TITLE)
    yield _odd("prefixed atom", _PREFIXED_ATOM, TITLE)
    yield _odd("an html title", rss(item(f"<![CDATA[<b>{TITLE}</b>]]>")), TITLE)
    yield _odd("a wrapped title", rss(item(f"<![CDATA[\n\t {TITLE} \n]]>")), TITLE)
    yield _odd("a title twice escaped", rss(item("A &amp;amp; B")), "A & B")
    words = rss("<item><description>Chỉ có lời</description></item>")
    yield _odd("no title", words, "Chỉ có lời")
    yield Odd(name="no items", body=rss("").encode(), titles=())
    yield _odd("an empty item", rss("<item/>"), "")
    yield Odd(name="no feed inside", body=b"<rss version='2.0'/>", titles=())
    yield _odd("feed in feed", rss(rss(item(), declaration="")))
    yield _odd("items in items", rss(f"<item>{item()}</item>"))
    yield _odd("a crossed end", rss(item(TITLE, "<a><b></a></b>")), TITLE)
    yield _odd("an unclosed cdata", rss(item("<![CDATA[Mở")))
    yield _odd("an unclosed comment", rss(item(TITLE, "<!-- mở")))
    picture = '<content type="image/png">iVBORw0K</content>'
    yield _odd("content as base64", atom(entry(TITLE, picture)), TITLE)
    elsewhere = '<content src="file:///etc/passwd"/>'
    yield _odd("content elsewhere", atom(entry(TITLE, elsewhere)), TITLE)
    for number, ttl in enumerate(_ODD_NUMBERS):
        head = f"<ttl>{ttl}</ttl><skipHours><hour>{ttl}</hour><hour>24</hour></skipHours>"
        days = "<skipDays><day>Thứ Hai</day></skipDays>"
        yield _odd(f"ttl {number}", rss(item(), head=head + days), TITLE)
    for number, date in enumerate(_ODD_DATES):
        yield _odd(f"date {number}", rss(item(TITLE, f"<pubDate>{date}</pubDate>")), TITLE)


_RSS_1: Final = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
    f'<title>a</title></channel><item rdf:about="https://donvi.gov.vn/1"><title>{TITLE}</title>'
    "<link>https://donvi.gov.vn/1</link><dc:date>2026-11-20T05:00:00Z</dc:date></item></rdf:RDF>"
)
_PREFIXED_ATOM: Final = (
    f'<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:title>{TITLE}</a:title>'
    "<a:id>x</a:id></a:entry></a:feed>"
)
_ODD_NUMBERS: Final = ("-1", "99999999999999999999", "x", "60 phút", "", "1e9", "٦٠")
_ODD_DATES: Final = (
    "", "0", "-1", "9" * 400, "1795150800", "00/00/0000", "31/02/2026", "²⁰/11/2026", "2026-W47-5",
    "Fri, 99 Nov 2026 99:99:99 +9999", "2026-11-20T12:00:00+99:99", "٢٠/١١/٢٠٢٦",
    "20 Nov 9999 00:00", "\u202e20/11/2026", "20/11/2026 " * 400, "1/1/0001", "31/12/9999 23:59",
)  # fmt: skip


def _no_feeds() -> Iterator[Odd]:
    page = "<!DOCTYPE html><html><head><title>Lỗi 403</title></head><body><script>x</script></body>"
    xhtml = (
        '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" '
        '"http://127.0.0.1:1/x"><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>'
    )
    pages: dict[str, bytes] = {
        "a page": page.encode(),
        "a page in capitals": page.upper().encode(),
        "a page behind a comment": b"<!-- x -->\n<html><body>a",
        "an xhtml page": xhtml.encode(),
        "a deep page": b"<html>" + b"<div>" * 30_000,
        "a page of signs": b"<html>" + b"<" * 100_000,
        "a bare script": b"<script>location='/x'</script>",
        "a page of zeros": b"<html>\x00\x00</html>",
        "a page in utf-16": page.encode("utf-16"),
        "a page of letters": b"<html>" + b"&amp;" * 50_000,
    }
    for name, body in pages.items():
        yield _odd(name, body, content_type="text/html")
    for name, body in {"nothing": b"", "blanks": b" \r\n\t ", "a mark": b"\xef\xbb\xbf"}.items():
        yield _odd(name, body, code="feed_empty")
    nothing: dict[str, bytes] = {
        "words": "Xin chào".encode(),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "a paper": b"%PDF-1.4\n%\xe2\xe3",
        "opml": b"<opml version='2.0'><body/></opml>",
        "a map": b"<urlset><url><loc>https://donvi.gov.vn/</loc></url></urlset>",
        "random": random.Random(1).randbytes(5000),
        "soap": b"<soap:Envelope/>",
        "other json": b'{"error": 403}',
        "a list": b"[1, 2]",
        "a path": b"/etc/passwd",
        "an address": b"http://127.0.0.1:1/rss",
        "half a tag": b"<",
        "an empty tag": b"<>",
        "an end": b"</rss>",
        "no root": b"<?xml version='1.0'?>",
        "a number": b"{1}",
        "nan": b'{"version": NaN}',
    }
    for name, body in nothing.items():
        yield _odd(name, body, code="feed_unreadable")


def _strange_json() -> Iterator[Odd]:
    fields = (
        "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image",
        "date_published", "date_modified", "authors", "tags", "attachments",
    )  # fmt: skip
    odd: tuple[object, ...] = (None, True, 7, -1.5, "", "\0\ud800x", [], [None, 1, {}], {"a": []})
    version = "https://jsonfeed.org/version/1"
    for name in fields:
        items = [{"id": str(n), "title": "T", name: value} for n, value in enumerate(odd)]
        yield _odd(f"json {name}", json.dumps({"version": version, "items": items}))
    for name in ("title", "home_page_url", "feed_url", "hubs", "language", "authors", "author"):
        for number, value in enumerate(odd):
            head = {"version": version, "items": [{"id": 1, "title": "T"}], name: value}
            yield _odd(f"json head {name} {number}", json.dumps(head), "T")
    for name, value in {"a dict": {}, "null": None, "words": "a", "a number": 1}.items():
        body = json.dumps({"version": version, "items": value}).encode()
        yield Odd(name=f"json items {name}", body=body, titles=())
    big = f'{{"version":"{version}","x":{"9" * 10_000}}}'
    yield _odd("json big number", big, code="feed_unreadable")
    yield _odd("json twice", GOOD_JSON + GOOD_JSON, code="feed_unreadable")
    yield _odd("json", GOOD_JSON, "Tin 1", "Tin 2")


def _strange_names() -> Iterator[Odd]:
    """Guids and links as content systems make them."""
    guid = "<guid>https://donvi.gov.vn</guid>"
    shared = (f"<item><title>{n}</title>{guid}<link>/{n}</link></item>" for n in ("Một", "Hai"))
    yield _odd("one guid for all", rss("".join(shared)), "Một", "Hai")
    yield _odd("one entry twice", rss(item() + item()), TITLE)
    nameless = "<item><title>Một</title></item><item><title>Hai</title></item>"
    yield _odd("no names at all", rss(nameless), "Một", "Hai")
    for name, odd in {"long": "x" * 9000, "with tags": "<b>1</b>&lt;script&gt;"}.items():
        text = rss(f"<item><title>{TITLE}</title><guid>{odd}</guid></item>")
        yield _odd(f"a guid {name}", text, TITLE)


def _mutated() -> Iterator[Odd]:
    """Good documents with a few bytes changed, dropped or doubled."""
    dice = random.Random(20261120)
    for number in range(60):
        body = bytearray((GOOD_RSS, GOOD_ATOM, GOOD_JSON.decode())[number % 3].encode())
        for _ in range(1 + number % 7):
            at = dice.randrange(len(body))
            match dice.randrange(4):
                case 0:
                    body[at] = dice.randrange(256)
                case 1:
                    del body[at : at + dice.randrange(1, 40)]
                case 2:
                    body[at:at] = body[at : at + 60] * dice.randrange(1, 4)
                case _:
                    body[at:at] = dice.choice((b"<", b">", b"&", b"]]>", b"<!--", b'"', b"\x00"))
        yield Odd(name=f"mutated {number}", body=bytes(body))
