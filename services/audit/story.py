"""What was done to one thing and to what belongs to it, newest first."""

from collections.abc import Collection

from sqlalchemy import ARRAY, Text, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.tables import AuditEntry


async def story(
    session: AsyncSession,
    objects: Collection[str],
    *,
    limit: int,
    before: int | None = None,
) -> tuple[AuditEntry, ...]:
    """At most `limit` entries about these objects (`kind:id`); only those before number `before`.

    Who asks must be allowed to see the objects: nothing is checked here.
    """
    # One parameter for all: thousands of them would be written into the statement one by one.
    asked = select(AuditEntry).where(
        col(AuditEntry.object) == any_(literal(list(objects), ARRAY(Text)))
    )
    if before is not None:
        asked = asked.where(col(AuditEntry.seq) < before)
    rows = await session.scalars(asked.order_by(col(AuditEntry.seq).desc()).limit(limit))
    return tuple(rows)
