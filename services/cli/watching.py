"""`loa doctor`, `loa audit verify`, `loa freeze` and `loa unfreeze`."""

import asyncio
import shutil
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select, text

from services.audit.verify import Verdict, verify
from services.channels import accounts, checks
from services.cli import place, words
from services.cli.opening import Opening, at_hub, at_terminal, database, opened, prepared
from services.cli.telling import AsJson, Data, say, tell, tell_json
from services.delivery import switches
from services.delivery.hub import Hub
from shared.clock import utc_now
from shared.errors import LoaError

_SKEW_SECONDS: Final = 2.0  # R39: a worker further off than this is not ready
_FREE_BYTES: Final = 1_000_000_000
_AUDIT_BREAKS: Final = {
    "gap": "thiếu một dòng trước dòng này · an entry is missing before this one",
    "changed": "nội dung đã bị sửa · what stands there is not what was written",
    "link": "không nối với dòng trước · it does not point back to the one before",
    "tail_cut": "các dòng cuối đã bị cắt · later entries are gone",
    "head": "đầu chuỗi không khớp · the head does not belong to the last entry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the doctor looked at."""

    name: str
    ok: bool
    detail: str


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    group = typer.Typer(help="Nhật ký · The audit record", no_args_is_help=True)

    @group.callback()
    def _group() -> None:
        pass

    group.command("verify")(audit_verify)
    app.add_typer(group, name="audit")
    app.command("doctor")(doctor)
    app.command("freeze")(freeze)
    app.command("unfreeze")(unfreeze)


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Xem cấu hình, cơ sở dữ liệu, Redis, đồng hồ, đĩa và từng kênh · Look at everything."""
    found = _examine(data)
    good = all(finding.ok for finding in found)
    if as_json:
        tell_json({"ok": good, "findings": found})
    else:
        for finding in found:
            say(f"{'✓' if finding.ok else '✕'} {finding.name}: {finding.detail}")
        say("Mọi thứ ổn · All is well" if good else "Có việc cần người xử lý · Somebody must act")
    if not good:
        raise typer.Exit(1)


def audit_verify(data: Data = None, as_json: AsJson = False) -> None:
    """Đi hết chuỗi nhật ký, báo dòng hỏng đầu tiên nếu có · Walk the hash chain."""

    async def work(hub: Hub) -> Verdict:
        async with hub.open_work() as session:
            return await verify(session)

    verdict = at_hub(data, work)
    if as_json:
        tell_json(verdict)
    elif verdict.ok:
        say(f"✓ {verdict.count} dòng, chuỗi nguyên vẹn · entries, the chain is whole")
    else:
        why = _AUDIT_BREAKS[verdict.why or "changed"]
        say(f"✕ Dòng {verdict.first_bad_seq} · Entry {verdict.first_bad_seq}: {why}")
    if not verdict.ok:
        raise typer.Exit(1)


def freeze(
    reason: Annotated[str, typer.Argument(help="Lý do · Why.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Giữ mọi việc đăng và sửa, khắp nơi; việc gỡ vẫn chạy · Hold publishing everywhere."""

    async def work(hub: Hub) -> None:
        async with hub.open_work() as session:
            await switches.freeze(session, at_terminal(), reason)

    at_hub(data, work)
    tell(
        {"frozen": True, "reason": reason},
        as_json=as_json,
        line="Đã đóng băng việc đăng, việc gỡ vẫn chạy · Frozen; withdrawals go on: loa unfreeze",
    )


def unfreeze(data: Data = None, as_json: AsJson = False) -> None:
    """Cho việc đăng chạy tiếp · Let publishing go on."""

    async def work(hub: Hub) -> None:
        async with hub.open_work() as session:
            await switches.unfreeze(session, at_terminal())

    at_hub(data, work)
    tell({"frozen": False}, as_json=as_json, line="Việc đăng chạy tiếp · Publishing goes on")


def _examine(data: Data) -> list[Finding]:
    try:
        opening = prepared(data)
    except LoaError as error:
        return [Finding(name="configuration", ok=False, detail=words.of_error(error))]
    found = [
        Finding(name="configuration", ok=True, detail=opening.public_url),
        *_adapters(opening),
        _disk(opening),
    ]
    if opening.settings.redis_url is not None:
        found.append(asyncio.run(_redis(opening.settings.redis_url.get_secret_value())))
    try:
        with database(opening, make=False) as url:
            found += asyncio.run(_in_database(opening, url))
    except LoaError as error:
        found.append(Finding(name="database", ok=False, detail=words.of_error(error)))
    return found


def _adapters(opening: Opening) -> list[Finding]:
    return [
        *(
            Finding(name=f"channel {name}", ok=True, detail="ok")
            for name in opening.registry.names()
        ),
        *(
            Finding(name=f"channel {name}", ok=False, detail=reason)
            for name, reason in opening.registry.broken.items()
        ),
    ]


def _disk(opening: Opening) -> Finding:
    free = shutil.disk_usage(opening.folder).free
    key = (
        ""
        if place.has_key(opening.folder) or opening.settings.secret_key
        else "; chưa có khoá · no key yet"
    )
    return Finding(
        name="disk",
        ok=free >= _FREE_BYTES,
        detail=f"{free / 1e9:.1f} GB còn trống · free: {opening.folder}{key}",
    )


async def _redis(url: str) -> Finding:
    client = Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return Finding(name="redis", ok=False, detail=type(error).__name__)
    finally:
        await client.aclose()
    return Finding(name="redis", ok=True, detail="ok")


async def _in_database(opening: Opening, url: str) -> list[Finding]:
    async with opened(opening, url) as hub:
        async with hub.open_work() as session:
            before = utc_now()
            now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
            version = await session.scalar(text("SHOW server_version"))
            frozen, fenced = await switches.frozen(session), await switches.fenced(session)
            known = await accounts.views(session)
            waiting = await session.scalar(
                text("SELECT count(*) FROM publication WHERE state IN ('undecided','failed')")
            )
        skew = abs((now - before).total_seconds())
        found = [
            Finding(name="database", ok=True, detail=f"PostgreSQL {version}"),
            Finding(name="clock", ok=skew <= _SKEW_SECONDS, detail=f"lệch · off by {skew:.2f} s"),
        ]
        if frozen is not None:
            found.append(Finding(name="freeze", ok=False, detail=f"{frozen.reason}; loa unfreeze"))
        if fenced is not None:
            found.append(
                Finding(name="fence", ok=False, detail=f"{fenced.reason}; loa restore --lift")
            )
        if waiting:
            detail = (
                f"{waiting} lượt đăng chờ người xử lý · publications wait for a person; loa status"
            )
            found.append(Finding(name="publications", ok=False, detail=detail))
        for account in known:
            if account.state == "paused":
                why = account.pause_reason or account.pause_code or ""
                detail = f"tạm dừng · paused: {why}"
                found.append(Finding(name=f"account {account.name}", ok=False, detail=detail))
                continue
            probes = await checks.check(hub.open_work, hub.registry, hub.sealer, account.id)
            bad = [f"{probe.name}: {words.of_probe(probe)}" for probe in probes if not probe.ok]
            found.append(
                Finding(name=f"account {account.name}", ok=not bad, detail="; ".join(bad) or "ok")
            )
    return found
