"""The door at /websub: what is answered to whom, in words that a person can read too."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from adapters.portal_rss.channel import channel
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.feeds import websub
from services.storage.session import Opener, opener
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL, Newsroom
from tests.support.rooms import clean_engine

TOPIC = f"{PUBLIC_URL}/feeds/cong/rss.xml"
GOOD = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": "https://cong.vn/nhan"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def open_work(database_url: str) -> AsyncIterator[Opener]:
    async with clean_engine(database_url) as engine:
        yield opener(engine)


@pytest.fixture
async def outside(open_work: Opener, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    hub = Hub(
        open_work=open_work,
        registry=Registry.of(channel),
        sealer=Sealer(KEY),
        media=MediaStore(tmp_path),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
    async with open_work() as session:
        await (await Newsroom(session=session).open()).portal("cong")
    transport = httpx.ASGITransport(app=Starlette(routes=websub.routes(hub)), client=("9.9.9.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


async def count(open_work: Opener) -> object:
    async with open_work() as session:
        return await session.scalar(text("SELECT count(*) FROM web_sub_request"))


async def test_a_good_request_is_accepted_and_nobody_is_asked_yet(
    outside: httpx.AsyncClient, open_work: Opener
) -> None:
    answer = await outside.post("/websub", data=GOOD)
    assert answer.status_code == 202
    assert answer.headers["content-type"].startswith("text/plain")
    assert " · " in answer.text
    assert await count(open_work) == 1


async def test_publish_is_accepted_for_our_topics_alone(
    outside: httpx.AsyncClient, open_work: Opener
) -> None:
    ours = await outside.post("/websub", data={"hub.mode": "publish", "hub.url": TOPIC})
    theirs = await outside.post(
        "/websub", data={"hub.mode": "publish", "hub.url": "https://x.vn/rss"}
    )
    assert (ours.status_code, theirs.status_code) == (202, 404)
    assert await count(open_work) == 0


def changed(**fields: str) -> str:
    return urlencode(GOOD | {f"hub.{name}": value for name, value in fields.items()})


JSON = {"Content-Type": "application/json"}
ODD: tuple[tuple[str, Mapping[str, str], int], ...] = (
    (changed(mode="x"), FORM, 400),
    (changed(callback="http://127.0.0.1/"), FORM, 400),
    (changed(callback="http://10.0.0.1:22/"), FORM, 400),
    (changed(secret="x" * 200), FORM, 400),
    (changed(topic="https://x.vn/rss"), FORM, 404),
    (changed() + "&hub.topic=%ff%fe", FORM, 400),
    (changed() + "&hub.secret=%00", FORM, 202),
    (changed() + "&a=1" * 60, FORM, 400),
    (changed() + "&hub.extra=1&x=y", FORM, 202),
    ("hub.mode=đăng", FORM, 400),
    ('{"hub.mode": "subscribe"}', JSON, 415),
    (changed(), {}, 415),
    ("x=" + "y" * 20_000, FORM, 413),
    ("", FORM, 400),
)


async def test_each_odd_request_is_answered_with_plain_words_in_both_languages(
    outside: httpx.AsyncClient,
) -> None:
    answers = [
        await outside.post("/websub", content=body.encode(), headers=dict(headers))
        for body, headers, _ in ODD
    ]
    assert [one.status_code for one in answers] == [status for _, _, status in ODD]
    for answer in answers:
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
        vietnamese, english = answer.text.split(" · ")
        assert vietnamese != english
        assert "127.0.0.1" not in answer.text


async def test_one_address_cannot_flood_the_hub(outside: httpx.AsyncClient) -> None:
    statuses = [
        (await outside.post("/websub", content=b"", headers=FORM)).status_code for _ in range(80)
    ]
    assert statuses[0] == 400
    assert statuses[-1] == 429
    answer = await outside.post("/websub", content=b"", headers=FORM)
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_page_tells_people_what_stands_here(outside: httpx.AsyncClient) -> None:
    page = await outside.get("/websub")
    assert page.status_code == 200
    assert f"{PUBLIC_URL}/websub" in page.text
    assert 'lang="vi"' in page.text
    assert "hub.callback" in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert (await outside.head("/websub")).status_code == 200
