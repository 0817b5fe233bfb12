"""Pictures of the library that a body names by their public address, taken for what they are.

Whoever writes through the API holds the `url` that `POST /media` answered with, and puts that into
the Markdown. The address is named by the hash of the bytes, so it tells the file on every host.
"""

import re
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content.tables import Media
from services.staff.caller import Caller

_ADDRESS: Final = re.compile(
    r"""(?P<before>!\[[^\]\n]*\]\(\s*)           # ![words](
        (?:https?://[^\s()<>/]+)?/media/         # our own address, whatever the host is called
        (?P<sha256>[0-9a-f]{64})\.[a-z0-9]{2,5}
        (?=\s|\))""",
    re.VERBOSE,
)


async def by_id(session: AsyncSession, caller: Caller, markdown: str) -> str:
    """The same text with such addresses as `media:<id>`; what is not the caller's stays as it is.

    Safe to repeat: an address that was taken once is none any more.
    """
    asked = {found["sha256"] for found in _ADDRESS.finditer(markdown)}
    if not asked:
        return markdown
    # A form made for one channel stands for the picture that it was made of.
    whole = func.coalesce(col(Media.made_from), col(Media.id)).label("whole")
    rows = await session.execute(
        select(col(Media.sha256), whole)
        .where(col(Media.sha256).in_(asked), col(Media.unit_id).in_(caller.unit_ids))
        .order_by(col(Media.id).desc())
    )
    ids: dict[str, UUID] = {row.sha256: row.whole for row in rows}

    def named(found: re.Match[str]) -> str:
        media_id = ids.get(found["sha256"])
        return f"{found['before']}media:{media_id}" if media_id else found[0]

    return _ADDRESS.sub(named, markdown)
