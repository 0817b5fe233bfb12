"""How far a new hub is to its first item: read from what is there, never ticked by hand."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

STEPS: Final = ("agency", "people", "channels", "rules", "item")

# `people`: somebody writes, and somebody else may agree to it. `item`: one that was sent in.
_DONE: Final = text(
    """
    SELECT EXISTS (SELECT FROM agency_setting WHERE name IN ('name', 'logo')) AS agency,
           EXISTS (SELECT FROM staff_role w JOIN staff ws ON ws.id = w.staff_id AND ws.active
                     JOIN staff_role a ON a.role = 'approver' AND a.staff_id <> w.staff_id
                     JOIN staff s ON s.id = a.staff_id AND s.active
                    WHERE w.role = 'editor') AS people,
           EXISTS (SELECT FROM account
                    WHERE unit_id = ANY(:units) AND stage = 'official') AS channels,
           EXISTS (SELECT FROM agency_setting
                    WHERE name IN ('hold_seconds', 'urgent_waits', 'withdraw_by_editor',
                                   'quiet_hours', 'accounts', 'categories')) AS rules,
           EXISTS (SELECT FROM revision r JOIN item i ON i.id = r.item_id
                    WHERE i.unit_id = ANY(:units) AND r.submitted_at IS NOT NULL) AS item
    """
)


async def done(session: AsyncSession, unit_ids: Collection[UUID]) -> frozenset[str]:
    """The steps of `STEPS` that have been gone."""
    row = (await session.execute(_DONE, {"units": list(unit_ids)})).one()
    return frozenset(step for step in STEPS if row._mapping[step])  # noqa: SLF001  # its public name
