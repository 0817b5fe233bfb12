"""Whether a portal has an entry and shows it: its visits, and looks at a real page on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import update
from sqlmodel import col
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.channels.tables import Account
from services.content.tables import Item
from services.delivery import board
from services.delivery.board import Arrived
from services.delivery.hub import Hub
from services.delivery.portal import Entry
from services.delivery.tables import Arrival, Publication
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from services.syndication import arriving, documents
from services.syndication.address import FeedAddress, Form
from services.syndication.arriving import LOOKS, Wanted, judged, readable
from services.syndication.documents import Document
from shared.clock import utc_now
from shared.fetch import Fetched, Guard
from tests.support.feed_site import public_hub
from tests.support.newsroom import Newsroom

WANTED = Wanted(
    publication_id=new_id(),
    generation=1,
    code="HS-2026-000042",
    title="Lịch tiêm vắc xin",
    titles=("Lịch tiêm vắc xin",),
)
CORRECTED = replace(
    WANTED,
    title="[Đính chính] Lịch tiêm vắc xin",
    titles=("Lịch tiêm vắc xin", "[Đính chính] Lịch tiêm vắc xin"),
)
GONE = replace(WANTED, title=None)


def page(text: str, kind: str = "text/html; charset=utf-8", charset: str = "utf-8") -> str:
    """A page as `judged` takes it."""
    return readable(
        Fetched(
            status=200,
            url="https://cong.example/",
            headers={"content-type": kind},
            body=text.encode(charset),
            moved_for_good=None,
            peer="203.0.113.1",
        )
    )


LINKED = '<a href="https://hoasen.example/tin/HS-2026-000042/lich">Xem</a>'
LONGER = '<a href="/tin/HS-2026-0000421">Tin khác</a>'


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("<h3>Lịch tiêm vắc xin</h3>", WANTED, "shown"),
        ("<h3>\n  LỊCH   TIÊM <b>vắc</b> xin </h3>", WANTED, "shown"),
        ("<h3>Li&#803;ch ti&#234;m vắc xin</h3>", WANTED, "shown"),
        (LINKED, WANTED, "shown"),
        (LONGER, WANTED, "absent"),
        ("<h3>Tin khác</h3>", WANTED, "absent"),
        ("<h3>[Đính chính] Lịch tiêm vắc xin</h3>", CORRECTED, "shown"),
        ("<h3>Lịch tiêm vắc xin</h3>", CORRECTED, "old"),
        (LINKED, CORRECTED, "old"),
        ("<h3>Tin khác</h3>", CORRECTED, "absent"),
        ("<h3>Lịch tiêm vắc xin</h3>", GONE, "old"),
        (LINKED, GONE, "old"),
        ("<h3>[Thu hồi] Lịch tiêm vắc xin</h3>" + LINKED, GONE, "gone"),
        ("<h3>Tin khác</h3>" + LONGER, GONE, "gone"),
    ],
)
def test_a_page_is_judged_by_the_items_link_and_titles(
    text: str, wanted: Wanted, found: str
) -> None:
    assert judged(page(text), wanted) == found


@pytest.mark.parametrize(
    ("text", "kind", "charset"),
    [
        ("<title><![CDATA[Lịch tiêm vắc xin]]></title>", "application/rss+xml", "utf-8"),
        ("<title>L&amp;#x1ECB;ch ti&amp;ecirc;m vắc xin</title>", "text/xml", "utf-8"),
        ('{"title": "L\\u1ecbch ti\\u00eam v\\u1eafc xin"}', "application/feed+json", "utf-8"),
        ("<p>Lịch tiêm vắc xin</p>", "text/html; charset=utf-16", "utf-16"),
        ('<meta charset="utf-8"><p>Lịch tiêm vắc xin</p>', "text/html", "utf-8"),
        ("<p>Lịch tiêm vắc xin</p>", "text/html; charset=no-such", "utf-8"),
    ],
)
def test_feeds_and_pages_in_other_clothes_are_read_too(text: str, kind: str, charset: str) -> None:
    assert judged(page(text, kind, charset), WANTED) == "shown"


# ── Over a real database and a real page ─────────────────────────────────────────────────────────


@dataclass(slots=True)
class PortalPage:
    """What the portal's own page says just now."""

    url: str = ""
    html: str = "<p>Chưa có tin</p>"
    status: int = 200
    asked: int = 0


@dataclass(slots=True)
class House:
    """A hub, its portal, and the portal's page."""

    hub: Hub
    portal: PortalPage
    account: Account
    item: Item
    publication: Publication
    now: datetime = field(default_factory=utc_now)

    async def document(self) -> Document:
        found = await documents.document(
            self.hub, FeedAddress(slug=self.account.remote_id, form=Form.RSS), self.now
        )
        assert isinstance(found, Document)
        return found

    async def entries(self) -> tuple[Entry, ...]:
        return (await self.document()).entries

    async def visited(self, key: str | None = None) -> bool:
        entries = await self.entries()
        async with self.hub.open_work() as session:
            return await arriving.visited(
                session,
                self.hub,
                self.account.id,
                key=key,
                user_agent="SamplePortal/1.0",
                now=self.now,
                served=entries,
            )

    async def change(self, *, withdraws: bool) -> None:
        async with self.hub.open_work() as session:
            newsroom = Newsroom(
                session=session, unit=self.item.unit_id, author=self.item.created_by
            )
            newsroom.approver = self.item.created_by
            item = await session.get_one(Item, self.item.id)
            publication = await session.get_one(Publication, self.publication.id)
            if withdraws:
                await newsroom.withdraw(item, publication, at=self.now, reason="Sai.")
            else:
                await newsroom.correct(item, publication, self.account, at=self.now, note="Sai.")

    async def arrival(self) -> Arrival:
        async with self.hub.open_work() as session:
            return await session.get_one(Arrival, self.publication.id)

    async def look(self, after: timedelta) -> dict[str, int]:
        return dict(await arriving.look(self.hub, self.now + after))

    async def on_the_board(self) -> Arrived | None:
        async with self.hub.open_work() as session:
            shown = await board.publication(session, self.publication.id, [self.item.unit_id])
        assert shown is not None
        return shown.arrived


@asynccontextmanager
async def portal_page() -> AsyncIterator[PortalPage]:
    shown = PortalPage()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        shown.asked += 1
        response = Response(shown.html, shown.status, media_type="text/html")
        await response(scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    shown.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/tin-moi"
    try:
        yield shown
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    engine = make_engine(database_url, size=8)
    async with portal_page() as portal:
        inside = portal.url.removeprefix("http://").removesuffix("/tin-moi")
        hub = replace(public_hub(opener(engine), tmp_path), guard=Guard(inside=frozenset({inside})))
        async with hub.open_work() as session:
            # Other tests' portals look at pages that are gone.
            await session.execute(update(Account).values(stage="closed"))
            newsroom = await Newsroom(session=session).open()
            account = await newsroom.portal(f"cong-{new_id().hex[-12:]}")
            account.settings = {**account.settings, "look_at": portal.url}
            item, publication = await newsroom.live(account, at=utc_now(), title="Lịch tiêm")
            await session.execute(
                update(Publication)
                .where(col(Publication.id) == publication.id)
                .values(observed_revision_no=1)
            )
        yield House(hub=hub, portal=portal, account=account, item=item, publication=publication)
    await engine.dispose()


async def test_a_visit_tells_which_revision_the_portal_has(house: House) -> None:
    assert await house.visited()

    arrived = await house.on_the_board()

    assert arrived == Arrived(
        fetched_revision=1, fetched_at=house.now, found=None, looked_at=None, shown_at=None
    )


async def test_after_a_correction_the_portal_still_holds_what_it_fetched(house: House) -> None:
    await house.visited()
    await house.change(withdraws=False)

    arrived = await house.on_the_board()

    assert arrived is not None
    assert (arrived.fetched_revision, arrived.fetched_at) == (1, house.now)


async def test_a_stranger_without_the_key_proves_nothing(house: House) -> None:
    keyed = await _with_key(house)

    assert not await keyed.visited()
    assert not await keyed.visited("wrong" * 5)
    assert await keyed.on_the_board() is None


async def _with_key(house: House) -> House:
    async with house.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(f"cong-{new_id().hex[-12:]}", key="k" * 24)
        item, publication = await newsroom.live(account, at=utc_now())
    return replace(house, account=account, item=item, publication=publication)


async def test_the_portals_page_is_looked_at_until_the_item_shows(house: House) -> None:
    too_early = await house.look(LOOKS[0] / 2)
    absent = await house.look(LOOKS[0] * 1.1)
    between = await house.look(LOOKS[0] * 1.2)
    house.portal.html = "<h2>Lịch tiêm</h2>"
    shown = await house.look(LOOKS[1] * 1.1)
    settled = await house.look(LOOKS[2] * 1.1)

    assert [too_early, absent, between, shown, settled] == [{}, {"absent": 1}, {}, {"shown": 1}, {}]
    assert house.portal.asked == 2
    arrived = await house.on_the_board()
    assert arrived is not None
    assert (arrived.found, arrived.shown_at) == ("shown", house.now + LOOKS[1] * 1.1)


async def test_a_correction_is_looked_for_anew_and_an_old_title_is_seen(house: House) -> None:
    house.portal.html = "<h2>Lịch tiêm</h2>"
    await house.look(LOOKS[0] * 1.1)
    await house.change(withdraws=False)
    before = await house.on_the_board()

    found = await house.look(LOOKS[0] * 1.1)

    assert before is not None
    assert before.found is None
    assert found == {"old": 1}
    assert (await house.arrival()).shown_at is None


async def test_a_withdrawn_item_should_be_gone_from_the_portal(house: House) -> None:
    house.portal.html = "<h2>Lịch tiêm</h2>"
    await house.change(withdraws=True)

    still = await house.look(LOOKS[0] * 1.1)
    house.portal.html = "<h2>[Thu hồi] Lịch tiêm</h2>"
    gone = await house.look(LOOKS[1] * 1.1)

    assert [still, gone] == [{"old": 1}, {"gone": 1}]


async def test_a_page_that_fails_is_told_and_tried_again(house: House) -> None:
    house.portal.status = 500
    failed = await house.look(LOOKS[0] * 1.1)
    house.portal.status, house.portal.html = 200, "<h2>Lịch tiêm</h2>"

    shown = await house.look(LOOKS[1] * 1.1)

    assert [failed, shown] == [{"unreadable": 1}, {"shown": 1}]


async def test_nothing_of_ours_is_asked_that_the_guard_refuses(house: House) -> None:
    strict = replace(house, hub=replace(house.hub, guard=Guard()))

    found = await strict.look(LOOKS[0] * 1.1)

    assert found == {"unreadable": 1}
    assert house.portal.asked == 0


async def test_two_workers_look_once_and_nobody_looks_for_ever(house: House) -> None:
    both = await asyncio.gather(house.look(LOOKS[0] * 1.1), house.look(LOOKS[0] * 1.1))
    for wait in LOOKS[1:]:
        await house.look(wait * 1.01)
    asked = house.portal.asked

    after = await house.look(LOOKS[-1] * 1.2)

    assert sorted(map(len, both)) == [0, 1]
    assert asked == len(LOOKS)
    assert after == {}
    assert (await house.arrival()).look_at is None
