"""Whether a picture, video or document belongs to what was withdrawn, and to nothing else."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# What a picture was made from, and what was made from it, is the same picture to the public. An
# earlier revision of an item that stands does not keep it: only what is shown, or may be next.
_WITHDRAWN = text(
    """
    WITH RECURSIVE same AS (
      SELECT id, made_from FROM media WHERE sha256 = :sha256
       UNION
      SELECT m.id, m.made_from FROM media m JOIN same ON m.id = same.made_from),
    used AS (
      SELECT r.item_id, r.no FROM revision r
       WHERE r.media && (SELECT array_agg(id) FROM same)
       UNION
      SELECT r.item_id, r.no FROM revision r WHERE r.cover IN (SELECT id FROM same))
    SELECT coalesce(bool_or(i.withdrawn_at IS NOT NULL), false)
           AND NOT coalesce(bool_or(i.withdrawn_at IS NULL
                                    AND used.no IN (i.revision_no, i.released_no)), false)
           AND NOT EXISTS (SELECT 1 FROM agency_setting
                            WHERE name = 'logo' AND value ->> 'sha256' = :sha256)
      FROM used JOIN item i ON i.id = used.item_id
    """
)


async def withdrawn(session: AsyncSession, sha256: str) -> bool:
    """Whether these bytes were shown by withdrawn items only: the public is told they are gone.

    Source: feeds.md section 5. False for what no item has ever used, and for
    the agency's own mark, which stands on every page.
    """
    return bool((await session.execute(_WITHDRAWN, {"sha256": sha256})).scalar_one())
