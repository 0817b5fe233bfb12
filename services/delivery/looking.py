"""Reading a channel back: what unclear calls did, and whether settled posts still stand.

One listing per account serves all its unclear publications. Between two pages the lane's due sends
go first. Reading changes nothing on the channel, and what it finds is written only onto
publications that are still in the state in which they were read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.crash import reached
from services.delivery.hub import Hub
from services.delivery.intent import LookDue
from services.delivery.matching import Match, shows, sift
from services.delivery.tables import State
from services.delivery.wake import wake
from shared.contract.channel import Lister
from shared.contract.errors import ChannelError
from shared.contract.messages import Fingerprint, RemoteId, Seen
from shared.text import clean

log = structlog.get_logger(__name__)

# Of what a post shows instead of what was agreed: no text of ours is longer (contract.md).
_SHOWN_CHARS = 20_000
# Only so often is a call made again after its absence was proven (R18).
_RESENDS = 2
_ABSENCES = 3
_WATCH = timedelta(hours=24)
_WATCH_EVERY = timedelta(minutes=15)

_ASKING = text(
    """
    SELECT p.id, p.state, p.generation, p.left_at, p.looks, p.absences, p.resends, p.final,
           p.desired_rendition_id, p.remote_id, p.watch_until,
           (SELECT min(started_at) FROM attempt WHERE publication_id = p.id
              AND (outcome IS NULL OR outcome NOT IN ('absent','not_sent','rejected'))) AS since,
           (SELECT baseline FROM attempt WHERE publication_id = p.id
             ORDER BY started_at DESC LIMIT 1) AS baseline,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
               'attempt', a.id, 'generation', a.generation, 'rendition', a.rendition_id,
               'mark', a.fingerprint) ORDER BY a.started_at DESC), '[]')
              FROM attempt a WHERE a.publication_id = p.id AND a.fingerprint IS NOT NULL
               AND (a.outcome IS NULL OR a.outcome NOT IN ('not_sent','rejected')
                    AND (a.outcome <> 'absent' OR p.state IN ('withdrawn','failed'))))
             AS marks,
           (SELECT coalesce(array_agg(e.told ->> 'remote_id'), '{}')
              FROM evidence e JOIN attempt a ON a.id = e.attempt_id
             WHERE a.publication_id = p.id AND a.ended_at IS NULL
               AND e.told ->> 'remote_id' IS NOT NULL) AS late_ids,
           now() AS now
      FROM publication p
     WHERE p.account_id = :account
       AND ((p.state = 'uncertain' AND p.in_urgent_lane = :urgent AND p.next_at <= now())
            OR (p.state IN ('withdrawn','failed') AND p.watch_until > now()
                AND p.look_at <= now() AND NOT :urgent))
     ORDER BY p.id
    """
)

_OWNED = text(
    "SELECT remote_id FROM publication WHERE account_id = :account AND remote_id IS NOT NULL"
)

_SETTLED = text(
    """
    SELECT p.id, p.remote_id, p.generation, p.observed_at, p.observed_rendition_id, r.payload,
           now() AS now,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('rendition', o.id, 'payload', o.payload)),
                            '[]')
              FROM rendition o JOIN revision v ON v.id = o.revision_id
             WHERE v.item_id = p.item_id AND o.account_id = p.account_id
               AND o.id <> p.observed_rendition_id) AS others
      FROM publication p JOIN rendition r ON r.id = p.observed_rendition_id
     WHERE p.account_id = :account AND p.state = 'live' AND p.look_at <= now()
       AND p.remote_id IS NOT NULL
     ORDER BY p.look_at LIMIT 1
    """
)

_FORGET = text(
    """
    UPDATE publication SET look_at = NULL
     WHERE account_id = :account AND look_at <= now()
       AND (:blind OR (state <> 'live' AND (watch_until IS NULL OR watch_until <= now()))
            OR (state = 'live' AND remote_id IS NULL))
    """
)

_STILL_OURS = """
  EXISTS (SELECT 1 FROM lane WHERE lane.account_id = p.account_id
           AND lane.urgent = :urgent AND lane.fence = :fence)
"""

_CLOSE = text(
    """
    UPDATE attempt SET ended_at = clock_timestamp(), outcome = :outcome, calling = NULL
     WHERE publication_id = :id AND ended_at IS NULL
    """
)

# Adopting needs the post visible and equal to be `live`; else the operation goes on from its id.
_ADOPT = text(
    f"""
    UPDATE publication p SET
      remote_id = :remote_id, remote_url = coalesce(:remote_url, p.remote_url),
      observed_rendition_id = CAST(:rendition AS uuid),
      observed_revision_no = (SELECT no FROM revision v JOIN rendition d ON d.revision_id = v.id
                               WHERE d.id = CAST(:rendition AS uuid)),
      observed_generation = greatest(p.observed_generation,
                                     coalesce(CAST(:generation AS int), p.observed_generation)),
      observed_at = clock_timestamp(),
      first_observed_at = CASE WHEN CAST(:rendition AS uuid) IS NULL THEN p.first_observed_at
                               ELSE coalesce(p.first_observed_at, clock_timestamp()) END,
      state = CASE WHEN CAST(:generation AS int) = p.generation THEN 'live' ELSE 'pending' END,
      next_at = CASE WHEN CAST(:generation AS int) = p.generation THEN NULL
                     ELSE greatest(clock_timestamp(), p.not_before) END,
      look_at = CASE WHEN CAST(:generation AS int) = p.generation
                     THEN clock_timestamp() + interval '60 seconds' END,
      candidates = CAST(:others AS jsonb), may_be_visible = false, tries = 0, looks = 0,
      compared_at = NULL, absences = 0, in_urgent_lane = p.urgent, watch_until = NULL,
      problem_code = :code, problem_remote_code = NULL, problem_words = NULL,
      problem_at = CASE WHEN CAST(:code AS text) IS NULL THEN NULL ELSE clock_timestamp() END
     WHERE p.id = :id AND p.state = :state AND p.generation = :at_generation AND {_STILL_OURS}
    RETURNING p.id, p.in_urgent_lane, p.next_at
    """  # noqa: S608  # a constant of this file
)

_ABSENT = text(
    f"""
    UPDATE publication p SET
      state = :becomes, absences = p.absences + 1, looks = p.looks + 1,
      resends = p.resends + CASE WHEN :becomes = 'pending' THEN 1 ELSE 0 END,
      observed_generation = CASE WHEN :becomes = 'withdrawn' THEN p.generation
                                 ELSE p.observed_generation END,
      observed_rendition_id = CASE WHEN :becomes = 'withdrawn' THEN NULL
                                   ELSE p.observed_rendition_id END,
      observed_at = clock_timestamp(),
      next_at = CASE WHEN :becomes = 'pending' THEN greatest(clock_timestamp(), p.not_before) END,
      may_be_visible = false, candidates = '[]', in_urgent_lane = p.urgent,
      watch_until = clock_timestamp() + make_interval(secs => :watch),
      look_at = CASE WHEN :becomes = 'pending' THEN NULL
                     ELSE clock_timestamp() + make_interval(secs => :watch_every) END,
      remote_id = CASE WHEN :becomes = 'withdrawn' OR :gone THEN NULL ELSE p.remote_id END,
      remote_url = CASE WHEN :becomes = 'withdrawn' OR :gone THEN NULL ELSE p.remote_url END,
      problem_code = CASE WHEN :becomes = 'failed'
                          THEN coalesce(CAST(:code AS text), p.problem_code) END,
      problem_at = CASE WHEN :becomes = 'failed' THEN p.problem_at END
     WHERE p.id = :id AND p.state = 'uncertain' AND p.generation = :at_generation AND {_STILL_OURS}
    RETURNING p.id, p.in_urgent_lane, p.next_at
    """  # noqa: S608  # a constant of this file
)

_LATER = text(
    f"""
    UPDATE publication p SET
      looks = p.looks + 1, absences = p.absences + :absent,
      candidates = CAST(:candidates AS jsonb),
      state = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN 'undecided' ELSE p.state END,
      next_at = CAST(:next_at AS timestamptz),
      problem_code = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN 'undecided'
                          ELSE p.problem_code END,
      problem_at = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN clock_timestamp()
                        ELSE p.problem_at END
     WHERE p.id = :id AND p.state = 'uncertain' AND {_STILL_OURS}
    """  # noqa: S608  # a constant of this file
)

_WATCHED = text(
    f"""
    UPDATE publication p SET
      look_at = CASE WHEN p.watch_until > clock_timestamp() + make_interval(secs => :watch_every)
                     THEN clock_timestamp() + make_interval(secs => :watch_every) END,
      candidates = CASE WHEN CAST(:candidates AS jsonb) = '[]' THEN p.candidates
                        ELSE CAST(:candidates AS jsonb) END,
      drift = CASE WHEN CAST(:candidates AS jsonb) = '[]' THEN p.drift ELSE 'surfaced' END,
      drift_at = CASE WHEN CAST(:candidates AS jsonb) = '[]' THEN p.drift_at
                      ELSE coalesce(p.drift_at, clock_timestamp()) END
     WHERE p.id = :id AND p.state = :state AND {_STILL_OURS}
    """  # noqa: S608  # a constant of this file
)

_COMPARED = text(
    f"""
    UPDATE publication p SET
      drift = :drift, drift_at = CASE WHEN CAST(:drift AS text) IS NULL THEN NULL
                                      ELSE coalesce(p.drift_at, clock_timestamp()) END,
      drift_text = :drift_text, compared_at = clock_timestamp(),
      look_at = CAST(:look_at AS timestamptz), remote_url = coalesce(:remote_url, p.remote_url)
     WHERE p.id = :id AND p.state = 'live' AND p.generation = :at_generation AND {_STILL_OURS}
    """  # noqa: S608  # a constant of this file
)

# What was found before stands until the channel can be read again.
_UNREAD = text(
    f"""
    UPDATE publication p SET look_at = clock_timestamp() + interval '10 minutes'
     WHERE p.id = :id AND p.state = 'live' AND {_STILL_OURS}
    """  # noqa: S608  # a constant of this file
)

_EARLIER = text(
    f"""
    UPDATE publication p SET
      observed_rendition_id = :rendition, state = 'pending', next_at = clock_timestamp(),
      look_at = NULL, problem_code = 'earlier_text_shown', problem_at = clock_timestamp()
     WHERE p.id = :id AND p.state = 'live' AND p.generation = :at_generation AND {_STILL_OURS}
    """  # noqa: S608  # a constant of this file
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    generation: int
    rendition: str | None
    mark: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One publication that wants to know what the channel shows."""

    id: UUID
    state: State
    generation: int
    left_at: datetime
    since: datetime | None
    looks: int
    absences: int
    resends: int
    final: bool
    wants_nothing: bool
    remote_id: str | None
    baseline: Mapping[str, str | None] | None
    marks: tuple[_Mark, ...]
    late_ids: frozenset[str]
    now: datetime


@dataclass(slots=True, kw_only=True)
class Listing:
    """A listing under way: one account, all that ask, and the pages read so far."""

    due: LookDue
    asking: tuple[_Asking, ...]
    owned: frozenset[str]
    since: datetime
    cursor: str | None = None
    started: bool = False
    broken: str | None = None
    seen: dict[RemoteId, Seen] = field(default_factory=dict)
    by_id: dict[str, Seen | None] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether there is no further page to read."""
        return self.broken is not None or (self.started and self.cursor is None)


async def start(session: AsyncSession, due: LookDue) -> Listing | None:
    """Who asks, and from when on the account must be read; None when nobody does."""
    rows = await session.execute(
        _ASKING, {"account": due.lane.account_id, "urgent": due.lane.urgent}
    )
    asking = tuple(_asking(row) for row in rows)
    if not asking:
        return None
    owned = frozenset(await session.scalars(_OWNED, {"account": due.lane.account_id}))
    return Listing(due=due, asking=asking, owned=owned, since=_since(asking))


async def turn_page(hub: Hub, listing: Listing) -> None:
    """Reads one more page. A page that cannot be read ends the listing without a verdict."""
    channel = hub.registry.get(listing.due.channel)
    if not isinstance(channel, Lister):
        listing.broken = "cannot_read_back"
        return
    try:
        if not listing.started:
            for known in {one.remote_id for one in listing.asking if one.remote_id}:
                # A post whose id is known may be older than any listing goes back: it is asked for.
                listing.by_id[known] = await channel.read(listing.due.account, RemoteId(known))
        page = await channel.listing(
            listing.due.account, since=listing.since, cursor=listing.cursor
        )
        for one in page.seen:
            listing.seen[one.remote_id] = await _whole(channel, listing, one)
    except ChannelError as error:
        listing.broken = error.code
        return
    except Exception:
        log.exception("adapter.broke", channel=listing.due.channel)
        listing.broken = "adapter_broke"
        return
    listing.started = True
    listing.cursor = page.cursor


async def conclude(session: AsyncSession, hub: Hub, listing: Listing) -> None:
    """Writes what the listing says of each publication that asked. The caller commits."""
    for one in listing.asking:
        ours, candidates = _judge(one, listing)
        if one.state is State.UNCERTAIN and one.remote_id in listing.by_id and not ours:
            await _gone(session, listing, one)
        elif ours and (one.state is State.UNCERTAIN or one.wants_nothing):
            await _found(session, listing, one, ours)
        elif one.state is not State.UNCERTAIN:
            await _keep_watching(session, listing, one, ours)
        else:
            await _not_found(session, hub, listing, one, candidates)


async def compare(hub: Hub, due: LookDue) -> None:
    """Compares one settled post with the channel, or forgets looks that nobody needs any more.

    Reports drift, and never changes the channel: repair is a person's act. Only a post that shows
    an earlier text of ours goes on by itself, since then our own last operation did not hold.
    """
    async with hub.open_work() as session:
        found = (await session.execute(_SETTLED, {"account": due.lane.account_id})).first()
    reached("after reading what is due for comparison")
    channel = hub.registry.get(due.channel)
    fence = {"urgent": due.lane.urgent, "fence": due.lane.fence}
    if found is None or not isinstance(channel, Lister):
        # A watch that ran out while nobody looked, or a channel that cannot be read at all.
        blind = not isinstance(channel, Lister)
        async with hub.open_work() as session:
            await session.execute(_FORGET, {"account": due.lane.account_id, "blind": blind})
        return
    try:
        seen = await channel.read(due.account, RemoteId(found.remote_id))
    except Exception as error:
        if not isinstance(error, ChannelError):
            log.exception("adapter.broke", channel=due.channel)
        async with hub.open_work() as session:
            await session.execute(_UNREAD, {"id": found.id, **fence})
        return
    reached("after reading one post")
    drift = None
    if seen is None:
        drift = "missing"
    elif not shows(channel.fingerprint(found.payload), seen):
        earlier = next(
            (
                other["rendition"]
                for other in found.others
                if shows(channel.fingerprint(other["payload"]), seen)
            ),
            None,
        )
        if earlier is not None:
            async with hub.open_work() as session:
                await session.execute(
                    _EARLIER,
                    {
                        **fence,
                        "id": found.id,
                        "at_generation": found.generation,
                        "rendition": UUID(earlier),
                    },
                )
            return
        drift = "altered" if seen.readable else "unreadable"
    elif not seen.visible:
        drift = "hidden"
    async with hub.open_work() as session:
        await session.execute(
            _COMPARED,
            {
                **fence,
                "id": found.id,
                "at_generation": found.generation,
                "drift": drift,
                "drift_text": clean(seen.text)[:_SHOWN_CHARS] if seen and drift else None,
                "look_at": next_look(found.observed_at, found.now),
                "remote_url": seen.remote_url if seen else None,
            },
        )


def next_look(observed_at: datetime, now: datetime) -> datetime | None:
    """When a settled post is compared next: closely, then daily for a week (R26)."""
    age = now - observed_at
    if age < timedelta(minutes=10):
        return now + timedelta(minutes=9)
    if age < timedelta(days=1):
        return now + timedelta(minutes=15)
    if age < timedelta(days=7):
        return now + timedelta(days=1)
    return None


async def _whole(channel: Lister, listing: Listing, one: Seen) -> Seen:
    """The whole of a post that a listing shows in part, where it may matter."""
    recent = one.at is None or one.at >= listing.since
    if one.complete or one.remote_id in listing.owned or not recent:
        return one
    read = await channel.read(listing.due.account, one.remote_id)
    return one if read is None else read


def _judge(one: _Asking, listing: Listing) -> tuple[list[Match], list[Match]]:
    if one.remote_id in listing.by_id:
        known = listing.by_id[one.remote_id]
        return ([Match(seen=known, equal=False, similarity=1.0)] if known else []), []
    posts = [post for post in listing.seen.values() if post.remote_id not in listing.owned]
    late = [post for post in posts if post.remote_id in one.late_ids]
    if late:
        # The answer came after all, only too late for its worker: its id needs no likeness.
        ours, _ = sift([mark.mark for mark in one.marks], late, since=None)
        named = ours or [Match(seen=post, equal=False, similarity=0.0) for post in late]
        return named, []
    return sift([mark.mark for mark in one.marks], posts, since=one.since)


async def _found(
    session: AsyncSession, listing: Listing, one: _Asking, ours: Sequence[Match]
) -> None:
    first = ours[0]
    exact = next(
        (mark for mark in one.marks if first.seen.visible and shows(mark.mark, first.seen)), None
    )
    wanted = exact if exact is not None and not one.wants_nothing else None
    adopted = await session.execute(
        _ADOPT,
        {
            "id": one.id,
            "state": one.state,
            "at_generation": one.generation,
            "remote_id": first.seen.remote_id,
            "remote_url": first.seen.remote_url,
            "rendition": wanted.rendition if wanted else None,
            "generation": wanted.generation if wanted else None,
            "others": json.dumps([_candidate(match) for match in ours[1:]], ensure_ascii=False),
            "code": "duplicates_found" if len(ours) > 1 else None,
            **_fence(listing),
        },
    )
    await _close(session, listing, adopted.first(), "found")


async def _close(
    session: AsyncSession, listing: Listing, changed: "Row[tuple[object, ...]] | None", outcome: str
) -> None:
    """Closes the attempt of a settled publication, and wakes the lane it now belongs to."""
    if changed is None:
        return
    await session.execute(_CLOSE, {"id": changed.id, "outcome": outcome})
    if changed.next_at is not None and changed.in_urgent_lane != listing.due.lane.urgent:
        await wake(session, [changed.id])


async def _gone(session: AsyncSession, listing: Listing, one: _Asking) -> None:
    """A post whose id is known is proven to be gone: withdrawn if that was wanted, else failed."""
    gone = await session.execute(
        _ABSENT,
        {
            "id": one.id,
            "at_generation": one.generation,
            "becomes": State.WITHDRAWN if one.wants_nothing else State.FAILED,
            "watch": 0.0,
            "watch_every": _WATCH_EVERY.total_seconds(),
            "code": None if one.wants_nothing else "post_missing",
            "gone": True,
            **_fence(listing),
        },
    )
    await _close(session, listing, gone.first(), "absent")


async def _not_found(
    session: AsyncSession,
    hub: Hub,
    listing: Listing,
    one: _Asking,
    candidates: Sequence[Match],
) -> None:
    absent = listing.broken is None and not candidates and _right_account(one, listing)
    waited = one.now - one.left_at >= hub.rules.absence_of(listing.due.channel)
    if absent and waited and one.absences + 1 >= _ABSENCES:
        becomes = State.PENDING
        if one.wants_nothing:
            becomes = State.WITHDRAWN
        elif one.final:
            becomes = State.FAILED
        if becomes is not State.PENDING or one.resends < _RESENDS:
            gone = await session.execute(
                _ABSENT,
                {
                    "id": one.id,
                    "at_generation": one.generation,
                    "becomes": becomes,
                    "watch": _WATCH.total_seconds(),
                    "watch_every": _WATCH_EVERY.total_seconds(),
                    "code": None,
                    "gone": False,
                    **_fence(listing),
                },
            )
            await _close(session, listing, gone.first(), "absent")
            return
    schedule = hub.rules.look_schedule
    following = one.looks + 1
    next_at = None
    if following < len(schedule):
        next_at = max(one.left_at + schedule[following], one.now + timedelta(milliseconds=50))
    await session.execute(
        _LATER,
        {
            "id": one.id,
            "absent": int(absent),
            "next_at": next_at,
            "candidates": json.dumps(
                [_candidate(match) for match in candidates], ensure_ascii=False
            ),
            **_fence(listing),
        },
    )


async def _keep_watching(
    session: AsyncSession, listing: Listing, one: _Asking, ours: Sequence[Match]
) -> None:
    """A publication that a person stopped stays stopped; what surfaces is shown to them."""
    await session.execute(
        _WATCHED,
        {
            "id": one.id,
            "state": one.state,
            "watch_every": _WATCH_EVERY.total_seconds(),
            "candidates": json.dumps([_candidate(match) for match in ours], ensure_ascii=False),
            **_fence(listing),
        },
    )


def _right_account(one: _Asking, listing: Listing) -> bool:
    """Whether the listing proves that it read the right account, and the list is alive (R18)."""
    if one.baseline is None:
        return False
    return not one.baseline or any(known in listing.seen for known in one.baseline)


def _since(asking: Sequence[_Asking]) -> datetime:
    """From when on the account must be read: before every call in question, and past a baseline."""
    instants = [one.since or one.left_at for one in asking]
    for one in asking:
        known = [datetime.fromisoformat(at) for at in (one.baseline or {}).values() if at]
        if known:
            instants.append(max(known))
    return min(instants) - timedelta(minutes=5)


def _fence(listing: Listing) -> dict[str, object]:
    return {"urgent": listing.due.lane.urgent, "fence": listing.due.lane.fence}


def _candidate(match: Match) -> dict[str, object]:
    seen = match.seen
    return {
        "remote_id": seen.remote_id,
        "remote_url": seen.remote_url,
        "text": clean(seen.text)[:500],
        "at": seen.at.isoformat() if seen.at else None,
        "similarity": round(match.similarity, 3),
    }


def _asking(row: "Row[tuple[object, ...]]") -> _Asking:
    return _Asking(
        id=row.id,
        state=State(row.state),
        generation=row.generation,
        left_at=row.left_at or row.now,
        since=row.since,
        looks=row.looks,
        absences=row.absences,
        resends=row.resends,
        final=row.final,
        wants_nothing=row.desired_rendition_id is None,
        remote_id=row.remote_id,
        baseline=row.baseline,
        marks=tuple(
            _Mark(
                generation=mark["generation"],
                rendition=mark["rendition"],
                mark=Fingerprint(**mark["mark"]),
            )
            for mark in row.marks
        ),
        late_ids=frozenset(row.late_ids),
        now=row.now,
    )
