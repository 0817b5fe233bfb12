import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.services.sandbox.callers import Oa, fault, inner, ledger, make_oa
from tests.services.sandbox.conftest import Running

CALLBACK = "http://loa.test/connect/zalo_oa/callback"


async def counters(oa: Oa) -> dict[str, object]:
    return inner(await ledger(oa.client, oa.id), "counters")


async def test_a_refresh_rotates_both_tokens_and_kills_the_old_access(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    old = oa.access

    told = await oa.renew()

    works = await oa.get("/v2.0/oa/getoa")
    oa.access = old
    dead = await oa.get("/v2.0/oa/getoa")
    assert told["expires_in"] == "90000"
    assert (works["error"], dead["error"]) == (0, -216)


async def test_a_spent_refresh_token_is_refused_and_counted(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    spent = oa.refresh
    await oa.renew()

    told = await oa.trade(grant_type="refresh_token", refresh_token=spent)

    counted = await counters(oa)
    assert told["error"] == -14014
    assert told["error_name"] == "Invalid refresh token"
    assert "message" not in told
    assert (counted["refreshes"], counted["refresh_spent_twice"]) == (1, 1)
    # Whoever holds the newer pair goes on.
    assert counted["consents_needed"] == 0
    assert (await oa.renew())["expires_in"] == "90000"


async def test_a_lost_answer_to_a_refresh_costs_a_new_consent_and_is_no_second_spending(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    await fault(client, kind="commit_then_reset", operation="refresh", account=oa.id)
    with pytest.raises(httpx.TransportError):
        await oa.renew()

    told = await oa.trade(grant_type="refresh_token", refresh_token=oa.refresh)
    await oa.trade(grant_type="refresh_token", refresh_token=oa.refresh)

    counted = await counters(oa)
    assert told["error"] == -14014
    assert counted["refreshes"] == 1
    assert counted["refresh_spent_twice"] == 0
    assert counted["refresh_lost_answer"] == 2
    assert counted["consents_needed"] == 1


async def test_a_spent_refresh_token_may_be_refused_without_a_number(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client, spent_refresh_code=None)
    spent = oa.refresh
    await oa.renew()

    told = await oa.trade(grant_type="refresh_token", refresh_token=spent)

    assert "error" not in told
    assert told["error_name"]


async def test_an_access_token_ends_and_a_refresh_token_lasts_three_months(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    await client.post("/admin/clock", json={"offset_seconds": 90001})
    ended = await oa.get("/v2.0/oa/getoa")
    await client.post("/admin/clock", json={"offset_seconds": 91 * 86400})

    told = await oa.trade(grant_type="refresh_token", refresh_token=oa.refresh)

    assert ended["error"] == -220
    assert "access_token" not in told
    assert (await counters(oa))["consents_needed"] == 1


async def consent(oa: Oa, **query: str) -> httpx.Response:
    """What an admin's browser does: opens the page, agrees."""
    asked = {"app_id": oa.app_id, "redirect_uri": CALLBACK, "state": "s1", **query}
    page = await oa.client.get("/zalo-oauth/v4/oa/permission", params=asked)
    assert "Đồng ý" in page.text
    return await oa.client.post(
        "/zalo-oauth/v4/oa/permission", data={**asked, "oa_id": oa.id, "decision": "allow"}
    )


async def test_a_consent_gives_a_code_that_works_once(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    back = await consent(oa, code_challenge=challenge.rstrip(b"=").decode())
    query = parse_qs(urlsplit(back.headers["location"]).query)
    form = {"grant_type": "authorization_code", "code": query["code"][0]}

    wrong = await oa.trade(**form, code_verifier="w" * 43)
    back = await consent(oa, code_challenge=challenge.rstrip(b"=").decode())
    form["code"] = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    right = await oa.trade(**form, code_verifier=verifier)
    again = await oa.trade(**form, code_verifier=verifier)

    assert (query["oa_id"], query["state"]) == ([oa.id], ["s1"])
    assert "access_token" not in wrong
    assert right["access_token"] != oa.access
    assert "access_token" not in again


async def test_pkce_may_be_left_out(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    back = await consent(oa)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]

    told = await oa.trade(grant_type="authorization_code", code=code)

    assert told["access_token"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"app_id": "1"}, -14002),
        ({"redirect_uri": f"{CALLBACK}?a=1"}, -14003),
        ({"redirect_uri": "http://elsewhere.test/"}, -14003),
    ],
)
async def test_a_wrong_consent_address_is_refused_in_the_oauth_form(
    client: httpx.AsyncClient, change: dict[str, str], code: int
) -> None:
    oa = await make_oa(client, callback_url=CALLBACK)
    asked = {"app_id": oa.app_id, "redirect_uri": CALLBACK, **change}

    answer = await client.get("/zalo-oauth/v4/oa/permission", params=asked)

    assert answer.status_code == 200
    assert answer.json()["error"] == code


async def test_the_app_secret_travels_in_a_header(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    form = {"app_id": oa.app_id, "grant_type": "refresh_token", "refresh_token": oa.refresh}

    answer = await client.post(
        "/zalo-oauth/v4/oa/access_token", data={**form, "secret_key": oa.app_secret}
    )

    assert "access_token" not in answer.json()
    assert (await counters(oa))["refreshes"] == 0


async def test_tokens_outlive_a_restart_of_the_sandbox(
    client: httpx.AsyncClient, sandbox: Running
) -> None:
    oa = await make_oa(client)
    await oa.renew()
    sandbox.world.clear()

    told = await oa.get("/v2.0/oa/getoa")
    renewed = await oa.renew()

    assert inner(told, "data")["oa_id"] == oa.id
    assert renewed["expires_in"] == "90000"
