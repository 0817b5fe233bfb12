"""`make bench`: every part in one run, three rounds each, compared pairs by turns (A B A B)."""

import argparse
import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import median

from tests.bench import api, browser, feeds, feeds_build, latency, one_call, pages, portal, zalo
from tests.bench.children import quieten
from tests.bench.ground import ACCOUNTS, WORKERS, FanOut, Ground, ground, percentile
from tests.bench.plain import plain
from tests.bench.table import Line, Part, drawn
from tests.bench.walls import build

_SHARE_AIM = 0.7
_TIMES_AIM = 5.0
_LATENCY_AIM = 0.150
_PAGE_AIM = 0.150
_PORTAL_AIM = 0.100
_FEED_AIMS = {"200 gzip": 0.6, "200 br": 0.6, "304": 0.5}
_DJANGO_AIM = 10.0
_FEEDGEN_AIM = 5.0
_PARTS = (
    "one_call",
    "latency",
    "api",
    "zalo",
    "pages",
    "browser",
    "feeds",
    "feeds_build",
    "portal",
)
_KB = 1024
_VISIT_AIMS_KB = (150, 210, 15)  # any page, the composer with its editor, the next page
_VISIT_REQUESTS_AIM = 12
_NEXT_FCP_AIM_MS = 600
_SHIFT_AIM = 0.05
_TYPING_AIM_MS = 600


async def measure(rounds: int, chosen: Sequence[str], portal_items: int) -> list[Part]:
    """Runs the chosen parts."""
    parts: list[Part] = []
    if set(chosen) - {"zalo", "pages", "browser", "feeds", "feeds_build", "portal"}:
        async with _ground("một lời gọi · one call") as place:
            parts += await _on_walls(place, rounds, chosen)
    if "zalo" in chosen:
        async with _ground("Zalo") as place:
            parts.append(await _zalo(place, rounds))
    if "pages" in chosen:
        async with _ground("các trang · pages") as place:
            parts.append(_pages(await (await pages.open_pages(place)).measure()))
    if "browser" in chosen:
        async with _ground("trình duyệt · browser") as place:
            site = await browser.open_site(place)
            for machine in (browser.OFFICE, browser.PHONE):
                parts.append(_visits(await site.measure(machine, rounds)))
    if "feeds" in chosen:
        async with _ground("nguồn tin · feeds") as place:
            parts += await _feeds(place, rounds)
    if "feeds_build" in chosen:
        _say("viết lại nguồn tin · rebuilding a feed")
        parts.append(_feeds_build([feeds_build.measure() for _ in range(rounds)]))
    if "portal" in chosen:
        async with _ground(f"một cổng {portal_items} tin · a portal") as place:
            parts.append(_portal(await portal.large_portal(place, portal_items)))
    return parts


async def _on_walls(place: Ground, rounds: int, chosen: Sequence[str]) -> list[Part]:
    walls = await build(place)
    fleet = await one_call.one_call_fleet(place, walls)
    parts: list[Part] = []
    if "one_call" in chosen:
        posting = await one_call.clients(place, walls)
        alone: list[float] = []
        loa: list[FanOut] = []
        arq: list[float] = []
        tuned: list[float] = []
        celery: list[float] = []
        async with plain(place, walls) as queues:
            for no in range(rounds):
                _say(f"một lời gọi · one call {no + 1}/{rounds}")
                alone.append(await one_call.alone(posting, walls))
                loa.append(await one_call.by_loa(fleet, walls))
                if queues is not None:
                    arq.append(await queues.by_arq("defaults"))
                    tuned.append(await queues.by_arq("tuned"))
                    celery.append(await queues.by_celery())
        parts.append(_fan_out("Kênh một lời gọi · A channel of one call", alone, loa))
        parts.append(_plain(loa, arq, tuned, celery))
    if "latency" in chosen:
        took: list[list[float]] = []
        for no in range(rounds):
            _say(f"từng tin · single items {no + 1}/{rounds}")
            took.append(await latency.single_items(fleet, walls))
        parts.append(_latency(took))
    if "api" in chosen:
        doors = await api.open_api(place, fleet)
        quiet: list[float] = []
        busy: list[float] = []
        whole: list[FanOut] = []
        for no in range(rounds):
            _say(f"API {no + 1}/{rounds}")
            quiet += await doors.quiet()
            answers, found = await doors.busy()
            busy += answers
            whole.append(found)
        parts.append(_api(quiet, busy, whole))
    parts.append(_memory(await fleet.end(), "một lời gọi · one call"))
    return parts


async def _zalo(place: Ground, rounds: int) -> Part:
    there = await zalo.open_zalo(place)
    alone: list[float] = []
    loa: list[FanOut] = []
    extra: list[Line] = []
    for no in range(rounds):
        _say(f"Zalo {no + 1}/{rounds}")
        rate, bare = await there.alone()
        found, own = await there.by_loa()
        alone.append(rate)
        loa.append(found)
        each = " + ".join(f"{count / ACCOUNTS:.2g} {name}" for name, count in sorted(own.items()))
        extra = [Line(name="Lời gọi mỗi kênh · calls per account", value=each)]
        if bare != own:
            other = " + ".join(f"{n / ACCOUNTS:.2g} {name}" for name, n in sorted(bare.items()))
            extra.append(Line(name="… của client trần · of the bare client", value=other))
    part = _fan_out("Kênh kiểu Zalo · Zalo-like channels", alone, loa)
    memory = _memory(await there.fleet.end(), "Zalo")
    return Part(title=part.title, lines=[*part.lines, *extra, *memory.lines])


def _fan_out(title: str, alone: Sequence[float], loa: Sequence[FanOut]) -> Part:
    shares = [one.rate / bare for one, bare in zip(loa, alone, strict=True)]
    after = [
        ACCOUNTS / (one.took - one.approve) / bare for one, bare in zip(loa, alone, strict=True)
    ]
    share = median(shares)
    return Part(
        title=f"{title}: 1 tin → {ACCOUNTS} kênh · 1 item → {ACCOUNTS} accounts, "
        f"{WORKERS} tiến trình · workers",
        lines=[
            Line(name="Client HTTP trần · the bare HTTP client", value=f"{median(alone):.0f}/s"),
            Line(
                name="Loa, từ lúc bấm duyệt · from the call of approve",
                value=f"{median(one.rate for one in loa):.0f}/s",
            ),
            Line(
                name="  so với client trần · share of the bare client",
                value=f"{share:.2f}  ({_each(shares)})",
                aim=f"≥ {_SHARE_AIM}",
                met=share >= _SHARE_AIM,
            ),
            Line(
                name="  không kể giao dịch duyệt · without approve's transaction",
                value=f"{median(after):.2f}  ({median(one.approve for one in loa):.2f} s)",
            ),
            Line(
                name="  duyệt → kết quả · approve to outcome, p50 / p99",
                value=f"{median(one.p50 for one in loa):.2f} / "
                f"{median(one.p99 for one in loa):.2f} s",
            ),
        ],
    )


def _plain(
    loa: Sequence[FanOut], arq: Sequence[float], tuned: Sequence[float], celery: Sequence[float]
) -> Part:
    def line(name: str, rates: Sequence[float], *, aimed: bool) -> Line:
        if not rates:
            return Line(name=name, value="–", aim="không có redis-server · no redis-server here")
        times = median(one.rate / rate for one, rate in zip(loa, rates, strict=True))
        return Line(
            name=name,
            value=f"{median(rates):.0f}/s  (Loa × {times:.1f})",
            aim=f"≥ × {_TIMES_AIM:.0f}" if aimed else "",
            met=times >= _TIMES_AIM if aimed else None,
        )

    return Part(
        title="Cùng các bài ấy, mỗi bài một việc trong hàng đợi · the same posts, a job for each "
        "(ORM → httpx → ORM)",
        lines=[
            line("arq, mặc định · as it comes, 2 workers", arq, aimed=True),
            line("arq, max_jobs=50 poll_delay=0.05", tuned, aimed=False),
            line("Celery, prefork 2", celery, aimed=True),
        ],
    )


def _latency(rounds: Sequence[Sequence[float]]) -> Part:
    p50 = median(percentile(one, 50) for one in rounds)
    p99 = median(percentile(one, 99) for one in rounds)
    return Part(
        title="Một tin, hub rảnh · one item, a quiet hub: commit → byte đầu · first byte out, "
        f"{latency.ITEMS} tin · items",
        lines=[
            Line(name="p50", value=f"{p50 * 1000:.0f} ms"),
            Line(
                name="p99",
                value=f"{p99 * 1000:.0f} ms",
                aim=f"≤ {_LATENCY_AIM * 1000:.0f} ms",
                met=p99 <= _LATENCY_AIM,
            ),
        ],
    )


def _api(quiet: Sequence[float], busy: Sequence[float], whole: Sequence[FanOut]) -> Part:
    def line(name: str, times: Sequence[float]) -> Line:
        p50, p99 = percentile(times, 50) * 1000, percentile(times, 99) * 1000
        return Line(name=name, value=f"{p50:.0f} / {p99:.0f} ms  (n={len(times)})")

    return Part(
        title="API, 50 lời gọi mỗi giây · requests a second (GET /items, PATCH): p50 / p99",
        lines=[
            line("hub rảnh · a quiet hub", quiet),
            line(f"trong lúc phát · while {ACCOUNTS} go out", busy),
            Line(
                name="  phát khi có người dùng API · the fan-out meanwhile",
                value=f"{median(one.rate for one in whole):.0f}/s",
            ),
        ],
    )


def _pages(told: Sequence[tuple[str, float, float]]) -> Part:
    return Part(
        title=f"Trang của bảng điều khiển · console pages: {pages.ITEMS} tin · items, "
        f"{pages.ACCOUNTS} kênh · accounts, {pages.STAFF} người · staff; p50 / p95",
        lines=[
            Line(
                name=path,
                value=f"{p50 * 1000:.0f} / {p95 * 1000:.0f} ms",
                aim=f"≤ {_PAGE_AIM * 1000:.0f} ms",
                met=p95 <= _PAGE_AIM,
            )
            for path, p50, p95 in told
        ],
    )


def _visits(told: browser.Visits) -> Part:
    machine = told.machine
    lines: list[Line] = []
    for name, visit, most in zip(
        ("trang bất kỳ · any page", "trang soạn · composer", "trang kế tiếp · next page"),
        (told.page, told.composer, told.next_page),
        _VISIT_AIMS_KB,
        strict=True,
    ):
        warm = visit is told.next_page
        fcp_aim = _NEXT_FCP_AIM_MS if warm else machine.fcp_aim_ms
        lines += [
            Line(
                name=name,
                value=f"{visit.bytes / _KB:.0f} KB",
                aim=f"≤ {most} KB",
                met=visit.bytes <= most * _KB,
            ),
            Line(
                name="  số lần hỏi · requests",
                value=str(visit.requests),
                aim=f"≤ {_VISIT_REQUESTS_AIM}",
                met=visit.requests <= _VISIT_REQUESTS_AIM,
            ),
            Line(
                name="  FCP",
                value=f"{visit.fcp:.0f} ms",
                aim=f"≤ {fcp_aim} ms",
                met=visit.fcp <= fcp_aim,
            ),
            Line(
                name="  LCP",
                value=f"{visit.lcp:.0f} ms",
                aim=f"≤ {machine.lcp_aim_ms} ms",
                met=visit.lcp <= machine.lcp_aim_ms,
            ),
            Line(
                name="  xê dịch · layout shift",
                value=f"{visit.shift:.3f}",
                aim=f"≤ {_SHIFT_AIM}",
                met=visit.shift <= _SHIFT_AIM,
            ),
        ]
    typed = Line(
        name="gõ → bản xem trước · typing to preview",
        value=f"{told.typing_ms:.0f} ms",
        aim=f"≤ {_TYPING_AIM_MS} ms",
        met=told.typing_ms <= _TYPING_AIM_MS,
    )
    return Part(title=f"Trình duyệt thật, {machine.name}", lines=[*lines, typed])


async def _feeds(place: Ground, rounds: int) -> list[Part]:
    there = await feeds.open_feeds(place)
    served = await there.serve(rounds)
    _say(f"duyệt → nguồn tin · approve to feed, {feeds.APPROVED}")
    took = await there.arrivals()
    memory = _memory(await there.fleet.end(), "nguồn tin · feeds")
    await there.web.end()
    lines = [_served(one) for one in served]
    lines.append(
        Line(
            name="duyệt → bản mới ở nguồn tin · approve to new bytes, p50 / p99",
            value=f"{percentile(took, 50) * 1000:.0f} / {percentile(took, 99) * 1000:.0f} ms",
        )
    )
    return [
        Part(
            title=f"Nguồn tin {feeds.ENTRIES} tin, một tiến trình web, so với nginx phát cùng byte "
            "· a feed from one web process, beside nginx with the same bytes",
            lines=lines,
        ),
        memory,
    ]


def _portal(large: portal.Large) -> Part:
    return Part(
        title=f"Một cổng có {large.items} tin · a portal of {large.items} items: p50 / p95",
        lines=[
            Line(
                name=name,
                value=f"{p50 * 1000:.0f} / {p95 * 1000:.0f} ms",
                aim=f"≤ {_PORTAL_AIM * 1000:.0f} ms",
                met=p95 <= _PORTAL_AIM,
            )
            for name, p50, p95 in large.told
        ]
        + [Line(name="tạo các dòng ấy · making its rows", value=f"{large.made_in:.0f} s")],
    )


def _feeds_build(found: Sequence[feeds_build.Times]) -> Part:
    def line(name: str, others: Sequence[float], aim: float) -> Line:
        times = median(other / one.ours for other, one in zip(others, found, strict=True))
        return Line(
            name=name,
            value=f"{median(others) * 1000:.2f} ms  (Loa × {times:.1f})",
            aim=f"≥ × {aim:.0f}",
            met=times >= aim,
        )

    ours = median(one.ours for one in found)
    return Part(
        title=f"Viết lại nguồn tin {feeds_build.ITEMS} tin sau khi một tin đổi · rebuilding a feed "
        "after one item changed",
        lines=[
            Line(name="Loa", value=f"{ours * 1000:.2f} ms"),
            line("Django syndication", [one.django for one in found], _DJANGO_AIM),
            line("feedgen", [one.feedgen for one in found], _FEEDGEN_AIM),
        ],
    )


def _served(one: feeds.Served) -> Line:
    size = f" {one.size / 1000:.0f} kB" if one.size else ""
    name = f"{one.kind}{size}"
    clock = median(rate.clock for rate in one.ours)
    if not one.nginx:
        return Line(name=name, value=f"{clock:.0f}/s", aim="không có nginx · no nginx here")
    share, aim = median(one.shares), _FEED_AIMS.get(one.kind)
    nginx = median(rate.clock for rate in one.nginx)
    return Line(
        name=name,
        value=f"{clock:.0f}/s; nginx {nginx:.0f}/s: {share:.2f}  ({_each(one.shares)}), "
        f"CPU {median(one.of_processor):.2f}",
        aim=f"≥ {aim}" if aim else "",
        met=share >= aim if aim else None,
    )


def _memory(mib: float, name: str) -> Part:
    line = Line(name="Bộ nhớ lớn nhất · largest memory of a worker", value=f"{mib:.0f} MiB")
    return Part(title=f"Tiến trình worker · worker processes ({name})", lines=[line])


def _each(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


@asynccontextmanager
async def _ground(name: str) -> AsyncIterator[Ground]:
    _say(f"chuẩn bị · setting up: {name}")
    async with ground() as place:
        yield place


def _say(what: str) -> None:
    print(f"… {what}", flush=True)


def main() -> None:
    """Measures and prints; exits with 0 whatever the figures, for machines differ."""
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="một vòng · one round")
    arguments.add_argument("--only", choices=_PARTS, action="append", help="chỉ phần này · a part")
    arguments.add_argument(
        "--portal-items",
        type=int,
        default=portal.ITEMS,
        help="cỡ của cổng lớn · how large the large portal is",
    )
    given = arguments.parse_args()
    quieten()
    rounds = 1 if given.quick else 3
    load = os.getloadavg()[0]
    began = time.monotonic()
    parts = asyncio.run(measure(rounds, given.only or _PARTS, given.portal_items))
    print(drawn(parts))
    print(
        f"\n{os.cpu_count()} nhân · cores, {platform.machine()}, Python "
        f"{platform.python_version()}, trung vị của {rounds} vòng · median of {rounds} rounds, "
        f"{time.monotonic() - began:.0f} s"
    )
    print(
        f"Tải của máy lúc bắt đầu · load of the machine at the start: {load:.1f}. "
        "Số đo là tỉ lệ; máy bận làm lệch cả hai vế · figures are ratios, a busy machine bends them"
    )


if __name__ == "__main__":
    main()
