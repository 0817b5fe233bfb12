"""The record of who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api.gate import Look, SignedIn
from services.api.paging import Cursor, Limit
from services.api.problems import documented
from services.api.route import Route
from services.api.views import EntriesOut, EntryOut
from services.audit.queries import entries
from services.audit.tables import AuditEntry

router = APIRouter(route_class=Route, tags=["audit"])


@router.get("/audit", responses=documented(401, 403, 422, 500, 503))
async def list_entries(
    caller: SignedIn,
    session: Look,
    about: Annotated[
        str | None,
        Query(
            alias="object",
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="`item:<id>`, `account:<id>`, `publication:<id>` …, or an id alone",
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EntriesOut:
    """Entries of the caller's units with their hashes, newest first."""
    caller.need_role("auditor", "admin")
    found = await entries(session, object=about, units=caller.unit_ids, limit=limit, cursor=cursor)
    return EntriesOut(data=[_entry(one) for one in found.entries], next=found.next)


def _entry(row: AuditEntry) -> EntryOut:
    return EntryOut.model_validate(
        {
            **{
                name: getattr(row, name)
                for name in EntryOut.model_fields
                if name not in ("prev_hash", "hash")
            },
            "prev_hash": row.prev_hash.hex(),
            "hash": row.hash.hex(),
        }
    )
