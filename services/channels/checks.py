"""Asks a channel whether an account's connection works, and keeps the answer."""

from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.accounts import opened
from services.channels.forms import secrets_of
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.storage.session import Opener
from shared.clock import steady_seconds, utc_now
from shared.contract.channel import Checker
from shared.contract.errors import ChannelError
from shared.contract.messages import Probe
from shared.errors import LoaError, NotFoundError

# A shorter one would blot out words that merely hold it.
_SECRET_CHARS: Final = 6

_log = structlog.get_logger()


async def check(
    open_work: Opener, registry: Registry, sealer: Sealer, account_id: UUID
) -> tuple[Probe, ...]:
    """What the channel says of the connection, probe by probe. Changes nothing there; repeatable.

    No transaction is open meanwhile. A channel that cannot be asked (a portal comes to us) gets one
    probe on its settings. Raises NotFoundError; whatever else goes wrong is a probe that fails.
    """
    async with open_work() as session:
        row = await _row(session, account_id)
    started = steady_seconds()
    try:
        adapter = registry.get(row.channel)
        account = opened(registry, sealer, row)
        if isinstance(adapter, Checker):
            probes = _without_secrets(await adapter.check(account), account.credentials)
        else:
            probes = (_probe("settings", started, "Thiết lập hợp lệ · The settings are sound"),)
    except ChannelError as error:
        told = " ".join(filter(None, (error.code, error.remote_code, error.remote_message)))
        probes = (_probe("connection", started, told, ok=False),)
    except LoaError as error:
        probes = (_probe("settings", started, error.code, ok=False),)
    except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
        _log.warning("check_failed", account=str(account_id), error=type(error).__name__)
        probes = (_probe("connection", started, type(error).__name__, ok=False),)
    async with open_work() as session:
        await session.execute(
            update(Account)
            .where(col(Account.id) == account_id)
            .values(checked_at=utc_now(), check_ok=all(probe.ok for probe in probes))
        )
    return probes


async def _row(session: AsyncSession, account_id: UUID) -> Account:
    row: Account | None = await session.scalar(
        select(Account).where(col(Account.id) == account_id, col(Account.stage) != "closed")
    )
    if row is None:
        raise NotFoundError("account_not_found")
    return row


def _without_secrets(probes: tuple[Probe, ...], credentials: BaseModel) -> tuple[Probe, ...]:
    """The same without any secret that a channel may have given back: people pass reports on."""
    told = []
    for probe in probes:
        detail = probe.detail
        for secret in secrets_of(credentials).values():
            if isinstance(secret, str) and len(secret) >= _SECRET_CHARS:
                detail = detail.replace(secret, "•••")
        told.append(replace(probe, detail=detail))
    return tuple(told)


def _probe(name: str, started: float, detail: str, *, ok: bool = True) -> Probe:
    return Probe(name=name, ok=ok, detail=detail, ms=round((steady_seconds() - started) * 1000))
