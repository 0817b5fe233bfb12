"""How an item stands on all its accounts together: counted where the rows are, none left out.

Pages show a part of an item's publications; whatever number they tell comes from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.board import LOOK, LOOKS, SWITCHES

_NAMED: Final = 3

# `begun`: something has been tried of what still waits. `touched`: of what is wanted at all, or
# something of it may stand on a channel already.
_TALLY: Final = text(
    f"""
    SELECT x.look, count(*) AS many,
           (array_agg(x.name ORDER BY x.name))[1:{_NAMED}] AS names,
           count(*) FILTER (WHERE x.wanted) AS wanted,
           count(*) FILTER (WHERE x.wanted AND x.state = 'live') AS live,
           count(*) FILTER (WHERE NOT x.wanted AND x.state = 'withdrawn') AS gone,
           count(*) FILTER (WHERE x.wanted AND x.state <> 'withdrawn') AS standing,
           count(*) FILTER (WHERE x.showing) AS showing,
           count(*) FILTER (WHERE x.state IN ('scheduled','pending')) AS waiting,
           min(x.next_at) FILTER (WHERE x.state = 'scheduled') AS first_at,
           bool_or(x.state NOT IN ('live','withdrawn')
                   AND (x.state NOT IN ('scheduled','pending') OR x.tried)) AS begun,
           bool_or(x.wanted AND (x.tried OR (NOT x.showing AND x.left))) AS touched
      FROM (
        SELECT p.state, p.next_at, account.name, {LOOK} AS look,
               p.desired_rendition_id IS NOT NULL AS wanted,
               p.state <> 'withdrawn' AND p.observed_revision_no IS NOT NULL AS showing,
               p.remote_id IS NOT NULL OR p.may_be_visible AS left,
               EXISTS (SELECT 1 FROM attempt t WHERE t.publication_id = p.id
                          AND t.generation = p.generation) AS tried
          FROM publication p
          JOIN account ON account.id = p.account_id
          {SWITCHES}
         WHERE p.item_id = :item) AS x
     GROUP BY x.look
    """  # noqa: S608  # constants of ours
)

# What a change does to each follows from these few facts of it.
_ALIKE: Final = text(
    """
    SELECT account.channel, p.state IN ('sending','uncertain','undecided') AS open,
           (p.observed_revision_no IS NOT NULL OR p.remote_id IS NOT NULL OR p.may_be_visible)
             AS showing,
           count(*) AS many, (array_agg(account.name ORDER BY account.name))[1:CAST(:named AS int)]
             AS names
      FROM publication p JOIN account ON account.id = p.account_id
     WHERE p.item_id = :item AND p.desired_rendition_id IS NOT NULL AND p.state <> 'withdrawn'
     GROUP BY 1, 2, 3 ORDER BY min(account.name)
    """
)

_ACCOUNTS: Final = text(
    """
    SELECT p.id, account.name FROM publication p JOIN account ON account.id = p.account_id
     WHERE p.item_id = :item
    """
)

_LOST: Final = text(
    """
    SELECT id FROM publication
     WHERE item_id = :item AND state IN ('failed','expired') ORDER BY id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The accounts on which an item has one look; `names` are the first three of them."""

    look: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All publications of an item, counted.

    `wanted` are those where something should be shown, `live` those of them that show it as far as
    is known; `gone` those taken down of the rest. `waiting` are due or scheduled. `standing` is
    what a withdrawal would take down or call off, `showing` where a text of ours can be seen.
    `first_at` is when the first one that has its time begins. `begun`: one that still waits has
    been tried. `touched`: what is wanted has been tried, or may be visible.
    """

    groups: tuple[Group, ...]
    wanted: int
    live: int
    gone: int
    waiting: int
    standing: int
    showing: int
    first_at: datetime | None
    begun: bool
    touched: bool

    @property
    def count(self) -> int:
        """How many publications there are."""
        return sum(one.count for one in self.groups)

    def of(self, *looks: str) -> int:
        """How many have one of these looks."""
        return sum(one.count for one in self.groups if one.look in looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Accounts of one channel on which a change of an item has the same effect.

    `open`: a call is out, or its outcome unknown. `showing`: something of ours stands there, or may
    stand there.
    """

    channel: str
    open: bool
    showing: bool
    count: int
    names: tuple[str, ...]


async def tally(session: AsyncSession, item_id: UUID) -> Tally:
    """How the item stands on all its accounts; the groups in the order of `board.LOOKS`.

    Rights are the caller's to check.
    """
    rows = {row.look: row for row in await session.execute(_TALLY, {"item": item_id})}
    found = [rows[look] for look in LOOKS if look in rows]
    return Tally(
        groups=tuple(Group(look=row.look, count=row.many, names=tuple(row.names)) for row in found),
        wanted=sum(row.wanted for row in found),
        live=sum(row.live for row in found),
        gone=sum(row.gone for row in found),
        waiting=sum(row.waiting for row in found),
        standing=sum(row.standing for row in found),
        showing=sum(row.showing for row in found),
        first_at=min((row.first_at for row in found if row.first_at is not None), default=None),
        begun=any(row.begun for row in found),
        touched=any(row.touched for row in found),
    )


async def alike(session: AsyncSession, item_id: UUID, *, named: int) -> tuple[Alike, ...]:
    """Where the item is wanted, the accounts together on which a change of it does the same.

    Each group names its first `named` accounts. Rights are the caller's to check.
    """
    rows = await session.execute(_ALIKE, {"item": item_id, "named": named})
    return tuple(
        Alike(
            channel=row.channel,
            open=row.open,
            showing=row.showing,
            count=row.many,
            names=tuple(row.names),
        )
        for row in rows
    )


async def names(session: AsyncSession, item_id: UUID) -> Mapping[UUID, str]:
    """What the account of each of the item's publications is called, by publication."""
    rows = await session.execute(_ACCOUNTS, {"item": item_id})
    return {row.id: row.name for row in rows}


async def lost(session: AsyncSession, item_id: UUID) -> tuple[UUID, ...]:
    """All publications of the item that failed or came too late, however many."""
    return tuple(await session.scalars(_LOST, {"item": item_id}))
