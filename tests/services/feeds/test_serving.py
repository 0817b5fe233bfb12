import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # it publishes no types
import httpx
import pytest
from lxml import etree
from starlette.types import Receive, Scope, Send

from services.channels.tables import Account
from services.content.tables import Item
from services.delivery.tables import Arrival, PortalFetch, Publication
from services.feeds import serving
from services.feeds.serving import Feeds
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from services.syndication import documents
from shared.clock import utc_now
from shared.http import USER_AGENT
from tests.support.feed_site import PORTAL_AGENT, FeedSite, feed_site, public_hub
from tests.support.newsroom import PUBLIC_URL, Newsroom

FORMS = {
    "rss.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
LONG = timedelta(hours=1)


@pytest.fixture(scope="module")
async def site(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FeedSite]:
    # The recheck is far away: whatever shows at once, the notification has brought.
    async with feed_site(database_url, tmp_path_factory.mktemp("media"), recheck=LONG) as opened:
        yield opened


@pytest.fixture
def slug() -> str:
    return f"cong-{new_id().hex[-12:]}"


async def publish(
    site: FeedSite, slug: str, *, key: str | None = None, title: str = "Tin", count: int = 1
) -> tuple[Account, Item, Publication]:
    """A portal with live items; gives the last one."""
    async with site.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(slug, key=key)
        made = [
            await newsroom.live(account, at=utc_now(), title=title, body="Nội dung. " * 200)
            for _ in range(count)
        ]
    return account, *made[-1]


async def change(
    site: FeedSite, account: Account, item: Item, publication: Publication, *, withdraws: bool
) -> None:
    """A correction or a withdrawal that reaches the portal now."""
    async with site.open_work() as session:
        newsroom = Newsroom(session=session, unit=item.unit_id, author=item.created_by)
        newsroom.approver = item.created_by
        item = await session.get_one(Item, item.id)
        publication = await session.get_one(Publication, publication.id)
        if withdraws:
            await newsroom.withdraw(item, publication, at=utc_now(), reason="Số liệu sai.")
        else:
            await newsroom.correct(item, publication, account, at=utc_now(), note="Sai ngày.")


async def until(fetch: Callable[[], Awaitable[httpx.Response]], status: int) -> httpx.Response:
    """The first answer with this status; commits are told of within milliseconds."""
    told = 0
    for _ in range(3000):
        response = await fetch()
        if response.status_code == status:
            return response
        told = response.status_code
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {told}, not {status}")


async def seen_at(site: FeedSite, publication: Publication) -> datetime | None:
    async with site.open_work() as session:
        return (await session.get_one(Publication, publication.id)).seen_at


async def seen_soon(site: FeedSite, publication: Publication) -> datetime:
    """Visits are noted after the answer has gone out."""
    for _ in range(3000):
        if (at := await seen_at(site, publication)) is not None:
            return at
        await asyncio.sleep(0.02)
    raise AssertionError("never seen")


# ── What every answer carries ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_a_feed_carries_the_headers_that_keep_it_safe_and_found(
    site: FeedSite, slug: str, form: str
) -> None:
    await publish(site, slug, title="Lịch tiêm vắc xin")
    address = f"/feeds/{slug}/{form}"

    response = await site.outside.get(address, headers={"Host": "evil.example"})

    headers = response.headers
    assert response.status_code == 200
    assert headers["content-type"] == FORMS[form]
    assert headers["content-security-policy"] == "default-src 'none'; style-src 'self'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "public, max-age=60, stale-while-revalidate=60"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["link"] == (
        f'<{PUBLIC_URL}{address}>; rel="self", <{PUBLIC_URL}/websub>; rel="hub"'
    )
    assert "set-cookie" not in headers
    assert "Lịch tiêm vắc xin" in response.text
    assert "evil.example" not in response.text + str(headers)


async def test_the_list_of_feeds_is_served_the_same_way(site: FeedSite, slug: str) -> None:
    await publish(site, slug)

    opml = await site.outside.get("/feeds/opml.xml")

    assert opml.headers["content-type"] == "text/x-opml; charset=utf-8"
    assert opml.headers["link"] == f'<{PUBLIC_URL}/feeds/opml.xml>; rel="self"'
    assert f"{PUBLIC_URL}/feeds/{slug}/rss.xml" in opml.text


async def test_the_body_is_the_same_in_every_coding_and_brotli_only_if_asked(
    site: FeedSite, slug: str
) -> None:
    await publish(site, slug)

    async def raw(accepted: str) -> tuple[httpx.Headers, bytes]:
        request = site.outside.build_request(
            "GET", f"/feeds/{slug}/rss.xml", headers={"Accept-Encoding": accepted}
        )
        response = await site.outside.send(request, stream=True)
        body = b"".join([part async for part in response.aiter_raw()])
        await response.aclose()
        assert int(response.headers["content-length"]) == len(body)
        return response.headers, body

    plain, gzipped, brotlied = [await raw(one) for one in ("identity", "gzip, deflate", "gzip, br")]

    assert gzip.decompress(gzipped[1]) == brotli.decompress(brotlied[1]) == plain[1]
    assert "content-encoding" not in plain[0]
    assert gzipped[0]["content-encoding"] == "gzip"
    assert brotlied[0]["content-encoding"] == "br"
    assert plain[0]["etag"] == gzipped[0]["etag"] == brotlied[0]["etag"]


async def test_who_refuses_every_coding_that_we_have_is_told_so(site: FeedSite, slug: str) -> None:
    await publish(site, slug)

    response = await site.outside.get(
        f"/feeds/{slug}/rss.xml", headers={"Accept-Encoding": "zstd, *;q=0"}
    )

    assert response.status_code == 406
    assert response.headers["vary"] == "Accept-Encoding"


async def test_head_equals_get_without_a_body_and_counts_as_nobodys_visit(
    site: FeedSite, slug: str
) -> None:
    _, _, publication = await publish(site, slug)

    head = await site.outside.head(f"/feeds/{slug}/atom.xml")
    unseen = await seen_at(site, publication)
    got = await site.outside.get(f"/feeds/{slug}/atom.xml")

    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert unseen is None


async def test_a_front_end_may_read_feeds_and_nobody_may_write_them(
    site: FeedSite, slug: str
) -> None:
    address = f"/feeds/{slug}/feed.json"

    preflight = await site.outside.options(address, headers={"Origin": "https://cong.example"})
    posted = await site.outside.post(address, content=b"x")

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "If-None-Match" in preflight.headers["access-control-allow-headers"]
    assert posted.status_code == 405
    assert posted.headers["allow"] == "GET, HEAD, OPTIONS"


# ── Unchanged, changed ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("withdraws", [False, True])
async def test_304_by_either_validator_until_a_correction_or_a_withdrawal(
    site: FeedSite, slug: str, withdraws: bool
) -> None:
    account, item, publication = await publish(site, slug)
    address = f"/feeds/{slug}/rss.xml"
    first = await site.outside.get(address)
    by_tag = {"If-None-Match": first.headers["etag"]}
    by_date = {"If-Modified-Since": first.headers["last-modified"]}

    same = [await site.outside.get(address, headers=one) for one in (by_tag, by_tag | by_date)]
    # The change may be told as of the next second; until then a date proves nothing.
    same.append(await until(lambda: site.outside.get(address, headers=by_date), 304))
    await change(site, account, item, publication, withdraws=withdraws)
    changed = await until(lambda: site.outside.get(address, headers=by_tag), 200)
    by_old_date = await site.outside.get(address, headers=by_date)
    by_old_tag = await site.outside.get(
        address, headers=by_tag | {"If-Modified-Since": changed.headers["last-modified"]}
    )

    assert [one.status_code for one in same] == [304, 304, 304]
    for name in ("etag", "cache-control", "vary", "link", "access-control-allow-origin"):
        assert same[0].headers[name] == first.headers[name]
    assert same[0].content == b""
    assert "content-type" not in same[0].headers
    assert [by_old_date.status_code, by_old_tag.status_code] == [200, 200]
    assert ("[Thu hồi] " if withdraws else "[Đính chính] ") in changed.text


async def test_the_last_change_only_grows_and_is_never_in_the_future(
    site: FeedSite, slug: str
) -> None:
    account, item, publication = await publish(site, slug)
    address = f"/feeds/{slug}/rss.xml"
    told = [await site.outside.get(address)]

    await change(site, account, item, publication, withdraws=False)
    told.append(
        await until(
            lambda: site.outside.get(address, headers={"If-None-Match": told[-1].headers["etag"]}),
            200,
        )
    )
    await change(site, account, item, publication, withdraws=True)
    told.append(
        await until(
            lambda: site.outside.get(address, headers={"If-None-Match": told[-1].headers["etag"]}),
            200,
        )
    )

    moments = [parsedate_to_datetime(one.headers["last-modified"]) for one in told]
    assert moments == sorted(moments)
    assert max(moments) <= utc_now()
    # Whoever only sends dates is given the withdrawal too: nothing was told as of its own second.
    stale = {"If-Modified-Since": told[1].headers["last-modified"]}
    assert (await site.outside.get(address, headers=stale)).status_code == 200


async def test_a_lost_notification_keeps_old_words_up_for_a_second_at_most(
    database_url: str, tmp_path: Path, slug: str
) -> None:
    async with feed_site(database_url, tmp_path, listens=False) as deaf:
        account, item, publication = await publish(deaf, slug)
        address = f"/feeds/{slug}/rss.xml"
        first = await deaf.outside.get(address)
        await change(deaf, account, item, publication, withdraws=True)
        began = time.monotonic()
        changed = await until(
            lambda: deaf.outside.get(address, headers={"If-None-Match": first.headers["etag"]}), 200
        )
        took = time.monotonic() - began

    assert "[Thu hồi] " in changed.text
    assert took < 30  # a second and what a busy machine adds


async def test_many_readers_at_once_make_one_document(
    site: FeedSite, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(site, slug)
    made = []
    usual = documents.document

    async def counted(*given: object) -> object:
        made.append(given)
        return await usual(*given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(documents, "document", counted)
    answers = await asyncio.gather(*(site.outside.get(f"/feeds/{slug}/rss.xml") for _ in range(50)))

    assert {one.status_code for one in answers} == {200}
    assert len(made) < 5  # one, and one more for each notification that came meanwhile


async def test_what_is_held_in_memory_is_bounded(
    site: FeedSite, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(site, slug)
    monkeypatch.setattr(serving, "_MOST_SLOTS", 3)

    for number in range(8):
        await site.outside.get(f"/feeds/khong-co-{number}/rss.xml")

    assert len(site.feeds._slots) == 3
    assert site.feeds._bytes_held == sum(one.bytes_held for one in site.feeds._slots.values())


# ── Only what is new (RFC 3229) ──────────────────────────────────────────────────────────────────


def titles(response: httpx.Response) -> list[str]:
    return [str(one.text) for one in etree.fromstring(response.content).iterfind(".//item/title")]


async def test_a_reader_that_asks_for_a_delta_gets_the_new_and_changed_entries_alone(
    site: FeedSite, slug: str
) -> None:
    account, item, publication = await publish(site, slug, count=3)
    address = f"/feeds/{slug}/rss.xml"
    first = await site.outside.get(address)
    await change(site, account, item, publication, withdraws=False)
    asks = {"A-IM": "feed", "If-None-Match": f'"x", {first.headers["etag"]}'}

    delta = await until(lambda: site.outside.get(address, headers=asks), 226)
    whole = await site.outside.get(address)
    same = await site.outside.get(address, headers=asks | {"If-None-Match": delta.headers["etag"]})
    unknown = await site.outside.get(address, headers=asks | {"If-None-Match": 'W/"other"'})

    assert titles(delta) == ["[Đính chính] Tin đã sửa"]
    assert len(titles(whole)) == len(titles(unknown)) == 3
    assert delta.headers["im"] == "feed"
    assert delta.headers["etag"] == whole.headers["etag"]
    assert delta.headers["vary"] == "Accept-Encoding, A-IM, If-None-Match"
    assert delta.headers["cache-control"].startswith("no-store, im")
    assert (same.status_code, unknown.status_code) == (304, 200)


async def test_deltas_can_be_switched_off(database_url: str, tmp_path: Path, slug: str) -> None:
    async with feed_site(database_url, tmp_path, feed_deltas=False) as plain:
        account, item, publication = await publish(plain, slug)
        first = await plain.outside.get(f"/feeds/{slug}/rss.xml")
        await change(plain, account, item, publication, withdraws=False)
        asks = {"A-IM": "feed", "If-None-Match": first.headers["etag"]}
        answer = await until(lambda: plain.outside.get(f"/feeds/{slug}/rss.xml", headers=asks), 200)

    assert "im" not in answer.headers


# ── Moved, gone, never there ─────────────────────────────────────────────────────────────────────


async def test_an_unknown_feed_is_404_and_a_closed_one_410_with_words_for_people(
    site: FeedSite, slug: str
) -> None:
    unknown = await site.outside.get("/feeds/khong-co/rss.xml")
    async with site.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        await newsroom.portal(slug, stage="closed")
    closed = await site.outside.get(f"/feeds/{slug}/rss.xml")
    for_programs = await site.outside.get(f"/feeds/{slug}/feed.json")

    assert (unknown.status_code, closed.status_code) == (404, 410)
    assert "Nguồn tin này đã đóng" in closed.text
    assert closed.headers["content-type"] == "text/html; charset=utf-8"
    assert (for_programs.status_code, json.loads(for_programs.content)["expired"]) == (410, True)


async def test_another_spelling_moves_for_good_and_takes_the_key_along(
    site: FeedSite, slug: str
) -> None:
    await publish(site, slug, key="k" * 24)

    moved = await site.outside.get(f"/feeds/{slug.upper()}/rss.xml", params={"key": "k" * 24})

    assert moved.status_code == 301
    assert moved.headers["location"] == f"{PUBLIC_URL}/feeds/{slug}/rss.xml?key={'k' * 24}"
    assert moved.headers["cache-control"] == "private, no-cache"


async def test_a_closed_month_may_be_kept_for_long(site: FeedSite, slug: str) -> None:
    async with site.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(slug)
        long_ago = utc_now() - timedelta(days=400)
        await newsroom.live(account, at=long_ago, title="Tin cũ")
    month = f"{long_ago + timedelta(hours=7):%Y-%m}"

    archive = await site.outside.get(f"/feeds/{slug}/luu-tru/{month}/rss.xml")

    assert archive.status_code == 200
    assert archive.headers["cache-control"] == ("public, max-age=3600, stale-while-revalidate=60")
    assert titles(archive) == ["Tin cũ"]


async def test_while_the_database_is_away_nobody_is_given_old_words(tmp_path: Path) -> None:
    engine = make_engine("postgresql://loa:x@127.0.0.1:1/loa")
    feeds = Feeds(public_hub(opener(engine), tmp_path), _nothing)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=feeds)) as outside:
        answer = await outside.get("http://127.0.0.1/feeds/cong/rss.xml")
    await engine.dispose()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_flood_from_one_public_address_is_told_to_wait(site: FeedSite) -> None:
    transport = httpx.ASGITransport(app=site.feeds, client=("118.69.0.9", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as outside:
        answers = [await outside.get("/feeds/khong-co/rss.xml") for _ in range(320)]

    refused = [one for one in answers if one.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert (await site.outside.get("/feeds/khong-co/rss.xml")).status_code == 404


# ── Who has what ─────────────────────────────────────────────────────────────────────────────────


async def test_a_fetch_is_noted_with_its_time_and_what_was_given(site: FeedSite, slug: str) -> None:
    account, item, publication = await publish(site, slug)

    await site.outside.get(f"/feeds/{slug}/rss.xml")

    at = await seen_soon(site, publication)
    async with site.open_work() as session:
        fetch = await session.get_one(PortalFetch, account.id)
        arrival = await session.get_one(Arrival, publication.id)
    assert fetch.user_agent == PORTAL_AGENT["User-Agent"]
    assert utc_now() - at < timedelta(minutes=1)
    assert arrival.fetched_at == at
    assert item.released_no == 1


async def test_304_to_the_present_version_proves_that_the_portal_holds_it(
    site: FeedSite, slug: str
) -> None:
    _, _, publication = await publish(site, slug)
    address = f"/feeds/{slug}/rss.xml"
    first = await site.outside.get(address, headers={"User-Agent": USER_AGENT})

    star = await site.outside.get(address, headers={"If-None-Match": "*"})
    by_star = await seen_at(site, publication)
    same = await site.outside.get(address, headers={"If-None-Match": first.headers["etag"]})

    assert (star.status_code, same.status_code) == (304, 304)
    assert by_star is None
    await seen_soon(site, publication)


async def test_our_own_checks_are_not_the_portals_visit(site: FeedSite, slug: str) -> None:
    _, _, publication = await publish(site, slug)

    await site.outside.get(f"/feeds/{slug}/rss.xml", headers={"User-Agent": USER_AGENT})
    await asyncio.sleep(0.2)

    assert await seen_at(site, publication) is None


async def test_with_a_key_everybody_reads_but_only_the_portal_is_counted(
    site: FeedSite, slug: str
) -> None:
    key = "s" * 24
    _, _, publication = await publish(site, slug, key=key)
    address = f"/feeds/{slug}/rss.xml"

    bare = await site.outside.get(address)
    wrong = await site.outside.get(address, params={"key": "x"})
    await asyncio.sleep(0.2)
    unseen = await seen_at(site, publication)
    keyed = await site.outside.get(address, params={"key": key})

    assert (bare.status_code, wrong.status_code, keyed.status_code) == (200, 200, 200)
    assert unseen is None
    await seen_soon(site, publication)
    assert bare.headers["cache-control"].startswith("public")
    assert keyed.headers["cache-control"] == "private, no-cache"
    assert key not in keyed.text + str(keyed.headers)


async def test_a_correction_is_unseen_until_the_portal_comes_again(
    site: FeedSite, slug: str
) -> None:
    account, item, publication = await publish(site, slug)
    address = f"/feeds/{slug}/rss.xml"
    first = await site.outside.get(address)
    await seen_soon(site, publication)

    await change(site, account, item, publication, withdraws=False)
    before = await seen_at(site, publication)
    await until(
        lambda: site.outside.get(address, headers={"If-None-Match": first.headers["etag"]}), 200
    )

    assert before is None
    await seen_soon(site, publication)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("passed on")
