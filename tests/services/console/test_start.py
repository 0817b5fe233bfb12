"""The first admin's form, over a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.staff import invitations
from shared.clock import utc_now
from tests.support.console import Console, open_console


@pytest.fixture
async def console(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Console]:
    """A hub in which nobody is yet."""
    async with open_console(fresh_database_url, tmp_path) as opened:
        yield opened


async def _link(console: Console) -> str:
    async with console.hub.open_work() as session:
        secret = await invitations.create_first(session, now=utc_now())
    return f"/start/{secret}"


async def test_a_hub_without_anybody_says_where_the_first_link_is(console: Console) -> None:
    async with console.client() as client:
        page = await client.get("/sign-in")
    assert "Chưa có ai trong nhóm" in page.text


async def test_a_link_for_nobody_is_over(console: Console) -> None:
    async with console.client() as client:
        assert (await client.get("/start/abc")).status_code == 404
        assert (await client.post("/start/abc", data={"name": "x"})).status_code == 404


async def test_a_browser_of_another_site_cannot_send_the_form(console: Console) -> None:
    link = await _link(console)
    async with console.client() as client:
        for header in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await client.post(link, data={"name": "x"}, headers=header)
            assert answer.status_code == 403
        assert (await client.get(link)).status_code == 200


async def test_faults_are_shown_beside_their_fields_and_words_are_kept(console: Console) -> None:
    form = {
        "unit_name": "Sở <b>Nội vụ</b>",
        "unit_code": "SNV",
        "name": "Sơn",
        "email": "không phải thư",
        "password": "mot cau rat de nho",
    }
    async with console.client() as client:
        answer = await client.post(await _link(console), data=form)
    assert answer.status_code == 422
    assert "Không phải địa chỉ thư" in answer.text
    assert "Sở &lt;b&gt;Nội vụ" in answer.text
    assert form["password"] not in answer.text


async def test_the_first_admin_can_sign_in_at_once(console: Console) -> None:
    form = {
        "unit_name": "Ủy ban nhân dân phường Hoa Sen",
        "unit_code": "HOASEN",
        "name": "Trần Minh Quân",
        "email": "quan@hoasen.example",
        "password": "mot cau rat de nho",
    }
    async with console.client() as client:
        made = await client.post(await _link(console), data=form)
        assert made.status_code == 303
        entered = await client.post(
            "/sign-in", data={"email": form["email"], "password": form["password"]}
        )
        assert entered.status_code == 303
        assert entered.headers["location"] == "/"
