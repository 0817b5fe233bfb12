"""Fan-out of one item to 2,000 accounts of a one-call channel, beside the raw rate of its client."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import httpx

from services.channels.registry import Registry
from services.storage import migrate
from services.storage.embedded import EmbeddedPostgres
from tests.support.hub import QUICK, make_bench
from tests.support.one_call import OneCall
from tests.support.ports import free_port

ACCOUNTS = 2000


def spawn(*words: str) -> "subprocess.Popen[str]":
    """A child of this benchmark that has said `ready`, or a server that has no word to say."""
    return subprocess.Popen(
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ready(child: "subprocess.Popen[str]") -> None:
    """Waits for the child's first word."""
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"


def ended(child: "subprocess.Popen[str]") -> str:
    """Lets the child end and gives its last word."""
    out, _ = child.communicate(timeout=60)
    return out.strip().splitlines()[-1]


async def raw(base: str) -> float:
    """Posts per second of the client alone, two processes."""
    half = ACCOUNTS // 2
    children = [
        spawn("tests.bench.raw", base, str(no * half), str((no + 1) * half)) for no in range(2)
    ]
    for child in children:
        ready(child)
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    seconds = [float(ended(child)) for child in children]
    return ACCOUNTS / max(seconds)


async def loa(url: str, base: str, media: Path) -> tuple[float, float, float, float]:
    """Publications per second from approve to the last outcome, p50, p99 in seconds, MiB a worker."""
    registry = Registry.of(OneCall())
    bench = make_bench(url, media, registry, rules=QUICK)
    team = await bench.team()
    ids = [
        await bench.account(team, "one_call", {"wall": f"wall-{no}", "base": base}, {})
        for no in range(ACCOUNTS)
    ]
    item = await bench.draft(team, body="Nội dung. " * 40)
    seen = await bench.submitted(team, item.id, ids)
    workers = [spawn("tests.bench.worker", url, str(media)) for _ in range(2)]
    for worker in workers:
        ready(worker)
    started = time.perf_counter()
    await bench.approved(team, item.id, seen)
    agreed = time.perf_counter()
    connection = await asyncpg.connect(url)
    while True:
        open_ones = await connection.fetchval(
            "SELECT count(*) FROM publication WHERE state <> 'live' AND item_id = $1", item.id
        )
        if not open_ones:
            break
        await asyncio.sleep(0.02)
    took = time.perf_counter() - started
    spread = await connection.fetchrow(
        """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM p.observed_at - a.at)),
               percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM p.observed_at - a.at))
          FROM publication p JOIN approval a ON a.id = p.approval_id WHERE p.item_id = $1
        """,
        item.id,
    )
    await connection.close()
    memory = [int(ended(worker)) / 1024 for worker in workers]
    await bench.engine.dispose()
    print(f"    approve itself {agreed - started:.2f} s")  # noqa: T201
    return ACCOUNTS / took, float(spread[0]), float(spread[1]), max(memory)


async def main() -> None:
    """Runs both three times, in turn, and prints the medians of the ratios."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    wall = spawn("tests.bench.wall", str(port))
    place = Path(tempfile.mkdtemp(prefix="loa-bench-"))
    try:
        for _ in range(200):
            try:
                httpx.get(base + "/walls/x/posts")
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
        with EmbeddedPostgres(place) as server:
            for round_no in range(2):
                connection = await asyncpg.connect(server)
                await connection.execute(f"CREATE DATABASE round_{round_no}")
                await connection.close()
                url = server.rsplit("/", 1)[0] + f"/round_{round_no}"
                await migrate.upgrade(url)
                alone = await raw(base)
                rate, p50, p99, memory = await loa(url, base, place / "media")
                print(  # noqa: T201
                    f"raw {alone:.0f}/s  loa {rate:.0f}/s  ratio {rate / alone:.2f}"
                    f"  p50 {p50:.2f} s  p99 {p99:.2f} s  {memory:.0f} MiB a worker"
                )
    finally:
        wall.kill()
        wall.wait()


if __name__ == "__main__":
    asyncio.run(main())
