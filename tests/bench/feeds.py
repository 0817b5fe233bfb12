"""Feeds over HTTP: one web process beside nginx with the same bytes, and a portal grown large.

nginx is measured in the same run, with one worker process, the same bytes as files and the same
headers. Beside the share of requests per second stands that of requests per second of the server's
own processor time: on a machine of two cores the readers may be what limits nginx.
"""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import httpx
import psutil
from sqlalchemy import text

from services.channels.registry import Registry
from services.syndication import documents
from services.syndication.address import Archive, FeedAddress, Form
from services.syndication.documents import Document
from shared.clock import utc_now
from shared.http import USER_AGENT
from tests.bench.children import Child
from tests.bench.ground import Fleet, Ground, percentile
from tests.bench.rules import RULES
from tests.support.hub import make_bench
from tests.support.newsroom import Newsroom
from tests.support.ports import free_port

ENTRIES: Final = 50
APPROVED: Final = 60
PORTAL_ITEMS: Final = 100_000  # `--portal-items 1000000` for a portal of decades
_SLUG: Final = "cong-lon"
_SECONDS: Final = 2.0
_CONNECTIONS: Final = 8
_EACH: Final = 40
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

# Rows as years of work would leave them: ids grow with time, and what is of one day stands
# together. Triggers are off, since nothing of it happened.
_FILL: Final = (
    """
    CREATE FUNCTION pg_temp.id_at(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
      SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
              || substr(md5(random()::text), 1, 19))::uuid
    $$
    """,
    """
    INSERT INTO item (id, code, unit_id, kind, revision_no, released_no, version, created_by,
                      created_at, updated_at, published_at)
    SELECT pg_temp.id_at(t.at), 'L-' || g, :unit, (ARRAY['news','document','warning'])[1 + g % 3],
           1, 1, 1, :editor, t.at, t.at, t.at
      FROM generate_series(:items, 1, -1) g,
           LATERAL (SELECT now() - g * interval '5 minutes' AS at) t
    """,
    """
    INSERT INTO revision (id, item_id, no, state, title, summary, body, author, category, tags,
                          overrides, media, correction_note, note, accounts, urgent, content_hash,
                          created_by, last_editor, created_at, updated_at)
    SELECT pg_temp.id_at(created_at), id, 1, 'approved', 'Thông báo số ' || code, 'Tóm tắt',
           'Nội dung', '', (ARRAY['tin-tuc','van-ban-chinh-sach'])[1 + length(code) % 2], '{}',
           '{}', '{}', '', '', '{}', false, 'h', created_by, created_by, created_at, created_at
      FROM item ORDER BY created_at
    """,
    """
    INSERT INTO rendition (id, revision_id, account_id, payload, hash, problems, made_at)
    SELECT pg_temp.id_at(r.created_at), r.id, :account,
           jsonb_build_object('guid', 'https://loa.test/tin/' || i.code, 'title', r.title,
             'summary', r.summary, 'html', '<p>' || repeat('Nội dung thông báo. ', 20) || '</p>',
             'link', 'https://loa.test/tin/' || i.code, 'category', r.category), 'h', '[]',
           r.created_at FROM revision r JOIN item i ON i.id = r.item_id ORDER BY r.created_at
    """,
    """
    INSERT INTO publication (id, item_id, account_id, generation, desired_rendition_id,
                             observed_generation, observed_rendition_id, observed_revision_no,
                             state, not_before, urgent, in_urgent_lane, tries, resends, final,
                             looks, absences, candidates, may_be_visible, created_at,
                             first_observed_at, observed_at, seen_at)
    SELECT pg_temp.id_at(r.created_at), r.item_id, :account, 1, d.id, 1, d.id, 1, 'live',
           r.created_at, false, false, 0, 0, false, 0, 0, '[]', false, r.created_at, r.created_at,
           r.created_at, r.created_at
      FROM revision r JOIN rendition d ON d.revision_id = r.id ORDER BY r.created_at
    """,
    """
    INSERT INTO public_entry (item_id, revision_no, category, at, changed_at, search)
    SELECT i.id, 1, r.category, i.published_at, i.published_at,
           to_tsvector('simple', 'thong bao so ' || i.code || ' lich tiep dan ' || md5(i.code))
      FROM item i JOIN revision r ON r.item_id = i.id ORDER BY i.published_at
    """,
    "SELECT fill_feed_entries()",
)


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
class Large:
    """Seconds (median, 95th percentile) over a portal of so many items."""

    items: int
    told: Sequence[tuple[str, float, float]]


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
        lines = [f"GET {path} HTTP/1.1", "Host: loa.test", f"User-Agent: {USER_AGENT}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        before = sum(server.cpu_times()[:2])
        told = await self.readers.ask(str(port), str(_SECONDS), str(_CONNECTIONS), request.hex())
        spent = sum(server.cpu_times()[:2]) - before
        assert isinstance(told, dict)
        answers, seconds = told["answers"], told["seconds"]
        assert isinstance(answers, int)
        assert isinstance(seconds, float)
        assert told["status"] == kind[:3], f"{kind}: {told['status']}"
        # Readers are counted for a little less time than the server works for them.
        spent *= seconds / (seconds + 0.4)
        return Rate(clock=answers / seconds, processor=answers / spent)


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


async def large_portal(place: Ground, items: int) -> Large:
    """Fills a database with so many items on one portal and asks for its feed, archives, search."""
    url = await place.database("large")
    bench = make_bench(url, place.folder / "large", Registry.load({}), rules=RULES)
    place.stack.push_async_callback(bench.engine.dispose)
    async with bench.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(_SLUG)
    values = {
        "unit": newsroom.unit,
        "editor": newsroom.author,
        "account": account.id,
        "items": items,
    }
    async with bench.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _FILL:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), names)
    async with bench.engine.connect() as connection:
        lonely = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await lonely.execute(text("SET statement_timeout = 0"))
        await lonely.execute(text("VACUUM ANALYZE"))
    port = free_port()
    web = await place.child("tests.bench.feed_web", url, str(place.folder / "large"), str(port))
    told = []
    now = utc_now()
    months = [now - timedelta(minutes=5 * items * turn / _EACH) for turn in range(_EACH)]
    archives = [Archive(year=one.year, month=one.month) for one in months]

    async def document(form: Form, archive: Archive | None) -> float:
        began = time.monotonic()
        address = FeedAddress(slug=_SLUG, form=form, archive=archive)
        found = await documents.document(bench.hub, address, now)
        took = time.monotonic() - began
        assert isinstance(found, Document) or archive == archives[0]
        return took

    feed = [await document(Form.ATOM, None) for _ in range(_EACH)]
    archived = [await document(Form.ATOM, one) for one in archives]
    told.append(("nguồn tin, dựng lại · the feed, made anew", feed))
    told.append(("trang lưu trữ, lần đầu · archive pages, never asked before", archived))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
    ) as client:
        searched = []
        for turn in range(_EACH):
            began = time.monotonic()
            answer = await client.get("/tin", params={"q": f"lich tiep dan {turn + 1}"})
            searched.append(time.monotonic() - began)
            assert answer.status_code == 200, f"/tin?q=: {answer.status_code}"
    told.append(("tìm kiếm, cả trang · search, the whole page: /tin?q=", searched))
    await web.end()
    return Large(
        items=items,
        told=[(name, percentile(took, 50), percentile(took, 95)) for name, took in told],
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
