"""Search that finds `thong bao` in “Thông báo”: folded words, weighed by where they stand."""

import re
from typing import Final

from sqlalchemy import ColumnElement, String, func, literal_column

from services.content.tables import Item, Media, Revision
from shared.text import fold

# PostgreSQL refuses a search vector beyond 1 MiB; folding can triple a text of Hangul.
_BODY_CHARS = 100_000
_WORDS_ASKED = 12
# The type of a weight is "char", which no bound parameter has.
_A: Final = literal_column("'A'", String)
_B: Final = literal_column("'B'", String)
_C: Final = literal_column("'C'", String)
_NOT_WORD = re.compile(r"[\W_]+")


def vector(item: Item, revision: Revision) -> ColumnElement[str]:
    """The search vector of an item: title and code first, then summary, tags, facts, then body."""
    facts = " ".join((revision.document or {}).values())
    parts = (
        (_A, f"{revision.title} {item.code}"),
        (_B, f"{revision.summary} {' '.join(revision.tags)} {revision.author} {facts}"),
        (_C, revision.body[:_BODY_CHARS]),
    )
    weighed = [
        func.setweight(func.to_tsvector("simple", _words(text)[:_BODY_CHARS]), weight)
        for weight, text in parts
    ]
    return weighed[0].op("||")(weighed[1]).op("||")(weighed[2])


def media_vector(media: Media) -> ColumnElement[str]:
    """The search vector of a file: all that people say of it, a document's number too."""
    told = (media.alt, media.caption, media.credit, media.licence, media.number)
    return func.to_tsvector("simple", _words(" ".join(told))[:_BODY_CHARS])


def query(asked: str) -> str | None:
    """What a person typed as a `tsquery` over the `simple` configuration; None when it has no word.

    Every word must occur, as a whole word or as the beginning of one.
    """
    words = _words(asked[:500]).split()[:_WORDS_ASKED]
    return " & ".join(f"{word}:*" for word in words) or None


def _words(text: str) -> str:
    return _NOT_WORD.sub(" ", fold(text)).strip()
