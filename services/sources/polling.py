"""Asks a source politely, and keeps how it went; what it brought is taken in by `taking`.

No transaction is open while the site answers. Source: feeds.md sections 12.1 and 12.4.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.acts import Act
from services.audit.append import record
from services.sources import pacing, reading, taking
from services.sources.feed import FeedUnreadableError, FoundFeed, ReadFeed, ReadPage
from services.sources.making import BY_RULE
from services.sources.pacing import Pace
from services.sources.tables import Source
from services.storage.session import Opener
from shared.clock import utc_now
from shared.errors import LoaError
from shared.fetch import WEB, Fetched, Guard, fetch

DAY: Final = timedelta(days=1)
# A feed that was not there for so long is not coming back by itself.
LOST_AFTER: Final = timedelta(days=7)
# Longer than one reading takes, so that a worker that died is followed by the next.
_LEASE: Final = timedelta(minutes=10)
_REDIRECTS: Final = 3
# Longer than any that makes sense; a cut one just never matches.
_VALIDATOR_CHARS: Final = 1_000
_DAILY: Final = frozenset({"missing", "blocked", "page"})
_ACCEPT: Final = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)
_spread = SystemRandom()

_log = structlog.get_logger()

_CLAIM: Final = text(
    """
    UPDATE source SET next_at = :until
      FROM (SELECT id FROM source
             WHERE state = 'active' AND removed_at IS NULL AND next_at <= :now
             ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED) AS due
     WHERE source.id = due.id RETURNING source.id, source.url
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A source to be read now."""

    id: UUID
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """How a reading went: its code and the values of its words (`words.result`)."""

    code: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands at an address: a feed itself, or a page with the feeds that it names."""

    url: str
    title: str
    is_feed: bool
    feeds: tuple[FoundFeed, ...] = ()
    entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    url: str
    etag: str
    last_modified: str
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What the site said: a code, and the feed where it brought one."""

    code: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    moved_to: str = ""
    feed: ReadFeed | None = None
    body_hash: str = ""


async def claim(session: AsyncSession, *, now: datetime, most: int = 40) -> tuple[Due, ...]:
    """Sources whose time has come; nobody else reads them for a while."""
    rows = await session.execute(_CLAIM, {"now": now, "until": now + _LEASE, "most": most})
    return tuple(Due(id=row.id, url=row.url) for row in rows)


async def read_source(
    open_work: Opener, guard: Guard, source_id: UUID, *, public_url: str
) -> Went | None:
    """Reads one source now and takes in what is new. None for one that is not there any more.

    Safe to repeat: what was taken in before is known again.
    """
    async with open_work() as session:
        source = await session.get(Source, source_id, with_for_update=True)
        if source is None or source.removed_at is not None:
            return None
        source.asked_at = utc_now()
        question = _Question(
            url=source.url,
            etag=source.etag,
            last_modified=source.last_modified,
            body_hash=source.body_hash,
        )
    heard = await _ask(guard, question)
    async with open_work() as session:
        source = await session.get(Source, source_id, with_for_update=True)
        if source is None or source.removed_at is not None or source.url != question.url:
            return None
        went = await _keep(session, source, heard, public_url=public_url, now=utc_now())
    _log.info("source.read", source=str(source_id), result=went.code)
    return went


async def look_at(url: str, guard: Guard) -> Found:
    """What a person's address leads to. Nothing is stored.

    Raises FetchRefusedError, FetchFailedError, FeedUnreadableError, or InvalidError `source_status`
    where the site answers with an error.
    """
    fetched = await fetch("GET", url, guard=_allowing(guard), headers={"accept": _ACCEPT})
    if fetched.status >= 300:
        raise FeedUnreadableError("source_status", status=fetched.status)
    found = await _read(fetched)
    if isinstance(found, ReadPage):
        return Found(url=fetched.url, title=found.title, is_feed=False, feeds=found.feeds)
    entries = len(found.entries)
    return Found(url=fetched.url, title=found.title, is_feed=True, entries=entries)


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────


async def _ask(guard: Guard, question: _Question) -> _Heard:
    headers = {"accept": _ACCEPT}
    # Byte for byte as they came, quotes included: a validator is not ours to tidy.
    if question.etag:
        headers["if-none-match"] = question.etag
    if question.last_modified:
        headers["if-modified-since"] = question.last_modified
    try:
        fetched = await fetch("GET", question.url, guard=_allowing(guard), headers=headers)
        return await _heard(fetched, question)
    except LoaError as error:
        return _Heard(code=error.code)


async def _heard(fetched: Fetched, question: _Question) -> _Heard:
    told = _Heard(
        code=_code(fetched),
        status=fetched.status,
        headers=fetched.headers,
        moved_to=fetched.moved_for_good or "",
    )
    if told.code != "read":
        return told
    body_hash = hashlib.sha256(fetched.body).hexdigest()
    if body_hash == question.body_hash:
        return replace(told, code="same", body_hash=body_hash)
    try:
        found = await _read(fetched)
    except LoaError as error:
        return replace(told, code=error.code)
    if isinstance(found, ReadPage):
        return replace(told, code="page")
    return replace(told, feed=found, body_hash=body_hash)


async def _read(fetched: Fetched) -> ReadFeed | ReadPage:
    return await reading.read(
        fetched.body,
        url=fetched.url,
        content_type=fetched.headers.get("content-type", ""),
        now=utc_now(),
    )


def _code(fetched: Fetched) -> str:
    status = fetched.status
    known = {304: "same", 410: "gone", 404: "missing", 429: "busy"}
    if status in known:
        return known[status]
    if status == 503 and "retry-after" in fetched.headers:
        return "busy"
    if status >= 500:
        return "server_error"
    if status >= 400:
        return "blocked"
    return "fetch_redirects" if status >= 300 else "read"


def _allowing(guard: Guard) -> Guard:
    return replace(guard, schemes=WEB, redirects=_REDIRECTS)


# ── Keeping ──────────────────────────────────────────────────────────────────────────────────────


async def _keep(
    session: AsyncSession, source: Source, heard: _Heard, *, public_url: str, now: datetime
) -> Went:
    _note_move(source, heard, now)
    if heard.code == "same":
        _succeeded(source, heard, now)
        await taking.confirm(session, source, now)
        return _told(source, "same", {}, now)
    if heard.feed is None:
        return await _failed(session, source, heard, now)
    taken = await taking.take_in(session, source, heard.feed, public_url=public_url, now=now)
    if taken.churned:
        return await _stopped(session, source, "churn", {"count": taken.churned}, now)
    first = source.read_at is None
    _succeeded(source, heard, now)
    source.site = taking.line(heard.feed.title)
    source.title = source.title or source.site or source.url
    if taken.new or taken.edited or first:
        source.changed_at = now
    details: dict[str, object] = {
        "entries": len(heard.feed.entries),
        "new": taken.new,
        "edited": taken.edited,
    }
    return _told(source, "first" if first else "read", details, now)


def _succeeded(source: Source, heard: _Heard, now: datetime) -> None:
    if heard.status != 304:
        source.etag = heard.headers.get("etag", "")[:_VALIDATOR_CHARS]
        source.last_modified = heard.headers.get("last-modified", "")[:_VALIDATOR_CHARS]
        source.body_hash = heard.body_hash
    # A whole document that is the same as before: this site does not look at validators.
    ignores = heard.code == "same" and heard.status != 304
    source.fail_count, source.missing_since, source.read_at = 0, None, now
    if heard.feed is not None:
        source.pace = _pace(heard.feed).model_dump(mode="json")
    source.next_at = pacing.after_success(
        now,
        pace=Pace.model_validate(source.pace),
        headers=heard.headers,
        conditional=bool(source.etag or source.last_modified) and not ignores,
        spread=_spread.random(),
    )


def _pace(feed: ReadFeed) -> Pace:
    base = pacing.usual([one.published_at for one in feed.entries if one.published_at])
    return Pace(
        base_seconds=base.total_seconds(),
        ttl_seconds=min(max(feed.ttl_minutes or 0, 0), 24 * 60) * 60,
        skip_hours=feed.skip_hours,
        skip_days=feed.skip_days,
    )


async def _failed(session: AsyncSession, source: Source, heard: _Heard, now: datetime) -> Went:
    details: dict[str, object] = {} if heard.status is None else {"status": heard.status}
    if heard.code == "gone":
        source.gone_at = now
        return await _stopped(session, source, "gone", details, now)
    source.fail_count += 1
    source.next_at = pacing.after_failure(
        now, fail_count=source.fail_count, headers=heard.headers, spread=_spread.random()
    )
    if heard.code in _DAILY:
        source.next_at = max(source.next_at, now + DAY)
    if heard.code != "missing":
        source.missing_since = None
        return _told(source, heard.code, details, now)
    source.missing_since = source.missing_since or now
    if now - source.missing_since >= LOST_AFTER:
        return await _stopped(session, source, "lost", details, now)
    return _told(source, "missing", details, now)


async def _stopped(
    session: AsyncSession,
    source: Source,
    code: str,
    details: Mapping[str, object],
    now: datetime,
) -> Went:
    """Leaves the source alone until a person has looked; `notices.collect` tells them."""
    source.state = "stopped"
    went = _told(source, code, details, now)
    await record(
        session,
        BY_RULE,
        Act.SOURCE_STOPPED,
        f"source:{source.id}",
        unit=source.unit_id,
        details={"title": source.title, "code": code},
    )
    return went


def _note_move(source: Source, heard: _Heard, now: datetime) -> None:
    if heard.status is None:
        return  # nobody answered, so nothing was said about where the feed is
    if heard.moved_to and heard.moved_to != source.url:
        if heard.moved_to != source.moved_to:
            source.moved_to, source.moved_since = heard.moved_to, now
        return
    source.moved_to, source.moved_since = "", None


def _told(source: Source, code: str, details: Mapping[str, object], now: datetime) -> Went:
    source.result, source.result_details, source.result_at = code, dict(details), now
    return Went(code=code, details=dict(details))
