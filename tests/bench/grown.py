"""A portal of decades: its rows as years of work would leave them, made fast.

The words are syllables as often as syllables are in Vietnamese: a few stand in every item, most in
one of fifty. `covid` was in a third of what was written in two years and never since, `tenho17`
stands in some items, `so 4711` in one.
"""

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.proof import wording
from shared.text import fold

EVERY: Final = timedelta(minutes=5)  # an item
PARAGRAPHS: Final = 2000
_OF_THEN: Final = 100  # further ones, of the years of one subject
_ONSETS: Final = "b c ch d đ g gh h kh l m n ng nh ph qu r s t th tr v x"
_RIMES: Final = (
    "a ai an ang anh ao ăm ân âu ac ach am ap at e em en eo ê ên i ia in inh o oa oai oan oi on"
    " ông ô ôi ơ ơi u ua ui um ung ư ưa ương ươi y yên yêu iêm iêc uôc uyêt"
)
_TABLES: Final = (
    *("item", "revision", "rendition", "publication", "feed_entry"),
    *("public_event", "public_entry", "public_text"),
)

# Indexes are made after the rows, in one go: a tenth of the time that each row in turn would take.
_INDEXES: Final = text(
    """
    SELECT i.indexname AS name, i.indexdef AS made
      FROM pg_indexes i
      JOIN pg_class c ON c.relname = i.indexname AND c.relnamespace = 'public'::regnamespace
     WHERE i.schemaname = 'public' AND i.tablename = ANY(:tables)
       AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = c.oid)
    """
)

# Ids grow with time, and what is of one day stands together.
_PREPARED: Final = (
    """
    CREATE FUNCTION pg_temp.id_at(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
      SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
              || substr(md5(random()::text), 1, 19))::uuid
    $$
    """,
    """
    CREATE TEMP TABLE paragraph AS
    SELECT x.no, x.words, to_tsvector('simple', x.folded) AS search, x.shingles::int[] AS shingles
      FROM jsonb_to_recordset(CAST(:paragraphs AS jsonb))
        AS x(no int, words text, folded text, shingles int[])
    """,
    "ALTER TABLE paragraph ADD PRIMARY KEY (no)",
    """
    CREATE TEMP TABLE written AS
    SELECT g, t.at, pg_temp.id_at(t.at) AS item, pg_temp.id_at(t.at) AS revision,
           pg_temp.id_at(t.at) AS rendition, pg_temp.id_at(t.at) AS publication,
           'L-' || extract(year FROM t.at) || '-' || lpad(g::text, 7, '0') AS code,
           'Thông báo số ' || g || ' về lịch tiếp công dân ở xã tenho' || g / 50 AS title,
           (hashint4(g) & 2147483647) % CAST(:general AS int) AS one,
           CASE WHEN g BETWEEN CAST(:items AS int) * 0.4 AND CAST(:items AS int) * 0.6 AND g % 3 = 0
                THEN CAST(:general AS int) + g % CAST(:special AS int)
                ELSE (hashint4(g + 7) & 2147483647) % CAST(:general AS int) END AS two
      FROM generate_series(CAST(:items AS int), 1, -1) g,
           LATERAL (SELECT now() - g * CAST(:every AS interval) AS at) t
    """,
    "ANALYZE written",
    """
    CREATE TEMP TABLE house AS
    SELECT CAST(:unit AS uuid) AS unit, CAST(:editor AS uuid) AS editor,
           CAST(:account AS uuid) AS account
    """,
)
_ROWS: Final = (
    """
    INSERT INTO item (id, code, unit_id, kind, revision_no, released_no, version, created_by,
                      created_at, updated_at, published_at, search)
    SELECT w.item, w.code, u.unit, (ARRAY['news','document','warning'])[1 + w.g % 3],
           1, 1, 1, u.editor, w.at, w.at, w.at,
           strip(to_tsvector('simple', 'thong bao so ' || w.g || ' ve lich tiep cong dan o xa tenho'
                                       || w.g / 50 || ' ' || replace(lower(w.code), '-', ' '))
                 || one.search || two.search)
      FROM house u, written w
      JOIN paragraph one ON one.no = w.one JOIN paragraph two ON two.no = w.two
     ORDER BY w.at
    """,
    """
    INSERT INTO revision (id, item_id, no, state, title, summary, body, author, category, tags,
                          overrides, media, correction_note, note, accounts, urgent, content_hash,
                          created_by, last_editor, submitted_by, created_at, updated_at,
                          submitted_at)
    SELECT w.revision, w.item, 1, 'approved', w.title, 'Tóm tắt', one.words || E'\n\n' || two.words,
           '', (ARRAY['tin-tuc','van-ban-chinh-sach'])[1 + w.g % 2], '{}', '{}', '{}', '', '',
           ARRAY[u.account], false, 'h', u.editor, u.editor, u.editor, w.at, w.at, w.at
      FROM house u, written w
      JOIN paragraph one ON one.no = w.one JOIN paragraph two ON two.no = w.two
     ORDER BY w.at
    """,
    """
    INSERT INTO rendition (id, revision_id, account_id, payload, hash, problems, made_at)
    SELECT w.rendition, w.revision, u.account,
           jsonb_build_object('guid', 'https://loa.test/tin/' || w.code, 'title', w.title,
             'summary', 'Tóm tắt', 'html', '<p>' || one.words || '</p>',
             'link', 'https://loa.test/tin/' || w.code,
             'category', (ARRAY['tin-tuc','van-ban-chinh-sach'])[1 + w.g % 2]), 'h', '[]', w.at
      FROM house u, written w JOIN paragraph one ON one.no = w.one ORDER BY w.at
    """,
    """
    INSERT INTO publication (id, item_id, account_id, generation, desired_rendition_id,
                             observed_generation, observed_rendition_id, observed_revision_no,
                             state, remote_id, remote_url, not_before, urgent, in_urgent_lane,
                             tries, resends, final, looks, absences, candidates, may_be_visible,
                             created_at, first_observed_at, observed_at, seen_at)
    SELECT publication, item, u.account, 1, rendition, 1, rendition, 1, 'live',
           'https://loa.test/tin/' || code, 'https://loa.test/tin/' || code, at, false, false, 0,
           0, false, 0, 0, '[]', false, at, at, at, at
      FROM written, house u ORDER BY at
    """,
    """
    INSERT INTO feed_entry (publication_id, account_id, rendition_id, unit_id, guid, kind,
                            category, published_at, changed_at, live, seen)
    SELECT publication, u.account, rendition, u.unit, 'https://loa.test/tin/' || code,
           (ARRAY['news','document','warning'])[1 + g % 3],
           (ARRAY['tin-tuc','van-ban-chinh-sach'])[1 + g % 2], at, at, true, true
      FROM written, house u ORDER BY at
    """,
    """
    INSERT INTO public_event (item_id, revision_no, what, at, done_at, links_due)
    SELECT item, 1, 'published', at, at, false FROM written ORDER BY at
    """,
    """
    INSERT INTO public_entry (item_id, revision_no, category, at, changed_at, search)
    SELECT i.id, 1, (ARRAY['tin-tuc','van-ban-chinh-sach'])[1 + w.g % 2], w.at, w.at, i.search
      FROM written w JOIN item i ON i.id = w.item ORDER BY w.at
    """,
    """
    INSERT INTO public_text (item_id, revision_no, words, asides, shingles)
    SELECT w.item, 1, w.title || E'\n' || one.words || E'\n' || two.words, '{}',
           one.shingles || two.shingles || ARRAY(
             SELECT crc32(convert_to(format(words, w.g), 'UTF8')) - 2147483648
               FROM unnest(ARRAY['thong bao so %s', 'bao so %s ve', 'so %s ve lich',
                                 '%s ve lich tiep']) AS words)
      FROM written w JOIN paragraph one ON one.no = w.one JOIN paragraph two ON two.no = w.two
     ORDER BY w.at
    """,
)


async def grow(
    engine: AsyncEngine, items: int, *, unit: UUID, editor: UUID, account: UUID
) -> Mapping[str, float]:
    """Adds so many items to an empty database, each live on one portal; gives seconds by step."""
    values: dict[str, object] = {
        "items": items,
        "every": EVERY,
        "unit": unit,
        "editor": editor,
        "account": account,
        "general": PARAGRAPHS,
        "special": _OF_THEN,
        "paragraphs": _paragraphs(),
    }
    took: dict[str, float] = {}
    async with engine.begin() as connection:
        for setting in (
            "session_replication_role = replica",  # nothing of it happened: triggers are off
            "statement_timeout = 0",
            "synchronous_commit = off",
            "maintenance_work_mem = '768MB'",
            "work_mem = '256MB'",
        ):
            await connection.execute(text(f"SET LOCAL {setting}"))
        indexes = (await connection.execute(_INDEXES, {"tables": list(_TABLES)})).all()
        for one in indexes:
            await connection.execute(text(f'DROP INDEX "{one.name}"'))
        for statement in (*_PREPARED, *_ROWS):
            await _timed(took, connection, statement, values)
        for one in indexes:
            await _timed(took, connection, one.made, {})
    async with engine.connect() as connection:
        lonely = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await lonely.execute(text("SET statement_timeout = 0"))
        await _timed(took, lonely, "VACUUM ANALYZE", {})
    return took


async def _timed(
    took: dict[str, float],
    connection: AsyncConnection,
    statement: str,
    values: Mapping[str, object],
) -> None:
    began = time.monotonic()
    names = {name: value for name, value in values.items() if f":{name}" in statement}
    await connection.execute(text(statement), names)
    took[" ".join(statement.split()[:5])] = time.monotonic() - began


def _paragraphs() -> str:
    """The paragraphs that items are put together of, as JSON; the same at every run."""
    chance = Random(26)
    syllables = _syllables()
    told = []
    for no in range(PARAGRAPHS + _OF_THEN):
        # The cube makes few syllables common and most of them rare, as Zipf found.
        some = [syllables[int(len(syllables) * chance.random() ** 3)] for _ in range(40)]
        if no >= PARAGRAPHS:
            some[5] = "covid"
        words = " ".join(some)
        told.append(
            {"no": no, "words": words, "folded": fold(words), "shingles": wording.shingles(words)}
        )
    return json.dumps(told, ensure_ascii=False)


def _syllables() -> list[str]:
    """Every syllable that words are made of, from the commonest on."""
    every = [onset + rime for rime in _RIMES.split() for onset in _ONSETS.split()]
    Random(11).shuffle(every)
    return every
