import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from services.sandbox import naming
from services.sandbox.world import World
from tests.services.sandbox.callers import as_json, items, ledger, make_oa, make_page
from tests.support.ports import free_port


@dataclass
class Hook:
    """Somebody who takes events; keeps body and headers of the last one."""

    url: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one event."""
        self.headers = {name.decode(): text.decode("latin-1") for name, text in scope["headers"]}
        self.body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A listener on loopback."""
    made = Hook()
    config = uvicorn.Config(
        made,
        host="127.0.0.1",
        port=free_port(),
        log_config=None,
        log_level="error",
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{config.port}/hook"
    yield made
    server.should_exit = True
    await task


async def test_many_accounts_are_made_at_once(client: httpx.AsyncClient) -> None:
    wanted = {"channel": "facebook_page", "id": "55", "count": 3}

    made = items(as_json(await client.post("/admin/accounts", json=wanted)), "accounts")

    assert [one["id"] for one in made] == ["5500000", "5500001", "5500002"]
    assert set(made[0]) >= {"settings", "credentials"}


async def test_equal_seeds_give_equal_secrets(client: httpx.AsyncClient) -> None:
    wanted = {"channel": "zalo_oa", "id": "4318"}
    first = as_json(await client.post("/admin/accounts", json=wanted))
    await client.post("/admin/reset")

    second = as_json(await client.post("/admin/accounts", json=wanted))

    assert first == second


async def test_an_account_takes_tokens_of_ones_choice_and_new_traits(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client, id="77", access_token="mine", refresh_token="mine-too")
    await make_oa(client, id="77", verified=False)

    told = await oa.create()

    assert oa.access == "mine"
    assert told["error"] == -221


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "portal_rss"},
        {"channel": "zalo_oa", "colour": 1},
        {"channel": "zalo_oa", "count": -1},
    ],
)
async def test_a_wrong_wish_is_refused(client: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    answer = await client.post("/admin/accounts", json=wrong)

    assert answer.status_code == 422


async def test_a_zalo_event_is_signed_over_its_bytes(client: httpx.AsyncClient, hook: Hook) -> None:
    oa = await make_oa(client)
    event = {"event_name": "user_send_text", "sender": {"id": "u1"}, "timestamp": "1764547200000"}
    wanted = {"channel": "zalo_oa", "account": oa.id, "url": hook.url, "event": event}

    answer = await client.post("/admin/webhook", json=wanted)

    signed = oa.app_id.encode() + hook.body + b"1764547200000" + oa.secret_key.encode()
    mac = hashlib.sha256(signed).hexdigest()
    assert as_json(answer)["status"] == 204
    assert hook.headers["x-zevent-signature"] == f"mac={mac}"


@pytest.mark.parametrize("broken", [False, True])
async def test_a_facebook_event_is_signed_over_its_bytes(
    client: httpx.AsyncClient, hook: Hook, broken: bool
) -> None:
    page = await make_page(client)
    event = {"object": "page", "entry": [{"id": page.id, "text": "Chào/bà con"}]}
    wanted = {"channel": "facebook_page", "account": page.id, "url": hook.url, "event": event}

    await client.post("/admin/webhook", json={**wanted, "broken": broken})

    mac = hmac.new(page.app_secret.encode(), hook.body, hashlib.sha256).hexdigest()
    assert b"Ch\\u00e0o\\/b" in hook.body
    assert (hook.headers["x-hub-signature-256"] == f"sha256={mac}") is not broken


async def test_a_retry_is_numbered_and_a_probe_is_empty(
    client: httpx.AsyncClient, hook: Hook
) -> None:
    oa = await make_oa(client)
    wanted = {"channel": "zalo_oa", "account": oa.id, "url": hook.url}

    await client.post("/admin/webhook", json={**wanted, "num_retry": 2})
    retried = hook.headers
    await client.post("/admin/webhook", json={**wanted, "probe": True})

    assert retried["num_retry"] == "2"
    assert hook.body == b"{}"
    assert "x-zevent-signature" not in hook.headers


async def test_a_post_by_hand_is_marked_foreign(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)

    await client.post(
        "/admin/foreign",
        json={"channel": "zalo_oa", "account": oa.id, "title": "Đăng tay", "text": "Nội dung"},
    )

    [seen] = items(await ledger(client, oa.id), "visible")
    listed = await oa.get("/v2.0/article/getslice", offset="0", limit="10", type="normal")
    assert (seen["title"], seen["foreign"]) == ("Đăng tay", True)
    assert "Đăng tay" in str(listed["data"])


def test_a_world_that_begins_anew_gives_no_id_again() -> None:
    made = set()
    for first_number in (0, 1_795_350_000):
        world = World(first_number=first_number)
        made.add(world.open_page("478296974403902").new_id(world.seed))
        made.add(naming.mark(world.seed, "article", "1", world.open_oa("1").next_number()))
    assert len(made) == 4
