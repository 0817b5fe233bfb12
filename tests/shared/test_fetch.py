"""Asking strangers: what is never asked, and what is never believed, over real sockets."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from shared import fetch as fetching
from shared.clock import utc_now
from shared.errors import LoaError
from shared.fetch import (
    WEB,
    FetchFailedError,
    FetchRefusedError,
    Guard,
    check_url,
    fetch,
    system_addresses,
)
from tests.support.inner_addresses import LYING_NAMES, OUTER, forms
from tests.support.ports import free_port

Script = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Host:
    """A server of this test, and the heads of what it was asked."""

    port: int = 0
    connections: int = 0
    asked: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def guard(self, **more: object) -> Guard:
        """A guard that lets this one server in."""
        guard = Guard(inside=frozenset({f"127.0.0.1:{self.port}"}))
        return replace(guard, **more)  # type: ignore[arg-type]  # a test names real fields


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    """A server on this machine; the script gets the head of each request."""
    host = Host()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            host.asked.append(head)
            await script(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host


def saying(
    body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Script:
    """Answers each request so, and closes."""

    async def script(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        told = {"Content-Length": str(len(body)), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)
        await writer.drain()

    return script


def by_path(answers: Mapping[str, Script]) -> Script:
    async def script(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answer = answers.get(head.split(b" ")[1].decode(), saying(status=404))
        await answer(head, reader, writer)

    return script


def leading(to: str, status: int = 302) -> Script:
    return saying(status=status, headers={"Location": to})


async def failure(url: str, guard: Guard, **more: str) -> str:
    """The code with which asking ends."""
    with pytest.raises((FetchFailedError, FetchRefusedError)) as caught:
        await fetch("GET", url, guard=guard, headers=more)
    return caught.value.code


def names(known: Mapping[str, Sequence[str]]) -> fetching.Resolver:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    return resolve


# ── What is never reached ────────────────────────────────────────────────────────────────────────


async def test_no_form_of_an_inner_address_is_ever_connected_to() -> None:
    """Hundreds of ways to write one; the canary stands at the port they all name."""
    async with serving(saying(b"canary")) as canary:
        guard = Guard(
            schemes=WEB,
            ports=frozenset({80, 443, canary.port}),
            redirects=3,
            resolve=names(
                {**LYING_NAMES, "xn--thngbo-tta2m.vn": ["127.0.0.1"], "localhost": ["127.0.0.1"]}
            ),
        )
        tried = list(dict.fromkeys(forms(canary.port)))
        codes = [await failure(url, guard) for url in tried]
    assert len(tried) >= 200
    assert canary.connections == 0
    assert set(codes) <= {
        "address_unreadable", "address_scheme", "address_port", "address_credentials",
        "address_host", "address_internal", "fetch_unreachable",
    }  # fmt: skip


async def test_no_redirect_leads_inside() -> None:
    async with serving(saying(b"canary")) as canary:
        tried = [url for url in dict.fromkeys(forms(canary.port)) if url.strip().isprintable()]
        ascii_only = [url for url in tried if url and url.isascii()]
        answers = {f"/{number}": leading(url) for number, url in enumerate(ascii_only)}
        async with serving(by_path(answers)) as host:
            guard = host.guard(
                schemes=WEB,
                ports=frozenset({80, 443, canary.port}),
                redirects=1,
                resolve=names(LYING_NAMES),
            )
            codes = set()
            for path in tuple(answers):
                try:
                    # What is no absolute address stays on that host.
                    assert (await fetch("GET", host.url + path, guard=guard)).status == 404
                except (FetchFailedError, FetchRefusedError) as error:
                    codes.add(error.code)
    assert len(answers) >= 150
    assert canary.connections == 0
    assert {"address_scheme", "address_credentials", "address_host", "address_internal"} <= codes


async def test_a_stranger_may_not_send_us_to_what_is_allowed_inside() -> None:
    async with serving(saying(b"inner")) as inner, serving(leading(f"{inner.url}/")) as outer:
        # The stranger stands on this machine too, under a name that only this test answers.
        guard = Guard(
            inside=frozenset({f"127.0.0.1:{inner.port}"}),
            schemes=WEB,
            ports=frozenset({outer.port}),
            redirects=3,
            resolve=names({"donvi.vn": ["127.0.0.1"]}),
        )
        allowed = replace(guard, inside=guard.inside | {f"donvi.vn:{outer.port}"})
        assert (await fetch("GET", f"http://donvi.vn:{outer.port}/", guard=allowed)).body
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.addresses.refused", lambda address: None)
            assert await failure(f"http://donvi.vn:{outer.port}/", guard) == "address_port"
    assert inner.connections == 1


async def test_a_name_is_asked_once_and_the_checked_address_is_connected_to() -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async with serving(saying(b"ok")) as host:
        guard = Guard(inside=frozenset({f"tin.donvi.vn:{host.port}"}), resolve=rebinding)
        fetched = await fetch("GET", f"http://tin.donvi.vn:{host.port}/a", guard=guard)
    assert (fetched.body, fetched.peer) == (b"ok", "127.0.0.1")
    assert fetched.url == f"http://tin.donvi.vn:{host.port}/a"
    assert f"host: tin.donvi.vn:{host.port}".encode() in host.asked[0].lower()
    assert next(answers) == ["127.0.0.2"]


async def test_one_inner_address_among_many_refuses_the_name() -> None:
    async with serving(saying()) as canary:
        guard = Guard(
            schemes=WEB,
            ports=frozenset({canary.port}),
            resolve=names({"tin.donvi.vn": ["127.0.0.1", *OUTER]}),
        )
        assert await failure(f"http://tin.donvi.vn:{canary.port}/", guard) == "address_internal"
    assert canary.connections == 0


async def test_whoever_answers_from_elsewhere_is_hung_up_on_before_a_byte_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()
        ended.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connect = anyio.connect_tcp

    async def diverted(remote_host: str, remote_port: int, **more: object) -> object:
        return await connect("127.0.0.1", port)

    monkeypatch.setattr(anyio, "connect_tcp", diverted)
    guard = Guard(schemes=WEB, resolve=names({"tin.donvi.vn": ["8.8.8.8"]}))
    async with server:
        assert await failure("http://tin.donvi.vn/?secret", guard) == "address_internal"
        await asyncio.wait_for(ended.wait(), 20)
    assert heard == [b""]


async def test_a_dead_address_does_not_hide_a_living_one() -> None:
    async with serving(saying(b"ok")) as host:
        guard = Guard(
            inside=frozenset({f"tin.donvi.vn:{host.port}"}),
            resolve=names({"tin.donvi.vn": ["::1", "127.0.0.9", "127.0.0.1"]}),
        )
        fetched = await fetch("GET", f"http://tin.donvi.vn:{host.port}/", guard=guard)
    assert fetched.peer == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://donvi.gov.vn/", "address_scheme"),
        ("https://donvi.gov.vn:8443/", "address_port"),
        ("https://an:mk@donvi.gov.vn/", "address_credentials"),
        ("https://donvi/", "address_host"),
        ("https://donvi.local/", "address_internal"),
        ("https://donvi.gov.vn/" + "a" * 2048, "address_unreadable"),
        ("https://donvi.gov.vn/ tin", "address_unreadable"),
        ("donvi.gov.vn", "address_scheme"),
    ],
)
def test_the_form_of_an_address_is_refused_with_its_reason(url: str, code: str) -> None:
    with pytest.raises(FetchRefusedError) as caught:
        check_url(url, Guard())
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://baochinhphu.vn/rss", "https://baochinhphu.vn/rss"),
        ("HTTPS://BaoChinhPhu.VN/", "https://baochinhphu.vn/"),
        ("https://thôngbáo.vn/tin-tức?q=a b".replace(" ", "+"),
         "https://xn--thngbo-tta2m.vn/tin-t%E1%BB%A9c?q=a+b"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)  # fmt: skip
def test_an_address_of_the_open_web_is_read(url: str, read: str) -> None:
    assert str(check_url(url, Guard())) == read


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://a", "https://xn--"]))
def test_no_text_breaks_the_reading_of_an_address(text: str, before: str) -> None:
    try:
        known = check_url(before + text, Guard(schemes=WEB))
    except FetchRefusedError:
        return
    assert known.host
    assert known.scheme in WEB


# ── What travels, and what comes back ────────────────────────────────────────────────────────────


async def test_validators_travel_byte_for_byte_and_cookies_not_at_all() -> None:
    etag = 'W/"6f-\u00ff\u00e9"'
    answer = saying(b"<rss/>", headers={"ETag": "W/'x'", "Set-Cookie": "a=1", "X-A": "1\r\nX-A: 2"})
    async with serving(answer) as host:
        guard = host.guard(user_agent="Loa +https://loa.donvi.vn")
        told = {"If-None-Match": etag, "Host": "khac.vn", "Accept": "application/rss+xml"}
        await fetch("GET", f"{host.url}/rss", guard=guard, headers=told)
        fetched = await fetch("GET", f"{host.url}/rss?b=2&a=1", guard=guard, headers=told)
    assert dict(fetched.headers) == {"content-length": "6", "etag": "W/'x'", "x-a": "1, 2"}
    assert (fetched.status, fetched.body, fetched.moved_for_good) == (200, b"<rss/>", None)
    head = host.asked[1]
    assert b'if-none-match: W/"6f-\xff\xe9"\r\n' in head
    assert b"user-agent: Loa +https://loa.donvi.vn\r\n" in head
    assert f"host: 127.0.0.1:{host.port}\r\n".encode() in head
    assert b"GET /rss?b=2&a=1 HTTP/1.1" in head
    assert b"cookie" not in head.lower()
    assert b"khac" not in head


async def test_a_body_is_posted_and_the_environment_sets_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    got: list[bytes] = []

    async def script(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        got.append(await reader.readexactly(5))
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")

    async with serving(script) as host:
        fetched = await fetch("POST", host.url, guard=host.guard(), content=b"xin-c")
    assert (fetched.status, fetched.body, got) == (204, b"", [b"xin-c"])


async def test_an_error_and_an_unchanged_document_are_answers() -> None:
    for status in (304, 401, 404, 410, 429, 500, 503):
        script = saying(b"" if status == 304 else b"loi", status=status)
        async with serving(script) as host:
            assert (await fetch("GET", host.url, guard=host.guard())).status == status


async def test_what_is_packed_is_unpacked() -> None:
    text = "Thông báo ".encode() * 20_000
    halves = gzip.compress(text[:1000]) + gzip.compress(text[1000:])
    for coding, body in {
        "gzip": gzip.compress(text),
        "x-gzip": halves,
        "GZIP": gzip.compress(text) + b"\x00" * 40,
        "deflate": zlib.compress(text),
        "identity": text,
    }.items():
        async with serving(saying(body, headers={"Content-Encoding": coding})) as host:
            fetched = await fetch("GET", host.url, guard=host.guard(ratio=2000))
            assert fetched.body == text, coding


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "chunked", "x"])
async def test_a_packing_that_was_not_asked_for_is_broken(coding: str) -> None:
    async with serving(saying(b"\x1f\x8b\x08", headers={"Content-Encoding": coding})) as host:
        assert await failure(host.url, host.guard()) == "fetch_broken"


@pytest.mark.parametrize(
    "body",
    # A time of its own would give each process of the suite another name for the test.
    [b"no gzip", gzip.compress(b"a" * 500, mtime=0)[:-6], b"\x1f\x8b\x08"],
    ids=["not packed", "cut short", "its head alone"],
)
async def test_broken_packing_is_broken(body: bytes) -> None:
    async with serving(saying(body, headers={"Content-Encoding": "gzip"})) as host:
        assert await failure(host.url, host.guard()) == "fetch_broken"


# ── Too much, too slow, too broken ───────────────────────────────────────────────────────────────


async def test_a_bomb_is_put_down_while_it_unpacks() -> None:
    """200 MB in 200 kB: the connection is cut long before."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join([bomb.compress(bytes(2**20)) for _ in range(200)] + [bomb.flush()])
    async with serving(saying(packed, headers={"Content-Encoding": "gzip"})) as host:
        assert await failure(host.url, host.guard()) == "fetch_too_large"
        assert await failure(host.url, host.guard(ratio=10**6)) == "fetch_too_large"


async def test_a_body_without_an_end_is_cut() -> None:
    async def script(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"<!-- -->" * 8192)
            await writer.drain()

    async with serving(script) as host:
        assert await failure(host.url, host.guard()) == "fetch_too_large"


async def _silent(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _dripping_body(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _dripping_head(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    while not writer.is_closing():
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _always_soon(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while not writer.is_closing():
        writer.write(b"HTTP/1.1 103 X\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("script", [_silent, _dripping_body, _dripping_head, _always_soon])
async def test_a_slow_answer_ends_at_the_deadline(script: Script) -> None:
    async with serving(script) as host:
        guard = host.guard(deadline=timedelta(seconds=0.4))
        began = asyncio.get_running_loop().time()
        assert await failure(host.url, guard) == "fetch_slow"
        assert asyncio.get_running_loop().time() - began < 30


async def test_a_slow_name_ends_at_the_deadline() -> None:
    async def slow(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ["8.8.8.8"]

    guard = Guard(resolve=slow, deadline=timedelta(seconds=0.2))
    assert await failure("https://donvi.gov.vn/", guard) == "fetch_slow"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\nhalf",
        b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"<html>\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"HTTP/1.1 200 X\r\nA\x00: b\r\n\r\n", b"HTTP/1.1 200 X\r\n" + b"A: " + b"b" * 200_000,
        b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x00\x00", b"HTTP/2 200\r\n\r\n",
    ],
)  # fmt: skip
async def test_a_broken_answer_is_broken(answer: bytes) -> None:
    async def script(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(answer)
        await writer.drain()

    async with serving(script) as host:
        assert await failure(host.url, host.guard()) == "fetch_broken"


async def test_nobody_there_is_said_so() -> None:
    port = free_port()
    guard = Guard(inside=frozenset({f"127.0.0.1:{port}"}))
    assert await failure(f"http://127.0.0.1:{port}/", guard) == "fetch_unreachable"
    lost = Guard(resolve=names({}))
    assert await failure("https://khong-co.donvi.vn/", lost) == "fetch_unreachable"


async def test_another_type_of_content_is_refused_where_types_are_named() -> None:
    guard_kinds = frozenset({"application/rss+xml"})
    rss, page = (
        {"Content-Type": "Application/RSS+xml; charset=utf-8"},
        {"Content-Type": "text/html"},
    )
    async with serving(saying(b"a", headers=rss)) as host:
        assert (await fetch("GET", host.url, guard=host.guard(kinds=guard_kinds))).body == b"a"
    async with serving(saying(b"a", headers=page)) as host:
        assert await failure(host.url, host.guard(kinds=guard_kinds)) == "fetch_kind"
    async with serving(saying(b"a", headers=page, status=403)) as host:
        assert (await fetch("GET", host.url, guard=host.guard(kinds=guard_kinds))).status == 403


# ── Redirects ────────────────────────────────────────────────────────────────────────────────────


async def test_a_redirect_is_an_answer_where_none_is_allowed() -> None:
    async with serving(leading("/moi", 301)) as host:
        fetched = await fetch("GET", host.url, guard=host.guard())
        posted = await fetch("POST", host.url, guard=host.guard(redirects=3), content=b"a")
    assert (fetched.status, fetched.headers["location"]) == (301, "/moi")
    assert posted.status == 301
    assert host.connections == 2


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [((301,), 1), ((308, 301), 2), ((301, 302), 1), ((302, 301), None), ((307,), None), ((), None)],
)
async def test_only_permanent_moves_change_the_address(
    statuses: tuple[int, ...], moved: int | None
) -> None:
    steps = {f"/{number}": leading(f"{number + 1}", s) for number, s in enumerate(statuses)}
    async with serving(by_path({**steps, f"/{len(statuses)}": saying(b"ok")})) as host:
        fetched = await fetch("GET", f"{host.url}/0", guard=host.guard(redirects=3))
    assert fetched.body == b"ok"
    assert fetched.url == f"{host.url}/{len(statuses)}"
    assert fetched.moved_for_good == (None if moved is None else f"{host.url}/{moved}")


async def test_a_circle_of_redirects_ends() -> None:
    async with serving(by_path({"/a": leading("/b"), "/b": leading("/a")})) as host:
        assert await failure(f"{host.url}/a", host.guard(redirects=3)) == "fetch_redirects"
    assert host.connections == 4


async def test_credentials_stay_with_the_first_host() -> None:
    async with serving(by_path({"/a": leading("/b"), "/b": saying(b"ok")})) as host:
        await fetch(
            "GET",
            f"{host.url}/a",
            guard=host.guard(redirects=1),
            headers={"Authorization": "Bearer mat", "X-Key": "mat", "If-None-Match": '"1"'},
        )
    first, second = host.asked
    assert first.count(b"mat") == 2 + 1  # the two secrets, and `if-none-match`
    assert b"Bearer" not in second
    assert b"x-key" not in second
    assert b'if-none-match: "1"' in second


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("http://user:pw@donvi.vn/", "address_credentials"),
        ("gopher://donvi.vn/", "address_scheme"),
        ("file:///etc/passwd", "address_scheme"),
        ("http://donvi.vn:22/", "address_port"),
        ("http://[::1", "address_unreadable"),
        ("//localhost/", "address_host"),
        ("http://donvi.vn/\xff\xfe b", "address_unreadable"),
        ("https:\\\\127.0.0.1\\", "address_unreadable"),
    ],
)
async def test_each_step_goes_through_the_whole_guard(to: str, code: str) -> None:
    async with serving(leading(to)) as host:
        assert await failure(host.url, host.guard(schemes=WEB, redirects=3)) == code


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────


def _certificate(name: str) -> tuple[bytes, bytes]:
    """A self-signed certificate for this name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM), secret


@pytest.fixture
def certified(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """A server's TLS for tin.donvi.vn, which this process trusts for the length of a test."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = _certificate("tin.donvi.vn")
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    ours = ssl.create_default_context(cadata=certificate.decode())
    monkeypatch.setattr(fetching, "tls_context", lambda: ours)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return theirs


async def test_the_certificate_must_be_for_the_name_though_an_address_is_connected_to(
    certified: ssl.SSLContext,
) -> None:
    async with serving(saying(b"ok"), tls=certified) as host:
        known = {"tin.donvi.vn": ["127.0.0.1"], "khac.donvi.vn": ["127.0.0.1"]}
        inside = frozenset(f"{name}:{host.port}" for name in (*known, "127.0.0.1"))
        guard = Guard(inside=inside, resolve=names(known))
        fetched = await fetch("GET", f"https://tin.donvi.vn:{host.port}/", guard=guard)
        assert fetched.body == b"ok"
        for other in ("khac.donvi.vn", "127.0.0.1"):
            assert await failure(f"https://{other}:{host.port}/", guard) == "fetch_tls"
    assert len(host.asked) == 1


async def test_a_secure_address_never_leads_to_an_open_one(certified: ssl.SSLContext) -> None:
    async with serving(saying(b"open")) as open_host:
        script = leading(f"{open_host.url}/")
        async with serving(script, tls=certified) as host:
            inside = frozenset({f"tin.donvi.vn:{host.port}", f"127.0.0.1:{open_host.port}"})
            guard = Guard(
                inside=inside,
                redirects=3,
                schemes=WEB,
                resolve=names({"tin.donvi.vn": ["127.0.0.1"]}),
            )
            code = await failure(f"https://tin.donvi.vn:{host.port}/", guard)
    assert code == "address_scheme"
    assert open_host.connections == 0


async def test_a_host_that_speaks_no_tls_is_not_taken_for_an_absent_one() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 X\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await failure(f"https://{host}/", Guard(inside=frozenset({host}))) == "fetch_tls"


async def test_no_refusal_tells_what_our_network_holds() -> None:
    guard = Guard(resolve=names({"inner.donvi.vn": ["10.20.30.40"]}))
    with pytest.raises(LoaError) as caught:
        await fetch("GET", "https://inner.donvi.vn/", guard=guard)
    assert str(caught.value) == "address_internal"
    assert caught.value.__cause__ is None


async def test_the_systems_names_are_addresses() -> None:
    found = await system_addresses("localhost", 80)
    assert found
    assert all(ip_address(one).is_loopback for one in found)
