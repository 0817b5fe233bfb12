"""Who may approve whose work, as a table of people: what the rules of `workflow.py` come to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.content.tables import Item, Revision
from services.content.workflow import check_two_people
from services.staff.caller import Caller
from services.staff.queries import Person, list_people
from services.staff.tables import Unit
from shared.errors import ForbiddenError


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One writer. `refusals` stands in the order of the approvers: None where that one may approve.

    Else `other_unit` (the approver cannot see the writer's unit) or the code of the refusal:
    `four_eyes` is the writer. Nobody can approve the work of who is not `covered`.
    """

    author: Person
    refusals: tuple[str | None, ...]
    covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalMatrix:
    """Writers in rows, approvers in columns, for what a writer alone has written."""

    approvers: tuple[Person, ...]
    rows: tuple[MatrixRow, ...]


async def approval_matrix(session: AsyncSession, unit_ids: Collection[UUID]) -> ApprovalMatrix:
    """Who may approve what the writers of these units write for their own unit.

    Approvers of units above belong to it, since they see what is below them. Who was invited and
    has not come yet stands in it, but covers nobody.
    """
    rows = await session.execute(select(col(Unit.id), col(Unit.parent_id)))
    parents: dict[UUID, UUID | None] = {row.id: row.parent_id for row in rows}
    above = {unit: _above(unit, parents) for unit in parents}
    wanted = frozenset(unit_ids)
    people = await list_people(session, wanted.union(*(above.get(one, ()) for one in wanted)))
    approvers = tuple(one for one in people if one.active and "approver" in one.roles)
    callers = [_as_caller(one, above) for one in approvers]
    table = []
    for author in people:
        if author.unit_id not in wanted or not author.active or "editor" not in author.roles:
            continue
        refusals = tuple(_refusal(caller, author) for caller in callers)
        table.append(
            MatrixRow(
                author=author,
                refusals=refusals,
                covered=any(
                    refusal is None and not approver.pending
                    for refusal, approver in zip(refusals, approvers, strict=True)
                ),
            )
        )
    return ApprovalMatrix(approvers=approvers, rows=tuple(table))


def _refusal(approver: Caller, author: Person) -> str | None:
    """What the rule itself says to a text that this writer alone has had a hand in."""
    if not approver.may_see(author.unit_id):
        return "other_unit"
    item = Item(code="", unit_id=author.unit_id, kind="news", created_by=author.id)
    revision = Revision(
        item_id=item.id,
        no=1,
        title="",
        created_by=author.id,
        last_editor=author.id,
        submitted_by=author.id,
    )
    try:
        check_two_people(approver, item, revision)
    except ForbiddenError as refused:
        return refused.code
    return None


def _as_caller(person: Person, above: Mapping[UUID, frozenset[UUID]]) -> Caller:
    return Caller(
        actor=Actor(kind="staff", id=str(person.id)),
        staff_id=person.id,
        name=person.name,
        email=person.email,
        roles=frozenset(person.roles),
        scopes=None,
        unit_id=person.unit_id,
        unit_code=person.unit_code,
        unit_ids=frozenset(unit for unit, higher in above.items() if person.unit_id in higher),
    )


def _above(unit: UUID, parents: Mapping[UUID, UUID | None]) -> frozenset[UUID]:
    """A unit and everything it is below of; comes to an end even in a circle."""
    seen: set[UUID] = set()
    at: UUID | None = unit
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return frozenset(seen)
