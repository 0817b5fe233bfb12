"""Every template is really drawn, strictly: a name that nobody gives it would end the request."""

from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import jinja2
import pytest

from services.cli.web import Site as WebSite
from services.sandbox.app import create_app as create_sandbox
from services.staff import invitations
from shared.clock import utc_now
from tests.house.test_templates import NAMES
from tests.house.tree import ROOT
from tests.support.newsroom import Newsroom
from tests.support.site import open_site

HTML = {"Accept": "text/html"}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The templates that were used, whether named by a page or by another template."""
    used: set[str] = set()
    load = jinja2.Environment._load_template

    def recorded(
        self: jinja2.Environment, name: str, given: MutableMapping[str, Any] | None
    ) -> jinja2.Template:
        template = load(self, name, given)
        used.add(str(Path(str(template.filename)).relative_to(ROOT / "services")))
        return template

    monkeypatch.setattr(jinja2.Environment, "_load_template", recorded)
    return used


@pytest.fixture
async def site(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The whole site, with a live item, a withdrawn one, and a link for the first admin."""
    async with open_site(fresh_database_url, tmp_path) as opened:
        async with opened.hub.open_work() as session:
            secret = await invitations.create_first(session, now=utc_now())
        async with client(WebSite(opened.hub, redis=None, demo=None)) as visitor:
            await see(visitor, f"/start/{secret}")
            async with opened.hub.open_work() as session:
                newsroom = await Newsroom(session=session).open()
                portal = await newsroom.portal("cong")
                live, _ = await newsroom.live(portal, at=utc_now())
                gone, publication = await newsroom.live(portal, at=utc_now(), title="Bài đã gỡ")
                await newsroom.withdraw(gone, publication, at=utc_now(), reason="Sai ngày")
                codes = (live.code, gone.code)
            await see(visitor, f"/tin/{codes[0]}")
            await see(visitor, f"/tin/{codes[1]}")
            yield visitor


def client(app: Any) -> httpx.AsyncClient:
    """A visitor to whom an error of ours is an error of the test."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://loa.test", headers=HTML
    )


async def see(visitor: httpx.AsyncClient, address: str) -> None:
    """Opens a page; one that is missing or gone is drawn as well."""
    answer = await visitor.get(address)
    assert answer.status_code in (200, 404, 410), f"{address}: {answer.status_code}"
    assert answer.text.lstrip().lower().startswith("<!doctype html>")


async def test_every_page_of_the_hub_is_drawn(drawn: set[str], site: httpx.AsyncClient) -> None:
    for address in ("/sign-in", "/start/khong-con-dung", "/feeds", "/tin/KHONG-CO", "/khong-co"):
        await see(site, address)
    for address in (
        "/feeds/cong",
        "/websub",
        "/tin",
        "/kenh-chinh-thuc",
        "/kiem-tra?q=x-2026-000001",
        "/kiem-tra/khoa",
    ):
        await see(site, address)
    # The console's own pages are drawn, each in its states, by its tests.
    assert {one for one in NAMES if one.startswith("feeds/")} - drawn == set()
    frame = {"document", "plain", "sign_in", "first_admin", "problem"}
    assert {f"console/templates/{name}.html" for name in frame} - drawn == set()


async def test_every_page_of_the_sandbox_is_drawn(drawn: set[str]) -> None:
    async with client(create_sandbox(public_media_fetch=False)) as visitor:
        made = await visitor.post("/admin/accounts", json={"channel": "zalo_oa", "id": "88001"})
        app_id = made.json()["accounts"][0]["settings"]["app_id"]
        foreign = {"channel": "zalo_oa", "account": "88001", "title": "Bài", "text": "Chữ"}
        post = (await visitor.post("/admin/foreign", json=foreign)).json()["remote_id"]
        feed = {"feed_url": "http://127.0.0.1:9/rss.xml", "every": 3600}
        portal = (await visitor.post("/admin/portal", json=feed)).json()["page"]
        asked = f"app_id={app_id}&redirect_uri=http://loa.test/back&state=x"
        for address in (
            "/ledger",
            "/faults",
            "/portal",
            portal,
            "/sister",
            "/sister/tin/412",
            f"/zalo/view/{post}",
            "/zalo/view/khong-co",
            f"/zalo-oauth/v4/oa/permission?{asked}",
        ):
            await see(visitor, address)
        await visitor.post("/admin/reset")
    assert {one for one in NAMES if one.startswith("sandbox/")} - drawn == set()
