from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text

from services.storage.columns import new_id
from tests.services.api.conftest import Team
from tests.support.site import Site


async def published(site: Site, team: Team) -> tuple[str, str]:
    """An agreed item on the portal: its id, and its publication's."""
    made = await team.editor.client.post("/items", json={"kind": "news", "title": "Đã đăng"})
    item = made.json()["id"]
    address = f"/items/{item}"
    await team.editor.client.post(f"{address}/submit", json={"accounts": [str(team.portal)]})
    preview = (await team.approver.client.get(f"{address}/preview")).json()
    seen = {one["account"]: one["hash"] for one in preview["renditions"]}
    agreed = await team.approver.client.post(
        f"{address}/approve", json={"revision": preview["revision"], "seen": seen}
    )
    assert agreed.status_code == 200, agreed.text
    listed = await team.leader.client.get(f"{address}/publications")
    return item, listed.json()["data"][0]["id"]


async def set_state(site: Site, publication: str, *states: str, **more: object) -> None:
    async with site.hub.open_work() as session:
        for state in states:
            await session.execute(
                text("UPDATE publication SET state = :state WHERE id = :id"),
                {"state": state, "id": UUID(publication)},
            )
        for name, value in more.items():
            await session.execute(
                text(f"UPDATE publication SET {name} = :value WHERE id = :id"),
                {"value": value, "id": UUID(publication)},
            )


async def test_a_publication_is_shown_whole(site: Site, team: Team) -> None:
    item, publication = await published(site, team)
    one = (await team.leader.client.get(f"/publications/{publication}")).json()
    assert one["item"] == item
    assert one["account"]["channel"] == "portal_rss"
    assert (one["operation"], one["generation"], one["observed_generation"]) == ("publish", 1, 0)
    assert one["problem"] is None


async def test_trouble_is_told_in_the_readers_language(site: Site, team: Team) -> None:
    _, publication = await published(site, team)
    await set_state(site, publication, "failed", problem_code="token_expired")
    address = f"/publications/{publication}"
    vietnamese = (await team.leader.client.get(address)).json()["problem"]
    english = (await team.leader.client.get(address, headers={"Accept-Language": "en"})).json()[
        "problem"
    ]
    assert vietnamese["code"] == english["code"] == "token_expired"
    assert vietnamese["happened"] != english["happened"]
    assert all(vietnamese[part] for part in ("happened", "effect", "next"))


async def test_publications_are_listed_by_state_and_in_pages(site: Site, team: Team) -> None:
    ids = {(await published(site, team))[1] for _ in range(3)}
    for one in ids:
        await set_state(site, one, "failed")
    first = (await team.leader.client.get("/publications?state=failed&limit=2")).json()
    rest = (
        await team.leader.client.get(f"/publications?state=failed&cursor={first['next']}")
    ).json()
    assert len(first["data"]) == 2
    assert ids <= {one["id"] for one in first["data"] + rest["data"]}
    assert rest["next"] is None


async def test_a_failed_one_is_tried_again_by_an_approver(site: Site, team: Team) -> None:
    _, publication = await published(site, team)
    await set_state(site, publication, "failed", problem_code="rejected")
    refused = await team.editor.client.post(f"/publications/{publication}/retry")
    tried = await team.approver.client.post(f"/publications/{publication}/retry")
    again = await team.approver.client.post(f"/publications/{publication}/retry")
    assert (refused.status_code, tried.status_code, again.status_code) == (403, 200, 409)
    assert tried.json()["state"] in ("pending", "uncertain")


async def test_only_an_open_question_is_decided(site: Site, team: Team) -> None:
    _, publication = await published(site, team)
    address = f"/publications/{publication}/decide"
    early = await team.approver.client.post(address, json={"outcome": "absent"})
    await set_state(site, publication, "pending", "sending", "undecided")
    stopped = await team.approver.client.post(address, json={"outcome": "stop"})
    assert (early.status_code, stopped.status_code) == (409, 200)
    assert stopped.json()["state"] == "failed"
    assert stopped.json()["may_be_visible"] is True


@pytest.mark.parametrize(
    "body",
    [{}, {"outcome": "found"}, {"outcome": "maybe"}, {"outcome": "stop", "remote_id": "1"}],
)
async def test_a_decision_has_one_of_three_forms(
    site: Site, team: Team, body: dict[str, object]
) -> None:
    answer = await team.approver.client.post(f"/publications/{new_id()}/decide", json=body)
    assert answer.status_code == 422


async def test_publications_of_other_units_do_not_exist(site: Site, team: Team) -> None:
    _, publication = await published(site, team)
    client = team.stranger.client
    answers = [
        await client.get(f"/publications/{publication}"),
        await client.post(f"/publications/{publication}/retry"),
        await client.post(f"/publications/{publication}/repair"),
        await client.post(f"/publications/{publication}/decide", json={"outcome": "stop"}),
    ]
    assert [one.status_code for one in answers] == [404] * 4
    assert (await client.get("/publications")).json()["data"] == []


async def test_everything_can_be_held_and_let_go(site: Site, team: Team) -> None:
    held = await team.approver.client.post("/freeze", json={"reason": "Nghi có sự cố"})
    shown = await team.leader.client.get("/freeze")
    refused = await team.editor.client.post("/unfreeze")
    lifted = await team.admin.client.post("/unfreeze")
    assert (held.json()["frozen"], shown.json()["reason"]) == (True, "Nghi có sự cố")
    assert refused.status_code == 403
    assert lifted.json()["frozen"] is False


async def test_the_record_shows_its_chain(team: Team) -> None:
    entries = (await team.auditor.client.get("/audit?limit=5")).json()["data"]
    following = pairwise(entries)
    assert all(len(one["hash"]) == 64 for one in entries)
    assert all(
        newer["prev_hash"] == older["hash"]
        for newer, older in following
        if newer["seq"] == older["seq"] + 1
    )
