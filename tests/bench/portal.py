"""A portal of decades: what its feeds, its pages, its search and the console's lists cost.

Every answer is a whole page over HTTP but for the feeds, which are made anew from the database:
the web process would give them from memory.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx
from sqlalchemy import text

from services.delivery.hub import Hub
from services.proof import ledger
from services.sources import checking_links
from services.storage import migrate
from services.storage.embedded import EmbeddedPostgres
from services.syndication import documents
from services.syndication.address import OPML, Archive, By, FeedAddress, Form, Scope
from services.syndication.documents import Document
from shared.clock import utc_now
from shared.collector import spare_collector
from tests.bench.ground import Ground, percentile
from tests.bench.grown import EVERY, grow
from tests.support.console import Console, open_console
from tests.support.newsroom import Newsroom

ITEMS: Final = 100_000  # `--portal-items 1000000` for a portal of decades
_SLUG: Final = "cong-lon"
_EACH: Final = 20
_CHECKS: Final = 8
_CHECK: Final = "kiểm tra"

Ask = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """Seconds (median, 95th percentile) over a portal of so many items, and of making it."""

    items: int
    made_in: float
    steps: Mapping[str, float]
    told: Sequence[tuple[str, float, float]]


async def large_portal(place: Ground, items: int) -> Large:
    """Makes a portal of so many items and asks it for everything, many times each."""
    server = place.stack.enter_context(EmbeddedPostgres(place.folder / "grown", durable=False))
    await migrate.upgrade(server)
    stack = place.stack
    console = await stack.enter_async_context(open_console(server, place.folder / "large"))
    team = await console.bench.team()
    async with console.hub.open_work() as session:
        newsroom = Newsroom(session=session, unit=team.unit_id, author=team.editor)
        account = await newsroom.portal(_SLUG)
    began = time.monotonic()
    steps = await grow(
        console.bench.engine, items, unit=team.unit_id, editor=team.editor, account=account.id
    )
    made_in = time.monotonic() - began
    editor = await console.visitor(team.editor)
    spare_collector()  # as `loa web` does before it serves
    told = []
    async with console.client() as visitor:
        asks = (
            _feeds(console.hub, items)
            | await _pages(console, visitor, items)
            | _lists(editor.client)
            | _jobs(console.hub)
        )
        for name, ask in asks.items():
            # One address may only ask so often whether a text is ours.
            each = _CHECKS if name.startswith(_CHECK) else _EACH
            took = [await _timed(ask, turn) for turn in range(-1, each)][1:]
            told.append((name, percentile(took, 50), percentile(took, 95)))
    return Large(items=items, made_in=made_in, steps=steps, told=told)


async def _timed(ask: Ask, turn: int) -> float:
    began = time.monotonic()
    await ask(turn)
    return time.monotonic() - began


def _feeds(hub: Hub, items: int) -> dict[str, Ask]:
    """Documents as they are made when somebody asks for what nobody has asked for yet."""
    now = utc_now()

    def document(form: Form, archives: bool = False, **scope: By | str) -> Ask:
        async def ask(turn: int) -> None:
            archive = _archive(now, items, turn) if archives else None
            narrowed = Scope(**scope)  # type: ignore[arg-type]  # a way and a name
            address = FeedAddress(slug=_SLUG, form=form, scope=narrowed, archive=archive)
            found = await documents.document(hub, address, now)
            assert isinstance(found, Document) or archives

        return ask

    async def opml(turn: int) -> None:
        assert isinstance(await documents.document(hub, OPML, now), Document)

    return {
        "nguồn tin, dựng lại · the feed, made anew": document(Form.ATOM),
        "… của chuyên mục · of a category": document(Form.RSS, by=By.CATEGORY, name="tin-tuc"),
        "trang lưu trữ, mới đến cũ nhất · archives, newest to oldest": document(Form.ATOM, True),
        "OPML": opml,
    }


def _archive(now: datetime, items: int, turn: int) -> Archive:
    at = now - timedelta(days=31) - EVERY * items * max(turn, 0) / (_EACH + 2)
    return Archive(year=at.year, month=at.month)


async def _pages(console: Console, visitor: httpx.AsyncClient, items: int) -> dict[str, Ask]:
    """What the public opens."""
    async with console.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT i.code, t.words, e.at, e.item_id FROM public_entry e"
                " JOIN item i ON i.id = e.item_id JOIN public_text t ON t.item_id = e.item_id"
                " WHERE e.at < now() - CAST(:back AS interval) ORDER BY e.at DESC LIMIT 1"
            ),
            {"back": EVERY * items / 2},
        )
        middle = rows.one()
    after = f"{int(middle.at.timestamp() * 1_000_000)}-{UUID(str(middle.item_id)).hex}"

    def get(path: str, **params: str) -> Ask:
        async def ask(turn: int) -> None:
            answer = await visitor.get(path, params=params)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"

        return ask

    def check(words: str, answer: str) -> Ask:
        async def ask(turn: int) -> None:
            told = await visitor.post("/kiem-tra.json", json={"text": words})
            assert told.json()["answer"] == answer, told.text

        return ask

    searches = {
        "lich tiep dan": "có ở mọi tin · in every item",
        "Lịch tiếp CÔNG DÂN ở xã": "có dấu, bốn từ · with marks",
        f"thong bao so {items // 2}": "một tin · one item",
        "khongcotu": "không có · in none",
        "covid": "chỉ trong tin cũ · of two old years only",
        "tenho17": "vài tin cũ · a few old ones",
    }
    return {
        "/tin": get("/tin"),
        "/tin?sau=… giữa chừng · halfway": get("/tin", sau=after),
        **{f"/tin?q= {name}": get("/tin", q=words) for words, name in searches.items()},
        "/tin?q=&sau=… giữa chừng · halfway": get("/tin", q="lich tiep dan", sau=after),
        "/tin/…": get(f"/tin/{middle.code}"),
        "/sitemap.xml": get("/sitemap.xml"),
        "/sitemap/….xml": get(f"/sitemap/{middle.at:%Y-%m}.xml"),
        "/kenh-chinh-thuc": get("/kenh-chinh-thuc"),
        f"{_CHECK}: đúng nguyên văn · ours": check(middle.words, "official"),
        f"{_CHECK}: sửa vài từ · altered": check(f"{middle.words} và cả bộ đội nữa", "altered"),
        f"{_CHECK}: của người khác · not ours": check("một hai ba bốn " * 20, "not_found"),
    }


def _lists(client: httpx.AsyncClient) -> dict[str, Ask]:
    """What the console opens."""

    def get(path: str) -> Ask:
        async def ask(turn: int) -> None:
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"

        return ask

    paths = (
        *("/", "/posts", "/posts?view=published", "/posts?q=lich+tiep+dan", "/posts?q=4711"),
        *("/posts?q=covid", "/posts?q=khongcotu", "/search?q=lich+tiep", "/calendar"),
    )
    return {f"console {path}": get(path) for path in paths}


def _jobs(hub: Hub) -> dict[str, Ask]:
    """What a worker asks again and again, though nothing has happened."""

    async def proofs(turn: int) -> None:
        await ledger.catch_up(hub)

    async def links(turn: int) -> None:
        async with hub.open_work() as session:
            await checking_links.gather(session, public_url=hub.public_url, now=utc_now())

    return {"việc nền: hồ sơ · records": proofs, "việc nền: liên kết · links": links}
