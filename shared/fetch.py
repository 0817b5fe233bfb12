"""The only place that asks an address somebody else gave us (reliability-security.md R95 to R99).

A name is resolved once and every address behind it must pass; the connection goes to the address
that passed, and who answers is looked at before one byte is sent. Nothing of this house travels:
no proxy or cookie of ours, no credentials over a redirect, no sign of what our network looks like.
"""

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, cast
from urllib.parse import urlsplit

import httpx
import structlog

from shared import addresses
from shared.errors import ConflictError, InvalidError
from shared.http import USER_AGENT, tls_context

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
# Stands around each connection, by the address it goes to; raises FetchHeldError to let none pass.
Turnstile: TypeAlias = Callable[[str], AbstractContextManager[object]]

# http beside https: for feeds a person listed, as most portals of communes have no certificate.
WEB: Final = frozenset({"http", "https"})
URL_CHARS: Final = 2048

_log = structlog.get_logger()

_CHUNK_BYTES: Final = 64 * 1024
_ANY_WRAPPING: Final = 47  # zlib's own number for "gzip or zlib, find out"
_GZIP_START: Final = b"\x1f\x8b"
_TRIED: Final = 3  # of the addresses of one name: a dead IPv6 must not hide a living IPv4
_PERMANENT: Final = frozenset({301, 308})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# What may follow a redirect; anything else might be meant for the first host alone.
_TRAVELS: Final = frozenset(
    {"accept", "accept-language", "a-im", "if-none-match", "if-modified-since"}
)
# Written by us for each request, whatever a caller says.
_OURS: Final = frozenset(
    {"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"}
)
# Two parsers read these differently, or a person cannot see them.
_ODD = re.compile(
    r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
# Names that mean something on this machine or in this network only. Source: IANA's registry of
# special-use domain names, and what offices commonly use inside.
_NOT_PUBLIC: Final = frozenset(
    {
        "alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan",
        "local", "localdomain", "localhost", "onion", "private", "test",
    }
)  # fmt: skip
# The system's resolver cannot be stopped, so a slow one holds threads of its own, not everybody's.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="names")


class FetchRefusedError(InvalidError):
    """This address is not asked. `code` gives the reason, and nothing of what our network holds."""

    default_code = "address_internal"


class FetchFailedError(ConflictError):
    """The address may be asked, and no usable answer came: too slow, too large, or broken."""

    default_code = "fetch_unreachable"


class FetchHeldError(FetchFailedError):
    """Nothing was sent: the address behind the name is asked enough for now.

    `seconds`, a whole number, is how long to wait.
    """

    default_code = "fetch_held"

    @property
    def wait(self) -> timedelta:
        """How long to wait."""
        seconds = self.values.get("seconds")
        return timedelta(seconds=seconds if isinstance(seconds, int) else 0)


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as this machine's resolver gives them. Raises OSError."""
    found = await asyncio.get_running_loop().run_in_executor(
        _threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What this house allows when it asks a stranger; the defaults are those of R95 to R99.

    `inside` names "host:port" that may be asked although internal (a rehearsal's sandbox, tests):
    scheme, port and address rules do not hold there. `kinds` are the media types taken, None for
    all. `ratio` (to one) limits what unpacks to more than `ratio_floor_bytes`. `turnstile` stands
    before the address that is connected to, whatever name led there.
    """

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = frozenset({80, 443})
    redirects: int = 0
    packed_bytes: int = 5 * 1024 * 1024
    body_bytes: int = 20 * 1024 * 1024
    ratio: int = 20
    ratio_floor_bytes: int = 1024 * 1024
    connect: timedelta = timedelta(seconds=5)
    deadline: timedelta = timedelta(seconds=20)
    kinds: frozenset[str] | None = None
    user_agent: str = USER_AGENT
    inside: frozenset[str] = frozenset()
    resolve: Resolver = system_addresses
    turnstile: Turnstile = nullcontext


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One answer, whole and unpacked. Header names are lower-case, values byte for byte (Latin-1).

    `url` is where it came from in the end. `moved_for_good` is where permanent redirects (301, 308)
    led before any passing one, else None. `peer` is the address that answered.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    moved_for_good: str | None
    peer: str


class _Stream(Protocol):
    def get_extra_info(self, info: str) -> object: ...

    async def aclose(self) -> None: ...


_NONE: Final[Mapping[str, str]] = MappingProxyType({})


async def fetch(
    method: str,
    url: str,
    *,
    guard: Guard,
    headers: Mapping[str, str] = _NONE,
    content: bytes | None = None,
) -> Fetched:
    """Asks once and gives the answer, whatever its status. Redirects only as the guard allows.

    A redirect of anything but GET and HEAD, or with none allowed, is an answer. The deadline counts
    everything, names and slow drips included. Raises FetchRefusedError, FetchFailedError.
    """
    try:
        async with asyncio.timeout(guard.deadline.total_seconds()):
            return await _follow(method, url, guard, headers, content)
    except TimeoutError as error:
        raise FetchFailedError("fetch_slow") from error


def check_url(url: str, guard: Guard) -> httpx.URL:
    """The address as both parsers read it, if its form is allowed; nothing is asked yet.

    Raises FetchRefusedError: `address_unreadable`, `address_scheme`, `address_port`,
    `address_credentials`, `address_host`, `address_internal`.
    """
    if len(url) > URL_CHARS or _ODD.search(url):
        raise FetchRefusedError("address_unreadable")
    try:
        known = httpx.URL(url)
        # What is connected to is the normal form, so it is the one that both must agree upon.
        other = urlsplit(str(known))
        host, port = known.raw_host.decode("ascii"), known.port
        _ = known.host  # reads international names back, and raises for what is none
        agreed = (other.scheme, other.hostname or "", other.port) == (known.scheme, host, port)
        first = urlsplit(url)
        credentials = "@" in first.netloc or bool(known.userinfo) or "@" in other.netloc
        if url.isascii() and first.hostname != host:
            agreed = False
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefusedError("address_unreadable") from error
    if known.scheme not in WEB:
        raise FetchRefusedError("address_scheme")
    if credentials:
        raise FetchRefusedError("address_credentials")
    if not agreed or not host:
        raise FetchRefusedError("address_unreadable")
    if _is_inside(known, guard):
        return known
    if known.scheme not in guard.schemes:
        raise FetchRefusedError("address_scheme")
    if _port(known) not in guard.ports:
        raise FetchRefusedError("address_port")
    _check_host(host)
    return known


def _check_host(host: str) -> None:
    """A dotted public name, or a canonical and public address literal (R98)."""
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():
        try:
            canonical = str(ip_address(host)) == host
        except ValueError:
            canonical = False
        if not canonical:
            raise FetchRefusedError("address_host")
        if (reason := addresses.refused(host)) is not None:
            raise _internal(reason)
        return
    if (
        len(host) > 253
        or len(labels) < 2
        or not all(_LABEL.fullmatch(label) for label in labels)
        or not _LAST_LABEL.fullmatch(labels[-1])
    ):
        raise FetchRefusedError("address_host")
    if labels[-1] in _NOT_PUBLIC:
        raise _internal("name")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _is_inside(url: httpx.URL, guard: Guard) -> bool:
    return f"{url.raw_host.decode('ascii')}:{_port(url)}" in guard.inside


def _internal(reason: str) -> FetchRefusedError:
    # The reason is for the operator's log; whoever typed the address learns nothing of the network.
    _log.warning("fetch.refused", reason=reason)
    return FetchRefusedError("address_internal")


async def _follow(
    method: str, url: str, guard: Guard, headers: Mapping[str, str], content: bytes | None
) -> Fetched:
    current, moved, permanent = check_url(url, guard), None, True
    for hop in range(guard.redirects + 1):
        answer = await _ask(method, current, guard, headers, content)
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not location:
            return replace(answer, moved_for_good=moved)
        if guard.redirects == 0 or method not in ("GET", "HEAD"):
            return replace(answer, moved_for_good=moved)
        if hop == guard.redirects:
            break
        if not _is_inside(current, guard):
            guard = replace(guard, inside=frozenset())  # a stranger may not send us inside
        following = check_url(_joined(current, location), guard)
        if current.scheme == "https" and following.scheme != "https":
            raise FetchRefusedError("address_scheme")
        permanent = permanent and answer.status in _PERMANENT
        if permanent:
            moved = str(following)
        headers = {name: value for name, value in headers.items() if name.lower() in _TRAVELS}
        current = following
    raise FetchFailedError("fetch_redirects")


def _joined(current: httpx.URL, location: str) -> str:
    raw = location.encode("latin-1", "replace")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = location
    if _ODD.search(text.strip()):
        raise FetchRefusedError("address_unreadable")
    try:
        return str(current.join(text.strip()))
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefusedError("address_unreadable") from error


async def _ask(
    method: str, url: httpx.URL, guard: Guard, headers: Mapping[str, str], content: bytes | None
) -> Fetched:
    """One request to the addresses that passed, the next one only when nothing was sent."""
    passed = await _passed(url, guard)
    for address in passed[:-1]:
        try:
            with guard.turnstile(address):
                return await _ask_one(method, url, address, guard, headers, content)
        except _NotConnectedError:
            continue
    try:
        with guard.turnstile(passed[-1]):
            return await _ask_one(method, url, passed[-1], guard, headers, content)
    except _NotConnectedError as error:
        raise FetchFailedError("fetch_unreachable") from error


class _NotConnectedError(Exception):
    """No connection came about, so nothing was sent."""


async def _passed(url: httpx.URL, guard: Guard) -> Sequence[str]:
    host = url.raw_host.decode("ascii")
    found: tuple[str, ...]
    try:
        found = (str(ip_address(host)),)
    except ValueError:
        try:
            found = tuple(await guard.resolve(host, _port(url)))
        except (OSError, UnicodeError) as error:
            raise FetchFailedError("fetch_unreachable") from error
    if not found:
        raise FetchFailedError("fetch_unreachable")
    if not _is_inside(url, guard):
        for address in found:
            if (reason := addresses.refused(address)) is not None:
                raise _internal(reason)
    return found[:_TRIED]


async def _ask_one(
    method: str,
    url: httpx.URL,
    address: str,
    guard: Guard,
    headers: Mapping[str, str],
    content: bytes | None,
) -> Fetched:
    peer: list[str] = []

    async def look_at_peer(event: str, info: Mapping[str, object]) -> None:
        if event != "connection.connect_tcp.complete":
            return
        stream = cast("_Stream", info["return_value"])
        name = stream.get_extra_info("server_addr")
        found = str(name[0]).partition("%")[0] if isinstance(name, tuple) else ""
        if not found or not addresses.same(found, address):
            await stream.aclose()
            raise _internal("peer")
        peer.append(found)

    total, connect = guard.deadline.total_seconds(), guard.connect.total_seconds()
    request = httpx.Request(
        method,
        url.copy_with(host=address),
        headers=_sent(url, guard, headers),
        content=content,
        extensions={
            "timeout": {"connect": connect, "read": total, "write": total, "pool": connect},
            "sni_hostname": url.raw_host.decode("ascii"),
            "trace": look_at_peer,
        },
    )
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    transport = httpx.AsyncHTTPTransport(verify=tls_context(), trust_env=False, limits=limits)
    try:
        async with transport:
            response = await transport.handle_async_request(request)
            try:
                _check_kind(response, guard)
                body = await _body(response, guard)
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and not peer:
            raise _NotConnectedError from error
        raise _failure(error) from error
    return Fetched(
        status=response.status_code,
        url=str(url),
        headers=_heard(response),
        body=body,
        moved_for_good=None,
        peer=peer[0],
    )


def _failure(error: Exception) -> FetchFailedError:
    if isinstance(error, httpx.TimeoutException):
        return FetchFailedError("fetch_slow")
    if isinstance(error, httpx.ConnectError | ssl.SSLError):
        # The connection stood, so it is the certificate or the handshake that failed.
        return FetchFailedError("fetch_tls")
    return FetchFailedError("fetch_broken")


def _sent(url: httpx.URL, guard: Guard, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    told = {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}
    told.setdefault("accept", "*/*")
    told |= {
        "host": url.netloc.decode("ascii"),
        "user-agent": guard.user_agent,
        "accept-encoding": "gzip",
        "connection": "close",
    }
    return [(name.encode("ascii", "replace"), _as_bytes(value)) for name, value in told.items()]


def _as_bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def _heard(response: httpx.Response) -> Mapping[str, str]:
    """Headers by lower-case name; several of one name as one, and no cookie at all."""
    heard: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name not in ("set-cookie", "set-cookie2"):
            heard[name] = f"{heard[name]}, {value}" if name in heard else value
    return MappingProxyType(heard)


def _check_kind(response: httpx.Response, guard: Guard) -> None:
    if guard.kinds is None or not 200 <= response.status_code < 300:
        return
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in guard.kinds:
        raise FetchFailedError("fetch_kind")


async def _body(response: httpx.Response, guard: Guard) -> bytes:
    """The whole body, unpacked as it comes, so that no bomb ever lies in memory."""
    packed, body, unpacker = 0, bytearray(), _Unpacker(response)
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        packed += len(chunk)
        if packed > guard.packed_bytes:
            raise FetchFailedError("fetch_too_large")
        for piece in unpacker.feed(chunk):
            body += piece
            most = guard.body_bytes
            if unpacker.packs:
                most = min(most, max(packed * guard.ratio, guard.ratio_floor_bytes))
            if len(body) > most:
                raise FetchFailedError("fetch_too_large")
    if packed and not unpacker.whole:
        raise FetchFailedError("fetch_broken")
    return bytes(body)


class _Unpacker:
    """One content coding undone piece by piece. Raises FetchFailedError for what it cannot undo."""

    def __init__(self, response: httpx.Response) -> None:
        told = response.headers.get("content-encoding", "").lower()
        codings = [one.strip() for one in told.split(",") if one.strip() not in ("", "identity")]
        if len(codings) > 1 or any(one not in ("gzip", "x-gzip", "deflate") for one in codings):
            raise FetchFailedError("fetch_broken")
        self.packs = bool(codings)
        self._inner = zlib.decompressobj(_ANY_WRAPPING)

    @property
    def whole(self) -> bool:
        """Whether what was packed came to its end."""
        return not self.packs or self._inner.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk unpacks to, in pieces small enough to be counted one by one."""
        if not self.packs:
            yield chunk
            return
        rest, piece = chunk, b""
        while rest or len(piece) == _CHUNK_BYTES:  # a full piece may have left more inside
            if self._inner.eof:
                if not rest.startswith(_GZIP_START):
                    return  # padding behind the end, as some servers leave it
                self._inner = zlib.decompressobj(_ANY_WRAPPING)
            try:
                piece = self._inner.decompress(rest, _CHUNK_BYTES)
            except zlib.error as error:
                raise FetchFailedError("fetch_broken") from error
            yield piece
            rest = self._inner.unconsumed_tail or self._inner.unused_data
