"""What is well and what is not: for a supervisor, for an admin, and as metrics.

`/health/live` says that the process answers; `/health/ready` what it cannot do and why (503 when it
can do nothing useful); `/metrics` is for allowed addresses only (reliability-security.md R83).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.delivery import standing, switches, words
from services.delivery.hub import Hub
from services.storage import migrate
from services.storage.session import WORKER
from services.syndication import websub
from shared.clock import utc_now

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
# Leases and due times go by the database's clock, signatures and tokens by ours: beyond this,
# sign-in codes and webhook signatures begin to fail.
SKEW_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 3.0
# A worker asks the database for what is due many times a second; so long it is never silent, except
# when it has died or hangs.
SILENT_SECONDS: Final = 60.0
_NO_STORE: Final = {"Cache-Control": "no-store"}

_NO_WORK: Final = (
    "Không đăng, gỡ, đọc được; tin chờ trong cơ sở dữ liệu · Nothing is sent or read; items wait"
)
_FROZEN: Final = (
    "Không đăng, đính chính; việc gỡ vẫn chạy · Nothing is published; withdrawals go on"
)
_FENCED: Final = "Không gửi gì cho tới khi gỡ rào · Nothing is sent until the fence is lifted"
_CUT_OFF: Final = "Không đăng, gỡ được trên kênh này · Nothing can be sent to this account"
_WAITS: Final = "Tin chờ, chưa lên kênh này · Items wait for this account"

Ping: TypeAlias = Callable[[], Awaitable[object]]

_log = structlog.get_logger()

_STANDING = text(
    "SELECT state, count(*) AS number,"
    " coalesce(extract(epoch FROM now() - min(next_at)), 0) AS late"
    " FROM publication WHERE state NOT IN ('live', 'withdrawn') GROUP BY state"
)
_WORKED = text(
    "SELECT extract(epoch FROM clock_timestamp() - max(state_change)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = :worker"
)
_UNITS = text("SELECT id FROM unit")
_WHY = text(
    "SELECT id, coalesce(pause_code, CASE token_state WHEN 'consent' THEN 'needs_consent' END)"
    " AS code FROM account WHERE id = ANY(:ids)"
)
_PAUSED = text("SELECT count(*) FROM account WHERE stage <> 'closed' AND state = 'paused'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `cannot` says what does not work while it is not `ok`."""

    name: str
    ok: bool
    detail: str
    cannot: str = ""
    needed: bool = False


def routes(
    hub: Hub, *, redis: Ping | None = None, metrics_from: Sequence[str] = LOOPBACK
) -> list[Route]:
    """The routes of this file, to stand at the root of the site.

    `redis` asks the operator's Redis for a sign of life, where there is one. `metrics_from` are the
    networks that may read the metrics.
    """
    allowed = tuple(ip_network(one) for one in metrics_from)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=_NO_STORE)

    async def ready(_: Request) -> Response:
        checks = await look(hub, redis=redis)
        usable = all(check.ok for check in checks if check.needed)
        sound = all(check.ok for check in checks)
        return JSONResponse(
            {
                "status": "ready" if sound else "degraded" if usable else "unready",
                "checks": [
                    {
                        "name": check.name,
                        "ok": check.ok,
                        "detail": check.detail,
                        **({} if check.ok else {"cannot": check.cannot}),
                    }
                    for check in checks
                ],
            },
            status_code=200 if usable else 503,
            headers=_NO_STORE,
        )

    async def metrics(request: Request) -> Response:
        if not _from(request, allowed):
            return PlainTextResponse("not found", status_code=404)
        own = CollectorRegistry()
        own.register(_Standing(await _numbers(hub)))
        return Response(
            generate_latest(REGISTRY) + generate_latest(own),
            media_type=CONTENT_TYPE_LATEST,
            headers=_NO_STORE,
        )

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


async def look(hub: Hub, *, redis: Ping | None = None) -> tuple[Check, ...]:
    """Everything that publishing needs, looked at now; takes a few seconds at most."""
    checks = list(await _database(hub))
    if all(check.ok for check in checks if check.needed):
        checks.extend(await _work(hub))
    if redis is not None:
        checks.append(await _redis(redis))
    checks.extend(
        Check(
            name=f"channel {name}",
            ok=False,
            detail=reason,
            cannot="Không đăng, gỡ, đọc được trên loại kênh này · Nothing works on this channel",
        )
        for name, reason in hub.registry.broken.items()
    )
    return tuple(checks)


async def _database(hub: Hub) -> tuple[Check, ...]:
    cannot = "Không làm được gì · Nothing works"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), hub.open_work() as session:
            before = utc_now()
            now = await session.scalar(text("SELECT clock_timestamp()"))
            found = await session.scalar(text("SELECT to_regclass('alembic_version')"))
            schema = found and await session.scalar(text("SELECT version_num FROM alembic_version"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("health_database", error=type(error).__name__)
        failed = Check(
            name="database", ok=False, detail=type(error).__name__, cannot=cannot, needed=True
        )
        return (failed,)
    wanted = migrate.newest()
    skew = abs((now - before).total_seconds()) if now is not None else 0.0
    return (
        Check(name="database", ok=True, detail="PostgreSQL", needed=True),
        Check(
            name="schema",
            ok=schema == wanted,
            detail=f"{schema}, cần · needed {wanted}",
            cannot=f"{cannot}; `loa migrate`",
            needed=True,
        ),
        Check(
            name="clock",
            ok=skew <= SKEW_SECONDS,
            detail=f"{skew:.1f} s",
            cannot="Mã đăng nhập và chữ ký có thể sai · Codes and signatures may fail",
        ),
    )


async def _work(hub: Hub) -> list[Check]:
    """Whether somebody works, may send, and reaches every channel."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), hub.open_work() as session:
            silent = await session.scalar(_WORKED, {"worker": WORKER})
            frozen, fenced = await switches.frozen(session), await switches.fenced(session)
            listed = await standing.roster(
                session, list(await session.scalars(_UNITS)), now=utc_now()
            )
            held = [one for one in listed if one.health in ("cut_off", "paused")]
            rows = await session.execute(_WHY, {"ids": [one.id for one in held]})
            why = {row.id: row.code for row in rows}
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("health_work", error=type(error).__name__)
        return [Check(name="worker", ok=False, detail=type(error).__name__, cannot=_NO_WORK)]
    # What staff gave as a reason is theirs: who asks here has not signed in.
    return [
        Check(
            name="worker",
            ok=silent is not None and silent <= SILENT_SECONDS,
            detail="không có · none" if silent is None else f"{max(0.0, float(silent)):.0f} s",
            cannot=_NO_WORK,
        ),
        *(
            Check(name=name, ok=False, detail=f"{since.at:%Y-%m-%dT%H:%M:%SZ}", cannot=cannot)
            for name, since, cannot in (("freeze", frozen, _FROZEN), ("fence", fenced, _FENCED))
            if since is not None
        ),
        *(
            Check(
                name=f"account {one.name}",
                ok=False,
                detail=_both(why[one.id]) if one.health == "cut_off" else "Tạm dừng · Paused",
                cannot=_CUT_OFF if one.health == "cut_off" else _WAITS,
            )
            for one in held
        ),
    ]


def _both(code: str | None) -> str:
    """What happened to an account that is cut off; without a code its last check did not pass."""
    if code is None:
        return "Lần kiểm tra gần nhất chưa đạt · The last check did not pass"
    return " · ".join(words.problem(code, locale).happened for locale in ("vi", "en"))


async def _redis(ping: Ping) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await ping()
    except Exception as error:  # noqa: BLE001  # whatever the client raises, Redis did not answer
        return Check(
            name="redis",
            ok=False,
            detail=type(error).__name__,
            cannot="Việc phụ bị chậm, đăng tin vẫn chạy · Side jobs wait, publishing goes on",
        )
    return Check(name="redis", ok=True, detail="Redis")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    counts: dict[str, int]
    late_seconds: float
    paused: int
    subscribers: Mapping[str, int]


class _Standing:
    """What stands in the database, as gauges; lives for one answer."""

    def __init__(self, numbers: _Numbers | None) -> None:
        self._numbers = numbers

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges; only `loa_database_up` when the database did not answer."""
        numbers = self._numbers
        up = GaugeMetricFamily(
            "loa_database_up", "Whether the database answered", value=float(numbers is not None)
        )
        if numbers is None:
            return [up]
        unsettled = GaugeMetricFamily(
            "loa_publications", "Publications that are not settled, by state", labels=("state",)
        )
        for state, count in numbers.counts.items():
            unsettled.add_metric((state,), count)
        pushed = GaugeMetricFamily(
            "loa_websub_subscriptions",
            "WebSub subscriptions by how they are; waiting: requests that wait for their check",
            labels=("state",),
        )
        for state, count in numbers.subscribers.items():
            pushed.add_metric((state,), count)
        return [
            up,
            unsettled,
            pushed,
            GaugeMetricFamily(
                "loa_publication_late_seconds",
                "How long the oldest due publication has waited",
                value=numbers.late_seconds,
            ),
            GaugeMetricFamily("loa_accounts_paused", "Accounts on hold", value=numbers.paused),
        ]


async def _numbers(hub: Hub) -> _Numbers | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), hub.open_work() as session:
            rows = (await session.execute(_STANDING)).all()
            paused = await session.scalar(_PAUSED)
            subscribers = await websub.numbers(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    due = [float(row.late) for row in rows if row.state == "pending"]
    return _Numbers(
        counts={row.state: row.number for row in rows},
        late_seconds=max([0.0, *due]),
        paused=paused or 0,
        subscribers=subscribers,
    )


def _from(request: Request, allowed: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return any(address in network for network in allowed if network.version == address.version)
