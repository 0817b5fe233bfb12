"""Going on now with what Loa would try again by itself later."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.acts import Act
from services.audit.append import record
from services.delivery.wake import wake
from services.staff.caller import Caller
from shared.errors import ConflictError, NotFoundError

_HELD: Final = text(
    """
    SELECT p.state, p.item_id, p.account_id, p.problem_code, i.unit_id,
           p.state IN ('pending','sending') AND p.problem_code IS NOT NULL
             AND p.next_at > now() AS waits
      FROM publication p JOIN item i ON i.id = p.item_id
     WHERE p.id = :id FOR UPDATE OF p
    """
)
_NOW: Final = text("UPDATE publication SET next_at = now() WHERE id = :id")


async def hurry(session: AsyncSession, caller: Caller, publication_id: UUID) -> None:
    """Makes the next try due at once; the loop still keeps to what the account and people hold.

    Only the waiting is cut short: that nothing of the last try can have been left is proven
    already, so a writer may ask for it too. Raises NotFoundError, ConflictError `not_waiting`.
    """
    caller.need_role("editor", "approver")
    row = (await session.execute(_HELD, {"id": publication_id})).one_or_none()
    if row is None or not caller.may_see(row.unit_id):
        raise NotFoundError("publication_not_found")
    if not row.waits:
        raise ConflictError("not_waiting", state=row.state)
    await session.execute(_NOW, {"id": publication_id})
    await record(
        session,
        caller.actor,
        Act.PUBLICATION_RETRIED,
        f"publication:{publication_id}",
        unit=row.unit_id,
        details={
            "item": str(row.item_id),
            "account": str(row.account_id),
            "from": row.state,
            "to": row.state,
            "code": row.problem_code,
        },
    )
    await wake(session, [publication_id])
