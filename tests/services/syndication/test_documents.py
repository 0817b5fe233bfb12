import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import select, text
from sqlmodel import col

from services.channels.tables import Account
from services.staff import agency
from services.staff.tables import AgencySetting, OldCategory, Unit
from services.storage.columns import new_id
from services.syndication import documents, opml
from services.syndication.address import OPML, FeedAddress, Form, parse
from services.syndication.documents import Gone, Moved
from tests.services.syndication.house import (
    FORMS,
    NOW,
    SPACES,
    STATES,
    House,
    ago,
    check,
    read,
)
from tests.support.newsroom import PUBLIC_URL
from tests.support.people import add_person


async def at(house: House, path: str, now: datetime = NOW) -> Any:
    address = parse(path)
    assert address is not None
    return await documents.document(house.hub, address, now)


def titles(body: bytes, form: str = "rss.xml") -> list[str]:
    return [one.title for one in read(body, form)]


# ── One model, many formats ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", STATES)
async def test_every_format_is_valid_and_says_the_same_in_every_state(
    house: House, state: str
) -> None:
    place = await house.portal(state)

    found = {form: await house.document(f"{place}/{form}") for form in FORMS}
    told = {form: read(one.body, form) for form, one in found.items()}

    for form, one in found.items():
        check(one.body, form)
    assert told["rss.xml"] == told["atom.xml"] == told["feed.json"]
    assert len({one.changed_at for one in found.values()}) == 1
    assert len(told["rss.xml"]) == {"none": 0, "one": 1, "many": 60, "archive": 3}.get(state, 2)


async def test_no_two_entries_bear_the_same_second(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        for _ in range(5):
            await room.live(account, at=ago(hours=1))
        item, publication = await room.live(account, at=ago(hours=2))
        await room.correct(item, publication, account, at=ago(hours=1), note="x")

    told = read((await house.document(f"/feeds/{slug}/atom.xml")).body, "atom.xml")

    assert len({one.changed_at for one in told}) == 6


async def test_all_formats_say_what_they_are(house: House) -> None:
    place = await house.portal("one")

    found = {form: await house.document(f"{place}/{form}") for form in FORMS}

    assert {form: one.media_type for form, one in found.items()} == {
        "rss.xml": "application/rss+xml; charset=utf-8",
        "atom.xml": "application/atom+xml; charset=utf-8",
        "feed.json": "application/feed+json; charset=utf-8",
    }
    assert found["atom.xml"].topic == f"{PUBLIC_URL}{place}/atom.xml"
    assert found["atom.xml"].hub == f"{PUBLIC_URL}/websub"


# ── Parts of a feed ──────────────────────────────────────────────────────────────────────────────


async def test_a_feed_is_narrowed_by_category_kind_and_unit(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        await room.live(account, at=ago(hours=3), title="một", category="tin-tuc")
        await room.live(account, at=ago(hours=2), title="hai", category="van-ban-chinh-sach")
        await room.live(account, at=ago(hours=1), title="ba", kind="warning")
        code = (await room.session.get_one(Unit, room.unit)).code.lower()
    place = f"/feeds/{slug}"

    async def held(part: str) -> list[str]:
        return titles((await house.document(f"{place}/{part}/rss.xml")).body)

    assert await held("chuyen-muc/tin-tuc") == ["một"]
    assert await held("loai/warning") == ["ba"]
    assert await held("loai/news") == ["hai", "một"]
    assert await held(f"don-vi/{code}") == ["ba", "hai", "một"]
    assert await held("chuyen-muc/tin-da-phuong-tien") == []
    assert (await house.document(f"{place}/chuyen-muc/tin-da-phuong-tien/rss.xml")).hub is None
    assert (await house.document(f"{place}/chuyen-muc/tin-tuc/rss.xml")).hub is not None


@pytest.mark.parametrize(
    "part", ["chuyen-muc/khong-co", "loai/tin-la", "don-vi/khong-co", "luu-tru/2026-12"]
)
async def test_what_never_was_is_nothing(house: House, part: str) -> None:
    place = await house.portal("one")

    assert await at(house, f"{place}/{part}/rss.xml") is None


async def test_the_stub_of_a_withdrawn_item_stays_in_its_parts(house: House) -> None:
    place = await house.portal("withdrawn")

    assert titles((await house.document(f"{place}/chuyen-muc/tin-tuc/rss.xml")).body) == [
        "[Thu hồi] Tạm dừng & trả <kết quả>"
    ]


async def test_an_item_that_changes_its_category_moves_from_one_part_to_the_other(
    house: House,
) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        item, publication = await room.live(account, at=ago(hours=3), category="tin-tuc")
        revision = await room.revise(item, no=2, title="Tin", category="van-ban-chinh-sach")
        rendition = await room.rendition(item, revision, account)
        await room.change(publication, observed_rendition_id=rendition.id, observed_at=ago(hours=1))
    place = f"/feeds/{slug}/chuyen-muc"

    old = await house.document(f"{place}/tin-tuc/rss.xml")
    new = await house.document(f"{place}/van-ban-chinh-sach/rss.xml")

    assert titles(old.body) == []
    [entry] = read(new.body, "rss.xml")
    assert entry.id.endswith(item.code)


# ── Addresses that stay ──────────────────────────────────────────────────────────────────────────


async def rename(house: House, *slugs: tuple[str, str]) -> None:
    """Sets the categories of the agency, as an admin at the top would."""
    async with house.newsroom() as room:
        caller = await add_person(room.session, room.unit, "admin")
        kept = [{"slug": slug, "name": name, "part": "tin-tuc"} for slug, name in slugs]
        await agency.change(room.session, caller, "categories", kept)  # type: ignore[arg-type]


@pytest.fixture
async def _plain_agency(house: House) -> Any:
    yield
    async with house.hub.open_work() as session:
        await session.execute(text("DELETE FROM agency_setting"))
        await session.execute(text("DELETE FROM old_category"))


@pytest.mark.usefixtures("_plain_agency")
async def test_a_renamed_category_keeps_its_old_address_for_ever(house: House) -> None:
    place = await house.portal("one")
    await rename(house, ("tin-tuc", "Tin tức"), ("khac", "Khác"))
    await rename(house, ("tin-moi", "Tin tức"), ("khac", "Khác"))
    once = await at(house, f"{place}/chuyen-muc/tin-tuc/feed.json")
    await rename(house, ("tin-nong", "Tin nóng"), ("khac", "Khác"))

    twice = await at(house, f"{place}/chuyen-muc/tin-tuc/luu-tru/2026-11/atom.xml")
    now = await house.document(f"{place}/chuyen-muc/tin-nong/rss.xml")

    assert once == Moved(to=f"{PUBLIC_URL}{place}/chuyen-muc/tin-moi/feed.json")
    assert twice == Moved(to=f"{PUBLIC_URL}{place}/chuyen-muc/tin-nong/luu-tru/2026-11/atom.xml")
    assert len(now.entries) == 1


@pytest.mark.usefixtures("_plain_agency")
async def test_a_category_that_was_taken_away_is_gone_until_it_comes_back(house: House) -> None:
    place = await house.portal("one")
    await rename(house, ("tin-tuc", "Tin tức"), ("khac", "Khác"))
    await rename(house, ("khac", "Khác"))
    gone = await at(house, f"{place}/chuyen-muc/tin-tuc/rss.xml")
    async with house.hub.open_work() as session:
        listed = await documents.addresses_of(session, (await _account(session, place)))
    await rename(house, ("khac", "Khác"), ("tin-tuc", "Tin tức"))

    back = await house.document(f"{place}/chuyen-muc/tin-tuc/rss.xml")

    assert gone == Gone()
    assert not [one for one in listed if one.scope.name == "tin-tuc"]
    assert len(back.entries) == 1


async def _account(session: Any, place: str) -> Any:
    return await session.scalar(
        text("SELECT id FROM account WHERE remote_id = :slug"), {"slug": place.split("/")[2]}
    )


async def test_a_closed_feed_is_gone_and_says_so_to_programs(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        await room.portal(slug, stage="closed")

    rss, ended = [await at(house, f"/feeds/{slug}/{form}") for form in ("rss.xml", "feed.json")]

    assert rss == Gone()
    check(ended.body, "feed.json")
    assert json.loads(ended.body)["expired"] is True


async def test_other_spellings_lead_to_the_one_address(house: House) -> None:
    place = await house.portal("one")

    moved = await at(house, place.upper().replace("/FEEDS", "/feeds") + "/rss.xml")

    assert moved == Moved(to=f"{PUBLIC_URL}{place}/rss.xml")


@pytest.mark.usefixtures("_plain_agency")
async def test_old_names_are_kept_and_settings_stay_as_they_were(house: House) -> None:
    await rename(house, ("tin-tuc", "Tin tức"))
    await rename(house, ("tin-moi", "Tin tức"))

    async with house.hub.open_work() as session:
        old = dict(
            (await session.execute(select(col(OldCategory.slug), col(OldCategory.now)))).all()
        )
        kept = await session.get_one(AgencySetting, "categories")

    assert old["tin-tuc"] == "tin-moi"
    # The four of the beginning that nobody chose again are gone, not renamed.
    assert old["van-ban-chinh-sach"] is None
    assert kept.value == [{"slug": "tin-moi", "name": "Tin tức", "part": "tin-tuc"}]


# ── When it changed ──────────────────────────────────────────────────────────────────────────────


async def test_a_document_changes_when_its_words_do_and_never_moves_back(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        item, publication = await room.live(account, at=ago(hours=3))
    path = f"/feeds/{slug}/rss.xml"
    first = await house.document(path, NOW + timedelta(milliseconds=700))
    same = await house.document(path, NOW + timedelta(minutes=5))
    async with house.newsroom() as room:
        await room.withdraw(
            await room.session.merge(item),
            await room.session.merge(publication),
            at=ago(hours=1),
            reason="",
        )
    quick = await house.document(path, NOW + timedelta(milliseconds=900))
    again = await house.document(path, NOW + timedelta(minutes=9))

    assert (first.changed_at, same.body) == (NOW, first.body)
    assert quick.changed_at == NOW + timedelta(seconds=1)
    assert quick.body != first.body
    assert again.body == quick.body


async def test_repairing_a_post_moves_no_time(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        _, publication = await room.live(account, at=ago(hours=3))
        path = f"/feeds/{slug}/atom.xml"
    before = await house.document(path)
    async with house.newsroom() as room:
        await room.change(
            await room.session.merge(publication),
            generation=2,
            observed_generation=2,
            observed_at=ago(hours=1),
        )

    after = await house.document(path)

    assert after.body == before.body
    assert [one.generation for one in after.entries] == [2]


async def test_a_document_tells_until_when_it_holds(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        await room.live(account, at=ago(days=13, hours=23))

    found = await house.document(f"/feeds/{slug}/rss.xml")

    assert found.good_until == NOW + timedelta(hours=1)


# ── What is new in it ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_a_delta_is_the_same_document_with_only_what_is_new(house: House, form: str) -> None:
    slug = f"cong-{new_id().hex}"
    path = f"/feeds/{slug}/{form}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        await room.live(account, at=ago(hours=3), title="cũ")
        item, publication = await room.live(account, at=ago(hours=2), title="sai")
    before = await house.document(path)
    known = {(one.guid, one.changed_at) for one in before.entries}
    async with house.newsroom() as room:
        item, publication = (
            await room.session.merge(item),
            await room.session.merge(publication),
        )
        await room.correct(item, publication, account, at=ago(minutes=5), note="x")
        await room.live(account, at=ago(minutes=1), title="mới")
    after = await house.document(path)

    new = documents.delta(after, known)

    check(new, form)
    assert titles(new, form) == ["mới", "[Đính chính] Tin đã sửa"]
    assert documents.delta(after, ()) == after.body
    assert read(documents.delta(after, {(e.guid, e.changed_at) for e in after.entries}), form) == []


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────


async def test_every_feed_that_has_an_entry_can_be_subscribed_to(house: House) -> None:
    place = await house.portal("one")

    async with house.hub.open_work() as session:
        found = await documents.addresses_of(session, await _account(session, place))

    places = sorted({one.place.removeprefix(place) for one in found})
    assert len(found) == 3 * 4
    assert places[:3] == ["", "/chuyen-muc/tin-tuc", places[2]]
    assert places[3] == "/loai/news"
    assert all(parse(one.path) == one for one in found)


async def test_a_closed_or_foreign_account_has_no_addresses(house: House) -> None:
    async with house.newsroom() as room:
        closed = await room.portal(f"cong-{new_id().hex}", stage="closed")

    async with house.hub.open_work() as session:
        assert await documents.addresses_of(session, closed.id) == []
        assert await documents.addresses_of(session, new_id()) == []


async def test_a_feed_being_connected_answers_its_portal_and_is_no_topic_yet(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        half = await room.portal(slug, stage="trial")

    shown = await house.document(f"/feeds/{slug}/atom.xml")

    assert shown.entries == ()
    assert shown.hub is None
    async with house.hub.open_work() as session:
        assert await documents.addresses_of(session, half.id) == []


async def test_a_feed_closed_and_connected_anew_is_the_same_one_to_its_readers(
    house: House,
) -> None:
    slug = f"cong-{new_id().hex}"
    ids = []
    for _ in range(2):
        async with house.newsroom() as room:
            account = await room.portal(slug)
        shown = await house.document(f"/feeds/{slug}/atom.xml")
        ids.append(etree.fromstring(shown.body).findtext("a:id", namespaces=SPACES))
        async with house.hub.open_work() as session:
            (await session.get_one(Account, account.id)).stage = "closed"

    assert ids[0] == ids[1]


def test_a_list_of_no_feeds_still_has_an_outline() -> None:
    root = etree.fromstring(opml.written("Bộ", PUBLIC_URL, NOW, opml.body([])))

    [only] = root[1]
    assert [only.get(name) for name in ("type", "text", "url")] == [
        "link",
        "Chưa có nguồn tin nào · No feeds yet",
        f"{PUBLIC_URL}/feeds",
    ]


async def test_the_list_of_all_feeds_names_each_once(house: House) -> None:
    place = await house.portal("one")

    found = await documents.document(house.hub, OPML, NOW)

    assert isinstance(found, documents.Document)
    root = etree.fromstring(found.body)
    outlines = root.findall(".//outline[@xmlUrl]")
    addresses = [str(one.get("xmlUrl")) for one in outlines]
    assert found.media_type == "text/x-opml; charset=utf-8"
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    # The validator of w3.org knows neither `docs` nor a titled outline that is no feed.
    assert {one.tag for one in root[0]} == {"title", "dateModified", "ownerName", "ownerId"}
    assert {one.get("title") for one in root[1]} == {None}
    assert root.findtext("head/title") == "Nguồn tin của UBND tỉnh Hoa Sen"
    assert root.findtext("head/ownerName") == "UBND tỉnh Hoa Sen"
    assert root.findtext("head/dateModified") == "Fri, 04 Dec 2026 03:00:00 GMT"
    assert len(set(addresses)) == len(addresses)
    assert f"{PUBLIC_URL}{place}/rss.xml" in addresses
    assert f"{PUBLIC_URL}{place}/chuyen-muc/tin-tuc/rss.xml" in addresses
    for one in outlines:
        assert one.get("type") == "rss"
        assert one.get("language") == "vi"
        assert one.get("text") == one.get("title")
        assert all(one.get(name) for name in ("text", "htmlUrl", "description"))
    assert (await documents.document(house.hub, OPML, NOW + timedelta(hours=1))) is not None


def test_an_address_is_read_back_as_it_was_written() -> None:
    paths = (
        "/feeds/cong/rss.xml",
        "/feeds/cong/chuyen-muc/tin-tuc/atom.xml",
        "/feeds/cong/loai/news/luu-tru/2026-10/feed.json",
        "/feeds/cong/don-vi/bnv/luu-tru/2026-10-12/rss.xml",
        "/feeds/opml.xml",
    )
    found = [parse(path) for path in paths]

    assert [one.path for one in found if one] == list(paths)
    assert FeedAddress(slug="cong", form=Form.RSS).place == "/feeds/cong"


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/cong",
        "/feeds/cong/rss.xml/",
        "/feeds/cong/opml.xml",
        "/feeds/cong/luu-tru/2026-13/rss.xml",
        "/feeds/cong/luu-tru/2026-10-0/rss.xml",
        "/feeds/cong/nguoi/a/rss.xml",
        "/feeds/../rss.xml",
        "/feeds/cong/rss.xml\n",
    ],
)
def test_what_never_was_an_address_is_none(path: str) -> None:
    assert parse(path) is None


async def test_the_days_of_a_month_are_those_of_the_zone(house: House) -> None:
    slug = f"cong-{new_id().hex}"
    async with house.newsroom() as room:
        account = await room.portal(slug)
        await room.live(account, at=datetime(2026, 10, 31, 16, 59, tzinfo=UTC), title="tháng 10")
        await room.live(account, at=datetime(2026, 10, 31, 17, 0, tzinfo=UTC), title="tháng 11")

    october, november = [
        titles((await house.document(f"/feeds/{slug}/luu-tru/2026-{no}/rss.xml")).body)
        for no in (10, 11)
    ]

    assert (october, november) == (["tháng 10"], ["tháng 11"])
