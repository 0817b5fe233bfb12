"""An item may stand on two thousand accounts: what an answer costs is bounded all the same."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.services.api.conftest import Team
from tests.support.site import Site
from tests.support.wide import MANY, Asked, all_live, asked, copies

_IDENTITY = 2  # statements that tell who calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item that stands everywhere, and what was asked of the database to bring it there."""

    id: str
    accounts: list[str]
    preview: dict[str, Any]
    submitted: Asked
    previewed: Asked
    approved: Asked


async def everywhere(site: Site, team: Team, accounts: list[UUID]) -> Item:
    made = await team.editor.client.post(
        "/items", json={"kind": "news", "title": "Lịch nghỉ lễ", "body": "Nghỉ ba ngày."}
    )
    item = made.json()["id"]
    chosen = [str(one) for one in accounts]
    with asked() as submitted:
        answer = await team.editor.client.post(f"/items/{item}/submit", json={"accounts": chosen})
    assert answer.status_code == 200, answer.text
    with asked() as previewed:
        preview = (await team.approver.client.get(f"/items/{item}/preview")).json()
    seen = {one["account"]: one["hash"] for one in preview["renditions"]}
    with asked() as approved:
        answer = await team.approver.client.post(
            f"/items/{item}/approve", json={"revision": 1, "seen": seen}
        )
    assert answer.status_code == 200, answer.text
    async with site.hub.open_work() as session:
        await all_live(session, UUID(item))
    return Item(
        id=item,
        accounts=chosen,
        preview=preview,
        submitted=submitted,
        previewed=previewed,
        approved=approved,
    )


@pytest.fixture(scope="module")
async def wide(site: Site, team: Team) -> Item:
    async with site.hub.open_work() as session:
        accounts = await copies(session, team.portal)
    return await everywhere(site, team, accounts)


@pytest.fixture(scope="module")
async def narrow(site: Site, team: Team) -> Item:
    return await everywhere(site, team, [team.portal])


async def get(team: Team, path: str) -> tuple[httpx.Response, Asked]:
    with asked() as told:
        answer = await team.admin.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer, told


async def test_a_list_is_one_statement_and_a_row_for_each_item(
    team: Team, wide: Item, narrow: Item
) -> None:
    answer, told = await get(team, "/items?limit=2")
    found = {one["id"]: one for one in answer.json()["data"]}
    assert sorted(found) == sorted([wide.id, narrow.id])
    assert sorted(found[wide.id]["accounts"]) == sorted(wide.accounts)
    assert found[narrow.id]["accounts"] == narrow.accounts
    assert {one["state"] for one in found.values()} == {"published"}
    assert len(told.statements) == _IDENTITY + 1, told.statements
    assert told.rows <= _IDENTITY + 3


async def test_a_list_of_one_state_is_one_statement_too(team: Team, wide: Item) -> None:
    answer, told = await get(team, "/items?state=published&limit=1")
    assert answer.json()["data"][0]["state"] == "published"
    assert len(told.statements) == _IDENTITY + 1
    assert told.rows <= _IDENTITY + 2


async def test_one_item_is_one_row(team: Team, wide: Item) -> None:
    answer, told = await get(team, f"/items/{wide.id}")
    assert sorted(answer.json()["accounts"]) == sorted(wide.accounts)
    assert (answer.json()["live_revision"], answer.json()["state"]) == (1, "published")
    assert len(told.statements) == _IDENTITY + 1
    assert told.rows == _IDENTITY + 1


async def test_a_draft_names_no_accounts(team: Team) -> None:
    made = await team.editor.client.post("/items", json={"kind": "news", "title": "Chưa xong"})
    answer, told = await get(team, f"/items/{made.json()['id']}")
    assert answer.json()["accounts"] == []
    assert told.rows == _IDENTITY + 1


@pytest.mark.parametrize("path", ["/items/{item}/publications", "/publications"])
async def test_a_page_of_publications_reads_no_more_than_the_page(
    team: Team, wide: Item, path: str
) -> None:
    answer, told = await get(team, path.format(item=wide.id))
    assert len(answer.json()["data"]) == 50
    assert len(told.statements) <= _IDENTITY + 2, told.statements
    assert told.rows <= _IDENTITY + 1 + 51


async def test_accounts_are_read_page_by_page(team: Team, wide: Item) -> None:
    answer, told = await get(team, "/accounts?limit=200&channel=portal_rss")
    seen = [one["id"] for one in answer.json()["data"]]
    assert len(told.statements) == _IDENTITY + 1
    assert told.rows <= _IDENTITY + 201
    while answer.json()["next"] is not None:
        answer, told = await get(
            team, f"/accounts?limit=200&channel=portal_rss&cursor={answer.json()['next']}"
        )
        seen += [one["id"] for one in answer.json()["data"]]
    assert len(seen) == len(set(seen))
    assert set(wide.accounts) <= set(seen)


async def test_a_cursor_that_names_no_account_is_refused(team: Team) -> None:
    answer = await team.admin.client.get("/accounts?cursor=abc")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "cursor_unknown"


async def test_a_stored_preview_is_told_as_the_database_keeps_it(
    team: Team, wide: Item, narrow: Item
) -> None:
    assert len(wide.preview["renditions"]) == MANY
    assert {one["account"] for one in wide.preview["renditions"]} == set(wide.accounts)
    first = wide.preview["renditions"][0]
    assert set(first) == {"account", "hash", "payload", "problems"}
    assert len(wide.previewed.statements) == len(narrow.previewed.statements)
    one = wide.accounts[7]
    answer, _ = await get(team, f"/items/{wide.id}/preview?accounts={one}")
    assert [shown["account"] for shown in answer.json()["renditions"]] == [one]


async def test_two_thousand_accounts_ask_as_few_statements_as_one(wide: Item, narrow: Item) -> None:
    assert len(wide.submitted.statements) == len(narrow.submitted.statements)
    assert len(wide.approved.statements) == len(narrow.approved.statements)


async def test_changing_a_draft_reads_nothing_twice(team: Team) -> None:
    made = await team.editor.client.post("/items", json={"kind": "news", "title": "Một"})
    with asked() as told:
        answer = await team.editor.client.patch(
            f"/items/{made.json()['id']}",
            json={"title": "Hai"},
            headers={"If-Match": made.headers["ETag"]},
        )
    assert answer.status_code == 200
    # The item and its revision, locked, then changed; what is told; three for the record.
    assert len(told.statements) == _IDENTITY + 2 + 2 + 1 + 3, told.statements
    assert len(told.statements) == len(set(told.statements))
