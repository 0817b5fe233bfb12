"""What waits for one person: texts to agree to or mend, outcomes to decide, channels to renew."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.listing import TROUBLED
from services.staff.caller import Caller

Sort: TypeAlias = Literal["approve", "fix", "undecided", "failed", "differs", "reconnect"]
# What waits for the reader's own word or hand stands before what went wrong (console-ux.md, S2).
_ASKED: Final = ("approve", "fix", "reconnect")
Health: TypeAlias = Literal["cut_off", "ending", "slow", "good"]

_HEALTHS: Final[tuple[Health, ...]] = ("cut_off", "ending", "slow", "good")

# A sign-in that ends within so long is told; shorter ones renew themselves (R54).
ENDING: Final = timedelta(days=14)
_PINNED: Final = timedelta(hours=24)

_APPROVE = text(
    """
    SELECT i.id AS item_id, r.title, r.submitted_at AS since, r.publish_at AS due_at, r.urgent,
           s.name AS who, count(*) OVER () AS in_all
      FROM revision r
      JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
      JOIN staff s ON s.id = r.submitted_by
     WHERE r.state = 'review' AND i.unit_id = ANY(:units)
       AND :staff NOT IN (i.created_by, r.created_by, r.last_editor, r.submitted_by)
     ORDER BY r.urgent DESC, r.submitted_at, i.id LIMIT :most
    """
)

_FIX = text(
    """
    SELECT i.id AS item_id, r.title, i.updated_at AS since, r.publish_at AS due_at, r.urgent,
           coalesce(r.return_reason, '') AS reason, count(*) OVER () AS in_all
      FROM revision r
      JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
     WHERE r.state = 'returned' AND i.unit_id = ANY(:units)
       AND :staff IN (i.created_by, r.created_by, r.last_editor, r.submitted_by)
     ORDER BY r.urgent DESC, i.updated_at, i.id LIMIT :most
    """
)

# One line for each item and cause, however many channels are concerned; the first is named.
_TROUBLE = text(
    f"""
    SELECT x.item_id, r.title, x.sort, x.since, x.outlets, x.name AS outlet, r.urgent,
           CASE x.sort WHEN 'undecided' THEN x.publication_id END AS publication_id,
           count(*) OVER () AS in_all
      FROM (
        SELECT t.item_id,
               CASE t.state WHEN 'undecided' THEN 'undecided' WHEN 'live' THEN 'differs'
                            ELSE 'failed' END AS sort,
               min(t.at) AS since, count(*) AS outlets, min(a.name) AS name,
               (array_agg(t.id ORDER BY a.name))[1] AS publication_id
          FROM ({TROUBLED}) AS t JOIN account a ON a.id = t.account_id
         GROUP BY t.item_id, sort) AS x
      JOIN item i ON i.id = x.item_id
      JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
     WHERE i.unit_id = ANY(:units)
     ORDER BY r.urgent DESC, x.since, x.item_id LIMIT :most
    """  # noqa: S608  # a constant of ours
)

_EVERY = """
    SELECT x.*, count(*) FILTER (WHERE x.health = 'cut_off') OVER () AS cut_off,
           count(*) FILTER (WHERE x.health = 'ending') OVER () AS ending,
           count(*) FILTER (WHERE x.health = 'slow') OVER () AS slow,
           count(*) FILTER (WHERE x.health = 'good') OVER () AS good
      FROM (
      SELECT a.id, a.name, a.channel, a.pause_code, a.pause_reason, a.token_expires_at,
             coalesce(a.paused_at, a.token_expires_at, a.created_at) AS since,
             CASE WHEN a.state = 'paused' THEN 'cut_off'
                  WHEN a.token_state = 'ok' AND a.token_expires_at < now() + :ending
                       AND a.token_renewed_at IS NULL THEN 'ending'
                  WHEN greatest(a.rate_until, a.breaker_until) > now() THEN 'slow'
                  ELSE 'good' END AS health
        FROM account a
       WHERE a.unit_id = ANY(:units) AND a.stage <> 'closed') AS x
"""
_ACCOUNTS = text(
    f"""
    {_EVERY}
     ORDER BY array_position(ARRAY['cut_off','ending','slow','good'], x.health), x.name
     LIMIT :most
    """  # a constant of this file
)
_LONGEST = text(f"{_EVERY} ORDER BY x.health IN ('cut_off','ending') DESC, x.since LIMIT :most")

# On its way or out for less than a day: found by what an index knows.
_URGENT = text(
    """
    SELECT i.id AS item_id, r.title, r.state = 'review' AS in_review,
           coalesce(i.published_at, r.submitted_at) AS since, count(*) OVER () AS in_all
      FROM (SELECT item_id FROM revision WHERE state = 'review' AND urgent
            UNION SELECT id FROM item WHERE published_at > now() - CAST(:age AS interval)
            UNION SELECT item_id FROM publication
                   WHERE state NOT IN ('live','withdrawn') AND urgent) AS x
      JOIN item i ON i.id = x.item_id
      JOIN revision r ON r.item_id = i.id AND i.revision_no = r.no
     WHERE r.urgent AND r.state IN ('review','approved') AND i.withdrawn_at IS NULL
       AND i.unit_id = ANY(:units)
     ORDER BY since DESC, i.id LIMIT 5
    """
)

_DRAFTS = text(
    """
    SELECT i.id AS item_id, r.title, r.updated_at AS since
      FROM revision r
      JOIN item i ON i.id = r.item_id AND i.revision_no = r.no
     WHERE r.state = 'draft' AND i.unit_id = ANY(:units)
       AND :staff IN (i.created_by, r.last_editor)
     ORDER BY r.updated_at DESC, i.id LIMIT :most
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that one person should do; `since` is how long it has waited.

    `who` sent it in, `reason` is why it was sent back, `outlet` the first channel concerned of
    `outlets`. `publication_id` is set where an outcome must be decided, `account_id` for a channel;
    all others name an item.
    """

    sort: Sort
    title: str
    since: datetime
    item_id: UUID | None = None
    account_id: UUID | None = None
    publication_id: UUID | None = None
    due_at: datetime | None = None
    urgent: bool = False
    who: str = ""
    reason: str = ""
    outlet: str = ""
    outlets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One connected account and how it is."""

    id: UUID
    name: str
    channel: str
    health: Health
    pause_code: str | None
    pause_reason: str | None
    since: datetime
    token_expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What waits for one person: the first ones, and how many there are in all."""

    shown: tuple[Task, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Connected accounts, those in trouble first, and how many of all have each health."""

    shown: tuple[Outlet, ...]
    counts: Mapping[Health, int]

    @property
    def count(self) -> int:
        """How many accounts there are in all."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """An urgent item that everybody should see, for a day after it went out; one of `in_all`."""

    item_id: UUID
    title: str
    in_review: bool
    since: datetime
    in_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A text of the reader's own that is not sent in yet."""

    item_id: UUID
    title: str
    since: datetime


async def tasks(session: AsyncSession, caller: Caller, *, most: int) -> Tasks:
    """What waits for this person by their roles: the urgent, the asked for, then what went wrong.

    Of each what has waited longest comes first. Approvers agree and look after failures, editors
    mend what came back and see failures, leaders see failures, admins renew channels.
    """
    about = {"units": list(caller.unit_ids), "staff": caller.staff_id, "most": most}
    found: list[Task] = []
    count = 0
    for statement, sort, roles in (
        (_APPROVE, "approve", ("approver",)),
        (_FIX, "fix", ("editor",)),
        (_TROUBLE, None, ("approver", "editor", "leader")),
    ):
        if caller.roles.isdisjoint(roles):
            continue
        rows = (await session.execute(statement, about)).mappings().all()
        count += rows[0]["in_all"] if rows else 0
        for row in rows:
            facts = {name: told for name, told in row.items() if name != "in_all"}
            found.append(Task(**(facts | {"sort": sort or row["sort"]})))
    if "admin" in caller.roles:
        bad = await _outlets(session, _LONGEST, caller.unit_ids, most)
        found += [_reconnect(one) for one in bad.shown if one.health in ("cut_off", "ending")]
        count += bad.counts["cut_off"] + bad.counts["ending"]
    found.sort(key=lambda one: (not one.urgent, one.sort not in _ASKED, one.since))
    return Tasks(shown=tuple(found[:most]), count=count)


async def outlets(session: AsyncSession, unit_ids: Collection[UUID], *, most: int) -> Outlets:
    """The connected accounts of these units, those in trouble first, and all of them counted."""
    return await _outlets(session, _ACCOUNTS, unit_ids, most)


async def _outlets(
    session: AsyncSession, statement: TextClause, unit_ids: Collection[UUID], most: int
) -> Outlets:
    asked = {"units": list(unit_ids), "ending": ENDING, "most": most}
    rows = (await session.execute(statement, asked)).mappings().all()
    return Outlets(
        shown=tuple(
            Outlet(**{name: told for name, told in row.items() if name not in _HEALTHS})
            for row in rows
        ),
        counts={name: rows[0][name] if rows else 0 for name in _HEALTHS},
    )


async def urgent(session: AsyncSession, unit_ids: Collection[UUID]) -> tuple[Pinned, ...]:
    """Urgent items on their way or out for less than a day, the newest five.

    What was withdrawn, or has a successor that is not urgent, is closed.
    """
    rows = await session.execute(_URGENT, {"units": list(unit_ids), "age": _PINNED})
    return tuple(Pinned(**row._mapping) for row in rows)  # noqa: SLF001  # as above


async def drafts(session: AsyncSession, caller: Caller, *, most: int) -> tuple[Draft, ...]:
    """The newest drafts that this person began or last worked on."""
    rows = await session.execute(
        _DRAFTS, {"units": list(caller.unit_ids), "staff": caller.staff_id, "most": most}
    )
    return tuple(Draft(**row._mapping) for row in rows)  # noqa: SLF001  # as above


def _reconnect(one: Outlet) -> Task:
    return Task(
        sort="reconnect",
        title=one.name,
        since=one.since,
        account_id=one.id,
        due_at=one.token_expires_at if one.health == "ending" else None,
        reason=one.pause_reason or "",
        outlet=one.name,
    )
