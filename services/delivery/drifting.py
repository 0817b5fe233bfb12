"""What stands on a channel instead of what was agreed: a person sees what a repair will mend."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.hub import Hub
from shared.errors import LoaError
from shared.text import comparable

_ALTERED: Final = text(
    """
    SELECT p.id, p.drift_text, r.payload, account.channel
      FROM publication p
      JOIN rendition r ON r.id = p.observed_rendition_id
      JOIN account ON account.id = p.account_id
     WHERE p.item_id = :item AND p.state = 'live' AND p.drift = 'altered'
       AND p.drift_text IS NOT NULL AND p.id = ANY(:only)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """The text that was agreed for a channel, and the one that its last reading gave.

    Both as `matching.shows` compares them, line by line: blanks and invisible signs, which channels
    change as they like, are no difference.
    """

    agreed: str
    shown: str


async def altered(
    session: AsyncSession, hub: Hub, item_id: UUID, *, only: Collection[UUID]
) -> Mapping[UUID, Altered]:
    """Those of an item's publications whose text was altered on the channel, by publication.

    What is hidden, missing or unreadable there has no text to compare and is left out, and so is a
    channel whose adapter is not at hand.
    """
    rows = await session.execute(_ALTERED, {"item": item_id, "only": list(only)})
    found: dict[UUID, Altered] = {}
    for row in rows:
        try:
            channel = hub.registry.get(row.channel)
        except LoaError:
            continue
        agreed = channel.fingerprint(row.payload).text
        found[row.id] = Altered(agreed=_lines(agreed), shown=_lines(row.drift_text))
    return found


def _lines(whole: str) -> str:
    lines = (comparable(line) for line in whole.splitlines())
    return "\n".join(line for line in lines if line)
