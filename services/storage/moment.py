"""Whether anything at all has been committed since: one read that touches no table."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_MOMENT = text("SELECT pg_current_snapshot()::text")


async def moment(session: AsyncSession) -> str:
    """The state of the whole database server as a word.

    The same word again proves that nothing was committed between the two reads: it lists which
    transactions are visible. Another word proves nothing; something may have been committed
    anywhere on the server. Source: PostgreSQL's documentation, "Transaction ID and Snapshot
    Information Functions" (xmin:xmax:xip_list), which does not change by a mere read.
    """
    return str((await session.execute(_MOMENT)).scalar_one())
