"""Who asks, and what they may do: what doors hand to every room that acts or shows."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import Actor
from shared.errors import ForbiddenError, NotFoundError

# Asked by every request; as plain text it costs the asking process a third. UNION, not UNION ALL: a
# circle of units, which nobody should make, then still comes to an end.
_CALLER = text(
    """
    WITH RECURSIVE below AS (
      SELECT unit_id AS id FROM staff WHERE staff.id = :id
      UNION
      SELECT unit.id FROM unit JOIN below ON unit.parent_id = below.id)
    SELECT staff.id, staff.name, staff.email, staff.unit_id, staff.locale, unit.code AS unit_code,
           ARRAY(SELECT role FROM staff_role WHERE staff_id = staff.id) AS roles,
           ARRAY(SELECT below.id FROM below) AS unit_ids
      FROM staff JOIN unit ON unit.id = staff.unit_id
     WHERE staff.id = :id AND staff.active
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person of the team, or a program with a token that one of them made.

    A program has no roles, only `scopes`, and acts on nobody's behalf: `staff_id` names the token's
    owner, so that what it writes has an author. `scopes` is None for a person. `unit_ids` holds the
    own unit and everything below it. `csrf` is what a browser repeats with every unsafe call.
    """

    actor: Actor
    staff_id: UUID
    name: str
    email: str
    roles: frozenset[str]
    scopes: frozenset[str] | None
    unit_id: UUID
    unit_code: str
    unit_ids: frozenset[UUID]
    locale: str = "vi"
    csrf: str | None = field(default=None, repr=False)

    @property
    def is_program(self) -> bool:
        """Whether this is a token and no person."""
        return self.scopes is not None

    def need_person(self) -> None:
        """Raises ForbiddenError for a program: no scope approves, publishes or manages."""
        if self.is_program:
            raise ForbiddenError("person_needed")

    def need_role(self, *roles: str) -> None:
        """Raises ForbiddenError unless this is a person with one of the roles."""
        self.need_person()
        if self.roles.isdisjoint(roles):
            raise ForbiddenError("role_needed", roles=", ".join(roles))

    def need(self, *words: str) -> None:
        """Raises ForbiddenError unless a person has one of these roles, a program of these scopes.

        Roles and scopes stand side by side: `caller.need("editor", "draft:write")`.
        """
        if self.scopes is None:
            roles = tuple(word for word in words if ":" not in word)
            if self.roles.isdisjoint(roles):
                raise ForbiddenError("role_needed", roles=", ".join(roles))
            return
        scopes = tuple(word for word in words if ":" in word)
        if not scopes:
            raise ForbiddenError("person_needed")
        if self.scopes.isdisjoint(scopes):
            raise ForbiddenError("scope_needed", scopes=", ".join(scopes))

    def may_see(self, unit_id: UUID) -> bool:
        """Whether a thing of this unit may be shown to the caller."""
        return unit_id in self.unit_ids

    def need_unit(self, unit_id: UUID) -> None:
        """Raises NotFoundError for a thing of another unit: it must look as if it did not exist."""
        if not self.may_see(unit_id):
            raise NotFoundError


def session_of(caller: Caller) -> UUID | None:
    """The session that the caller came with; None for a program."""
    return UUID(caller.actor.session) if caller.actor.session else None


def admin_of(
    by: Actor | Caller, unit_id: UUID, *, missing: str = "staff_not_found", **values: object
) -> Actor:
    """Who stands in the record for an act on the people of this unit.

    A caller must be an admin who sees the unit: else ForbiddenError, or NotFoundError(`missing`).
    A bare actor is Loa itself or somebody at a terminal of the machine; nobody else may come as
    one.
    """
    if isinstance(by, Caller):
        by.need_role("admin")
        if not by.may_see(unit_id):
            raise NotFoundError(missing, **values)
        return by.actor
    if by.kind not in ("system", "cli"):
        raise ForbiddenError("role_needed", roles="admin")
    return by


async def caller_of(
    session: AsyncSession,
    staff_id: UUID,
    *,
    actor: Actor | None = None,
    scopes: frozenset[str] | None = None,
    csrf: str | None = None,
) -> Caller | None:
    """The caller for a person, with roles and units as they stand now; None if not active.

    With `scopes` it is a program of that person's. Without `actor`, the person themselves.
    """
    await session.flush()
    found = (await session.execute(_CALLER, {"id": staff_id})).one_or_none()
    if found is None:
        return None
    return Caller(
        actor=actor or Actor(kind="staff", id=str(found.id)),
        staff_id=found.id,
        name=found.name,
        email=found.email,
        roles=frozenset() if scopes is not None else frozenset(found.roles),
        scopes=scopes,
        unit_id=found.unit_id,
        unit_code=found.unit_code,
        unit_ids=frozenset(found.unit_ids),
        locale=found.locale,
        csrf=csrf,
    )
