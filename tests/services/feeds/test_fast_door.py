import asyncio
import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
import requests
from lxml import etree
from uvicorn.server import ServerState

from services.delivery.hub import Hub
from services.feeds import fast_door, serving
from services.feeds.fast_door import FastDoor
from services.feeds.serving import Feeds
from services.storage.columns import new_id
from services.syndication import arriving, documents
from services.syndication.address import FeedAddress
from tests.support.two_doors import (
    PATIENCE,
    TwoDoors,
    echo,
    published,
    request,
    server_of,
    two_doors,
    undated,
)

AGENT = ("User-Agent", "SamplePortal/1.0")


@pytest.fixture(scope="module")
async def doors(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TwoDoors]:
    async with two_doors(database_url, tmp_path_factory.mktemp("media")) as opened:
        yield opened


@pytest.fixture
async def path(doors: TwoDoors) -> str:
    slug = f"cong-{new_id().hex[-12:]}"
    await published(doors.hub, slug)
    return f"/feeds/{slug}/rss.xml"


# ── Which connections stay ───────────────────────────────────────────────────────────────────────


async def test_a_connection_that_asks_for_something_else_goes_to_uvicorn_for_good(
    doors: TwoDoors, path: str
) -> None:
    async with doors.fast.client() as client:
        first = await client.ask(request(path))
        stays = doors.fast.handed_over()
        other = await client.ask(request("/tin?q=x"))
        again = await client.ask(request(path))

        assert (stays, doors.fast.handed_over()) == (0, 1)
    assert other.endswith(b"GET /tin b'q=x' b''")
    assert again == first


async def test_requests_sent_at_once_are_answered_in_their_order(
    doors: TwoDoors, path: str
) -> None:
    async with doors.fast.client() as client:
        one = await client.ask(request(path))
        client.writer.write(request(path) * 5 + request("/tin"))
        answers = [await client.answer() for _ in range(6)]

    assert answers[:5] == [one] * 5
    assert answers[5].endswith(b"GET /tin b'' b''")


@pytest.mark.parametrize("program", ["httpx", "requests", "http.client", "curl"])
async def test_everyday_clients_need_no_other_door(
    doors: TwoDoors, path: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program == "curl" and shutil.which("curl") is None:
        pytest.skip("không có curl · no curl here")
    url = f"http://127.0.0.1:{doors.fast.port}{path}"
    monkeypatch.setattr(fast_door, "HttpToolsProtocol", None)

    bodies = await asyncio.to_thread(CLIENTS[program], url)

    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert len(etree.fromstring(bodies[0]).findall(".//item")) == 2


def by_httpx(url: str) -> list[bytes]:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        return [client.get(url).content for _ in range(3)]


def by_requests(url: str) -> list[bytes]:
    with requests.Session() as session:
        session.trust_env = False
        return [session.get(url, timeout=PATIENCE).content for _ in range(3)]


def by_http_client(url: str) -> list[bytes]:
    found = httpx.URL(url)
    client = http.client.HTTPConnection(found.host, found.port, timeout=PATIENCE)
    bodies = []
    for _ in range(3):
        client.request("GET", found.path)
        bodies.append(client.getresponse().read())
    client.close()
    return bodies


def by_curl(url: str) -> list[bytes]:
    found = subprocess.run(
        ["curl", "-sS", "--compressed", "-w", "%{stderr}%{num_connects}", url, url, url],
        capture_output=True,
        check=True,
    )
    assert found.stderr == b"100"  # one connection for all three
    length = len(found.stdout) // 3
    return [found.stdout[at : at + length] for at in range(0, 3 * length, length)]


CLIENTS: dict[str, Callable[[str], list[bytes]]] = {
    "httpx": by_httpx,
    "requests": by_requests,
    "http.client": by_http_client,
    "curl": by_curl,
}


# ── How connections end ──────────────────────────────────────────────────────────────────────────


async def test_a_connection_ends_when_it_has_been_idle_and_not_before(
    doors: TwoDoors, path: str
) -> None:
    async with (
        server_of(doors.feeds, doors.door.protocol, idle_seconds=3) as server,
        server.client() as client,
    ):
        began = time.monotonic()
        answers = set()
        while time.monotonic() - began < 4:
            answers.add(await client.ask(request(path)))
            await asyncio.sleep(0.1)
        last = time.monotonic()
        rest = await client.rest()

        assert server.handed_over() == 0
    assert len(answers) == 1
    assert rest == b""
    assert time.monotonic() - last > 2.5


async def test_a_stop_ends_idle_connections_and_lets_an_answer_under_way_go_out(
    doors: TwoDoors, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()
    usual = documents.document

    async def slow(hub: Hub, address: FeedAddress, *more: object) -> object:
        begun.set()
        await goes_on.wait()
        return await usual(hub, address, *more)  # type: ignore[arg-type]  # as it came

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_of(doors.feeds, doors.door.protocol))
        idle, waiting = [await stack.enter_async_context(server.client()) for _ in range(2)]
        await idle.ask(request("/feeds/opml.xml"))
        monkeypatch.setattr(documents, "document", slow)
        waiting.writer.write(request(path))
        await begun.wait()
        server.running.should_exit = True
        ended = await idle.rest()
        goes_on.set()
        answer = await waiting.rest()

    assert ended == b""
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"</rss>\n")


async def test_who_asks_and_does_not_read_is_not_answered_into_memory(
    doors: TwoDoors, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = f"cong-{new_id().hex[-12:]}"
    await published(doors.hub, slug, body="Nội dung. " * 10_000)
    asks = request(f"/feeds/{slug}/rss.xml", ("Accept-Encoding", "identity"))
    async with doors.plain.client() as plain:
        one = await plain.ask(asks)
    loop, config = asyncio.get_running_loop(), doors.fast.running.config
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        transport, _ = await loop.connect_accepted_socket(
            lambda: config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
                config=config, server_state=ServerState(), app_state={}, _loop=None
            ),
            theirs,
        )
        held = []
        for _ in range(20):
            await loop.sock_sendall(ours, asks)
            for _ in range(20):
                await asyncio.sleep(0)
            held.append(transport.get_write_buffer_size())
        given = b""
        async with asyncio.timeout(PATIENCE):
            while len(given) < 20 * len(one):
                given += undated(await loop.sock_recv(ours, 1 << 20))

    assert 0 < max(held) < 2 * len(one)
    assert given == one * 20


# ── What is remembered ───────────────────────────────────────────────────────────────────────────


async def test_what_is_remembered_of_requests_is_bounded(
    doors: TwoDoors, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_door, "_REMEMBERED", 4)
    async with doors.fast.client() as client:
        first = await client.ask(request(path))
        for number in range(20):
            assert await client.ask(request(path, ("User-Agent", f"R/{number}"))) == first
        again = await client.ask(request(path))

    assert again == first
    assert len(doors.door._known) + len(doors.door._known_before) <= 8


async def test_a_forgotten_document_is_made_anew_for_known_requests(
    doors: TwoDoors, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with doors.fast.client() as client:
        first = await client.ask(request(path))
        [known] = [one for one in doors.door._known.values() if one.path == path]
        kept = known.reply
        monkeypatch.setattr(serving, "_MOST_SLOTS", 1)
        await client.ask(request("/feeds/khong-co/rss.xml"))
        forgotten = known.reply
        again = await client.ask(request(path))

        assert doors.fast.handed_over() == 0
    assert kept is not None
    assert forgotten is None
    assert again == first


async def test_a_hub_with_a_new_name_answers_known_requests_anew(
    doors: TwoDoors, path: str
) -> None:
    async with doors.fast.client() as client:
        old = await client.ask(request(path))
        doors.feeds.reopen(replace(doors.hub, public_url="https://moi.example"), echo)
        new = await client.ask(request(path))
        doors.feeds.reopen(doors.hub, echo)

    assert b"\r\nlink: <https://hoasen.example/" in old
    assert b"\r\nlink: <https://moi.example/" in new


async def test_a_failure_nobody_thought_of_is_told_by_uvicorn(
    doors: TwoDoors, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> object:
        raise ZeroDivisionError

    async with doors.fast.client() as client, doors.fast.client() as next_client:
        with monkeypatch.context() as broken:
            broken.setattr(documents, "document", fails)
            failed = await client.ask(request(path))
        after = await next_client.ask(request(path))

    assert failed.startswith(b"HTTP/1.1 500 ")
    assert after.startswith(b"HTTP/1.1 200 ")


# ── Who asks ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("proxy", "believed"), [("127.0.0.1", True), ("10.0.0.1", False)])
async def test_a_flood_is_told_to_wait_by_the_address_that_a_trusted_proxy_names(
    doors: TwoDoors, proxy: str, believed: bool
) -> None:
    feeds = Feeds(doors.hub, echo)
    asks = request("/feeds/khong-co/rss.xml", ("X-Forwarded-For", "118.69.0.9"))
    other = request("/feeds/khong-co/rss.xml", ("X-Forwarded-For", "118.69.0.10"))
    async with (
        server_of(feeds, FastDoor(feeds).protocol, proxy=proxy) as server,
        server.client() as client,
    ):
        flood = [await client.ask(asks) for _ in range(320)]
        calm = await client.ask(other)

        assert server.handed_over() == 0
    statuses = {answer.split(b" ", 2)[1] for answer in flood}
    assert statuses == ({b"404", b"429"} if believed else {b"404"})
    assert calm.startswith(b"HTTP/1.1 404 ")


async def test_a_known_request_counts_as_a_visit_again_after_a_while(
    doors: TwoDoors, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = []
    usual = arriving.visited

    async def counted(*given: object, **named: object) -> object:
        noted.append(named["user_agent"])
        return await usual(*given, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(arriving, "visited", counted)
    async with doors.fast.client() as client:
        for _ in range(3):
            await client.ask(request(path, AGENT))
        await noted_times(noted, 1)
        monkeypatch.setattr(serving, "_VISIT_AGAIN_SECONDS", 0.0)
        await client.ask(request(path, AGENT))
        await client.ask(request(path, AGENT, method="HEAD"))
        await noted_times(noted, 2)

    assert noted == [AGENT[1]] * 2


async def noted_times(noted: Sequence[object], count: int) -> None:
    """Waits until so many visits were noted: that is done after the answer has gone out."""
    async with asyncio.timeout(PATIENCE):
        while len(noted) < count:
            await asyncio.sleep(0.01)
