"""Connected accounts: adds, changes, pauses and closes them, and opens one for a call.

One writer only: an OA, a Page or a feed name stands in at most one account that is not closed, in
whichever unit.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from pydantic import BaseModel, JsonValue
from sqlalchemy import ARRAY, ColumnElement, any_, literal, select, text, tuple_, update
from sqlalchemy import UUID as KEY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.acts import Act
from services.audit.append import record
from services.channels.forms import checked, kept_credentials, kept_settings, secrets_of
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account, OldCredentials
from services.staff import units
from services.staff.caller import Caller
from services.staff.tables import Unit
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.channel import Channel, Renewer
from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError
from shared.text import one_line

By: TypeAlias = Caller | Actor
"""A person (or program) whose rights are checked, or an actor whose rights were checked before."""

Health: TypeAlias = Literal["good", "slow", "ending", "cut_off", "paused", "trial", "closed"]

NEEDS_CONSENT = "needs_consent"
ENDS_SOON = timedelta(days=14)
_SOUND = "ok"  # of `token_state`: the tokens are nobody's to spend right now
_RENEWING = "renewing"  # the token service is spending them
_NAME_CHARS = 120


class Openable(Protocol):
    """What `opened` needs of an account: a row of the table, or of a statement with these."""

    @property
    def id(self) -> UUID: ...
    @property
    def channel(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def remote_id(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, object]: ...
    @property
    def sealed_credentials(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account as people may see it: everything but its credentials."""

    id: UUID
    unit_id: UUID
    unit_code: str
    unit_name: str
    channel: str
    name: str
    remote_id: str
    settings: Mapping[str, object]
    stage: str
    state: str
    pause_code: str | None
    pause_reason: str | None
    paused_at: datetime | None
    token_state: str
    token_expires_at: datetime | None
    token_renewed_at: datetime | None
    rate_until: datetime | None
    quota_until: datetime | None
    breaker_until: datetime | None
    usage: float | None
    checked_at: datetime | None
    check_ok: bool | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """Who gave a secret, and when; `by` None for Loa itself or a terminal."""

    by: str | None
    at: datetime


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────


async def add(
    session: AsyncSession,
    by: By,
    registry: Registry,
    sealer: Sealer,
    *,
    unit_code: str,
    channel: str,
    name: str,
    settings: Mapping[str, object],
    credentials: Mapping[str, object],
) -> Account:
    """Connects an account; its two lanes come with it by a trigger of the database.

    Raises InvalidError with the fields at fault, NotFoundError for an unknown unit or channel,
    ConflictError("account_taken") if the same outlet is connected already, in any unit, and
    ConflictError("account_name_taken").
    """
    actor = _allowed(by)
    adapter = registry.get(channel)
    unit = await units.by_code(session, unit_code)
    if isinstance(by, Caller):
        by.need_unit(unit.id)
    forms = _both_checked(adapter, settings, credentials)
    account = Account(
        id=new_id(),
        unit_id=unit.id,
        channel=channel,
        name=named(name),
        remote_id=adapter.remote_id_of(forms.settings),
        settings=dict(kept_settings(forms.settings)),
        token_expires_at=_token_end(adapter, forms.credentials),
        sealed_credentials=b"",
    )
    account.sealed_credentials = sealed_credentials(sealer, account.id, forms.credentials)
    session.add(account)
    await flushed(session, account)
    await record(
        session,
        actor,
        Act.ACCOUNT_ADDED,
        f"account:{account.id}",
        unit=unit.id,
        after=_state(account),
        details={"channel": channel, "name": account.name, "remote_id": account.remote_id},
    )
    return account


async def change(
    session: AsyncSession,
    by: By,
    registry: Registry,
    sealer: Sealer,
    account_id: UUID,
    *,
    name: str | None = None,
    settings: Mapping[str, object] | None = None,
    credentials: Mapping[str, object] | None = None,
) -> Account:
    """Changes what is given and keeps the rest: single settings, single secrets.

    Of the old credentials only secrets stay; dates in them spoke of the tokens as they were. An
    account keeps its outlet: InvalidError("outlet_fixed") if the settings name another one. New
    credentials end a pause that only waited for them (`needs_consent`); ConflictError
    ("account_renewing") while the token service is at work on them, at most a minute.
    """
    actor = _allowed(by)
    account = await locked(session, account_id, by=by)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    adapter = registry.get(account.channel)
    before = _state(account)
    if name is not None:
        account.name = named(name)
    if settings is not None:
        form = checked(adapter.settings_form, {**account.settings, **settings}, part="settings")
        if adapter.remote_id_of(form) != account.remote_id:
            detail = (
                "Kênh này gắn với một nơi đăng; hãy kết nối kênh mới · An account keeps its outlet"
            )
            fault = FieldError(field="settings", code="outlet_fixed", detail=detail)
            raise InvalidError("outlet_fixed", fields=(fault,))
        account.settings = dict(kept_settings(form))
    if name is not None or settings is not None:
        await flushed(session, account)
        await record(
            session,
            actor,
            Act.ACCOUNT_CHANGED,
            f"account:{account.id}",
            unit=account.unit_id,
            before=before,
            after=_state(account),
            details={"fields": sorted({*(settings or ()), *(("name",) if name else ())})},
        )
    if credentials is not None:
        if account.token_state == _RENEWING and (account.token_until or utc_now()) > utc_now():
            # The pair that is about to come belongs to the secrets as they are: wait for it.
            raise ConflictError("account_renewing")
        held = opened(registry, sealer, account).credentials
        form = checked(
            adapter.credentials_form, {**secrets_of(held), **credentials}, part="credentials"
        )
        await replace_credentials(
            session, actor, registry, sealer, account, form, fields=credentials.keys()
        )
    return account


async def replace_credentials(
    session: AsyncSession,
    actor: Actor,
    registry: Registry,
    sealer: Sealer,
    account: Account,
    credentials: BaseModel,
    *,
    expires_at: datetime | None = None,
    fields: Collection[str] = (),
) -> None:
    """Puts a new credential set in the place of the old one, which is kept sealed for seven days.

    `fields` are the secrets that a person typed, for the record; none of them after a consent.

    For a person's change and for a finished consent; the token service renews on its own path.
    `account` must be locked. Ends a pause that only waited for this.
    """
    adapter = registry.get(account.channel)
    session.add(
        OldCredentials(
            account_id=account.id,
            version=account.credentials_version,
            sealed=account.sealed_credentials,
        )
    )
    account.sealed_credentials = sealed_credentials(sealer, account.id, credentials)
    account.credentials_version += 1
    account.token_state = _SOUND
    account.token_until = None
    account.token_expires_at = expires_at or _token_end(adapter, credentials)
    account.token_renewed_at = utc_now()
    await session.flush()
    await record(
        session,
        actor,
        Act.ACCOUNT_CREDENTIALS_CHANGED,
        f"account:{account.id}",
        unit=account.unit_id,
        details={"version": account.credentials_version, "fields": sorted(fields)},
    )
    if account.state == "paused" and account.pause_code == NEEDS_CONSENT:
        await resume(session, actor, account.id)


async def pause(
    session: AsyncSession, by: By, account_id: UUID, reason: str, code: str | None = None
) -> Account:
    """Holds every call for the account until somebody resumes it; pausing twice changes nothing.

    `code` is for pauses that Loa orders itself (`needs_consent`, `runaway`); None is a person's.
    """
    actor = _allowed(by, "admin", "approver")
    account = await locked(session, account_id, by=by)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    if account.state == "paused":
        return account
    if not reason.strip():
        detail = "Cần nêu lý do · A reason is needed"
        fault = FieldError(field="reason", code="missing", detail=detail)
        raise InvalidError("reason_missing", fields=(fault,))
    account.state = "paused"
    account.pause_code = code
    account.pause_reason = one_line(reason)
    account.paused_at = utc_now()
    await session.flush()
    await record(
        session,
        actor,
        Act.ACCOUNT_PAUSED,
        f"account:{account.id}",
        unit=account.unit_id,
        reason=account.pause_reason,
        details={"code": code},
    )
    return account


async def resume(session: AsyncSession, by: By, account_id: UUID) -> Account:
    """Lets calls go on, and wakes the account's lanes; resuming twice changes nothing."""
    actor = _allowed(by, "admin", "approver")
    account = await locked(session, account_id, by=by)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    if account.state == "active":
        return account
    code = account.pause_code
    account.state = "active"
    account.pause_code = account.pause_reason = account.paused_at = None
    await session.flush()
    # By name: the lanes belong to a room above. A wake only lowers the hint (architecture.md 3).
    await session.execute(
        text("UPDATE lane SET next_due_at = least(next_due_at, now()) WHERE account_id = :id"),
        {"id": account.id},
    )
    await record(
        session,
        actor,
        Act.ACCOUNT_RESUMED,
        f"account:{account.id}",
        unit=account.unit_id,
        details={"code": code},
    )
    return account


async def close(session: AsyncSession, by: By, account_id: UUID, *, reason: str) -> Account:
    """Disconnects an account for good and destroys its credentials; what it published stays.

    The outlet may then be connected anew. Closing twice changes nothing.
    """
    actor = _allowed(by)
    account = await locked(session, account_id, by=by)
    if account.stage == "closed":
        return account
    before = _state(account)
    account.stage = "closed"
    account.state = "paused"
    account.pause_code = "closed"
    account.pause_reason = one_line(reason)
    account.paused_at = utc_now()
    account.sealed_credentials = b""
    account.token_until = account.token_expires_at = None
    account.token_state = _SOUND
    await session.flush()
    await session.execute(
        text("DELETE FROM old_credentials WHERE account_id = :id"), {"id": account.id}
    )
    await record(
        session,
        actor,
        Act.ACCOUNT_CLOSED,
        f"account:{account.id}",
        unit=account.unit_id,
        before=before,
        after=_state(account),
        reason=account.pause_reason,
    )
    return account


async def reseal(session: AsyncSession, sealer: Sealer, *, most: int = 100) -> int:
    """Seals credentials anew that an older key has sealed, at most `most`; gives how many.

    For a key rotation, from a timer, until it gives 0. Replaced pairs are not resealed: they go
    after seven days, and until then `LOA_SECRET_KEY_PREVIOUS` opens them.
    """
    rows = await session.execute(
        select(col(Account.id), col(Account.sealed_credentials)).where(
            col(Account.stage) != "closed"
        )
    )
    count = 0
    for account_id, sealed in rows.all():
        if count == most:
            break
        fresh = (
            sealer.resealed(sealed, context(account_id)) if sealer.needs_reseal(sealed) else None
        )
        if fresh is None:
            continue
        await session.execute(
            update(Account)
            .where(col(Account.id) == account_id, col(Account.sealed_credentials) == sealed)
            .values(sealed_credentials=fresh)
        )
        count += 1
    return count


# ── Reads ────────────────────────────────────────────────────────────────────────────────────────


async def view(session: AsyncSession, account_id: UUID) -> AccountView:
    """One account as people may see it; raises NotFoundError."""
    found = await _views(session, col(Account.id) == account_id)
    if not found:
        raise NotFoundError("account_not_found")
    return found[0]


async def views(
    session: AsyncSession,
    *,
    unit_ids: Collection[UUID] | None = None,
    trial: bool = False,
    closed: bool = False,
    only: Collection[UUID] | None = None,
) -> list[AccountView]:
    """The accounts of these units (None: of all) by name; `only` those of certain ids.

    Those that are still being connected, and closed ones, only when asked for.
    """
    wanted: list[ColumnElement[bool]] = []
    if only is not None:
        wanted.append(one_of(only))
    if unit_ids is not None:
        wanted.append(col(Account.unit_id).in_(unit_ids))
    hidden = [stage for stage, shown in (("trial", trial), ("closed", closed)) if not shown]
    wanted.append(col(Account.stage).not_in(hidden))
    return await _views(session, *wanted)


async def page(
    session: AsyncSession,
    *,
    unit_ids: Collection[UUID],
    channel: str | None = None,
    after: UUID | None = None,
    most: int,
) -> list[AccountView]:
    """At most so many accounts of these units by name, those being connected too, no closed ones.

    Only such as follow the account `after`; none follow one that does not exist.
    """
    wanted: list[ColumnElement[bool]] = [
        col(Account.unit_id).in_(unit_ids),
        col(Account.stage) != "closed",
    ]
    if channel is not None:
        wanted.append(col(Account.channel) == channel)
    if after is not None:
        last = aliased(Account)
        place = select(col(last.name), col(last.id)).where(col(last.id) == after)
        wanted.append(tuple_(col(Account.name), col(Account.id)) > place.scalar_subquery())
    return await _views(session, *wanted, most=most)


async def begun(
    session: AsyncSession, unit_ids: Collection[UUID], channel: str
) -> list[AccountView]:
    """The accounts of these units that are still being connected to the channel, by name."""
    return await _views(
        session,
        col(Account.unit_id).in_(unit_ids),
        col(Account.stage) == "trial",
        col(Account.channel) == channel,
    )


def one_of(account_ids: Collection[UUID]) -> ColumnElement[bool]:
    """That an account is one of these, with one parameter: else each is written out by itself."""
    return col(Account.id) == any_(literal(list(account_ids), ARRAY(KEY(as_uuid=True))))


async def open_ones(
    session: AsyncSession, account_ids: Collection[UUID], unit_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Those of the accounts that belong to these units, and are neither on trial nor closed."""
    found = await session.scalars(
        select(col(Account.id)).where(
            one_of(account_ids),
            col(Account.unit_id).in_(unit_ids),
            col(Account.stage) == "official",
        )
    )
    return frozenset(found)


async def row(session: AsyncSession, account_id: UUID) -> Account:
    """The account's row as it stands, closed ones too; raises NotFoundError."""
    account = await session.get(Account, account_id)
    if account is None:
        raise NotFoundError("account_not_found")
    return account


async def secrets_kept(session: AsyncSession, sealer: Sealer, account_id: UUID) -> frozenset[str]:
    """Which fields of the credentials hold something; never what. Empty for a closed account."""
    account = await row(session, account_id)
    if not account.sealed_credentials:
        return frozenset()
    plain: dict[str, JsonValue] = json.loads(
        sealer.open(account.sealed_credentials, context(account_id))
    )
    return frozenset(name for name, value in plain.items() if value not in (None, ""))


_SECRET_CHANGES = text(
    """
    SELECT e.at, s.name AS by, coalesce(e.details -> 'fields', '[]'::jsonb) AS fields
      FROM audit_entry e LEFT JOIN staff s ON 'staff:' || s.id = e.actor
     WHERE e.object = :object
       AND e.act IN ('account.added', 'account.credentials_changed')
     ORDER BY e.seq DESC LIMIT 40
    """
)


async def secret_changes(session: AsyncSession, account_id: UUID) -> Mapping[str, SecretChange]:
    """Who gave each secret last, by its field; under `""` who gave any of them."""
    found: dict[str, SecretChange] = {}
    rows = await session.execute(_SECRET_CHANGES, {"object": f"account:{account_id}"})
    for at, by, fields in rows:
        for name in ("", *fields):
            found.setdefault(name, SecretChange(by=by, at=at))
    return found


async def by_name(session: AsyncSession, name: str) -> Account:
    """The account of this name that is not closed; raises NotFoundError."""
    account = await session.scalar(
        select(Account).where(col(Account.name) == one_line(name), col(Account.stage) != "closed")
    )
    if account is None:
        raise NotFoundError("account_not_found", account=name)
    return account


async def locked(session: AsyncSession, account_id: UUID, *, by: By | None = None) -> Account:
    """The account's row, locked until commit; NotFoundError also for one the caller may not see."""
    account = await session.scalar(
        select(Account)
        .where(col(Account.id) == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise NotFoundError("account_not_found")
    if isinstance(by, Caller) and not by.may_see(account.unit_id):
        raise NotFoundError("account_not_found")
    return account


# ── How it is ──


def health(view: AccountView, now: datetime, *, succeeded_at: datetime | None = None) -> Health:
    """The account's state in one word; `succeeded_at`: when something last worked there.

    `cut_off`: nothing can go there before somebody acts. `ending`: the rights end within 14 days
    and Loa has never renewed them by itself. `slow`: the channel asked us to wait.
    """
    if view.stage in ("trial", "closed"):
        return "trial" if view.stage == "trial" else "closed"
    if view.state == "paused":
        return "paused" if view.pause_code is None else "cut_off"
    worked_since = view.checked_at and succeeded_at and succeeded_at > view.checked_at
    if view.token_state == "consent" or (view.check_ok is False and not worked_since):  # noqa: S105  # the name of a state
        return "cut_off"
    ends = view.token_expires_at
    if ends is not None and ends < now + ENDS_SOON and view.token_renewed_at is None:
        return "ending"
    held = [at for at in (view.rate_until, view.breaker_until) if at is not None]
    return "slow" if held and max(held) > now else "good"


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────


def context(account_id: UUID) -> str:
    """What an account's sealed credentials are bound to."""
    return f"account|{account_id}|credentials"


def sealed_credentials(sealer: Sealer, account_id: UUID, credentials: BaseModel) -> bytes:
    """The credentials as they stand in the account's row."""
    return sealer.seal(kept_credentials(credentials), context(account_id))


def opened(registry: Registry, sealer: Sealer, row: Openable) -> messages.Account:
    """The account with its secrets in clear, for the length of one call; never to be kept.

    The last 4,096 results are remembered by everything that went in, so new credentials are seen at
    once and an unchanged account costs no decryption. Raises SealError, NotFoundError for a channel
    that is not loaded, InvalidError for a row that no longer fits its form.
    """
    settings = json.dumps(row.settings, sort_keys=True)
    return _opened(
        registry, sealer, row.channel, row.id, row.name, row.remote_id, settings,
        row.sealed_credentials,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _opened(
    registry: Registry,
    sealer: Sealer,
    channel: str,
    account_id: UUID,
    name: str,
    remote_id: str,
    settings: str,
    sealed: bytes,
) -> messages.Account:
    forms = _both_checked(
        registry.get(channel),
        json.loads(settings),
        json.loads(sealer.open(sealed, context(account_id))),
    )
    return messages.Account(
        id=account_id,
        name=name,
        remote_id=remote_id,
        settings=forms.settings,
        credentials=forms.credentials,
    )


# ── Details ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forms:
    settings: BaseModel
    credentials: BaseModel


def _allowed(by: By, *roles: str) -> Actor:
    if isinstance(by, Actor):
        return by
    by.need_role(*(roles or ("admin",)))
    return by.actor


def _both_checked(
    adapter: Channel, settings: Mapping[str, object], credentials: Mapping[str, object]
) -> _Forms:
    """Both forms; one InvalidError with the faults of both."""
    found: dict[str, BaseModel] = {}
    faults: list[FieldError] = []
    for part, form, values in (
        ("settings", adapter.settings_form, settings),
        ("credentials", adapter.credentials_form, credentials),
    ):
        try:
            found[part] = checked(form, values, part=part)
        except InvalidError as error:
            faults.extend(error.fields)
    if faults:
        raise InvalidError("account_invalid", fields=tuple(faults))
    return _Forms(settings=found["settings"], credentials=found["credentials"])


def named(name: str) -> str:
    """What people call an account, tidied; raises InvalidError."""
    tidy = one_line(name)
    if tidy and len(tidy) <= _NAME_CHARS:
        return tidy
    detail = f"Tên dài từ 1 đến {_NAME_CHARS} ký tự · The name has 1 to {_NAME_CHARS} characters"
    fault = FieldError(field="name", code="name_invalid", detail=detail)
    raise InvalidError("account_invalid", fields=(fault,))


def _token_end(adapter: Channel, credentials: BaseModel) -> datetime | None:
    return adapter.expires_at(credentials) if isinstance(adapter, Renewer) else None


def _state(account: Account) -> Mapping[str, object]:
    """What the record's hashes of an account cover; never its credentials."""
    return {
        "unit": account.unit_id,
        "channel": account.channel,
        "name": account.name,
        "remote_id": account.remote_id,
        "settings": account.settings,
        "stage": account.stage,
    }


async def flushed(session: AsyncSession, account: Account) -> None:
    """Flushes; raises ConflictError for an outlet or a name that stands in another account."""
    remote_id, name = account.remote_id, account.name  # unreadable once the flush has failed
    try:
        await session.flush()
    except IntegrityError as error:
        told = str(error.orig)
        if "uq_account_channel_remote_id_open" in told:
            raise ConflictError("account_taken", remote_id=remote_id) from error
        if "uq_account_name_open" in told:
            raise ConflictError("account_name_taken", account=name) from error
        raise


async def _views(
    session: AsyncSession, *wanted: ColumnElement[bool], most: int | None = None
) -> list[AccountView]:
    # Columns, no rows of the table: there may be thousands, and secrets stay where they are.
    rows = await session.execute(
        select(
            *(getattr(Account, name) for name in _SHOWN),
            col(Unit.code).label("unit_code"),
            col(Unit.name).label("unit_name"),
        )
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(*wanted)
        .order_by(col(Account.name), col(Account.id))
        .limit(most)
    )
    return [AccountView(**one) for one in rows.mappings()]


_SHOWN = tuple(name for name in AccountView.__slots__ if name not in ("unit_code", "unit_name"))
