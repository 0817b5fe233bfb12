from typing import Any

import httpx
import pytest

from tests.services.api.conftest import Team
from tests.support.site import Site


async def made(team: Team, **more: object) -> dict[str, Any]:
    answer = await team.editor.client.post(
        "/items", json={"kind": "news", "title": "Lịch tiếp dân", "body": "Nội dung.", **more}
    )
    assert answer.status_code == 201, answer.text
    return shown(answer)


async def submitted(team: Team, **more: object) -> tuple[dict[str, Any], dict[str, str]]:
    item = await made(team)
    answer = await team.editor.client.post(
        f"/items/{item['id']}/submit", json={"accounts": [str(team.portal)], **more}
    )
    assert answer.status_code == 200, answer.text
    preview = await team.approver.client.get(f"/items/{item['id']}/preview")
    seen = {one["account"]: one["hash"] for one in preview.json()["renditions"]}
    return shown(answer), seen


def shown(answer: httpx.Response) -> dict[str, Any]:
    told = answer.json()
    assert isinstance(told, dict)
    return told


async def test_a_new_item_is_answered_whole_with_its_tag(team: Team) -> None:
    answer = await team.editor.client.post(
        "/items",
        json={
            "kind": "document",
            "title": "Thông tư",
            "tags": ["cải cách"],
            "document": {"number": "15/2026/TT-BNV", "issued_on": "2026-08-01"},
            "overrides": {str(team.portal): {"title": "Tên riêng"}},
        },
    )
    item = shown(answer)
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert item["state"] == "draft"
    assert item["revision"] == 1
    assert item["live_revision"] is item["open"] is None
    assert item["document"]["issued_on"] == "2026-08-01"
    assert item["overrides"][str(team.portal)]["title"] == "Tên riêng"
    assert item["created_at"].endswith("Z")
    assert item["url"] == f"http://loa.test/tin/{item['code']}"
    assert item["created_by"] == team.editor.id


async def test_a_program_may_draft_but_not_submit(team: Team) -> None:
    answer = await team.program.client.post("/items", json={"kind": "news", "title": "Máy viết"})
    assert answer.status_code == 201
    item = answer.json()["id"]
    refused = await team.program.client.post(
        f"/items/{item}/submit", json={"accounts": [str(team.portal)]}
    )
    assert refused.status_code == 403
    assert refused.json()["code"] == "person_needed"


async def test_unknown_fields_and_bad_values_are_named(team: Team) -> None:
    answer = await team.editor.client.post(
        "/items", json={"kind": "poem", "title": "", "state": "live"}
    )
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {one["field"] for one in problem["errors"]} == {"kind", "title", "state"}
    assert problem["code"] == "invalid_request"


async def test_a_title_of_invisible_letters_is_no_title(team: Team) -> None:
    answer = await team.editor.client.post(
        "/items", json={"kind": "news", "title": "\u200b\u2060", "summary": "\u200b"}
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["title"]


async def test_changing_needs_the_tag_and_refuses_an_old_one(team: Team) -> None:
    item = await made(team)
    address = f"/items/{item['id']}"
    without = await team.editor.client.patch(address, json={"title": "Mới"})
    first = await team.editor.client.patch(
        address, json={"title": "Mới"}, headers={"If-Match": '"1"'}
    )
    stale = await team.editor.client.patch(
        address, json={"title": "Cũ"}, headers={"If-Match": '"1"'}
    )
    assert (without.status_code, first.status_code, stale.status_code) == (428, 200, 412)
    assert first.headers["etag"] == '"2"'
    assert (first.json()["title"], first.json()["body"]) == ("Mới", "Nội dung.")
    assert stale.json()["code"] == "stale_version"


async def test_a_weakened_tag_and_a_star_are_understood(team: Team) -> None:
    item = await made(team)
    address = f"/items/{item['id']}"
    weak = await team.editor.client.patch(
        address, json={"title": "Hai"}, headers={"If-Match": 'W/"1"'}
    )
    star = await team.editor.client.patch(address, json={"title": "Ba"}, headers={"If-Match": "*"})
    assert (weak.status_code, star.status_code) == (200, 200)


async def test_other_units_see_nothing(team: Team) -> None:
    item = await made(team)
    address = f"/items/{item['id']}"
    answers = [
        await team.stranger.client.get(address),
        await team.stranger.client.get(f"{address}/preview"),
        await team.stranger.client.get(f"{address}/revisions"),
        await team.stranger.client.get(f"{address}/publications"),
        await team.stranger.client.patch(address, json={}, headers={"If-Match": "*"}),
        await team.stranger.client.post(f"{address}/withdraw", json={"reason": "x"}),
        await team.stranger.client.post(f"{address}/stop"),
    ]
    listed = await team.stranger.client.get("/items")
    assert {one.status_code for one in answers} == {404}
    assert listed.json() == {"data": [], "next": None}


@pytest.mark.parametrize("role", ["approver", "admin", "auditor", "leader", "responder"])
async def test_only_editors_write(team: Team, role: str) -> None:
    answer = await getattr(team, role).client.post("/items", json={"kind": "news", "title": "x"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "role_needed"


async def test_two_people_publish(team: Team) -> None:
    item, seen = await submitted(team)
    assert item["state"] == "review"
    own = await team.editor.client.post(
        f"/items/{item['id']}/approve", json={"revision": 1, "seen": seen}
    )
    agreed = await team.approver.client.post(
        f"/items/{item['id']}/approve", json={"revision": 1, "seen": seen}
    )
    assert own.status_code == 403
    assert agreed.status_code == 200, agreed.text
    assert agreed.json()["approved_by"] == team.approver.id
    assert agreed.json()["submitted_by"] == team.editor.id
    found = await team.leader.client.get(f"/items/{item['id']}/publications")
    (publication,) = found.json()["data"]
    assert publication["account"]["id"] == str(team.portal)
    assert publication["generation"] == 1


async def test_what_was_not_seen_is_not_agreed_to(team: Team) -> None:
    item, seen = await submitted(team)
    other = dict.fromkeys(seen, "0" * 64)
    answer = await team.approver.client.post(
        f"/items/{item['id']}/approve", json={"revision": 1, "seen": other}
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "content_changed"


async def test_refused_approvals_are_recorded(team: Team) -> None:
    item, seen = await submitted(team)
    address = f"/items/{item['id']}/approve"
    await team.approver.client.post(address, json={"revision": 1, "seen": {}})
    await team.program.client.post(address, json={"revision": 1, "seen": seen})
    found = await team.auditor.client.get("/audit", params={"object": f"item:{item['id']}"})
    entries = [(one["act"], one["details"].get("code")) for one in found.json()["data"]]
    assert entries[:2] == [
        ("approval.refused", "person_needed"),
        ("approval.refused", "content_changed"),
    ]
    by_id_alone = await team.auditor.client.get("/audit", params={"object": item["id"]})
    assert by_id_alone.json() == found.json()


async def test_a_returned_item_can_be_mended_and_submitted_again(team: Team) -> None:
    item, _ = await submitted(team)
    address = f"/items/{item['id']}"
    returned = await team.approver.client.post(f"{address}/return", json={"reason": "Sai ngày"})
    assert returned.json()["state"] == "returned"
    assert returned.json()["return_reason"] == "Sai ngày"
    changed = await team.editor.client.patch(
        address, json={"title": "Đúng ngày"}, headers={"If-Match": returned.headers["etag"]}
    )
    assert (changed.json()["revision"], changed.json()["state"]) == (2, "draft")
    listed = await team.auditor.client.get(f"{address}/revisions")
    assert [(one["no"], one["state"]) for one in listed.json()["data"]] == [
        (2, "draft"),
        (1, "returned"),
    ]
    one = await team.auditor.client.get(f"{address}/revisions/1")
    assert one.json()["return_reason"] == "Sai ngày"


async def test_stopping_and_withdrawing(team: Team) -> None:
    item, seen = await submitted(team)
    address = f"/items/{item['id']}"
    await team.approver.client.post(f"{address}/approve", json={"revision": 1, "seen": seen})
    stopped = await team.editor.client.post(f"{address}/stop")
    assert stopped.status_code == 200, stopped.text
    again = await team.editor.client.post(f"{address}/stop")
    assert again.status_code == 409
    withdrawn = await team.approver.client.post(f"{address}/withdraw", json={"reason": "Nhầm"})
    assert withdrawn.status_code == 200, withdrawn.text
    (effect,) = withdrawn.json()["accounts"]
    assert effect["account"] == str(team.portal)


async def test_nobody_but_its_hands_and_approvers_hears_what_may_be_stopped(team: Team) -> None:
    item = await made(team)
    people = (team.auditor, team.responder, team.admin, team.leader, team.approver)
    answers = [await one.client.post(f"/items/{item['id']}/stop") for one in people]
    assert [one.status_code for one in answers] == [403, 403, 403, 403, 409]


async def test_what_stands_elsewhere_only_is_not_withdrawn_from_here(team: Team) -> None:
    item, seen = await submitted(team)
    address = f"/items/{item['id']}"
    foreign = {"reason": "Nhầm", "accounts": ["01a20104-7185-73e8-af22-fa791352992f"]}
    before = await team.approver.client.post(f"{address}/withdraw", json=foreign)
    await team.approver.client.post(f"{address}/approve", json={"revision": 1, "seen": seen})
    after = await team.approver.client.post(f"{address}/withdraw", json=foreign)
    assert (before.status_code, before.json()["code"]) == (409, "nothing_published")
    assert (after.status_code, after.json()["code"]) == (404, "publication_not_found")


async def test_what_keeps_a_rendition_back_speaks_the_readers_language(site: Site) -> None:
    unit = await site.unit()
    editor = await site.person(unit, "editor")
    slug = f"cong-{unit.hex[-12:]}"
    picky = await site.account(
        unit,
        "portal_rss",
        {"slug": slug, "title": "Cổng", "link": "https://cong.example/", "kinds": ["document"]},
        {},
    )
    item = shown(await editor.client.post("/items", json={"kind": "news", "title": "Lịch"}))
    address = f"/items/{item['id']}"
    english = {"Accept-Language": "en"}
    told = [
        {
            problem["code"]: problem["detail"]
            for problem in answer.json()["renditions"][0]["problems"]
        }
        for answer in (
            await editor.client.get(f"{address}/preview"),
            await editor.client.get(f"{address}/preview", headers=english),
        )
    ]
    refused = await editor.client.post(
        f"{address}/submit", json={"accounts": [str(picky)]}, headers=english
    )
    (field,) = refused.json()["errors"]
    assert told[0].keys() == told[1].keys() == {"kind_not_carried", "summary_missing"}
    assert told[0]["kind_not_carried"].endswith("đổi loại tin.")
    assert told[1]["kind_not_carried"].endswith("choose another kind.")
    assert field["detail"] == told[1]["kind_not_carried"]


async def test_a_submission_with_a_blocking_problem_is_refused(team: Team) -> None:
    item = await made(team)
    answer = await team.editor.client.post(
        f"/items/{item['id']}/submit",
        json={"accounts": ["01a20104-7185-73e8-af22-fa791352992f"]},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "accounts"


async def test_a_preview_is_for_accounts_within_reach(site: Site, team: Team) -> None:
    item = await made(team)
    own, other = await site.portal(team.unit), await site.portal(team.stranger.caller.unit_id)
    address = f"/items/{item['id']}/preview"
    both = await team.editor.client.get(f"{address}?accounts={own},{team.portal}")
    repeated = await team.editor.client.get(f"{address}?accounts={own}&accounts={team.portal}")
    foreign = await team.editor.client.get(f"{address}?accounts={other}")
    senseless = await team.editor.client.get(f"{address}?accounts=cong")
    assert len(both.json()["renditions"]) == len(repeated.json()["renditions"]) == 2
    assert (foreign.status_code, senseless.status_code) == (404, 422)


async def test_a_list_goes_on_where_it_stopped(team: Team) -> None:
    made_ids = {(await made(team, tags=["trang"]))["id"] for _ in range(3)}
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(2):
        params = {"tag": "trang", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await team.leader.client.get("/items", params=params)).json()
        seen += [one["id"] for one in page["data"]]
        cursor = page["next"]
    assert cursor is None
    assert sorted(seen) == sorted(made_ids)


async def test_search_folds_accents(team: Team) -> None:
    item = await made(team, title="Phòng chống bão Yagi ở Quảng Ninh")
    found = await team.leader.client.get("/items", params={"q": "bao yagi quang"})
    assert [one["id"] for one in found.json()["data"]] == [item["id"]]


async def test_revisions_are_paged(team: Team) -> None:
    item, _ = await submitted(team)
    address = f"/items/{item['id']}"
    await team.editor.client.patch(address, json={"title": "Hai"}, headers={"If-Match": "*"})
    first = (await team.leader.client.get(f"{address}/revisions?limit=1")).json()
    second = (
        await team.leader.client.get(f"{address}/revisions?limit=1&cursor={first['next']}")
    ).json()
    assert [one["no"] for one in first["data"] + second["data"]] == [2, 1]
    assert second["next"] is None


@pytest.mark.parametrize("asked", ["cursor=khong", "state=no", "limit=0", "limit=201", "kind=x"])
async def test_a_question_that_makes_no_sense_is_refused(team: Team, asked: str) -> None:
    answer = await team.leader.client.get(f"/items?{asked}")
    assert answer.status_code == 422
