import json

import pytest

from services.storage.columns import new_id
from tests.services.api.conftest import Team
from tests.support.site import Site

ZALO = {
    "settings": {"oa_id": "4318000000000000001", "app_id": "2412000000000000001"},
    "credentials": {
        "app_secret": "bi-mat-ung-dung",
        "access_token": "token-truy-cap",
        "refresh_token": "token-lam-moi",
        "oa_secret_key": "khoa-oa",
    },
}


def portal(team: Team, **more: object) -> dict[str, object]:
    slug = f"cong-{new_id().hex[-12:]}"
    return {
        "unit": team.admin.caller.unit_code,
        "channel": "portal_rss",
        "name": f"Cổng {slug}",
        "settings": {"slug": slug, "title": "Cổng", "link": "https://cong.example/"},
        **more,
    }


async def test_credentials_never_come_back(team: Team) -> None:
    oa_id = str(new_id().int)[:19]
    given = portal(team, channel="zalo_oa", **ZALO) | {
        "settings": ZALO["settings"] | {"oa_id": oa_id}
    }
    made = await team.admin.client.post("/accounts", json=given)
    assert made.status_code == 201, made.text
    shown = await team.admin.client.get(f"/accounts/{made.json()['id']}")
    listed = await team.admin.client.get("/accounts")
    changed = await team.admin.client.patch(
        f"/accounts/{made.json()['id']}", json={"credentials": {"app_secret": "bi-mat-khac"}}
    )
    assert changed.status_code == 200, changed.text
    told = made.text + shown.text + listed.text + changed.text
    assert "bi-mat" not in told
    assert "token-" not in told
    assert made.json()["remote_id"] == oa_id


async def test_an_outlet_has_one_writer(team: Team) -> None:
    given = portal(team)
    first = await team.admin.client.post("/accounts", json=given)
    second = await team.admin.client.post("/accounts", json=given | {"name": "Tên khác"})
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["code"] == "account_taken"


async def test_faults_of_both_forms_are_named_without_their_values(team: Team) -> None:
    given = portal(team, channel="zalo_oa", settings={}, credentials={"app_secret": "lo-mat-khau"})
    answer = await team.admin.client.post("/accounts", json=given)
    fields = {one["field"] for one in answer.json()["errors"]}
    assert answer.status_code == 422
    assert "settings.oa_id" in fields
    assert "lo-mat-khau" not in answer.text


@pytest.mark.parametrize("role", ["editor", "approver", "auditor", "leader", "responder"])
async def test_only_admins_connect_and_see_accounts(team: Team, role: str) -> None:
    client = getattr(team, role).client
    made = await client.post("/accounts", json=portal(team))
    listed = await client.get("/accounts")
    changed = await client.patch(f"/accounts/{team.portal}", json={"name": "x"})
    checked = await client.post(f"/accounts/{team.portal}/check")
    assert {one.status_code for one in (made, listed, changed, checked)} == {403}


async def test_accounts_of_other_units_do_not_exist(team: Team) -> None:
    client = team.stranger.client
    answers = [
        await client.get(f"/accounts/{team.portal}"),
        await client.patch(f"/accounts/{team.portal}", json={"name": "x"}),
        await client.post(f"/accounts/{team.portal}/pause", json={"reason": "x"}),
        await client.post(f"/accounts/{team.portal}/resume"),
        await client.post(f"/accounts/{team.portal}/check"),
        await client.post(f"/accounts/{team.portal}/connect"),
        await client.post("/accounts", json=portal(team)),
    ]
    assert [one.status_code for one in answers] == [404] * 7
    assert (await client.get("/accounts")).json()["data"] == []


async def test_an_account_is_paused_and_resumed(site: Site, team: Team) -> None:
    account = await site.portal(team.unit)
    paused = await team.approver.client.post(
        f"/accounts/{account}/pause", json={"reason": "Nghi bị chiếm quyền"}
    )
    resumed = await team.admin.client.post(f"/accounts/{account}/resume")
    refused = await team.editor.client.post(f"/accounts/{account}/pause", json={"reason": "x"})
    assert paused.json()["state"] == "paused"
    assert paused.json()["pause"]["reason"] == "Nghi bị chiếm quyền"
    assert (resumed.json()["state"], resumed.json()["pause"]) == ("active", None)
    assert refused.status_code == 403


async def test_a_closed_account_stays_away(site: Site, team: Team) -> None:
    account = await site.portal(team.unit)
    closed = await team.admin.client.post(f"/accounts/{account}/close", json={"reason": "Thôi"})
    resumed = await team.admin.client.post(f"/accounts/{account}/resume")
    listed = (await team.admin.client.get("/accounts?limit=200")).json()["data"]
    assert closed.json()["stage"] == "closed"
    assert resumed.status_code == 409
    assert str(account) not in {one["id"] for one in listed}


async def test_a_portal_is_checked_without_a_call(team: Team) -> None:
    answer = await team.admin.client.post(f"/accounts/{team.portal}/check")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert answer.json()["probes"][0]["detail"] == "Thiết lập hợp lệ"


async def test_channels_tell_how_to_connect_them(team: Team) -> None:
    answer = await team.editor.client.get("/channels")
    channels = {one["name"]: one for one in answer.json()["data"]}
    assert set(channels) == {"zalo_oa", "facebook_page", "portal_rss"}
    assert answer.json()["broken"] == {}
    assert channels["portal_rss"]["pull"] is True
    assert "publish" in channels["zalo_oa"]["abilities"]
    assert "oa_id" in channels["zalo_oa"]["settings_schema"]["properties"]


async def test_lists_of_accounts_go_on(site: Site, team: Team) -> None:
    await site.portal(team.unit)
    first = (await team.admin.client.get("/accounts?limit=1")).json()
    second = (await team.admin.client.get(f"/accounts?limit=1&cursor={first['next']}")).json()
    assert first["data"][0]["id"] != second["data"][0]["id"]
    refused = await team.admin.client.get("/accounts?cursor=YXQ6LTE=")
    assert refused.status_code == 422


async def test_text_that_no_database_stores_is_cleaned_away(team: Team) -> None:
    given = portal(team, name="Cổng \x00" + new_id().hex)
    answer = await team.admin.client.post(
        "/accounts",
        content=json.dumps(given),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text
    assert "\x00" not in answer.json()["name"]
