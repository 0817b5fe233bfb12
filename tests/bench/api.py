"""How quickly the API answers while a fan-out runs, and while nothing does."""

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

import httpx
from pydantic import TypeAdapter

from services.audit.actor import SYSTEM
from services.staff import tokens
from services.staff.cookies import csrf_of
from services.staff.tables import Session
from shared.clock import utc_now
from tests.bench.children import Child
from tests.bench.ground import FanOut, Fleet, Ground
from tests.support.ports import free_port

_DRAFTS = 25
_TIMES: TypeAdapter[dict[str, list[float]]] = TypeAdapter(dict[str, list[float]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The web process, people who call it, and an approver who is signed in."""

    fleet: Fleet
    visitors: Child
    approver: httpx.AsyncClient

    async def quiet(self, seconds: float = 4.0) -> list[float]:
        """Seconds of each answer while no item is on its way."""
        await self.visitors.ask("start")
        await asyncio.sleep(seconds)
        return _all(_TIMES.validate_python(await self.visitors.ask("stop")))

    async def busy(self) -> tuple[list[float], FanOut]:
        """The same from approving one item for all accounts, by this API, until it is live."""
        item, seen = await self.fleet.prepared()
        await self.visitors.ask("start")
        began = time.monotonic()
        answer = await self.approver.post(
            f"/items/{item}/approve",
            json={"revision": 1, "seen": {str(one): mark for one, mark in seen.items()}},
        )
        answer.raise_for_status()
        approved = time.monotonic()
        await self.fleet.live(item)
        found = await self.fleet.told(item, began, approved)
        return _all(_TIMES.validate_python(await self.visitors.ask("stop"))), found


async def open_api(ground: Ground, fleet: Fleet) -> Api:
    """Starts the web process and the visitors, with some drafts for them to change."""
    port = free_port()
    media = str(ground.folder / "media")
    await ground.child("tests.bench.web", fleet.bench.url, media, str(port))
    base = f"http://127.0.0.1:{port}/api/v1"
    drafts = [(await fleet.bench.draft(fleet.team)).id for _ in range(_DRAFTS)]
    cookie = secrets.token_urlsafe(32)
    async with fleet.bench.hub.open_work() as session:
        program = await tokens.add(
            session,
            SYSTEM,
            fleet.team.editor,
            name="Phép đo",
            scopes=("draft:write", "status:read"),
            now=utc_now(),
        )
        session.add(
            Session(
                staff_id=fleet.team.approver,
                token_hash=hashlib.sha256(cookie.encode()).digest(),
                expires_at=utc_now() + timedelta(hours=1),
            )
        )
    approver = httpx.AsyncClient(
        base_url=base,
        headers={"X-CSRF-Token": csrf_of(cookie)},
        cookies={"loa": cookie},
        timeout=60,
        trust_env=False,
    )
    ground.stack.push_async_callback(approver.aclose)
    visitors = await ground.child(
        "tests.bench.visitors", base, program.secret, *(str(one) for one in drafts)
    )
    return Api(fleet=fleet, visitors=visitors, approver=approver)


def _all(times: dict[str, list[float]]) -> list[float]:
    return [one for kind in times.values() for one in kind]
