from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.staff import passwords, people
from shared.clock import utc_now
from tests.services.api.conftest import Team
from tests.support.site import Person, Site

PASSWORD = "mat khau dai va de nho"


@pytest.fixture(scope="module")
async def newcomer(site: Site, team: Team) -> str:
    """The address of somebody who can sign in."""
    email = f"moi-{team.unit.hex}@loa.example"
    async with site.hub.open_work() as session:
        await people.add(
            session,
            team.admin.caller,
            email=email,
            name="Người mới",
            roles=["editor"],
            unit_code=team.admin.caller.unit_code,
            password=PASSWORD,
            cost=passwords.CHEAP,
        )
    return email


async def sign_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await client.post("/session", json={"email": email, "password": password})


async def test_signing_in_gives_a_cookie_and_a_code(site: Site, newcomer: str) -> None:
    async with site.client() as client:
        answer = await sign_in(client, newcomer, PASSWORD)
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("loa=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        me = await client.get("/me")
        assert me.json()["staff"]["email"] == newcomer
        assert me.json()["csrf"] == answer.json()["csrf"]


async def test_the_cookie_is_bound_to_the_host_over_https(site: Site, newcomer: str) -> None:
    from dataclasses import replace

    from services.api.app import create_app

    secure = create_app(replace(site.hub, public_url="https://loa.test"))
    transport = httpx.ASGITransport(app=secure)
    async with httpx.AsyncClient(transport=transport, base_url="https://loa.test") as client:
        answer = await sign_in(client, newcomer, PASSWORD)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-loa=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert (await client.get("/me")).status_code == 200


async def test_a_wrong_password_lets_nobody_in(site: Site, newcomer: str) -> None:
    async with site.client() as client:
        wrong = await sign_in(client, newcomer, "mat khau khac han")
        unknown = await sign_in(client, "khong-ai@loa.example", PASSWORD)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json()["code"] == unknown.json()["code"] == "sign_in_failed"
    assert wrong.headers["www-authenticate"] == 'Bearer realm="loa"'


async def test_too_many_tries_have_to_wait(site: Site) -> None:
    async with site.client() as client:
        answers = [
            await sign_in(client, "doan-mo@loa.example", f"thu lan thu {n:04}") for n in range(11)
        ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_signing_out_ends_the_session_on_the_server(site: Site, team: Team) -> None:
    person = await site.person(team.unit, "editor")
    answer = await person.client.delete("/session")
    assert answer.status_code == 204
    assert (await person.client.get("/me")).status_code == 401


async def test_nobody_is_told_who_they_might_be(site: Site) -> None:
    async with site.client() as client:
        answer = await client.get("/me")
    problem = answer.json()
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "unauthenticated"
    assert problem["type"] == "urn:loa:problem:unauthenticated"


@pytest.mark.parametrize(
    "header", ["Bearer loa_x", "Bearer", "Basic bG9hOmxvYQ==", "Bearer \xff\xfe", "x" * 5000]
)
async def test_a_bad_token_is_nobody(site: Site, header: str) -> None:
    async with site.client() as client:
        answer = await client.get("/me", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


async def test_a_write_needs_the_code_of_the_session(site: Site, team: Team) -> None:
    body = {"kind": "news", "title": "x"}
    person = await site.person(team.unit, "editor")
    person.client.headers["X-CSRF-Token"] = "sai"
    wrong = await person.client.post("/items", json=body)
    del person.client.headers["X-CSRF-Token"]
    missing = await person.client.post("/items", json=body)
    assert (wrong.status_code, missing.status_code) == (403, 403)
    assert wrong.json()["code"] == missing.json()["code"] == "csrf"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://xau.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_cannot_write_or_sign_in(
    site: Site, team: Team, headers: dict[str, str]
) -> None:
    written = await team.editor.client.post(
        "/items", json={"kind": "news", "title": "x"}, headers=headers
    )
    async with site.client(**headers) as client:
        signed = await sign_in(client, "x@loa.example", PASSWORD)
    assert (written.json()["code"], signed.json()["code"]) == ("origin", "origin")


async def test_ones_own_site_can_write(team: Team) -> None:
    answer = await team.editor.client.post(
        "/items",
        json={"kind": "news", "title": "x"},
        headers={"Origin": "http://loa.test", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 201


async def test_a_form_of_a_page_is_no_json(team: Team) -> None:
    answer = await team.editor.client.post(
        "/items", content='{"kind":"news","title":"x"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


async def test_a_body_beyond_a_mebibyte_is_refused(team: Team) -> None:
    async def drops() -> object:
        for _ in range(20):
            yield b'"' + b"x" * 65536

    told = await team.editor.client.post("/items", json={"title": "x" * 1_100_000})
    streamed = await team.editor.client.post(
        "/items",
        content=drops(),  # type: ignore[arg-type]  # an async generator of bytes
        headers={"Content-Type": "application/json"},
    )
    assert (told.status_code, streamed.status_code) == (413, 413)
    assert told.json()["code"] == streamed.json()["code"] == "too_large"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b"null", b"", b"[" * 5000])
async def test_what_is_no_json_object_is_refused(team: Team, body: bytes) -> None:
    answer = await team.editor.client.post(
        "/items", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {one["field"] for one in answer.json()["errors"]} <= {"body"}


async def test_problems_speak_the_readers_language(team: Team) -> None:
    vietnamese = await team.editor.client.get("/items?limit=0")
    english = await team.editor.client.get(
        "/items?limit=0", headers={"Accept-Language": "fr, en;q=0.8, vi;q=0.2"}
    )
    assert vietnamese.headers["content-language"] == "vi"
    assert english.headers["content-language"] == "en"
    assert vietnamese.json()["title"] == "Chưa nhận được"
    assert english.json()["title"] == "Cannot be accepted"


async def test_every_answer_has_an_id_and_is_kept_nowhere(site: Site) -> None:
    async with site.client() as client:
        one = await client.get("/me", headers={"X-Request-Id": "cua-toi"})
        other = await client.get("/khong-co")
    assert one.headers["x-request-id"] not in ("cua-toi", other.headers["x-request-id"])
    assert one.headers["cache-control"] == other.headers["cache-control"] == "no-store"
    assert other.status_code == 404
    assert other.json()["code"] == "route_not_found"


async def test_an_unknown_method_is_told_what_works(team: Team) -> None:
    answer = await team.editor.client.put("/items", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert answer.json()["code"] == "method_not_allowed"


async def test_a_session_ends_at_its_time_and_when_unused(site: Site, team: Team) -> None:
    async def after(column: str, back: timedelta) -> int:
        person = await site.person(team.unit, "editor")
        async with site.hub.open_work() as session:
            await session.execute(
                text(f"UPDATE session SET {column} = :at WHERE staff_id = :id"),
                {"at": utc_now() - back, "id": person.caller.staff_id},
            )
        return (await person.client.get("/me")).status_code

    assert await after("expires_at", timedelta(seconds=1)) == 401
    assert await after("last_seen_at", timedelta(minutes=31)) == 401
    assert await after("last_seen_at", timedelta(minutes=29)) == 200


async def test_somebody_who_left_is_out_at_once(site: Site, team: Team) -> None:
    person = await site.person(team.unit, "editor")
    async with site.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET active = false WHERE id = :id"), {"id": person.caller.staff_id}
        )
    assert (await person.client.get("/me")).status_code == 401


CALLS_OF_PEOPLE = [
    ("POST", "/items/{item}/submit", {"accounts": ["{account}"]}),
    ("POST", "/items/{item}/approve", {"revision": 1, "seen": {}}),
    ("POST", "/items/{item}/return", {"reason": "x"}),
    ("POST", "/items/{item}/withdraw", {"reason": "x"}),
    ("POST", "/items/{item}/stop", None),
    ("POST", "/accounts/{account}/pause", {"reason": "x"}),
    ("POST", "/accounts/{account}/resume", None),
    ("POST", "/accounts/{account}/check", None),
    ("POST", "/accounts/{account}/connect", None),
    ("PATCH", "/accounts/{account}", {"name": "x"}),
    ("GET", "/accounts", None),
    ("GET", "/audit", None),
    ("POST", "/freeze", {"reason": "x"}),
    ("POST", "/unfreeze", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS_OF_PEOPLE)
async def test_a_program_never_acts_for_people(
    team: Team, method: str, path: str, body: dict[str, object] | None
) -> None:
    item = await team.editor.client.post("/items", json={"kind": "news", "title": "x"})
    names = {"item": item.json()["id"], "account": str(team.portal)}
    sent = body
    if body and "accounts" in body:
        sent = {"accounts": [names["account"]]}
    answer = await team.program.client.request(method, path.format(**names), json=sent)
    assert answer.status_code == 403
    assert answer.json()["code"] == "person_needed"


async def test_a_scope_opens_only_its_own_calls(site: Site, team: Team) -> None:
    media_only = await site.program(team.unit, "media:write")
    reader = await site.program(team.unit, "status:read")
    read = await media_only.client.get("/items")
    drafted = await reader.client.post("/items", json={"kind": "news", "title": "x"})
    listed = await reader.client.get("/items")
    assert (read.status_code, drafted.status_code, listed.status_code) == (403, 403, 200)
    assert read.json()["code"] == drafted.json()["code"] == "scope_needed"


async def test_a_revoked_token_opens_nothing(site: Site, team: Team) -> None:
    program = await site.program(team.unit, "status:read")
    async with site.hub.open_work() as session:
        await session.execute(
            text("UPDATE api_token SET revoked_at = now() WHERE staff_id = :id"),
            {"id": program.caller.staff_id},
        )
    assert (await program.client.get("/items")).status_code == 401


async def test_me_tells_roles_scopes_and_units(site: Site, team: Team) -> None:
    below = await site.unit(team.unit)
    person = await site.person(team.unit, "editor", "approver")
    me = (await person.client.get("/me")).json()
    program = (await team.program.client.get("/me")).json()
    assert (me["kind"], me["roles"], me["scopes"]) == ("staff", ["approver", "editor"], None)
    assert len(me["units"]) == 2
    assert (program["kind"], program["roles"]) == ("token", [])
    assert "draft:write" in program["scopes"]
    assert program["csrf"] is None
    assert await _sees(site, person, below)


async def _sees(site: Site, person: Person, unit_id: object) -> bool:
    async with site.hub.open_work() as session:
        code = await session.scalar(text("SELECT code FROM unit WHERE id = :id"), {"id": unit_id})
    made = await person.client.post("/items", json={"kind": "news", "title": "x", "unit": code})
    return bool(made.status_code == 201 and made.json()["unit"] == code)


@pytest.mark.parametrize("passing", [True, False])
async def test_a_database_that_is_away_is_said_so(site: Site, passing: bool) -> None:
    from dataclasses import replace

    from services.api.app import create_app
    from services.storage.session import make_engine, opener

    engine = make_engine("postgresql://loa:x@127.0.0.1:1/loa")
    app = create_app(replace(site.hub, open_work=opener(engine)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Cookie": "loa=x"} if passing else {"Authorization": "Bearer " + "x" * 53}
    async with httpx.AsyncClient(transport=transport, base_url="http://loa.test") as client:
        answer = await client.get("/items", headers=headers)
    await engine.dispose()
    if passing:
        assert answer.status_code == 503
        assert answer.json()["code"] == "unavailable"
        assert answer.headers["retry-after"] == "5"
    else:
        assert answer.status_code == 401  # a malformed token asks no database


@pytest.mark.parametrize(
    ("state", "lost", "status"),
    [("08003", False, 503), ("57P02", False, 503), (None, True, 503), ("22012", False, 500)],
)
async def test_a_database_that_restarts_in_the_middle_of_a_call_is_away(
    site: Site, state: str | None, lost: bool, status: int
) -> None:
    """A lost connection and a server that ends pass by themselves; a fault of ours does not."""
    from dataclasses import replace

    from services.api.app import create_app

    class LostError(Exception):
        sqlstate = state

    def broken() -> AbstractAsyncContextManager[AsyncSession]:
        raise DBAPIError("SELECT 1", {}, LostError(), connection_invalidated=lost)

    app = create_app(replace(site.hub, open_work=broken))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://loa.test") as client:
        answer = await client.get("/items", headers={"Cookie": "loa=x"})
    assert answer.status_code == status
