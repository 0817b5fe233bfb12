"""kill -9 of the worker at every named point of the send path; the ledger gives the verdict.

The points are read from the source, so a new one cannot be forgotten: a point that no scenario
below reaches fails the test. Each cell has a database, an account and two real processes of its
own; the first dies at the point, the second must bring things to their end.
"""

import ast
import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import text

import services.delivery
from services.channels.registry import Registry
from tests.support import postgres
from tests.support.crash_worker import RULES_LANE, work
from tests.support.hub import Bench, Team, make_bench
from tests.support.sandbox import Sandbox, hosts_of

_SIDE_BY_SIDE = 14
_PATIENCE_SECONDS = 120.0  # far above what it takes, so that a slow machine is no finding

OPERATIONS = ("publish", "update", "withdraw")
CHANNELS = ("zalo_oa", "facebook_page")

# What must go wrong on the channel for the send path to pass a point at all. `None`: every send
# passes it. The word names the fault and the operations during which it is met.
_UNCLEAR = {"zalo_oa": ("create", "commit_then_reset"), "facebook_page": ("feed", "reset")}
_BASELINE = {"zalo_oa": ("list", "html"), "facebook_page": ("list", "html")}
_FOUND = {"facebook_page": ("feed", "commit_then_reset")}
_TOKEN = {"zalo_oa": ("create", "token_dead")}
_SCENARIOS: dict[str, tuple[dict[str, tuple[str, str]] | None, tuple[str, ...]]] = {
    "after keeping the baseline": (None, ("publish",)),
    "after reading the baseline": (None, ("publish",)),
    "after keeping the outcome of a dead token": (_TOKEN, ("publish",)),
    "after failing to read the baseline": (_BASELINE, ("publish",)),
    "after putting the publication off": (_BASELINE, ("publish",)),
    "after renewing the token": (_TOKEN, ("publish",)),
    "after starting to look": (_UNCLEAR, ("publish",)),
    "before reading a page": (_UNCLEAR, ("publish",)),
    "after reading a page": (_UNCLEAR, ("publish",)),
    "after concluding a listing": (_UNCLEAR, ("publish",)),
    "after releasing the lane": (_FOUND, ("publish",)),
    "after reading what is due for comparison": (None, ("compare",)),
    "after reading one post": (None, ("compare",)),
    "after comparing": (None, ("compare",)),
}


def points() -> tuple[str, ...]:
    """Every point that the send path names, read from its source."""
    found: set[str] = set()
    for file in Path(services.delivery.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="reached"), args=[ast.Constant(value=str() as name)]
                ):
                    found.add(name)
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Cell:
    """One death: where, during which operation, on which channel."""

    point: str
    channel: str
    operation: str


def cells() -> list[Cell]:
    """The whole matrix."""
    made: list[Cell] = []
    for point in points():
        fault, operations = _SCENARIOS.get(point, (None, OPERATIONS))
        made += [
            Cell(point, channel, operation)
            for channel in CHANNELS
            for operation in operations
            if fault is None or channel in fault
        ]
    return made


def test_every_await_of_the_send_path_has_a_point_beside_it() -> None:
    """Two lines that touch the world without a point between them would be a place never tested."""
    file = Path(services.delivery.__path__[0]) / "attempt.py"
    tree = ast.parse(file.read_text())
    bare: list[str] = []
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)):
        for block in (b for n in ast.walk(function) for b in _blocks(n)):
            for one, following in pairwise(block):
                if _touches(one) and _touches(following):
                    bare.append(f"{function.name}:{one.lineno}")
    assert bare == []


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    fields = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [field for field in fields if isinstance(field, list) and field]


def _touches(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.While | ast.Match | ast.If | ast.Try):
        return False
    return any(isinstance(node, ast.Await | ast.AsyncWith) for node in ast.walk(statement))


async def test_a_worker_killed_at_any_point_leaves_what_was_approved_and_never_two(
    sandbox: Sandbox,
    postgres_url: str,
    migrated_template: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Runs the matrix side by side and prints it."""
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(cell: Cell) -> tuple[Cell, str]:
        async with gate:
            url = await postgres.create_database(postgres_url, template=migrated_template)
            try:
                return cell, await _verdict(cell, url, sandbox, tmp_path / "media")
            finally:
                await postgres.drop_database(postgres_url, url)

    verdicts = await asyncio.gather(*(one(cell) for cell in cells()))
    print(f"\nkill -9 at {len(points())} points, {len(verdicts)} cells:")
    for cell, verdict in verdicts:
        print(f"  {verdict:8} {cell.channel:13} {cell.operation:8} {cell.point}")
    record_property("cells", len(verdicts))
    wrong = [f"{cell}: {verdict}" for cell, verdict in verdicts if verdict != "ok"]
    assert wrong == []


async def _verdict(cell: Cell, url: str, sandbox: Sandbox, media: Path) -> str:
    hosts = hosts_of(sandbox)
    bench = make_bench(url, media, Registry.load(hosts), size=6).ruled(lane=RULES_LANE)
    try:
        team = await bench.team()
        made = await sandbox.account(cell.channel)
        account = await bench.account(
            team, cell.channel, made["settings"], made["credentials"], name=f"K-{made['id']}"
        )
        item, wanted = await _prepared(bench, team, cell, account, url, media, hosts)
        fault, _ = _SCENARIOS.get(cell.point, (None, ()))
        if fault is not None:
            operation, kind = fault[cell.channel]
            await sandbox.fault(made["id"], operation=operation, kind=kind)
        died = await _run(url, media, hosts, die_at=cell.point, seconds=_PATIENCE_SECONDS)
        if died != -signal.SIGKILL:
            return f"point not reached ({died})"
        if cell.operation == "compare":
            wanted = 1
        state = await _finish(bench, item, url, media, hosts, cell)
        if state not in ("live", "withdrawn"):
            return f"ended {state}"
        ledger = await sandbox.ledger(made["id"])
        visible = ledger["visible"]
        if len(visible) != wanted:
            return f"{len(visible)} visible, wanted {wanted}"
        if wanted and cell.operation == "update" and "đã sửa" not in str(visible[0]):
            return "shows the old text"
        ever = {post["remote_id"] for post in ledger["ever"]}
        if len(ever) != 1:
            return f"{len(ever)} were visible"
        return "ok"
    finally:
        await bench.close()


async def _prepared(
    bench: Bench,
    team: Team,
    cell: Cell,
    account: Any,
    url: str,
    media: Path,
    hosts: dict[str, str],
) -> tuple[Any, int]:
    """Brings an item to the state before the operation; gives it and how many may be seen after."""
    fields: dict[str, Any] = {"title": f"Thông báo {bench.url[-8:]}", "body": "Nội dung thử."}
    if cell.channel == "zalo_oa":
        fields["cover"] = str(await bench.picture(team))
        fields["summary"] = "Tóm tắt của bài."
    item = await bench.published(team, [account], **fields)
    if cell.operation == "publish":
        return item.id, 1
    await _run(url, media, hosts, die_at=None, seconds=None, until=(bench, item.id, "live"))
    if cell.operation == "compare":
        async with bench.hub.open_work() as session:
            await session.execute(text("UPDATE publication SET look_at = now()"))
            await session.execute(text("UPDATE lane SET next_due_at = now()"))
        return item.id, 1
    if cell.operation == "update":
        await bench.corrected(team, item.id, [account], title=f"{fields['title']} đã sửa")
        return item.id, 1
    await bench.withdrawn(team, item.id)
    return item.id, 0


async def _finish(
    bench: Bench, item: Any, url: str, media: Path, hosts: dict[str, str], cell: Cell
) -> str:
    wanted = "withdrawn" if cell.operation == "withdraw" else "live"
    return await _run(
        url, media, hosts, die_at=None, seconds=None, until=(bench, item, wanted)
    ) or await _state(bench, item)


async def _state(bench: Bench, item: Any) -> str:
    (state,) = (await bench.states(item)).values()
    return state


async def _run(
    url: str,
    media: Path,
    hosts: dict[str, str],
    *,
    die_at: str | None,
    seconds: float | None,
    until: tuple[Bench, Any, str] | None = None,
) -> Any:
    """One worker process: until it dies at its point, or until an item has reached a state."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.crash_worker"])
    child = context.Process(
        target=work,
        args=(url, str(media), hosts, die_at, seconds or 2 * _PATIENCE_SECONDS),
        daemon=True,
    )
    child.start()
    try:
        if until is None:
            for _ in range(int((seconds or _PATIENCE_SECONDS) / 0.05)):
                if child.exitcode is not None:
                    return child.exitcode
                await asyncio.sleep(0.05)
            return child.exitcode
        bench, item, wanted = until
        for _ in range(int(_PATIENCE_SECONDS / 0.05)):
            if await _state(bench, item) in (wanted, "failed", "undecided"):
                return await _state(bench, item)
            await asyncio.sleep(0.05)
        return await _state(bench, item)
    finally:
        if child.exitcode is None:
            child.kill()
        await asyncio.to_thread(child.join, 5)
