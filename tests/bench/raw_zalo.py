"""The calls of Zalo articles by the bare client: `python -m tests.bench.raw_zalo SANDBOX FILE`.

FILE holds accounts and the payload to publish. One publication is made by the adapter and recorded,
call by call; then a line `FIRST LAST` makes the very same calls for each of those accounts, with
its own token and the ids of its own answers, and nothing around them: by httpx, as a script would.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop
from pydantic import JsonValue, TypeAdapter

from adapters.zalo_oa.channel import ZaloOa
from services.storage.columns import new_id
from shared.contract.messages import Account, Call, Continue, Done, Operation, Payload
from shared.http import Clients
from tests.bench.children import listen
from tests.bench.raw import SLOTS
from tests.bench.rules import sandbox_hosts

_PAYLOAD: TypeAdapter[Payload] = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Made:
    """One recorded call: the request, and the ids that its answer gave."""

    method: str
    url: str
    content: bytes | None
    given: Mapping[str, str]


def _given(answer: bytes) -> dict[str, str]:
    """What an answer names and later calls repeat: a token, an id."""
    data = json.loads(answer).get("data")
    if not isinstance(data, dict):
        return {}
    return {name: str(data[name]) for name in ("token", "id") if name in data}


async def recorded(url: str, account: Account, payload: Payload) -> list[Made]:
    """Publishes once through the adapter, as the delivery loop does, and keeps every call."""
    made: list[Made] = []
    channel = ZaloOa()
    channel.configure(sandbox_hosts(url))
    lines = channel._client._lines
    exchange = lines.exchange

    async def kept(*args: Any, **words: Any) -> httpx.Response:
        response = await exchange(*args, **words)
        made.append(
            Made(str(args[0]), str(args[1]), words.get("content"), _given(response.content))
        )
        return response

    lines.exchange = kept  # type: ignore[method-assign]  # the adapter itself makes the calls
    await channel.newest(account)
    call = Call(operation=Operation.PUBLISH, account=account, payload=payload)
    while True:
        outcome = await channel.publish(call)
        if isinstance(outcome, Done):
            return made
        assert isinstance(outcome, Continue)
        call = Call(
            operation=Operation.PUBLISH,
            account=account,
            payload=payload,
            phase=outcome.phase,
            handle=outcome.handle,
            remote_id=outcome.remote_id or call.remote_id,
        )


class Replaying:
    """Makes the recorded calls for other accounts."""

    def __init__(self, made: Sequence[Made], tokens: Sequence[str]) -> None:
        self._made = made
        self._tokens = tokens
        self._clients = Clients()

    async def answer(self, words: Sequence[str]) -> JsonValue:
        """All calls for the accounts from `words[0]` up to `words[1]`; tells begin and end."""
        todo = iter(self._tokens[int(words[0]) : int(words[1])])

        async def slot() -> None:
            for token in todo:
                await self._publish(token)

        began = time.monotonic()
        await asyncio.gather(*(slot() for _ in range(SLOTS)))
        return [began, time.monotonic()]

    async def _publish(self, token: str) -> None:
        own: dict[str, str] = {}
        for one in self._made:
            url, body = one.url, (one.content or b"").decode()
            for old, new in own.items():
                url, body = url.replace(old, new), body.replace(old, new)
            headers = {"access_token": token}
            if body:
                headers["Content-Type"] = "application/json"
            async with self._clients.one() as client:
                answer = await client.request(
                    one.method, url, content=body or None, headers=headers
                )
            told = _given(answer.content)
            own |= {old: told[name] for name, old in one.given.items()}


def _account(given: Mapping[str, Mapping[str, JsonValue]]) -> Account:
    channel = ZaloOa()
    settings = channel.settings_form.model_validate(given["settings"])
    return Account(
        id=new_id(),
        name="OA",
        remote_id=channel.remote_id_of(settings),
        settings=settings,
        credentials=channel.credentials_form.model_validate(given["credentials"]),
    )


async def serve(url: str, file: str) -> None:
    """Records with the last account, which no fan-out uses, then replays."""
    told = json.loads(Path(file).read_text())
    accounts: list[dict[str, dict[str, JsonValue]]] = told["accounts"]
    payload = _PAYLOAD.validate_python(told["payload"])
    made = await recorded(url, _account(accounts[-1]), payload)
    tokens = [str(one["credentials"]["access_token"]) for one in accounts]
    await listen(Replaying(made, tokens).answer)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2]))
