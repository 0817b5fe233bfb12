"""The one number that stands for everything an approver agrees to."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.content.tables import Item, Media, Revision

# Grows when the list of fields below changes: an old approval must never match by accident.
_VERSION = 1


async def content_hash(session: AsyncSession, item: Item, revision: Revision) -> str:
    """SHA-256 over the words, the media by their bytes, the accounts, the times and the urgency.

    The note from one colleague to the other is not part of it, nor is anything that moves while the
    content stays (state, people, timestamps).
    """
    wanted = {*revision.media} | ({revision.cover} if revision.cover else set())
    library: dict[UUID, Media] = {}
    if wanted:
        rows = await session.scalars(select(Media).where(col(Media.id).in_(wanted)))
        library = {row.id: row for row in rows}
    return hash_of(content(item, revision, library))


def content(item: Item, revision: Revision, library: Mapping[UUID, Media]) -> dict[str, object]:
    """Everything that is agreed to, as plain data; the same content gives equal data."""
    cover = library.get(revision.cover) if revision.cover else None
    # Told only where there is one, so that what was hashed before sources were known stays equal.
    credit = {"name": revision.source_name, "url": revision.source_url}
    source = {"source": credit} if any(credit.values()) else {}
    return {
        "version": _VERSION,
        "code": item.code,
        "kind": item.kind,
        "title": revision.title,
        "summary": revision.summary,
        "body": revision.body,
        "author": revision.author,
        "category": revision.category,
        "tags": list(revision.tags),
        "cover": _media(cover) if cover else None,
        "media": [_media(library[one]) for one in revision.media if one in library],
        "document": revision.document,
        "overrides": revision.overrides,
        "correction_note": revision.correction_note,
        **source,
        **({"ai_made": True} if revision.ai_made else {}),  # the same holds for the label
        "accounts": sorted(str(account) for account in revision.accounts),
        "publish_at": _instant(revision.publish_at),
        "expires_at": _instant(revision.expires_at),
        "urgent": revision.urgent,
    }


def hash_of(data: Mapping[str, object]) -> str:
    """SHA-256 of plain data in its canonical form: sorted keys, no blanks, UTF-8."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _media(media: Media) -> dict[str, str]:
    # The id is there because the body names it; the hash of the bytes is what counts.
    return {
        "id": str(media.id),
        "sha256": media.sha256,
        "alt": media.alt,
        "caption": media.caption,
        "credit": media.credit,
    }


def _instant(value: datetime | None) -> str | None:
    # The same instant told in another zone is the same content; the database gives it back in UTC.
    return None if value is None else value.astimezone(UTC).isoformat()
