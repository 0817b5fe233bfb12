"""The description of the API is complete and true: every role tries every call, right and wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api.calls import events
from tests.services.api.conftest import Team
from tests.support.site import PUBLIC_URL, Person, Site

ROLES = (
    "editor",
    "approver",
    "admin",
    "auditor",
    "leader",
    "responder",
    "program",
    "stranger",
    "nobody",
)
# A stream never ends, and who signs out cannot go on; both have tests of their own.
LEFT_OUT = {("get", "/events"), ("delete", "/session")}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 2

Send = Callable[[requests.PreparedRequest], httpx.Response]


async def description(site: Site) -> dict[str, Any]:
    async with site.client() as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def test_it_names_every_call_of_the_contract(site: Site) -> None:
    paths = (await description(site))["paths"]
    calls = {(method, path) for path, told in paths.items() for method in told}
    assert calls >= {
        ("post", "/session"),
        ("get", "/me"),
        ("get", "/channels"),
        ("get", "/accounts"),
        ("post", "/accounts"),
        ("patch", "/accounts/{account_id}"),
        ("post", "/accounts/{account_id}/check"),
        ("post", "/accounts/{account_id}/pause"),
        ("post", "/accounts/{account_id}/resume"),
        ("post", "/media"),
        ("post", "/items"),
        ("get", "/items"),
        ("get", "/items/{item_id}"),
        ("patch", "/items/{item_id}"),
        ("get", "/items/{item_id}/revisions"),
        ("get", "/items/{item_id}/revisions/{no}"),
        ("get", "/items/{item_id}/preview"),
        ("post", "/items/{item_id}/submit"),
        ("post", "/items/{item_id}/approve"),
        ("post", "/items/{item_id}/return"),
        ("post", "/items/{item_id}/withdraw"),
        ("post", "/items/{item_id}/stop"),
        ("get", "/items/{item_id}/publications"),
        ("get", "/publications"),
        ("post", "/publications/{publication_id}/retry"),
        ("post", "/publications/{publication_id}/decide"),
        ("post", "/freeze"),
        ("post", "/unfreeze"),
        ("get", "/connect/{channel}/callback"),
        ("get", "/audit"),
        ("get", "/events"),
    }


async def test_every_call_asks_who_calls_and_every_post_may_be_repeated(site: Site) -> None:
    paths = (await description(site))["paths"]
    for path, told in paths.items():
        for method, operation in told.items():
            if (method, path) == ("post", "/session"):
                continue
            assert operation["security"], (method, path)
            names = {one["name"] for one in operation.get("parameters", [])}
            if method != "get":
                assert "X-CSRF-Token" in names, (method, path)
            if method == "post":
                assert "Idempotency-Key" in names, (method, path)


async def test_events_have_a_shape(site: Site) -> None:
    answers = (await description(site))["paths"]["/events"]["get"]["responses"]
    assert "text/event-stream" in answers["200"]["content"]
    assert events.POLL_SECONDS < 1


async def real_ids(site: Site, team: Team) -> dict[str, str]:
    """Things that exist, so that calls get further than 404."""
    made = await team.editor.client.post(
        "/items", json={"kind": "news", "title": "Có thật", "body": "Nội dung."}
    )
    item = made.json()["id"]
    await team.editor.client.post(f"/items/{item}/submit", json={"accounts": [str(team.portal)]})
    preview = (await team.approver.client.get(f"/items/{item}/preview")).json()
    seen = {one["account"]: one["hash"] for one in preview["renditions"]}
    await team.approver.client.post(f"/items/{item}/approve", json={"revision": 1, "seen": seen})
    listed = (await team.leader.client.get(f"/items/{item}/publications")).json()
    return {
        "item_id": item,
        "publication_id": listed["data"][0]["id"],
        "account_id": str(await site.portal(team.unit)),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_it_is_true_for_each_role(site: Site, team: Team, role: str) -> None:
    schema = schemathesis.openapi.from_dict(await description(site))
    schema.config.update(base_url=PUBLIC_URL + "/api/v1")
    ids = await real_ids(site, team)
    loop = asyncio.get_running_loop()
    person: Person | None = getattr(team, role, None)
    client = person.client if person else site.client()
    own = {
        name: client.headers[name]
        for name in ("x-csrf-token", "authorization")
        if name in client.headers
    }

    def send(prepared: requests.PreparedRequest) -> httpx.Response:
        drawn = {name.lower(): _latin(value) for name, value in prepared.headers.items()}
        headers = {**drawn, **{name: _latin(value) for name, value in own.items()}}
        asked = client.request(
            str(prepared.method),
            str(prepared.url),
            headers=[(name.encode(), value) for name, value in headers.items() if name != "cookie"],
            content=prepared.body,
        )
        return asyncio.run_coroutine_threadsafe(asked, loop).result(60)

    def try_all() -> None:
        for found in schema.get_all_operations():
            operation: Any = found.ok()  # type: ignore[union-attr]  # ours is a valid description
            if (operation.method, operation.path) in LEFT_OUT:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _try(operation, mode, ids, send)

    await asyncio.to_thread(try_all)


def _try(operation: Any, mode: GenerationMode, ids: dict[str, str], send: Send) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def attempt(case: Any, real: bool) -> None:
        if real or mode is GenerationMode.POSITIVE:
            for name in set(case.path_parameters or {}) & set(ids):
                case.path_parameters[name] = ids[name]
        prepared = requests.Request(**case.as_transport_kwargs()).prepare()
        answer = send(prepared)
        answer.request.read()
        case.validate_response(answer, checks=CHECKS)

    attempt()


def _latin(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
