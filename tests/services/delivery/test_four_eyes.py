"""Two people, exact bytes: every way around them is refused, and every refusal is on record."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.audit.verify import verify
from services.storage.columns import new_id
from tests.services.delivery.walls import turning, until, wall
from tests.support.hub import Bench, Team
from tests.support.one_call import WallServer
from tests.support.site import Person, Site, open_site

BOTH = ("editor", "approver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One unit through the API: all who write may also approve, so only their hands count."""

    site: Site
    unit: UUID
    portal: str
    ha: Person
    binh: Person
    quan: Person
    auditor: Person

    async def draft(self, by: Person) -> str:
        """A new item; gives its id."""
        made = await by.client.post("/items", json={"kind": "news", "title": "Lịch tiếp dân"})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def edit(self, by: Person, item: str, title: str = "Lịch tiếp dân tháng 8") -> None:
        """Changes the words."""
        changed = await by.client.patch(
            f"/items/{item}", json={"title": title}, headers={"If-Match": "*"}
        )
        assert changed.status_code == 200, changed.text

    async def submit(self, by: Person, item: str) -> None:
        """Sends it to review for the portal."""
        sent = await by.client.post(f"/items/{item}/submit", json={"accounts": [self.portal]})
        assert sent.status_code == 200, sent.text

    async def approve(self, by: Person, item: str, **other: Any) -> httpx.Response:
        """Agrees to what the preview shows, or to something else in part."""
        shown = (await by.client.get(f"/items/{item}/preview")).json()
        seen = {one["account"]: one["hash"] for one in shown["renditions"]}
        return await by.client.post(
            f"/items/{item}/approve", json={"revision": shown["revision"], "seen": seen, **other}
        )

    async def refused(self, answer: httpx.Response, by: Person, item: str, code: str) -> None:
        """Asserts the refusal, its row in the record, and that nothing is to be published."""
        assert answer.status_code == (409 if code == "content_changed" else 403), answer.text
        assert answer.json()["code"] == code
        entries = await self.auditor.client.get("/audit", params={"object": f"item:{item}"})
        newest = entries.json()["data"][0]
        assert newest["act"] == "approval.refused"
        assert newest["details"]["code"] == code
        assert newest["actor"] == by.caller.actor.name
        publications = await self.auditor.client.get(f"/items/{item}/publications")
        assert publications.json()["data"] == []


@pytest.fixture(scope="module")
async def desk(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    root: Path = tmp_path_factory.mktemp("four-eyes")
    async with open_site(database_url, root) as site:
        unit = await site.unit()
        yield Desk(
            site=site,
            unit=unit,
            portal=str(await site.portal(unit)),
            ha=await site.person(unit, *BOTH),
            binh=await site.person(unit, *BOTH),
            quan=await site.person(unit, *BOTH),
            auditor=await site.person(unit, "auditor"),
        )


# ── Who ──────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_approves_an_item_of_their_own(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    await desk.refused(await desk.approve(desk.ha, item), desk.ha, item, "four_eyes")
    assert (await desk.approve(desk.quan, item)).status_code == 200


async def test_neither_the_author_nor_who_edited_the_text_approves_it(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.edit(desk.binh, item)
    await desk.submit(desk.ha, item)
    await desk.refused(await desk.approve(desk.ha, item), desk.ha, item, "four_eyes")
    await desk.refused(await desk.approve(desk.binh, item), desk.binh, item, "four_eyes")
    assert (await desk.approve(desk.quan, item)).status_code == 200


async def test_who_submits_the_text_of_another_does_not_approve_it(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.binh, item)
    await desk.refused(await desk.approve(desk.binh, item), desk.binh, item, "four_eyes")
    assert (await desk.approve(desk.quan, item)).status_code == 200


async def test_sending_it_back_and_submitting_it_anew_makes_nobody_a_stranger(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.edit(desk.binh, item)
    await desk.submit(desk.ha, item)
    back = await desk.quan.client.post(f"/items/{item}/return", json={"reason": "Thiếu giờ"})
    assert back.status_code == 200
    await desk.submit(desk.ha, item)
    await desk.refused(await desk.approve(desk.ha, item), desk.ha, item, "four_eyes")
    await desk.refused(await desk.approve(desk.binh, item), desk.binh, item, "four_eyes")
    assert (await desk.approve(desk.quan, item)).status_code == 200


async def test_an_approver_who_then_edits_needs_another_approver(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    await desk.edit(desk.quan, item)
    await desk.submit(desk.ha, item)
    await desk.refused(await desk.approve(desk.quan, item), desk.quan, item, "four_eyes")
    assert (await desk.approve(desk.binh, item)).status_code == 200


async def test_who_may_not_approve_at_all_is_refused_and_noted(desk: Desk) -> None:
    editor = await desk.site.person(desk.unit, "editor", "admin", "leader")
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    await desk.refused(await desk.approve(editor, item), editor, item, "role_needed")


async def test_a_program_never_approves(desk: Desk) -> None:
    program = await desk.site.program(desk.unit)
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    answer = await desk.approve(program, item)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")
    entries = await desk.auditor.client.get("/audit", params={"object": f"item:{item}"})
    newest = entries.json()["data"][0]
    assert (newest["act"], newest["details"]["code"]) == ("approval.refused", "person_needed")
    assert newest["actor"].startswith("token:")


async def test_an_approver_of_another_unit_does_not_even_find_the_item(desk: Desk) -> None:
    stranger = await desk.site.person(await desk.site.unit(), *BOTH)
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    answer = await stranger.client.post(f"/items/{item}/approve", json={"revision": 1, "seen": {}})
    assert answer.status_code == 404


# ── What ─────────────────────────────────────────────────────────────────────────────────────────


async def test_other_bytes_than_seen_are_not_agreed_to(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    answer = await desk.approve(desk.quan, item, seen={desk.portal: "0" * 64})
    await desk.refused(answer, desk.quan, item, "content_changed")


async def test_an_account_that_was_not_looked_at_is_not_agreed_to(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    answer = await desk.approve(desk.quan, item, seen={})
    await desk.refused(answer, desk.quan, item, "content_changed")


async def test_an_account_more_than_was_chosen_is_not_agreed_to(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    shown = (await desk.quan.client.get(f"/items/{item}/preview")).json()
    seen = {one["account"]: one["hash"] for one in shown["renditions"]}
    answer = await desk.approve(desk.quan, item, seen={**seen, str(new_id()): "0" * 64})
    await desk.refused(answer, desk.quan, item, "content_changed")


@pytest.mark.parametrize("revision", [1, 3])
async def test_another_revision_than_the_newest_is_not_agreed_to(desk: Desk, revision: int) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    await desk.edit(desk.ha, item)
    await desk.submit(desk.ha, item)
    answer = await desk.approve(desk.quan, item, revision=revision)
    await desk.refused(answer, desk.quan, item, "content_changed")
    assert (await desk.approve(desk.quan, item, revision=2)).status_code == 200


async def test_what_is_edited_between_looking_and_agreeing_is_not_agreed_to(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    await desk.submit(desk.ha, item)
    shown = (await desk.quan.client.get(f"/items/{item}/preview")).json()
    seen = {one["account"]: one["hash"] for one in shown["renditions"]}
    await desk.edit(desk.ha, item, "Lịch tiếp dân đã đổi")
    await desk.submit(desk.ha, item)
    answer = await desk.approve(desk.quan, item, revision=2, seen=seen)
    await desk.refused(answer, desk.quan, item, "content_changed")


async def test_a_draft_cannot_be_agreed_to(desk: Desk) -> None:
    item = await desk.draft(desk.ha)
    answer = await desk.approve(desk.quan, item)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_in_review")


async def test_the_record_of_all_these_refusals_is_whole(desk: Desk) -> None:
    async with desk.site.hub.open_work() as session:
        verdict = await verify(session)
    assert verdict.ok
    assert verdict.count > 0


# ── Between the yes and the call ─────────────────────────────────────────────────────────────────


async def acts_of_the_hub(bench: Bench, item_id: UUID) -> list[str]:
    """The acts of the hub itself on this item, in order."""
    async with bench.hub.open_work() as session:
        found = await session.scalars(
            text(
                "SELECT act || ' ' || coalesce(reason, '') FROM audit_entry"
                " WHERE object = :object AND actor LIKE 'system%' ORDER BY seq"
            ),
            {"object": f"item:{item_id}"},
        )
        return list(found)


async def lose(bench: Bench, team: Team, how: str) -> None:
    """The approver may no longer approve."""
    statement = {
        "role": "DELETE FROM staff_role WHERE staff_id = :id",
        "person": "UPDATE staff SET active = false WHERE id = :id",
    }[how]
    async with bench.hub.open_work() as session:
        await session.execute(text(statement), {"id": team.approver})


@pytest.mark.parametrize("how", ["role", "person"])
async def test_an_approval_dies_with_its_approvers_right_and_needs_a_new_one(
    walled: Bench, walls: WallServer, how: str
) -> None:
    team = await walled.team()
    name = f"four-eyes-{how}"
    account = await wall(walled, team, walls, name)
    item = await walled.draft(team)
    seen = await walled.submitted(team, item.id, [account])
    await walled.approved(team, item.id, seen)
    await lose(walled, team, how)
    async with turning(walled):
        await until(walled, item.id, "failed")
        assert walls.wall(name).calls == []
        assert await acts_of_the_hub(walled, item.id) == ["approval.voided approver_role_lost"]
        await walled.approved(team, item.id, seen, by=team.second_approver)
        await until(walled, item.id, "live")
    assert walls.wall(name).calls == ["POST"]
    async with walled.hub.open_work() as session:
        assert (await verify(session)).ok


async def test_a_correction_whose_approver_left_leaves_the_live_text_alone(
    walled: Bench, walls: WallServer
) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "four-eyes-live")
    async with turning(walled):
        item = await walled.published(team, [account], title="Bản đúng")
        await until(walled, item.id, "live")
    await walled.corrected(team, item.id, [account], title="Bản chưa ai chịu trách nhiệm")
    await lose(walled, team, "role")
    async with turning(walled):
        await until(walled, item.id, "failed")
    (shown,) = walls.wall("four-eyes-live").visible
    assert "Bản đúng" in shown
    assert walls.wall("four-eyes-live").calls == ["POST"]


async def test_taking_down_needs_no_living_approval(walled: Bench, walls: WallServer) -> None:
    team = await walled.team()
    account = await wall(walled, team, walls, "four-eyes-down")
    async with turning(walled):
        item = await walled.published(team, [account])
        await until(walled, item.id, "live")
        await walled.withdrawn(team, item.id)
        await lose(walled, team, "role")
        await until(walled, item.id, "withdrawn")
    assert walls.wall("four-eyes-down").visible == []
