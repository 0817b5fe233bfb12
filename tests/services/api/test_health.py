import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from services.api import health
from services.channels.registry import Registry
from services.channels.tables import Account
from services.delivery import switches, words
from services.delivery.hub import Hub
from services.delivery.tables import Switch
from services.storage.session import WORKER, make_engine, opener
from tests.services.api.conftest import Team
from tests.support.site import Site


def client(
    hub: Hub, *, redis: health.Ping | None = None, address: str = "127.0.0.1"
) -> httpx.AsyncClient:
    app = Starlette(routes=list(health.routes(hub, redis=redis)))
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://loa.test")


@asynccontextmanager
async def worker(database_url: str) -> AsyncIterator[None]:
    """A connection as a worker has it; PostgreSQL has seen it off when the block ends."""
    engine = make_engine(database_url, size=1, application=WORKER)
    try:
        async with opener(engine)() as session:
            await session.execute(text("SELECT 1"))
        yield
    finally:
        await engine.dispose()
        watcher = await asyncpg.connect(database_url)
        async with asyncio.timeout(60):
            while await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = $1",
                WORKER,
            ):
                await asyncio.sleep(0.02)
        await watcher.close()


async def checks(hub: Hub) -> dict[str, dict[str, object]]:
    async with client(hub) as asked:
        told = (await asked.get("/health/ready")).json()
    return {one["name"]: one for one in told["checks"]}


async def test_a_sound_hub_is_ready(site: Site, database_url: str) -> None:
    async with worker(database_url), client(site.hub) as asked:
        live = await asked.get("/health/live")
        ready = await asked.get("/health/ready")
    assert live.json() == {"status": "live"}
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    named = [one["name"] for one in ready.json()["checks"]]
    assert named == ["database", "schema", "clock", "worker"]


async def test_a_hub_without_a_worker_says_that_nothing_is_sent(site: Site) -> None:
    async with client(site.hub) as asked:
        ready = await asked.get("/health/ready")
    check = ready.json()["checks"][-1]

    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert (check["name"], check["ok"]) == ("worker", False)
    assert "Nothing is sent" in check["cannot"]


async def test_a_worker_that_hangs_is_none(
    site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SILENT_SECONDS", -1.0)
    async with worker(database_url):
        assert (await checks(site.hub))["worker"]["ok"] is False


async def test_an_account_that_is_cut_off_or_paused_is_named_with_the_reason(
    site: Site, team: Team
) -> None:
    async with site.hub.open_work() as session:
        row = await session.get_one(Account, team.portal)
        name = f"account {row.name}"
        row.state, row.pause_code = "paused", "token_expired"
    cut_off = (await checks(site.hub))[name]
    async with site.hub.open_work() as session:
        row = await session.get_one(Account, team.portal)
        row.pause_code, row.pause_reason = None, "Ông An nghỉ phép"
    paused = (await checks(site.hub))[name]
    async with site.hub.open_work() as session:
        row = await session.get_one(Account, team.portal)
        row.state, row.pause_reason, row.check_ok = "active", None, False
    unproven = (await checks(site.hub))[name]
    async with site.hub.open_work() as session:
        (await session.get_one(Account, team.portal)).check_ok = None

    assert name not in await checks(site.hub)
    assert cut_off["detail"] == " · ".join(
        words.problem("token_expired", locale).happened for locale in ("vi", "en")
    )
    assert "Nothing can be sent" in str(cut_off["cannot"])
    assert "Items wait" in str(paused["cannot"])
    assert "An nghỉ" not in str(paused), "what staff wrote is not for everybody"
    assert "did not pass" in str(unproven["detail"])


async def test_a_freeze_is_told_without_what_staff_gave_as_a_reason(site: Site) -> None:
    async with site.hub.open_work() as session:
        session.add(Switch(name=switches.FREEZE, reason="Chuyện nội bộ", by="loa"))
    frozen = await checks(site.hub)
    async with site.hub.open_work() as session:
        await session.execute(text("DELETE FROM switch"))

    assert "withdrawals go on" in str(frozen["freeze"]["cannot"])
    assert "nội bộ" not in str(frozen)
    assert "freeze" not in await checks(site.hub)


async def test_without_a_database_nothing_works_but_the_process_lives(site: Site) -> None:
    engine = make_engine("postgresql://loa:x@127.0.0.1:1/loa")
    async with client(replace(site.hub, open_work=opener(engine))) as asked:
        live = await asked.get("/health/live")
        ready = await asked.get("/health/ready")
        metrics = await asked.get("/metrics")
    await engine.dispose()
    assert live.status_code == 200
    assert (ready.status_code, ready.json()["status"]) == (503, "unready")
    assert ready.json()["checks"][0]["cannot"]
    assert "loa_database_up 0.0" in metrics.text


async def test_an_old_schema_is_not_ready(site: Site) -> None:
    async with site.hub.open_work() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    async with client(site.hub) as asked:
        ready = await asked.get("/health/ready")
    from services.storage import migrate

    async with site.hub.open_work() as session:
        await session.execute(
            text("UPDATE alembic_version SET version_num = :no"), {"no": migrate.newest()}
        )
    assert ready.status_code == 503


async def test_a_broken_adapter_is_named_and_the_rest_goes_on(site: Site) -> None:
    broken = Registry({}, broken={"loa_telegram": "ImportError: thiếu gói"})
    async with client(replace(site.hub, registry=broken)) as asked:
        ready = await asked.get("/health/ready")
    check = ready.json()["checks"][-1]
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert (check["name"], check["ok"]) == ("channel loa_telegram", False)
    assert "thiếu gói" in check["detail"]


async def test_a_redis_that_is_away_degrades(site: Site) -> None:
    async def away() -> None:
        raise ConnectionRefusedError

    def ping() -> Awaitable[object]:
        return away()

    async with client(site.hub, redis=ping) as asked:
        ready = await asked.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")


async def test_metrics_tell_what_is_not_settled(site: Site, team: Team) -> None:
    async with client(site.hub) as asked:
        metrics = await asked.get("/metrics")
    assert metrics.status_code == 200
    assert "loa_database_up 1.0" in metrics.text
    assert "loa_accounts_paused 0.0" in metrics.text
    assert "loa_webhook_deliveries_total" in metrics.text


@pytest.mark.parametrize(
    ("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("203.0.113.9", 404), ("", 404)]
)
async def test_metrics_are_for_allowed_addresses(site: Site, address: str, status: int) -> None:
    async with client(site.hub, address=address) as asked:
        assert (await asked.get("/metrics")).status_code == status
