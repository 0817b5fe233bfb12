"""Whether the addresses that published items link to still answer, asked politely once a week.

Nothing is called broken on one failure alone: it must fail twice, a day apart. Some sites refuse
programs; of those nothing is known, and nobody is alarmed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urldefrag, urlsplit
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.content.body import parse
from services.sources.tables import LinkCheck, LinkScan, LinkUse
from services.storage.columns import new_id
from shared.contract.blocks import Block, Figure, Heading, Listing, Paragraph, Quote
from shared.fetch import WEB, FetchFailedError, FetchRefusedError, Guard, fetch

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
# Longer than the slowest round of one host, so that a worker that died is followed by the next.
_LEASE: Final = timedelta(minutes=15)
_LINK_CHARS: Final = 2_048
_PER_ITEM: Final = 200
_PER_HOST: Final = 5
_BODY_BYTES: Final = 256 * 1024
_GONE: Final = frozenset({404, 410})
# What a site answers to programs it does not know, or to too many questions.
_REFUSES: Final = frozenset({401, 402, 403, 405, 406, 407, 408, 423, 425, 429, 451, 503, 999})
_ASK_AGAIN: Final = frozenset({400, 403, 404, 405, 406, 410, 500, 501, 503})
_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"accept": "text/html, */*;q=0.8"})

# Events of the public record tell which items are to be searched: no turn looks at every item.
_DUE: Final = text(
    """
    SELECT id, item_id FROM public_event WHERE links_due ORDER BY id LIMIT :most
       FOR UPDATE SKIP LOCKED
    """
)
_PUBLIC_NOW: Final = text(
    """
    SELECT i.id, i.released_no AS no, r.body, r.source_url
      FROM item i JOIN revision r ON r.item_id = i.id AND r.no = i.released_no
     WHERE i.id = ANY(:items) AND i.withdrawn_at IS NULL
    """
)
_DONE: Final = text("UPDATE public_event SET links_due = false WHERE id = ANY(:events)")
_FORGET_SCANS: Final = text("DELETE FROM link_scan WHERE item_id = ANY(:items)")
_FORGET_USES: Final = text("DELETE FROM link_use WHERE item_id = ANY(:items)")
# A few of each host at a time, and only what a published item still carries.
_CLAIM: Final = text(
    """
    WITH due AS (
      SELECT c.id, row_number() OVER (PARTITION BY c.host ORDER BY c.next_at) AS nth, c.next_at
        FROM link_check c
       WHERE c.next_at <= :now
         AND EXISTS (SELECT 1 FROM link_use u WHERE u.link_id = c.id)),
    mine AS (
      SELECT c.id FROM link_check c JOIN due ON due.id = c.id
       WHERE due.nth <= :per_host AND c.next_at <= :now
       ORDER BY due.next_at LIMIT :most FOR UPDATE OF c SKIP LOCKED)
    UPDATE link_check SET next_at = :until FROM mine WHERE link_check.id = mine.id
    RETURNING link_check.id, link_check.url, link_check.host
    """
)
_BROKEN: Final = text(
    """
    SELECT c.id, c.url, c.status, c.problem, c.failing_since, c.asked_at,
           i.id AS item_id, r.title, i.code
      FROM link_check c JOIN link_use u ON u.link_id = c.id JOIN item i ON i.id = u.item_id
      JOIN revision r ON r.item_id = i.id AND r.no = i.released_no
     WHERE c.state = 'broken' AND i.withdrawn_at IS NULL AND i.unit_id = ANY(:units)
     ORDER BY c.broken_at DESC, c.id, i.id LIMIT :most
    """
)
_COUNTS: Final = text(
    """
    SELECT c.state, count(DISTINCT c.id) AS number
      FROM link_check c JOIN link_use u ON u.link_id = c.id JOIN item i ON i.id = u.item_id
     WHERE c.state IN ('broken','unknown') AND i.withdrawn_at IS NULL AND i.unit_id = ANY(:units)
     GROUP BY c.state
    """
)
_SOME: Final = text(
    """
    SELECT EXISTS (
      SELECT 1 FROM link_use u JOIN item i ON i.id = u.item_id
       WHERE i.withdrawn_at IS NULL AND i.unit_id = ANY(:units))
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An address to be asked now."""

    id: UUID
    url: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an address said: `good`, `failing` or `unknown`, with the status or a code."""

    verdict: str
    status: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A published item that carries a broken link."""

    item_id: UUID
    code: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A link that has not answered for a day and more, and the published items that carry it."""

    id: UUID
    url: str
    status: int | None
    problem: str
    since: datetime
    asked_at: datetime
    items: tuple[Affected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many links of published items are broken, or of how many nothing can be known.

    `some`: whether those items carry any link at all.
    """

    broken: int
    unknown: int
    some: bool


def links_of(body: str, source_url: str = "") -> tuple[str, ...]:
    """The web addresses that a body and its credit lead to, each once and without its fragment."""
    found = [*_links(parse(body)), source_url]
    sound = (urldefrag(one).url for one in found if urlsplit(one).scheme in WEB)
    return tuple(dict.fromkeys(one for one in sound if len(one) <= _LINK_CHARS))[:_PER_ITEM]


async def gather(session: AsyncSession, *, public_url: str, now: datetime, most: int = 200) -> int:
    """Notes the links of items that became public, and forgets those of withdrawn ones.

    Gives how many events it has looked after: fewer than `most` when none is left. Safe to repeat
    and to run twice. Links to our own pages are left out: those break by nobody else's hand.
    """
    due = (await session.execute(_DUE, {"most": most})).all()
    if not due:
        return 0
    items = list({row.item_id for row in due})
    await session.execute(_DONE, {"events": [row.id for row in due]})
    await session.execute(_FORGET_USES, {"items": items})
    await session.execute(_FORGET_SCANS, {"items": items})
    rows = (await session.execute(_PUBLIC_NOW, {"items": items})).all()
    if not rows:
        return len(due)
    own = urlsplit(public_url).netloc
    of_item = {
        row.id: [u for u in links_of(row.body, row.source_url) if urlsplit(u).netloc != own]
        for row in rows
    }
    known = await _known(session, {url for urls in of_item.values() for url in urls}, now)
    uses = [
        {"item_id": item_id, "link_id": known[url]}
        for item_id, urls in of_item.items()
        for url in urls
    ]
    if uses:
        await session.execute(insert(LinkUse).values(uses).on_conflict_do_nothing())
    scans = insert(LinkScan).values([{"item_id": row.id, "revision_no": row.no} for row in rows])
    await session.execute(
        scans.on_conflict_do_update(
            index_elements=["item_id"], set_={"revision_no": scans.excluded.revision_no}
        )
    )
    return len(due)


async def claim(session: AsyncSession, *, now: datetime, most: int = 60) -> tuple[Due, ...]:
    """Addresses whose time has come, a few of each host; nobody else asks them for a while."""
    rows = await session.execute(
        _CLAIM, {"now": now, "until": now + _LEASE, "most": most, "per_host": _PER_HOST}
    )
    return tuple(Due(id=row.id, url=row.url, host=row.host) for row in rows)


async def ask(url: str, guard: Guard) -> Answer:
    """Asks an address by HEAD, and by GET where that tells nothing. Never raises."""
    gentle = replace(
        guard,
        schemes=WEB,
        redirects=3,
        packed_bytes=_BODY_BYTES,
        body_bytes=_BODY_BYTES,
        kinds=None,
    )
    answer = await _asked("HEAD", url, gentle)
    if answer.verdict == "good" or (answer.status not in _ASK_AGAIN and answer.status is not None):
        return answer
    return await _asked("GET", url, gentle)


async def note(session: AsyncSession, link_id: UUID, answer: Answer, *, now: datetime) -> str:
    """Keeps what an address said, and gives its state. Safe to repeat."""
    link = await session.get_one(LinkCheck, link_id, with_for_update=True)
    link.asked_at, link.status, link.problem = now, answer.status, answer.problem
    if answer.verdict != "failing":
        link.state = answer.verdict
        link.failing_since = link.broken_at = None
        link.next_at = now + WEEK
        return link.state
    link.failing_since = link.failing_since or now
    if now - link.failing_since >= DAY:
        link.broken_at = link.broken_at or now
    link.state = "broken" if link.broken_at else "suspect"
    link.next_at = now + DAY
    return link.state


async def broken(
    session: AsyncSession, unit_ids: Collection[UUID], *, most: int = 500
) -> tuple[Broken, ...]:
    """The broken links of these units' published items, the newest first, each with its items."""
    rows = (await session.execute(_BROKEN, {"units": list(unit_ids), "most": most})).all()
    found: dict[UUID, Broken] = {}
    for row in rows:
        item = Affected(item_id=row.item_id, code=row.code, title=row.title)
        one = found.get(row.id)
        found[row.id] = (
            replace(one, items=(*one.items, item))
            if one
            else Broken(
                id=row.id,
                url=row.url,
                status=row.status,
                problem=row.problem,
                since=row.failing_since,
                asked_at=row.asked_at,
                items=(item,),
            )
        )
    return tuple(found.values())


async def counts(session: AsyncSession, unit_ids: Collection[UUID]) -> Counts:
    """How the links of these units' published items stand."""
    values = {"units": list(unit_ids)}
    found = {row.state: row.number for row in await session.execute(_COUNTS, values)}
    return Counts(
        broken=found.get("broken", 0),
        unknown=found.get("unknown", 0),
        some=bool(await session.scalar(_SOME, values)),
    )


async def _asked(method: str, url: str, guard: Guard) -> Answer:
    try:
        fetched = await fetch(method, url, guard=guard, headers=_HEADERS)
    except FetchRefusedError as error:
        return Answer(verdict="unknown", problem=error.code)
    except FetchFailedError as error:
        # Something answers there; how long it is does not matter to a link.
        if error.code in ("fetch_too_large", "fetch_kind"):
            return Answer(verdict="good")
        return Answer(verdict="failing", problem=error.code)
    status = fetched.status
    if status in _GONE:
        return Answer(
            verdict="failing", status=status, problem="gone" if status == 410 else "missing"
        )
    if status in _REFUSES:
        return Answer(verdict="unknown", status=status, problem="refuses")
    if status >= 400:
        return Answer(verdict="failing", status=status, problem="server_error")
    return Answer(verdict="good", status=status)


async def _known(session: AsyncSession, urls: Collection[str], now: datetime) -> Mapping[str, UUID]:
    if not urls:
        return {}
    rows = [
        LinkCheck(id=new_id(), url=url, host=urlsplit(url).hostname or "", next_at=now).model_dump()
        for url in sorted(urls)
    ]
    await session.execute(insert(LinkCheck).values(rows).on_conflict_do_nothing())
    found = await session.execute(
        text("SELECT id, url FROM link_check WHERE url = ANY(:urls)"), {"urls": list(urls)}
    )
    return {row.url: row.id for row in found}


def _links(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(spans=spans) | Heading(spans=spans):
                yield from (span.href for span in spans if span.href)
            case Quote(blocks=inner):
                yield from _links(inner)
            case Listing(entries=entries):
                for entry in entries:
                    yield from _links(entry)
            case Figure(url=url):
                if url:
                    yield url
