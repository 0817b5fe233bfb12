from collections.abc import Awaitable
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from services.api import health
from services.channels.registry import Registry
from services.delivery.hub import Hub
from services.storage.session import make_engine, opener
from tests.services.api.conftest import Team
from tests.support.site import Site


def client(
    hub: Hub, *, redis: health.Ping | None = None, address: str = "127.0.0.1"
) -> httpx.AsyncClient:
    app = Starlette(routes=list(health.routes(hub, redis=redis)))
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://loa.test")


async def test_a_sound_hub_is_ready(site: Site) -> None:
    async with client(site.hub) as asked:
        live = await asked.get("/health/live")
        ready = await asked.get("/health/ready")
    assert live.json() == {"status": "live"}
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert [one["name"] for one in ready.json()["checks"]] == ["database", "schema", "clock"]


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
