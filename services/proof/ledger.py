"""Takes up what became public: signs its record, lists it, and keeps its words to find copies by.

The database notes every event (a trigger on `item`); here each is taken up once, in order. A job
does it within seconds; whoever is asked before that takes up what is fresh, so nobody is told less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final, NamedTuple, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.accounts import one_of
from services.channels.sealing import SealError
from services.channels.tables import Account
from services.content import search
from services.content.tables import Approval, Item, Revision
from services.delivery.hub import Hub
from services.delivery.public_item import PublicItem, shown
from services.delivery.tables import Rendition
from services.proof import keys, page_words, records, wording
from services.proof.records import Record, Shown
from services.proof.tables import PublicEntry, PublicEvent, PublicText, SignedRecord
from services.staff import agency
from services.staff.tables import Unit
from shared.clock import utc_now
from shared.contract.messages import Payload
from shared.errors import NotFoundError

# Held by whoever takes events up: the records of an item must follow each other.
_LOCK: Final = 0x10A_0011
# How old an event may be for a visitor's request to take it up; the job takes what is older.
_FRESH: Final = timedelta(minutes=2)
# An event that cannot be taken up is tried again after a minute, then ever more seldom.
_PATIENCE: Final = (timedelta(minutes=1), timedelta(days=1))
_PUT_OFF = text(
    """
    UPDATE public_event
       SET tries = tries + CAST(id = :id AS integer), try_at = now() + make_interval(secs => :wait)
     WHERE item_id = :item AND done_at IS NULL AND id >= :id
    """
)
_log = structlog.get_logger()


async def catch_up(hub: Hub, *, most: int = 20, fresh: bool = False) -> int:
    """Takes up at most `most` events, in order; gives how many. Safe to repeat and to run twice.

    With `fresh`, for a visitor's request: only what is new, and nearly free when there is nothing.
    While nobody can open the signing key, events are listed all the same and stay due: 0. What
    cannot be taken up is logged and tried again later; only events of the same item wait for it.
    """
    wanted = select(col(PublicEvent.item_id)).where(
        col(PublicEvent.done_at).is_(None),
        col(PublicEvent.try_at).is_(None) | (col(PublicEvent.try_at) <= func.now()),
    )
    if fresh:
        wanted = wanted.where(col(PublicEvent.at) > utc_now() - _FRESH)
    async with hub.open_work() as session:
        if await session.scalar(wanted.limit(1)) is None:
            return 0
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        signer = await _signer(session, hub)
        # What nobody can sign stays due: it must not stand before what is not even listed yet.
        order = col(PublicEvent.id) if signer is not None else col(PublicEvent.id).desc()
        items = wanted.order_by(order).limit(most)
        due = await session.scalars(
            select(PublicEvent)
            .where(col(PublicEvent.done_at).is_(None), col(PublicEvent.item_id).in_(items))
            .order_by(order)
            .limit(most)
        )
        taken = sorted(due, key=lambda event: event.id)
        if taken:
            house = (await agency.settings(session)).name or hub.agency
            waiting: set[UUID] = set()
            for event in [_Due(event.id, event.item_id, event.tries) for event in taken]:
                if event.item_id not in waiting and not await _took_up(
                    session, hub, signer, house, event
                ):
                    waiting.add(event.item_id)
        return len(taken) if signer is not None else 0


async def released(session: AsyncSession, item_id: UUID) -> frozenset[int]:
    """The numbers of the revisions of an item that ever became public."""
    rows = await session.scalars(
        select(col(PublicEvent.revision_no)).where(
            col(PublicEvent.item_id) == item_id, col(PublicEvent.what) == "published"
        )
    )
    return frozenset(rows)


async def history(session: AsyncSession, code: str) -> bytes | None:
    """The signed records of an item as they are published; None while there is none."""
    rows = await session.execute(
        select(col(SignedRecord.body), col(SignedRecord.signature))
        .join(Item, col(Item.id) == col(SignedRecord.item_id))
        .where(col(Item.code) == code)
        .order_by(col(SignedRecord.no))
    )
    signed = [(body, signature) for body, signature in rows]
    return records.history(signed) if signed else None


async def _signer(session: AsyncSession, hub: Hub) -> keys.Signer | None:
    try:
        return await keys.signer(session, hub.sealer)
    except SealError as error:
        # What is public stays readable without its proof; `loa record rotate` makes another key.
        _log.error("proof.key_sealed", code=error.code)
        return None


class _Due(NamedTuple):
    """An event as it was before anything was tried: what is rolled back forgets its rows."""

    id: int
    item_id: UUID
    tries: int


async def _took_up(
    session: AsyncSession, hub: Hub, signer: keys.Signer | None, house: str, due: _Due
) -> bool:
    """Takes up one event, whole or not at all; False when it and its item's next ones must wait."""
    try:
        async with session.begin_nested():
            event = await session.get_one(PublicEvent, due.id, populate_existing=True)
            await _take_up(session, hub, signer, house, event)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        _log.exception("proof.event_failed", id=due.id, item=str(due.item_id), tries=due.tries)
    else:
        return True
    least, most = _PATIENCE
    wait = min(least * 4 ** min(due.tries, 10), most).total_seconds()
    await session.execute(_PUT_OFF, {"id": due.id, "item": due.item_id, "wait": wait})
    return False


async def _take_up(
    session: AsyncSession, hub: Hub, signer: keys.Signer | None, house: str, event: PublicEvent
) -> None:
    row = (
        await session.execute(
            select(Item, Revision, col(Unit.name))
            .join(Unit, col(Unit.id) == col(Item.unit_id))
            .join(Revision, col(Revision.item_id) == col(Item.id))
            .where(col(Item.id) == event.item_id, col(Revision.no) == event.revision_no)
        )
    ).one_or_none()
    if row is None:
        _log.error("proof.revision_missing", item=str(event.item_id), no=event.revision_no)
    else:
        item, revision, unit = row
        public = await shown(session, item, revision, unit)
        on_channels: list[Shown] = []
        if event.what == "published":
            on_channels = await _keep_words(session, hub, public, revision)
            await _list(session, item, revision, event)
        else:
            await session.execute(delete(PublicEntry).where(col(PublicEntry.item_id) == item.id))
        if signer is None:
            return
        await _sign(session, hub, signer, house, event, item, revision, public, on_channels)
    event.done_at = utc_now()
    await session.flush()


async def _keep_words(
    session: AsyncSession, hub: Hub, public: PublicItem, revision: Revision
) -> list[Shown]:
    """Keeps the words of the page and of every agreed rendition; gives the latter's hashes.

    Words that many accounts share are read and kept once, for the first of them.
    """
    page = page_words.words(public)
    on_page = wording.shingles(page)
    asides = page_words.asides(public, ZoneInfo(hub.timezone))
    texts = [_text(public, None, page, on_page, asides)]
    known = set(on_page)
    digests: dict[str, str] = {}
    told: list[Shown] = []
    for place in await _agreed(session, revision):
        try:
            words = _said(hub, place)
        except (NotFoundError, KeyError, TypeError, ValueError) as error:
            # An adapter that is gone or reads the payload otherwise; the page's words still count.
            _log.warning("proof.rendition_unread", account=str(place.id), error=str(error)[:80])
            continue
        if words not in digests:
            digests[words] = wording.digest(words)
            # Numbers that the page has already would only find the same item twice.
            own = [one for one in wording.shingles(words) if one not in known]
            texts.append(_text(public, place.id, words, own))
        told.append(
            Shown(
                channel=place.channel,
                account=place.name,
                rendition_sha256=place.hash,
                text_sha256=digests[words],
            )
        )
    # A revision that was withdrawn and is public again says the same words.
    await session.execute(insert(PublicText).on_conflict_do_nothing(), texts)
    return told


def _text(
    public: PublicItem,
    account_id: UUID | None,
    words: str,
    shingles: list[int],
    asides: Sequence[str] = (),
) -> dict[str, object]:
    return {
        "item_id": public.id,
        "revision_no": public.revision,
        "account_id": account_id,
        "words": words,
        "asides": list(asides),
        "shingles": shingles,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An account of ours, and what was agreed for it."""

    id: UUID
    channel: str
    name: str
    hash: str
    payload: Payload


def _said(hub: Hub, place: _Place) -> str:
    return hub.registry.get(place.channel).fingerprint(place.payload).text


async def _agreed(session: AsyncSession, revision: Revision) -> list[_Place]:
    """The accounts of the newest approval with what was agreed for each; else the revision's."""
    seen = await session.scalar(
        select(col(Approval.seen))
        .where(col(Approval.revision_id) == revision.id)
        .order_by(col(Approval.at).desc())
        .limit(1)
    )
    accounts = [UUID(one) for one in seen] if seen else list(revision.accounts)
    rows = (
        await session.execute(
            select(col(Account.id), col(Account.channel), col(Account.name), col(Rendition.hash))
            .join(Rendition, col(Rendition.account_id) == col(Account.id))
            .where(col(Rendition.revision_id) == revision.id, one_of(accounts))
            .order_by(col(Account.channel), col(Account.name))
        )
    ).all()
    # Accounts of one channel mostly show the very same, and a payload may be long.
    payloads = await session.execute(
        select(col(Rendition.hash), col(Rendition.payload))
        .where(col(Rendition.revision_id) == revision.id)
        .ext(distinct_on(col(Rendition.hash)))
    )
    by_hash = {hash_: cast(Payload, payload) for hash_, payload in payloads}
    return [
        _Place(id=id_, channel=channel, name=name, hash=hash_, payload=by_hash[hash_])
        for id_, channel, name, hash_ in rows
    ]


async def _list(session: AsyncSession, item: Item, revision: Revision, event: PublicEvent) -> None:
    row = insert(PublicEntry).values(
        item_id=item.id,
        revision_no=revision.no,
        category=revision.category,
        at=item.published_at or event.at,
        changed_at=event.at,
        search=search.vector(item, revision),
    )
    moving = ("revision_no", "category", "at", "changed_at", "search")
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["item_id"], set_={name: row.excluded[name] for name in moving}
        )
    )


async def _sign(
    session: AsyncSession,
    hub: Hub,
    signer: keys.Signer,
    house: str,
    event: PublicEvent,
    item: Item,
    revision: Revision,
    public: PublicItem,
    on_channels: list[Shown],
) -> None:
    last = (
        await session.execute(
            select(col(SignedRecord.no), col(SignedRecord.body))
            .where(col(SignedRecord.item_id) == item.id)
            .order_by(col(SignedRecord.no).desc())
            .limit(1)
        )
    ).one_or_none()
    withdrawn = event.what == "withdrawn"
    what: records.Event = "withdrawn" if withdrawn else "corrected" if last else "published"
    # Words that were taken up are the ones that are public, whatever has come since.
    record = Record(
        agency=house,
        unit=public.unit,
        code=item.code,
        url=hub.item_url(item.code),
        no=last.no + 1 if last else 1,
        previous=sha256(last.body.encode()).hexdigest() if last else None,
        event=what,
        revision=revision.no,
        title=revision.title,
        content_sha256=revision.content_hash or "",
        text_sha256=wording.digest(page_words.words(public)),
        shown=on_channels,
        ai_made=revision.ai_made,
        note=(item.withdrawn_reason or "") if withdrawn else revision.correction_note,
        published_at=records.instant(item.published_at or event.at),
        at=records.instant(event.at),
        signed_at=records.instant(utc_now()),
        key=signer.id,
    )
    await session.execute(
        insert(SignedRecord).values(
            item_id=item.id,
            no=record.no,
            event_id=event.id,
            key_id=signer.id,
            body=records.body_of(record).decode(),
            signature=records.sign(record, signer),
            made_at=utc_now(),
        )
    )
