"""Units, people and accounts for tests: real rows, made without the rooms' own ceremonies."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.tables import Account
from services.content.tables import Media
from services.staff.caller import Caller, caller_of
from services.staff.tables import Staff, StaffRole, Unit
from services.storage.columns import new_id


async def add_unit(session: AsyncSession, code: str, parent: UUID | None = None) -> UUID:
    """A unit; gives its id."""
    unit = Unit(code=code, name=f"Đơn vị {code}", parent_id=parent)
    session.add(unit)
    await session.flush()
    return unit.id


async def add_person(
    session: AsyncSession, unit_id: UUID, *roles: str, scopes: frozenset[str] | None = None
) -> Caller:
    """A person (or, with scopes, a program of theirs) as a caller."""
    staff = Staff(email=f"{new_id().hex}@loa.example", name="Lê Thu Hà", unit_id=unit_id)
    session.add(staff)
    await session.flush()
    session.add_all(StaffRole(staff_id=staff.id, role=role) for role in roles)
    await session.flush()
    caller = await caller_of(session, staff.id, scopes=scopes)
    assert caller is not None
    return caller


async def add_account(
    session: AsyncSession, unit_id: UUID, channel: str = "portal_rss", *, sealed: bytes = b""
) -> UUID:
    """An account that is connected on paper; gives its id."""
    name = new_id().hex
    account = Account(
        unit_id=unit_id,
        channel=channel,
        name=f"Cổng {name}",
        remote_id=name,
        sealed_credentials=sealed,
    )
    session.add(account)
    await session.flush()
    return account.id


async def add_picture(session: AsyncSession, caller: Caller, *, kind: str = "image") -> UUID:
    """A picture (or a file of another kind) in the library, without bytes; gives its id."""
    digest = new_id().hex * 2
    media = Media(
        unit_id=caller.unit_id,
        kind=kind,
        mime="image/jpeg",
        ext="jpg",
        sha256=digest,
        original_sha256=digest,
        size_bytes=1000,
        width=1280,
        height=720,
        alt="Người dân làm thủ tục",
        by=caller.staff_id,
    )
    session.add(media)
    await session.flush()
    return media.id
