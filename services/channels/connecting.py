"""Connects an account step by step: it may be left at any step and be taken up again.

Until it is finished it stands as `trial`: half filled, with no outlet that others would miss, and
nothing is published there. What one step gives is checked as far as it goes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import BaseModel, JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.acts import Act
from services.audit.append import record
from services.channels import accounts
from services.channels.forms import checked, kept_credentials, kept_settings
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.staff import units
from services.staff.caller import Caller
from services.storage.columns import new_id
from shared.errors import ConflictError, InvalidError

TRIAL: Final = "trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an account has come: the settings so far, and which fields hold something.

    `filled` and `faults` name fields as `settings.oa_id`, `credentials.app_secret`.
    """

    settings: Mapping[str, JsonValue]
    filled: frozenset[str]
    faults: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the channel's forms take it as it is."""
        return not self.faults


async def begin(
    session: AsyncSession,
    caller: Caller,
    registry: Registry,
    sealer: Sealer,
    *,
    channel: str,
    unit_code: str,
    name: str,
) -> Account:
    """Opens an account that is still to be filled. Not safe to repeat, but for its name.

    Raises NotFoundError for an unknown unit or channel, InvalidError, ConflictError
    `account_name_taken`.
    """
    caller.need_role("admin")
    registry.get(channel)
    unit = await units.by_code(session, unit_code)
    caller.need_unit(unit.id)
    account = Account(
        id=new_id(),
        unit_id=unit.id,
        channel=channel,
        name=accounts.named(name),
        remote_id="",
        settings={},
        stage=TRIAL,
        sealed_credentials=b"",
    )
    account.remote_id = _no_outlet(account.id)
    account.sealed_credentials = sealer.seal(b"{}", accounts.context(account.id))
    session.add(account)
    await accounts.flushed(session, account)
    await record(
        session,
        caller.actor,
        Act.ACCOUNT_ADDED,
        f"account:{account.id}",
        unit=unit.id,
        details={"channel": channel, "name": account.name, "stage": TRIAL},
    )
    return account


async def fill(
    session: AsyncSession,
    caller: Caller,
    registry: Registry,
    sealer: Sealer,
    account_id: UUID,
    *,
    settings: Mapping[str, object] | None = None,
    credentials: Mapping[str, object] | None = None,
) -> Account:
    """Takes what one step gives; the rest stays. Safe to repeat.

    Raises InvalidError with the fields at fault among those given (`settings.oa_id`), ConflictError
    `account_taken` once the outlet is known to stand in another account.
    """
    caller.need_role("admin")
    account = await accounts.locked(session, account_id, by=caller)
    if account.stage != TRIAL:
        raise ConflictError("account_connected")
    adapter = registry.get(account.channel)
    if settings:
        merged = {**account.settings, **settings}
        form = _as_far_as_it_goes(adapter.settings_form, merged, settings, part="settings")
        account.settings = dict[str, object](kept_settings(form) if form else _plain(merged))
        account.remote_id = adapter.remote_id_of(form) if form else _no_outlet(account.id)
        await accounts.flushed(session, account)
        await record(
            session,
            caller.actor,
            Act.ACCOUNT_CHANGED,
            f"account:{account.id}",
            unit=account.unit_id,
            details={"fields": sorted(settings)},
        )
    if credentials:
        held = {**_held(sealer, account), **credentials}
        form = _as_far_as_it_goes(adapter.credentials_form, held, credentials, part="credentials")
        plain = kept_credentials(form) if form else json.dumps(_plain(held)).encode()
        account.sealed_credentials = sealer.seal(plain, accounts.context(account.id))
        account.credentials_version += 1
        await session.flush()
        await record(
            session,
            caller.actor,
            Act.ACCOUNT_CREDENTIALS_CHANGED,
            f"account:{account.id}",
            unit=account.unit_id,
            details={"version": account.credentials_version, "fields": sorted(credentials)},
        )
    return account


async def finish(
    session: AsyncSession, caller: Caller, registry: Registry, sealer: Sealer, account_id: UUID
) -> Account:
    """Puts an account that is filled to use: from now on items can be published there.

    Doing it twice changes nothing. Raises InvalidError with the fields that are still missing.
    """
    caller.need_role("admin")
    account = await accounts.locked(session, account_id, by=caller)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    if account.stage != TRIAL:
        return account
    adapter = registry.get(account.channel)
    form = checked(adapter.settings_form, account.settings, part="settings")
    checked(adapter.credentials_form, _held(sealer, account), part="credentials")
    account.settings = dict(kept_settings(form))
    account.remote_id = adapter.remote_id_of(form)
    account.stage = "official"
    await accounts.flushed(session, account)
    await record(
        session,
        caller.actor,
        Act.ACCOUNT_CHANGED,
        f"account:{account.id}",
        unit=account.unit_id,
        details={"stage": account.stage, "remote_id": account.remote_id},
    )
    return account


async def progress(
    session: AsyncSession, registry: Registry, sealer: Sealer, account_id: UUID
) -> Progress:
    """How far the account has come; of its secrets only whether they are there."""
    account = await accounts.row(session, account_id)
    adapter = registry.get(account.channel)
    held = _held(sealer, account)
    return Progress(
        settings=_plain(account.settings),
        filled=frozenset(
            [f"settings.{name}" for name, value in account.settings.items() if _told(value)]
            + [f"credentials.{name}" for name, value in held.items() if _told(value)]
        ),
        faults=(
            *_faults(adapter.settings_form, account.settings, part="settings"),
            *_faults(adapter.credentials_form, held, part="credentials"),
        ),
    )


# ── Details ──────────────────────────────────────────────────────────────────────────────────────


def _no_outlet(account_id: UUID) -> str:
    """Stands where the outlet's name will be; no channel names one like this."""
    return f"{TRIAL}:{account_id}"


def _held(sealer: Sealer, account: Account) -> dict[str, JsonValue]:
    plain: dict[str, JsonValue] = json.loads(
        sealer.open(account.sealed_credentials, accounts.context(account.id))
    )
    return plain


def _plain(values: Mapping[str, object]) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = json.loads(json.dumps(values))
    return told


def _told(value: object) -> bool:
    return value not in (None, "", [], {})


def _as_far_as_it_goes(
    form: type[BaseModel], values: Mapping[str, object], given: Mapping[str, object], *, part: str
) -> BaseModel | None:
    """The whole form where it is sound; None while other fields are still to come."""
    try:
        return checked(form, values, part=part)
    except InvalidError as error:
        own = {f"{part}.{name}" for name in given}
        blank = {f"{part}.{name}" for name, value in given.items() if not _told(value)}
        mine = tuple(
            one
            for one in error.fields
            if one.code != "missing" and _field(one.field) in own | {part}
        )
        left = tuple(one for one in error.fields if one.code == "missing")
        missing = tuple(one for one in left if _field(one.field) in blank)
        if mine or missing:
            raise InvalidError(error.code, fields=mine + missing) from error
        return None


def _faults(form: type[BaseModel], values: Mapping[str, object], *, part: str) -> tuple[str, ...]:
    try:
        checked(form, values, part=part)
    except InvalidError as error:
        return tuple(_field(one.field) for one in error.fields)
    return ()


def _field(name: str) -> str:
    """`settings.kinds.0` → `settings.kinds`."""
    return ".".join(name.split(".")[:2])
