from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.services.sandbox.callers import Json, as_json, inner, items
from tests.support.ports import free_port

ITEM = """<item><title>{title}</title><link>http://loa.test/tin/{code}</link>
<guid isPermaLink="false">tag:loa,2026:{code}</guid>
<pubDate>Fri, 20 Nov 2026 12:00:00 +0700</pubDate><description>{text}</description>
<media:content url="http://loa.test/a.jpg" medium="image"><media:description>Ảnh</media:description>
</media:content></item>"""


@dataclass
class Feed:
    """A feed on loopback; `asked` keeps the headers of each reading."""

    entries: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def document(self) -> bytes:
        """The document as it stands."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
            f"<title>Tin Hoa Sen</title>{''.join(self.entries)}</channel></rss>"
        ).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with the document, or 304 for the state that the reader has."""
        headers = {name.decode(): text.decode() for name, text in scope["headers"]}
        self.asked.append(headers)
        tag = f'"{hash(self.document)}"'
        same = headers.get("if-none-match") == tag
        await send(
            {
                "type": "http.response.start",
                "status": 304 if same else 200,
                "headers": [(b"etag", tag.encode()), (b"content-type", b"application/rss+xml")],
            }
        )
        await send({"type": "http.response.body", "body": b"" if same else self.document})


@asynccontextmanager
async def serving(feed: Feed) -> AsyncIterator[None]:
    """The feed on a port of its own."""
    import asyncio

    config = uvicorn.Config(
        feed,
        host="127.0.0.1",
        port=free_port(),
        log_config=None,
        log_level="error",
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    feed.url = f"http://127.0.0.1:{config.port}/rss.xml"
    yield
    server.should_exit = True
    await task


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    """A feed with one entry."""
    made = Feed(entries=[ITEM.format(title="Lịch tiêm", code="HS-1", text="Tại trạm y tế.")])
    async with serving(made):
        yield made


async def polled(client: httpx.AsyncClient, number: str) -> Json:
    """The portal after one more reading."""
    return as_json(await client.post(f"/admin/portal/{number}/poll"))


async def opened(client: httpx.AsyncClient, url: str) -> str:
    """The number of a portal that reads a feed seldom by itself."""
    answer = await client.post("/admin/portal", json={"feed_url": url, "every": 3600})
    return str(as_json(answer)["number"])


async def test_a_portal_shows_what_the_feed_holds(client: httpx.AsyncClient, feed: Feed) -> None:
    number = await opened(client, feed.url)

    told = await polled(client, number)
    page = await client.get(f"/portal/{number}", headers={"Accept": "text/html"})

    [seen] = items(told, "visible")
    assert (seen["title"], seen["link"]) == ("Lịch tiêm", "http://loa.test/tin/HS-1")
    assert [one["alt"] for one in items(seen, "pictures")] == ["Ảnh"]
    assert "Lịch tiêm" in page.text
    assert feed.asked[0]["user-agent"] == "SamplePortal/1.0"


async def test_a_portal_reads_conditionally(client: httpx.AsyncClient, feed: Feed) -> None:
    number = await opened(client, feed.url)
    await polled(client, number)

    told = await polled(client, number)

    assert told["status"] == 304
    assert "if-none-match" in feed.asked[-1]
    assert len(items(told, "visible")) == 1


async def test_a_withdrawn_entry_leaves_and_a_dropped_one_stays(
    client: httpx.AsyncClient, feed: Feed
) -> None:
    feed.entries.append(ITEM.format(title="Cũ", code="HS-0", text="Vẫn còn."))
    number = await opened(client, feed.url)
    await polled(client, number)
    feed.entries = [ITEM.format(title="[Thu hồi] Lịch tiêm", code="HS-1", text="Nhầm ngày.")]

    told = await polled(client, number)
    page = await client.get(f"/portal/{number}", headers={"Accept": "text/html"})

    assert [one["title"] for one in items(told, "visible")] == ["Cũ"]
    assert [one["visible_to"] is None for one in items(told, "ever")].count(False) == 1
    assert "[Thu hồi] Lịch tiêm" in page.text


@pytest.mark.parametrize(
    "document", ["<html></html>", "<rss", "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"]
)
async def test_a_broken_feed_changes_nothing(
    client: httpx.AsyncClient, feed: Feed, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await opened(client, feed.url)
    await polled(client, number)
    monkeypatch.setattr(Feed, "document", document.encode())

    told = await polled(client, number)

    assert told["problem"]
    assert len(items(told, "visible")) == 1


async def test_a_feed_that_cannot_be_reached_is_told(client: httpx.AsyncClient) -> None:
    number = await opened(client, f"http://127.0.0.1:{free_port()}/rss.xml")

    told = await polled(client, number)

    assert told["problem"] == "ConnectError"
    assert inner(told, "counters")["polls"] == 2 or inner(told, "counters")["polls"] == 1
