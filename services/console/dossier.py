"""Everything that the pages about one item share: where it stands, and what the reader may do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.outlets import Outlet, outlets
from services.console.ask import Ask
from services.console.reading import Library, named_media
from services.content import comments, queries
from services.content.tables import Item, Revision
from services.content.workflow import check_two_people
from services.delivery import board, tally
from services.delivery.board import Standing
from services.delivery.tally import Tally
from services.staff import agency
from services.staff.agency import Agency
from services.staff.caller import Caller
from services.staff.names import names, unit_name
from shared.errors import ForbiddenError

_STEPS: Final[Mapping[str, str]] = {
    "draft": "write",
    "returned": "write",
    "review": "review",
    "scheduled": "publish",
    "publishing": "publish",
    "partial": "publish",
    "failed": "publish",
    "correcting": "publish",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One item with its newest revision, its publications counted, and the names of its people.

    `may` holds the acts that the page offers this reader: `edit`, `correct`, `duplicate`,
    `withdraw`, `stop`, `review`, `comment`. The rooms decide anew when one is asked for.
    """

    item: Item
    newest: Revision
    standing: Standing
    tally: Tally
    unit: str
    names: Mapping[UUID, str]
    house: Agency
    may: frozenset[str] = frozenset()

    @property
    def step(self) -> str:
        """How far its life is: `write`, `review`, `publish` or `follow`."""
        return _STEPS.get(self.standing.state, "follow")

    @property
    def hands(self) -> frozenset[UUID | None]:
        """Who wrote the newest revision, or had a part in it."""
        newest = self.newest
        people = (newest.created_by, newest.last_editor, newest.submitted_by)
        return frozenset((self.item.created_by, *people))

    @property
    def title(self) -> str:
        """What the item is called now."""
        return self.newest.title

    def name(self, staff_id: UUID | None) -> str:
        """What a person is called; a dash for nobody."""
        return self.names.get(staff_id, "—") if staff_id is not None else "—"


async def dossier(session: AsyncSession, caller: Caller, item_id: UUID) -> Dossier:
    """The dossier of an item within reach. Raises NotFoundError."""
    item = await queries.item(session, item_id, caller.unit_ids)
    newest = (await queries.newest(session, (item,)))[item.id]
    standing = (await board.standing(session, (item.id,)))[item.id]
    counted = await tally.tally(session, item.id)
    people = (
        *(item.created_by, newest.created_by, newest.last_editor, newest.submitted_by),
        *(standing.approved_by, standing.submitted_by),
    )
    found = Dossier(
        item=item,
        newest=newest,
        standing=standing,
        tally=counted,
        unit=await unit_name(session, item.unit_id),
        names=await names(session, people),
        house=await agency.settings(session),
    )
    return replace(found, may=_allowed(found, caller))


def refusal_of(caller: Caller, item: Item, revision: Revision) -> str | None:
    """Why this person may not approve the revision, as a code; None when they may."""
    try:
        check_two_people(caller, item, revision)
    except ForbiddenError as refused:
        return refused.code
    return None


async def library(
    session: AsyncSession, house: Agency, revisions: Iterable[Revision]
) -> tuple[Library, Mapping[UUID, Outlet]]:
    """What these revisions name by id: their files, and their accounts."""
    files: set[UUID] = set()
    accounts: set[UUID] = set()
    for one in revisions:
        files |= named_media(one)
        accounts |= {*one.accounts, *(UUID(account) for account in one.overrides)}
    known = await outlets(session, accounts)
    return (
        Library(
            media=await queries.media(session, files),
            accounts={one.id: one.name for one in known.values()},
            categories={one.slug: one.name for one in house.categories},
        ),
        known,
    )


async def headline(ask: Ask, item_id: UUID) -> Dossier:
    """The dossier in a unit of work of its own, for a part of a page that is drawn anew."""
    async with ask.work() as session:
        return await dossier(session, ask.caller, item_id)


def _allowed(found: Dossier, caller: Caller) -> frozenset[str]:
    writes, agrees = "editor" in caller.roles, "approver" in caller.roles
    withdraws = not caller.roles.isdisjoint(found.house.withdrawers())
    return frozenset(
        name
        for name, allowed in (
            ("edit", writes and not found.tally.showing),
            ("correct", writes and found.tally.showing > 0),
            ("duplicate", writes),
            ("withdraw", withdraws and found.tally.standing > 0),
            ("stop", _may_stop(found, caller)),
            ("review", agrees and found.newest.state == "review"),
            ("comment", not caller.roles.isdisjoint(comments.ROLES)),
        )
        if allowed
    )


def _may_stop(found: Dossier, caller: Caller) -> bool:
    """Whether an agreed revision still waits, untouched, and this person may take it back."""
    if (
        found.newest.state != "approved"
        or not found.tally.waiting
        or found.tally.touched
        or found.standing.approved_by is None
    ):
        return False
    return caller.staff_id in found.hands or "approver" in caller.roles
