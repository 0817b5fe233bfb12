"""Fan-out to Zalo accounts of the sandbox, beside the bare client making the very same calls."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, TypeAdapter

from services.channels.registry import Registry
from tests.bench.children import Child
from tests.bench.ground import ACCOUNTS, WORKERS, FanOut, Fleet, Given, Ground
from tests.bench.one_call import span
from tests.bench.rules import sandbox_hosts
from tests.support.sandbox import Sandbox, running

_NEVER = 2**62


class _Event(BaseModel):
    operation: str


class _Log(BaseModel):
    last: int
    events: list[_Event]


_GIVEN: TypeAdapter[list[Given]] = TypeAdapter(list[Given])


@dataclass(frozen=True, slots=True, kw_only=True)
class Zalo:
    """The sandbox, a hub with an OA for each account, and the bare clients."""

    sandbox: Sandbox
    fleet: Fleet
    posting: tuple[Child, ...]

    async def alone(self) -> tuple[float, Mapping[str, int]]:
        """Publications per second of the bare client, and its calls by operation."""
        since = await self._newest()
        share = ACCOUNTS // len(self.posting)
        told = await asyncio.gather(
            *(
                one.ask(str(no * share), str((no + 1) * share))
                for no, one in enumerate(self.posting)
            )
        )
        return ACCOUNTS / span(told), await self._calls(since)

    async def by_loa(self) -> tuple[FanOut, Mapping[str, int]]:
        """One item to all OAs, and the calls by operation."""
        # As if the last item had been long ago: the newest ids of each account are read anew.
        await self.fleet.watch.execute("UPDATE lane SET baseline_at = NULL")
        since = await self._newest()
        found = await self.fleet.fan_out()
        # A minute later every post would be compared with its channel, in the next measurement.
        await self.fleet.watch.execute("UPDATE publication SET look_at = NULL")
        return found, await self._calls(since)

    async def _newest(self) -> int:
        return (await self._log(_NEVER)).last

    async def _calls(self, since: int) -> Mapping[str, int]:
        return Counter(event.operation for event in (await self._log(since)).events)

    async def _log(self, since: int) -> _Log:
        answer = await self.sandbox.http.get("/events.json", params={"since": since})
        return _Log.model_validate_json(answer.content)


async def open_zalo(ground: Ground) -> Zalo:
    """Starts the sandbox with its OAs, connects them, and records one publication to repeat."""
    sandbox = await ground.stack.enter_async_context(running())
    made = await sandbox.post(
        "/admin/accounts",
        {
            "channel": "zalo_oa",
            "id": "88",
            "count": ACCOUNTS + 1,
            "verify_polls": 0,
            "media_fetch": False,
        },
    )
    given = _GIVEN.validate_python(made["accounts"])
    for one in given:
        one["settings"]["poll_seconds"] = 0
    fleet = await ground.fleet(
        "zalo",
        Registry.load(sandbox_hosts(sandbox.url)),
        "zalo_oa",
        given[:ACCOUNTS],
        sandbox=sandbox.url,
        cover=True,
    )
    payload = json.loads(await fleet.watch.fetchval("SELECT payload FROM rendition LIMIT 1"))
    file = ground.folder / "zalo.json"
    file.write_text(json.dumps({"accounts": given, "payload": payload}))
    posting = [
        await ground.child("tests.bench.raw_zalo", sandbox.url, str(file)) for _ in range(WORKERS)
    ]
    for child in posting:
        await child.ask("0", "50")
    return Zalo(sandbox=sandbox, fleet=fleet, posting=tuple(posting))
