"""Knowing that an entry has arrived: which revision a portal fetched, and whether it shows it.

A fetch proves that the portal was given an entry, not that a visitor can see it. So where an admin
has named the portal's page (or its own feed), that page is looked at some minutes after each
change, a few times at most, like any visitor would.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import unescape
from typing import Final, Literal, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.tables import Account
from services.delivery import portal as portals
from services.delivery.hub import Hub
from services.delivery.portal import PORTAL, Entry
from shared.errors import LoaError
from shared.fetch import WEB, Fetched, fetch

Found: TypeAlias = Literal["shown", "gone", "old", "absent", "unreadable"]

# How long after a change the portal's page is looked at: most portals read feeds every 5 to 60
# minutes. After the last one nobody looks any more, and the board says what was seen then.
LOOKS: Final = tuple(timedelta(minutes=minutes) for minutes in (3, 8, 20, 65, 360, 1440))
_AT_ONCE: Final = 4
_MOST: Final = 500
_PAGE_BYTES: Final = 5 * 1024 * 1024

_log = structlog.get_logger(__name__)

_FETCHED = text(
    """
    INSERT INTO arrival (publication_id, fetched_revision_no, fetched_at, generation, looks)
    SELECT id, coalesce(observed_revision_no, 0), seen_at, 0, 0 FROM publication
     WHERE id = ANY(:ids) AND seen_at = :now
    ON CONFLICT (publication_id) DO UPDATE SET
      fetched_revision_no = excluded.fetched_revision_no, fetched_at = excluded.fetched_at
    """
)

# Claims what is due by moving its next look on: of two workers one looks, and one that dies on the
# way leaves the look after this one standing.
_CLAIM = text(
    """
    WITH looked AS (
      SELECT id FROM account
       WHERE channel = :portal AND stage <> 'closed'
         AND coalesce(settings ->> 'look_at', '') <> ''),
    fresh AS (
      SELECT f.publication_id FROM looked JOIN feed_entry f ON f.account_id = looked.id
       WHERE f.published_at > CAST(:now AS timestamptz) - interval '2 days'
       UNION
      SELECT f.publication_id FROM looked JOIN feed_entry f ON f.account_id = looked.id
       WHERE f.changed_at > f.published_at
         AND f.changed_at > CAST(:now AS timestamptz) - interval '2 days'),
    due AS (
      SELECT p.id, p.observed_generation, p.observed_at
        FROM fresh
        JOIN publication p ON p.id = fresh.publication_id
        LEFT JOIN arrival v ON v.publication_id = p.id
       WHERE p.state IN ('live','withdrawn')
         AND CASE WHEN v.generation = p.observed_generation THEN v.look_at <= :now
                  ELSE p.observed_at <= CAST(:now AS timestamptz) - (CAST(:looks AS interval[]))[1]
                  END
       ORDER BY p.observed_at LIMIT :most)
    INSERT INTO arrival AS v (publication_id, generation, looks, look_at)
    SELECT id, observed_generation, 1, observed_at + (CAST(:looks AS interval[]))[2] FROM due
     ORDER BY id
    ON CONFLICT (publication_id) DO UPDATE SET
      generation = excluded.generation,
      looks = CASE WHEN v.generation = excluded.generation THEN v.looks + 1 ELSE 1 END,
      look_at = CASE WHEN v.generation = excluded.generation
                     THEN excluded.look_at - (CAST(:looks AS interval[]))[2]
                          + (CAST(:looks AS interval[]))[v.looks + 2]
                     ELSE excluded.look_at END,
      found = CASE WHEN v.generation = excluded.generation THEN v.found END,
      shown_at = CASE WHEN v.generation = excluded.generation THEN v.shown_at END
    WHERE v.generation <> excluded.generation OR v.look_at <= :now
    RETURNING publication_id
    """
)
_WANTED = text(
    """
    SELECT p.id, p.account_id, p.observed_generation, p.observed_rendition_id IS NULL AS withdrawn,
           a.settings ->> 'look_at' AS address, i.code, r.payload ->> 'title' AS title,
           (SELECT coalesce(array_agg(DISTINCT o.payload ->> 'title'), '{}')
              FROM rendition o JOIN revision v ON v.id = o.revision_id
             WHERE v.item_id = p.item_id AND v.no <= i.released_no
               AND o.account_id = p.account_id) AS titles
      FROM publication p
      JOIN account a ON a.id = p.account_id
      JOIN item i ON i.id = p.item_id
      LEFT JOIN rendition r ON r.id = p.observed_rendition_id
     WHERE p.id = ANY(:ids)
    """
)
_SEEN = text(
    """
    UPDATE arrival SET
      looked_at = :now, found = n.found,
      shown_at = CASE WHEN n.found IN ('shown','gone') THEN coalesce(shown_at, :now) END,
      look_at = CASE WHEN n.found NOT IN ('shown','gone') THEN look_at END
      FROM unnest(CAST(:ids AS uuid[]), CAST(:generations AS int[]), CAST(:found AS text[]))
             AS n(id, generation, found)
     WHERE publication_id = n.id AND arrival.generation = n.generation
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What should be seen of one publication. `titles` are all it ever had on this portal."""

    publication_id: UUID
    generation: int
    code: str
    title: str | None
    titles: tuple[str, ...]


async def visited(
    session: AsyncSession,
    hub: Hub,
    account_id: UUID,
    *,
    key: str | None,
    user_agent: str,
    now: datetime,
    served: Sequence[Entry],
) -> bool:
    """Notes that whoever came with this key holds these entries, if that was the portal itself.

    False for anybody else. The first fetch counts, per generation. Safe to repeat.
    """
    account = await session.get(Account, account_id)
    portal = await portals.find(session, account.remote_id) if account is not None else None
    if portal is None or not portals.is_the_portal(hub, portal, key):
        return False
    await portals.record_fetch(session, account_id, user_agent, now, served)
    unseen = [one.publication_id for one in served if one.seen_at is None]
    if unseen:
        await session.execute(_FETCHED, {"ids": unseen, "now": now})
    return True


async def look(hub: Hub, now: datetime) -> Mapping[str, int]:
    """Looks at the pages of portals where something should be seen by now; gives what was found.

    One request per portal serves all its publications. Each look is claimed first, so this is safe
    to run twice at once. No unit of work is open while a page is asked for.
    """
    steps = list(LOOKS)
    async with hub.open_work() as session:
        claimed = (
            await session.scalars(
                _CLAIM, {"portal": PORTAL, "now": now, "looks": steps, "most": _MOST}
            )
        ).all()
        rows = (await session.execute(_WANTED, {"ids": list(claimed)})).all() if claimed else []
    pages: dict[tuple[UUID, str], list[Wanted]] = {}
    for row in rows:
        wanted = Wanted(
            publication_id=row.id,
            generation=row.observed_generation,
            code=row.code,
            title=None if row.withdrawn else str(row.title or ""),
            titles=tuple(title for title in row.titles if title),
        )
        pages.setdefault((row.account_id, str(row.address)), []).append(wanted)
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(account_id: UUID, address: str, wanted: Sequence[Wanted]) -> list[Found]:
        async with few:
            return await _look_at(hub, account_id, address, wanted, now)

    found = await asyncio.gather(*(one(*page, wanted) for page, wanted in pages.items()))
    counts: dict[str, int] = {}
    for name in (name for names in found for name in names):
        counts[name] = counts.get(name, 0) + 1
    return counts


async def _look_at(
    hub: Hub, account_id: UUID, address: str, wanted: Sequence[Wanted], now: datetime
) -> list[Found]:
    guard = replace(hub.guard, schemes=WEB, redirects=3, body_bytes=_PAGE_BYTES)
    found: list[Found]
    try:
        page = await fetch("GET", address, guard=guard, headers={"Accept": "text/html, */*;q=0.5"})
    except LoaError as error:
        _log.info("arriving.page_unreadable", account=str(account_id), code=error.code)
        found = ["unreadable"] * len(wanted)
    else:
        words = readable(page) if page.status == 200 else None
        if words is None:
            _log.info("arriving.page_unreadable", account=str(account_id), status=page.status)
        found = [judged(words, one) if words is not None else "unreadable" for one in wanted]
    async with hub.open_work() as session:
        await session.execute(
            _SEEN,
            {
                "now": now,
                "ids": [one.publication_id for one in wanted],
                "generations": [one.generation for one in wanted],
                "found": found,
            },
        )
    return found


# ── Reading a page ───────────────────────────────────────────────────────────────────────────────

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)")
_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[|\]\]>|</?(?:b|i|em|strong|span|mark)\b[^>]*>", re.S)
_TAG_END = re.compile(r"\s*[<>]\s*")
_SPACES = re.compile(r"\s+")
_WITHDRAWN: Final = "[thu hồi] "


def readable(page: Fetched) -> str:
    """A page or feed as one line of words and addresses, ready to be searched.

    Addresses stand in attributes, so markup stays; only what may stand inside a title goes.
    """
    told = _CHARSET.search(page.headers.get("content-type", "")) or _CHARSET.search(
        page.body[:2048].decode("latin-1")
    )
    try:
        words = page.body.decode(told.group(1) if told else "utf-8", "replace")
    except LookupError:
        words = page.body.decode("utf-8", "replace")
    if "json" in page.headers.get("content-type", ""):
        words = _unescaped(words)
    # Feeds carry HTML inside XML: what is escaped twice is read twice.
    return _tidy(_MARKUP.sub("", unescape(unescape(words))))


def judged(words: str, wanted: Wanted) -> Found:
    """What a page shows of a publication; `words` are those of `readable`.

    The item's code is the strongest sign, but many portals link to a copy of their own, so its
    title alone counts too.
    """
    linked = re.search(rf"\b{re.escape(wanted.code.lower())}(?![\w-])", words) is not None
    if wanted.title is not None:
        if _stands(words, wanted.title):
            return "shown"
        others = [title for title in wanted.titles if title != wanted.title]
        if any(_stands(words, title) for title in others):
            return "old"
        return ("old" if others else "shown") if linked else "absent"
    bare = words
    for title in wanted.titles:
        bare = bare.replace(_WITHDRAWN + _tidy(title), "")
    if any(_stands(bare, title) for title in wanted.titles):
        return "old"
    return "old" if linked and bare == words else "gone"


def _stands(words: str, title: str) -> bool:
    return bool(title) and _tidy(title) in words


def _tidy(words: str) -> str:
    folded = unicodedata.normalize("NFC", words).casefold()
    return _SPACES.sub(" ", _TAG_END.sub(lambda found: found.group().strip(), folded)).strip()


def _unescaped(words: str) -> str:
    try:
        return json.dumps(json.loads(words), ensure_ascii=False)
    except ValueError:
        return words
