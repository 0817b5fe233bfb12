"""Search that finds `thong bao` in “Thông báo”: folded words, fast among a million."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content.tables import Item, Media, Revision
from shared.text import fold

# PostgreSQL refuses a search vector beyond 1 MiB; folding can triple a text of Hangul.
_BODY_CHARS = 100_000
_WORDS_ASKED = 12
_WORD_CHARS = 100  # PostgreSQL takes 2,046 bytes; a text without blanks is one word
_NOT_WORD = re.compile(r"[\W_]+")

# How many of the newest rows are looked through one by one before the index is asked; so many more
# where it would bring a crowd.
_NEAR: Final = 2_000
_FAR: Final = 20_000
_CROWD: Final = 100_000
# So few rows are soon looked at one by one: the index need not narrow them further.
_FEW: Final = 1_000
# A word that so many of all rows hold costs the index more than it narrows; a beginning much
# sooner, for all that hold a word that begins so are gathered before anything is compared.
_COMMON: Final = 0.5
_COMMON_BEGINNING: Final = 0.05
# What follows finds its rows by index, whatever the planner thinks of reading everything.
_BY_INDEX: Final = text(
    """
    SELECT set_config('enable_seqscan', 'off', true),
           set_config('max_parallel_workers_per_gather', '0', true),
           (SELECT reltuples FROM pg_class WHERE oid = CAST(:table AS regclass)) AS rows
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How rows that hold certain words are best found, newest first.

    `words` is what each must hold, `index` the part of it that the index is asked for. A page of
    them should stand among the newest `near` rows; 0 where so few hold them that it will not.
    """

    words: str
    index: str
    near: int


# The very words, here and in queries (`CAST(CAST(:q AS text) AS tsquery)`): PostgreSQL's own parser
# takes `4e101a` for a number and a word beside it, and knows other letters than Python does.
# Written out, since every save makes one: putting it together piece by piece took longer than the
# rest of the statement.
_VECTOR: Final = text("array_to_tsvector(CAST(:words AS text[]))")


def vector(item: Item, revision: Revision) -> TextClause:
    """The search vector of an item: which words its title, code, summary, tags, facts, body hold.

    Not where they stand: lists are by date, and a narrow row is found in half the time.
    """
    facts = " ".join((revision.document or {}).values())
    parts = (
        f"{revision.title} {item.code}",
        f"{revision.summary} {' '.join(revision.tags)} {revision.author} {facts}",
        revision.body[:_BODY_CHARS],
    )
    return _VECTOR.bindparams(words=list({word for part in parts for word in _words(part)}))


def media_vector(media: Media) -> TextClause:
    """The search vector of a file: all that people say of it, a document's number too."""
    told = (media.alt, media.caption, media.credit, media.licence, media.number)
    return _VECTOR.bindparams(words=list(set(_words(" ".join(told)))))


def query(asked: str) -> str | None:
    """What a person typed, written as a `tsquery`; None when it has no word.

    Every word must occur, the last one as a whole word or as the beginning of one: it may be half
    typed. The others are whole, for what begins with a syllable of Vietnamese is another word, and
    an index tells who holds a word a hundred times faster than who holds what begins so.
    """
    words = _words(asked[:500])[:_WORDS_ASKED]
    return " & ".join([*words[:-1], f"{words[-1]}:*"]) if words else None


async def plan(
    session: AsyncSession, table: Literal["item", "public_entry"], asked: str
) -> Plan | None:
    """How to find what a person typed among the rows of a table; None when it has no word.

    Goes by PostgreSQL's own estimates, and for the rest of the transaction makes it prefer indexes.
    """
    words = query(asked)
    if words is None:
        return None
    rows = max(1.0, (await session.execute(_BY_INDEX, {"table": table})).one().rows)
    each = words.split(" & ")
    estimated = await _estimated(session, table, [words, *each])
    index: list[str] = []
    left = rows
    for count, word in sorted(zip(estimated[1:], each, strict=True)):
        common = _COMMON_BEGINNING if word.endswith(":*") else _COMMON
        if index and (left <= _FEW or count > rows * common):
            continue
        index.append(word)
        left *= count / rows
    near = _FAR if left > _CROWD else _NEAR if estimated[0] * _NEAR >= rows else 0
    return Plan(words=words, index=" & ".join(index), near=near)


async def _estimated(session: AsyncSession, table: str, queries: Sequence[str]) -> list[float]:
    """How many rows of a table PostgreSQL thinks fit each query; it looks at none."""
    each = (
        f"SELECT 1 FROM {table} WHERE search @@ CAST(CAST(:q{no} AS text) AS tsquery)"  # noqa: S608
        for no, _ in enumerate(queries)
    )
    told = await session.execute(
        text(f"EXPLAIN (FORMAT JSON) {' UNION ALL '.join(each)}"),
        {f"q{no}": one for no, one in enumerate(queries)},
    )
    return [one["Plan Rows"] for one in told.scalar_one()[0]["Plan"]["Plans"]]


def _words(text: str) -> list[str]:
    return [word[:_WORD_CHARS] for word in _NOT_WORD.sub(" ", fold(text))[:_BODY_CHARS].split()]
