"""The agency's official channels, which it must publish, and those that are no longer its own.

Source: government-rules.md sections 1 (Decree 224/2026, article 10) and 3 (Decree 244/2026).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.registry import Registry
from services.channels.tables import Account
from services.delivery.tables import Publication
from services.staff.tables import Unit
from shared.contract.channel import Addressed
from shared.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialChannel:
    """One account before the public. `until` is set once it is no longer official.

    `verified_at` is when this hub last proved to itself that it holds the account; None while that
    check does not pass. `address` None where the channel has no public one.
    """

    id: UUID
    channel: str
    name: str
    unit: str
    remote_id: str
    address: str | None
    since: datetime
    until: datetime | None
    verified_at: datetime | None
    pull: bool


async def channels(session: AsyncSession, registry: Registry) -> list[OfficialChannel]:
    """Every account that is or was official, by channel and name; open ones first.

    What is being connected is not among them. An account that was closed and connected anew under
    the same identity stands here once, as open.
    """
    seen = exists().where(
        col(Publication.account_id) == col(Account.id),
        col(Publication.first_observed_at).is_not(None),
    )
    rows = await session.execute(
        select(Account, col(Unit.name))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(
            # A connection that was given up before it was finished was never a channel.
            (col(Account.stage) == "official") | ((col(Account.stage) == "closed") & seen),
        )
        .order_by(col(Account.channel), col(Account.name), col(Account.created_at).desc())
    )
    found = [_official(account, unit, registry) for account, unit in rows]
    standing = {(one.channel, one.remote_id) for one in found if one.until is None}
    gone: dict[tuple[str, str], OfficialChannel] = {}
    for one in found:
        key = (one.channel, one.remote_id)
        if one.until is not None and key not in standing:
            known = gone.get(key)
            if known is None or known.until is None or known.until < one.until:
                gone[key] = one
    return [one for one in found if one.until is None] + list(gone.values())


def address_of(account: Account, registry: Registry) -> str | None:
    """Where people find the account; None where its adapter cannot tell."""
    try:
        adapter = registry.get(account.channel)
        if not isinstance(adapter, Addressed):
            return None
        return adapter.account_url(adapter.settings_form.model_validate(account.settings))
    except (NotFoundError, ValidationError):
        return None


def _official(account: Account, unit: str, registry: Registry) -> OfficialChannel:
    closed = account.stage == "closed"
    try:
        pull = registry.get(account.channel).pull
    except NotFoundError:
        pull = False
    return OfficialChannel(
        id=account.id,
        channel=account.channel,
        name=account.name,
        unit=unit,
        remote_id=account.remote_id,
        address=address_of(account, registry),
        since=account.created_at,
        until=(account.paused_at or account.created_at) if closed else None,
        verified_at=account.checked_at if account.check_ok and not closed else None,
        pull=pull,
    )
