"""A portal that uses somebody else's WebSub library is pushed what was approved, signed, at once.

The subscriber is Flask-WebSub 0.4 (PyPI) in a process of its own: it discovers the hub in our feed,
makes up a secret (which it does for hubs at https alone, so ours has a certificate here), answers
the check and drops every body whose signature is wrong. The path is the whole one: two people agree
on an item, the loop makes it visible, the push follows.
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.channels.registry import Registry
from services.cli.web import Site
from services.delivery.turn import Loop
from services.queue import bell
from services.syndication.websub_push import Pusher
from shared.clock import steady_seconds, utc_now
from shared.fetch import Guard
from tests.support.hub import Bench, make_bench
from tests.support.missing import missing
from tests.support.ports import free_port

PATIENCE = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The foreign subscriber, as a test speaks with it."""

    client: httpx.AsyncClient

    async def ask(self, what: str, **form: str) -> dict[str, str]:
        """Has it follow an address, renew, or leave."""
        answer = await self.client.post(f"/{what}", data=form)
        assert answer.status_code == 200, answer.text
        told: dict[str, str] = answer.json()
        return told

    async def heard(self, what: str) -> list[dict[str, str]]:
        """What it was told so far, of one kind."""
        told: list[dict[str, str]] = (await self.client.get("/heard")).json()
        return [one for one in told if one["what"] == what]

    async def until(self, what: str, count: int = 1) -> list[dict[str, str]]:
        """Waits until it was told so often."""
        end = steady_seconds() + PATIENCE
        while len(found := await self.heard(what)) < count:
            assert steady_seconds() < end, f"no {what} came"
            await asyncio.sleep(0.05)
        return found

    async def pushed(self, words: str) -> set[str]:
        """The topics whose documents came with these words, each as often as it likes."""
        return {one["topic"] for one in await self.heard("push") if words in one["body"]}

    async def until_pushed(self, words: str, topics: Collection[str]) -> None:
        """Waits until the documents of all these topics came with these words."""
        end = steady_seconds() + PATIENCE
        while not set(topics) <= (found := await self.pushed(words)):
            assert steady_seconds() < end, f"with {words} came only {found}"
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = utc_now()
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = Path(tmp_path_factory.mktemp("tls")) / "hub.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def portal_port(certificate: Path, tmp_path: Path) -> Iterator[int]:
    """The port of the running subscriber."""
    if importlib.util.find_spec("flask_websub") is None:
        missing("không có thư viện Flask-WebSub · the Flask-WebSub library is not installed")
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.flask_subscriber", str(port), str(tmp_path)],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(certificate)},
            stdout=log,
            stderr=log,
        )
    try:
        yield port
    finally:
        program.terminate()
        program.wait(timeout=60)


@asynccontextmanager
async def serving(bench: Bench, certificate: Path, port: int) -> AsyncIterator[None]:
    """The whole site over TLS, a worker's loop and its pushing, while the block runs."""
    site = Site(bench.hub, redis=None, demo=None)
    config = uvicorn.Config(
        site,
        host="127.0.0.1",
        port=port,
        lifespan="off",
        log_config=None,
        ssl_keyfile=str(certificate),
        ssl_certfile=str(certificate),
    )
    server = uvicorn.Server(config)
    loop, pusher = Loop(bench.hub), Pusher(bench.hub)

    def ring() -> None:
        loop.ring()
        pusher.ring()

    async with (
        bell.listening(bench.url, ring),
        bell.listening(bench.url, pusher.ring, channel=bell.FEEDS),
        bell.listening(bench.url, site.heard, channel=bell.FEEDS),
    ):
        tasks = [asyncio.create_task(one) for one in (server.serve(), loop.run(), pusher.run())]
        try:
            yield
        finally:
            server.should_exit = True
            loop.stop()
            pusher.stop()
            await asyncio.gather(*tasks)


async def wait_for(holds: Callable[[], Any]) -> None:
    """Waits until something that is asked over the network holds."""
    end = steady_seconds() + PATIENCE
    while True:
        try:
            if await holds():
                return
        except httpx.TransportError:
            pass
        assert steady_seconds() < end
        await asyncio.sleep(0.1)


async def test_a_foreign_library_is_pushed_signed_documents(
    fresh_database_url: str, certificate: Path, portal_port: int, tmp_path: Path
) -> None:
    port = free_port()
    bench = make_bench(fresh_database_url, tmp_path, Registry.load({}))
    guard = Guard(inside=frozenset({f"127.0.0.1:{portal_port}"}))
    public = f"https://127.0.0.1:{port}"
    bench = replace(bench, hub=replace(bench.hub, public_url=public, guard=guard))
    team = await bench.team()
    settings = {"slug": "cong", "title": "Tin Hoa Sen", "link": "https://cong.example/"}
    account = await bench.account(team, "portal_rss", settings, {})
    async with (
        serving(bench, certificate, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{portal_port}", timeout=60) as client,
    ):
        portal = Portal(client=client)
        await wait_for(lambda: client.get("/heard"))
        topics = [f"{public}/feeds/cong/{form}" for form in ("rss.xml", "atom.xml")]
        _, atom = followed = [await portal.ask("follow", url=topic) for topic in topics]
        assert [one["topic_url"] for one in followed] == topics
        assert {one["hub_url"] for one in followed} == {f"{public}/websub"}
        await portal.until("subscribe", 2)

        item = await bench.published(team, [account], title="Lịch tiếp công dân tháng 12")
        await portal.until_pushed("Lịch tiếp công dân tháng 12", topics)
        assert {one["topic"] for one in await portal.heard("push")} == set(topics)

        # Renewed with the same secret, it still takes what comes.
        await portal.ask("renew", id=atom["id"])
        await portal.until("subscribe", 3)
        await bench.withdrawn(team, item.id)
        await portal.until_pushed("Thử gỡ", topics)

        await portal.ask("leave", id=atom["id"])
        await portal.until("unsubscribe")
        # What came after the second item would have come after the first to whoever had not left.
        for title in ("Tin sau đó", "Tin sau cùng"):
            await bench.published(team, [account], title=title)
            await portal.until_pushed(title, topics[:1])
        assert await portal.pushed("Tin sau đó") == {topics[0]}
        assert await portal.pushed("Tin sau cùng") == {topics[0]}
    await bench.engine.dispose()
