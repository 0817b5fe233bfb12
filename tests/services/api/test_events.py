import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from services.api.calls import events
from services.delivery import news
from tests.services.api.conftest import Team
from tests.support.site import Person, Site


@pytest.fixture(scope="module")
async def address(site: Site) -> AsyncIterator[str]:
    """The site on a real port: a stream is no stream inside one process."""
    config = uvicorn.Config(
        site.app, host="127.0.0.1", port=0, log_config=None, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = True
    await running


class Listener:
    """Reads events of one stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> dict[str, Any]:
        """The next event; keep-alive comments are passed over."""
        found: dict[str, Any] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and "event" in found:
                return found
            if name in ("event", "id", "data"):
                found[name] = json.loads(value) if name == "data" else value
        raise EOFError


@asynccontextmanager
async def listening(address: str, person: Person, **headers: str) -> AsyncIterator[Listener]:
    async with (
        httpx.AsyncClient(cookies=dict(person.client.cookies), timeout=60) as client,
        client.stream("GET", f"{address}/events", headers=headers) as stream,
    ):
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        listener = Listener(stream.aiter_lines())
        assert (await listener.next())["event"] == "ready"
        yield listener


async def make(person: Person) -> str:
    made = await person.client.post("/items", json={"kind": "news", "title": "Mới"})
    return str(made.json()["id"])


async def test_changes_are_told_as_they_happen(address: str, team: Team) -> None:
    async with listening(address, team.leader) as listener:
        item = await make(team.editor)
        told = await asyncio.wait_for(listener.next(), 60)
        assert told["event"] == "item"
        assert (told["data"]["item"], told["data"]["act"]) == (item, "item.created")
        body = {"accounts": [str(team.portal)]}
        await team.editor.client.post(f"/items/{item}/submit", json=body)
        preview = (await team.approver.client.get(f"/items/{item}/preview")).json()
        seen = {one["account"]: one["hash"] for one in preview["renditions"]}
        await team.approver.client.post(
            f"/items/{item}/approve", json={"revision": 1, "seen": seen}
        )
        found = [await asyncio.wait_for(listener.next(), 60) for _ in range(3)]
    (moved,) = [one["data"] for one in found if one["event"] == "publication"]
    assert (moved["item"], moved["account"]) == (item, str(team.portal))
    assert {one["data"].get("act") for one in found} == {None, "item.submitted", "item.approved"}


async def test_other_units_hear_nothing(site: Site, address: str, team: Team) -> None:
    own = await site.person(team.stranger.caller.unit_id, "editor")
    async with listening(address, team.stranger) as listener:
        await make(team.editor)
        mine = await make(own)
        told = await asyncio.wait_for(listener.next(), 60)
    assert told["data"]["item"] == mine


async def test_listening_goes_on_where_it_was_cut(address: str, team: Team) -> None:
    async with listening(address, team.leader) as listener:
        await make(team.editor)
        last = (await asyncio.wait_for(listener.next(), 60))["id"]
    missed = await make(team.editor)
    async with listening(address, team.leader, **{"Last-Event-ID": last}) as listener:
        told = await asyncio.wait_for(listener.next(), 60)
    assert told["data"]["item"] == missed


async def test_a_restored_hub_is_heard_by_who_waits_for_higher_numbers(
    address: str, team: Team
) -> None:
    async with listening(
        address, team.leader, **{"Last-Event-ID": "999999999999.999999999999"}
    ) as listener:
        item = await make(team.editor)
        told = await asyncio.wait_for(listener.next(), 60)
    assert told["data"]["item"] == item


async def test_a_session_that_ended_stops_listening(
    site: Site, address: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RECHECK_SECONDS", 0.2)
    person = await site.person(team.unit, "leader")
    async with listening(address, person) as listener:
        await person.client.delete("/session")
        with pytest.raises(EOFError):
            await asyncio.wait_for(listener.next(), 60)


async def test_listening_is_no_sign_of_a_person(
    site: Site, address: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RECHECK_SECONDS", 0.1)
    person = await site.person(team.unit, "leader")
    async with listening(address, person):
        async with site.hub.open_work() as session:
            await session.execute(
                text(
                    "UPDATE session SET last_seen_at = now() - interval '10 minutes'"
                    " WHERE staff_id = :id"
                ),
                {"id": person.caller.staff_id},
            )
        await asyncio.sleep(1.5)
        async with site.hub.open_work() as session:
            unused = await session.scalar(
                text(
                    "SELECT now() - last_seen_at > interval '9 minutes'"
                    " FROM session WHERE staff_id = :id"
                ),
                {"id": person.caller.staff_id},
            )
    assert unused is True


async def test_nobody_listens_without_a_session(address: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{address}/events")
    assert answer.status_code == 401


def test_a_number_that_comes_late_is_still_read() -> None:
    tail = news.Tail(publication=10, act=0)
    tail.note([11, 14], now=0.0)
    assert sorted(tail.holes) == [12, 13]
    assert tail.id == "11.0"
    tail.note([12], now=1.0)
    assert tail.id == "12.0"
    tail.note([], now=100.0)
    assert tail.id == "14.0"
