"""The sandbox as a process of its own, and its levers for tests."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from shared.clock import steady_seconds
from tests.support.ports import free_port

_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox. The ledger is the oracle: what a citizen sees, and ever saw."""

    url: str
    http: httpx.AsyncClient

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Pulls one lever."""
        answer = await self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def account(self, channel: str, **more: Any) -> dict[str, Any]:
        """A new simulated account: `{"id", "settings", "credentials"}`."""
        number = f"88{uuid4().int % 10**14:014d}"
        made = await self.post(
            "/admin/accounts",
            {"channel": channel, "id": number, "name": f"Kênh thử {number[-6:]}", **more},
        )
        one: dict[str, Any] = made[0] if isinstance(made, list) else made
        one = one.get("accounts", [one])[0] if "accounts" in one else one
        if channel == "zalo_oa":
            one["settings"]["poll_seconds"] = 0
        return {"id": number, "settings": one["settings"], "credentials": one["credentials"]}

    async def fault(self, account: str, **told: Any) -> None:
        """Scripts a fault on one account."""
        await self.post("/faults", {"account": account, **told})

    async def kinds(self) -> list[dict[str, Any]]:
        """Every fault kind the sandbox knows."""
        answer = await self.http.get("/faults/kinds")
        answer.raise_for_status()
        told = answer.json()
        if isinstance(told, dict):
            told = told.get("kinds", told)
        if isinstance(told, dict):
            return [{"kind": name, **row} for name, row in told.items()]
        return list(told)

    async def ledger(self, account: str) -> dict[str, Any]:
        """What the account shows now and ever showed."""
        answer = await self.http.get("/ledger.json", params={"account": account})
        answer.raise_for_status()
        told: Any = answer.json()
        rows = told.get("accounts", told) if isinstance(told, dict) else told
        if isinstance(rows, dict):
            rows = list(rows.values()) if "visible" not in rows else [rows]
        (one,) = rows
        found: dict[str, Any] = one
        return found


def hosts_of(sandbox: Sandbox) -> dict[str, str]:
    """Where the adapters find the simulated channels."""
    return {
        "LOA_ZALO_API_URL": f"{sandbox.url}/zalo",
        "LOA_ZALO_OAUTH_URL": f"{sandbox.url}/zalo-oauth",
        "LOA_FACEBOOK_GRAPH_URL": f"{sandbox.url}/graph",
    }


@asynccontextmanager
async def running() -> AsyncIterator[Sandbox]:
    """A sandbox on a free port of this machine, until the block ends."""
    port = free_port()
    words = f"-m services.sandbox --port {port} --host 127.0.0.1 --no-media-fetch"
    child = subprocess.Popen([sys.executable, *words.split()], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(
            base_url=url,
            timeout=30,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as http:
            await _answers(http, child)
            yield Sandbox(url=url, http=http)
    finally:
        child.kill()
        child.wait()


async def _answers(http: httpx.AsyncClient, child: subprocess.Popen[bytes]) -> None:
    """Waits until the process serves; fails where it ended instead."""
    until = steady_seconds() + _READY_SECONDS
    while True:
        try:
            await http.get("/ledger.json")
        except httpx.HTTPError:
            assert child.poll() is None, f"the sandbox ended with {child.returncode}"
            assert steady_seconds() < until, "the sandbox does not answer"
            await asyncio.sleep(0.05)
        else:
            return
