"""What things are called: names of what the record speaks of, for people to read."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Kind → a statement that gives `id` and `name` of these ids.
_NAMES = {
    "item": text(
        "SELECT i.id, i.code || ' · ' || r.title AS name FROM item i"
        " JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no"
        " WHERE i.id = ANY(:ids) AND i.unit_id = ANY(:units)"
    ),
    "publication": text(
        "SELECT p.id, a.name || ' · ' || i.code AS name FROM publication p"
        " JOIN account a ON a.id = p.account_id JOIN item i ON i.id = p.item_id"
        " WHERE p.id = ANY(:ids) AND i.unit_id = ANY(:units)"
    ),
    "account": text("SELECT id, name FROM account WHERE id = ANY(:ids) AND unit_id = ANY(:units)"),
    "staff": text("SELECT id, name FROM staff WHERE id = ANY(:ids)"),
    "session": text(
        "SELECT s.id, staff.name FROM session s JOIN staff ON staff.id = s.staff_id"
        " WHERE s.id = ANY(:ids)"
    ),
    "unit": text("SELECT id, name FROM unit WHERE id = ANY(:ids)"),
    "token": text("SELECT id, name FROM api_token WHERE id = ANY(:ids)"),
    "media": text(
        "SELECT id, alt AS name FROM media WHERE id = ANY(:ids) AND unit_id = ANY(:units)"
    ),
    "invitation": text(
        "SELECT n.id, coalesce(staff.name, '') AS name FROM invitation n"
        " LEFT JOIN staff ON staff.id = n.staff_id WHERE n.id = ANY(:ids)"
    ),
    "template": text(
        "SELECT id, name FROM item_template WHERE id = ANY(:ids) AND unit_id = ANY(:units)"
    ),
    "approval": text(
        "SELECT a.id, i.code || ' · ' || r.title AS name FROM approval a"
        " JOIN revision r ON r.id = a.revision_id JOIN item i ON i.id = r.item_id"
        " WHERE a.id = ANY(:ids) AND i.unit_id = ANY(:units)"
    ),
}


async def names_of(
    session: AsyncSession, things: Collection[str], units: Collection[UUID]
) -> Mapping[str, str]:
    """`kind:id` → what people call it; what is unknown or belongs to another unit is left out.

    People are named whatever their unit: an admin from above acts here too.
    """
    wanted: dict[str, set[UUID]] = {}
    for thing in things:
        kind, _, told = thing.partition(":")
        try:
            wanted.setdefault(kind, set()).add(UUID(told))
        except ValueError:
            continue
    found: dict[str, str] = {}
    for kind, ids in wanted.items():
        if kind in _NAMES:
            values = {"ids": list(ids), "units": list(units)}
            known = {name: values[name] for name in _NAMES[kind].compile().params}
            for row in await session.execute(_NAMES[kind], known):
                found[f"{kind}:{row.id}"] = row.name
    return found
