"""Forgets what has served its time. Items, approvals, attempts and the audit record are kept.

Ages: reliability-security.md R54 (replaced tokens), R67, R79 (refused sign-ins).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import CursorResult, TextClause, text

from services.storage.session import Opener

_AT_ONCE: Final = 5_000

# Table → what of it may go. By name: these rows belong to rooms and doors that need not know when
# they are forgotten.
_OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "idempotent_answer": "started_at < now() - interval '7 days'",
        "session": "coalesce(ended_at, expires_at) < now() - interval '30 days'",
        "sign_in_failure": "at < now() - interval '1 day'",
        "old_credentials": "replaced_at < now() - interval '7 days'",
        "inbound_event": "received_at < now() - interval '90 days'",
        # Long gone from its feed, and nothing was made of it.
        "source_entry": "item_id IS NULL AND last_seen_at < now() - interval '180 days'",
        "link_check": "asked_at < now() - interval '30 days'"
        " AND NOT EXISTS (SELECT 1 FROM link_use u WHERE u.link_id = link_check.id)",
        "consent": "expires_at < now() - interval '7 days'",
        # Unread for a year: whoever it was for does not come back for it.
        "notification": "coalesce(read_at, at + interval '275 days') < now() - interval '90 days'",
    }
)


async def forget(open_work: Opener) -> Mapping[str, int]:
    """Deletes what is over and gives how many rows of each table. Safe to repeat and to cut off.

    Works in small transactions, so that nobody waits for its locks.
    """
    gone: dict[str, int] = {}
    for table, over in _OVER.items():
        gone[table] = 0
        while True:
            async with open_work() as session:
                done = await session.execute(_statement(table, over), {"most": _AT_ONCE})
            count = done.rowcount if isinstance(done, CursorResult) else 0
            gone[table] += count
            if count < _AT_ONCE:
                break
    return gone


def _statement(table: str, over: str) -> TextClause:
    return text(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608  # names of this file
        f"SELECT ctid FROM {table} WHERE {over} LIMIT :most FOR UPDATE SKIP LOCKED))"
    )
