"""What is live where and what waits on whom: the delivery board, and the derived state of items.

Everything is read from the rows at one instant; nothing here is stored, so nothing can go stale.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import search
from services.delivery.tables import State
from shared.contract.messages import Operation
from shared.errors import FieldError, InvalidError

_Row: TypeAlias = "Row[tuple[object, ...]]"


class ItemState(StrEnum):
    """Where an item stands as a whole; `standing` says when it is which."""

    DRAFT = "draft"
    REVIEW = "review"
    RETURNED = "returned"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    PARTIAL = "partial"
    FAILED = "failed"
    CORRECTING = "correcting"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """The account of a publication, as people call it."""

    id: UUID
    name: str
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, or what it waits for; `services/delivery/words.py` has the words for `code`.

    `remote_code` and `words` are the channel's own, or (on a pause) the reason a person gave.
    """

    code: str
    remote_code: str | None
    words: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why nothing is called for the account. `code` None: a person paused it."""

    code: str | None
    reason: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """How far the open attempt is: what we have (`phase`), what is being asked (`calling`)."""

    operation: str
    phase: str | None
    calling: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """How far it has come at a portal that reads our feed.

    `fetched_revision` is the newest one that the portal has fetched, perhaps before a correction.
    `found` is what the last look at the portal's own page saw of the present generation: `shown`,
    `gone` (and should be), `old`, `absent`, `unreadable`; None before the first look.
    """

    fetched_revision: int | None
    fetched_at: datetime | None
    found: str | None
    looked_at: datetime | None
    shown_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A post on the channel that may be ours; a person decides. `text` is at most 500 letters."""

    remote_id: str
    remote_url: str | None
    text: str
    at: datetime | None
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One publication with all that a board tells of it.

    `attempts` counts those of the present generation. `operation` is what closes the gap between
    desired and observed, or where there is none what closed it. `frozen` is a fact of the hub.
    `look` is the word of `LOOKS` that says where it stands to people.
    """

    id: UUID
    item_id: UUID
    account: Outlet
    state: str
    generation: int
    observed_generation: int
    operation: str
    remote_id: str | None
    remote_url: str | None
    live_revision: int | None
    observed_at: datetime | None
    seen_at: datetime | None
    arrived: Arrived | None
    next_at: datetime | None
    expires_at: datetime | None
    attempts: int
    problem: Trouble | None
    candidates: tuple[Candidate, ...]
    drift: str | None
    drift_at: datetime | None
    may_be_visible: bool
    paused: Pause | None
    frozen: bool
    step: OpenStep | None
    look: str

    @property
    def cursor(self) -> str:
        """What to ask with for the publications that follow this one."""
        return _closed(str(self.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an item stands. `open_*` name a next revision beside what was already agreed."""

    state: str
    live_revision: int | None
    open_revision: int | None
    open_state: str | None
    published_at: datetime | None
    approved_by: UUID | None
    submitted_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An item as its newest revision words it, and where it stands.

    `row` has the columns of item and revision by name, and `unit_code`. Its `accounts` are as
    PostgreSQL sends an array of ids (`array_send`), for whoever tells thousands of them at once.
    """

    row: _Row
    standing: Standing


# ── Publications ─────────────────────────────────────────────────────────────────────────────────

# What a publication is to people, in one word: its state, and what is particular about it there.
# In the order in which they are told: first what a person must see to, last what is at rest.
NEEDS: Final = ("undecided", "failed", "not_gone", "expired", "uncertain", "drifted")
MOVES: Final = ("held", "retrying", "updating", "leaving", "sending", "pending", "scheduled")
RESTS: Final = ("live", "withdrawn", "skipped")
LOOKS: Final = (*NEEDS, *MOVES, *RESTS)

# `not_gone`: a withdrawal that failed. `drifted`: live, but not as agreed. `held`: by a fence, a
# pause or a freeze (see `_held`). `skipped`: withdrawn before anything of it was shown.
LOOK: Final = """
    CASE
      WHEN p.state = 'failed' THEN
        CASE WHEN p.desired_rendition_id IS NULL THEN 'not_gone' ELSE 'failed' END
      WHEN p.state = 'live' AND p.drift IS NOT NULL THEN 'drifted'
      WHEN p.state = 'withdrawn' AND p.first_observed_at IS NULL THEN 'skipped'
      WHEN p.state NOT IN ('pending','sending') THEN p.state
      WHEN p.next_at IS NOT NULL
           AND (fence.name IS NOT NULL OR account.state = 'paused'
                OR (frost.name IS NOT NULL AND p.desired_rendition_id IS NOT NULL
                    AND coalesce(frost.until > greatest(p.next_at, now()), true))) THEN 'held'
      WHEN p.problem_code IN ('account_paused','frozen','fenced')
           OR (p.problem_code IS NOT NULL AND account.state = 'paused') THEN 'held'
      WHEN p.problem_code IS NOT NULL AND p.next_at > now() THEN 'retrying'
      WHEN p.desired_rendition_id IS NULL THEN 'leaving'
      WHEN p.state = 'sending'
           AND p.observed_rendition_id IS DISTINCT FROM p.desired_rendition_id
           AND (p.observed_rendition_id IS NOT NULL
                OR (p.remote_id IS NOT NULL AND NOT EXISTS (
                      SELECT 1 FROM attempt o WHERE o.publication_id = p.id
                         AND o.ended_at IS NULL AND o.operation = 'publish'))) THEN 'updating'
      ELSE p.state END
"""
SWITCHES: Final = """
      LEFT JOIN switch frost ON frost.name = 'freeze'
                             AND (frost.until IS NULL OR frost.until > now())
      LEFT JOIN switch fence ON fence.name = 'fence'
"""

_TOLD = f"""
    SELECT p.id, p.item_id, p.state, p.generation, p.observed_generation, p.desired_rendition_id,
           p.observed_rendition_id, p.observed_revision_no, p.remote_id, p.remote_url,
           p.observed_at, p.seen_at, p.next_at, p.expires_at, p.problem_code,
           p.problem_remote_code, p.problem_words, p.problem_at, p.candidates, p.may_be_visible,
           p.drift, p.drift_at, p.account_id, account.name, account.channel,
           account.state = 'paused' AS paused, account.pause_code, account.pause_reason,
           account.paused_at, now() AS now, {LOOK} AS look,
           frost.at AS frozen_at, frost.until AS frozen_until, frost.reason AS frozen_reason,
           fence.at AS fenced_at, fence.reason AS fenced_reason,
           tried.count AS attempts, tried.operation AS last_operation,
           a.operation AS open_operation, a.phase, a.calling, a.started_at,
           v.fetched_revision_no, v.fetched_at, v.looked_at, v.shown_at, v.found,
           v.generation AS looked_generation
"""
_BESIDE = f"""
      JOIN account ON account.id = p.account_id
      {SWITCHES}
      LEFT JOIN arrival v ON v.publication_id = p.id
      LEFT JOIN attempt a ON a.publication_id = p.id AND a.ended_at IS NULL
      LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE x.generation = p.generation) AS count,
               (array_agg(x.operation ORDER BY x.generation DESC, x.no DESC)
                 FILTER (WHERE x.operation <> 'withdraw'))[1] AS operation
          FROM attempt x WHERE x.publication_id = p.id) AS tried ON true
"""  # noqa: S608  # constants of this file

_PUBLICATIONS = text(
    f"""
    {_TOLD}
      FROM publication p
      JOIN item ON item.id = p.item_id
      {_BESIDE}
     WHERE item.unit_id = ANY(:units)
       AND (CAST(:id AS uuid) IS NULL OR p.id = :id)
       AND (CAST(:item AS uuid) IS NULL OR p.item_id = :item)
       AND (CAST(:state AS text) IS NULL OR p.state = :state)
       AND (CAST(:before AS uuid) IS NULL OR p.id < :before)
     ORDER BY p.id DESC LIMIT :limit
    """  # constants of this file
)

# All of an item's are put in order by little; only those of the page are then told in full.
_PLACED = text(
    f"""
    WITH page AS MATERIALIZED (
      SELECT x.id, count(*) OVER () AS total,
             row_number() OVER (
               ORDER BY CASE WHEN :led THEN array_position(CAST(:order AS text[]), x.look) END,
                        CASE WHEN :led THEN x.name END, x.id) AS place
        FROM (
          SELECT p.id, account.name, {LOOK} AS look
            FROM publication p
            JOIN account ON account.id = p.account_id
            {SWITCHES}
           WHERE p.item_id = :item
             AND (CAST(:id AS uuid) IS NULL OR p.id = :id)
             AND (CAST(:accounts AS uuid[]) IS NULL OR p.account_id = ANY(:accounts))) AS x
       WHERE CAST(:looks AS text[]) IS NULL OR x.look = ANY(:looks)
       ORDER BY place OFFSET :skip LIMIT :limit)
    {_TOLD}, page.total
      FROM page
      JOIN publication p ON p.id = page.id
      {_BESIDE}
     ORDER BY page.place
    """  # noqa: S608  # constants of this file
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A part of an item's publications in the order of their looks, and how many there are."""

    shown: tuple[Shown, ...]
    total: int


async def placed(
    session: AsyncSession,
    item_id: UUID,
    *,
    looks: Collection[str] | None = None,
    account_ids: Collection[UUID] | None = None,
    publication_id: UUID | None = None,
    led: bool = True,
    skip: int = 0,
    limit: int,
) -> Placed:
    """An item's publications: those of certain looks, on certain accounts, or one alone.

    `led`: what needs a person comes first, by `LOOKS`, then by name; otherwise as they were made.
    `total` counts all that fit, and is 0 beyond their end. Rights are the caller's to check.
    """
    rows = (
        await session.execute(
            _PLACED,
            {
                "item": item_id,
                "id": publication_id,
                "accounts": list(account_ids) if account_ids is not None else None,
                "looks": list(looks) if looks is not None else None,
                "order": list(LOOKS),
                "led": led,
                "skip": skip,
                "limit": limit,
            },
        )
    ).all()
    return Placed(shown=tuple(_shown(row) for row in rows), total=rows[0].total if rows else 0)


async def publications(
    session: AsyncSession,
    *,
    item_id: UUID | None = None,
    state: str | None = None,
    unit_ids: Collection[UUID],
    limit: int,
    cursor: str | None = None,
) -> list[Shown]:
    """Publications of items of these units, newest first: of one item, in one state, or all.

    To go on, ask with the `cursor` of the last one. Raises InvalidError `cursor_unknown`.
    """
    rows = await session.execute(
        _PUBLICATIONS,
        {
            "units": list(unit_ids),
            "id": None,
            "item": item_id,
            "state": state,
            "before": _uuid(_opened(cursor)) if cursor is not None else None,
            "limit": limit,
        },
    )
    return [_shown(row) for row in rows]


async def publication(
    session: AsyncSession, publication_id: UUID, unit_ids: Collection[UUID]
) -> Shown | None:
    """One publication of an item of these units; None otherwise."""
    rows = await session.execute(
        _PUBLICATIONS,
        {
            "units": list(unit_ids),
            "id": publication_id,
            "item": None,
            "state": None,
            "before": None,
            "limit": 1,
        },
    )
    row = rows.first()
    return _shown(row) if row is not None else None


def _shown(row: _Row) -> Shown:
    return Shown(
        id=row.id,
        item_id=row.item_id,
        account=Outlet(id=row.account_id, name=row.name, channel=row.channel),
        state=row.state,
        generation=row.generation,
        observed_generation=row.observed_generation,
        operation=_operation(row),
        remote_id=row.remote_id,
        remote_url=row.remote_url,
        live_revision=row.observed_revision_no if row.state != State.WITHDRAWN else None,
        observed_at=row.observed_at,
        seen_at=row.seen_at,
        arrived=_arrived(row),
        next_at=row.next_at,
        expires_at=row.expires_at,
        attempts=row.attempts,
        problem=_problem(row),
        candidates=tuple(_candidate(one) for one in row.candidates),
        drift=row.drift,
        drift_at=row.drift_at,
        may_be_visible=row.may_be_visible,
        paused=Pause(code=row.pause_code, reason=row.pause_reason, at=row.paused_at)
        if row.paused
        else None,
        frozen=row.frozen_at is not None,
        step=OpenStep(
            operation=row.open_operation,
            phase=row.phase,
            calling=row.calling,
            started_at=row.started_at,
        )
        if row.open_operation is not None
        else None,
        look=row.look,
    )


def _arrived(row: _Row) -> Arrived | None:
    if row.looked_generation is None:
        return None
    # What was seen of an earlier generation says nothing of this one.
    looked = row.looked_generation == row.observed_generation
    return Arrived(
        fetched_revision=row.fetched_revision_no,
        fetched_at=row.fetched_at,
        found=row.found if looked else None,
        looked_at=row.looked_at if looked else None,
        shown_at=row.shown_at if looked else None,
    )


def _operation(row: _Row) -> str:
    if row.desired_rendition_id is None:
        return Operation.WITHDRAW
    if row.observed_rendition_id == row.desired_rendition_id:
        return str(row.last_operation or Operation.PUBLISH)
    # As `choice.operation_of`: an id of a post that is still being made is no post to update.
    known = row.remote_id is not None and row.open_operation != Operation.PUBLISH
    if known or row.observed_rendition_id is not None:
        return Operation.UPDATE
    return Operation.PUBLISH


def _problem(row: _Row) -> Trouble | None:
    """What holds it comes first, then what went wrong, then what the channel shows instead."""
    own = Trouble(
        code=row.problem_code or "",
        remote_code=row.problem_remote_code,
        words=row.problem_words,
        at=row.problem_at,
    )
    held = _held(row)
    if held is not None:
        # The answer that paused the account keeps the channel's own code and words.
        return own if held.code == own.code else held
    if own.code:
        return own
    if row.drift is not None and row.state == State.LIVE:
        return Trouble(code=row.drift, remote_code=None, words=None, at=row.drift_at)
    return None


def _held(row: _Row) -> Trouble | None:
    """Why a publication that waits is not gone on with: fence, pause or freeze, in this order."""
    if row.next_at is None:
        return None
    if row.fenced_at is not None:
        return Trouble(code="fenced", remote_code=None, words=row.fenced_reason, at=row.fenced_at)
    if row.paused:
        code = row.pause_code or "account_paused"
        return Trouble(code=code, remote_code=None, words=row.pause_reason, at=row.paused_at)
    # A freeze leaves withdrawals and looks alone, and one that ends before the time holds nothing.
    free = row.desired_rendition_id is None or row.state == State.UNCERTAIN
    if row.frozen_at is None or free:
        return None
    if row.frozen_until is not None and row.frozen_until <= max(row.next_at, row.now):
        return None
    return Trouble(code="frozen", remote_code=None, words=row.frozen_reason, at=row.frozen_at)


def _candidate(kept: Mapping[str, object]) -> Candidate:
    url, at, alike = kept.get("remote_url"), kept.get("at"), kept.get("similarity")
    return Candidate(
        remote_id=str(kept["remote_id"]),
        remote_url=str(url) if url is not None else None,
        text=str(kept.get("text", "")),
        at=datetime.fromisoformat(at) if isinstance(at, str) else None,
        similarity=float(alike) if isinstance(alike, int | float) else 0.0,
    )


# ── Items ────────────────────────────────────────────────────────────────────────────────────────

# What is at rest is told by a few steps into indexes, however many accounts an item has: a live one
# is wanted and settled, a withdrawn one is neither. Only those on their way are looked at one by
# one. `showing`: something of ours is known to stand there. An id alone is none while its post is
# still being made; after a repair was ordered the id is all that is left of what was observed.
_STANDS = """
  LEFT JOIN LATERAL (
    SELECT true AS found, p.observed_revision_no AS revision_no FROM publication p
     WHERE p.item_id = i.id AND p.state = 'live'
     ORDER BY p.observed_revision_no DESC NULLS LAST LIMIT 1
  ) AS live ON true
  LEFT JOIN LATERAL (
    SELECT p.first_observed_at AS at FROM publication p
     WHERE p.item_id = i.id AND p.first_observed_at IS NOT NULL
     ORDER BY p.first_observed_at LIMIT 1
  ) AS first_shown ON true
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE c.wanted) AS wanted,
           count(*) FILTER (WHERE c.desired_rendition_id IS NULL) AS leaving,
           count(*) FILTER (WHERE c.wanted AND c.showing) AS showing,
           count(*) FILTER (WHERE c.wanted AND c.broken) AS broken,
           count(*) FILTER (WHERE c.wanted AND c.state = 'undecided') AS undecided,
           count(*) FILTER (WHERE c.wanted AND c.showing AND NOT c.settled) AS correcting,
           count(*) FILTER (WHERE c.wanted AND c.state = 'scheduled') AS scheduled,
           count(*) FILTER (WHERE c.wanted AND c.settled) AS settled,
           max(c.observed_revision_no) AS revision_no
      FROM (
        SELECT x.*,
               x.state IN ('failed','expired') AND NOT (x.void AND x.showing) AS broken,
               x.void AND x.showing AS settled,
               -- What was agreed no longer is, and nothing of it can be seen: as if never agreed.
               x.desired_rendition_id IS NOT NULL
                 AND NOT (x.void AND NOT x.showing AND NOT x.may_be_visible) AS wanted
          FROM (
            SELECT p.state, p.desired_rendition_id, p.may_be_visible, p.observed_revision_no,
                   p.state = 'failed' AND coalesce(p.problem_code = 'approval_void', false)
                     AS void,
                   p.observed_rendition_id IS NOT NULL
                     OR (p.remote_id IS NOT NULL AND p.first_observed_at IS NOT NULL
                         AND NOT EXISTS (
                           SELECT 1 FROM attempt a
                            WHERE a.publication_id = p.id AND a.ended_at IS NULL
                              AND a.operation = 'publish')) AS showing
              FROM publication p
             WHERE p.item_id = i.id AND p.state NOT IN ('live','withdrawn')) AS x) AS c
  ) AS way ON true
  CROSS JOIN LATERAL (
    SELECT way.wanted > 0 OR live.found IS NOT NULL AS wanted,
           way.leaving > 0 AS leaving,
           EXISTS (SELECT 1 FROM publication p
                    WHERE p.item_id = i.id AND p.first_observed_at IS NOT NULL
                      AND p.state = 'withdrawn') AS gone,
           way.showing > 0 OR live.found IS NOT NULL AS showing,
           way.broken > 0 AS broken,
           way.undecided > 0 AS undecided,
           way.correcting > 0 AS correcting,
           way.scheduled = way.wanted AND live.found IS NULL AS scheduled,
           way.settled = way.wanted AS settled,
           greatest(live.revision_no, way.revision_no) AS live_revision,
           first_shown.at AS published_at
  ) AS s
"""

# The order of these lines is the precedence that `standing` documents.
_STATE = """
  CASE
    WHEN s.wanted THEN CASE
      WHEN s.broken AND NOT s.showing THEN 'failed'
      WHEN s.broken OR (s.undecided AND s.showing) THEN 'partial'
      WHEN s.correcting THEN 'correcting'
      WHEN s.scheduled THEN 'scheduled'
      WHEN s.settled THEN 'published'
      ELSE 'publishing' END
    WHEN s.leaving THEN 'withdrawing'
    WHEN s.gone OR i.withdrawn_at IS NOT NULL THEN 'withdrawn'
    WHEN r.state IN ('review','returned') THEN r.state
    ELSE 'draft' END
"""

# What `_standing` reads.
_STOOD = f"""
    {_STATE} AS state, s.live_revision, s.published_at,
    s.wanted OR s.leaving OR i.withdrawn_at IS NOT NULL OR s.gone AS agreed,
    r.no AS newest_no, r.state AS newest_state,
    (SELECT v.submitted_by FROM revision v
      WHERE v.item_id = i.id AND v.submitted_by IS NOT NULL
      ORDER BY v.no DESC LIMIT 1) AS submitted_by,
    (SELECT y.by FROM approval y JOIN revision v ON v.id = y.revision_id
      WHERE v.item_id = i.id AND y.voided_at IS NULL
      ORDER BY v.no DESC LIMIT 1) AS approved_by
"""  # noqa: S608  # a constant of this file

_STANDING = text(
    f"""
    SELECT i.id, {_STOOD}
      FROM item i
      JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
      {_STANDS}
     WHERE i.id = ANY(:ids)
    """  # noqa: S608  # constants of this file
)

# An item with the words of its newest revision, in one statement for a whole page. The accounts,
# thousands of them, come as PostgreSQL sends them: nobody here looks at a single one.
_WHOLE = f"""
    SELECT i.id, i.code, i.kind, i.revision_no, i.version, i.created_at, i.updated_at,
           i.withdrawn_at, i.withdrawn_reason, i.created_by, i.unit_id, unit.code AS unit_code,
           r.title, r.summary, r.body, r.author, r.cover, r.tags, r.category, r.document,
           r.overrides, r.correction_note, r.source_name, r.source_url, r.ai_made,
           r.publish_at, r.expires_at, r.urgent, r.note, r.return_reason,
           array_send(r.accounts) AS accounts, {_STOOD}
      FROM item i
      JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
      JOIN unit ON unit.id = i.unit_id
      {_STANDS}
"""  # noqa: S608  # constants of this file

_ONE = text(f"{_WHOLE} WHERE i.id = :id")

_OPEN = ("draft", "review", "returned")


async def standing(session: AsyncSession, item_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
    """Where these items stand, by id, in one statement; unknown ids are left out.

    A publication is *wanted* when something should be shown there. One whose agreement turned out
    void counts as live where an earlier text stands, and not at all where nothing does. The first
    line that holds:

    1. `failed`: of the wanted ones some failed or expired, and none shows anything
    2. `partial`: some failed or expired, or (while another shows) one waits for a decision
    3. `correcting`: where a text of ours stands, another one is on its way, or waits for its time
    4. `scheduled`: all wanted ones wait for their time
    5. `published`: all wanted ones show what they should
    6. `publishing`: any other wanted ones
    7. `withdrawing`: nothing is wanted any more, and somewhere that is not yet proven
    8. `withdrawn`: it was shown, or a person withdrew it before it was
    9. `review`, `returned`, else `draft`: the newest revision; a stopped one is a draft again

    Accounts from which a wanted item is taken down do not name its state. `live_revision` is the
    highest number that some account shows, `published_at` the first time one did.
    """
    if not item_ids:
        return {}
    rows = await session.execute(_STANDING, {"ids": list(item_ids)})
    return {row.id: _standing(row) for row in rows}


def _standing(row: _Row) -> Standing:
    beside = row.agreed and row.newest_state in _OPEN
    return Standing(
        state=row.state,
        live_revision=row.live_revision,
        open_revision=row.newest_no if beside else None,
        open_state=row.newest_state if beside else None,
        published_at=row.published_at,
        approved_by=row.approved_by,
        submitted_by=row.submitted_by,
    )


# What must hold for a state at least, said so that an index answers it: deriving the state of every
# item of an agency only to find the three that failed would take seconds.
_UNSETTLED = "i.id IN (SELECT item_id FROM publication WHERE state NOT IN ('live','withdrawn'))"
_NARROW: Mapping[ItemState, str] = MappingProxyType(
    {
        ItemState.DRAFT: "r.state NOT IN ('review','returned')",
        ItemState.REVIEW: "r.state = 'review'",
        ItemState.RETURNED: "r.state = 'returned'",
        ItemState.SCHEDULED: _UNSETTLED,
        ItemState.PUBLISHING: _UNSETTLED,
        ItemState.PARTIAL: _UNSETTLED,
        ItemState.FAILED: _UNSETTLED,
        ItemState.CORRECTING: _UNSETTLED,
        ItemState.WITHDRAWING: _UNSETTLED,
    }
)


async def items(
    session: AsyncSession,
    *,
    state: str | None = None,
    kind: str | None = None,
    unit_ids: Collection[UUID],
    q: str | None = None,
    tag: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> tuple[list[UUID], str | None]:
    """Ids of items of these units, newest first, and the cursor of the next page if there is one.

    `q` finds folded words and beginnings of words, codes too; `tag` is exact. A `state` that does
    not exist finds nothing. Raises InvalidError `cursor_unknown`.
    """
    rows = await _page(session, str, state, kind, unit_ids, q, tag, limit, cursor)
    return [row.id for row in rows[:limit]], _following(rows, limit)


async def wholes(
    session: AsyncSession,
    *,
    state: str | None = None,
    kind: str | None = None,
    unit_ids: Collection[UUID],
    q: str | None = None,
    tag: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> tuple[list[Whole], str | None]:
    """As `items`, with what the items say and where they stand, in one statement."""

    def told(page: str) -> str:
        # The page is found first: what follows then costs as much as it, not as the search.
        return f"""
            WITH page AS MATERIALIZED ({page})
            {_WHOLE} JOIN page ON page.id = i.id
             ORDER BY i.created_at DESC, i.id DESC
        """

    rows = await _page(session, told, state, kind, unit_ids, q, tag, limit, cursor)
    return [_whole(row) for row in rows[:limit]], _following(rows, limit)


async def whole(session: AsyncSession, item_id: UUID) -> Whole | None:
    """One item with what it says and where it stands, in one statement; None if there is none.

    Rights are the caller's to check: the row has the item's `unit_id`.
    """
    row = (await session.execute(_ONE, {"id": item_id})).one_or_none()
    return _whole(row) if row is not None else None


def _whole(row: _Row) -> Whole:
    return Whole(row=row, standing=_standing(row))


# Where items that hold certain words are looked for: among the newest, which a common word fills a
# page from, or by the index of words. Each is done first, as it stands; in the order of the list
# the planner would look through every item there is.
_LATELY = """(
    SELECT i.* FROM item i WHERE i.unit_id = ANY(:units) AND {before}
     ORDER BY i.created_at DESC, i.id DESC LIMIT :near)"""
_HOLDING = """(
    SELECT i.* FROM item i WHERE i.search @@ CAST(CAST(:index AS text) AS tsquery)
       AND (i.search @@ (SELECT CAST(CAST(:q AS text) AS tsquery))) IS TRUE OFFSET 0)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    sql: str
    values: Mapping[str, object]


async def _page(
    session: AsyncSession,
    told: Callable[[str], str],
    state: str | None,
    kind: str | None,
    unit_ids: Collection[UUID],
    q: str | None,
    tag: str | None,
    limit: int,
    cursor: str | None,
) -> Sequence[_Row]:
    """A page of items and one more, with what `told` makes of the statement that finds them."""
    plan = await search.plan(session, "item", q) if q is not None and q.strip() else None
    if plan is None and q is not None and q.strip():
        return []
    rows: Sequence[_Row] = []
    for source in _sources(plan):
        asked = _asked(source, plan, state, kind, unit_ids, tag, limit, cursor)
        rows = (await session.execute(text(told(asked.sql)), asked.values)).all()
        if len(rows) > limit:
            break
    return rows


def _sources(plan: search.Plan | None) -> tuple[str, ...]:
    """Where a page is looked for, one after the other until it is full."""
    if plan is None:
        return ("item",)
    return (_LATELY, _HOLDING) if plan.near else (_HOLDING,)


def _asked(
    source: str,
    plan: search.Plan | None,
    state: str | None,
    kind: str | None,
    unit_ids: Collection[UUID],
    tag: str | None,
    limit: int,
    cursor: str | None,
) -> _Asked:
    """What finds a page and one more among the items of a source.

    Built from the constant pieces of this file alone; what a person typed is bound.
    """
    wanted: dict[str, object] = {"units": list(unit_ids), "limit": limit + 1}
    where = ["i.unit_id = ANY(:units)"]
    if kind is not None:
        where.append("i.kind = :kind")
        wanted["kind"] = kind
    if tag is not None:
        where.append(":tag = ANY(r.tags)")
        wanted["tag"] = tag
    if plan is not None:
        where.append("(i.search @@ (SELECT CAST(CAST(:q AS text) AS tsquery))) IS TRUE")
        wanted |= {"q": plan.words, "index": plan.index, "near": plan.near}
    if cursor is not None:
        at, _, last = _opened(cursor).partition(" ")
        where.append("(i.created_at, i.id) < (:at, :last)")
        wanted |= {"at": _instant(at), "last": _uuid(last)}
    source = source.replace("{before}", where[-1] if cursor is not None else "true")
    stands = ""
    if state is not None:
        stands = _STANDS
        where.append(f"{_STATE} = :state")
        wanted["state"] = state
        if state in _NARROW:
            where.append(_NARROW[ItemState(state)])
    sql = f"""
        SELECT i.id, i.created_at FROM {source} i
          JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
          {stands}
         WHERE {" AND ".join(where)}
         ORDER BY i.created_at DESC, i.id DESC LIMIT :limit
        """  # noqa: S608  # see above
    return _Asked(sql=sql, values=wanted)


def _following(rows: Sequence[_Row], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return _closed(f"{last.created_at.isoformat()} {last.id}")


# ── Cursors ──────────────────────────────────────────────────────────────────────────────────────


def _closed(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (UnicodeError, binascii.Error) as error:
        raise _unknown() from error


def _uuid(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError as error:
        raise _unknown() from error


def _instant(told: str) -> datetime:
    try:
        at = datetime.fromisoformat(told)
    except ValueError as error:
        raise _unknown() from error
    if at.tzinfo is None:
        raise _unknown()
    return at


def _unknown() -> InvalidError:
    detail = "Con trỏ không hợp lệ · Not one of our cursors"
    field = FieldError(field="cursor", code="cursor_unknown", detail=detail)
    return InvalidError("cursor_unknown", fields=(field,))
