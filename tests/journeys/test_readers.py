"""Eight independent readers in five languages understand one served site alike.

Which ones: `tests.support.feed_readers`. Those that a machine lacks are skipped, in CI a failure.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.storage.columns import new_id
from tests.services.syndication.house import House, Read, ago, illustrated, read
from tests.support.feed_readers import JSON_READERS, READERS, Understood
from tests.support.feed_site import feed_site

XML = ("rss.xml", "atom.xml")


@pytest.fixture(scope="module")
async def served(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, bytes]]:
    """What a site answers for a feed with every kind of entry, by format."""
    folder: Path = tmp_path_factory.mktemp("media")
    async with feed_site(database_url, folder) as site:
        slug = f"cong-{new_id().hex}"
        async with House(hub=site.hub).newsroom() as room:
            account = await room.portal(slug, title="Tin từ Hoa Sen & vùng lân cận")
            for no in range(3):
                await room.live(account, at=ago(days=9 - no), title=f"Thông báo số {no}")
            item, publication = await room.live(account, at=ago(days=5))
            await room.correct(item, publication, account, at=ago(days=1), note="Đúng là 5.")
            item, publication = await room.live(account, at=ago(days=4), title="Số liệu & bảng")
            await room.withdraw(item, publication, at=ago(hours=3), reason="Sai.")
            await illustrated(room, account, at=ago(hours=2), title="Ao sen & cầu gỗ")
        yield {
            form: (await site.outside.get(f"/feeds/{slug}/{form}")).content
            for form in (*XML, "feed.json")
        }


def meant(document: bytes, form: str) -> list[Understood]:
    """What we say, in a reader's terms."""
    return [_meant(one) for one in read(document, form)]


def _meant(one: Read) -> Understood:
    return Understood(
        id=one.id,
        title=one.title,
        published=int(one.published_at.timestamp()),
        author=one.author,
        pictures=tuple(address for address, _, _ in one.pictures),
    )


@pytest.mark.parametrize("form", XML)
@pytest.mark.parametrize("name", READERS)
async def test_a_reader_understands_what_we_mean(
    served: dict[str, bytes], name: str, form: str
) -> None:
    understood = READERS[name](served[form], form)

    assert len(understood) == 6
    assert understood == meant(served["rss.xml"], "rss.xml")


@pytest.mark.parametrize("name", JSON_READERS)
async def test_a_reader_of_json_understands_the_same(served: dict[str, bytes], name: str) -> None:
    understood = READERS[name](served["feed.json"], "feed.json")

    assert understood == meant(served["rss.xml"], "rss.xml")
