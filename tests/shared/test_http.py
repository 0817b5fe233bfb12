"""Not sent, or uncertain: judged from real failures on real sockets."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import utc_now
from shared.contract.errors import ChannelError, ChannelNotSentError, ChannelUncertainError
from shared.http import (
    USER_AGENT,
    Clients,
    Lines,
    classify,
    make_client,
    retry_after,
    tls_context,
)
from tests.support.ports import free_port

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# Only what stays silent is cut short: whatever else takes its time on a loaded machine.
IMPATIENT = httpx.Timeout(60, connect=5, read=0.3)
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def host(script: Script) -> AsyncIterator[str]:
    """A server on this machine that treats each connection as the script says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(url: str) -> ChannelError:
    """What a call that fails is judged to be."""
    async with make_client() as client:
        try:
            told = {"text": "x", "secret": "mat-khau"}
            await client.post(url, json=told, timeout=IMPATIENT)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            return classify(error)
    raise AssertionError("it was answered")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.read()  # until whoever asked has given up


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)
    writer.write(b"this is no HTTP at all\r\n\r\n")
    await writer.drain()


async def breaking_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")
    await writer.drain()


async def never_ending(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")
    await writer.drain()
    await reader.read()


@pytest.mark.parametrize(
    "script", [silent, resetting, hanging_up, babbling, breaking_off, never_ending]
)
async def test_a_failure_after_the_request_left_is_uncertain(script: Script) -> None:
    async with host(script) as url:
        error = await failure(url)
    assert isinstance(error, ChannelUncertainError)
    assert error.final is False


async def test_a_refused_connection_was_not_sent() -> None:
    assert isinstance(await failure(f"http://127.0.0.1:{free_port()}"), ChannelNotSentError)


async def test_a_name_that_leads_nowhere_was_not_sent() -> None:
    assert isinstance(await failure("http://khong-co.invalid/"), ChannelNotSentError)


async def test_a_host_that_speaks_no_tls_was_not_sent_anything() -> None:
    async with host(babbling) as url:
        error = await failure(url.replace("http://", "https://"))
    assert isinstance(error, ChannelNotSentError)


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/", "http://[::1", "khong-co-giao-thuc"])
async def test_an_address_that_is_none_was_not_sent(url: str) -> None:
    assert isinstance(await failure(url), ChannelNotSentError)


async def test_a_full_pool_was_not_sent() -> None:
    asked = asyncio.Event()

    async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()

    async with host(noting) as url, make_client(deadline=timedelta(seconds=60)) as client:
        first = asyncio.create_task(client.get(url))
        await asyncio.wait_for(asked.wait(), 60)
        with pytest.raises(httpx.PoolTimeout) as caught:
            await client.get(url, timeout=0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert isinstance(classify(caught.value), ChannelNotSentError)


async def test_the_words_of_a_failure_carry_no_address_and_no_secret() -> None:
    async with host(silent) as url:
        error = await failure(f"{url}/?access_token=mat-khau")
    assert "mat-khau" not in f"{error!r} {error} {error.remote_message}"
    assert "127.0.0.1" not in f"{error!r} {error} {error.remote_message}"


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    asked: list[bytes] = []

    async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with host(redirecting) as url, make_client() as client:
        answer = await client.post(url)
    assert (answer.status_code, len(asked)) == (307, 1)


async def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")

    async def kind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert f"User-Agent: {USER_AGENT}".lower().encode() in head.lower()
        writer.write(BODY)
        await writer.drain()

    async with host(kind) as url, make_client() as client:
        assert (await client.get(url)).text == "ok"


async def test_a_client_serves_one_call_at_a_time_and_is_used_again() -> None:
    clients = Clients()
    async with clients.one() as first, clients.one() as second:
        assert first is not second
    async with clients.one() as third:
        assert third in (first, second)
    await clients.aclose()
    assert first.is_closed
    assert second.is_closed


async def test_a_client_is_given_back_after_a_failure() -> None:
    clients = Clients()
    with pytest.raises(ZeroDivisionError):
        async with clients.one() as first:
            raise ZeroDivisionError
    async with clients.one() as second:
        assert second is first
    await clients.aclose()


def test_certificates_are_checked() -> None:
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname is True


@pytest.mark.parametrize(
    ("told", "seconds"), [("1", 1), ("0.5", 0.5), ("120", 120), ("21600", 21600)]
)
def test_a_waiting_time_in_seconds_is_taken(told: str, seconds: float) -> None:
    assert retry_after(told) == timedelta(seconds=seconds)


def test_a_waiting_time_as_a_date_is_taken() -> None:
    until = format_datetime(utc_now() + timedelta(seconds=90), usegmt=True)
    waiting = retry_after(until)
    assert waiting is not None
    assert timedelta(seconds=80) < waiting <= timedelta(seconds=90)


@pytest.mark.parametrize(
    "told",
    [
        None, "", "0", "-5", "21601", "nan", "inf", "-inf", "1e999", "soon", "Mon, 99 Foo 2026",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 2026 00:00:00", "Thu, 01 Jan 2026 00:00:00 -0000",
    ],
)  # fmt: skip
def test_a_waiting_time_that_makes_no_sense_is_none(told: str | None) -> None:
    assert retry_after(told) is None


@given(st.text(max_size=60))
def test_no_header_breaks_us(told: str) -> None:
    waiting = retry_after(told)
    assert waiting is None or timedelta(0) < waiting <= timedelta(hours=6)


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_line_brings_the_whole_answer_and_carries_no_cookie_to_the_next_call() -> None:
    asked: list[bytes] = []

    async def baking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            asked.append((await reader.readuntil(b"\r\n\r\n")).lower())
            writer.write(b"HTTP/1.1 200 X\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

    lines = Lines()
    async with host(baking) as url:
        for _ in range(2):
            answer = await lines.exchange("GET", httpx.URL(url), headers={"access_token": "t"})
            assert (answer.status_code, answer.text) == (200, "ok")
        await lines.aclose()
    assert len(asked) == 2
    assert all(f"user-agent: {USER_AGENT}".lower().encode() in one for one in asked)
    assert all(b"access_token: t" in one and b"cookie" not in one for one in asked)


async def test_a_line_that_is_cut_tells_the_truth_and_serves_the_next_call() -> None:
    lines = Lines(deadline=timedelta(seconds=1))
    async with host(silent) as url:
        with pytest.raises(httpx.ReadTimeout) as caught:
            await lines.exchange("POST", httpx.URL(url), headers={}, content=b"{}")
    assert isinstance(classify(caught.value), ChannelUncertainError)
    closed = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(httpx.ConnectError) as refused:
        await lines.exchange("POST", httpx.URL(closed), headers={}, content=b"{}")
    assert isinstance(classify(refused.value), ChannelNotSentError)
    await lines.aclose()


async def test_a_line_follows_no_redirect() -> None:
    async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    lines = Lines()
    async with host(redirecting) as url:
        answer = await lines.exchange("POST", httpx.URL(url), headers={}, content=b"{}")
        await lines.aclose()
    assert answer.status_code == 307
