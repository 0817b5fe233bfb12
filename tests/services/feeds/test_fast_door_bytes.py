"""Whatever is asked, and however it is cut, both doors answer with the same bytes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Final

import pytest
import uvicorn
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from services.content.tables import Item
from services.delivery.tables import Publication
from services.feeds.fast_door import FastDoor
from services.feeds.serving import Feeds
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.support.feed_site import public_hub
from tests.support.newsroom import Newsroom
from tests.support.two_doors import (
    FOREVER,
    TwoDoors,
    echo,
    published,
    request,
    tags,
    two_doors,
    undated,
)

Header = tuple[str, str]

FORMS: Final = ("rss.xml", "atom.xml", "feed.json")
CODINGS: Final = (None, "identity", "gzip, deflate", "gzip, br", "*", "br;q=0, *;q=0")


@pytest.fixture(scope="module")
async def doors(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TwoDoors]:
    async with two_doors(database_url, tmp_path_factory.mktemp("media")) as opened:
        yield opened


async def same(doors: TwoDoors, asked: Sequence[bytes]) -> list[bytes]:
    """The answers of the fast door, given anew and from memory; all are plain uvicorn's."""
    answers = []
    async with doors.plain.client() as plain, doors.fast.client() as fast:
        for one in asked:
            known = await plain.ask(one)
            answers.append(known)
            assert await fast.ask(one) == known, one
            assert await fast.ask(one) == known, one
        assert doors.fast.handed_over() == 0
    return answers


async def test_every_answer_of_a_feed_is_the_same_by_both_doors(doors: TwoDoors) -> None:
    slug = f"cong-{new_id().hex[-12:]}"
    item, publication = await published(doors.hub, slug)
    paths = [f"/feeds/{slug}/{form}" for form in FORMS]
    before = {path: await tags(doors, path) for path in paths}
    async with doors.hub.open_work() as session:
        newsroom = Newsroom(session=session, unit=item.unit_id, author=item.created_by)
        item = await session.get_one(Item, item.id)
        publication = await session.get_one(Publication, publication.id)
        await newsroom.withdraw(item, publication, at=utc_now(), reason="Số liệu sai.")
    doors.feeds.heard()
    asked = []
    for path in paths:
        tag, changed = await tags(doors, path)
        old_tag, old_changed = before[path]
        conditions: list[tuple[Header, ...]] = [
            (),
            (("If-None-Match", tag),),
            (("If-None-Match", f'"x", {old_tag}'), ("If-Modified-Since", changed)),
            (("If-None-Match", "*"),),
            (("If-Modified-Since", changed),),
            (("If-Modified-Since", old_changed),),
            (("If-Modified-Since", "yesterday"),),
            (("A-IM", "feed"), ("If-None-Match", old_tag)),
            (("A-IM", "feed"), ("If-None-Match", tag)),
        ]
        for coding, headers, method in product(CODINGS, conditions, ("GET", "HEAD")):
            accepts = (("Accept-Encoding", coding),) if coding else ()
            asked.append(request(path, *accepts, *headers, method=method))
        asked.append(request(f"{path}?key=x&other=%20", *conditions[-2]))

    answers = await same(doors, asked)

    statuses = {answer.split(b" ", 2)[1] for answer in answers}
    assert statuses == {b"200", b"226", b"304", b"406"}


async def test_what_is_not_a_document_is_the_same_by_both_doors(doors: TwoDoors) -> None:
    slug, closed = (f"cong-{new_id().hex[-12:]}" for _ in range(2))
    await published(doors.hub, slug)
    await published(doors.hub, closed, stage="closed")
    month = f"{utc_now() - timedelta(days=400) + timedelta(hours=7):%Y-%m}"
    paths = [
        f"/feeds/{closed}/rss.xml",
        f"/feeds/{closed}/feed.json",
        f"/feeds/{slug.upper()}/rss.xml",
        f"/feeds/{slug.upper()}/rss.xml?key={'k' * 24}",
        f"/feeds/{slug}/luu-tru/{month}/atom.xml",
        f"/feeds/{slug}/chuyen-muc/tin-tuc/rss.xml",
        "/feeds/khong-co/rss.xml",
        "/feeds/opml.xml",
    ]
    await tags(doors, paths[4])

    answers = await same(
        doors, [request(path, method=method) for path in paths for method in ("GET", "HEAD")]
    )

    statuses = [answer.split(b" ", 2)[1] for answer in answers[::2]]
    assert statuses == [b"410", b"410", b"301", b"301", b"200", b"200", b"404", b"200"]


async def test_while_the_database_is_away_both_doors_say_so(tmp_path: Path) -> None:
    async with two_doors("postgresql://loa:x@127.0.0.1:1/loa", tmp_path) as away:
        [answer] = await same(away, [request("/feeds/cong/rss.xml")])

    assert answer.startswith(b"HTTP/1.1 503 ")


# ── However it is cut ────────────────────────────────────────────────────────────────────────────

KNOWN: Final = request("/feeds/cong-thu/rss.xml", ("Accept-Encoding", "gzip"))
PLAIN: Final = request("/feeds/cong-thu/feed.json")
FRAGMENTS: Final = (
    KNOWN,
    KNOWN,
    PLAIN,
    request("/feeds/cong-thu/rss.xml", method="HEAD"),
    request("/feeds/cong-thu/rss.xml", method="OPTIONS"),
    request("/feeds/khong-co/rss.xml"),
    request("/feeds/cong-thu/rss.xml", ("Connection", "close")),
    request("/feeds/%63ong-thu/rss.xml"),
    request("/feeds/cong-thu/rss.xml?key=%0d%0a"),
    request("/feeds/cong-thu/rss.xml#x"),
    request("/feeds/ghi-chu"),
    request("/khac?a=1"),
    request("http://hoasen.example/feeds/cong-thu/rss.xml"),
    request("/feeds/cong-thu/rss.xml", version="1.0"),
    request("/feeds/cong-thu/rss.xml", ("Connection", "keep-alive"), version="1.0"),
    request("/feeds/cong-thu/rss.xml", ("Connection", "Keep-Alive, x")),
    request("/feeds/cong-thu/rss.xml", ("Connection", "upgrade"), ("Upgrade", "h2c")),
    request("/feeds/cong-thu/rss.xml", ("Expect", "100-continue")),
    request("/feeds/cong-thu/rss.xml", ("Content-Length", "0")),
    request("/feeds/cong-thu/rss.xml", ("Content-Length", "5")) + b"GET /",
    request("/feeds/cong-thu/rss.xml", ("Content-Length", str(len(KNOWN)))) + KNOWN,
    request("/feeds/cong-thu/rss.xml", ("Content-Length", "3"), ("Content-Length", "4")),
    request("/feeds/cong-thu/rss.xml", ("Content-Length ", "3")),
    request("/feeds/cong-thu/rss.xml", ("Transfer-Encoding", "chunked")) + b"0\r\n\r\n",
    request("/khac", ("Transfer-Encoding", "chunked"), method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
    request("/khac", ("Content-Length", "4"), ("Transfer-Encoding", "chunked"), method="POST"),
    request("/khac", ("Transfer-Encoding", "xchunked"), method="POST"),
    request("/khac", ("Content-Length", str(len(KNOWN))), method="POST"),
    request("/khac", ("Content-Length", "7"), method="POST"),
    KNOWN.replace(b"\r\n", b"\n"),
    KNOWN.replace(b"Accept", b" Accept"),
    KNOWN.replace(b"Host", b"H\x00st"),
    KNOWN.replace(b": gzip", b": gz\rip"),
    KNOWN.replace(b"/rss", b"/\xffrss"),
    KNOWN.replace(b"GET", b"get"),
    KNOWN[:-2],
    KNOWN[:-4] + b"\n\r\n",
    b"GET /feeds/cong-thu/rss.xml\r\n\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x16\x03\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"x" * 5000 + b"\r\n\r\n",
)


@st.composite
def deliveries(draw: st.DrawFn) -> list[bytes]:
    """Fragments one after another, in pieces: as they are, or cut somewhere."""
    fragments = draw(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=5))
    if draw(st.booleans()):
        return fragments
    stream = b"".join(fragments)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(stream)))
        stream = stream[:at] + draw(st.binary(max_size=2)) + stream[at + draw(st.integers(0, 2)) :]
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=4))
    return [stream[a:b] for a, b in pairwise([0, *sorted(cuts), len(stream)]) if a < b]


@dataclass(frozen=True, slots=True)
class Bench:
    """Both protocols on one event loop; each piece arrives whole, over a real socket."""

    runner: asyncio.Runner
    fast: uvicorn.Config
    plain: uvicorn.Config

    def both(self, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
        """What came back, and whether the connection was closed then; the same from both."""
        plain = self.runner.run(delivered(self.plain, pieces))
        # An address that was never asked for has to be fetched, which takes more than a turn.
        while (again := self.runner.run(delivered(self.plain, pieces))) != plain:
            plain = again
        assert self.runner.run(delivered(self.fast, pieces)) == plain
        return plain


async def delivered(config: uvicorn.Config, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
    """Gives a new connection these pieces, each once all is quiet after the one before."""
    state = ServerState()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    given, ended = b"", False
    with ours:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
                config=config, server_state=state, app_state={}, _loop=None
            ),
            theirs,
        )
        for piece in pieces:
            ours.sendall(piece)
            for _ in range(20):  # nothing here waits for anything but its turn
                await asyncio.sleep(0)
            with suppress(BlockingIOError):
                while part := ours.recv(1 << 20):
                    given += part
                ended = True
                break
    while state.tasks:
        await asyncio.sleep(0.001)
    return undated(given), ended


@pytest.fixture(scope="module")
async def cong_thu(doors: TwoDoors) -> None:
    await published(doors.hub, "cong-thu")
    for form in FORMS:
        await tags(doors, f"/feeds/cong-thu/{form}")


@pytest.fixture(scope="module", params=[None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def bench(
    request: pytest.FixtureRequest,
    cong_thu: None,
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    engine = make_engine(database_url, size=8)
    hub = public_hub(opener(engine), tmp_path_factory.mktemp("media"))
    feeds = Feeds(hub, echo, recheck=FOREVER)
    fast, plain = (
        uvicorn.Config(feeds, http=protocol, log_config=None, log_level="error", access_log=False)
        for protocol in (FastDoor(feeds).protocol, HttpToolsProtocol)
    )
    fast.load()
    plain.load()
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield Bench(runner, fast, plain)
        runner.run(engine.dispose())


def test_each_kind_of_request_alone_and_after_others_is_the_same_by_both_doors(
    bench: Bench,
) -> None:
    told = [bench.both([one]) for one in FRAGMENTS]
    for one in FRAGMENTS:
        bench.both([KNOWN, one, KNOWN])
        bench.both([KNOWN + one, KNOWN])

    assert told[0] == told[1]
    assert b"HTTP/1.1 200 OK\r\n" in told[0][0]
    assert {ended for _, ended in told} == {True, False}


@settings(max_examples=150, deadline=None)
@given(pieces=deliveries())
def test_however_requests_are_cut_and_joined_both_doors_give_the_same_bytes(
    bench: Bench, pieces: list[bytes]
) -> None:
    bench.both(pieces)


def test_a_request_cut_in_two_anywhere_is_answered_like_any_other(bench: Bench) -> None:
    cut = {bench.both([KNOWN[:at], KNOWN[at:]]) for at in range(1, len(KNOWN))}

    assert cut == {bench.both([KNOWN])}
