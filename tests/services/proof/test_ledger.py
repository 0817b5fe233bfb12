import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import Actor
from services.audit.tables import AuditEntry
from services.channels.sealing import Sealer
from services.content.tables import Item, Revision
from services.delivery.hub import Hub
from services.delivery.public_item import PublicItem, shown
from services.proof import keys, ledger, listing, records, wording
from services.proof.tables import PublicEvent, PublicText, SignedRecord, SigningKey
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.support.newsroom import Newsroom

BODY = "Kính gửi **bà con**: nộp hồ sơ từ 08:00."


async def take_up(hub: Hub) -> None:
    while await ledger.catch_up(hub):
        pass


async def told(hub: Hub, item: Item) -> tuple[bytes, dict[str, keys.PublicKey]]:
    async with hub.open_work() as session:
        data = await ledger.history(session, item.code)
        known = {one.id: one for one in await keys.published(session)}
    assert data is not None
    return data, known


async def test_publishing_correcting_and_withdrawing_each_make_a_signed_record(hub: Hub) -> None:
    at = utc_now() - timedelta(hours=1)
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal(f"cong-{newsroom.unit.hex}")
        item, publication = await newsroom.live(
            portal, at=at, title="Lịch tiếp dân", body=BODY, summary="Hằng tuần."
        )
    await take_up(hub)
    async with hub.open_work() as session:
        newsroom.session = session
        item = await session.get_one(Item, item.id)
        session.add(publication)
        await newsroom.correct(item, publication, portal, at=utc_now(), note="Giờ đúng là 09:00.")
    async with hub.open_work() as session:
        newsroom.session = session
        item = await session.get_one(Item, item.id)
        session.add(publication)
        await newsroom.withdraw(item, publication, at=utc_now(), reason="Đổi lịch.")
    await take_up(hub)

    data, known = await told(hub, item)
    verdict = records.verify(data, known)

    assert verdict.ok
    assert [(one.event, one.revision, one.note) for one in verdict.records] == [
        ("published", 1, ""),
        ("corrected", 2, "Giờ đúng là 09:00."),
        ("withdrawn", 2, "Đổi lịch."),
    ]
    first = verdict.records[0]
    assert first.published_at == records.instant(at)
    assert first.text_sha256 == wording.digest(
        "Lịch tiếp dân. Hằng tuần. Kính gửi bà con: nộp hồ sơ từ 08:00"
    )


async def test_a_record_names_what_each_channel_shows(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal(f"cong-{newsroom.unit.hex}")
        item, _ = await newsroom.live(portal, at=utc_now(), accounts=[portal.id])
    await take_up(hub)

    data, _ = await told(hub, item)
    shown = json.loads(data)["records"][0]["record"]["shown"]

    assert [(one["channel"], one["account"]) for one in shown] == [("portal_rss", portal.name)]
    assert shown[0]["rendition_sha256"] == "0" * 64


async def test_words_that_many_accounts_share_are_kept_once(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portals = [await newsroom.portal(f"cong-{no}-{newsroom.unit.hex}") for no in range(3)]
        ids = [portal.id for portal in portals]
        item, revision = await newsroom.item(title="Lịch", published_at=utc_now(), accounts=ids)
        for portal in portals:
            await newsroom.rendition(item, revision, portal)
    await take_up(hub)

    data, _ = await told(hub, item)
    async with hub.open_work() as session:
        kept = await session.scalar(
            select(func.count()).select_from(PublicText).where(col(PublicText.item_id) == item.id)
        )

    assert len(json.loads(data)["records"][0]["record"]["shown"]) == 3
    assert kept == 2  # the page's words, and those of the three


async def test_a_draft_is_no_event_and_a_withdrawal_before_the_first_call_neither(
    hub: Hub,
) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(released=False)
        item.withdrawn_at = utc_now()
    async with hub.open_work() as session:
        events = await session.scalars(
            select(PublicEvent).where(col(PublicEvent.item_id) == item.id)
        )
        assert list(events) == []


async def test_many_who_take_up_at_once_make_one_record_each(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        items = [(await newsroom.item(published_at=utc_now()))[0] for _ in range(3)]

    await asyncio.gather(*(ledger.catch_up(hub, most=2, fresh=True) for _ in range(4)))
    await take_up(hub)

    async with hub.open_work() as session:
        rows = await session.scalars(
            select(col(SignedRecord.no)).where(
                col(SignedRecord.item_id).in_([item.id for item in items])
            )
        )
        assert list(rows) == [1, 1, 1]


async def test_records_cannot_be_changed_or_taken_away(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        await newsroom.item()
    await take_up(hub)
    for statement in ("UPDATE signed_record SET no = 9", "DELETE FROM signed_record"):
        with pytest.raises(DBAPIError, match="refused"):
            async with hub.open_work() as session:
                await session.execute(text(statement))


async def test_a_replaced_key_still_proves_what_it_signed(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        before, _ = await newsroom.item()
    await take_up(hub)
    async with hub.open_work() as session:
        made = await keys.rotate(session, Actor(kind="cli", id="ha"), hub.sealer)
    async with hub.open_work() as session:
        newsroom.session = session
        after, _ = await newsroom.item()
    await take_up(hub)

    one, known = await told(hub, before)
    other, _ = await told(hub, after)

    assert records.verify(one, known).ok
    assert records.verify(other, known).ok
    assert records.verify(other, known).records[0].key == made
    async with hub.open_work() as session:
        acts = await session.scalars(
            select(col(AuditEntry.act)).where(col(AuditEntry.act) == "signing_key.rotated")
        )
        assert list(acts) == ["signing_key.rotated"]


async def test_a_new_secret_seals_the_keys_anew(hub: Hub) -> None:
    newer = Sealer(b"another secret of thirty-two bytes", b"k" * 32)
    async with hub.open_work() as session:
        await keys.signer(session, hub.sealer)
        count = await keys.reseal(session, newer)
        again = await keys.reseal(session, newer)
        await keys.signer(session, Sealer(b"another secret of thirty-two bytes"))
        await keys.reseal(session, Sealer(b"k" * 32, b"another secret of thirty-two bytes"))

    assert (count > 0, again) == (True, 0)


async def test_without_the_secret_items_are_listed_and_signed_once_there_is_a_key_again(
    fresh_database_url: str, hub: Hub
) -> None:
    engine = make_engine(fresh_database_url, size=4)
    theirs = replace(hub, open_work=opener(engine))
    async with theirs.open_work() as session:
        await keys.signer(session, hub.sealer)
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(published_at=utc_now())
    lost = replace(theirs, sealer=Sealer(b"nobody knows the old secret any more"))

    taken = await ledger.catch_up(lost)
    async with lost.open_work() as session:
        listed = await listing.newest(session)
        unsigned = await ledger.history(session, item.code)
        await keys.rotate(session, Actor(kind="cli", id="ha"), lost.sealer)
    await ledger.catch_up(lost)
    async with lost.open_work() as session:
        signed = await ledger.history(session, item.code)
        held = list(await session.scalars(select(SigningKey)))
    await engine.dispose()

    assert (taken, [one.code for one in listed.lines], unsigned) == (0, [item.code], None)
    assert signed is not None
    assert len(held) == 2


async def test_what_nobody_can_sign_does_not_keep_newer_items_from_being_listed(
    fresh_database_url: str, hub: Hub
) -> None:
    engine = make_engine(fresh_database_url, size=4)
    theirs = replace(hub, open_work=opener(engine))
    lost = replace(theirs, sealer=Sealer(b"nobody knows the old secret any more"))
    async with theirs.open_work() as session:
        await keys.signer(session, hub.sealer)
        newsroom = await Newsroom(session=session).open()
        older = [(await newsroom.item(published_at=utc_now()))[0] for _ in range(2)]
    await ledger.catch_up(lost, most=2)
    async with theirs.open_work() as session:
        newsroom.session = session
        newer, _ = await newsroom.item(published_at=utc_now())

    await ledger.catch_up(lost, most=2)

    async with theirs.open_work() as session:
        listed = await listing.newest(session)
    assert await ledger.catch_up(theirs) == 3
    await engine.dispose()
    assert {one.code for one in listed.lines} == {one.code for one in (*older, newer)}


async def test_what_has_no_revision_is_passed_over(hub: Hub) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item()
        await session.execute(
            update(Item).where(col(Item.id) == item.id).values(released_no=7, revision_no=7)
        )

    await take_up(hub)

    async with hub.open_work() as session:
        open_ = await session.scalars(
            select(PublicEvent).where(
                col(PublicEvent.item_id) == item.id, col(PublicEvent.done_at).is_(None)
            )
        )
        assert list(open_) == []


async def test_an_event_that_cannot_be_taken_up_makes_only_its_own_item_wait(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal(f"cong-{newsroom.unit.hex}")
        poisoned, publication = await newsroom.live(portal, at=utc_now(), title="Tin hỏng")
        sound, _ = await newsroom.live(portal, at=utc_now(), title="Tin lành")
    async with hub.open_work() as session:
        newsroom.session = session
        poisoned = await session.get_one(Item, poisoned.id)
        session.add(publication)
        await newsroom.correct(poisoned, publication, portal, at=utc_now(), note="Sửa.")

    async def failing(
        session: AsyncSession, item: Item, revision: Revision, unit: str
    ) -> PublicItem:
        if item.id == poisoned.id:
            # Broken in the database, not only here: a transaction would be of no use after it.
            await session.execute(text("SELECT 1 / 0"))
        return await shown(session, item, revision, unit)

    monkeypatch.setattr(ledger, "shown", failing)
    await take_up(hub)

    async with hub.open_work() as session:
        assert await ledger.history(session, sound.code) is not None
        assert await ledger.history(session, poisoned.code) is None
        tries = await session.scalars(
            select(col(PublicEvent.tries))
            .where(col(PublicEvent.item_id) == poisoned.id)
            .order_by(col(PublicEvent.id))
        )
        assert list(tries) == [1, 0], "the second event waits for the first one"

    monkeypatch.undo()
    async with hub.open_work() as session:
        await session.execute(update(PublicEvent).values(try_at=utc_now()))
    await take_up(hub)

    data, known = await told(hub, poisoned)
    assert [one.event for one in records.verify(data, known).records] == ["published", "corrected"]
