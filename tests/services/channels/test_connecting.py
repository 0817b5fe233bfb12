"""An account that is connected step by step, left, taken up again, finished or given up."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from services.channels import accounts, checks, connecting, tokens
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.staff.caller import Caller
from services.storage.session import Opener
from shared.clock import utc_now
from shared.contract.messages import Probe
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.services.channels.fakes import FakeChannel
from tests.support.people import add_person, add_unit

SEALER = Sealer(b"key")


@pytest.fixture
def registry() -> Registry:
    return Registry.of(FakeChannel())


@pytest.fixture
async def admin(open_work: Opener) -> Caller:
    async with open_work() as session:
        unit = await add_unit(session, "BO")
        return await add_person(session, unit, "admin")


async def test_it_is_filled_in_any_order_and_finished_once_nothing_is_missing(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    async with open_work() as session:
        account = await connecting.begin(
            session, admin, registry, SEALER, channel="fake", unit_code="BO", name="Trang"
        )
        told = await connecting.progress(session, registry, SEALER, account.id)
        assert told.filled == frozenset()
        assert set(told.faults) == {"settings.page", "credentials.key"}
        with pytest.raises(InvalidError, match="settings_invalid"):
            await connecting.finish(session, admin, registry, SEALER, account.id)
    async with open_work() as session:
        await connecting.fill(
            session, admin, registry, SEALER, account.id, credentials={"key": "bi-mat"}
        )
        told = await connecting.progress(session, registry, SEALER, account.id)
        assert told.filled == {"credentials.key"}
        await connecting.fill(
            session, admin, registry, SEALER, account.id, settings={"page": "hoa-sen"}
        )
        told = await connecting.progress(session, registry, SEALER, account.id)
        assert told.complete
        assert "bi-mat" not in str(told)
        done = await connecting.finish(session, admin, registry, SEALER, account.id)
        assert (done.stage, done.remote_id) == ("official", "hoa-sen")
        assert accounts.opened(registry, SEALER, done).settings.model_dump() == {
            "page": "hoa-sen",
            "colour": "sen",
        }
        await connecting.finish(session, admin, registry, SEALER, account.id)
        with pytest.raises(ConflictError, match="account_connected"):
            await connecting.fill(
                session, admin, registry, SEALER, account.id, settings={"page": "khac"}
            )


async def test_what_is_wrong_is_told_at_its_step_and_nothing_is_kept(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    account_id = (await _row(open_work, registry, admin)).id
    async with open_work() as session:
        with pytest.raises(InvalidError) as refused:
            await connecting.fill(
                session, admin, registry, SEALER, account_id, settings={"colour": 7}
            )
        assert [one.field for one in refused.value.fields] == ["settings.colour"]
        told = await connecting.progress(session, registry, SEALER, account_id)
        assert told.filled == frozenset()


async def test_an_outlet_that_stands_elsewhere_is_told_at_once(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    first, second = [(await _row(open_work, registry, admin, name)).id for name in ("A", "B")]
    async with open_work() as session:
        await connecting.fill(session, admin, registry, SEALER, first, settings={"page": "x"})
    with pytest.raises(ConflictError, match="account_taken"):
        async with open_work() as session:
            await connecting.fill(session, admin, registry, SEALER, second, settings={"page": "x"})


async def test_it_is_no_account_to_publish_on_yet(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    row = await _row(open_work, registry, admin)
    async with open_work() as session:
        assert await accounts.views(session) == []
        (view,) = await accounts.views(session, trial=True)
        assert view.id == row.id
        assert accounts.health(view, utc_now()) == "trial"
        # Nor is there anything to renew, however long it is left.
        await session.execute(text("UPDATE account SET created_at = now() - interval '2 days'"))
        assert await tokens.due(session, registry) == []


async def test_only_an_admin_of_the_unit_connects(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    row = await _row(open_work, registry, admin)
    async with open_work() as session:
        editor = await add_person(session, admin.unit_id, "editor")
        stranger = await add_person(session, await add_unit(session, "KHAC"), "admin")
        for caller, error in ((editor, ForbiddenError), (stranger, NotFoundError)):
            with pytest.raises(error):
                await connecting.fill(
                    session, caller, registry, SEALER, row.id, settings={"page": "x"}
                )
            with pytest.raises(error):
                await connecting.begin(
                    session, caller, registry, SEALER, channel="fake", unit_code="BO", name="C"
                )


async def test_who_gave_each_secret_is_kept_apart(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    row = await _row(open_work, registry, admin)
    async with open_work() as session:
        await connecting.fill(session, admin, registry, SEALER, row.id, credentials={"key": "abc"})
        other = await add_person(session, admin.unit_id, "admin")
    async with open_work() as session:
        await connecting.fill(
            session, other, registry, SEALER, row.id, credentials={"other": "def"}
        )
    async with open_work() as session:
        told = await accounts.secret_changes(session, row.id)
        kept = await accounts.secrets_kept(session, SEALER, row.id)
    assert kept == {"key", "other"}
    assert told["key"].at < told["other"].at == told[""].at


async def test_a_secret_that_a_channel_gives_back_is_blotted_out(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    fake = registry.get("fake")
    assert isinstance(fake, FakeChannel)
    fake.probes = (Probe(name="token", ok=False, detail="token bi-mat-lam is dead", ms=1),)
    row = await _row(open_work, registry, admin)
    async with open_work() as session:
        await connecting.fill(
            session,
            admin,
            registry,
            SEALER,
            row.id,
            settings={"page": "x"},
            credentials={"key": "bi-mat-lam"},
        )
    (probe,) = await checks.check(open_work, registry, SEALER, row.id)
    assert probe.detail == "token ••• is dead"


async def test_health_is_one_word_for_all_that_can_be(
    open_work: Opener, registry: Registry, admin: Caller
) -> None:
    row = await _row(open_work, registry, admin)
    now = utc_now()
    soon, later = now + timedelta(days=3), now + timedelta(days=30)
    told: list[tuple[dict[str, object], str]] = [
        ({}, "good"),
        ({"state": "paused", "pause_code": "needs_consent"}, "cut_off"),
        ({"state": "paused", "pause_code": None}, "paused"),
        ({"token_state": "consent"}, "cut_off"),
        ({"check_ok": False, "checked_at": now}, "cut_off"),
        ({"token_expires_at": soon}, "ending"),
        ({"token_expires_at": soon, "token_renewed_at": now}, "good"),
        ({"token_expires_at": later}, "good"),
        ({"rate_until": soon}, "slow"),
        ({"breaker_until": soon}, "slow"),
        ({"rate_until": now - timedelta(minutes=1)}, "good"),
    ]
    async with open_work() as session:
        view = await accounts.view(session, row.id)
    facts = {name: getattr(view, name) for name in accounts.AccountView.__slots__}
    for changed, health in told:
        one = accounts.AccountView(**{**facts, "stage": "official", **changed})
        assert accounts.health(one, now) == health, changed
    mended = accounts.AccountView(
        **{**facts, "stage": "official", "check_ok": False, "checked_at": now}
    )
    assert accounts.health(mended, now, succeeded_at=now + timedelta(seconds=1)) == "good"


async def _row(
    open_work: Opener, registry: Registry, admin: Caller, name: str = "Trang"
) -> Account:
    async with open_work() as session:
        return await connecting.begin(
            session, admin, registry, SEALER, channel="fake", unit_code="BO", name=name
        )
