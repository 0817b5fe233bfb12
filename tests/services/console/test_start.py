"""The start page and the first admin's form, over a real database."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.console import start
from services.console.pages import Demo, DemoPerson
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.staff import invitations
from services.storage.session import make_engine, opener
from shared.clock import utc_now

_TEMPLATES = Path(start.__file__).parent / "templates"
_DEMO = Demo(
    people=(
        DemoPerson(
            name="Lê Thu Hà",
            email="ha@hoasen.example",
            roles=("editor",),
            unit="HOASEN",
            password="loa-demo-2026",
        ),
    ),
    ledger_url="http://127.0.0.1:8081/ledger",
    faults_url="http://127.0.0.1:8081/faults",
    portal_url="http://127.0.0.1:8081/portal",
)


@pytest.fixture
async def hub(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    engine = make_engine(fresh_database_url)
    yield Hub(
        open_work=opener(engine),
        registry=Registry.of(),
        sealer=Sealer(b"k" * 32),
        media=MediaStore(tmp_path),
        public_url="http://loa.test",
    )
    await engine.dispose()


def _client(hub: Hub, *, demo: Demo | None = None) -> httpx.AsyncClient:
    app = Starlette(routes=start.routes(hub, demo=demo))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://loa.test")


async def test_outside_a_rehearsal_a_stranger_sees_no_board_and_no_password(hub: Hub) -> None:
    async with _client(hub) as client:
        page = await client.get("/")
    assert page.status_code == 200
    assert "Tin nào đang ở đâu" not in page.text
    assert "loa-demo" not in page.text
    assert "Chưa có ai trong nhóm" in page.text


async def test_in_a_rehearsal_the_page_tells_who_can_sign_in(hub: Hub) -> None:
    async with _client(hub, demo=_DEMO) as client:
        page = await client.get("/")
    assert "loa-demo-2026" in page.text
    assert "http://127.0.0.1:8081/ledger" in page.text
    assert "Biên tập" in page.text


async def test_every_answer_carries_the_policy(hub: Hub) -> None:
    async with _client(hub) as client:
        for path in ("/", "/start/nothing"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


async def test_the_styles_are_kept_for_ever_under_their_own_name(hub: Hub) -> None:
    async with _client(hub) as client:
        page = await client.get("/")
        address = re.search(r'href="(/static/console/console\.css\?v=\w+)"', page.text)
        assert address is not None
        styles = await client.get(address[1])
    assert styles.headers["content-type"].startswith("text/css")
    assert "immutable" in styles.headers["cache-control"]


async def test_a_link_for_nobody_is_over(hub: Hub) -> None:
    async with _client(hub) as client:
        assert (await client.get("/start/abc")).status_code == 404
        assert (await client.post("/start/abc", data={"name": "x"})).status_code == 404


async def test_a_browser_of_another_site_cannot_send_the_form(hub: Hub) -> None:
    async with hub.open_work() as session:
        secret = await invitations.create_first(session, now=utc_now())
    async with _client(hub) as client:
        for header in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await client.post(f"/start/{secret}", data={"name": "x"}, headers=header)
            assert answer.status_code == 403
        assert (await client.get(f"/start/{secret}")).status_code == 200


async def test_faults_are_shown_beside_their_fields_and_words_are_kept(hub: Hub) -> None:
    async with hub.open_work() as session:
        secret = await invitations.create_first(session, now=utc_now())
    form = {
        "unit_name": "Sở <b>Nội vụ</b>",
        "unit_code": "SNV",
        "name": "Sơn",
        "email": "không phải thư",
        "password": "mot cau rat de nho",
    }
    async with _client(hub) as client:
        answer = await client.post(f"/start/{secret}", data=form)
    assert answer.status_code == 422
    assert "Không phải địa chỉ thư" in answer.text
    assert "Sở &lt;b&gt;Nội vụ" in answer.text
    assert form["password"] not in answer.text


@pytest.mark.parametrize("template", sorted(_TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_style_or_script(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=|hx-on|js:", text)
