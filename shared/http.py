"""One way to make an outgoing client: short timeouts, no redirects, no retries, no environment.

Which half of a failed call was reached decides everything here (reliability-security.md 1.6):
before one byte has left, a failure is *not sent*; afterwards it is *uncertain*.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from weakref import WeakKeyDictionary

import httpx

from shared.clock import utc_now
from shared.contract.errors import ChannelError, ChannelNotSentError, ChannelUncertainError

USER_AGENT = "Loa/0.1 (government communications hub)"

# Failures of httpx that prove that the request was never written.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


@cache
def tls_context() -> ssl.SSLContext:
    """One context for the whole process: building it costs more than a call."""
    return ssl.create_default_context()


def _timeout(deadline: timedelta) -> httpx.Timeout:
    total = deadline.total_seconds()
    return httpx.Timeout(total, connect=min(5.0, total), write=min(10.0, total))


_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=2.0)


def make_client(*, deadline: timedelta = timedelta(seconds=30)) -> httpx.AsyncClient:
    """A client for one sender slot: one connection, never reused when stale, no redirects.

    A stale keep-alive connection would turn a harmless failure into an ambiguous one, so idle
    connections are dropped after two seconds. One shared client at high concurrency is slow
    (stack.md, "httpx"): make one per slot or per account.
    """
    return httpx.AsyncClient(
        timeout=_timeout(deadline),
        limits=_ONE,
        follow_redirects=False,
        trust_env=False,
        verify=tls_context(),
        headers={"User-Agent": USER_AGENT},
    )


class Clients:
    """Idle clients of one adapter. Each serves one call at a time, so nothing queues in a pool."""

    def __init__(self) -> None:
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, list[httpx.AsyncClient]] = (
            WeakKeyDictionary()
        )

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that nobody else uses until the block ends."""
        idle = self._idle.setdefault(asyncio.get_running_loop(), [])
        client = idle.pop() if idle else make_client()
        try:
            yield client
        finally:
            idle.append(client)

    async def aclose(self) -> None:
        """Closes what is idle in the running loop; a later `one` starts afresh."""
        for client in self._idle.pop(asyncio.get_running_loop(), []):
            await client.aclose()


class Lines:
    """Idle connections of one adapter, for plain calls: one request out, the whole answer in.

    As sparing as `Clients`, and without what a call of an API never wants of a browser: redirects,
    sign-in by challenge, and above all cookies, which one account's answer would leave to the next
    account's call. That is a third of the work of a call.
    """

    def __init__(self, *, deadline: timedelta = timedelta(seconds=30)) -> None:
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, list[httpx.AsyncHTTPTransport]] = (
            WeakKeyDictionary()
        )
        self._extensions = {"timeout": _timeout(deadline).as_dict()}

    async def exchange(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> httpx.Response:
        """Sends one request and gives its whole answer; raises what `classify` judges."""
        request = httpx.Request(
            method,
            url,
            headers={"Accept": "*/*", "User-Agent": USER_AGENT, **headers},
            content=content,
            extensions=self._extensions,
        )
        idle = self._idle.setdefault(asyncio.get_running_loop(), [])
        line = idle.pop() if idle else _make_line()
        try:
            response = await line.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()
        finally:
            idle.append(line)
        return response

    async def aclose(self) -> None:
        """Closes what is idle in the running loop; a later call starts afresh."""
        for line in self._idle.pop(asyncio.get_running_loop(), []):
            await line.aclose()


def _make_line() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=tls_context(), trust_env=False, limits=_ONE)


def classify(error: httpx.HTTPError | httpx.InvalidURL | ssl.SSLError) -> ChannelError:
    """The truth about a call that raised: not sent, or uncertain. Words carry no address."""
    name = type(error).__name__
    if isinstance(error, _NOT_SENT):
        return ChannelNotSentError("unreachable", remote_message=name)
    return ChannelUncertainError("no_answer", remote_message=name)


def retry_after(value: str | None) -> timedelta | None:
    """`Retry-After` as a delay; None for a negative, huge or unreadable one (R28)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - utc_now()).total_seconds()
        except (TypeError, ValueError):
            return None
    if not 0 < seconds <= 6 * 3600:
        return None
    return timedelta(seconds=seconds)
