"""`loa up`: everything on one machine, supervised."""

import asyncio
import http.client
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel, ValidationError
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli import demo, logs, place, rehearsal, web
from services.cli.opening import Opening, opened, prepared, upgrade
from services.cli.parts import ANYWHERE, HOST, PORT, Host, Port, address_of, check_port, run_worker
from services.cli.settings import read as read_settings
from services.cli.supervisor import Part, Supervisor
from services.cli.telling import Data, console, say
from services.console.drawing import Demo, DemoPerson
from services.console.vocabulary import ROLE
from services.sandbox.demo.people import PEOPLE, UNITS
from services.staff import invitations
from services.storage.embedded import EmbeddedPostgres
from shared.clock import steady_seconds, utc_now
from shared.errors import ConflictError, LoaError

_PATIENCE_SECONDS: Final = 60.0
_LOG: Final = "loa.log"
_LOG_BYTES: Final = 5_000_000
_SAMPLE: Final = "sample-data"


class NotReadyError(LoaError):
    """The parts run, and yet the site does not say that it is ready."""

    default_code = "not_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What preparing a hub tells: the secret of the first admin's link, if nobody is here."""

    invitation: str | None


class _Checked(BaseModel):
    name: str
    ok: bool


class _Health(BaseModel):
    """What `/health/ready` says, as far as a start waits for it: the site and the worker."""

    checks: list[_Checked]


def join(app: typer.Typer) -> None:
    """Adds this command to the command line."""
    app.command("up")(up)


def up(
    host: Host = HOST,
    port: Port = PORT,
    data: Data = None,
    with_demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Dữ liệu mẫu và kênh mô phỏng · Sample data, simulated channels."
        ),
    ] = False,
) -> None:
    """Mọi thứ trên máy này: cơ sở dữ liệu, trang web, giao tin · Everything on this machine."""
    started = steady_seconds()
    found = read_settings()
    if not found.embedded:
        raise ConflictError("embedded_only")
    logs.configure(found.log_format, quiet=True)
    folder = place.prepare(data or found.data_dir)
    with place.held(folder):
        _check_kind(folder, with_demo=with_demo)
        for wanted in (port, port + 1) if with_demo else (port,):
            check_port(host, wanted)
        note = _note(found.public_url, host, port, with_demo=with_demo)
        opening = prepared(folder, told=note)
        log = _log_file(folder)
        supervisor = Supervisor(EmbeddedPostgres(folder), log=log)
        supervisor.listen()
        try:
            _run(supervisor, opening, note, log, host=host, port=port, started=started)
        finally:
            if supervisor.stopping:
                say("Đang dừng, chờ việc dở dang xong · Stopping, letting running work end")
            supervisor.stop()
    say("Đã dừng · Stopped")


def _run(
    supervisor: Supervisor,
    opening: Opening,
    note: place.Note,
    log: Path | None,
    *,
    host: str,
    port: int,
    started: float,
) -> None:
    fresh = not (opening.folder / "postgres" / "cluster").exists()
    say(
        "[1/3] Cơ sở dữ liệu · Database"
        + (": lần đầu, đang tạo · first start, making it" if fresh else "")
    )
    supervisor.start_database()
    read_end, write_end = os.pipe()
    if not supervisor.first("prepare", partial(_prepare, opening, note, write_end)):
        raise typer.Exit(1)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        told = _Told(**json.loads(pipe.read()))
    place.leave(opening.folder, note)
    say("[2/3] Trang web và vòng giao tin · Web and delivery loop")
    supervisor.start(_parts(opening, note, host=host, port=port))
    _wait_until_ready(supervisor, host, port, log)
    say(f"[3/3] Sẵn sàng sau {steady_seconds() - started:.1f} giây · Ready")
    _tell(opening, note, told, log)
    supervisor.watch()


def _parts(opening: Opening, note: place.Note, *, host: str, port: int) -> list[Part]:
    def in_part(work: Callable[[str], None]) -> Callable[[str], None]:
        def run(url: str) -> None:
            logs.configure(opening.settings.log_format, quiet=False)
            work(url)

        return run

    shown = _demo(note) if note.demo else None
    parts = [
        Part(
            name="web",
            run=in_part(lambda url: web.serve(opening, url, host=host, port=port, demo=shown)),
        ),
        Part(name="worker", run=in_part(lambda url: run_worker(opening, url))),
    ]
    if note.demo:
        kept = opening.folder / "sandbox"
        parts.insert(
            0,
            Part(
                name="sandbox",
                rank=0,
                run=in_part(lambda _: rehearsal.run(host, port + 1, kept=kept)),
            ),
        )
        parts.append(
            Part(
                name="demo",
                once=True,
                run=in_part(lambda url: demo.fill(opening, url, _sandbox_url(note))),
            )
        )
    return parts


def _prepare(opening: Opening, note: place.Note, pipe: int, url: str) -> None:
    """Brings the database up to date and puts into it what a first start needs; tells by a pipe."""

    async def run() -> _Told:
        await upgrade(url)
        async with opened(opening, url) as hub:
            if note.demo:
                await demo.people(hub)
                return _Told(invitation=None)
            async with hub.open_work() as session:
                try:
                    secret = await invitations.create_first(session, now=utc_now())
                except ConflictError:  # somebody is here already
                    return _Told(invitation=None)
            return _Told(invitation=secret)

    told = asyncio.run(run())
    with os.fdopen(pipe, "w") as end:
        json.dump({"invitation": told.invitation}, end)


def _check_kind(folder: Path, *, with_demo: bool) -> None:
    """Sample data and real data never share a folder."""
    used = (folder / "postgres" / "cluster").exists()
    marked = (folder / _SAMPLE).exists()
    if with_demo and used and not marked:
        raise ConflictError("holds_real_data", folder=folder)
    if marked and not with_demo:
        raise ConflictError("holds_sample_data", folder=folder)
    if with_demo:
        (folder / _SAMPLE).touch()


def _note(public_url: str | None, host: str, port: int, *, with_demo: bool) -> place.Note:
    site = public_url or address_of(host, port)
    if not with_demo:
        return place.Note(public_url=site)
    sandbox = address_of(host, port + 1)
    return place.Note(
        public_url=site,
        demo=True,
        ledger_url=f"{sandbox}/ledger",
        adapters={
            "LOA_ZALO_API_URL": f"{sandbox}/zalo",
            "LOA_ZALO_OAUTH_URL": f"{sandbox}/zalo-oauth",
            "LOA_FACEBOOK_GRAPH_URL": f"{sandbox}/graph",
        },
    )


def _sandbox_url(note: place.Note) -> str:
    return (note.ledger_url or "").removesuffix("/ledger")


def _demo(note: place.Note) -> Demo:
    sandbox = _sandbox_url(note)
    names = {unit.code: unit.name for unit in UNITS}
    return Demo(
        people=tuple(
            DemoPerson(
                name=person.name,
                email=person.email,
                roles=person.roles,
                unit=names[person.unit],
                password=person.password,
            )
            for person in PEOPLE
        ),
        ledger_url=f"{sandbox}/ledger",
        faults_url=f"{sandbox}/faults",
        portal_url=f"{sandbox}/portal",
    )


def _log_file(folder: Path) -> Path | None:
    """Where the parts write: a file for whoever sits at a terminal, else our own standard error."""
    if not sys.stderr.isatty():
        return None
    log = folder / _LOG
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    return log


def _wait_until_ready(supervisor: Supervisor, host: str, port: int, log: Path | None) -> None:
    deadline = steady_seconds() + _PATIENCE_SECONDS
    reached = "127.0.0.1" if host in ANYWHERE else host
    while not supervisor.stopping:
        supervisor.turn()
        supervisor.check_started()
        if _is_ready(reached, port):
            return
        if steady_seconds() > deadline:
            raise NotReadyError(seconds=int(_PATIENCE_SECONDS), log=log or "stderr")


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        told = _Health.model_validate_json(answer.read())
        return answer.status == 200 and all(one.ok for one in told.checks if one.name == "worker")
    except (OSError, http.client.HTTPException, ValidationError):
        return False
    finally:
        connection.close()


def _tell(opening: Opening, note: place.Note, told: _Told, log: Path | None) -> None:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    lines.add_row("Trang chính · Site", Text(note.public_url, style="bold blue"))
    if note.demo:
        lines.add_row("Người dân thấy gì · Ledger", Text(note.ledger_url or "", style="bold blue"))
        for person in PEOPLE:
            roles = ", ".join(ROLE[role].vi for role in person.roles)
            lines.add_row(f"{person.name} ({roles})", f"{person.email} / {person.password}")
    if told.invitation is not None:
        lines.add_row(
            "Quản trị đầu tiên · First admin",
            Text(f"{note.public_url}/start/{told.invitation}", style="bold blue"),
        )
        lines.add_row("", "Liên kết dùng một lần, trong 7 ngày · Works once, for 7 days")
    lines.add_row("Dữ liệu · Data", str(opening.folder))
    if log is not None:
        lines.add_row("Nhật ký chạy · Log", str(log))
    where = "" if opening.folder == Path("loa-data").absolute() else f" --data {opening.folder}"
    lines.add_row(
        "Lệnh nên thử · Try", f"loa status{where} · loa doctor{where} · loa audit verify{where}"
    )
    lines.add_row("Dừng · Stop", "Ctrl-C")
    title = "Loa đã sẵn sàng · Loa is ready"
    console().print(
        Panel(lines, title=title, title_align="left", border_style="green", expand=False)
    )
    sys.stdout.flush()
