import asyncio
import time
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import Actor
from services.audit.queries import entries
from services.channels import accounts
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account, OldCredentials
from services.staff.caller import Caller
from services.storage.session import Opener
from shared.errors import ConflictError, ForbiddenError, InvalidError, LoaError, NotFoundError
from tests.services.channels.fakes import FakeChannel, FakeCredentials, FakeSettings
from tests.support.people import add_person, add_unit

REGISTRY = Registry.of(FakeChannel())
SEALER = Sealer(b"key")
CLI = Actor(kind="cli", id="root")


@pytest.fixture
async def admin(open_work: Opener) -> Caller:
    async with open_work() as session:
        return await add_person(session, await add_unit(session, "BO"), "admin")


async def add(
    session: AsyncSession, by: Caller | Actor, page: str = "p1", **more: object
) -> Account:
    given: dict[str, object] = {
        "unit_code": "BO",
        "channel": "fake",
        "name": f"Trang {page}",
        "settings": {"page": page},
        "credentials": {"key": "s3cret", "other": "0ther"},
    }
    return await accounts.add(session, by, REGISTRY, SEALER, **{**given, **more})  # type: ignore[arg-type]  # as `add` takes them


async def acts(open_work: Opener) -> list[str]:
    async with open_work() as session:
        return [entry.act for entry in reversed((await entries(session)).entries)]


async def test_an_account_is_connected_with_both_lanes_and_no_open_secret(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        account = await add(session, admin)
    async with open_work() as session:
        lanes = await session.execute(text("SELECT account_id, urgent FROM lane ORDER BY urgent"))
        assert list(lanes) == [(account.id, False), (account.id, True)]
        row = await session.get_one(Account, account.id)
        assert b"s3cret" not in row.sealed_credentials
        opened = accounts.opened(REGISTRY, SEALER, row)
    assert opened.settings == FakeSettings(page="p1", colour="sen")
    assert opened.credentials == FakeCredentials(key=SecretStr("s3cret"), other=SecretStr("0ther"))
    assert await acts(open_work) == ["account.added"]


async def test_every_fault_of_both_forms_is_named_and_no_value_repeated(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        with pytest.raises(InvalidError) as refused:
            await add(
                session, admin, settings={"pagee": "x"}, credentials={"key": ["my-secret-value"]}
            )
    told = refused.value
    assert [(fault.field, fault.code) for fault in told.fields] == [
        ("settings.page", "missing"),
        ("settings.pagee", "extra_forbidden"),
        ("credentials.key", "string_type"),
    ]
    assert "my-secret" not in repr((told, told.fields, told.__cause__, told.__context__))


async def test_an_outlet_has_one_writer_in_the_whole_house(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        await add_unit(session, "KHAC", admin.unit_id)
        await add(session, admin)

    async def refusal(**more: object) -> str:
        with pytest.raises(ConflictError) as refused:
            async with open_work() as session:
                await add(session, CLI, **more)  # type: ignore[arg-type]  # as `add` takes them
        return refused.value.code

    assert await refusal(unit_code="KHAC", name="Tên khác") == "account_taken"
    assert await refusal(page="p2", name="Trang p1") == "account_name_taken"


async def test_of_ten_who_connect_one_outlet_at_once_one_does(
    open_work: Opener, admin: Caller
) -> None:
    async def connect(number: int) -> str:
        try:
            async with open_work() as session:
                await add(session, admin, name=f"Trang {number}")
        except ConflictError as error:
            return error.code
        return "connected"

    told = await asyncio.gather(*(connect(number) for number in range(10)))
    assert sorted(told) == ["account_taken"] * 9 + ["connected"]


async def test_only_an_admin_of_that_unit_or_above_connects(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        editor = await add_person(session, admin.unit_id, "editor")
        stranger = await add_person(session, await add_unit(session, "KHAC"), "admin")
        program = await add_person(session, admin.unit_id, scopes=frozenset({"draft:write"}))
        with pytest.raises(ForbiddenError):
            await add(session, editor)
        with pytest.raises(ForbiddenError):
            await add(session, program)
        with pytest.raises(NotFoundError):
            await add(session, stranger)
        account = await add(session, CLI)
        with pytest.raises(NotFoundError):
            await accounts.pause(session, stranger, account.id, "Không phải việc của tôi")


async def test_an_unknown_channel_or_unit_is_not_found(open_work: Opener, admin: Caller) -> None:
    async with open_work() as session:
        with pytest.raises(NotFoundError):
            await add(session, admin, channel="telegram")
        with pytest.raises(NotFoundError):
            await add(session, admin, unit_code="KHONG-CO")
        with pytest.raises(NotFoundError):
            await accounts.view(session, admin.unit_id)


async def test_single_fields_are_changed_and_the_rest_is_kept(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        account = await add(
            session, admin, credentials={"key": "s3cret", "other": "0ther", "made_on": "today"}
        )
        sealed = account.sealed_credentials
        changed = await accounts.change(
            session, admin, REGISTRY, SEALER, account.id,
            name="Tên mới", settings={"colour": "xanh"}, credentials={"key": "n3w"},
        )  # fmt: skip
        opened = accounts.opened(REGISTRY, SEALER, changed)
    assert (opened.name, opened.settings) == ("Tên mới", FakeSettings(page="p1", colour="xanh"))
    # A date told of the old key, so it does not stay beside the new one; other secrets do.
    assert opened.credentials == FakeCredentials(key=SecretStr("n3w"), other=SecretStr("0ther"))
    assert changed.credentials_version == 2
    async with open_work() as session:
        old = (await session.scalars(select(OldCredentials))).one()
        assert (old.version, old.sealed) == (1, sealed)
    assert await acts(open_work) == [
        "account.added",
        "account.changed",
        "account.credentials_changed",
    ]


async def test_an_account_keeps_its_outlet(open_work: Opener, admin: Caller) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        with pytest.raises(InvalidError) as refused:
            await accounts.change(
                session, admin, REGISTRY, SEALER, account.id, settings={"page": "p2"}
            )
    assert refused.value.code == "outlet_fixed"


async def test_a_pause_holds_until_somebody_resumes(open_work: Opener, admin: Caller) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        await session.execute(text("UPDATE lane SET next_due_at = now() + interval '1 hour'"))
        approver = await add_person(session, admin.unit_id, "approver")
        await accounts.pause(session, approver, account.id, "Nghi lộ mật khẩu")
        await accounts.pause(session, approver, account.id, "Lần hai")
    async with open_work() as session:
        seen = await accounts.view(session, account.id)
        assert (seen.state, seen.pause_code, seen.pause_reason) == (
            "paused", None, "Nghi lộ mật khẩu",
        )  # fmt: skip
        await accounts.resume(session, admin, account.id)
        await accounts.resume(session, admin, account.id)
    async with open_work() as session:
        seen = await accounts.view(session, account.id)
        assert (seen.state, seen.pause_reason, seen.paused_at) == ("active", None, None)
        due = await session.scalars(text("SELECT next_due_at <= now() FROM lane"))
        assert list(due) == [True, True]
    assert await acts(open_work) == ["account.added", "account.paused", "account.resumed"]


async def test_a_pause_needs_a_reason(open_work: Opener, admin: Caller) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        with pytest.raises(InvalidError):
            await accounts.pause(session, admin, account.id, "  ")


async def test_new_credentials_end_a_pause_that_only_waited_for_them(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        await accounts.pause(session, CLI, account.id, "Cần cấp quyền lại", accounts.NEEDS_CONSENT)
        await accounts.change(
            session, admin, REGISTRY, SEALER, account.id, credentials={"key": "n3w"}
        )
        assert account.state == "active"
        await accounts.pause(session, admin, account.id, "Do người quản trị")
        await accounts.change(
            session, admin, REGISTRY, SEALER, account.id, credentials={"key": "n4w"}
        )
        assert account.state == "paused"


async def test_a_closed_account_has_no_secrets_and_frees_its_outlet(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        await accounts.change(
            session, admin, REGISTRY, SEALER, account.id, credentials={"key": "n3w"}
        )
        await accounts.close(session, admin, account.id, reason="Trang ngừng hoạt động")
        await accounts.close(session, admin, account.id, reason="Lần hai")
        with pytest.raises(LoaError):
            accounts.opened(REGISTRY, SEALER, account)
        with pytest.raises(ConflictError):
            await accounts.resume(session, admin, account.id)
        with pytest.raises(ConflictError):
            await accounts.pause(session, admin, account.id, "x")
    async with open_work() as session:
        assert (await session.scalars(select(OldCredentials))).all() == []
        again = await add(session, admin)
        assert [seen.id for seen in await accounts.views(session)] == [again.id]
        both = await accounts.views(session, closed=True, unit_ids=admin.unit_ids)
        assert {seen.id for seen in both} == {account.id, again.id}
        assert await accounts.views(session, unit_ids=[UUID(int=0)]) == []
        assert (await accounts.by_name(session, "Trang p1")).id == again.id


async def test_a_closed_account_cannot_be_changed(open_work: Opener, admin: Caller) -> None:
    async with open_work() as session:
        account = await add(session, admin)
        await accounts.close(session, admin, account.id, reason="Ngừng")
        with pytest.raises(ConflictError):
            await accounts.change(session, admin, REGISTRY, SEALER, account.id, name="Mới")


async def test_two_thousand_accounts_are_opened_in_a_blink(
    open_work: Opener, admin: Caller
) -> None:
    async with open_work() as session:
        rows = [await add(session, CLI, page=f"p{number}") for number in range(200)]
    for row in rows:
        accounts.opened(REGISTRY, SEALER, row)
    begun = time.process_time()
    for _ in range(10):
        for row in rows:
            accounts.opened(REGISTRY, SEALER, row)
    assert time.process_time() - begun < 0.5


async def test_credentials_are_sealed_anew_after_a_rotation(
    open_work: Opener, admin: Caller
) -> None:
    rotated = Sealer(b"new key", b"key")
    async with open_work() as session:
        ids = [(await add(session, admin, page=f"p{number}")).id for number in range(3)]
        assert await accounts.reseal(session, rotated, most=2) == 2
        assert await accounts.reseal(session, rotated) == 1
        assert await accounts.reseal(session, rotated) == 0
    async with open_work() as session:
        row = await session.get_one(Account, ids[0])
        opened = accounts.opened(REGISTRY, Sealer(b"new key"), row)
    assert opened.settings == FakeSettings(page="p0")
