"""`loa web`, `loa worker`, `loa sandbox`, `loa migrate`: the parts, for a cluster."""

import asyncio
import errno
import socket
from typing import Annotated, Final

import typer

from services.cli import logs, rehearsal, web
from services.cli.opening import (
    Opening,
    check_schema,
    checked,
    database,
    opened,
    prepared,
    upgrade,
)
from services.cli.telling import AsJson, Data, tell
from services.storage import migrate as migrations
from services.storage.session import WORKER
from services.worker import process
from shared.errors import ConflictError

HOST: Final = "127.0.0.1"
PORT: Final = 8080
ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104  # compared with, not listened at
_HIGHEST_PORT: Final = 65535
# A lane that looks, one that sends and the batches of both share these.
_CONNECTIONS: Final = 20

Host = Annotated[str, typer.Option(metavar="H", help="Địa chỉ nghe · The address to listen at.")]
Port = Annotated[int, typer.Option(metavar="P", min=1, max=65535, help="Cổng · The port.")]


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    app.command("web")(serve_web)
    app.command("worker")(work)
    app.command("sandbox")(serve_sandbox)
    app.command("migrate")(migrate)


def serve_web(host: Host = HOST, port: Port = PORT, data: Data = None) -> None:
    """Trang quản lý, API, nguồn tin, webhook · The console, the API, the feeds, the webhooks."""
    opening = prepared(data, reached=address_of(host, port))
    check_port(host, port)
    logs.configure(opening.settings.log_format, quiet=False)
    with database(opening) as url:
        web.serve(opening, url, host=host, port=port)


def work(data: Data = None) -> None:
    """Đăng, đọc lại, gỡ: vòng lặp giao tin và các việc định kỳ · The delivery loop and the jobs."""
    opening = prepared(data)
    logs.configure(opening.settings.log_format, quiet=False)
    with database(opening) as url:
        run_worker(opening, url)


def serve_sandbox(host: Host = HOST, port: Port = PORT + 1) -> None:
    """Zalo, Facebook và cổng mô phỏng, có sổ cái · Simulated channels with a ledger."""
    found = checked()
    check_port(host, port)
    logs.configure(found.log_format, quiet=False)
    rehearsal.run(host, port)


def migrate(data: Data = None, as_json: AsJson = False) -> None:
    """Đưa cơ sở dữ liệu lên bản mới nhất · Bring the database to the newest schema."""
    opening = prepared(data)
    with database(opening) as url:
        asyncio.run(upgrade(url))
        asyncio.run(check_schema(url))
    newest = migrations.newest()
    tell({"schema": newest}, as_json=as_json, line=f"Cơ sở dữ liệu ở bản {newest} · up to date")


def address_of(host: str, port: int) -> str:
    """How a browser on this machine reaches what listens there."""
    reached = "127.0.0.1" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{reached}:{port}"


def check_port(host: str, port: int) -> None:
    """Raises ConflictError `port_taken` if another program listens there.

    `address_unusable` for an address that is not this machine's, or a port that is not for us.
    """
    if port > _HIGHEST_PORT:  # the sandbox of a rehearsal listens one further
        raise ConflictError("address_unusable", host=host, port=port, reason=f"> {_HIGHEST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConflictError("port_taken", port=port, other=_another(port)) from error
            raise ConflictError(
                "address_unusable", host=host, port=port, reason=error.strerror
            ) from error


def _another(port: int) -> int:
    return port + 10 if port + 10 < _HIGHEST_PORT else port - 10


def run_worker(opening: Opening, url: str) -> None:
    """One worker process, until SIGTERM."""
    redis = opening.settings.redis_url

    async def main() -> None:
        async with opened(
            opening, url, application=WORKER, connections=_CONNECTIONS, by_key=True
        ) as hub:
            await process.work(hub, url, redis.get_secret_value() if redis else None)

    process.in_new_loop(main())
