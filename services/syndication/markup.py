"""Elements of an XML document as text; character data with hexadecimal references.

A named reference in a title is a warning to a validator of RSS (feeds.md section 2).
"""

from collections.abc import Mapping
from html import escape
from typing import Final

from shared.text import clean

ATOM: Final = "http://www.w3.org/2005/Atom"
CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
DC: Final = "http://purl.org/dc/elements/1.1/"
HISTORY: Final = "http://purl.org/syndication/history/1.0"
MEDIA: Final = "http://search.yahoo.com/mrss/"
TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"


def data(text: str) -> str:
    """Text as character data; what no XML document may hold is left out."""
    sound = clean(text)
    return sound.replace("&", "&#x26;").replace("<", "&#x3C;").replace(">", "&#x3E;")


def element(name: str, text: str = "", attributes: Mapping[str, object] | None = None) -> str:
    """One element; attributes that are None are left out."""
    told = "".join(
        f' {key}="{_quoted(str(value))}"'
        for key, value in (attributes or {}).items()
        if value is not None
    )
    return f"<{name}{told}>{data(text)}</{name}>" if text else f"<{name}{told}/>"


def section(html: str) -> str:
    """HTML in a CDATA section; in HTML the three characters that end one mean the same so."""
    return f"<![CDATA[{html.replace(']]>', ']]&gt;')}]]>"


def link(rel: str, href: str, media_type: str | None = None) -> Mapping[str, object]:
    """The attributes of a link."""
    return {"rel": rel, "type": media_type, "href": href}


def _quoted(value: str) -> str:
    # Named here: two readers in use decode no number in an attribute, and would ask for `&#x26;`.
    sound = escape(clean(value).replace("\n", " ").replace("\t", " "), quote=False)
    return sound.replace('"', "&quot;")
