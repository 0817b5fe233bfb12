"""Who reaches which page: every address × every role × the own unit and another × every state.

The addresses are those of the door, so that a new one cannot be forgotten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from sqlalchemy import text

from services.console.app import PAGES
from services.console.guard import Page
from services.staff.tables import ROLES
from tests.services.console.outlets import portal
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_STATES = ("draft", "review", "scheduled", "pending", "withdrawn")
_GAP = re.compile(r"\{(\w+)(?::\w+)?\}")
# What a path may name that is nobody's: kinds of channel, steps of a guide, forms of a page.
_FREE = {"kind": "portal_rss", "step": "1", "form": "hold"}
_ANSWERS = {200, 204, 302, 303, 403, 404, 409, 422}
# Everybody's own: the page tells only of the reader, whatever their unit.
_OWN = re.compile(r"^/(account|notifications|sign-out|help|tour|search)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """One thing of each kind in one unit, and items in every state."""

    team: Team
    items: dict[str, UUID]
    account: UUID
    publication: UUID
    media: UUID
    notice: UUID

    def path(self, page: Page, state: str) -> str:
        """The address with these things in its gaps."""

        def filled(gap: re.Match[str]) -> str:
            name = gap[1]
            known: dict[str, object] = {
                "item_id": self.items[state],
                "account_id": self.account,
                "publication_id": self.publication,
                "media_id": self.media,
                "staff_id": self.team.editor,
                "notice_id": self.notice,
                **_FREE,
            }
            return str(known.get(name, self.notice))

        return _GAP.sub(filled, page.path)


@pytest.fixture(scope="module")
async def things(console: Console, team: Team) -> Things:
    bench = replace(console.bench)
    account = await portal(bench, team)
    items: dict[str, UUID] = {}
    for state in _STATES:
        item = await bench.draft(team, title=f"Bài {state}")
        items[state] = item.id
        if state != "draft":
            seen = await bench.submitted(team, item.id, [account])
            if state != "review":
                await bench.approved(team, item.id, seen)
            if state == "withdrawn":
                await bench.withdrawn(team, item.id)
    async with console.hub.open_work() as session:
        publication = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id"), {"id": items["pending"]}
        )
        notice = await session.scalar(text("SELECT gen_random_uuid()"))
    assert publication is not None
    assert notice is not None
    return Things(
        team=team,
        items=items,
        account=account,
        publication=publication,
        media=await bench.picture(team),
        notice=notice,
    )


@pytest.fixture(scope="module")
async def insiders(console: Console, team: Team) -> dict[str, Visitor]:
    return {role: await console.with_role(team, role) for role in ROLES}


@pytest.fixture(scope="module")
async def strangers(console: Console) -> dict[str, Visitor]:
    other = await console.bench.team()
    return {role: await console.with_role(other, role) for role in ROLES}


def _cells(method: str) -> Iterator[tuple[Page, str]]:
    """Every page of that method, in every state where it is about an item."""
    for page in PAGES:
        if page.method == method:
            states = _STATES if "{item_id" in page.path else _STATES[:1]
            yield from ((page, state) for state in states)


@pytest.mark.parametrize("role", ROLES)
async def test_a_page_opens_for_its_roles_alone(
    things: Things, insiders: dict[str, Visitor], role: str
) -> None:
    wrong = {}
    for page, state in _cells("GET"):
        path = things.path(page, state)
        status = (await insiders[role].client.get(path)).status_code
        allowed = not page.roles or role in page.roles
        if status not in _ANSWERS or (not allowed and status != 403):
            wrong[f"{page.path} {state}"] = status
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
async def test_an_act_is_refused_to_other_roles_before_anything_else(
    things: Things, insiders: dict[str, Visitor], role: str
) -> None:
    wrong = {}
    for page, state in _cells("POST"):
        if page.roles and role not in page.roles:
            answer = await insiders[role].post(things.path(page, state))
            if answer.status_code != 403:
                wrong[f"{page.path} {state}"] = answer.status_code
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
async def test_nothing_of_another_unit_is_shown(
    things: Things, strangers: dict[str, Visitor], role: str
) -> None:
    wrong = {}
    for page, state in _cells("GET"):
        path = things.path(page, state)
        answer = await strangers[role].client.get(path)
        about_theirs = bool(set(_GAP.findall(page.path)) - set(_FREE)) and not _OWN.match(path)
        if answer.status_code not in _ANSWERS or (about_theirs and answer.status_code == 200):
            wrong[f"{page.path} {state}"] = answer.status_code
        if "Bài draft" in answer.text or "Bài review" in answer.text:
            wrong[f"{page.path} {state}"] = -1
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
async def test_nothing_of_another_unit_is_changed(
    console: Console, things: Things, strangers: dict[str, Visitor], role: str
) -> None:
    async def standing() -> list[tuple[object, ...]]:
        async with console.hub.open_work() as session:
            rows = await session.execute(
                text(
                    "SELECT i.id, i.version, r.state, p.state, p.generation, a.state, s.active"
                    " FROM item i JOIN revision r ON r.item_id = i.id"
                    " LEFT JOIN publication p ON p.item_id = i.id"
                    " LEFT JOIN account a ON a.id = p.account_id"
                    " JOIN staff s ON s.id = i.created_by"
                    " WHERE i.unit_id = :unit ORDER BY i.id, r.no"
                ),
                {"unit": things.team.unit_id},
            )
            return [tuple(row) for row in rows]

    before, wrong = await standing(), {}
    for page, state in _cells("POST"):
        if not set(_GAP.findall(page.path)) - set(_FREE):
            continue
        path = things.path(page, state)
        answer = await strangers[role].post(path, reason="Thử", title="Thử", do="submit")
        if answer.status_code not in (204, 403, 404, 409, 422) and not _OWN.match(path):
            wrong[f"{page.path} {state}"] = answer.status_code
    assert wrong == {}
    assert await standing() == before
