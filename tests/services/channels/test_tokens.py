"""The token service against a real OAuth server on loopback, whose ledger is the judge."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from adapters.zalo_oa.channel import ZaloOa
from adapters.zalo_oa.settings import ZaloCredentials
from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.channels import accounts, tokens
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.channels.tokens import Renewal
from services.storage.session import Opener, make_engine, opener
from tests.services.channels.fakes import FakeChannel
from tests.services.channels.oauth_server import OA_ID, Fault, OAuthServer, running
from tests.support.people import add_unit

SEALER = Sealer(b"key")
SHORT = timedelta(seconds=2)  # for answers that never come


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with running() as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One OA that is connected, and everything to renew it with."""

    open_work: Opener
    registry: Registry
    server: OAuthServer
    account_id: UUID

    async def row(self) -> Account:
        async with self.open_work() as session:
            return await session.get_one(Account, self.account_id)

    async def access_token(self) -> str:
        credentials = accounts.opened(self.registry, SEALER, await self.row()).credentials
        assert isinstance(credentials, ZaloCredentials)
        return credentials.access_token.get_secret_value()

    async def renew(
        self, seen: int | None = None, *, open_work: Opener | None = None, **times: timedelta
    ) -> Renewal:
        version = (await self.row()).credentials_version if seen is None else seen
        return await tokens.renew(
            open_work or self.open_work,
            self.registry,
            SEALER,
            self.account_id,
            seen_version=version,
            **{"not_again_within": timedelta(0), **times},
        )

    async def hurry(self) -> None:
        """The account as it stands when every lease and every back-off is over."""
        async with self.open_work() as session:
            await session.execute(text("UPDATE account SET token_until = now() - interval '1 s'"))

    async def asked(self) -> None:
        """A slow call has come to the channel; it is answered once `server.answer` is set."""
        assert await asyncio.to_thread(self.server.asked.wait, 60)

    async def acts(self) -> list[str]:
        async with self.open_work() as session:
            found = await entries(session, object=f"account:{self.account_id}")
        return [entry.act for entry in reversed(found.entries)][1:]


@pytest.fixture
async def desk(open_work: Opener, server: OAuthServer) -> AsyncIterator[Desk]:
    channel = ZaloOa()
    channel.configure({"LOA_ZALO_API_URL": server.url, "LOA_ZALO_OAUTH_URL": server.url})
    registry = Registry.of(channel)
    async with open_work() as session:
        await add_unit(session, "BO")
        account = await accounts.add(
            session,
            SYSTEM,
            registry,
            SEALER,
            unit_code="BO",
            channel="zalo_oa",
            name="OA",
            settings={"oa_id": OA_ID, "app_id": "11"},
            credentials={
                "app_secret": "app",
                "access_token": server.access_token,
                "refresh_token": server.refresh_token,
            },
        )
    yield Desk(open_work=open_work, registry=registry, server=server, account_id=account.id)
    await registry.aclose()


async def test_a_new_pair_is_stored_before_anyone_uses_it(desk: Desk) -> None:
    assert await desk.renew() is Renewal.RENEWED
    row = await desk.row()
    assert (row.credentials_version, row.token_state, row.token_until) == (2, "ok", None)
    assert await desk.access_token() == desk.server.access_token == "access-2"
    assert row.token_expires_at is not None
    assert row.token_renewed_at is not None
    assert row.token_expires_at - row.token_renewed_at > timedelta(hours=24)
    async with desk.open_work() as session:
        kept = (await session.execute(text("SELECT version, sealed FROM old_credentials"))).one()
    assert kept.version == 1
    assert b"refresh-1" in SEALER.open(kept.sealed, accounts.context(row.id))
    assert await desk.acts() == ["account.credentials_renewed"]


async def test_who_saw_an_older_version_is_sent_to_the_newer_one(desk: Desk) -> None:
    await desk.renew(1)
    assert await desk.renew(1) is Renewal.FRESH
    assert desk.server.refreshes == 1


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[list[Opener]]:
    """Five engines that share nothing but the database, as five processes would."""
    engines: list[AsyncEngine] = [make_engine(database_url, size=10) for _ in range(5)]
    yield [opener(engine) for engine in engines]
    for engine in engines:
        await engine.dispose()


async def test_fifty_workers_over_ten_rounds_spend_each_token_once(
    desk: Desk, processes: list[Opener]
) -> None:
    async def worker(number: int, seen: int) -> None:
        """Meets an expired token, and asks until there is a newer one."""
        for _ in range(1200):
            outcome = await desk.renew(seen, open_work=processes[number % 5])
            if outcome in (Renewal.FRESH, Renewal.RENEWED):
                return
            assert outcome is Renewal.BUSY
            await asyncio.sleep(0.05)
        pytest.fail("no token came")

    for version in range(1, 11):
        await asyncio.gather(*(worker(number, version) for number in range(50)))
    assert (desk.server.refreshes, desk.server.spent_twice) == (10, 0)
    assert await desk.access_token() == desk.server.access_token


async def test_who_comes_while_it_is_renewed_is_told_to_wait(desk: Desk) -> None:
    desk.server.faults = [Fault.SLOW]
    first = asyncio.create_task(desk.renew(1))
    await desk.asked()
    assert await desk.renew(1) is Renewal.BUSY
    desk.server.answer.set()
    assert await first is Renewal.RENEWED


async def test_no_connection_is_held_while_the_channel_answers(
    desk: Desk, engine: AsyncEngine
) -> None:
    desk.server.faults = [Fault.SLOW]
    first = asyncio.create_task(desk.renew(1))
    await desk.asked()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pool we use
    desk.server.answer.set()
    assert await first is Renewal.RENEWED


async def test_a_cancelled_asker_does_not_cut_the_call_off(desk: Desk) -> None:
    desk.server.faults = [Fault.SLOW]
    asking = asyncio.create_task(desk.renew(1))
    await desk.asked()
    asking.cancel()
    desk.server.answer.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await desk.access_token() == desk.server.access_token == "access-2"


async def test_a_call_that_never_left_is_made_again_later(desk: Desk) -> None:
    zalo = desk.registry.get("zalo_oa")
    assert isinstance(zalo, ZaloOa)
    nowhere = "http://127.0.0.1:9"
    zalo.configure({"LOA_ZALO_API_URL": nowhere, "LOA_ZALO_OAUTH_URL": nowhere})
    assert await desk.renew() is Renewal.LATER
    assert (await desk.row()).token_state == "ok"
    assert await desk.renew() is Renewal.LATER
    zalo.configure({"LOA_ZALO_API_URL": desk.server.url, "LOA_ZALO_OAUTH_URL": desk.server.url})
    await desk.hurry()
    assert await desk.renew() is Renewal.RENEWED
    assert desk.server.spent_twice == 0


async def test_an_answer_that_never_came_is_settled_by_one_more_try(desk: Desk) -> None:
    desk.server.faults = [Fault.HANG]
    assert await desk.renew(deadline=SHORT) is Renewal.UNCERTAIN
    assert (await desk.row()).token_state == "uncertain"
    assert await desk.renew() is Renewal.LATER
    await desk.hurry()
    assert await desk.renew() is Renewal.RENEWED
    assert desk.server.reads > 0
    assert (desk.server.refreshes, desk.server.spent_twice) == (1, 0)


async def test_a_lost_answer_costs_one_more_try_then_a_consent(desk: Desk) -> None:
    desk.server.faults = [Fault.COMMIT_THEN_HANG]
    assert await desk.renew(deadline=SHORT) is Renewal.UNCERTAIN
    await desk.hurry()
    assert await desk.renew() is Renewal.CONSENT
    row = await desk.row()
    assert (row.state, row.pause_code, row.token_state) == ("paused", "needs_consent", "consent")
    assert await desk.renew() is Renewal.CONSENT
    assert (desk.server.refreshes, desk.server.spent_twice) == (1, 0)
    assert await desk.acts() == ["account.consent_lost", "account.paused"]


async def test_a_chain_that_is_lost_while_the_token_lives_pauses_only_when_it_dies(
    desk: Desk,
) -> None:
    desk.server.faults = [Fault.HANG, Fault.HANG]
    assert await desk.renew(deadline=SHORT) is Renewal.UNCERTAIN
    await desk.hurry()
    assert await desk.renew(deadline=SHORT) is Renewal.CONSENT
    row = await desk.row()
    assert (row.state, row.token_state) == ("active", "consent")
    desk.server.serial = 7  # the old access token dies
    assert await desk.renew() is Renewal.CONSENT
    assert (await desk.row()).pause_code == "needs_consent"


async def test_while_the_channel_is_down_the_last_try_is_saved(desk: Desk) -> None:
    desk.server.faults = [Fault.HANG]
    await desk.renew(deadline=SHORT)
    desk.server.down = True
    for _ in range(3):
        await desk.hurry()
        assert await desk.renew() is Renewal.UNCERTAIN
    desk.server.down = False
    await desk.hurry()
    assert await desk.renew() is Renewal.RENEWED


async def test_a_dead_chain_is_told_by_its_code_at_once(desk: Desk) -> None:
    desk.server.serial = 5
    assert await desk.renew() is Renewal.CONSENT
    assert (await desk.row()).pause_code == "needs_consent"


@pytest.mark.parametrize(
    ("fault", "outcome", "state", "code"),
    [
        (Fault.WRONG_SECRET, Renewal.LATER, "paused", "app_not_active"),
        # No table knows this code of the OAuth host, so nobody can say that nothing was spent.
        (Fault.SLOW_DOWN, Renewal.UNCERTAIN, "active", None),
    ],
)
async def test_a_refusal_that_spends_nothing_keeps_the_chain(
    desk: Desk, fault: Fault, outcome: Renewal, state: str, code: str | None
) -> None:
    desk.server.faults = [fault]
    assert await desk.renew() is outcome
    row = await desk.row()
    assert (row.state, row.pause_code) == (state, code)
    await desk.hurry()
    assert await desk.renew() is Renewal.RENEWED
    assert desk.server.spent_twice == 0


async def test_a_new_consent_begins_a_new_chain(desk: Desk) -> None:
    desk.server.serial = 5
    await desk.renew()
    async with desk.open_work() as session:
        await accounts.change(
            session,
            SYSTEM,
            desk.registry,
            SEALER,
            desk.account_id,
            credentials={
                "access_token": desk.server.access_token,
                "refresh_token": desk.server.refresh_token,
            },
        )
    row = await desk.row()
    assert (row.state, row.token_state, row.credentials_version) == ("active", "ok", 2)
    assert await desk.renew() is Renewal.RENEWED


async def test_a_pair_that_comes_late_is_stored_if_nothing_newer_is_there(desk: Desk) -> None:
    """We were asleep so long that another has taken over; but only ours is a pair that works."""
    desk.server.faults = [Fault.SLOW]
    sleeper = asyncio.create_task(desk.renew(1))
    await desk.asked()
    await desk.hurry()
    assert await desk.renew(1) is Renewal.CONSENT
    desk.server.answer.set()
    assert await sleeper is Renewal.RENEWED
    row = await desk.row()
    assert (row.state, row.token_state, row.credentials_version) == ("active", "ok", 2)
    assert await desk.access_token() == desk.server.access_token


async def test_a_token_that_is_refused_right_after_is_not_renewed_at_once(desk: Desk) -> None:
    await desk.renew()
    assert await desk.renew(not_again_within=timedelta(hours=1)) is Renewal.LATER
    assert desk.server.refreshes == 1


async def test_what_is_due_is_renewed_by_the_timer(desk: Desk) -> None:
    async def ages(renewed_hours_ago: float, life_hours: float) -> list[UUID]:
        async with desk.open_work() as session:
            await session.execute(
                text(
                    "UPDATE account SET token_renewed_at = now() - make_interval(secs => :ago),"
                    " token_expires_at = now() - make_interval(secs => :ago)"
                    " + make_interval(secs => :life)"
                ),
                {"ago": renewed_hours_ago * 3600, "life": life_hours * 3600},
            )
        async with desk.open_work() as session:
            return [item.account_id for item in await tokens.due(session, desk.registry)]

    assert await ages(12, 25) == []
    assert await ages(12.6, 25) == [desk.account_id]
    assert await ages(0.4, 1) == []
    assert await ages(0.6, 1) == [desk.account_id]
    told = await tokens.renew_due(desk.open_work, desk.registry, SEALER)
    assert told == {desk.account_id: Renewal.RENEWED}
    assert await tokens.renew_due(desk.open_work, desk.registry, SEALER) == {}


async def test_a_token_of_unknown_end_is_due_after_half_an_hour(desk: Desk) -> None:
    async with desk.open_work() as session:
        assert await tokens.due(session, desk.registry) == []
        await session.execute(text("UPDATE account SET created_at = now() - interval '31 min'"))
    async with desk.open_work() as session:
        assert [item.version for item in await tokens.due(session, desk.registry)] == [1]


async def test_after_a_restore_every_chain_is_tried_with_care(desk: Desk) -> None:
    async with desk.open_work() as session:
        await tokens.distrust_all(session)
    assert (await desk.row()).token_state == "uncertain"
    assert await tokens.renew_due(desk.open_work, desk.registry, SEALER) == {
        desk.account_id: Renewal.RENEWED
    }
    assert desk.server.reads > 0


async def test_a_pair_in_hand_outlives_a_database_that_is_away(desk: Desk) -> None:
    opened = 0

    @asynccontextmanager
    async def shaky() -> AsyncIterator[AsyncSession]:
        nonlocal opened
        opened += 1
        if opened in (2, 3):  # the first is the lease; these would store the pair
            raise ConnectionRefusedError
        async with desk.open_work() as session:
            yield session

    assert await desk.renew(open_work=shaky) is Renewal.RENEWED
    assert await desk.access_token() == desk.server.access_token == "access-2"


async def test_whoever_was_held_up_gives_the_lease_back_unspent(desk: Desk) -> None:
    assert await desk.renew(deadline=SHORT, lease=SHORT) is Renewal.LATER
    assert ((await desk.row()).token_state, desk.server.refreshes) == ("ok", 0)


async def test_an_account_that_cannot_be_opened_spends_nothing(desk: Desk) -> None:
    async def renew(registry: Registry, sealer: Sealer) -> Renewal:
        return await tokens.renew(desk.open_work, registry, sealer, desk.account_id, seen_version=1)

    assert await renew(desk.registry, Sealer(b"another key")) is Renewal.LATER
    assert await renew(Registry({}, broken={"zalo_oa": "ImportError"}), SEALER) is Renewal.LATER
    assert (await desk.row()).token_state == "ok"


async def test_a_channel_that_cannot_renew_waits_for_a_person(open_work: Opener) -> None:
    registry = Registry.of(FakeChannel())
    async with open_work() as session:
        await add_unit(session, "BO")
        account = await accounts.add(
            session, SYSTEM, registry, SEALER, unit_code="BO", channel="fake", name="Trang",
            settings={"page": "p"}, credentials={"key": "k"},
        )  # fmt: skip

    async def renew() -> Renewal:
        return await tokens.renew(open_work, registry, SEALER, account.id, seen_version=1)

    assert await renew() is Renewal.CONSENT
    async with open_work() as session:
        assert (await accounts.view(session, account.id)).pause_code == "needs_consent"
        await accounts.close(session, SYSTEM, account.id, reason="Ngừng")
    assert await renew() is Renewal.CONSENT


# ── A process dies ───────────────────────────────────────────────────────────────────────────────


async def killed(desk: Desk, database_url: str, where: str) -> None:
    """Lets a process of its own renew, and kills it with -9 where it stops."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.services.channels.dying_renewer"),
            *(database_url, desk.server.url, str(desk.account_id), where),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "stopped\n"
        process.kill()
    assert (await desk.row()).token_state == "renewing"


async def test_whoever_dies_before_the_call_costs_nothing(desk: Desk, database_url: str) -> None:
    await killed(desk, database_url, "before_call")
    assert await desk.renew() is Renewal.BUSY
    await desk.hurry()
    assert await desk.renew() is Renewal.RENEWED
    assert (desk.server.refreshes, desk.server.spent_twice) == (1, 0)


async def test_whoever_dies_with_the_answer_in_hand_costs_one_try_and_a_consent(
    desk: Desk, database_url: str
) -> None:
    await killed(desk, database_url, "after_answer")
    assert await desk.renew() is Renewal.BUSY
    await desk.hurry()
    told = await asyncio.gather(*(desk.renew() for _ in range(20)))
    assert set(told) <= {Renewal.CONSENT, Renewal.BUSY}
    assert (await desk.row()).pause_code == "needs_consent"
    # Once more, as R56 allows, and never again.
    assert (desk.server.refreshes, desk.server.spent_twice) == (1, 1)
    await desk.hurry()
    assert await desk.renew() is Renewal.CONSENT
    assert desk.server.spent_twice == 1


async def test_whoever_dies_in_the_last_try_leaves_none(desk: Desk) -> None:
    async with desk.open_work() as session:
        await session.execute(
            text("UPDATE account SET token_state = 'consent', token_until = now() + interval '1 h'")
        )
    assert await desk.renew() is Renewal.BUSY
    await desk.hurry()
    assert await desk.renew() is Renewal.CONSENT
    assert desk.server.refreshes == 0
