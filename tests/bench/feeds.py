"""Feeds over HTTP: one web process beside nginx with the same bytes.

nginx is measured in the same run, with one worker process, the same bytes as files and the same
headers. Beside the share of requests per second stands that of requests per second of the server's
own processor time: on a machine of two cores the readers may be what limits both. They are `wrk`
where it is installed, else our own, which cost about as much as the servers do.
"""

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import httpx
import psutil

from services.channels.registry import Registry
from shared.http import USER_AGENT
from tests.bench.children import Child
from tests.bench.ground import Fleet, Ground
from tests.support.ports import free_port

ENTRIES: Final = 50
APPROVED: Final = 60
_SECONDS: Final = 2.0
_CONNECTIONS: Final = 8
_WORDS: Final = """
thông báo lịch tiếp công dân xã phường tỉnh Hoa Sen về việc cấp đổi thẻ căn cước hộ chiếu đất đai
thuế phí lệ phí hồ sơ trực tuyến tạm dừng nâng cấp hệ thống phòng chống bão lũ dịch bệnh trường học
y tế tiêm chủng vắc xin trẻ em người cao tuổi chính sách trợ cấp hỗ trợ sản xuất nông nghiệp giao
thông cầu đường an toàn cháy nổ cảnh báo lừa đảo mạng ngân hàng tài khoản đề nghị bà con nhân dân
chủ động theo dõi phối hợp thực hiện đúng quy định kể từ ngày tháng năm
"""
_OUTSIDE: Final = "http://127.0.0.1:9"  # no sandbox is called: a portal comes to us

# What a request says, and which answer of ours nginx holds as a file.
KINDS: Final[dict[str, dict[str, str]]] = {
    "200": {"Accept-Encoding": "identity"},
    "200 gzip": {"Accept-Encoding": "gzip"},
    "200 br": {"Accept-Encoding": "br"},
    "304": {"Accept-Encoding": "gzip"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Requests per second of the clock, and per second of the server's processor time."""

    clock: float
    processor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One kind of answer: each round's rates, ours and nginx's (empty where there is no nginx)."""

    kind: str
    size: int
    ours: Sequence[Rate]
    nginx: Sequence[Rate]

    @property
    def shares(self) -> list[float]:
        """Ours of nginx's for each round."""
        both = zip(self.ours, self.nginx, strict=True)
        return [one.clock / other.clock for one, other in both]

    @property
    def of_processor(self) -> list[float]:
        """Ours of nginx's for each round, per second of each server's processor time."""
        both = zip(self.ours, self.nginx, strict=True)
        return [one.processor / other.processor for one, other in both]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """A hub with one portal of fifty items, its web process, and readers."""

    place: Ground
    fleet: Fleet
    web: Child
    readers: Child
    port: int
    slug: str

    async def serve(self, rounds: int) -> list[Served]:
        """Each kind of answer, by turns from us and from nginx."""
        address = f"http://127.0.0.1:{self.port}/feeds/{self.slug}/rss.xml"
        answers = {kind: await _raw(address, headers) for kind, headers in KINDS.items()}
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        files = _nginx(program, self.place, answers) if program else None
        server = psutil.Process(self.web.process.pid)
        found = []
        for kind in KINDS:
            ours: list[Rate] = []
            theirs: list[Rate] = []
            headers, tag = KINDS[kind], answers[kind][0]["etag"]
            for _ in range(rounds):
                asks = headers | ({"If-None-Match": tag} if kind == "304" else {})
                path = f"/feeds/{self.slug}/rss.xml"
                ours.append(await self._read(server, self.port, path, asks, kind))
                if files is not None:
                    asks = headers | ({"If-None-Match": files.tag} if kind == "304" else {})
                    name = f"/{_name(kind)}"
                    theirs.append(await self._read(files.worker, files.port, name, asks, kind))
            size = len(answers[kind][1]) if kind != "304" else 0
            found.append(Served(kind=kind, size=size, ours=ours, nginx=theirs))
        return found

    async def arrivals(self, count: int = APPROVED) -> list[float]:
        """Seconds from the commit of an approval to the first answer that holds the item."""
        took = []
        address = f"http://127.0.0.1:{self.port}/feeds/{self.slug}/feed.json"
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(count):
                item, seen = await self.fleet.prepared()
                tag = (await client.get(address)).headers["etag"]
                await self.fleet.bench.approved(self.fleet.team, item, seen)
                began = time.monotonic()
                while (
                    await client.get(address, headers={"If-None-Match": tag})
                ).status_code == 304:
                    await asyncio.sleep(0.001)
                took.append(time.monotonic() - began)
        return took

    async def _read(
        self, server: psutil.Process, port: int, path: str, headers: Mapping[str, str], kind: str
    ) -> Rate:
        asks = {"Host": "loa.test", "User-Agent": USER_AGENT, **headers}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}{path}", headers=asks)
        assert str(answer.status_code) == kind[:3], f"{kind}: {answer.status_code}"
        before = sum(server.cpu_times()[:2])
        program = shutil.which("wrk")
        if program is not None:
            answers, seconds = await asyncio.to_thread(_wrk, program, port, path, asks)
            spent = sum(server.cpu_times()[:2]) - before
        else:
            answers, seconds = await self._ours(port, path, asks)
            # Our readers are counted for a little less time than the server works for them.
            spent = sum(server.cpu_times()[:2]) - before
            spent *= seconds / (seconds + 0.4)
        return Rate(clock=answers / seconds, processor=answers / spent)

    async def _ours(self, port: int, path: str, asks: Mapping[str, str]) -> tuple[int, float]:
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asks.items())]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        told = await self.readers.ask(str(port), str(_SECONDS), str(_CONNECTIONS), request.hex())
        assert isinstance(told, dict)
        answers, seconds = told["answers"], told["seconds"]
        assert isinstance(answers, int)
        assert isinstance(seconds, float)
        return answers, seconds


def _wrk(program: str, port: int, path: str, asks: Mapping[str, str]) -> tuple[int, float]:
    """Answers and seconds, as its last lines tell them."""
    command = [program, "-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS:.0f}s"]
    for name, value in asks.items():
        command += ["-H", f"{name}: {value}"]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    told = re.search(r"(\d+) requests in ([\d.]+)s", out)
    assert told is not None, out
    assert "Non-2xx" not in out, out
    assert "Socket errors" not in out, out
    return int(told[1]), float(told[2])


async def open_feeds(place: Ground) -> Feeds:
    """A portal with fifty items, a worker and a web process over it."""
    slug = "cong-tinh"
    fleet = await place.fleet(
        "feeds",
        Registry.load({}),
        "portal_rss",
        [
            {
                "settings": {"slug": slug, "title": "Tin tỉnh", "link": "https://cong.example/"},
                "credentials": {},
            }
        ],
        sandbox=_OUTSIDE,
    )
    for number in range(ENTRIES):
        title, body = _written(number)
        item = await fleet.bench.draft(fleet.team, body=body, title=title)
        seen = await fleet.bench.submitted(fleet.team, item.id, fleet.accounts)
        await fleet.bench.approved(fleet.team, item.id, seen)
        await fleet.live(item.id)
    port = free_port()
    media = str(place.folder / "media")
    web = await place.child("tests.bench.feed_web", fleet.bench.url, media, str(port))
    readers = await place.child("tests.bench.feed_readers")
    return Feeds(place=place, fleet=fleet, web=web, readers=readers, port=port, slug=slug)


def _written(number: int) -> tuple[str, str]:
    """A title and a body of about 3 kB, the same at every run, and no two alike."""
    chance = Random(number)
    paragraphs = [" ".join(chance.choices(_WORDS.split(), k=110)) + "." for _ in range(5)]
    return f"Thông báo {number}: {' '.join(chance.choices(_WORDS.split(), k=8))}", "\n\n".join(
        paragraphs
    )


# ── nginx ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """nginx with the same answers as files; `tag` is its own of the file that is asked for 304."""

    port: int
    worker: psutil.Process
    tag: str


_OWN: Final = frozenset(
    {"content-length", "content-type", "date", "etag", "last-modified", "connection"}
)


def _nginx(
    program: str, place: Ground, answers: Mapping[str, tuple[Mapping[str, str], bytes]]
) -> Nginx:
    folder = place.folder / "nginx"
    (folder / "www").mkdir(parents=True)
    folder.chmod(0o755)
    place.folder.chmod(0o755)
    port = free_port()
    places = []
    for kind, (headers, body) in answers.items():
        (folder / "www" / _name(kind)).write_bytes(body)
        lines = "".join(
            f"      add_header {name} {_quoted(value)};\n"
            for name, value in headers.items()
            if name not in _OWN
        )
        places.append(
            f"    location = /{_name(kind)} {{\n      default_type '{headers['content-type']}';\n"
            f"      types {{ }}\n{lines}    }}\n"
        )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 512; }\n"
        "http {\n  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n"
        f"  server {{\n    listen 127.0.0.1:{port}; root {folder}/www;\n{''.join(places)}  }}\n}}\n"
    )
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(config)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    place.stack.callback(process.wait)
    place.stack.callback(process.terminate)
    for _ in range(200):
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/{_name('304')}",
                headers={"Accept-Encoding": "identity"},
                trust_env=False,
            )
            break
        except httpx.TransportError:
            time.sleep(0.02)
    else:
        raise RuntimeError(Path(folder / "error.log").read_text())
    [worker] = psutil.Process(process.pid).children()
    return Nginx(port=port, worker=worker, tag=answer.headers["etag"])


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def _name(kind: str) -> str:
    return kind.replace(" ", "-")


async def _raw(address: str, headers: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
    """An answer's headers and its bytes as they came over the wire."""
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", address, headers=dict(headers)) as response,
    ):
        return dict(response.headers), b"".join([part async for part in response.aiter_raw()])
