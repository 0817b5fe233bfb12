"""What the hub does of itself to what people decided, each with its row in the record."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import SYSTEM
from services.audit.acts import Act
from services.audit.append import record

_VOID = text(
    """
    WITH voided AS (
      UPDATE approval SET voided_at = now() WHERE id = ANY(:ids) AND voided_at IS NULL
      RETURNING revision_id)
    UPDATE revision SET state = CASE WHEN EXISTS (
        SELECT 1 FROM revision o WHERE o.item_id = revision.item_id AND o.no > revision.no)
      THEN 'superseded' ELSE 'review' END
      FROM voided WHERE revision.id = voided.revision_id AND revision.state = 'approved'
    RETURNING revision.item_id, revision.no,
      (SELECT unit_id FROM item WHERE item.id = revision.item_id) AS unit_id
    """
)


async def tell_paused(session: AsyncSession, account_id: UUID, unit_id: UUID, code: str) -> None:
    """Records that the hub itself paused an account, and why."""
    await record(
        session,
        SYSTEM,
        Act.ACCOUNT_PAUSED,
        f"account:{account_id}",
        unit=unit_id,
        details={"code": code},
    )


async def void_approvals(session: AsyncSession, approval_ids: Sequence[UUID]) -> None:
    """Voids these approvals, once, and puts their revisions back to review; audited as the hub."""
    rows = await session.execute(_VOID, {"ids": list(approval_ids)})
    for row in rows.all():
        await record(
            session,
            SYSTEM,
            Act.APPROVAL_VOIDED,
            f"item:{row.item_id}",
            unit=row.unit_id,
            reason="approver_role_lost",
            details={"revision": row.no},
        )
