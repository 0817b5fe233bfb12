"""Several web processes over one database, killed and started again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from services.content.tables import Item
from services.delivery.tables import Publication
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.support.feed_process import feed_process
from tests.support.newsroom import Newsroom


async def answers(
    client: httpx.AsyncClient, addresses: Sequence[str], tag: str | None = None
) -> list[httpx.Response]:
    headers = {"If-None-Match": tag} if tag else {}
    return list(await asyncio.gather(*(client.get(one, headers=headers) for one in addresses)))


async def test_every_process_shows_a_change_at_once_and_a_new_one_knows_the_old_tags(
    database_url: str, tmp_path: Path
) -> None:
    engine = make_engine(database_url, size=2)
    open_work = opener(engine)
    slug = f"cong-{new_id().hex[-12:]}"
    async with open_work() as session:
        newsroom = await Newsroom(session=session).open()
        account = await newsroom.portal(slug)
        made = [await newsroom.live(account, at=utc_now(), title="Tin") for _ in range(3)]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=60, trust_env=False))
        both = [
            await stack.enter_async_context(feed_process(database_url, tmp_path)) for _ in range(2)
        ]
        addresses = [f"{one.url}/feeds/{slug}/atom.xml" for one in both]

        first = await answers(client, addresses)
        tag = first[0].headers["etag"]
        async with open_work() as session:
            item = await session.get_one(Item, made[0][0].id)
            publication = await session.get_one(Publication, made[0][1].id)
            again = Newsroom(session=session, unit=newsroom.unit, author=newsroom.author)
            await again.withdraw(item, publication, at=utc_now(), reason="Sai.")
        began = time.monotonic()
        while {one.status_code for one in await answers(client, addresses, tag)} != {200}:
            assert time.monotonic() - began < 60
        changed = await answers(client, addresses)
        both[0].kill()
        fresh = await stack.enter_async_context(feed_process(database_url, tmp_path))
        [same] = await answers(
            client, [f"{fresh.url}/feeds/{slug}/atom.xml"], changed[0].headers["etag"]
        )
    await engine.dispose()

    assert {one.headers["etag"] for one in first} == {tag}
    assert changed[0].content == changed[1].content
    assert changed[0].headers["last-modified"] == changed[1].headers["last-modified"]
    assert "[Thu hồi] Tin" in changed[0].text
    assert (same.status_code, same.headers["etag"]) == (304, changed[0].headers["etag"])
