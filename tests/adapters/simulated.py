"""The sandbox as a bench for `shared.contract.conformance_live`: one account, judged alone."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from shared.contract.channel import Channel
from shared.contract.conformance_live import Fault
from shared.contract.messages import Account, Revision
from shared.contract.samples import sample_picture, sample_revision
from tests.support.pictures import jpeg
from tests.support.sandbox import Sandbox

# Scripted for a group of operations: only requests that change something meet them.
FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.HANG: {"kind": "commit_then_hang", "seconds": 3},
    Fault.SILENCE: {"kind": "hang_without_commit", "seconds": 3},
    Fault.RESET: {"kind": "commit_then_reset"},
    Fault.SERVER_ERROR: {"kind": "http_500", "commit": True},
    Fault.HTML: {"kind": "html", "commit": True},
    Fault.EMPTY: {"kind": "empty_body"},
    Fault.REDIRECT: {"kind": "redirect", "commit": True},
}
CHANGING = frozenset({"create", "update", "remove", "feed", "photo", "video", "edit", "delete"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxBench:
    """One simulated account; `call_at` points the channel at an address, closing what it held."""

    sandbox: Sandbox
    account: Account
    revision: Revision
    call_at: Callable[[str], Awaitable[None]]

    async def shown(self) -> Collection[str]:
        """What the ledger says a citizen sees."""
        ledger = await self.sandbox.ledger(self.account.remote_id)
        return {str(post["remote_id"]) for post in ledger["visible"]}

    async def changes(self) -> int:
        """Changing requests that arrived for this account."""
        answer = await self.sandbox.http.get("/events.json")
        return sum(
            event["account"] == self.account.remote_id and event["operation"] in CHANGING
            for event in answer.json()["events"]
        )

    async def will_meet(self, fault: Fault) -> bool:
        """The sandbox plays every fault."""
        await self.sandbox.fault(self.account.remote_id, operation="write", **FAULTS[fault])
        return True

    async def mend(self) -> None:
        """Takes every scripted fault away."""
        await self.sandbox.http.delete("/faults")

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """The channel calls a port of this machine on which nobody listens."""
        await self.call_at("http://127.0.0.1:9")
        try:
            yield
        finally:
            await self.call_at(self.sandbox.url)


async def connected(
    sandbox: Sandbox,
    channel: Channel,
    call_at: Callable[[str], Awaitable[None]],
    *,
    revision: Revision | None = None,
    **traits: Any,
) -> SandboxBench:
    """A bench on a new account of the sandbox, which the channel calls from now on."""
    made = await sandbox.account(channel.name, **traits)
    settings = channel.settings_form.model_validate(made["settings"])
    await call_at(sandbox.url)
    return SandboxBench(
        sandbox=sandbox,
        account=Account(
            id=uuid4(),
            name="Kênh thử",
            remote_id=channel.remote_id_of(settings),
            settings=settings,
            credentials=channel.credentials_form.model_validate(made["credentials"]),
        ),
        revision=revision or sample_revision(),
        call_at=call_at,
    )


@asynccontextmanager
async def illustrated() -> AsyncIterator[Revision]:
    """The ordinary item, with a cover that can really be fetched until the block ends."""
    content = jpeg(1280, 720)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}"
        writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bia.jpg"
    sha256 = hashlib.sha256(content).hexdigest()
    async with server:
        plain = sample_revision()
        cover = replace(sample_picture(), url=address, sha256=sha256, size_bytes=len(content))
        yield replace(plain, cover=cover)
