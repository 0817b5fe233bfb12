"""Sources over the API: who may do what, and the path from a feed to a draft."""

from dataclasses import replace

import pytest

from services.api.app import create_app
from tests.services.api.conftest import Team
from tests.support.sister_site import item, sister_site
from tests.support.site import Person, Site


async def test_a_feed_becomes_a_source_and_its_entry_a_draft(site: Site, team: Team) -> None:
    async with sister_site() as sister:
        sister.feed(item("1", text="<p>Chữ.</p>"), item("2"), item("3"))
        near = await _near(site, team, sister.guard.inside)
        made = await near.client.post("/sources", json={"url": f"{sister.url}/rss.xml"})
        assert made.status_code == 201, made.text
        path = f"/sources/{made.json()['id']}"
        assert made.json()["result"]["code"] == "waiting"
        read = await near.client.post(f"{path}/fetch")
        assert read.status_code == 200, read.text
        assert (read.json()["result"]["code"], read.json()["title"]) == (
            "first",
            "Sở Y tế tỉnh bạn",
        )
        again = await near.client.post(f"{path}/fetch")
        assert (again.status_code, again.json()["code"]) == (409, "source_just_read")
        first = (await near.client.get(f"{path}/entries?limit=2")).json()
        rest = (await near.client.get(f"{path}/entries", params={"cursor": first["next"]})).json()
        entries = [*first["data"], *rest["data"]]
        assert [one["title"] for one in entries] == ["Tin 1", "Tin 2", "Tin 3"]
        assert rest["next"] is None
        draft = await near.client.post(
            f"/source-entries/{entries[0]['id']}/draft", json={"makes": "draft"}
        )
        assert draft.status_code == 201, draft.text
        told = draft.json()
        assert (told["state"], told["source_name"]) == ("draft", "Sở Y tế tỉnh bạn")
        assert (told["source_url"], told["body"]) == (entries[0]["link"], "Chữ.")
        changed = await near.client.patch(path, json={"makes": "draft", "licence": "CV 12"})
        assert (changed.json()["makes"], changed.json()["licence"]) == ("draft", "CV 12")
        paused = await near.client.post(f"{path}/pause")
        assert (paused.json()["state"], paused.json()["next_at"]) == ("paused", None)
        listed = (await near.client.get("/sources")).json()["data"]
        assert [one["drafted"] for one in listed if one["id"] == made.json()["id"]] == [1]


async def test_an_inner_address_is_refused_in_words(team: Team) -> None:
    answer = await team.editor.client.post("/sources", json={"url": "http://127.0.0.1:9/rss"})
    assert answer.status_code == 422
    assert answer.json()["code"].startswith("address_")
    odd = await team.editor.client.post("/sources", json={"url": "khong phai dia chi"})
    assert [one["code"] for one in odd.json()["errors"]] == ["web_address"]


@pytest.mark.parametrize("call", ["GET /sources", "POST /sources"])
async def test_only_editors_and_admins_look_after_sources(team: Team, call: str) -> None:
    method, path = call.split()
    form = {"url": "https://soyte.example.com/rss"} if method == "POST" else None
    answer = await team.approver.client.request(method, path, json=form)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_needed")


async def _near(site: Site, team: Team, inside: frozenset[str]) -> Person:
    """The editor, before a hub that may ask the sister site although it is so near."""
    hub = replace(site.hub, guard=replace(site.hub.guard, inside=inside))
    near = replace(site, hub=hub, api=create_app(hub))
    return await near.person(team.editor.caller.unit_id, "editor")
