"""Connects an account by the channel's own consent page: leaves with a state, comes back with it.

The state is random, bound to the person who left, and spent by coming back, so nobody can slip an
account of theirs to a signed-in admin (RFC 6749 section 10.12, RFC 7636).
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.acts import Act
from services.audit.append import record
from services.channels import accounts
from services.channels.forms import checked
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account, Consent
from services.staff.caller import Caller
from services.storage.session import Opener
from shared.contract import messages
from shared.contract.channel import Consenter
from shared.errors import ConflictError, InvalidError

LASTS: Final = timedelta(minutes=15)


async def begin(
    session: AsyncSession,
    caller: Caller,
    registry: Registry,
    sealer: Sealer,
    account_id: UUID,
    *,
    redirect_uri: str,
    now: datetime,
) -> str:
    """The address of the consent page, for this admin's browser; good for 15 minutes.

    Repeating it gives another address; each works once. ConflictError `no_consent_page` for a
    channel that has none, `account_closed`.
    """
    caller.need_role("admin")
    account = await accounts.locked(session, account_id, by=caller)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    adapter = registry.get(account.channel)
    if not isinstance(adapter, Consenter):
        raise ConflictError("no_consent_page", channel=account.channel)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    hashed = _kept_form(state)
    await session.execute(delete(Consent).where(col(Consent.expires_at) < now))
    session.add(
        Consent(
            state_hash=hashed,
            account_id=account.id,
            sealed_verifier=sealer.seal(verifier.encode(), _context(hashed)),
            redirect_uri=redirect_uri,
            by=caller.staff_id,
            expires_at=now + LASTS,
        )
    )
    await session.flush()
    await record(
        session,
        caller.actor,
        Act.ACCOUNT_CONNECT_STARTED,
        f"account:{account.id}",
        unit=account.unit_id,
    )
    return adapter.consent_url(
        checked(adapter.settings_form, account.settings, part="settings"),
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
    )


async def finish(
    open_work: Opener,
    caller: Caller,
    registry: Registry,
    sealer: Sealer,
    *,
    channel: str,
    state: str,
    query: Mapping[str, str],
    now: datetime,
) -> UUID:
    """Trades what came back for credentials, and keeps them; gives the account's id.

    No transaction is open while the channel is asked, and the state is spent before: whatever
    happens then, the consent has to be asked for again. InvalidError `consent_unknown` for a state
    that is not this person's, is spent or too old; ChannelError from the channel.
    """
    caller.need_role("admin")
    adapter = registry.get(channel)
    if not isinstance(adapter, Consenter):
        raise ConflictError("no_consent_page", channel=channel)
    async with open_work() as session:
        consent, verifier, account = await _spend(
            session, caller, registry, sealer, channel=channel, state=state, now=now
        )
    renewed = await adapter.exchange(
        account, query=query, redirect_uri=consent.redirect_uri, verifier=verifier
    )
    async with open_work() as session:
        row = await accounts.locked(session, account.id, by=caller)
        if row.stage == "closed":
            raise ConflictError("account_closed")
        await accounts.replace_credentials(
            session,
            caller.actor,
            registry,
            sealer,
            row,
            renewed.credentials,
            expires_at=renewed.expires_at,
        )
    return account.id


async def account_of(session: AsyncSession, caller: Caller, state: str) -> UUID | None:
    """The account for which this person left with that state, spent or not; None for no such."""
    consent = await session.get(Consent, _kept_form(state))
    return consent.account_id if consent is not None and consent.by == caller.staff_id else None


async def _spend(
    session: AsyncSession,
    caller: Caller,
    registry: Registry,
    sealer: Sealer,
    *,
    channel: str,
    state: str,
    now: datetime,
) -> tuple[Consent, str, messages.Account]:
    hashed = _kept_form(state)
    consent = await session.get(Consent, hashed, with_for_update=True)
    if (
        consent is None
        or consent.used_at is not None
        or consent.expires_at <= now
        or consent.by != caller.staff_id
    ):
        raise InvalidError("consent_unknown")
    row = await session.get(Account, consent.account_id)
    if row is None or row.channel != channel or row.stage == "closed":
        raise InvalidError("consent_unknown")
    consent.used_at = now
    verifier = sealer.open(consent.sealed_verifier, _context(hashed)).decode()
    return consent, verifier, accounts.opened(registry, sealer, row)


def _context(state_hash: bytes) -> str:
    return f"consent|{state_hash.hex()}|verifier"


def _kept_form(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "replace")).digest()
